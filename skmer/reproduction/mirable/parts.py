"""Part: which songs teach, with tags or without, which stop and set thresholds, and which are judged."""

from dataclasses import dataclass

import numpy as np

from skmer.tagging._base import draw_validation, has_both_labels

__all__ = ["Part", "grouped_parts", "published_part"]

VALIDATION = 0.2  # of the training songs of a fold
_DRAWS = 50


@dataclass(frozen=True)
class Part:
    """The songs of a fold, as positions.

    Parameters
    ----------
    fold : int
        Its number, from 0.
    labelled : ndarray
        Songs that every row learns from.
    unlabelled : ndarray
        Songs that students hear, without tags.
    validation : ndarray
        Songs that end a training, and decide thresholds and the weight of the ensemble.
    test : ndarray
        Songs that are judged.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import Part
    >>> Part(0, *np.split(np.arange(8), 4)).songs
    array([0, 1, 2, 3, 4, 5, 6, 7])
    """

    fold: int
    labelled: np.ndarray
    unlabelled: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def songs(self):
        """All of them, sorted."""
        return np.sort(np.concatenate([self.labelled, self.unlabelled, self.validation, self.test]))


def published_part(songs, hide=0.0):
    """Give the one part of a published split.

    Parameters
    ----------
    songs : TaggedSongs
        With the parts of the split.
    hide : float, default=0.0
        Share of the training songs, artist by artist, whose tags are hidden from every row. With 0 the
        songs without tags are the unlabelled ones.

    Returns
    -------
    Part
        The split.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import published_part
    >>> from skmer.reproduction.mirable.songs import TaggedSongs
    >>> parts = {"train": np.array([0]), "validation": np.array([1]), "test": np.array([2])}
    >>> published_part(TaggedSongs("X", "song", list("abcd"), np.ones((3, 1)), ["sad"], np.arange(3), parts)).unlabelled
    array([3])
    """
    train, unlabelled = np.sort(songs.parts["train"]), songs.untagged
    if hide:
        hidden = _held(songs, train, hide, "hidden")
        train, unlabelled = train[~hidden], np.concatenate([train[hidden], unlabelled])
    return Part(0, train, unlabelled, np.sort(songs.parts["validation"]), np.sort(songs.parts["test"]))


def grouped_parts(songs, n_splits=5, hide=0.5):
    """Divide songs into folds, an artist's songs always on one side.

    Parameters
    ----------
    songs : TaggedSongs
        With artists.
    n_splits : int, default=5
        Number of folds. Of some draws, the one is taken in which the most tags of the most folds have
        songs with and without them, and then the one in which they are spread most evenly.
    hide : float, default=0.5
        Share of the training songs, artist by artist and after a fifth of them was taken for validation, whose tags are
        hidden from every row.

    Returns
    -------
    list of Part
        The folds.

    Raises
    ------
    ValueError
        If there are too few artists.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import grouped_parts
    >>> from skmer.reproduction.mirable.songs import TaggedSongs
    >>> target = np.arange(40)[:, None] // [1, 2] % 2
    >>> parts = grouped_parts(TaggedSongs("X", "song", ["x"] * 40, target, ["sad", "happy"], np.arange(40)))
    >>> [[len(part.labelled), len(part.unlabelled), len(part.validation), len(part.test)] for part in parts][0]
    [13, 13, 6, 8]
    """
    artist = np.unique(songs.groups, return_inverse=True)[1]
    if n_splits > artist.max() + 1:
        raise ValueError(f"n_splits={n_splits} is more than the {artist.max() + 1} artists: lower it.")
    fold_of = _draw_folds(songs.target, artist, n_splits)
    parts = []
    for fold in range(n_splits):
        test, train = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        valid = _held(songs, train, VALIDATION, "validation")
        validation, train = train[valid], train[~valid]
        hidden = _held(songs, train, hide, "hidden") if hide else np.zeros(len(train), bool)
        parts.append(Part(fold, train[~hidden], train[hidden], validation, test))
    return parts


def _held(songs, positions, share, what):
    groups = np.unique(songs.groups[positions], return_inverse=True)[1]
    if groups.max() < 1:
        raise ValueError(
            f"The {len(positions)} training {songs.unit}s are of one artist: there are none to be {what} ones. "
            "Use more songs or other folds."
        )
    return draw_validation(songs.target[positions], groups, share, seed=0)


def _draw_folds(target, artist, n_splits):
    sizes = np.bincount(artist)
    rng = np.random.default_rng(0)
    best, best_rank = None, None
    for _ in range(_DRAWS):
        fold_of_artist, filled = np.empty(len(sizes), int), np.zeros(n_splits, int)
        order = rng.permutation(len(sizes))
        # the artists of most songs first, so that folds become even
        for one in order[np.argsort(-sizes[order], kind="stable")]:
            fold_of_artist[one] = filled.argmin()
            filled[filled.argmin()] += sizes[one]
        fold_of = fold_of_artist[artist]
        judged = sum(
            int((has_both_labels(target[fold_of == fold]) & has_both_labels(target[fold_of != fold])).sum())
            for fold in range(n_splits)
        )
        shares = np.stack([target[fold_of == fold].mean(0) for fold in range(n_splits)])
        rank = (-judged, float(shares.std(0).mean()))
        if best_rank is None or rank < best_rank:
            best, best_rank = fold_of, rank
    return best
