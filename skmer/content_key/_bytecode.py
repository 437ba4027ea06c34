"""What the bytecode of a function says: the names that it uses and the modules that it imports."""

import dis
from functools import lru_cache
from types import CodeType

__all__ = ["imports", "names"]

_LOADS_GLOBAL = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")


@lru_cache(4096)
def names(code):
    """Give the global names and all names that code and the functions within it use."""
    loaded = frozenset(step.argval for step in dis.get_instructions(code) if step.opname in _LOADS_GLOBAL)
    every = frozenset(code.co_names)
    for inner in _inner(code):
        loaded, every = (a | b for a, b in zip((loaded, every), names(inner), strict=True))
    return loaded, every


@lru_cache(4096)
def imports(code):
    """Give the level, the name and the names taken (None for the module) of each import in code and within it."""
    steps = [step for step in dis.get_instructions(code) if step.opname != "EXTENDED_ARG"]
    # what stands before an import are its level and its names
    found = [
        (steps[i - 2].argval, step.argval, steps[i - 1].argval)
        for i, step in enumerate(steps)
        if step.opname == "IMPORT_NAME"
    ]
    return found + [one for inner in _inner(code) for one in imports(inner)]


def _inner(code):
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]
