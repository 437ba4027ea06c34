"""The collections with tags, as the tables need them: songs, tags, artists and songs without tags."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from skmer.datasets import load_emotify, load_mtg_jamendo

__all__ = ["DATASETS", "SHARE", "TaggedSongs", "draw_subset", "load_songs"]

DATASETS = ("mtg_jamendo", "emotify")
SHARE = 0.25  # of the listeners, from which on an emotion of Emotify is a tag
_TRACK = re.compile(r"\d+(\.low)?\.mp3")


@dataclass(frozen=True)
class TaggedSongs:
    """Songs with tags and, behind them, songs without.

    Parameters
    ----------
    title : str
        Name of the collection.
    unit : str
        What it calls a song.
    paths : list of str
        The songs with tags, then those without.
    target : ndarray of shape (n_tagged, n_tags)
        0 and 1.
    tags : list of str
        Names of the columns.
    groups : ndarray of shape (n_tagged,)
        Artist of each song with tags.
    parts : dict of str to ndarray
        Positions of "train", "validation" and "test" where a split is published; else empty.
    notes : tuple of str
        What a report must say of how the songs were come by.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable.songs import TaggedSongs
    >>> TaggedSongs("X", "song", ["a", "b"], np.ones((1, 1)), ["calm"], np.array(["Ana"])).untagged
    array([1])
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


def load_songs(dataset, data_home=None, *, audio_home=None, split=0, subset=None, unlabelled=None):
    """Load a collection with tags.

    Parameters
    ----------
    dataset : {"mtg_jamendo", "emotify"}
        Of Emotify, an emotion is a tag of a song where at least a quarter of its listeners felt it.
    data_home : str or path-like, default=None
        Folder of the collection; by default below ``$SKMER_DATA``.
    audio_home : str or path-like, default=None
        MTG-Jamendo: folder of the tracks, if it is elsewhere.
    split : int, default=0
        MTG-Jamendo: number of the published split.
    subset : int, default=None
        Use so many songs, spread over the parts of a split in their shares, and of those whose audio is there.
    unlabelled : int, default=None
        Use so many songs without tags at most; None is all, or `subset` where there is one. MTG-Jamendo: they are the
        audio files that the split does not name.

    Returns
    -------
    TaggedSongs
        The songs.

    Raises
    ------
    FileNotFoundError, ValueError
        From the loader; or if there are fewer songs than `subset`.

    Examples
    --------
    >>> from skmer.reproduction.mirable.songs import load_songs
    >>> load_songs("emotify", "~/emotify").target.shape  # doctest: +SKIP
    (400, 9)
    """
    if dataset not in DATASETS:
        raise ValueError(f"dataset must be one of {list(DATASETS)}, got {dataset!r}.")
    if dataset == "emotify":
        loaded = load_emotify(data_home)
        # shares are written in a few digits
        target = (loaded.ratings >= SHARE - 1e-9).astype(np.int8)
        songs = TaggedSongs("Emotify", "song", loaded.data, target, loaded.emotion_names, loaded.groups)
        return songs if subset is None else _only(songs, [np.arange(len(target))], subset)
    loaded = load_mtg_jamendo(data_home, split, audio_home, check_audio=subset is None)
    title = f"MTG-Jamendo, mood and theme, split-{split}"
    parts = loaded.splits[f"split-{split}"]
    songs = TaggedSongs(title, "track", loaded.data, loaded.target, loaded.tag_names, loaded.groups, parts)
    named = set(loaded.data)
    if subset is not None:
        there = np.array([Path(path).is_file() for path in songs.paths])
        if not there.any():
            raise FileNotFoundError(f"None of the tracks of split-{split} has an audio file such as {songs.paths[0]}.")
        songs = _only(songs, [own[there[own]] for own in parts.values()], subset, there.sum())
    return _with_untagged(songs, named, unlabelled, subset)


def draw_subset(target, parts, n_songs):
    """Draw songs from each part in its share, such that each tag has songs as far as it goes.

    Parameters
    ----------
    target : ndarray of shape (n_songs, n_tags)
        0 and 1.
    parts : list of ndarray
        Positions of the songs of each part.
    n_songs : int
        How many to draw in all.

    Returns
    -------
    list of ndarray
        Positions, sorted, for each part; the same in every run.

    Raises
    ------
    ValueError
        If there are fewer songs, or so few are drawn that a part would have less than two.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import draw_subset
    >>> target = np.eye(4, dtype=int)[[0, 0, 0, 0, 0, 1, 2, 3]]
    >>> [drawn] = draw_subset(target, [np.arange(8)], 4)
    >>> target[drawn].sum(0)
    array([1, 1, 1, 1])
    """
    sizes = np.array([len(part) for part in parts])
    if not 2 * len(parts) <= n_songs <= sizes.sum() or sizes.min() < 2:
        raise ValueError(
            f"subset={n_songs} must be from {2 * len(parts)}, two a part, to {sizes.sum():,}, all songs whose audio is "
            f"there; the parts have {', '.join(f'{size:,}' for size in sizes)}."
        )
    shares = n_songs * sizes / sizes.sum()
    counts = np.clip(np.floor(shares).astype(int), 2, sizes)
    while counts.sum() != n_songs:
        # the part that is furthest from its share, of those that have a song to give or to take
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
        # the song that has the most of the tags that are still missing
        best = int((has & wanted).sum(1).argmax())
        drawn.append(best)
        wanted &= ~has[best]
    rest = np.setdiff1d(np.arange(len(order)), drawn)
    return np.sort(order[np.concatenate([np.array(drawn, int), rest])[:count]])


def _only(songs, parts, n_songs, n_there=None):
    """Give the songs of a subset, with the parts of the split renumbered."""
    drawn = draw_subset(songs.target, parts, n_songs)
    kept = np.sort(np.concatenate(drawn))
    of = "" if n_there is None else f", those whose audio is there: {n_there:,}"
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
    """Add the tracks below the audio folder that the split does not name, in the quality of the others."""
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
        songs = replace(
            songs, notes=(*songs.notes, f"Of {n_found:,} tracks that the split does not name, {most:,}{why}.")
        )
    return replace(songs, paths=[*songs.paths, *found])
