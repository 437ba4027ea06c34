"""embedding_key: a text that tells an embedding from any other, for the cache of what it gave."""

import copy
import hashlib
import io
import os
import warnings
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType

import joblib
import numpy as np
import torch

__all__ = ["embedding_key"]

# a switch that a transform puts back, and no part of what a network is
_INDIFFERENT = ("training",)


def embedding_key(embedding):
    """Give the key of an embedding: of a file its bytes, of a network its weights and code, of a function its code.

    A function counts with its defaults, with what it closes over and with the global values
    that it names; functions and classes of other modules count by their name. An attribute
    ``cache_key`` of the embedding, a text, is taken for all of it.
    """
    if isinstance(embedding, str | os.PathLike):
        with open(embedding, "rb") as file:
            return f"file {hashlib.file_digest(file, 'sha256').hexdigest()}"
    own = getattr(embedding, "cache_key", None)
    if isinstance(own, str):
        return f"own {own}"
    try:
        described = _describe(embedding, {})
    # whatever pickle and torch raise on what they cannot take apart
    except Exception as error:
        raise ValueError(
            f"memory is set, but embedding={embedding!r:.80} cannot be told from others of its kind "
            f"({str(error) or type(error).__name__:.200}), so that old results might be taken for new ones. Give it an "
            "attribute cache_key, a text that names its weights and version, or set memory=None."
        ) from error
    return f"{torch.__version__} {hashlib.sha256(repr(described).encode()).hexdigest()}"


def _describe(thing, seen):
    """Take a thing apart into lists, texts and numbers whose repr is the same in every process."""
    if thing is None or thing is Ellipsis or isinstance(thing, bool | int | float | complex | str | bytes):
        return repr(thing)
    if isinstance(thing, np.ndarray | np.generic):
        return ["array", joblib.hash(np.asarray(thing))]
    if isinstance(thing, torch.Tensor):
        values = thing.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        return ["tensor", str(thing.dtype), list(thing.shape), joblib.hash(values)]
    if isinstance(thing, ModuleType):
        return ["module", thing.__name__]
    if isinstance(thing, type | BuiltinFunctionType | np.ufunc | torch.dtype | torch.device):
        return ["name", getattr(thing, "__module__", None), getattr(thing, "__qualname__", str(thing))]
    if isinstance(thing, MethodType):
        return ["method", _describe(thing.__func__, seen), _describe(thing.__self__, seen)]
    # a circle, or the same thing again
    if id(thing) in seen:
        return ["again", seen[id(thing)]]
    seen[id(thing)] = len(seen)
    if isinstance(thing, dict):
        return ["dict", [[_describe(key, seen), _describe(value, seen)] for key, value in thing.items()]]
    if isinstance(thing, list | tuple):
        return ["list", [_describe(item, seen) for item in thing]]
    if isinstance(thing, set | frozenset):
        # texts in a set stand in another order in every process
        return ["set", sorted((_describe(item, seen) for item in thing), key=repr)]
    if isinstance(thing, partial):
        return ["partial", *(_describe(part, seen) for part in (thing.func, thing.args, thing.keywords))]
    if isinstance(thing, FunctionType):
        return _describe_function(thing, seen)
    if isinstance(thing, torch.jit.ScriptModule):
        return ["script", _script_digest(thing)]
    if isinstance(thing, torch.fx.GraphModule):
        return ["graph", thing.code, _describe(dict(thing.state_dict()), seen)]
    return _describe_object(thing, seen)


def _describe_function(function, seen):
    names = _names(function.__code__)
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    values = {name: function.__globals__[name] for name in sorted(names) if name in function.__globals__}
    values |= {name: cell.cell_contents for name, cell in cells}
    held = []
    for name, value in values.items():
        foreign = isinstance(value, FunctionType) and value.__module__ != function.__module__
        held.append([name, value.__qualname__ if foreign else _describe(value, seen)])
    defaults = [_describe(function.__defaults__, seen), _describe(function.__kwdefaults__, seen)]
    return ["function", function.__module__, function.__qualname__, _describe_code(function.__code__), defaults, held]


def _names(code):
    """Give the names that code and the functions within it use."""
    inner = [_names(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*inner)


def _describe_code(code):
    constants = [_describe_code(c) if isinstance(c, CodeType) else _describe(c, {}) for c in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def _script_digest(network):
    # a copy: what torch writes of a network and of its copy differs, of two copies it does not
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        buffer = io.BytesIO()
        torch.jit.save(copy.deepcopy(network).eval(), buffer)
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _describe_object(thing, seen):
    """Describe an object by its class, the code of its methods and what it holds."""
    kind = type(thing)
    if isinstance(thing, Path) or not hasattr(thing, "__dict__"):
        return ["pickled", kind.__qualname__, joblib.hash(thing)]
    code = []
    for base in kind.__mro__:
        # torch's version stands in the key
        if base is not object and base.__module__.split(".")[0] != "torch":
            functions = {name: value for name, value in vars(base).items() if isinstance(value, FunctionType)}
            code.append([base.__qualname__, [_describe(functions[name], seen) for name in sorted(functions)]])
    held = [[name, _describe(value, seen)] for name, value in vars(thing).items() if name not in _INDIFFERENT]
    return ["object", kind.__module__, kind.__qualname__, code, held]
