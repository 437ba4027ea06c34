"""train_model: from labelled songs to a fitted pipeline and a card that says what it is worth."""

import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skmer.model_selection._fold_jobs import versions
from skmer.model_selection.protocols import check_labels
from skmer.trained_models.cards import LIMITS, usage_of
from skmer.trained_models.configs import read_config
from skmer.trained_models.estimate import choose_folds, estimate, fit_pipeline
from skmer.trained_models.pipelines import SYSTEMS, changed_parameters, check_pipeline, make_pipeline_of
from skmer.trained_models.reading import UnreadableSongs, read_songs
from skmer.training.runtime import choose_device

__all__ = ["TrainedModel", "train_model"]


@dataclass(frozen=True)
class TrainedModel:
    """A fitted pipeline, and what there is to know of it.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted on all songs that could be used.
    card : dict
        What `card_markdown` writes for people, as JSON can hold it.

    See Also
    --------
    train_model : Makes it.
    save_model : Writes it.

    Examples
    --------
    >>> from skmer.trained_models import TrainedModel
    >>> TrainedModel(None, {"system": "log-mel"}).card["system"]
    'log-mel'
    """

    pipeline: Any
    card: dict


def train_model(
    songs,
    system="sssl",
    config=None,
    *,
    n_splits=5,
    seed=0,
    device="auto",
    store=None,
    skip_unreadable=False,
    n_jobs=None,
    verbose=0,
    say=None,
):
    """Estimate how well a system does on labelled songs, then fit it on all of them.

    Parameters
    ----------
    songs : :class:`~sklearn.utils.Bunch`
        As the loaders and `make_songs` give it: ``data`` (paths, or waveforms at the rate of the
        first step), ``target`` and, where songs belong together, ``groups``.
    system : {"sssl", "cross-entropy", "descriptors", "log-mel"}, default="sssl"
        What is trained, see `SYSTEMS`.
    config : dict, str or path-like, default=None
        Parameters by step of the pipeline, as `read_config` takes it.
    n_splits : int, default=5
        Folds of the estimate; 0 goes without. A class with fewer songs, or groups, lowers it.
    seed : int, default=0
        Decides the folds and the training.
    device : str, default="auto"
        A torch device. It decides the defaults too: VGG16 and 30 epochs on CUDA, elsewhere the
        `small` backbone of width 16 with 12 epochs, or 5 for cross-entropy.
    store : str or path-like, default=None
        Folder for finished folds and for what is made of each file, so that a run that was
        stopped goes on; by default a temporary one.
    skip_unreadable : bool, default=False
        Whether songs that cannot be used are left out, and named on the card; otherwise they
        are an error.
    n_jobs : int, default=None
        Threads that read songs, and processes over folds.
    verbose : int, default=0
        1 shows progress with the time left.
    say : callable, default=None
        Called with each line of a report on the way, such as `print`.

    Returns
    -------
    TrainedModel
        Pipeline and card. The pipeline knows nothing of the cache.

    Raises
    ------
    UnreadableSongs
        If songs cannot be used; the message names all of them.
    ValueError
        If a parameter, the config or the labels do not fit.

    See Also
    --------
    save_model : Writes the model and its card.
    skmer.model_selection.run_experiment : Compares systems.

    Notes
    -----
    Each file is decoded once, before any training. The training is stratified by class, and
    groups are kept on one side; the test of the accuracy against that of the commonest
    class is `skmer.model_selection.corrected_paired_test`. The figures are those of models
    trained on a part of the songs: the one that is given has learnt from all.

    Examples
    --------
    >>> from skmer.datasets import make_songs
    >>> from skmer.trained_models import train_model
    >>> songs = make_songs(16, duration=4, random_state=0)
    >>> trained = train_model(songs, "log-mel", n_splits=2)
    >>> trained.card["estimate"]["protocol"]
    '2 stratified folds, the songs of a group always on one side'
    """
    began = time.monotonic()
    say = (lambda line: None) if say is None else say
    config = {} if config is None else read_config(config)
    pipeline = make_pipeline_of(system, config, device, seed)
    given = _given(songs)
    # all that can be refused is, before any work
    check_pipeline(pipeline, np.unique(given.target).tolist())
    choose_folds(given.target, given.groups, n_splits)
    say(f"{len(given.target):,} songs to read: {_counts(given.target)}. {_about_groups(given.groups)}")
    say(f"System {system} on {choose_device(device)}: {_told(changed_parameters(pipeline))}.")
    with _folder(store) as work:
        pipeline.set_params(**{f"{pipeline.steps[0][0]}__memory": str(work / "songs")})
        counts, unreadable = read_songs(pipeline[0], given.data, given.names, n_jobs, verbose)
        if unreadable and not skip_unreadable:
            raise UnreadableSongs(unreadable, len(counts))
        used = _usable(given, counts)
        if unreadable:
            songs_used = f"{len(used.target):,} of {len(given.target):,} songs are used"
            say(f"{songs_used}: {_counts(used.target)}. {_about_groups(used.groups)}")
        n_splits, lowered = choose_folds(used.target, used.groups, n_splits)
        found = None
        if n_splits:
            folds = work / "folds"
            found = estimate(
                pipeline, system, used.data, used.target, used.groups, n_splits, seed, folds, n_jobs, verbose
            )
            n_found = found.pop("n_found")
            say(f"\n{found['protocol'].capitalize()}; mean ± sd over folds{_taken_up(n_found)}:\n\n{found['table']}\n")
            say(found["sentence"])
        say(f"Fit on all {len(used.target):,} songs.")
        told = _fit(pipeline, used, n_jobs, verbose)
    card = {
        **_about_model(pipeline, system),
        "data": {
            **_about_songs(used, songs),
            "used": _heard(pipeline[0], counts),
            "unreadable": unreadable,
        },
        "estimate": found,
        "seed": seed,
        "device": choose_device(device),
        "seconds": round(time.monotonic() - began, 1),
        "config": config,
        "remarks": ([] if lowered is None else [lowered]) + told,
    }
    return TrainedModel(pipeline, card)


@dataclass(frozen=True)
class _Songs:
    """Songs, their labels, their groups (None where each is one of its own) and what messages call them."""

    data: list
    target: np.ndarray
    groups: np.ndarray | None
    names: list


def _given(songs):
    target = check_labels(songs.target, "target")
    names = list(songs.get("names", [_name(song, i) for i, song in enumerate(songs.data)]))
    return _Songs(list(songs.data), target, _groups(songs), names)


def _usable(given, counts):
    """Leave out the songs of which nothing could be read."""
    kept = [i for i, count in enumerate(counts) if count is not None]
    target = given.target[kept]
    if len(np.unique(target)) < 2:
        raise ValueError(f"The songs that can be used have {len(np.unique(target))} class: at least two are needed.")
    groups = None if given.groups is None else given.groups[kept]
    return _Songs([given.data[i] for i in kept], target, groups, [given.names[i] for i in kept])


def _about_model(pipeline, system):
    classes = pipeline[-1].classes_.tolist()
    return {
        "title": f"A model of the emotion of songs: {', '.join(map(str, classes))}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "system": system,
        "what": SYSTEMS[system],
        "classes": classes,
        "parameters": changed_parameters(pipeline),
        "versions": versions(),
        "usage": usage_of(system, "MODEL"),
        "limits": LIMITS,
    }


def _about_songs(used, songs):
    return {
        "n_songs": len(used.target),
        "songs_per_class": dict(zip(*_per_class(used.target), strict=True)),
        "labels_from": songs.get("labels_from", "given in Python"),
        "groups": _about_groups(used.groups),
        "left_out": [str(path) for path in songs.get("left_out", [])],
        "why_out": songs.get("why_out", "no audio by the ending"),
        "songs": used.names,
    }


def _fit(pipeline, used, n_jobs, verbose):
    """Fit the pipeline, leave no trace of this run in it, and give what was warned of."""
    if "sssl" in pipeline.named_steps:
        pipeline.set_params(sssl__n_jobs=n_jobs, sssl__verbose=verbose)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        fit_pipeline(pipeline, used.data, used.target, used.groups)
    for _, step in pipeline.steps:
        defaults, own = type(step)().get_params(deep=False), step.get_params(deep=False)
        step.set_params(**{name: defaults[name] for name in ("memory", "n_jobs", "verbose") if name in own})
    return list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught))


@contextmanager
def _folder(store):
    """Give the folder of a run: the caller's, or one that goes when the run ends."""
    if store is not None:
        Path(store).mkdir(parents=True, exist_ok=True)
        yield Path(store).absolute()
        return
    with TemporaryDirectory(prefix="skmer-train-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _name(song, i):
    return f"waveform {i}" if isinstance(song, np.ndarray) else str(song)


def _groups(songs):
    """Give the groups, or None where each song is one of its own."""
    groups = songs.get("groups")
    if groups is None:
        return None
    groups = check_labels(groups, "groups")
    if len(groups) != len(songs.data):
        raise ValueError(f"groups has {len(groups)} entries for {len(songs.data)} songs: give one a song.")
    return groups if len(np.unique(groups)) < len(groups) else None


def _about_groups(groups):
    if groups is None:
        return "Each song is a group of its own: if several are by one artist, folds do not keep them apart."
    return f"The songs are of {len(np.unique(groups)):,} groups, such as artists, which folds keep apart."


def _per_class(target):
    names, counts = np.unique(target, return_counts=True)
    return [str(name) for name in names], counts.tolist()


def _counts(target):
    return ", ".join(f"{name} {count}" for name, count in zip(*_per_class(target), strict=True))


def _told(changed):
    steps = []
    for step, values in changed.items():
        steps.append(f"{step}({', '.join(f'{name}={value!r}' for name, value in values.items())})" if values else step)
    return ", ".join(steps)


def _taken_up(n_found):
    return "" if not n_found else f" ({n_found} of them found finished from an earlier run)"


def _heard(reader, counts):
    """Say how much of each song was heard."""
    counts = [count for count in counts if count is not None]
    longest = getattr(reader, "max_duration", None)
    much = "Whole songs were used" if longest is None else f"The first {longest:g} s of each song were used"
    if not any(counts):
        return f"{much}."
    return f"{much}: {sum(counts):,} segments of {reader.duration:g} s."
