"""Keep each finished fold on disk, under a key of all that decided it."""

import ast
import hashlib
import json
import os
import re
from functools import cache
from pathlib import Path

import joblib
import numpy as np

from skmer._io import atomic_write_text, file_digest
from skmer.model_selection._descriptions import describe, digest

__all__ = ["FoldStore", "code_digest", "describe", "song_names"]

_PACKAGE = Path(__file__).parents[1]
# what stands between songs and predicted labels; reports and loaders may change without a fold being run again
_DECIDING = (
    "content_key.py",
    "_io.py",
    "songs.py",
    "_validation.py",
    "audio",
    "features",
    "backbones",
    "sssl",
    "feature_extraction",
    "training",
    "aggregation",
    "two_stage",
    "tagging",
    "pipelines.py",
    "model_selection/systems.py",
    "model_selection/tag_metrics.py",
)


@cache
def code_digest(*further):
    """Digest what the package's code does, whatever its comments and docstrings say.

    Parameters
    ----------
    *further : str
        More modules that decide what is kept, as paths below the package.

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
    for name in (*_DECIDING, *further):
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


def song_names(X):
    """Name songs so that another machine gives them the same names.

    Parameters
    ----------
    X : sequence of n_songs paths or arrays
        Songs.

    Returns
    -------
    list of str
        Folder, file name and a digest of the file, or of an array.

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
            # by what it holds: a song that was recorded or mastered anew may have the name and size of the old one
            names.append(f"{path.parent.name}/{path.name} {_held_by(path)}")
        else:
            names.append(joblib.hash(np.ascontiguousarray(song)))
    return names


def _held_by(path):
    try:
        return file_digest(path)[:16] if path.is_file() else "missing"
    except OSError:  # whoever decodes it says more
        return "unreadable"


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
        return self.folder / ("-".join(words) + f"-{digest(decisive)}.json")

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
        atomic_write_text(path, json.dumps(record, indent=1) + "\n")
