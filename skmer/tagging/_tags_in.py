"""The door of a tagger: what y may be, and which songs are held out for validation."""

import warnings

import numpy as np
from scipy.sparse import issparse

from skmer._io import format_names

__all__ = [
    "SongNotFiniteError",
    "both_kinds",
    "check_groups",
    "check_tags",
    "draw_validation",
    "refuse_not_finite",
    "refuse_other_names",
    "warn_of_tags",
]

_DRAWS = 50  # of validation songs, of which the best is taken


def check_tags(estimator, y, n_songs, n_tags=None, name="y", X_name="X"):
    """Give the names of the tags and an integer array (n_songs, n_tags) of 0 and 1; refuse all else in words."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires {name} to be passed, but the target {name} is None: give an array of "
            "0 and 1 of shape (n_songs, n_tags)."
        )
    columns = getattr(y, "columns", None)
    try:
        values = y.toarray() if issparse(y) else np.asarray(y)
    except ValueError:
        raise ValueError(f"{name} has rows of unequal lengths: give each song a 0 or 1 for every tag.") from None
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"{name} must have the shape (n_songs, n_tags), a column of 0 and 1 for each tag, not {values.shape} as "
            "classes or continuous values have: sklearn.preprocessing.MultiLabelBinarizer makes it from lists of tags."
        )
    if len(values) != n_songs:
        raise ValueError(f"{X_name} has {n_songs} songs but {name} has {len(values)} rows: give a row of tags a song.")
    if n_tags is not None and values.shape[1] != n_tags:
        raise ValueError(f"{name} has {values.shape[1]} tags, but there are {n_tags}: give the same columns.")
    if values.dtype.kind not in "buif":
        try:
            values = values.astype(float)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must hold 0 and 1, not values of type {values.dtype}.") from None
    wrong = np.argwhere((values != 0) & (values != 1))
    if len(wrong):
        song, tag = wrong[0]
        raise ValueError(
            f"{name} must hold 0 and 1 alone, not {values[song, tag]:g} as for song {song} and tag {tag}: neither "
            "numbers of classes nor continuous or missing values."
        )
    tags = np.arange(values.shape[1]) if columns is None else np.asarray(columns)
    return tags, values.astype(np.int64)


def refuse_other_names(named):
    """Refuse tags that have other names, or another order, than elsewhere; numbers are no names."""
    known = {where: list(tags) for where, tags in named.items() if any(isinstance(tag, str) for tag in tags)}
    for where, tags in known.items():
        first, expected = next(iter(known.items()))
        if tags != expected:
            raise ValueError(
                f"The tags of {first} are {', '.join(map(str, expected))}, but those of {where} "
                f"{', '.join(map(str, tags))}: they must be the same in the same order."
            )


def check_groups(groups, n_songs):
    """Give the group of each song as a number; a group of its own where there are none."""
    if groups is None:
        return np.arange(n_songs)
    groups = np.asarray(groups)
    if groups.shape != (n_songs,):
        raise ValueError(f"groups has the shape {groups.shape} for {n_songs} songs: give one group a song.")
    return np.unique(groups, return_inverse=True)[1]


def both_kinds(y):
    """Tell of each tag whether there are songs with it and songs without it."""
    return y.any(0) & ~y.all(0)


def draw_validation(y, groups, fraction, seed):
    """Draw validation songs; give whether each song is one.

    Of some draws, the one is taken in which the most tags have both kinds of songs on both sides, for what has no
    songs on one side cannot be learnt or not be judged; among equals the one nearest to `fraction`.
    """
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        raise ValueError(
            f"validation_fraction={fraction:g} leaves no validation song: there is one "
            f"{'song (one sample)' if len(y) == 1 else 'group of songs'} only. Give X_val and y_val."
        )
    rng = np.random.default_rng(seed)
    best, best_rank = None, None
    for _ in range(_DRAWS):
        order = rng.permutation(len(sizes))
        # at least one group on each side
        distance = np.abs(np.cumsum(sizes[order])[:-1] - fraction * len(y))
        held = np.isin(groups, order[: np.argmin(distance) + 1])
        rank = (-int((both_kinds(y[held]) & both_kinds(y[~held])).sum()), distance.min())
        if best_rank is None or rank < best_rank:
            best, best_rank = held, rank
    return best


class SongNotFiniteError(ValueError):
    """A song has NaN or infinity in it."""

    def __init__(self, song, collection):
        super().__init__(song, collection)
        self.song, self.collection = song, collection

    def __str__(self):
        return f"Song {self.song} of {self.collection} has NaN or infinity in it: mend or leave out its recording."


def refuse_not_finite(songs, name):
    """Refuse songs with NaN or infinity, by the number that the user knows them by."""
    for i in range(len(songs)):
        song = songs[i] if songs.window is None else songs.frames(i)
        if not np.isfinite(song).all():
            raise SongNotFiniteError(i, name)


def warn_of_tags(tags, what):
    """Warn of tags by name, if there are any."""
    if len(tags):
        warnings.warn(f"{what}: {format_names(tags)}.", UserWarning, stacklevel=4)
