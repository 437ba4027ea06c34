"""describe: what estimators and their parameters are, as JSON can hold it."""

import hashlib
import json
import os
import re
import sys
from dataclasses import fields, is_dataclass
from pathlib import PurePath

import numpy as np
from sklearn.base import BaseEstimator

from skmer._run_parameters import INDIFFERENT
from skmer.content_key import class_key, content_key, given_key

__all__ = ["describe", "digest"]

# what clone keeps of every estimator
_SETTINGS = ("_metadata_request", "_sklearn_output_config")
_LONGEST = 20_000  # characters
_MOST_PARTS = 50_000


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
        ``random_state`` where the seed of a run gets to: of an estimator and of those in its
        `get_params`. Nothing of a `skmer.sssl.LabelStrategy` is left out. A class of
        one's own has its ``code`` beside its parameters. What `sklearn.base.clone` copies as it
        is, such as functions, objects and a `sklearn.frozen.FrozenEstimator`, is told by its
        name and by `skmer.content_key.content_key`, with all that it has learnt. A parameter of
        more than 20,000 characters is told by its digest.

    Raises
    ------
    ValueError
        If something cannot be told from others of its kind, or has more than 50,000 parts.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skmer.model_selection.fold_store import describe
    >>> describe(DummyClassifier(strategy="prior"))
    {'class': 'sklearn.dummy.DummyClassifier', 'constant': None, 'strategy': 'prior'}
    """
    return _describe(thing, None, set(), iter(range(_MOST_PARTS)))


def _describe(thing, seeded, around, counter):
    """Describe what stands within others (their ids end circles), where a run seeds some estimators (their ids)."""
    if isinstance(thing, np.generic):
        thing = thing.item()
    if thing is None or type(thing) in (bool, int, float, str):
        return thing
    if id(thing) in around:
        return "again"
    if next(counter, None) is None:
        raise ValueError(
            f"A parameter has more than {_MOST_PARTS:,} parts, so that a kept fold could not be found again: hold "
            "them in an object that has a text attribute cache_key."
        )
    within = around | {id(thing)}
    if hasattr(thing, "get_params") and not isinstance(thing, type):
        return _describe_estimator(thing, seeded, within, counter)
    if type(thing) is dict:
        return _describe_dict(thing, seeded, within, counter)
    if type(thing) in (list, tuple, set, frozenset):
        found = [_describe(item, seeded, within, counter) for item in thing]
        # texts in a set stand in another order in every process
        return sorted(found, key=json.dumps) if isinstance(thing, (set, frozenset)) else found
    # clone copies that of an estimator as it is
    if is_dataclass(thing) and not isinstance(thing, type) and seeded is None:
        values = {f.name: _describe(getattr(thing, f.name), frozenset(), within, counter) for f in fields(thing)}
        return {"class": type(thing).__qualname__, **values, **_code(thing, values)}
    if isinstance(thing, PurePath):
        return os.fspath(thing)
    return " ".join([_name(thing), *_code(thing).values()]) if isinstance(thing, type) else _named_key(thing)


def _describe_dict(thing, seeded, within, counter):
    if all(isinstance(key, str) for key in thing):
        return {key: _describe(thing[key], seeded, within, counter) for key in thing}
    # 1 is another key than "1"
    pairs = [[_describe(part, seeded, within, counter) for part in pair] for pair in thing.items()]
    return {"pairs": sorted(pairs, key=json.dumps)}


def _describe_estimator(thing, seeded, within, counter):
    params, left_out = thing.get_params(deep=False), INDIFFERENT
    if seeded is None:
        seeded = frozenset(id(part) for part in (thing, *thing.get_params().values()))
    if id(thing) in seeded:
        left_out = left_out | {"random_state"}
    strategies = sys.modules.get("skmer.sssl")
    if strategies is not None and isinstance(thing, strategies.LabelStrategy):
        # all that it has is its own, whatever the name
        left_out, seeded = frozenset(), frozenset()
    kept = {n: _short(_describe(params[n], seeded, within, counter)) for n in sorted(params) if n not in left_out}
    described = {"class": f"{type(thing).__module__}.{type(thing).__qualname__}", **kept, **_code(thing, kept)}
    settings = {name: _repr(vars(thing)[name]) for name in _SETTINGS if name in getattr(thing, "__dict__", ())}
    own_clone = getattr(type(thing), "__sklearn_clone__", None) not in (None, BaseEstimator.__sklearn_clone__)
    learnt = thing if own_clone else settings
    return described | ({_free("learnt", kept): _told(learnt, content_key)[:16]} if own_clone or settings else {})


def _short(found):
    return {"long": digest(found)} if len(json.dumps(found)) > _LONGEST else found


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
    if type(thing).__module__.partition(".")[0] == "sklearn":
        return _repr(thing)  # such as KFold, with its parameters
    # not an array's, as long as it may be
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{getattr(named, '__module__', None)}.{named.__qualname__}"


def _repr(thing):
    # a default repr holds an address, in large or small letters, which is another one in every process
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def _told(thing, key):
    try:
        return key(thing)
    except Exception as error:  # whatever an object does when it is looked at
        raise ValueError(
            f"{_repr(thing)[:200]} cannot be told from others of its kind, so that a kept fold could not be found "
            f"again: {error}"
        ) from error


def digest(thing):
    """Digest what JSON can hold, whatever the order of its names."""
    return hashlib.sha256(json.dumps(thing, sort_keys=True).encode()).hexdigest()[:16]
