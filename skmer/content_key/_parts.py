"""take_apart: what a thing is made of, as one digest that is the same in every process."""

import copyreg
import hashlib
import os
import sys
from functools import cached_property, partial, singledispatch
from importlib.util import resolve_name
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

from skmer.content_key._bytecode import imports, names
from skmer.content_key._origins import file_of, is_hidden_generator, is_random, origin, source
from skmer.content_key._torch_things import graph_parts, is_module, is_parametrized, module_state, torch_thing
from skmer.content_key._walk import Shared, Walk, digest
from skmer.content_key.given import given_key

__all__ = ["key_of", "own_bases", "take_apart"]

_PLAIN = (type(None), type(...), bool, int, float, complex, str, bytes)
_SLOTS = (GetSetDescriptorType, MemberDescriptorType)
# what the bytecode says of arguments, *args, **kwargs, generators and coroutines
_FLAGS = 0x04 | 0x08 | 0x20 | 0x80 | 0x200
_DISPATCHER = getattr(singledispatch(len), "__code__", object())


def key_of(thing):
    """Give the digest of a thing; an error names the way to what cannot be described."""
    shared = Shared()
    try:
        found = take_apart(thing, Walk(shared))
        while shared.refine(take_apart):
            pass
        return digest([take_apart(thing, Walk(shared)), shared.unsettled()]) if shared.items else found
    except Exception as error:  # whatever pickle and torch raise
        way = shared.trail if len(shared.trail) < 7 else [*shared.trail[:3], "...", *shared.trail[-3:]]
        words = str(error) or type(error).__name__
        raise TypeError(f"{' → '.join(way)}: {words}" if way else words) from error


def take_apart(thing, walk):
    """Take a thing apart into lists of texts and numbers, and digest them."""
    if type(thing) in _PLAIN:
        return repr(thing)
    walk.shared.count()
    if type(thing) is tuple:
        return walk.tuple(thing, take_apart)
    return digest(_described(thing, walk))


def _described(thing, walk):
    if isinstance(thing, np.generic):
        return _array(np.asarray(thing), walk)
    if isinstance(thing, np.ma.MaskedArray):
        # pickle fills in its fill value
        return ["masked", *(take_apart(np.asarray(part), walk) for part in (thing.data, thing.mask, thing.fill_value))]
    if isinstance(thing, PurePath):
        return ["path", os.fspath(thing)]
    if isinstance(thing, type):
        return _class(thing, walk)
    if isinstance(thing, set | frozenset):
        # texts in a set stand in another order in every process
        return ["set", _class(type(thing), walk), sorted(_item(item, walk) for item in thing)]
    if isinstance(thing, ModuleType):
        return ["module", thing.__name__]
    if thing is os.environ:
        return ["name", "os", "environ"]
    if (given := given_key(thing)) is not None:
        return ["given", given]
    if isinstance(thing, CodeType):
        return _code(thing, walk)
    if isinstance(thing, MethodType | BuiltinFunctionType) and is_hidden_generator(thing.__self__):
        return ["name", type(thing.__self__).__module__, thing.__name__]
    if isinstance(thing, MethodType):
        return ["method", take_apart(thing.__func__, walk), take_apart(thing.__self__, walk)]
    if isinstance(thing, BuiltinFunctionType):
        return ["name", thing.__module__, thing.__qualname__, take_apart(thing.__self__, walk)]
    is_array = type(thing) in (np.ndarray, np.memmap)
    if id(thing) in walk.shared.leaves:
        return walk.shared.leaves[id(thing)][0]
    leaf = _array(thing, walk) if is_array and not thing.dtype.hasobject else torch_thing(thing)
    if leaf is not None:
        walk.shared.leaves[id(thing)] = (leaf, thing)
        return leaf
    if (number := walk.meet(thing)) is not None:
        return ["again", number]
    if is_array:
        return _array(thing, walk)
    if (parts := graph_parts(thing)) is not None:
        return ["graph", *(take_apart(part, walk) for part in parts)]
    if type(thing) is dict or isinstance(thing, MappingProxyType):
        return ["dict", [[take_apart(key, walk), take_apart(value, walk)] for key, value in thing.items()]]
    if type(thing) is list:
        return ["list", [take_apart(item, walk) for item in thing]]
    if isinstance(thing, FunctionType) and thing.__code__ is not _DISPATCHER:
        return _function(thing, walk)
    if parts := _wrapped(thing):
        return ["wrapper", type(thing).__qualname__, [take_apart(part, walk) for part in parts]]
    return _object(thing, walk)


def _item(item, walk):
    if type(item) in _PLAIN or (type(item) is tuple and all(type(part) in _PLAIN for part in item)):
        return take_apart(item, walk)
    return walk.shared.colour(item)


def _wrapped(thing):
    """Give what a wrapper of functions is made of; nothing for other things."""
    if isinstance(thing, partial):
        return thing.func, thing.args, thing.keywords
    if isinstance(thing, staticmethod | classmethod):
        return (thing.__func__,)
    if isinstance(thing, property):
        return thing.fget, thing.fset, thing.fdel
    if isinstance(thing, cached_property):
        return (thing.func,)
    if isinstance(thing, FunctionType):
        return vars(thing)["__wrapped__"], vars(thing)["registry"]  # functools.singledispatch
    # numba's have a random number in each process
    if type(thing).__module__.startswith("numba.") and hasattr(thing, "py_func"):
        return thing.py_func, thing.targetoptions
    # functools.cache
    return (thing.__wrapped__,) if type(thing).__name__ == "_lru_cache_wrapper" else ()


def _array(array, walk):
    if array.dtype.hasobject:
        return ["array", str(array.dtype), array.shape, [take_apart(item, walk) for item in array.ravel().tolist()]]
    return ["array", str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()]


def _function(function, walk):
    code, home = function.__code__, function.__globals__.get("__name__")
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    held = [_cell(cell, walk) for _, cell in walk.named(cells)]
    defaults = [take_apart(function.__defaults__, walk), take_apart(function.__kwdefaults__, walk)]
    put = _state(vars(function), walk, [name for name in vars(function) if _is_special(name)])
    described = [_code(code, walk), list(code.co_freevars), held, defaults, put]
    if (place := origin(home)) != "own":
        # what it names lies in the same package
        return ["function", home, code.co_qualname, source(home) if place == "installed" else None, *described]
    loaded, attributes = names(code)
    values = {name: function.__globals__[name] for name in sorted(loaded) if name in function.__globals__}
    values = {name: value for name, value in values.items() if not _is_special(name)}
    named = [[name, _named(value, attributes, walk)] for name, value in walk.named(values.items())]
    brought = [_imported(found, function.__globals__, attributes, walk) for found in imports(code)]
    return ["function", *described, named, *brought]


def _cell(cell, walk):
    try:
        value = cell.cell_contents
    except ValueError:
        # a function that is called before the value is there
        return ["empty"]
    return take_apart(value, walk)


def _named(value, attributes, walk):
    """Describe a global value; of a module of one's own also what the code may take from it."""
    _refuse_random(value)
    if not isinstance(value, ModuleType) or origin(value.__name__) != "own":
        return take_apart(value, walk)
    taken = {n: vars(value)[n] for n in sorted(attributes) if n in vars(value) and not _is_special(n)}
    parts = [[name, _taken(value, name, attributes, walk)] for name, _ in walk.named(taken.items())]
    return ["module", value.__name__, parts]


def _taken(module, name, attributes, walk):
    # modules may know each other, and one function may take this from them, and the next one that
    number = walk.meet(module, (name, attributes))
    return number if number is not None else _named(vars(module)[name], attributes, walk)


def _imported(found, around, attributes, walk):
    """Describe what an import within a function brings, where it is one's own and as far as it is loaded."""
    level, name, taken = found
    package = around.get("__package__") or str(around.get("__name__")).rpartition(".")[0]
    try:
        name = resolve_name("." * level + name, package)
    except ImportError:
        return ["import", level, name]
    if (place := origin(name, searched=True)) != "own":
        return ["import", name, source(name) if place == "installed" else None]
    module = sys.modules.get(name)
    if module is None:
        return _not_loaded(name)
    if not taken:
        above = [name[:end] for end in range(len(name) + 1) if name[end : end + 1] in ("", ".")]
        return ["import", [_named(sys.modules[n], attributes, walk) for n in above if n in sys.modules]]
    values = {n: vars(module).get(n, sys.modules.get(f"{name}.{n}", walk)) for n in taken}
    parts = [
        _not_loaded(f"{name}.{n}") if value is walk else _named(value, attributes, walk)
        for n, value in walk.named(values.items())
    ]
    return ["import", name, list(taken), parts]


def _not_loaded(name):
    file = file_of(name, searched=True)
    return ["import", name, hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else None]


def _refuse_random(value):
    if is_random(value):
        raise TypeError("it is a random generator, which each use changes; make it within the function, from a seed")


def _code(code, walk):
    n_arguments = code.co_argcount + code.co_kwonlyargcount
    counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _FLAGS]
    steps = [code.co_code.hex(), code.co_exceptiontable.hex()]
    words = [list(code.co_names), list(code.co_varnames[:n_arguments])]
    return ["code", steps, counts, words, [take_apart(constant, walk) for constant in code.co_consts]]


def _class(kind, walk):
    """Describe a class by its name and the bodies of its bases that are one's own."""
    return ["class", kind.__module__, kind.__qualname__, [_body(base, walk) for base in own_bases(kind)]]


def own_bases(kind):
    """Give the classes of a class that are not of known packages."""
    # a metaclass has a say as well
    return [base for base in (*kind.__mro__, *type(kind).__mro__) if origin(base.__module__) != "known"]


def _body(kind, walk):
    if (number := walk.meet(kind)) is not None:
        return ["again", number]
    if origin(kind.__module__) == "installed":
        return [kind.__qualname__, source(kind.__module__)]
    members = {f"{kind.__qualname__}.{n}": v for n, v in sorted(vars(kind).items()) if _is_member(n, v)}
    return [kind.__qualname__, [[name, _member(value, walk)] for name, value in walk.named(members.items())]]


def _member(value, walk):
    _refuse_random(value)
    return take_apart(value, walk)


def _is_member(name, value):
    if name in ("_abc_impl", "__annotate__", "__annotate_func__") or isinstance(value, _SLOTS):
        return False
    # a class's name, words and fields, which Python keeps beside what its author wrote
    return not _is_special(name) or callable(value) or isinstance(value, classmethod | property)


def _is_special(name):
    return name.startswith("__") and name.endswith("__")


def _object(thing, walk):
    """Describe an object by its class and by what pickle would keep of it."""
    kind = type(thing)
    if is_parametrized(thing):
        # which pickle does not take
        return ["object", _class(kind, walk), _state(module_state(vars(thing)), walk)]
    reduced = walk.shared.once(walk.shared.reduced, thing, lambda: _reduced(thing))
    if isinstance(reduced, str):
        if not reduced.replace(".", "").isidentifier():
            raise TypeError("the function in it cannot be looked at")  # np.frompyfunc
        return ["name", getattr(thing, "__module__", None), reduced]
    make, arguments, state, items, pairs, put = reduced
    contents = [take_apart(part, walk) for part in (make, arguments, put, items, pairs)]
    if is_module(thing) and type(state) is dict:
        state = module_state(state)
    # a version that is written down elsewhere
    return ["object", _class(kind, walk), contents, _state(state, walk, ["_sklearn_version"])]


def _reduced(thing):
    """Give what pickle would keep, with lists for iterators, which end."""
    by_hand = copyreg.dispatch_table.get(type(thing))
    reduced = thing.__reduce_ex__(4) if by_hand is None else by_hand(thing)
    if isinstance(reduced, str):
        return reduced
    make, arguments, state, items, pairs, put = (*reduced, None, None, None, None)[:6]
    return make, arguments, state, *(None if part is None else list(part) for part in (items, pairs)), put


def _state(state, walk, passed_over=()):
    """Describe attributes whatever their order."""
    if type(state) is dict and all(isinstance(name, str) for name in state):
        kept = ((name, state[name]) for name in sorted(state) if name not in passed_over)
        return [[name, take_apart(part, walk)] for name, part in walk.named(kept)]
    # attributes and slots
    if type(state) is tuple and len(state) == 2 and all(part is None or type(part) is dict for part in state):
        return [_state(part, walk, passed_over) for part in state]
    return take_apart(state, walk)
