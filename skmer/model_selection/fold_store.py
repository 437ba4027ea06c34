"""Keep each finished fold on disk, under a key of all that decided it."""

import ast
import hashlib
import json
import os
import re
import sys
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path, PurePath
from types import BuiltinFunctionType, MethodType, ModuleType

import joblib
import numpy as np

from skmer.content_key import class_key, content_key, given_key
from skmer.writing import write_whole

__all__ = ["FoldStore", "code_digest", "describe", "song_names"]

_PACKAGE = Path(__file__).parents[1]
# what stands between songs and predicted labels; reports and loaders may change without a fold being run again
_DECIDING = (
    "content_key",
    "file_digest.py",
    "songs.py",
    "statistics.py",
    "audio",
    "features",
    "backbones",
    "label_noise",
    "segmentation",
    "training",
    "aggregation",
    "classifiers",
    "descriptors",
    "embeddings",
    "recipes.py",
    "model_selection/systems.py",
)
# parameters that change how a result is come by, not the result
_INDIFFERENT = ("memory", "n_jobs", "verbose", "device", "random_state")


@cache
def code_digest():
    """Digest what the package's code does, whatever its comments and docstrings say.

    Returns
    -------
    str
        16 hexadecimal digits over the modules between songs and predicted labels.

    Examples
    --------
    >>> from skmer.model_selection.fold_store import code_digest
    >>> len(code_digest())
    16
    """
    digest = hashlib.sha256()
    for name in _DECIDING:
        path = _PACKAGE / name
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0")
            digest.update(_without_words(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def _without_words(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            del body[0]
    return ast.dump(tree)


def _is_text(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


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
        their name and by `skmer.content_key.content_key`.

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
    return _describe(thing, _INDIFFERENT)


def _describe(thing, indifferent, around=()):
    if id(thing) in around:
        return "again"
    go_on = partial(_describe, indifferent=indifferent, around=(*around, id(thing)))
    if hasattr(thing, "get_params") and not isinstance(thing, type):
        return _describe_estimator(thing, indifferent, go_on)
    if is_dataclass(thing) and not isinstance(thing, type):
        # the seed of a run does not get there
        own = partial(go_on, indifferent=_but_seeds(indifferent))
        values = {field.name: own(getattr(thing, field.name)) for field in fields(thing)}
        return {"class": type(thing).__qualname__, **values, **_code(thing, values)}
    if isinstance(thing, np.generic):
        thing = thing.item()
    if thing is None or type(thing) in (bool, int, float, str):
        return thing
    if isinstance(thing, PurePath):
        return os.fspath(thing)
    # a class of one's own may do what it likes with its contents
    if class_key(type(thing)) is None:
        if isinstance(thing, dict):
            return {key if isinstance(key, str) else json.dumps(go_on(key)): go_on(thing[key]) for key in thing}
        if isinstance(thing, (list, tuple)):
            return [go_on(item) for item in thing]
        if isinstance(thing, (set, frozenset)):
            # texts in a set stand in another order in every process
            return sorted((go_on(item) for item in thing), key=json.dumps)
        if isinstance(thing, partial) and given_key(thing) is None:
            return {"partial": go_on(thing.func), "args": go_on(thing.args), "keywords": go_on(thing.keywords)}
    if isinstance(thing, MethodType):
        # what an estimator has learnt decides what its method does, and is no parameter
        fitted = hasattr(thing.__self__, "get_params")
        return {"method": go_on(thing.__func__), "of": (_named_key if fitted else go_on)(thing.__self__)}
    if isinstance(thing, type):
        return " ".join([_name(thing), *_code(thing).values()])
    if isinstance(thing, BuiltinFunctionType) and isinstance(thing.__self__, ModuleType):
        return _name(thing)
    return _named_key(thing)


def _describe_estimator(thing, indifferent, go_on):
    params = thing.get_params(deep=False)
    strategies = sys.modules.get("skmer.label_noise")
    if strategies is not None and isinstance(thing, strategies.LabelStrategy):
        # all that it has is its own, whatever the name
        go_on, indifferent = partial(go_on, indifferent=_but_seeds(indifferent)), ()
    decisive = {name: go_on(params[name]) for name in sorted(params) if name not in indifferent}
    return {"class": f"{type(thing).__module__}.{type(thing).__qualname__}", **decisive, **_code(thing, decisive)}


def _but_seeds(indifferent):
    return [name for name in indifferent if name != "random_state"]


def _code(thing, taken=()):
    """Give the digest of the code that a class has from a user, who may change it under its name."""
    kind = thing if isinstance(thing, type) else type(thing)
    given = given_key(thing)
    key = _told(thing, lambda _: class_key(kind)) if given is None else _digest(["cache_key", given])
    return {} if key is None else {"code" if "code" not in taken else "code of the class": key[:16]}


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


def _digest(thing):
    return hashlib.sha256(json.dumps(thing, sort_keys=True).encode()).hexdigest()[:16]


def song_names(X):
    """Name songs so that another machine gives them the same names.

    Parameters
    ----------
    X : sequence of n_songs paths or arrays
        Songs.

    Returns
    -------
    list of str
        Folder, file name and size of a path; a digest of an array.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.model_selection.fold_store import song_names
    >>> song_names([np.zeros(3), np.zeros(3)]) == song_names([np.zeros(3)]) * 2
    True
    """
    names = []
    for i in range(len(X)):
        song = X.iloc[i] if hasattr(X, "iloc") else X[i]
        if isinstance(song, (str, os.PathLike)):
            path = Path(song)
            names.append(f"{path.parent.name}/{path.name} {path.stat().st_size if path.is_file() else 'missing'}")
        else:
            names.append(joblib.hash(np.ascontiguousarray(song)))
    return names


class FoldStore:
    """A folder with a JSON file for each finished fold.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing. Files of several machines can be put together in it.

    Raises
    ------
    ValueError
        If it cannot be a folder.

    Examples
    --------
    >>> import tempfile
    >>> from skmer.model_selection.fold_store import FoldStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = FoldStore(folder)
    ...     path = store.path_of("SSSL", {"fold": 3, "seed": 0}, {"test": ["a.mp3"]})
    ...     store.save(path, {"predictions": {"": ["Q1"]}})
    ...     store.load(path)
    {'predictions': {'': ['Q1']}}
    """

    def __init__(self, folder):
        if folder == "":
            raise ValueError("store='' names no folder; '.' is the one in which Python runs.")
        # processes that joblib keeps may stand in another folder
        self.folder = Path(folder).absolute()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ValueError(f"store={str(folder)!r} is a file, or lies in one: name a folder.") from error

    def path_of(self, system, labels, decisive):
        """Name the file of a fold.

        Parameters
        ----------
        system : str
            Name of the system, for people.
        labels : dict
            Fold and seed, for people.
        decisive : dict
            All that decides the result, as JSON can hold it.

        Returns
        -------
        Path
            The file, whether or not it is there.
        """
        # file names have at most 255 bytes
        words = [re.sub(r"[^a-z0-9]+", "-", system.lower()).strip("-")[:150], *(f"{k}{v}" for k, v in labels.items())]
        return self.folder / ("-".join(words) + f"-{_digest(decisive)}.json")

    def load(self, path):
        """Read a finished fold.

        Parameters
        ----------
        path : Path
            What `path_of` gave.

        Returns
        -------
        dict or None
            None if the fold is not finished.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(record, dict) or not isinstance(record.get("predictions"), dict):
                raise ValueError("it has no predictions")
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is no finished fold ({error}); delete it to have the fold run again.") from error
        return record

    def save(self, path, record):
        """Write a finished fold, whole or not at all.

        Parameters
        ----------
        path : Path
            What `path_of` gave.
        record : dict
            As JSON can hold it.
        """
        write_whole(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
