"""content_key: a key of what a thing is and does; class_key: of the code of a class."""

import contextlib
import copyreg
import dis
import hashlib
import os
import sys
from functools import cached_property, partial
from pathlib import Path, PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)

import numpy as np

from skmer.content_key._torch_things import is_module, is_parametrized, module_state, torch_thing

__all__ = ["class_key", "content_key", "given_key"]

# their code counts by its name: whoever keeps results writes down their versions, or digests the code
_KNOWN = {"skmer", "sklearn", "skorch", "torch", "numpy", "scipy", "librosa", "joblib", *sys.stdlib_module_names}
_PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes)
_SLOTS = (GetSetDescriptorType, MemberDescriptorType)
# what the bytecode says of arguments, *args, **kwargs, generators and coroutines
_FLAGS = 0x04 | 0x08 | 0x20 | 0x80 | 0x200
_LOADS_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_modules: dict = {}


def content_key(thing):
    """Give the key of a value, a function, a class or an object.

    Parameters
    ----------
    thing : object
        Arrays and tensors count by their bytes; functions by their code, defaults, closure and
        the globals that they name; classes of one's own by what stands in their bodies and in
        those of their bases; objects by their class and by what pickle would keep of them. Code of
        Python itself, scikit-learn, skorch, torch, numpy, scipy, librosa, joblib and skmer counts by
        its name, that of other installed packages by its file. A text attribute
        ``cache_key`` is taken for all of a thing.

    Returns
    -------
    str
        64 hexadecimal digits, the same in every process and for a copy.

    Raises
    ------
    Exception
        Whatever pickle or torch raise on what cannot be taken apart, such as a lock.

    Examples
    --------
    >>> from skmer.content_key import content_key
    >>> content_key(lambda x: x + 1) == content_key(lambda x: x + 1) != content_key(lambda x: x + 2)
    True
    """
    return _digest(_take_apart(thing, {}))


def class_key(kind):
    """Give the key of the code that a class has from its author: it may be changed under its name.

    Parameters
    ----------
    kind : type
        A class.

    Returns
    -------
    str or None
        64 hexadecimal digits; None for a class of a known package, with bases of known packages alone.

    Examples
    --------
    >>> from skmer.content_key import class_key
    >>> class_key(dict) is None
    True
    """
    return _digest(_class(kind, {})) if _own_bases(kind) else None


def given_key(thing):
    """Give the text by which its author tells a thing from others of its kind.

    Parameters
    ----------
    thing : object
        Such as a function or a network with an attribute ``cache_key``.

    Returns
    -------
    str or None
        None if it has no such text. That of a class is for its objects.

    Examples
    --------
    >>> from skmer.content_key import given_key
    >>> def embedding(windows): ...
    >>> embedding.cache_key = "VGGish"
    >>> given_key(embedding)
    'VGGish'
    """
    found = None
    # a property may fail, and does not say more then
    with contextlib.suppress(Exception):
        found = None if isinstance(thing, type) else getattr(thing, "cache_key", None)
    return found if isinstance(found, str) else None


def _digest(described):
    return hashlib.sha256(repr(described).encode("utf-8", "surrogatepass")).hexdigest()


def _take_apart(thing, seen):
    """Take a thing apart into lists of texts and numbers whose repr is the same in every process.

    `seen` has a number for all that was met on the way, which ends circles. What Python may
    share or not as it likes, such as texts and tuples, is taken apart each time.
    """
    if type(thing) in _PLAIN:
        return repr(thing)
    if type(thing) in (np.ndarray, np.memmap) or isinstance(thing, np.generic):
        return _array(np.asarray(thing), seen)
    if isinstance(thing, np.ma.MaskedArray):
        # pickle fills in its fill value
        return ["masked", *(_take_apart(np.asarray(p), seen) for p in (thing.data, thing.mask, thing.fill_value))]
    if isinstance(thing, PurePath):
        return ["path", os.fspath(thing)]
    if type(thing) is tuple:
        return ["tuple", [_take_apart(item, seen) for item in thing]]
    if isinstance(thing, type):
        return _class(thing, seen)
    if isinstance(thing, set | frozenset):
        # texts in a set stand in another order in every process, and no item may count what another has met
        return ["set", _class(type(thing), seen), sorted((_take_apart(item, dict(seen)) for item in thing), key=repr)]
    if isinstance(thing, ModuleType):
        return ["module", thing.__name__]
    if (given := given_key(thing)) is not None:
        return ["given", given]
    if isinstance(thing, CodeType):
        return _code(thing, seen)
    if isinstance(thing, MethodType):
        return ["method", _take_apart(thing.__func__, seen), _take_apart(thing.__self__, seen)]
    if isinstance(thing, BuiltinFunctionType):
        return ["name", thing.__module__, thing.__qualname__, _take_apart(thing.__self__, seen)]
    if (found := torch_thing(thing)) is not None:
        return found
    if id(thing) in seen:
        return ["again", seen[id(thing)][0]]
    # the thing too: once it is gone, another one may get its id
    seen[id(thing)] = (len(seen), thing)
    if type(thing) is dict or isinstance(thing, MappingProxyType):
        return ["dict", [[_take_apart(key, seen), _take_apart(value, seen)] for key, value in thing.items()]]
    if type(thing) is list:
        return ["list", [_take_apart(item, seen) for item in thing]]
    if isinstance(thing, FunctionType):
        return _function(thing, seen)
    if parts := _parts(thing):
        return ["wrapper", type(thing).__qualname__, [_take_apart(part, seen) for part in parts]]
    return _object(thing, seen)


def _parts(thing):
    """Give what a wrapper of functions is made of; nothing for other things."""
    if isinstance(thing, partial):
        return thing.func, thing.args, thing.keywords
    if isinstance(thing, staticmethod | classmethod):
        return (thing.__func__,)
    if isinstance(thing, property):
        return thing.fget, thing.fset, thing.fdel
    if isinstance(thing, cached_property):
        return (thing.func,)
    # numba's have a random number in each process
    if type(thing).__module__.startswith("numba.") and hasattr(thing, "py_func"):
        return thing.py_func, thing.targetoptions
    # functools.cache
    return (thing.__wrapped__,) if type(thing).__name__ == "_lru_cache_wrapper" else ()


def _array(array, seen):
    if array.dtype.hasobject:
        return ["array", str(array.dtype), array.shape, _take_apart(array.tolist(), seen)]
    return ["array", str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()]


def _function(function, seen):
    code, home = function.__code__, function.__globals__.get("__name__")
    held = [_cell(cell, seen) for cell in function.__closure__ or ()]
    defaults = [_take_apart(function.__defaults__, seen), _take_apart(function.__kwdefaults__, seen)]
    put = _state(vars(function), seen, [name for name in vars(function) if _is_special(name)])
    described = [_code(code, seen), list(code.co_freevars), held, defaults, put]
    if (place := _place(home)) != "own":
        # what it names lies in the same package
        return ["function", home, code.co_qualname, _source(home) if place == "installed" else None, *described]
    loaded, attributes = _names(code)
    values = {name: function.__globals__[name] for name in sorted(loaded) if name in function.__globals__}
    named = [[n, _named(v, attributes, seen)] for n, v in values.items() if not _is_special(n)]
    return ["function", *described, named]


def _cell(cell, seen):
    try:
        value = cell.cell_contents
    except ValueError:
        # a function that is called before the value is there
        return ["empty"]
    return _take_apart(value, seen)


def _named(value, attributes, seen):
    """Describe a global value; of a module of one's own also what the code may take from it."""
    if not isinstance(value, ModuleType) or _place(value.__name__) != "own":
        return _take_apart(value, seen)
    if id(value) in seen:
        return ["again", seen[id(value)][0]]
    seen[id(value)] = (len(seen), value)
    taken = [name for name in sorted(attributes) if name in vars(value) and not _is_special(name)]
    return ["module", value.__name__, [[n, _named(vars(value)[n], attributes, seen)] for n in taken]]


def _names(code):
    """Give the global names and all names that code and the functions within it use."""
    loaded = {step.argval for step in dis.get_instructions(code) if step.opname in _LOADS_GLOBAL}
    every = set(code.co_names)
    for inner in (constant for constant in code.co_consts if isinstance(constant, CodeType)):
        loaded, every = (a | b for a, b in zip((loaded, every), _names(inner), strict=True))
    return loaded, every


def _code(code, seen):
    n_arguments = code.co_argcount + code.co_kwonlyargcount
    counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS]
    steps = [code.co_code.hex(), code.co_exceptiontable.hex()]
    names = [list(code.co_names), list(code.co_varnames[:n_arguments])]
    return ["code", steps, counts, names, [_take_apart(constant, seen) for constant in code.co_consts]]


def _class(kind, seen):
    """Describe a class by its name and the bodies of its bases that are one's own."""
    return ["class", kind.__module__, kind.__qualname__, [_body(base, seen) for base in _own_bases(kind)]]


def _own_bases(kind):
    # a metaclass has a say as well
    return [base for base in (*kind.__mro__, *type(kind).__mro__) if _place(base.__module__) != "known"]


def _body(kind, seen):
    if id(kind) in seen:
        return ["again", seen[id(kind)][0]]
    seen[id(kind)] = (len(seen), kind)
    if _place(kind.__module__) == "installed":
        return [kind.__qualname__, _source(kind.__module__)]
    members = [[n, _take_apart(v, seen)] for n, v in sorted(vars(kind).items()) if _is_member(n, v)]
    return [kind.__qualname__, members]


def _is_member(name, value):
    if name in ("_abc_impl", "__annotate__", "__annotate_func__") or isinstance(value, _SLOTS):
        return False
    # a class's name, words and fields, which Python keeps beside what its author wrote
    return not _is_special(name) or callable(value) or isinstance(value, classmethod | property)


def _is_special(name):
    return name.startswith("__") and name.endswith("__")


def _place(name):
    """Tell whether a module is of a known package, of another that is installed, or one's own."""
    if isinstance(name, str) and name.split(".")[0] in _KNOWN:
        return "known"
    # the main module of a worker process is joblib's
    file = None if name == "__main__" else getattr(sys.modules.get(name), "__file__", None)
    installed = file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
    return "installed" if installed else "own"


def _source(name):
    """Digest the file of an installed module, once until it is loaded again."""
    module = sys.modules[name]
    if name not in _modules or _modules[name][0] is not module.__spec__:
        _modules[name] = (module.__spec__, hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest())
    return _modules[name][1]


def _object(thing, seen):
    """Describe an object by its class and by what pickle would keep of it."""
    kind = type(thing)
    by_hand = copyreg.dispatch_table.get(kind)
    if is_parametrized(thing):
        # which pickle does not take
        return ["object", _class(kind, seen), _state(module_state(vars(thing)), seen)]
    reduced = thing.__reduce_ex__(4) if by_hand is None else by_hand(thing)
    if isinstance(reduced, str):
        if not reduced.replace(".", "").isidentifier():
            raise TypeError("the function in it cannot be looked at")  # np.frompyfunc
        return ["name", getattr(thing, "__module__", None), reduced]
    make, arguments, state, items, pairs, put = (*reduced, None, None, None, None)[:6]
    contents = [_take_apart(part, seen) for part in (make, arguments, put)]
    contents += [_take_apart(None if part is None else list(part), seen) for part in (items, pairs)]
    if is_module(thing) and type(state) is dict:
        state = module_state(state)
    # a version that is written down elsewhere
    return ["object", _class(kind, seen), contents, _state(state, seen, ["_sklearn_version"])]


def _state(state, seen, passed_over=()):
    """Describe attributes whatever their order."""
    if type(state) is dict and all(isinstance(name, str) for name in state):
        return [[name, _take_apart(state[name], seen)] for name in sorted(state) if name not in passed_over]
    # attributes and slots
    if type(state) is tuple and len(state) == 2 and all(part is None or type(part) is dict for part in state):
        return [_state(part, seen, passed_over) for part in state]
    return _take_apart(state, seen)
