"""save_model: the model's file and its two cards, whole or not there; the folder of a run, and its end."""

import json
import os
import shutil
from pathlib import Path

import joblib

from skmer.file_digest import file_digest
from skmer.trained_models.cards import card_markdown

__all__ = ["files_of", "open_store", "remove_store", "save_model"]

_MARK = "made-by-skmer-train.txt"
_WORDS = "Finished folds of skmer train, and what it made of each song. It is removed when the model is written.\n"


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
    >>> from skmer.trained_models import files_of
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
        The model's file; files that are there are replaced.

    Returns
    -------
    list of Path
        The model and its cards, `files_of` tells which.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer.datasets import make_songs
    >>> from skmer.trained_models import save_model, train_model
    >>> trained = train_model(make_songs(8, duration=3, random_state=0), "log-mel", n_splits=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in save_model(trained, pathlib.Path(folder) / "model.joblib")]
    ['model.joblib', 'model-card.md', 'model-card.json']
    """
    # through a link, so that the link stays one
    model = Path(os.path.realpath(path))
    places = [model, *files_of(path)[:2]]
    parts = [place.with_name(f".{place.name}.{os.getpid()}.part") for place in places]
    try:
        joblib.dump(trained.pipeline, parts[0])
        usage = [line.replace(" MODEL ", f" {Path(path).name} ") for line in trained.card["usage"]]
        # by the digest one can tell whether a card belongs to a file
        card = {**trained.card, "usage": usage, "model": Path(path).name, "sha256": file_digest(parts[0])}
        parts[1].write_text(card_markdown(card), encoding="utf-8", errors="surrogateescape")
        parts[2].write_text(json.dumps(card, indent=1, default=str) + "\n", encoding="utf-8")
        for part, place in zip(parts, places, strict=True):
            os.replace(part, place)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return [Path(path), *files_of(path)[:2]]


def open_store(folder):
    """Make the folder of a run, or take up that of an earlier one.

    Parameters
    ----------
    folder : Path
        Which one.

    Returns
    -------
    bool
        Whether an earlier run left it.

    Raises
    ------
    ValueError
        If there is something else in its place.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer.trained_models.saving import open_store, remove_store
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folds = pathlib.Path(folder) / "model.folds"
    ...     open_store(folds), open_store(folds), remove_store(folds), folds.exists()
    (False, True, None, False)
    """
    folder = Path(folder)
    if folder.exists() and not (folder / _MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            f"{folder}: finished folds would be kept there, but this is not what skmer train left. Move it away, or "
            "name another model."
        )
    earlier = (folder / _MARK).is_file()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MARK).write_text(_WORDS, encoding="utf-8")
    return earlier


def remove_store(folder):
    """Remove the folder of a run.

    Parameters
    ----------
    folder : Path
        That `open_store` made; another one is left as it is.
    """
    folder = Path(folder)
    if (folder / _MARK).is_file():
        shutil.rmtree(folder, ignore_errors=True)
