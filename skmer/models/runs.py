"""train_model: from labelled songs to a fitted pipeline and a card that says what it is worth."""

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from skmer._run_parameters import WITHOUT_TRACE
from skmer.model_selection.protocols import check_labels
from skmer.models.cards import about_groups, about_model, about_songs, class_counts, heard, steps_in_words
from skmer.models.configs import read_config
from skmer.models.estimate import choose_folds, estimate, fit_pipeline, stratified_folds
from skmer.models.pipelines import (
    changed_parameters,
    check_cross_fitting,
    check_device,
    check_pipeline,
    make_pipeline_of,
)
from skmer.models.reading import UnreadableSongs, read_songs
from skmer.models.remarks import collect_remarks
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
    >>> from skmer.models import TrainedModel
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
        If songs cannot be used; the message names all of them. With `skip_unreadable`, if a class
        has no song that can be used.
    ValueError
        If a parameter, the config or the labels do not fit.
    OSError
        If the store cannot be written.

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
    >>> from skmer.models import train_model
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
    check_device(device)
    check_pipeline(pipeline, np.unique(given.target).tolist(), configured=bool(config))
    n_possible, _ = choose_folds(given.target, given.groups, n_splits)
    divided = stratified_folds(given.target, given.groups, n_possible, seed)
    check_cross_fitting(pipeline, given.target, given.groups, divided)
    say(f"{len(given.target):,} songs to read: {class_counts(given.target)}. {about_groups(given.groups)}")
    say(f"System {system} on {choose_device(device)}: {steps_in_words(changed_parameters(pipeline))}.")
    with _folder(store) as work:
        resumed = (work / "songs").exists()
        pipeline.set_params(**{f"{pipeline.steps[0][0]}__memory": str(work / "songs")})
        counts, unreadable = read_songs(pipeline[0], given.data, given.names, n_jobs, verbose)
        lost = _lost_classes(given, counts)
        if lost or (unreadable and not skip_unreadable):
            raise UnreadableSongs(unreadable, len(counts), lost)
        used = _usable(given, counts)
        if unreadable:
            songs_used = f"{len(used.target):,} of {len(given.target):,} songs are used"
            say(f"{songs_used}: {class_counts(used.target)}. {about_groups(used.groups)}")
        n_splits, lowered = choose_folds(used.target, used.groups, n_splits)
        if unreadable:
            divided = stratified_folds(used.target, used.groups, n_splits, seed)
            check_cross_fitting(pipeline, used.target, used.groups, divided)
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
        **about_model(pipeline, system),
        "data": {
            **about_songs(used, songs),
            "used": heard(pipeline[0], counts),
            "unreadable": unreadable,
        },
        "estimate": found,
        "seed": seed,
        "device": choose_device(device),
        "seconds": round(time.monotonic() - began, 1),
        "resumed": resumed,
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
    if len(target) != len(songs.data):
        raise ValueError(f"target has {len(target)} entries for {len(songs.data)} songs: give one a song.")
    classes = np.unique(target)
    if len(classes) < 2:
        which = f"all songs are of the class {str(classes[0])!r}" if len(classes) else "there are no songs"
        raise ValueError(f"At least two classes are needed, but {which}.")
    names = list(songs.get("names", [_name(song, i) for i, song in enumerate(songs.data)]))
    if len(names) != len(songs.data):
        raise ValueError(f"names has {len(names)} entries for {len(songs.data)} songs: give one a song.")
    often = Counter(names)
    # what is wrong with songs is told by name
    names = [f"{name} (at position {i})" if often[name] > 1 else name for i, name in enumerate(names)]
    return _Songs(list(songs.data), target, _groups(songs), names)


def _lost_classes(given, counts):
    """Name the classes of which no song could be read."""
    read = np.array([count is not None for count in counts])
    return [str(name) for name in np.unique(given.target) if not read[given.target == name].any()]


def _usable(given, counts):
    """Leave out the songs of which nothing could be read."""
    kept = [i for i, count in enumerate(counts) if count is not None]
    groups = None if given.groups is None else given.groups[kept]
    return _Songs([given.data[i] for i in kept], given.target[kept], groups, [given.names[i] for i in kept])


def _fit(pipeline, used, n_jobs, verbose):
    """Fit the pipeline, leave no trace of this run in it, and give what was warned of."""
    if "sssl" in pipeline.named_steps:
        pipeline.set_params(sssl__n_jobs=n_jobs, sssl__verbose=verbose)
    with collect_remarks() as remarks:
        fit_pipeline(pipeline, used.data, used.target, used.groups)
    for _, step in pipeline.steps:
        defaults, own = type(step)().get_params(deep=False), step.get_params(deep=False)
        step.set_params(**{name: defaults[name] for name in WITHOUT_TRACE if name in own})
    return remarks


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


def _taken_up(n_found):
    return "" if not n_found else f" ({n_found} of them found finished from an earlier run)"
