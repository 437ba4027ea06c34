"""save_model: the model's file and its two cards, each whole or not there."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import joblib

from skmer._io import atomic_write, file_digest
from skmer.models.cards import card_markdown, usage_of

__all__ = ["copy_model", "files_of", "save_model"]


def files_of(path):
    """Name what belongs to a model: its cards, and the folder of its training.

    Parameters
    ----------
    path : str or path-like
        The model's file. Of its name, an ending .joblib, .pkl or .pickle is not taken on.

    Returns
    -------
    card, card_json, folds : Path
        Beside the model.

    Examples
    --------
    >>> from skmer.models import files_of
    >>> [path.name for path in files_of("model.joblib")]
    ['model-card.md', 'model-card.json', 'model.folds']
    """
    path = Path(path)
    stem = path.stem if path.suffix.lower() in (".joblib", ".pkl", ".pickle") else path.name
    return tuple(path.with_name(stem + ending) for ending in ("-card.md", "-card.json", ".folds"))


def save_model(trained, path):
    """Write a model and its cards.

    Parameters
    ----------
    trained : TrainedModel
        What `train_model` gave.
    path : str or path-like
        The model's file; files that are there are replaced, the model first.

    Returns
    -------
    list of Path
        The model and its cards, `files_of` tells which.

    Raises
    ------
    OSError
        If they cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer.datasets import make_songs
    >>> from skmer.models import save_model, train_model
    >>> trained = train_model(make_songs(8, duration=3, random_state=0), "log-mel", n_splits=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_model(trained, pathlib.Path(folder) / "model.joblib")]
    ['model.joblib', 'model-card.md', 'model-card.json']
    """
    name = Path(path).name
    with _whole_model(path) as (model, page, plain):
        joblib.dump(trained.pipeline, model)
        # by the digest one can tell whether a card belongs to a file
        card = {
            **trained.card, "usage": usage_of(trained.card["system"], name), "model": name, "sha256": file_digest(model)
        }  # fmt: skip
        page.write_text(card_markdown(card), encoding="utf-8", errors="surrogateescape")
        plain.write_text(json.dumps(card, indent=1, default=str) + "\n", encoding="utf-8")
    return _files(path)


def copy_model(source, path):
    """Copy a model with its cards to a place with the same name; give the three files there."""
    with _whole_model(path) as parts:
        for file, part in zip(_files(source), parts, strict=True):
            shutil.copyfile(file, part)
    return _files(path)


def _files(path):
    return [Path(path), *files_of(path)[:2]]


@contextmanager
def _whole_model(path):
    model, page, plain = _files(path)
    # what is opened last gets its name first: a card must not be there before its model
    with atomic_write(plain) as third, atomic_write(page) as second, atomic_write(model) as first:
        yield first, second, third
