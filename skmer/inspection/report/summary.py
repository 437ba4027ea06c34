"""Summaries of a label-noise report: of each song, of the songs of a label, and of all songs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skmer.inspection.trust_over_time import LabelStretch

__all__ = ["LabelNoiseReport", "SongSummary", "distrusted_seconds", "seconds_by_bin", "summarise", "totals"]

BINS = 20  # of the distribution of the seconds' clean probabilities


@dataclass(frozen=True)
class SongSummary:
    """Summary of one song in a label-noise report.

    Parameters
    ----------
    name : str
        Name of the song in the report.
    file : str
        Path of its audio file.
    label : object
        Label of the song.
    seconds : float
        Seconds of the song that segments cover.
    n_segments : int
        Number of segments.
    expected_wrong : float
        Expected share of the seconds that express another emotion than the label.
    whole : LabelStretch
        The whole song as one stretch.
    stretches : tuple of LabelStretch
        Stretches in which the label is distrusted, in order of time.
    bins : tuple of float
        Seconds in each of 20 equal parts of the clean probability.
    warnings : tuple of str, default=()
        Warnings about the file.
    group : object, default=None
        Group of the song, such as its artist, if that is known.

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
    group: Any = None

    @property
    def distrusted(self):
        """Seconds in which the label is distrusted."""
        return sum(stretch.seconds_heard for stretch in self.stretches)


@dataclass(frozen=True)
class LabelTotals:
    """Sums over the songs of one label; over all songs where `label` is None."""

    label: Any
    n_songs: int
    n_segments: int
    seconds: float
    distrusted: float
    expected_wrong: float


def summarise(trust, name, file, warnings=(), group=None):
    """Return the `SongSummary` of a `LabelTrust`."""
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
        group,
    )


def totals(songs: Sequence[SongSummary], label=None):
    """Return the sums over the songs of a label, or over all songs where it is None."""
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


@dataclass(frozen=True)
class LabelNoiseReport:
    """Content of a label-noise report, without its segments.

    Parameters
    ----------
    page : Path
        The page, ``index.html``.
    songs : tuple of SongSummary
        Songs that were judged; first those with the largest share of seconds that are expected
        to express another emotion than the label.
    failed : tuple of (str, str)
        Name and reason of each song that could not be judged.
    threshold : float
        The label is distrusted in seconds whose clean probability is not above it.
    from_mixture : bool
        Whether the clean probability is the posterior of the classifier's mixture.
    cross_fitted : bool, default=False
        Whether each song was judged by a network that was trained on others.

    See Also
    --------
    write_label_noise_report : Writes it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from skmer.inspection import LabelNoiseReport
    >>> LabelNoiseReport(Path("report/index.html"), (), (), 0.5, True).totals.n_songs
    0
    """

    page: Path
    songs: tuple[SongSummary, ...]
    failed: tuple[tuple[str, str], ...]
    threshold: float
    from_mixture: bool
    cross_fitted: bool = False

    @property
    def unsure(self) -> tuple[SongSummary, ...]:
        """Songs in which another emotion than the label is the most probable over the whole song."""
        return tuple(song for song in self.songs if not song.whole.label_leads)

    @property
    def totals(self) -> LabelTotals:
        """Sums over all songs."""
        return totals(self.songs)


def distrusted_seconds(songs):
    """Return the distrusted seconds by label and most probable emotion, which may be the label itself."""
    seconds: dict = {}
    for song in songs:
        for stretch in song.stretches:
            pair = (song.label, song.label if stretch.label_leads else stretch.heard)
            seconds[pair] = seconds.get(pair, 0.0) + stretch.seconds_heard
    return seconds


def seconds_by_bin(songs):
    """Return the seconds of all songs in each part of the clean probability, of shape (BINS,)."""
    return np.sum([song.bins for song in songs], axis=0) if songs else np.zeros(BINS)
