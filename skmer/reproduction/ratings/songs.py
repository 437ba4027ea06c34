"""Songs with ratings of valence and arousal, how far their raters agree, and their folds."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold, KFold

from skmer.datasets import COLLECTIONS
from skmer.datasets._paths import path_kind
from skmer.datasets.vgmidi import VGMIDI
from skmer.model_selection import Protocol

__all__ = ["DATASETS", "TARGETS", "RatedCollection", "Spread", "check_dataset", "folds_of", "load_rated", "plural"]

TARGETS = ("valence", "arousal")
# the scale of the ratings of songs, and of those over time
_SCALES = {
    "pmemo": ((0, 1), (0, 1)),
    "deam": ((1, 9), (-1, 1)),
    "eim": ((1, 9), (-1, 1)),
    "vgmidi": ((-1, 1), (-1, 1)),
}
DATASETS = tuple(_SCALES)
_ASSUMED = 10  # raters a song, where they are not counted
_EXCHANGED = (
    "EiM and DEAM share 744 songs, whose files name valence what those of the other call arousal: the names here are "
    "those of the files."
)
_NOTES = {"eim": _EXCHANGED, "deam": _EXCHANGED}


@dataclass(frozen=True)
class Spread:
    """Deviations of the raters of each song, with n - 1, and their numbers; `note` says what is assumed."""

    deviations: np.ndarray
    n_raters: np.ndarray
    note: str


@dataclass(frozen=True)
class RatedCollection:
    """The songs of a collection.

    `ratings` has shape (n_songs, 2), valence first. `splits` are published, `spread` is None if it is unknown, and
    `dynamic` are the ratings over time, or None where they are not wanted. `scales` are those of `ratings` and of
    `dynamic`.
    """

    dataset: str
    title: str
    unit: str
    group: str
    paths: list
    ratings: np.ndarray
    groups: np.ndarray
    splits: dict
    spread: Spread | None
    dynamic: list | None
    scales: tuple
    notes: tuple

    @property
    def grouped(self):
        """Whether several songs are of one group, such as an artist."""
        return len(np.unique(self.groups)) < len(self.groups)

    def to_over_time(self, ratings):
        """Convert ratings on the scale of songs to that of ratings over time."""
        return _rescale(ratings, *self.scales)

    def to_songs(self, ratings):
        """Convert ratings on the scale of ratings over time to that of songs."""
        return _rescale(ratings, *self.scales[::-1])


def _rescale(ratings, old, new):
    if old == new:
        return np.asarray(ratings, dtype=np.float64)
    return new[0] + (np.asarray(ratings) - old[0]) * (new[1] - new[0]) / (old[1] - old[0])


def check_dataset(dataset):
    """Raise ValueError for a collection without ratings, or an unknown one."""
    if dataset not in DATASETS:
        text = f"dataset must be one of {', '.join(DATASETS)}, got {dataset!r}"
        known = dataset in COLLECTIONS and dataset != "csv"
        raise ValueError(f"{text}: {COLLECTIONS[dataset].title} has classes, but no ratings." if known else f"{text}.")


def load_rated(dataset, data_home=None, over_time=False):
    """Load a collection with ratings, with `over_time` also its ratings over time."""
    check_dataset(dataset)
    collection = COLLECTIONS[dataset]
    songs = _load(collection, data_home, over_time)
    dynamic = songs.dynamic if over_time else None
    if dynamic is not None and not any(len(ratings.ends) for ratings in dynamic):
        raise ValueError(f"No {collection.unit} of {collection.title} has ratings over time: leave out over_time.")
    return RatedCollection(
        dataset=dataset,
        title=collection.title,
        unit=collection.unit,
        group=collection.group,
        paths=list(songs.data),
        ratings=songs.target,
        groups=np.asarray(songs.groups),
        splits=songs.get("splits", {}),
        spread=_SPREADS[dataset](songs),
        # ratings of single listeners are many, and no system learns from them
        dynamic=None if dynamic is None else [replace(ratings, listeners=None) for ratings in dynamic],
        scales=_SCALES[dataset],
        notes=(_NOTES[dataset],) if dataset in _NOTES else (),
    )


def _load(collection, data_home, over_time):
    own: dict[str, Any] = {"task": "dimensional"}
    if collection.name == "vgmidi":
        # the deviation of a piece's mean rating follows from single listeners only
        own["listeners"] = path_kind(VGMIDI.find(data_home) / "raters.csv") != "nothing"
        return collection.loader(data_home, **own)
    if not over_time:
        return collection.loader(data_home, **own)
    try:
        return collection.loader(data_home, dynamic=True, **own)
    except FileNotFoundError as error:
        # raises an error of its own if more is missing than the ratings over time
        collection.loader(data_home, **own)
        raise FileNotFoundError(
            f"The ratings over time are missing: {error} Leave out over_time (--over-time) to learn the ratings of "
            "whole songs only."
        ) from error


# ---- raters ----------------------------------------------------------------------------------------


def _published(songs):
    if songs.valence_std is None or songs.arousal_std is None:
        return None
    return np.column_stack([songs.valence_std, songs.arousal_std])


def _spread_of_eim(songs):
    deviations = _published(songs)
    if deviations is None:
        return None
    n_raters = np.full(len(deviations), _ASSUMED)
    return Spread(deviations, n_raters, f"{_ASSUMED} raters a song are assumed")


def _spread_of_pmemo(songs):
    deviations = _published(songs)
    if deviations is None:
        return None
    note = f"{_ASSUMED} raters a song, the least number, and deviations with n - 1 are assumed"
    return Spread(deviations, np.full(len(deviations), _ASSUMED), note)


def _spread_of_deam(songs):
    deviations = _published(songs)
    if deviations is None:
        return None
    counts = np.zeros(len(deviations), dtype=int) if songs.n_raters is None else songs.n_raters
    n_raters = np.where(counts > 0, counts, _ASSUMED)
    note = "deviations are published with n, and converted to n - 1; "
    if (counts > 0).all():
        note += "raters are counted for each song"
    else:
        note += f"{_ASSUMED} raters are assumed for {'songs whose raters are not listed' * any(counts) or 'each song'}"
    several = np.maximum(n_raters, 2)
    return Spread(deviations * np.sqrt(several / (several - 1))[:, None], n_raters, note)


def _spread_of_vgmidi(songs):
    if any(ratings.listeners is None for ratings in songs.dynamic):
        return None
    whole = [ratings.over(ratings.starts[:1], ratings.ends[-1:]) for ratings in songs.dynamic]
    n_raters = np.array([ratings.n_listeners for ratings in songs.dynamic])
    note = "the deviation is that of the listeners' means over a piece"
    return Spread(np.concatenate([ratings.deviation for ratings in whole]), n_raters, note)


_SPREADS = {
    "pmemo": _spread_of_pmemo,
    "deam": _spread_of_deam,
    "eim": _spread_of_eim,
    "vgmidi": _spread_of_vgmidi,
}


# ---- folds -----------------------------------------------------------------------------------------


def folds_of(songs, kind=None, n_splits=5):
    """Return pairs of training and test songs, the kind of folds, and their description.

    `kind` is "grouped", "random" or the name of a published split. None is "grouped", or "random" where each song is
    a group of its own.
    """
    alone = f"{songs.title} names no {'artists' if songs.group in ('song', 'artist') else songs.group}"
    if kind is None:
        kind = "grouped" if songs.grouped else "random"
    if kind not in ("grouped", "random"):
        if kind not in songs.splits:
            known = ", ".join(["grouped", "random", *songs.splits])
            raise ValueError(f"{songs.title} has no protocol {kind!r}: choose one of {known}.")
        folds = Protocol(kind).split(songs.ratings, splits=songs.splits)
        text = f"the published split {kind}" + _shared(songs, folds)
    elif kind == "grouped" and not songs.grouped:
        raise ValueError(f"Folds cannot be grouped, because {alone}: choose the protocol 'random'.")
    else:
        n_groups = len(np.unique(songs.groups)) if kind == "grouped" else len(songs.groups)
        if n_splits > n_groups:
            what = songs.group if kind == "grouped" else songs.unit
            raise ValueError(f"n_splits={n_splits} is more than the {n_groups} {plural(what)}: lower it.")
        splitter = (GroupKFold if kind == "grouped" else KFold)(n_splits, shuffle=True, random_state=0)
        folds = list(splitter.split(songs.ratings, groups=songs.groups if kind == "grouped" else None))
        if kind == "grouped":
            text = f"{n_splits} folds, the {songs.unit}s of {_a(songs.group)} in one fold"
        elif songs.grouped:
            text = f"{n_splits} random folds" + _shared(songs, folds)
        else:
            text = f"{n_splits} random folds, because {alone}: an artist may be in training and test songs"
    if min(len(test) for _, test in folds) < 2:
        raise ValueError(f"A fold of {len(folds)} has fewer than two test {songs.unit}s: lower n_splits.")
    return folds, kind, text


def plural(group):
    """Return the plural of what a group, such as an artist or a series of games, is called."""
    return group if group.endswith("s") else f"{group}s"


def _a(group):
    return f"{'an' if group[0] in 'aeiou' else 'a'} {group}"


def _shared(songs, folds):
    """Return how many test songs have a group, such as an artist, that training songs have too."""
    shared = sum(int(np.isin(songs.groups[test], songs.groups[train]).sum()) for train, test in folds)
    n_test = sum(len(test) for _, test in folds)
    return f"; {shared:,} of {n_test:,} test {songs.unit}s are of {_a(songs.group)} of training {songs.unit}s"
