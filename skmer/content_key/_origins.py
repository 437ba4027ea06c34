"""origin: whether code is of a known package, of another that is installed, or one's own; source: what tells it."""

import hashlib
import random
import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import packages_distributions, version
from pathlib import Path

import numpy as np

__all__ = ["file_of", "is_hidden_generator", "is_random", "origin", "source"]

# their code counts by its name: whoever keeps results writes down their versions, or digests the code
_KNOWN = {"skmer", "sklearn", "skorch", "torch", "numpy", "scipy", "librosa", "joblib", *sys.stdlib_module_names}
_GENERATORS = (np.random.Generator, np.random.RandomState, np.random.BitGenerator, random.Random)
# those behind the functions of numpy.random and random
_HIDDEN = [getattr(function, "__self__", None) for function in (np.random.rand, random.random)]
_sources: dict = {}


def origin(name, searched=False):
    """Tell whether a module is "known", "installed" or "own"; `searched` finds one that is not loaded."""
    if isinstance(name, str) and name.split(".")[0] in _KNOWN:
        return "known"
    file = file_of(name, searched)
    installed = file is not None and not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
    return "installed" if installed else "own"


def file_of(name, searched=False):
    """Give the file of a module, or None."""
    # the main module of a worker process is joblib's
    if name == "__main__":
        return None
    if name in sys.modules or not searched:
        return getattr(sys.modules.get(name), "__file__", None)
    # which, other than importlib.util.find_spec, imports no package on the way
    package, _, _ = name.partition(".")
    found = PathFinder.find_spec(package)
    for part in name.split(".")[1:]:
        folders = None if found is None else found.submodule_search_locations
        if folders is None:
            return None
        package = f"{package}.{part}"
        found = PathFinder.find_spec(package, folders)
    return None if found is None or not found.has_location else found.origin


def source(name):
    """Tell an installed module by its file and its package's version, once until it is loaded again."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    if name not in _sources or _sources[name][0] is not spec:
        file = Path(str(file_of(name, searched=True)))
        _sources[name] = (spec, [_digest([file]), _versions(name.partition(".")[0])])
    return _sources[name][1]


@cache
def _distributions():
    return packages_distributions()


def _versions(package):
    names = _distributions().get(package)
    if names:
        return sorted({f"{name} {version(name)}" for name in names})
    # put there by hand, without a version
    file = file_of(package, searched=True)
    return [_digest(sorted(Path(file).parent.rglob("*.py")))] if file and Path(file).stem == "__init__" else []


def _digest(files):
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def is_random(thing):
    """Tell whether a thing is a random generator, which is another one after each use."""
    torch = sys.modules.get("torch")
    return isinstance(thing, _GENERATORS) or (torch is not None and isinstance(thing, torch.Generator))


def is_hidden_generator(thing):
    """Tell whether a thing is the generator of all that call the functions of `random` or `numpy.random`."""
    return any(thing is hidden for hidden in _HIDDEN)
