"""describe: what estimators and their parameters are, as JSON can hold it."""

import hashlib
import json
import os
import re
import sys
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import PurePath
from types import BuiltinFunctionType, MethodType, ModuleType
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from skmer.content_key import class_key, content_key, given_key

__all__ = ["describe", "digest"]

# parameters that change how a result is come by, not the result
_INDIFFERENT = ("memory", "store", "n_jobs", "verbose", "device", "random_state")
# what clone keeps of every estimator
_SETTINGS = ("_metadata_request", "_sklearn_output_config")
_LONGEST = 20_000  # characters
_MOST_PARTS = 200_000


class _Room(NamedTuple):
    """What holds where a thing stands: `clone` makes a new estimator of it, or copies what it has learnt as well."""

    indifferent: tuple = _INDIFFERENT
    within_estimator: bool = False
    learnt: bool = False

    def copied(self):
        """Give the room of what is copied, where the seed of a run does not get either."""
        return self._replace(indifferent=_but_seeds(self.indifferent), learnt=True)

    def unseeded(self):
        """Give the room of what a dict holds, whose values have no names for a seed if it is a parameter."""
        return self._replace(indifferent=_but_seeds(self.indifferent)) if self.within_estimator else self


class _Way:
    """What was met on the way: things around, which end circles, and descriptions, so that each is made once."""

    def __init__(self):
        self.around = set()
        self.known = {}
        self.n_circles = 0
        self.n_parts = 0


def describe(thing):
    """Describe estimators and their parameters as JSON can hold them.

    Parameters
    ----------
    thing : object
        An estimator, a dataclass, a container or a value.

    Returns
    -------
    object
        Dicts, lists, strings, numbers, booleans and None, the same in every process.
        Parameters that do not decide a result, such as ``n_jobs``, are left out, and so is
        ``random_state``, for which the seed of a run stands, but within a dataclass: a seed
        does not get there. Nothing of a `skmer.label_noise.LabelStrategy` is left out. A class of
        one's own has its ``code`` beside its parameters; functions and objects are known by
        their name and by `skmer.content_key.content_key`. What an estimator has learnt counts
        where `sklearn.base.clone` keeps it: in a `sklearn.frozen.FrozenEstimator`, and in
        functions and objects that are parameters. A part of more than 20,000 characters
        is told by its digest.

    Raises
    ------
    ValueError
        If something cannot be told from others of its kind.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skmer.model_selection.fold_store import describe
    >>> describe(DummyClassifier(strategy="prior"))
    {'class': 'sklearn.dummy.DummyClassifier', 'constant': None, 'strategy': 'prior'}
    """
    return _describe(thing, _Room(), _Way())


def _describe(thing, room, way):
    if isinstance(thing, np.generic):
        thing = thing.item()
    if thing is None or type(thing) in (bool, int, float, str):
        return thing
    if id(thing) in way.around:
        way.n_circles += 1
        return "again"
    place = (id(thing), room)
    if place in way.known:
        return way.known[place][0]
    way.n_parts += 1
    if way.n_parts > _MOST_PARTS:
        raise ValueError(
            f"A parameter has more than {_MOST_PARTS:,} parts, so that a kept fold could not be found again: hold "
            "them in an object that has an attribute cache_key, a text that names its contents and version."
        )
    n_circles = way.n_circles
    way.around.add(id(thing))
    found = _described(thing, room, way)
    way.around.remove(id(thing))
    if way.around and isinstance(found, (dict, list)) and len(json.dumps(found)) > _LONGEST:
        # one that holds another twice, which does so in its turn, would grow without bounds
        found = {"long": digest(found)}
    if way.n_circles == n_circles:
        # the thing too: once it is gone, another one may get its id
        way.known[place] = (found, thing)
    return found


def _described(thing, room, way):
    if hasattr(thing, "get_params") and not isinstance(thing, type):
        return _describe_estimator(thing, room, way)
    # of lists and dicts that are parameters clone makes new ones, of objects deep copies
    inside = room.copied() if room.within_estimator else room
    if is_dataclass(thing) and not isinstance(thing, type):
        # the seed of a run does not get there
        inside = inside._replace(indifferent=_but_seeds(inside.indifferent))
        values = {field.name: _describe(getattr(thing, field.name), inside, way) for field in fields(thing)}
        return {"class": type(thing).__qualname__, **values, **_code(thing, values)}
    if isinstance(thing, PurePath):
        return os.fspath(thing)
    # a class of one's own may do what it likes with its contents
    if class_key(type(thing)) is None:
        if isinstance(thing, dict):
            return _describe_dict(thing, room.unseeded() if type(thing) is dict else inside, way)
        if isinstance(thing, (list, tuple, set, frozenset)):
            found = [_describe(i, room if type(thing).__module__ == "builtins" else inside, way) for i in thing]
            # texts in a set stand in another order in every process
            return sorted(found, key=json.dumps) if isinstance(thing, (set, frozenset)) else found
        if isinstance(thing, partial) and given_key(thing) is None:
            parts = {"partial": thing.func, "args": thing.args, "keywords": thing.keywords}
            return {name: _describe(part, room.copied(), way) for name, part in parts.items()}
    if isinstance(thing, MethodType):
        # what an estimator has learnt decides what its method does, and is no parameter
        fitted = hasattr(thing.__self__, "get_params")
        of = _named_key(thing.__self__) if fitted else _describe(thing.__self__, room.copied(), way)
        return {"method": _describe(thing.__func__, room, way), "of": of}
    if isinstance(thing, type):
        return " ".join([_name(thing), *_code(thing).values()])
    if isinstance(thing, BuiltinFunctionType) and isinstance(thing.__self__, ModuleType):
        return _name(thing)
    return _named_key(thing)


def _describe_dict(thing, room, way):
    if all(isinstance(key, str) for key in thing):
        return {key: _describe(thing[key], room, way) for key in thing}
    # 1 is another key than "1"
    pairs = [[_describe(key, room, way), _describe(value, room, way)] for key, value in thing.items()]
    return {"pairs": sorted(pairs, key=json.dumps)}


def _describe_estimator(thing, room, way):
    params = thing.get_params(deep=False)
    indifferent, inside = room.indifferent, room._replace(within_estimator=True)
    strategies = sys.modules.get("skmer.label_noise")
    if strategies is not None and isinstance(thing, strategies.LabelStrategy):
        # all that it has is its own, whatever the name
        indifferent, inside = (), inside._replace(indifferent=_but_seeds(room.indifferent))
    decisive = {name: _describe(params[name], inside, way) for name in sorted(params) if name not in indifferent}
    described = {"class": f"{type(thing).__module__}.{type(thing).__qualname__}", **decisive, **_code(thing, decisive)}
    learnt = _learnt(thing, room, params)
    return described if learnt is None else described | {_free("learnt", decisive): _told(learnt, content_key)[:16]}


def _learnt(thing, room, params):
    """Give what a clone of an estimator has beside its parameters, or None."""
    clone = getattr(type(thing), "__sklearn_clone__", None)
    attributes = getattr(thing, "__dict__", {})
    if clone not in (None, BaseEstimator.__sklearn_clone__) or (room.learnt and set(attributes) - set(params)):
        return thing
    return {name: _repr(attributes[name]) for name in _SETTINGS if name in attributes} or None


def _but_seeds(indifferent):
    return tuple(name for name in indifferent if name != "random_state")


def _free(name, taken):
    return name if name not in taken else f"{name} of the class"


def _code(thing, taken=()):
    """Give the digest of the code that a class has from a user, who may change it under its name."""
    kind = thing if isinstance(thing, type) else type(thing)
    given = given_key(thing)
    key = _told(thing, lambda _: class_key(kind)) if given is None else digest(["cache_key", given])
    return {} if key is None else {_free("code", taken): key[:16]}


def _named_key(thing):
    """Name what has no parameters to show, with the key of all that it is and holds."""
    return f"{_name(thing)} {_told(thing, content_key)[:16]}"


def _name(thing):
    kind = type(thing)
    if kind.__module__.partition(".")[0] == "sklearn" and not hasattr(thing, "get_params"):
        return _repr(thing)  # such as KFold, with its parameters
    # not an array's, as long as it may be
    named = thing if hasattr(thing, "__qualname__") else kind
    return f"{getattr(named, '__module__', None)}.{named.__qualname__}"


def _repr(thing):
    # a default repr holds an address, in large or small letters, which is another one in every process
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def _told(thing, key):
    try:
        return key(thing)
    except Exception as error:  # whatever pickle and torch raise
        raise ValueError(
            f"{_repr(thing)[:200]} cannot be told from others of its kind ({str(error) or type(error).__name__:.200}), "
            "so that a kept fold could not be found again: use an object that pickle takes, or give it an attribute "
            "cache_key, a text that names its contents and version."
        ) from error


def digest(thing):
    """Digest what JSON can hold, whatever the order of its names."""
    return hashlib.sha256(json.dumps(thing, sort_keys=True).encode()).hexdigest()[:16]
