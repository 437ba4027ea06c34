"""torch_thing: what torch knows better than pickle of its tensors and networks."""

import copy
import hashlib
import io
import operator
import pickletools
import re
import sys
import warnings
import zipfile
from itertools import groupby
from types import FunctionType

__all__ = ["graph_parts", "is_module", "is_parametrized", "module_state", "torch_thing"]


def torch_thing(thing):
    """Describe a tensor, a type of torch, or a network that is no longer Python; None for other things.

    Where nobody has imported torch, there are no such things.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    if isinstance(thing, torch.Tensor):
        dense = thing.detach() if thing.layout == torch.strided else thing.detach().to_dense()
        values = dense.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        # whether a fit changes it, where that is other than usual
        unusual = thing.requires_grad != isinstance(thing, torch.nn.Parameter)
        trained = [f"requires_grad {thing.requires_grad}"] if unusual else []
        shape = [str(thing.dtype), str(thing.layout), list(thing.shape)]
        return ["tensor", *shape, hashlib.sha256(values).hexdigest(), *trained]
    if isinstance(thing, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
        return ["torch", str(thing)]
    if isinstance(thing, torch.jit.ScriptModule):
        return ["script", _script(torch, thing)]
    return None


def graph_parts(thing):
    """Give what a traced network is made of: code, the functions and modules that it calls, weights and hooks.

    None for other things.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(thing, torch.fx.GraphModule):
        return None
    called = [node.target for node in thing.graph.nodes if isinstance(node.target, FunctionType)]
    read = [node.target for node in thing.graph.nodes if node.op == "get_attr"]
    state = module_state(vars(thing))
    # what torch.export adds to check inputs, and wraps so that pickle does not take it
    state["_modules"] = {name: module for name, module in state["_modules"].items() if name != "_guards_fn"}
    names = [name for name in sorted(state) if name in ("_parameters", "_buffers", "_modules") or _is_hooks(name)]
    values = [operator.attrgetter(name)(thing) for name in read]
    return [thing.code, called, values, [[name, state[name]] for name in names]]


def is_module(thing):
    """Tell whether a thing is a torch module."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.nn.Module)


def module_state(state):
    """Give the attributes of a module without its mode, and its hooks with numbers of their own, not of the process."""
    hooks = {name: value for name, value in state.items() if _is_hooks(name) and _has_numbers(value)}
    places = sorted({key for value in hooks.values() for key in value})
    numbered = {name: [[places.index(key), value[key]] for key in value] for name, value in hooks.items()}
    return {name: numbered.get(name, value) for name, value in state.items() if name != "training"}


def _is_hooks(name):
    return name.endswith(("_hooks", "_with_kwargs", "_always_called"))


def _has_numbers(value):
    return isinstance(value, dict) and all(type(key) is int for key in value)


def is_parametrized(thing):
    """Tell whether a thing is a torch module with parametrizations, such as a weight norm."""
    return is_module(thing) and sys.modules["torch"].nn.utils.parametrize.is_parametrized(thing)


def _script(torch, network):
    """Describe what torch writes of a network, but for the lines of the source and the names of its classes.

    A class has a number in its name, by how many of the name there were in the process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        file = io.BytesIO()
        # a copy, because a fit in between may have left it in another mode
        torch.jit.save(copy.deepcopy(network).eval(), file)
    with zipfile.ZipFile(file) as archive:
        parts = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    numbers: dict = {}

    def numbered(found):
        return f"class {numbers.setdefault(found[0], len(numbers))}"

    steps = [
        (step.name, re.sub(r"__torch__[\w.]*", numbered, found.replace(" ", ".")) if isinstance(found, str) else found)
        for step, found, _ in pickletools.genops(parts.pop("data.pkl"))
    ]
    described = [["steps", steps]]
    codes = {name[5:-3].replace("/", "."): parts.pop(name).decode() for name in sorted(parts) if name.endswith(".py")}
    while codes:
        # in the order in which the network comes to their classes, not in that of their names
        home = next((h for h in map(_home, numbers) if h in codes), min(codes))
        lines = re.sub(r"__torch__[\w.]*", numbered, codes.pop(home)).splitlines()
        # constants of a class come out of a set, in another order in every process
        runs = [(constant, list(run)) for constant, run in groupby(lines, lambda line: " : Final[" in line)]
        described.append(["code", [sorted(run) if constant else run for constant, run in runs]])
    rest = {name: part for name, part in parts.items() if not name.endswith((".debug_pkl", "serialization_id"))}
    return [*described, *([name, hashlib.sha256(part).hexdigest()] for name, part in sorted(rest.items()))]


def _home(kind):
    return kind.rpartition(".")[0]
