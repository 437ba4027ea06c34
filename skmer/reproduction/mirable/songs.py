"""Collections of the second paper's tables, and their division into training, validation and test songs."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from skmer.datasets import load_emotify, load_mtg_jamendo
from skmer.training.holdout import draw_validation, has_both_labels

__all__ = ["DATASETS", "SHARE", "VALIDATION", "TaggedSongs", "TaggingSplit", "grouped_splits", "load_songs"]

DATASETS = ("mtg_jamendo", "emotify")
SHARE = 0.25  # smallest share of listeners for which an emotion of Emotify is a tag
VALIDATION = 0.2  # of the training songs of a fold
_TRACK = re.compile(r"\d+(\.low)?\.mp3")
_DRAWS = 50


@dataclass(frozen=True)
class TaggedSongs:
    """Songs with tags, followed by songs without.

    `target` (n_tagged, n_tags) and `groups` (n_tagged,), the artists, are of the songs with tags; `unit` is what the
    collection calls a song; `parts` has the positions of "train", "validation" and "test" where a split is published;
    `notes` are for the report.
    """

    title: str
    unit: str
    paths: list
    target: np.ndarray
    tags: list
    groups: np.ndarray
    parts: dict = field(default_factory=dict)
    notes: tuple = ()

    @property
    def untagged(self):
        """Positions of the songs without tags."""
        return np.arange(len(self.target), len(self.paths))


@dataclass(frozen=True)
class TaggingSplit:
    """Positions of the songs of a fold: with tags, without (for students), for validation and for the test."""

    fold: int
    labelled: np.ndarray
    unlabelled: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def load_songs(dataset, data_home=None, *, audio_home=None, split=0, subset=None, unlabelled=None):
    """Load a collection with tags, or a subset of `subset` songs, with at most `unlabelled` songs without tags.

    For Emotify, an emotion is a tag of a song where at least a quarter of its listeners felt it. For MTG-Jamendo, the
    unlabelled songs are the tracks in the audio folder that are not in the split.
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset must be one of {list(DATASETS)}, got {dataset!r}.")
    if dataset == "emotify":
        loaded = load_emotify(data_home)
        # shares are rounded to a few digits in the file
        target = (loaded.ratings >= SHARE - 1e-9).astype(np.int8)
        songs = TaggedSongs("Emotify", "song", loaded.data, target, loaded.emotion_names, loaded.groups)
        return songs if subset is None else _subset(songs, [np.arange(len(target))], subset)
    loaded = load_mtg_jamendo(data_home, split, audio_home, check_audio=subset is None)
    title = f"MTG-Jamendo, mood and theme, split-{split}"
    parts = loaded.splits[f"split-{split}"]
    songs = TaggedSongs(title, "track", loaded.data, loaded.target, loaded.tag_names, loaded.groups, parts)
    named = set(loaded.data)
    if subset is not None:
        there = np.array([Path(path).is_file() for path in songs.paths])
        if not there.any():
            raise FileNotFoundError(f"None of the tracks of split-{split} has an audio file such as {songs.paths[0]}.")
        songs = _subset(songs, [own[there[own]] for own in parts.values()], subset, there.sum())
    return _with_untagged(songs, named, unlabelled, subset)


def _subset(songs, parts, n_songs, n_there=None):
    """Return a subset of the songs, with the parts of the split renumbered."""
    drawn = draw_subset(songs.target, parts, n_songs)
    kept = np.sort(np.concatenate(drawn))
    of = "" if n_there is None else f", of which {n_there:,} have audio"
    note = f"A subset: {n_songs:,} {songs.unit}s of {len(songs.target):,}{of}."
    return replace(
        songs,
        paths=[songs.paths[i] for i in kept],
        target=songs.target[kept],
        groups=songs.groups[kept],
        parts={name: np.searchsorted(kept, own) for name, own in zip(songs.parts, drawn, strict=False)},
        notes=(*songs.notes, note),
    )


def _with_untagged(songs, named, most, subset):
    """Add the tracks in the audio folder that are not in the split, in the quality of the others."""
    first = Path(songs.paths[0])
    low = first.name.endswith(".low.mp3")
    found = sorted(
        str(path)
        for path in first.parents[1].glob("[0-9]*/*.mp3")
        if _TRACK.fullmatch(path.name) and path.name.endswith(".low.mp3") == low and str(path) not in named
    )
    n_found, why = len(found), ""
    if most is None and subset is not None:
        most, why = subset, ", as many as the subset has"
    if most is not None and most < n_found:
        kept = np.sort(np.random.default_rng(0).permutation(n_found)[:most])
        found = [found[i] for i in kept]
        songs = replace(songs, notes=(*songs.notes, f"{most:,} of {n_found:,} tracks that are not in the split{why}."))
    return replace(songs, paths=[*songs.paths, *found])


def draw_subset(target, parts, n_songs):
    """Draw songs from each part in its share, with songs of as many tags as possible; return their sorted positions."""
    sizes = np.array([len(part) for part in parts])
    if not 2 * len(parts) <= n_songs <= sizes.sum() or sizes.min() < 2:
        raise ValueError(
            f"subset={n_songs} must be from {2 * len(parts)} (two songs per part) to {sizes.sum():,} (all songs with "
            f"audio); the parts have {', '.join(f'{size:,}' for size in sizes)} songs."
        )
    shares = n_songs * sizes / sizes.sum()
    counts = np.clip(np.floor(shares).astype(int), 2, sizes)
    while counts.sum() != n_songs:
        # change the part that is furthest from its share and can still grow or shrink
        up = counts.sum() < n_songs
        possible = counts < sizes if up else counts > 2
        counts[np.argmax(np.where(possible, (shares - counts) * (1 if up else -1), -np.inf))] += 1 if up else -1
    rng = np.random.default_rng(0)
    return [_draw(target, rng.permutation(part), count) for part, count in zip(parts, counts, strict=True)]


def _draw(target, order, count):
    has = target[order].astype(bool)
    drawn: list = []
    wanted = has.any(0)
    while wanted.any() and len(drawn) < count:
        # the song with most of the tags that no drawn song has
        best = int((has & wanted).sum(1).argmax())
        drawn.append(best)
        wanted &= ~has[best]
    rest = np.setdiff1d(np.arange(len(order)), drawn)
    return np.sort(order[np.concatenate([np.array(drawn, int), rest])[:count]])


def published_split(songs, hide=0.0):
    """Return the published split; the tags of a share of the training songs, by artist, are hidden from every row."""
    train, unlabelled = np.sort(songs.parts["train"]), songs.untagged
    if hide:
        hidden = _held_out(songs, train, hide, "hidden")
        train, unlabelled = train[~hidden], np.concatenate([train[hidden], unlabelled])
    return TaggingSplit(0, train, unlabelled, np.sort(songs.parts["validation"]), np.sort(songs.parts["test"]))


def grouped_splits(songs, n_splits=5, hide=0.5):
    """Divide songs into folds that keep artists together; return a split for each.

    A fifth of the training songs is used for validation, and the tags of a share `hide` of the rest are hidden from
    every row. Folds are drawn several times. The draw is kept for which most pairs of fold and tag have training and
    test songs with and without the tag; among equal draws, the one whose shares of tags vary least between folds.
    """
    artist = np.unique(songs.groups, return_inverse=True)[1]
    if n_splits > artist.max() + 1:
        raise ValueError(f"n_splits={n_splits} is more than the {artist.max() + 1} artists: lower it.")
    fold_of = _draw_folds(songs.target, artist, n_splits)
    splits = []
    for fold in range(n_splits):
        test, train = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
        valid = _held_out(songs, train, VALIDATION, "validation")
        validation, train = train[valid], train[~valid]
        hidden = _held_out(songs, train, hide, "hidden") if hide else np.zeros(len(train), bool)
        splits.append(TaggingSplit(fold, train[~hidden], train[hidden], validation, test))
    return splits


def _held_out(songs, positions, share, what):
    groups = np.unique(songs.groups[positions], return_inverse=True)[1]
    if groups.max() < 1:
        raise ValueError(
            f"The {len(positions)} training {songs.unit}s are all by one artist, but {what} songs must be by "
            "another. Use more songs or other folds."
        )
    return draw_validation(songs.target[positions], groups, share, seed=0)


def _draw_folds(target, artist, n_splits):
    sizes = np.bincount(artist)
    rng = np.random.default_rng(0)
    best, best_rank = None, None
    for _ in range(_DRAWS):
        fold_of_artist, filled = np.empty(len(sizes), int), np.zeros(n_splits, int)
        order = rng.permutation(len(sizes))
        # artists with most songs first, so that folds have similar sizes
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
