"""load_model: an estimator from a tree of nodes and arrays."""

import functools
import math
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch
from sklearn.utils._metadata_requests import SIMPLE_METHODS, MetadataRequest

from skmer.model_selection._fits import versions
from skmer.models.storage.archive import FORMAT, MAX_DEPTH, ModelFileError, read_archive
from skmer.models.storage.checks import build_tree, complete
from skmer.models.storage.former_pipelines import with_song_methods
from skmer.models.storage.known import Types
from skmer.models.storage.tensors import as_tensor

__all__ = ["load_model"]

_NOT_COMPARED = ("python", "processor")


def load_model(path, *, types=(), device="cpu"):
    """Load a model that `save_model` or `skmer train` wrote; no code in the file is run.

    Parameters
    ----------
    path : str or path-like
        The file.
    types : sequence of classes and functions, default=()
        Your own classes and functions that the model consists of, such as a network that is its ``backbone``. They
        are found by their name.
    device : str, default="cpu"
        A torch device, to which the networks are moved: ``"cuda"``, or ``"auto"`` for CUDA if available. Predictions
        on other devices are not equal to the last bits. The parameter ``device`` of the estimators, for the next
        `fit`, is unchanged.

    Returns
    -------
    estimator
        The model; a pipeline that reads songs is a `skmer.pipelines.SongPipeline`, which has `predict_file`. On the
        CPU its predictions are those of the saved model, to the last bit, if the versions of the packages are the
        same.

    Raises
    ------
    ValueError
        If the device cannot be used, or `types` holds something else than classes and functions.
    ModelFileError
        If the file is damaged or no model, names other types than those of skmer, scikit-learn, torch and `types`,
        or does not fit the installed versions. This is a ValueError too.
    FileNotFoundError
        If there is no such file.

    Warns
    -----
    UserWarning
        If the model was saved with other versions of the packages.

    See Also
    --------
    save_model : Saves the model, with an example.

    Notes
    -----
    Every bit of the file is checked against a SHA-256 in it. This detects damage, not forgery: a model of somebody
    else can still predict nonsense. But the file can only name classes and functions of a fixed list, and its
    arrays are checked where compiled code relies on them.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import skmer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = skmer.save_model(skmer.SongAggregator(threshold=0.4), pathlib.Path(folder) / "model.skmer")
    ...     skmer.load_model(path)
    SongAggregator(threshold=0.4)
    """
    types, device = Types(types), _choose_device(device)
    tree, arrays = read_archive(path)
    try:
        if tree["format"] != FORMAT:
            raise ValueError(f"its format is {tree['format']!r}, and this version of skmer reads {FORMAT} only")
        decoder = Decoder(arrays, types, device, _differences(tree["versions"]))
        model = decoder.decode(tree["model"])
        if not isinstance(model, BaseEstimator):
            raise ValueError("it holds no estimator")
        model = with_song_methods(model)
    # a file of another version, or one written by hand, can raise anything
    except Exception as error:
        written = _sentence(tree)
        text = " ".join(str(error).split())[:600].rstrip(".")
        reason = text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
        raise ModelFileError(f"{path}: this model cannot be loaded: {reason}{written}.") from error
    if decoder.differences or decoder.remarks:
        changed = ", ".join(decoder.differences)
        remarks = "".join(f" {remark}." for remark in decoder.remarks)
        warnings.warn(
            f"{path} was saved with other versions of {changed}: its predictions may differ.{remarks}",
            UserWarning,
            stacklevel=2,
        )
    return model


# the functions that need torch import it, which takes seconds and many models do without


def _choose_device(device):
    if device == "cpu":
        return device
    from skmer.training.runtime import choose_device

    return choose_device(device)


def _differences(saved):
    """Return the packages whose version is another one, each with both versions."""
    installed = versions()
    names = [name for name in installed if name not in _NOT_COMPARED]
    # builds for CPU and CUDA have the same version
    pairs = [(name, str(saved.get(name)).partition("+")[0], installed[name].partition("+")[0]) for name in names]
    return [f"{name} ({before}, installed: {now})" for name, before, now in pairs if before != now]


def _sentence(tree):
    try:
        differences = _differences(tree["versions"])
    except (AttributeError, KeyError, TypeError):
        return ""
    return f"; it was saved with other versions of {', '.join(differences)}" if differences else ""


class Decoder:
    """Decode the nodes of `Encoder`."""

    def __init__(self, arrays, types, device, differences):
        self.arrays, self.types, self.device, self.differences = arrays, types, device, differences
        self.remarks: list = []
        self._used: set = set()
        self._objects: dict = {}
        self._depth = 0
        self._where = "the model"

    @contextmanager
    def deeper(self):
        """Count a level of nested values."""
        self._depth += 1
        if self._depth > 2 * MAX_DEPTH:
            raise ValueError("its values are nested too deeply")
        yield
        self._depth -= 1

    def decode(self, node):
        """Return the value of a node."""
        if node is None or isinstance(node, bool | str | int | float):
            return node
        with self.deeper():
            if isinstance(node, list):
                return [self.decode(item) for item in node]
            kind = node.get("$")
            if not isinstance(kind, str) or kind not in self._kinds:
                raise ValueError(f"it holds something of the unknown kind {kind!r}")
            value = self._kinds[kind](self, node)
            if "id" in node and self._objects.setdefault(node["id"], value) is not value:
                raise ValueError("an object occurs twice")
            return value

    def view(self, node):
        """Return the tensor of a node, which shares the memory of the file's arrays."""
        if not isinstance(node, dict) or node["$"] != "tensor":
            raise ValueError("weights are no tensor")
        return as_tensor(self.arrays[node["name"]], node["dtype"])

    def check_names(self, cls, attributes, is_known_estimator=False):
        """Raise ValueError for attributes that replace methods, or anything that compiled code may rely on."""
        for name in attributes:
            replaces = hasattr(cls, name) if is_known_estimator else callable(getattr(cls, name, None))
            if name.startswith("__") or replaces:
                raise ValueError(f"{cls.__name__} has an attribute {name!r}, which it may not have")

    # ---- plain values ------------------------------------------------------------------------------

    def _decode_float(self, node):
        return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[node["value"]]

    def _decode_tuple(self, node):
        items: list = []
        for item in node["items"]:
            before = self._where
            if items and isinstance(items[0], str) and isinstance(item, dict) and item.get("$") == "estimator":
                self._where = f"step {items[0]!r}"
            items.append(self.decode(item))
            self._where = before
        return tuple(items)

    def _decode_dict(self, node):
        return {self.decode(key): self.decode(value) for key, value in node["items"]}

    def _decode_bunch(self, node):
        return Bunch(**self._decode_dict(node))

    def _decode_slice(self, node):
        start, stop, step = (self.decode(part) for part in node["items"])
        return slice(start, stop, step)

    def _decode_path(self, node):
        return Path(self._text(node["value"]))

    def _decode_scalar(self, node):
        value = self.decode(node["value"])
        if not isinstance(value, bool | str | int | float):
            raise ValueError("a number is none")
        return np.dtype(self._text(node["dtype"])).type(value)

    def _decode_dtype(self, node):
        return np.dtype(self._text(node["value"]))

    def _decode_random_state(self, node):
        key, position, has_gauss, gauss = (self.decode(part) for part in node["state"])
        if key.shape != (624,) or key.dtype != np.uint32 or not isinstance(position, int) or not 0 <= position <= 624:
            raise ValueError("a random state is invalid")
        state = np.random.RandomState()
        state.set_state(("MT19937", key, position, int(has_gauss), float(gauss)))
        return state

    def _decode_partial(self, node):
        function, arguments = self.decode(node["function"]), self.decode(node["arguments"])
        return functools.partial(function, *arguments, **self.decode(node["keywords"]))

    def _decode_class(self, node):
        return self.types.find_class(node, object)

    def _decode_function(self, node):
        return self.types.find(node)

    def _decode_again(self, node):
        return self._objects[node["id"]]

    @staticmethod
    def _text(value):
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no text")
        return value

    # ---- arrays ------------------------------------------------------------------------------------

    def _decode_array(self, node):
        array = self._own(node["name"])
        return array.T if node["order"] == "F" else array

    def _own(self, name):
        """Return an array of the file; a copy if another value has it already."""
        array = self.arrays[name].copy() if name in self._used else self.arrays[name]
        self._used.add(name)
        return array

    def _decode_tensor(self, node):
        return as_tensor(self._own(node["name"]), node["dtype"])

    def _decode_objects(self, node):
        items, shape, dtype = node["items"], node["shape"], np.dtype(self._text(node["dtype"]))
        if dtype.kind not in "UO" or math.prod(shape) != len(items):
            raise ValueError("an array of texts or objects is invalid")
        if dtype.kind == "U" and dtype.itemsize * len(items) > max(2**26, 16 * sum(map(len, items))):
            raise ValueError("an array of texts is too large")
        array = np.empty(len(items), dtype)
        for i, item in enumerate(items):
            array[i] = self.decode(item)
        return array.reshape(shape)

    def _decode_masked(self, node):
        data, mask, fill_value = (self.decode(part) for part in node["items"])
        return np.ma.MaskedArray(data, mask, fill_value=fill_value[()])

    def _decode_tree(self, node):
        nodes = {name: self.decode(values) for name, values in node["nodes"].items()}
        return build_tree(node["n_features"], self.decode(node["n_classes"]), nodes, self.decode(node["values"]))

    # ---- objects -----------------------------------------------------------------------------------

    def _decode_estimator(self, node):
        cls = self.types.find_class(node, BaseEstimator)
        params = {name: self.decode(value) for name, value in node["params"].items()}
        estimator = cls(**self._check_params(cls, params))
        attributes = {
            name: self._decode_net(value) if isinstance(value, dict) and value.get("$") == "net" else self.decode(value)
            for name, value in node["attributes"].items()
        }
        self.check_names(cls, attributes, is_known_estimator="own" not in node)
        vars(estimator).update(attributes)
        if "_metadata_request" in attributes:
            attributes["_metadata_request"].owner = cls.__name__
        if any(isinstance(value, dict) and value.get("$") == "net" for value in node["attributes"].values()):
            _share_weights(estimator)
        complete(estimator)
        return estimator

    def _decode_net(self, node):
        from skmer.models.storage.networks import decode_net

        return decode_net(self, node)

    def _decode_module(self, node):
        from skmer.models.storage.networks import decode_module

        return decode_module(self, node)

    def _check_params(self, cls, params):
        """Return the parameters; raise ValueError for unknown ones, and remark missing ones, of another version."""
        known = cls._get_param_names()
        unknown, missing = sorted(set(params) - set(known)), sorted(set(known) - set(params))
        if unknown:
            raise ValueError(f"{self._where}, {cls.__name__}, has the unknown parameter {unknown[0]!r}")
        if missing and not self.differences:
            raise ValueError(f"{self._where}, {cls.__name__}, lacks the parameter {missing[0]!r}")
        if missing:
            names = ", ".join(map(repr, missing))
            self.remarks.append(f"For {self._where}, {cls.__name__}, the default of {names} is used")
        return params

    def _decode_callback(self, node):
        from skorch.callbacks import Callback

        cls = self.types.find_class(node, Callback)
        return cls(**{name: self.decode(value) for name, value in node["params"].items()})

    def _decode_object(self, node):
        import torch
        from skorch import NeuralNet
        from skorch.callbacks import Callback

        cls = self.types.find_class(node, object)
        if issubclass(cls, BaseEstimator | Callback | NeuralNet | torch.nn.Module):
            # these are built and checked as such
            raise ValueError(f"{cls.__name__} has the wrong kind")
        value = object.__new__(cls)
        attributes = {name: self.decode(item) for name, item in node["attributes"].items()}
        self.check_names(cls, attributes)
        vars(value).update(attributes)
        return value

    def _decode_requests(self, node):
        value = MetadataRequest("")
        for method, requests in self.decode(node["methods"]).items():
            if method not in SIMPLE_METHODS:
                raise ValueError(f"{method!r} is no method that takes metadata")
            for param, alias in requests.items():
                getattr(value, method).add_request(param=self._text(param), alias=alias)
        return value

    def _decode_trained(self, node):
        # replaced by _share_weights
        return None

    _kinds = {  # noqa: RUF012
        "float": _decode_float,
        "tuple": _decode_tuple,
        "dict": _decode_dict,
        "bunch": _decode_bunch,
        "slice": _decode_slice,
        "path": _decode_path,
        "scalar": _decode_scalar,
        "dtype": _decode_dtype,
        "random state": _decode_random_state,
        "partial": _decode_partial,
        "class": _decode_class,
        "function": _decode_function,
        "again": _decode_again,
        "array": _decode_array,
        "tensor": _decode_tensor,
        "objects": _decode_objects,
        "masked": _decode_masked,
        "tree": _decode_tree,
        "requests": _decode_requests,
        "estimator": _decode_estimator,
        "callback": _decode_callback,
        "module": _decode_module,
        "object": _decode_object,
        "trained module": _decode_trained,
        "trained weights": _decode_trained,
    }


def _share_weights(estimator):
    """Set the parameters that `save_model` left out because the fitted network has their weights."""
    params = estimator.get_params(deep=False)
    if "backbone" in params and params["backbone"] is None:
        estimator.backbone = estimator.net_.module_
    of_backbone = params.get("backbone_params")
    if isinstance(of_backbone, dict) and "state_dict" in of_backbone and of_backbone["state_dict"] is None:
        of_backbone["state_dict"] = dict(estimator.net_.module_.state_dict())
