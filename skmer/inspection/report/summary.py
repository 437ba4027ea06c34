"""What the report keeps of each song, and of all songs together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmer.inspection.label_trust import LabelStretch

__all__ = ["BINS", "LabelTotals", "SongSummary", "seconds_by_bin", "seconds_heard", "summarise", "totals"]

BINS = 20
"""Of the distribution of the seconds' clean probabilities."""


@dataclass(frozen=True)
class SongSummary:
    """What the report keeps of one song.

    Parameters
    ----------
    name : str
        What the report calls the song.
    file : str
        Path of its audio file.
    label : object
        Its label.
    seconds : float
        Seconds that were heard.
    n_segments : int
        Segments that cover them.
    expected_wrong : float
        Share of the seconds that are expected to carry another emotion than the label.
    whole : LabelStretch
        What is heard over the whole song, and how probable that and the label are.
    stretches : tuple of LabelStretch
        Where the label is distrusted, in the order of time.
    bins : tuple of float
        Seconds in each of `BINS` equal parts of the clean probability.
    warnings : tuple of str, default=()
        What is doubtful about the file.
    picture : str or None, default=None
        Path of its picture, from the page's folder.
    group : object, default=None
        The songs that it belongs to, such as its artist's, if that is known.

    Examples
    --------
    >>> from skmer.inspection import SongSummary
    >>> from skmer.inspection import LabelStretch
    >>> whole = LabelStretch(0.0, 12.0, 0.75, "tense", 0.2, 0.7, 12.0)
    >>> SongSummary("a.wav", "/songs/a.wav", "calm", 12.0, 11, 0.25, whole, (), (0.0,) * 20).distrusted
    0
    """

    name: str
    file: str
    label: Any
    seconds: float
    n_segments: int
    expected_wrong: float
    whole: LabelStretch
    stretches: tuple[LabelStretch, ...]
    bins: tuple[float, ...]
    warnings: tuple[str, ...] = ()
    picture: str | None = None
    group: Any = None

    @property
    def distrusted(self):
        """Seconds in which the label is distrusted."""
        return sum(stretch.seconds_heard for stretch in self.stretches)


@dataclass(frozen=True)
class LabelTotals:
    """Sums over the songs of one label, or over all.

    Parameters
    ----------
    label : object
        The label; None for all songs.
    n_songs : int
        Songs.
    n_segments : int
        Segments.
    seconds, distrusted : float
        Seconds that were heard, and those of them whose label is distrusted.
    expected_wrong : float
        Share of the seconds that are expected to carry another emotion than the label.
    """

    label: Any
    n_songs: int
    n_segments: int
    seconds: float
    distrusted: float
    expected_wrong: float


def summarise(trust, name, file, warnings=(), picture=None, group=None):
    """Give the `SongSummary` of a `LabelTrust`."""
    clean = trust.second_clean_probability
    heard = ~np.isnan(clean)
    position = np.minimum((clean[heard] * BINS).astype(int), BINS - 1)
    bins = np.bincount(position, weights=trust.covered_seconds[heard], minlength=BINS)
    return SongSummary(
        name,
        file,
        trust.label,
        trust.seconds_heard,
        len(trust.starts),
        trust.expected_wrong,
        trust.whole(),
        tuple(trust.stretches()),
        tuple(bins.tolist()),
        tuple(warnings),
        picture,
        group,
    )


def totals(songs: Sequence[SongSummary], label=None):
    """Sum up songs: those of a label, or all where it is None."""
    own = [song for song in songs if label is None or song.label == label]
    seconds = sum(song.seconds for song in own)
    wrong = sum(song.expected_wrong * song.seconds for song in own)
    return LabelTotals(
        label,
        len(own),
        sum(song.n_segments for song in own),
        seconds,
        sum(song.distrusted for song in own),
        wrong / seconds if seconds else 0.0,
    )


def seconds_heard(songs):
    """Give the distrusted seconds of each pair of label and emotion that leads there, which may be the label itself."""
    seconds: dict = {}
    for song in songs:
        for stretch in song.stretches:
            pair = (song.label, song.label if stretch.label_leads else stretch.heard)
            seconds[pair] = seconds.get(pair, 0.0) + stretch.seconds_heard
    return seconds


def seconds_by_bin(songs):
    """Give the seconds of all songs in each part of the clean probability, of shape (BINS,)."""
    return np.sum([song.bins for song in songs], axis=0) if songs else np.zeros(BINS)
