"""The files of a model: the model and its two cards, written atomically, and the folder of a training run."""

import json
import os
import shutil
import socket
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import joblib
from filelock import FileLock, Timeout

from skmer._io import atomic_write, file_digest
from skmer.models.storage.archive import PICKLES, is_pickle_name

__all__ = ["RunFolder", "copy_model", "files_of", "read_card", "save_trained_model"]

_MARK = "made-by-skmer-train.txt"
_LOCK = "lock"
_OWN = ("songs", "folds", "finished", _MARK, _LOCK)


def files_of(path):
    """Return the paths that belong to a model: its cards, and the folder of its training.

    Parameters
    ----------
    path : str or path-like
        The model's file. A suffix .skmer, .joblib, .pkl or .pickle is left out of the other names.

    Returns
    -------
    card, card_json, folds : Path
        Beside the model.

    Examples
    --------
    >>> from skmer.models import files_of
    >>> [path.name for path in files_of("model.skmer")]
    ['model-card.md', 'model-card.json', 'model.folds']
    """
    path = Path(path)
    stem = path.stem if path.suffix.lower() in (".skmer", *PICKLES) else path.name
    return tuple(path.with_name(stem + ending) for ending in ("-card.md", "-card.json", ".folds"))


def save_trained_model(trained, path):
    """Write a model and its cards.

    Parameters
    ----------
    trained : TrainedModel
        Returned by `train_model`.
    path : str or path-like
        The model's file, such as ``model.skmer``. Existing files are replaced, the model first. With a suffix
        .joblib, .pkl or .pickle, it is a pickle, which runs code when it is loaded.

    Returns
    -------
    list of Path
        The model and its cards, see `files_of`.

    Raises
    ------
    OSError
        If a file cannot be written.

    See Also
    --------
    save_model : Writes a pipeline without a card.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer.datasets import make_songs
    >>> from skmer.models import save_trained_model, train_model
    >>> trained = train_model(make_songs(8, duration=3, random_state=0), "log-mel", n_splits=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_trained_model(trained, pathlib.Path(folder) / "model.skmer")]
    ['model.skmer', 'model-card.md', 'model-card.json']
    """
    # these import torch, which read_card, of every command, does without
    from skmer.models.card import card_markdown, usage_commands
    from skmer.models.storage import save_model

    name = Path(path).name
    with _atomic_model(path) as (model, page, plain):
        if is_pickle_name(path):
            joblib.dump(trained.pipeline, model)
        else:
            save_model(trained.pipeline, model)
        # the digest shows whether a card belongs to a model
        usage = usage_commands(trained.card, name)
        card = {**trained.card, "usage": usage, "model": name, "sha256": file_digest(model)}
        page.write_text(card_markdown(card), encoding="utf-8", errors="surrogateescape")
        plain.write_text(json.dumps(card, indent=1, default=str) + "\n", encoding="utf-8")
    return _model_and_cards(path)


def read_card(path):
    """Return the card beside a model as a dict, which is empty where there is none of a model of this name."""
    with suppress(OSError, ValueError):
        card = json.loads(files_of(path)[1].read_text(encoding="utf-8"))
        if isinstance(card, dict) and card.get("model") == Path(path).name:
            return card
    return {}


def copy_model(source, path):
    """Copy a model with its cards to another path with the same name; return the three new files."""
    with _atomic_model(path) as parts:
        for file, part in zip(_model_and_cards(source), parts, strict=True):
            shutil.copyfile(file, part)
    return _model_and_cards(path)


def _model_and_cards(path):
    return [Path(path), *files_of(path)[:2]]


@contextmanager
def _atomic_model(path):
    model, page, plain = _model_and_cards(path)
    # the file that is opened last is renamed first: a card must not exist before its model
    with atomic_write(plain) as third, atomic_write(page) as second, atomic_write(model) as first:
        yield first, second, third


class RunFolder:
    """The folder of a training, new or left by an earlier run, and locked until `close` or the end of the process.

    `path` is the folder, `resumed` is whether an earlier run left it. Raise ValueError if another process uses it, or
    if the path is anything else. The operating system releases the lock of a killed process.
    """

    def __init__(self, path):
        self.path = Path(path)
        mark = self.path / _MARK
        self._check_path(mark)
        self._lock = FileLock(self.path / _LOCK)
        self._acquire(mark)
        self.resumed = mark.is_file()
        mark.write_text(
            "Finished folds of skmer train, and the features of each song. The folder is removed when the model is "
            f"written.\nLast run: process {os.getpid()} on {socket.gethostname()}\n",
            encoding="utf-8",
        )

    @property
    def finished(self):
        """Folder of the model before it is copied to its path."""
        return self.path / "finished"

    def holds_work(self):
        """Return whether there is anything that another run could use."""
        return any(file.suffix in (".json", ".npy", ".pkl", ".joblib") for file in self.path.glob("*/**/*"))

    def close(self):
        """Release the lock."""
        self._lock.release()

    def remove(self):
        """Remove the files of training runs, and the folder if it is then empty."""
        if not self._lock.is_locked:
            return
        if sys.platform == "win32":  # an open file cannot be removed there
            self.close()
        for name in _OWN:
            if (self.path / name).is_dir():
                shutil.rmtree(self.path / name, ignore_errors=True)
            else:
                with suppress(OSError):
                    (self.path / name).unlink()
        self.close()
        # a folder with other files stays, as does the target of a link
        with suppress(OSError):
            self.path.rmdir()

    def _check_path(self, mark):
        if self.path.is_symlink() and not self.path.exists():
            raise ValueError(
                f"{self.path}: this path is needed for finished folds, but is a link to a folder that does not exist. "
                "Create the folder, or remove the link."
            )
        if not self.path.exists() or mark.is_file():
            return
        if not self.path.is_dir() or any(file.name != _LOCK for file in self.path.iterdir()):
            raise ValueError(
                f"{self.path}: this path is needed for finished folds, but was not created by skmer train. Move it "
                "away, or choose another name for the model."
            )

    def _acquire(self, mark):
        while not self._lock.is_locked:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except FileNotFoundError:  # a run that ended has just removed the folder
                continue
            except Timeout as error:
                holder = ""
                with suppress(OSError):
                    holder = mark.read_text(encoding="utf-8").rpartition("Last run: ")[2].strip()
                raise ValueError(
                    f"{self.path}: another skmer train ({holder or 'just started'}) is training this model. Wait until "
                    "it ends, or choose another name for the model."
                ) from error
