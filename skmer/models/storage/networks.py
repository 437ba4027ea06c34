"""Networks in model files: how they are built, and their state dicts."""

import inspect
from contextlib import suppress

import torch
from skorch.history import History
from torch import nn

from skmer.backbones import VGG16, build_backbone
from skmer.backbones._base import BACKBONES
from skmer.models.storage.known import describe, is_known
from skmer.training.net import RowNet
from skmer.training.runtime import FitRandomState
from skmer.two_stage import BiLSTM, MelAutoencoder

__all__ = ["decode_module", "decode_net", "encode_module", "encode_net"]

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_RECURRENT = ["input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"]
# parameters of the nets besides those of their training
_NET_PARAMS = ["max_epochs", "batch_size", "lr", "precision", "seed", "optimizer__weight_decay"]
_OWN_NET_PARAMS = {
    "SegmentNet": ["classes", "loss_after_split", "compiled", "segment_step"],
    "RatingNet": [
        "target_mean",
        "target_scale",
        "target_range",
        "preserve_mean",
        "loss_after_split",
        "compiled",
        "segment_step",
    ],
    "TagNet": ["mask_range", "noise"],
    "MaskedNet": ["masks"],
    "_SongNet": [],
}
_NET_ATTRIBUTES = ["standardizer_", "shared_trunk_", "epochs_after_warmup_"]
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_INTERNAL = frozenset(vars(nn.Module()))


# ---- nets ------------------------------------------------------------------------------------------


def encode_net(encoder, estimator, net):
    """Return the fitted net of an estimator as a node: its parameters, its history, and its network."""
    own = _OWN_NET_PARAMS.get(type(net).__name__, [])
    if not is_known(type(net)):
        encoder.refuse(f"the net {type(net).__name__} is none of skmer's")
    if net.optimizer is not torch.optim.AdamW or net.callbacks_ or hasattr(net, "bank_"):
        encoder.refuse("the net was changed after the fit, or is in training")
    return {
        "$": "net",
        **encoder.describe(type(net)),
        "params": {name: encoder.encode(getattr(net, name), f"parameter {name!r}") for name in [*_NET_PARAMS, *own]},
        "attributes": {name: encoder.encode(getattr(net, name)) for name in _NET_ATTRIBUTES if name in vars(net)},
        "history": encoder.encode([dict(row) for row in net.history_]),
        "network": _encode_network(encoder, estimator, net.module_),
    }


def decode_net(decoder, node):
    """Build the net of a node, on the device of the decoder."""
    cls = decoder.types.find_class(node, RowNet)
    network = decode_module(decoder, node["network"])
    params = {name: decoder.decode(value) for name, value in node["params"].items()}
    if set(params) != {*_NET_PARAMS, *_OWN_NET_PARAMS[cls.__name__]}:
        raise ValueError(f"the parameters of a {cls.__name__} are {', '.join(params)}")
    device = decoder.device
    network = network.to(device=device, memory_format=torch.channels_last)
    net = cls(network, device=device, optimizer=_DeferredOptimizer, **params).initialize()
    vars(net).update({name: decoder.decode(node["attributes"][name]) for name in node["attributes"]})
    if not set(node["attributes"]) <= set(_NET_ATTRIBUTES):
        raise ValueError("a net has unknown attributes")
    net.history_ = History(decoder.decode(node["history"]))
    net.optimizer = torch.optim.AdamW
    # as in drop_rows
    net.callbacks_, net.callbacks, net.module = [], None, type(net.module_)
    net.module_.eval()
    return net


class _DeferredOptimizer(torch.optim.Optimizer):
    """The optimizer of a loaded net until it is trained further: constructing another one imports torch's compiler."""

    def __init__(self, params=(), **kwargs):
        pass

    def __reduce__(self):
        return _DeferredOptimizer, ()


def _encode_network(encoder, estimator, network):
    """Return a network as a node: a function and its arguments where they build it again, otherwise its layers."""
    build, *arguments, params = _specification(estimator)
    params = {name: value for name, value in params.items() if name != "state_dict"}
    if isinstance(network, VGG16):
        # whose default depends on the device of the fit
        params = {"head": network.head_kind, **params}
    how = None if isinstance(build, nn.Module) else describe(build)
    if how is None or not _builds(network, build, arguments, params):
        return encode_module(encoder, network)
    return {
        "$": "network",
        **how,
        "arguments": encoder.encode(arguments),
        "params": encoder.encode(params, "parameter 'backbone_params'"),
        **_encode_state(encoder, network),
    }


def _specification(estimator):
    """Return the class or function that built the network of an estimator, and its arguments."""
    if hasattr(estimator, "backbone"):
        n_outputs = _n_outputs(estimator)
        params = getattr(estimator, "_network_params", lambda: estimator.backbone_params or {})()
        build = BACKBONES.get(estimator.backbone) if isinstance(estimator.backbone, str) else estimator.backbone
        return build, estimator.segment_shape_, n_outputs, params
    if hasattr(estimator, "n_components"):
        return MelAutoencoder, estimator.segment_shape_, estimator.n_components, {"width": estimator.width}
    sizes = {"hidden_size": estimator.hidden_size, "n_layers": estimator.n_layers, "dropout": float(estimator.dropout)}
    return BiLSTM, estimator.segment_shape_[0], len(estimator.classes_), sizes


def _n_outputs(estimator):
    for name in ("n_tags_", "n_targets_"):
        if hasattr(estimator, name):
            return getattr(estimator, name)
    return len(estimator.classes_)


def _builds(network, build, arguments, params):
    """Return whether a call builds a network like a given one; parameters may have been set after the fit."""
    with suppress(Exception):
        return _settings(_call(build, arguments, params, _state_shapes(network))) == _settings(network)
    return False


def _settings(network):
    """Return what the constructors of all layers set, such as a dropout rate."""
    plain = (bool, int, float, str, tuple, type(None))
    found = {}
    for name, module in network.named_modules():
        values = {key: value for key, value in vars(module).items() if isinstance(value, plain) and key != "training"}
        found[name] = (type(module), values)
    return found


def _call(build, arguments, params, shapes):
    """Call a class or function that builds a network, and check the shapes of its weights before they take memory."""

    def check(network):
        if any(nn.parameter.is_lazy(p) for p in network.parameters()):
            return
        if _state_shapes(network) != shapes:
            raise ValueError(f"{getattr(build, '__name__', build)} builds a network of other weights than those saved")

    if is_known(build):
        with torch.device("meta"):
            network = build_backbone(build, *arguments, **params)
        check(network)
        # as to_empty does, but torch.empty_like imports sympy for tensors without memory
        return network._apply(lambda tensor: torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu"))
    # a function of the user may need more than shapes
    with FitRandomState(0):
        network = build_backbone(build, *arguments, **params)
    check(network)
    return network


def _state_shapes(network):
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


# ---- state dicts -----------------------------------------------------------------------------------


def _encode_state(encoder, network):
    images = {
        name
        for name, value in network.state_dict().items()
        if value.ndim == 4 and not value.is_contiguous() and value.is_contiguous(memory_format=torch.channels_last)
    }
    return {
        "state": {name: encoder.encode(value, f"weights {name!r}") for name, value in network.state_dict().items()},
        "frozen": [name for name, value in network.named_parameters() if not value.requires_grad],
        "channels_last": sorted(images),
    }


def _load_state(decoder, node, network):
    state = {name: decoder.view(value) for name, value in node["state"].items()}
    own = dict(network.state_dict(keep_vars=True))
    for name, value in state.items():
        if name not in own or nn.parameter.is_lazy(own[name]) or own[name].dtype == value.dtype:
            continue
        if not (value.is_floating_point() and own[name].is_floating_point()):
            raise ValueError(f"the weights {name!r} are {value.dtype} instead of {own[name].dtype}")
        own[name].data = own[name].data.to(value.dtype)
    network.load_state_dict(state, strict=True)
    for name in node["channels_last"]:
        own[name].data = own[name].data.contiguous(memory_format=torch.channels_last)
    for name in node["frozen"]:
        own[name].requires_grad_(False)
    return network


# ---- modules ---------------------------------------------------------------------------------------


def encode_module(encoder, network):
    """Return a module as a node: its layers with the parameters of their constructors, and its state dict."""
    if len(list(network.named_parameters(remove_duplicate=False))) != len(list(network.parameters())):
        encoder.refuse("the module uses the same weights in two places")
    return {"$": "module", "layers": _encode_layer(encoder, network), **_encode_state(encoder, network)}


def _encode_layer(encoder, module):
    cls = type(module)
    how = encoder.describe(cls)
    if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks:
        encoder.refuse(f"the module {cls.__name__} has hooks, which are functions")
    children = {name: child and _encode_layer(encoder, child) for name, child in module._modules.items()}
    if cls in _CONTAINERS:
        return {**how, "children": children}
    if "type" in how and how["type"].startswith("torch.nn."):
        return {**how, "params": {name: encoder.encode(value) for name, value in _layer_params(module).items()}}
    plain = {name: value for name, value in vars(module).items() if name not in _INTERNAL}
    return {
        **how,
        "children": children,
        "attributes": {name: encoder.encode(value, f"attribute {name!r}") for name, value in plain.items()},
        "parameters": {name: encoder.encode(value) for name, value in module._parameters.items()},
        "buffers": {name: encoder.encode(value) for name, value in module._buffers.items()},
        "temporary": sorted(module._non_persistent_buffers_set),
    }


def _layer_params(module):
    """Return the parameters of the constructor of one of torch's layers, which are attributes of the same names."""
    parameters = list(inspect.signature(type(module).__init__).parameters.values())[1:]
    names = [parameter.name for parameter in parameters if parameter.kind not in _VARIADIC]
    if isinstance(module, nn.RNNBase):
        names = _RECURRENT + {nn.LSTM: ["proj_size"], nn.RNN: ["nonlinearity"]}.get(type(module), [])
    values = {name: getattr(module, name) for name in names if name not in ("device", "dtype")}
    if isinstance(values.get("bias"), torch.Tensor | None) and "bias" in values:
        values["bias"] = values["bias"] is not None
    return values


def decode_module(decoder, node):
    """Build the module of a node on the CPU."""
    if node["$"] == "network":
        build = decoder.types.find(node) if "own" in node else decoder.types.find_class(node, nn.Module)
        arguments, params = decoder.decode(node["arguments"]), decoder.decode(node["params"])
        _check_depth(decoder, params.get("n_layers", 1))
        shapes = {name: tuple(decoder.view(value).shape) for name, value in node["state"].items()}
        return _load_state(decoder, node, _call(build, arguments, params, shapes))
    return _load_state(decoder, node, _decode_layer(decoder, node["layers"], node["state"], ""))


def _check_depth(decoder, n_layers):
    # each layer has weights, so that a larger number is an attack on the memory
    if not isinstance(n_layers, int) or not 0 < n_layers <= len(decoder.arrays):
        raise ValueError(f"a network has {n_layers!r} layers")


def _decode_layer(decoder, node, state, prefix):
    """Build a layer whose weights have the names `prefix`... in the state dict; they are loaded later."""
    if node is None:
        return None
    with decoder.deeper():
        cls = decoder.types.find_class(node, nn.Module)
        children = {
            name: _decode_layer(decoder, child, state, f"{prefix}{name}.")
            for name, child in node.get("children", {}).items()
        }
        if cls in _CONTAINERS:
            container = cls()
            for name, child in children.items():
                container.add_module(name, child)
            return container
        if "own" not in node and node["type"].startswith("torch.nn."):
            params = {name: decoder.decode(value) for name, value in node["params"].items()}
            _check_depth(decoder, params.get("num_layers", 1))
            with torch.device("meta"):
                layer = cls(**params)
            for name, value in layer.state_dict().items():
                saved = state.get(prefix + name)
                if saved is None or decoder.view(saved).shape != value.shape:
                    raise ValueError(f"the weights {prefix + name!r} do not fit the layer {cls.__name__}")
            return layer.to_empty(device="cpu")
        return _decode_own(decoder, cls, node, children)


def _decode_own(decoder, cls, node, children):
    """Build a module that consists of layers and plain attributes, without its constructor."""
    module = cls.__new__(cls)
    nn.Module.__init__(module)
    attributes = {name: decoder.decode(value) for name, value in node["attributes"].items()}
    decoder.check_names(cls, attributes)
    if _INTERNAL & set(attributes):
        raise ValueError(f"the module {cls.__name__} has attributes that it may not have")
    vars(module).update(attributes)
    for name, value in node["parameters"].items():
        tensor = decoder.decode(value)
        if tensor is not None:
            # integers cannot have a gradient
            tensor = nn.Parameter(tensor.clone(), requires_grad=tensor.is_floating_point())
        module.register_parameter(name, tensor)
    for name, value in node["buffers"].items():
        module.register_buffer(name, decoder.decode(value), persistent=name not in node["temporary"])
    for name, child in children.items():
        module.register_module(name, child)
    return module
