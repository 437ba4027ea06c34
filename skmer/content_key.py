"""content_key: a name for what a thing is and does, which changes when that changes.

A thing is taken apart by its kind, its parts likewise, and so on down to texts, numbers and bytes.
"""

import copyreg
import dis
import hashlib
import sys
from functools import cache, cached_property, lru_cache
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType

import numpy as np

from skmer._io import file_digest

__all__ = ["content_key"]

_MOST_PARTS = 300_000
# their code counts by its name: whoever keeps results writes down their versions, or digests the code
_KNOWN = {"skmer", "sklearn", "skorch", "torch", "numpy", "scipy", "librosa", "joblib", *sys.stdlib_module_names}
_PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes)
# of two of these a copy may have one, and of one two
_VALUES = (tuple, set, frozenset, CodeType, np.generic, np.ndarray)
_GENERATORS = ("random.Random", "numpy.random.", "torch._C.Generator")
_COMPILED = ("torch.jit.", "torch.fx.", "torch.export.", "torch._dynamo.", "numba.")
_distributions = cache(packages_distributions)


def content_key(thing):
    """Give the key of a value, a function, a class or an object.

    Parameters
    ----------
    thing : object
        Arrays and tensors count by their bytes; functions by code, defaults, closure and the
        globals that they name; classes by bases and body; torch modules by class, attributes,
        weights and hooks; other objects by class and what pickle would keep. A text attribute
        ``cache_key`` stands for all of a thing.

    Returns
    -------
    str
        64 hexadecimal digits, the same in every process and for a copy.

    Raises
    ------
    TypeError
        If something in it cannot be described; the message names the way to it. Such are locks,
        compiled code, networks that are scripted, traced or exported, circles through a set, and
        random generators that are globals or stand in a class: each use changes them.

    Notes
    -----
    Code of Python itself, scikit-learn, skorch, torch, numpy, scipy, librosa, joblib and skmer
    counts by its name, that of other installed packages by its name and their version. A module
    of one's own that a function names, or imports in its body, counts by its package's files.

    What does not count: comments and layout; other files; environment variables; the mode of a
    network; what code finds by a name made while it runs (`getattr`, `eval`); methods of what a
    function gets as an argument; what is put into a module of one's own while Python runs, and
    the other packages that it imports. A global that is written to, such as a dict of former
    results, changes the key with each use: give the function a ``cache_key``.

    Examples
    --------
    >>> from skmer.content_key import content_key
    >>> content_key(lambda x: x + 1) == content_key(lambda x: x + 1) != content_key(lambda x: x + 2)
    True
    """
    way: list[str] = []
    try:
        return _digest((thing,), way, iter(range(_MOST_PARTS)), {})
    except Exception as error:  # whatever pickle and torch raise
        why = "nested too deeply, or in a circle through a set" if isinstance(error, RecursionError) else error
        told = f"{' → '.join(way[-6:])}: {why}".removeprefix(": ")
        raise TypeError(f"{told}; give it, or what holds it, a text attribute cache_key.") from error


def class_key(kind):
    """Give the key of a class that its author may change under its name; None where all of it is of known packages."""
    origins = {_origin(base.__module__) for base in (*kind.__mro__, type(kind))}
    return None if origins == {"known"} else content_key(kind)


def given_key(thing):
    """Give the text by which an author tells a thing from others, or None; that of a class is for its objects."""
    found = None if isinstance(thing, type) else getattr(thing, "cache_key", None)
    return found if isinstance(found, str) else None


def _digest(thing, way, counter, met):
    """Digest a thing by its parts; on the way stand the names that led to it, and what was met has a number."""
    if type(thing) in _PLAIN:
        return repr(thing)
    if next(counter, None) is None:
        raise ValueError(f"it has more than {_MOST_PARTS:,} parts")
    if not isinstance(thing, _VALUES):
        if id(thing) in met:
            return f"again {met[id(thing)][0]}"
        met[id(thing)] = (len(met), thing)  # the thing too: once it is gone, another one may get its id
    if isinstance(thing, set | frozenset):
        # items have no order, so that none may be told by the number of another
        found = sorted(_digest(item, way, counter, {}) for item in thing)
        found.append(_digest((type(thing), getattr(thing, "__dict__", None)), way, counter, {}))
    elif type(thing) is dict:
        found = ["dict"]
        for name, value in thing.items():
            way.append(str(name))
            found += [_digest(name, way, counter, met), _digest(value, way, counter, met)]
            way.pop()
    else:
        found = [_digest(part, way, counter, met) for part in _parts(thing)]
    return hashlib.sha256(repr(found).encode("utf-8", "surrogatepass")).hexdigest()


def _parts(thing):
    """Take a thing apart, by the first kind that fits; `_digest` has its parts taken apart in turn."""
    if type(thing) in (tuple, list):
        return type(thing).__name__, *thing
    if type(thing) in (np.ndarray, np.memmap) and not thing.dtype.hasobject:
        if thing.dtype.names:  # between them there may be bytes that say nothing
            return "fields", str(thing.dtype), *(thing[name] for name in thing.dtype.names)
        return "array", str(thing.dtype), thing.shape, hashlib.sha256(thing.tobytes()).hexdigest()
    if (given := given_key(thing)) is not None:
        return "given", given
    home, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if isinstance(name, str) and _origin(home) and getattr(sys.modules.get(str(home)), name, None) is thing:
        return "name", home, name, _origin(home)
    for kind, take in _KINDS.items():
        if isinstance(thing, kind):
            return take(thing) if callable(take) else (type(thing), *(getattr(thing, name, None) for name in take))
    return _object(thing)


def _class(kind):
    origin, body = _origin(kind.__module__), {}
    for name, value in sorted(vars(kind).items()):
        # other special names are Python's own, such as the words of a class
        is_written = name[:2] != "__" or callable(value) or isinstance(value, classmethod | property)
        if isinstance(value, FunctionType) or (is_written and name != "_abc_impl" and not origin):
            name = f"{kind.__qualname__}.{name}"
            body[name] = _lasting(name, value)
    return "class", kind.__module__, kind.__qualname__, origin, type(kind), kind.__bases__, body


def _function(function):
    code, around = function.__code__, function.__globals__
    home, cells = str(around.get("__name__")), zip(code.co_freevars, function.__closure__ or (), strict=True)
    put = function.__defaults__, function.__kwdefaults__, {name: cell.cell_contents for name, cell in cells}
    loaded, imported, codes = set(), set(), [] if _origin(home) else [code]
    for inner in codes:
        codes += [constant for constant in inner.co_consts if isinstance(constant, CodeType)]
        steps = [step for step in dis.get_instructions(inner) if step.opname != "EXTENDED_ARG"]
        loaded |= {s.argval for s in steps if s.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")}
        # two steps before an import stands whether it is relative
        imports = [i for i, step in enumerate(steps) if step.opname == "IMPORT_NAME"]
        imported |= {home if steps[i - 2].argval else steps[i].argval for i in imports}
    named = {name: _lasting(name, around[name]) for name in sorted(loaded & around.keys())}
    return "function", _origin(home), code, *put, vars(function), named, *map(_files, sorted(imported))


def _lasting(name, value):
    """Give a global or what stands in a class, but no random generator."""
    if any(kind.startswith(_GENERATORS) for kind in _kinds(value) + _kinds(getattr(value, "__self__", None))):
        raise TypeError(f"{name} is a random generator, which each use changes (make it where it is used)")
    return value


def _object(thing):
    """Take an object apart as pickle would, which knows too little of torch's."""
    kinds = _kinds(thing)
    if any(name.startswith(_COMPILED) for name in kinds) or "(vectorized)" in str(getattr(thing, "__name__", None)):
        raise TypeError("compiled code and graphs cannot be looked at (of a network, name the file instead)")
    if "torch.Tensor" in kinds:
        values = thing.detach().to_dense().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        values = hashlib.sha256(values.view(sys.modules["torch"].uint8).numpy()).hexdigest()
        return type(thing), str(thing.dtype), str(thing.layout), tuple(thing.shape), thing.requires_grad, values
    if "torch.nn.modules.module.Module" in kinds:
        # pickle does not take a weight norm; a hook's number is how many there were in the process
        state = vars(thing) if "parametrizations" in vars(thing)["_modules"] else thing.__getstate__()
        numbered = [name for name in vars(sys.modules["torch"].nn.Module()) if "_hooks" in name and state.get(name)]
        return type(thing), {**state, **{name: list(state[name].values()) for name in numbered}, "training": None}
    if {"skorch.net.NeuralNet", "sklearn.utils._bunch.Bunch"} & {*kinds}:  # of these pickle keeps more, or less
        return type(thing), dict(sorted((thing if isinstance(thing, dict) else vars(thing)).items()))
    reduced = copyreg.dispatch_table.get(type(thing), lambda thing: thing.__reduce_ex__(4))(thing)
    if isinstance(reduced, str):
        return "name", reduced, _files(getattr(thing, "__module__", None) or type(thing).__module__)
    # lists and dicts of one's own give iterators of what they hold
    return type(thing), *(list(part) if hasattr(part, "__next__") else part for part in reduced)


def _kinds(thing):
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(thing).__mro__]


# the first kind that fits counts, and of it what the function gives, or its class and these attributes
_KINDS: dict = {
    type: _class,
    FunctionType: _function,
    ModuleType: lambda module: ("module", module.__name__, _files(module.__name__) or vars(module)),
    CodeType: (
        *("co_code", "co_exceptiontable", "co_flags", "co_argcount", "co_posonlyargcount", "co_kwonlyargcount"),
        *("co_names", "co_varnames", "co_freevars", "co_cellvars", "co_consts"),
    ),
    np.ma.MaskedArray: ("data", "mask", "fill_value"),  # this and the rest pickle passes over
    MethodType | staticmethod | classmethod: ("__func__", "__self__"),
    property | cached_property | type(lru_cache(len)): ("fget", "fset", "fdel", "func", "__wrapped__"),
}


@cache
def _origin(name):
    """Tell code that counts by its name: "known", or the versions of what is installed; None of one's own."""
    package = str(name).partition(".")[0]
    if package in _KNOWN:
        return "known"
    installed = any({"site-packages", "dist-packages"} & {*place.parts} for place in _places(package))
    names = _distributions().get(package, []) if installed else []
    return " ".join(sorted({f"{name} {version(name)}" for name in names})) or None


def _files(name):
    """Give the origin of a module, or the digests of all files of its package where that is one's own."""
    places = [] if _origin(name) else _places(name.partition(".")[0])
    files = [(file, place) for place in places for file in [place, *sorted(place.rglob("*.py"))] if file.is_file()]
    return _origin(name) or tuple((str(file.relative_to(place.parent)), file_digest(file)) for file, place in files)


def _places(package):
    """Give the folders of a package, or the file of a module, whether or not it is loaded."""
    spec = None if package == "__main__" else find_spec(package)
    return [Path(place) for place in (spec.submodule_search_locations or [spec.origin or ""]) if place] if spec else []
