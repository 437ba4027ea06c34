"""Keep each finished fold on disk, under a key of all that decided it."""

import ast
import hashlib
import json
import os
import re
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType

import joblib
import numpy as np

from skmer.writing import write_whole

__all__ = ["FoldStore", "code_digest", "describe", "song_names"]

_PACKAGE = Path(__file__).parents[1]
# what stands between songs and predicted labels; reports and loaders may change without a fold being run again
_DECIDING = (
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
        does not get there. A function is known by its name and code.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> from skmer.model_selection.fold_store import describe
    >>> describe(DummyClassifier(strategy="prior"))
    {'class': 'sklearn.dummy.DummyClassifier', 'constant': None, 'strategy': 'prior'}
    """
    return _describe(thing, _INDIFFERENT)


def _describe(thing, indifferent):
    go_on = partial(_describe, indifferent=indifferent)
    if hasattr(thing, "get_params") and not isinstance(thing, type):
        params = thing.get_params(deep=False)
        decisive = {name: go_on(params[name]) for name in sorted(params) if name not in indifferent}
        return {"class": f"{type(thing).__module__}.{type(thing).__qualname__}", **decisive}
    if is_dataclass(thing) and not isinstance(thing, type):
        values = {f.name: getattr(thing, f.name) for f in fields(thing)}
        within = [name for name in indifferent if name != "random_state"]
        return {"class": type(thing).__qualname__, **{key: _describe(value, within) for key, value in values.items()}}
    if isinstance(thing, dict):
        return {str(key): go_on(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [go_on(item) for item in thing]
    if isinstance(thing, (set, frozenset)):
        # texts in a set stand in another order in every process
        return sorted((go_on(item) for item in thing), key=json.dumps)
    if isinstance(thing, np.generic):
        return thing.item()
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    if isinstance(thing, np.ndarray):
        return joblib.hash(thing)
    if isinstance(thing, partial):
        return {"partial": go_on(thing.func), "args": go_on(thing.args), "keywords": go_on(thing.keywords)}
    if isinstance(thing, MethodType):
        return {"method": go_on(thing.__func__), "of": go_on(thing.__self__)}
    if callable(thing) and hasattr(thing, "__qualname__"):
        name = f"{getattr(thing, '__module__', None)}.{thing.__qualname__}"
        return f"{name} {_function_digest(thing)}" if isinstance(thing, FunctionType) else name
    return _describe_object(thing)


def _function_digest(function):
    """Digest what a function does and holds: lambdas share one name, and a body may be changed under its name."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    held = [describe(value) for value in cells if value is not function]
    defaults = [describe(function.__defaults__), describe(function.__kwdefaults__)]
    return _digest([_describe_code(function.__code__), defaults, held])


def _describe_code(code):
    constants = [_describe_code(c) if isinstance(c, CodeType) else describe(c) for c in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), constants]


def _describe_object(thing):
    """Describe an object of no known kind by its repr and by its contents, which a repr may shorten."""
    # a default repr holds an address, in large or small letters, which is another one in every process
    words = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))
    try:
        if hasattr(thing, "state_dict"):  # a torch module, whose pickle has addresses
            contents = joblib.hash({name: value.detach().cpu().numpy() for name, value in thing.state_dict().items()})
        else:
            contents = joblib.hash(thing)
    except Exception as error:  # whatever pickle raises
        raise ValueError(
            f"{words[:200]} cannot be told from others of its kind ({error}), so that a kept fold could not be found "
            "again: use an object that pickle takes."
        ) from error
    return f"{words} {contents[:16]}"


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
