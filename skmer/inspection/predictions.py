"""Predictions for one song: its emotion or its ratings over time, its tags, or why it could not be predicted."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from numbers import Real
from typing import Any

import numpy as np

__all__ = ["FilePrediction", "SongEmotion", "SongRatings", "SongTags", "check_step"]

_LEAST_STEP = 0.001  # seconds: times are written with three decimals


def _cell_means(starts, ends, values, step):
    """Return the mean of segments in each cell of a grid, weighted by how much of it they cover; NaN without any."""
    n = int(np.ceil(ends.max(initial=0) / step - 1e-9))
    total, weight = np.zeros((n, values.shape[1])), np.zeros(n)
    starts, ends = starts / step, ends / step
    first = np.floor(starts + 1e-9).astype(int)
    longest = (ends - starts).max(initial=0)
    # a segment covers few cells: an array of all segments by all cells would be large and sparse
    for i in range(int(np.ceil(longest)) + 1):
        cell = np.minimum(first + i, n - 1)
        covered = np.minimum(ends, first + i + 1) - np.maximum(starts, first + i)
        covered = np.where(covered > 1e-9, covered, 0)
        np.add.at(total, cell, covered[:, None] * values)
        np.add.at(weight, cell, covered)
    with np.errstate(invalid="ignore"):
        return total / weight[:, None]


def check_step(seconds, name="seconds"):
    """Raise ValueError if the cells of a grid cannot have this length."""
    if isinstance(seconds, bool) or not isinstance(seconds, Real) or not _LEAST_STEP <= float(seconds) < np.inf:
        raise ValueError(f"{name} must be a number of at least {_LEAST_STEP}, got {seconds!r}.")


def _on_grid(song, name, seconds):
    """Return a song whose segments are the cells of a grid, with the means of the segments that it had."""
    check_step(seconds)
    if not len(song.starts):
        return song
    values = _cell_means(song.starts, song.ends, getattr(song, name), seconds)
    starts = seconds * np.arange(len(values), dtype=float)
    ends = np.append(starts[1:], song.ends.max())
    return replace(song, starts=starts, ends=ends, **{name: values})


def _describe_segments(song):
    n = len(song.starts)
    return f"{n} segments in {song.ends.max():g} s" if n else "no segments"


@dataclass(frozen=True)
class SegmentProbabilities:
    """Class probabilities of one song's overlapping segments, and their means over each second."""

    label: Any
    classes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    probabilities: np.ndarray

    @cached_property
    def second_ends(self):
        """End of each second of the song, of shape (n_seconds,); the last one ends with the last segment."""
        if not len(self.ends):
            return np.empty(0)
        n = int(np.ceil(self.ends[-1] - 1e-9))
        return np.minimum(np.arange(1.0, n + 1), self.ends[-1])

    @cached_property
    def second_probabilities(self):
        """Probability of each emotion in each second, of shape (n_seconds, n_classes); NaN without a segment."""
        return self._per_second(self.probabilities)

    @cached_property
    def covered_seconds(self):
        """Part of each second that is covered by segments, in seconds, of shape (n_seconds,)."""
        order = np.argsort(self.starts, kind="stable")
        ends = np.maximum.accumulate(self.ends[order])
        # the part of each segment that those before it do not cover
        starts = np.maximum(self.starts[order], np.r_[-np.inf, ends[:-1]])
        added = np.cumsum(ends - starts)
        # covered time before each edge of a second
        covered = np.interp(
            np.r_[0.0, self.second_ends],
            np.column_stack([starts, ends]).ravel(),
            np.column_stack([np.r_[0.0, added[:-1]], added]).ravel(),
        )
        return np.where(np.isnan(self.second_probabilities[:, 0]), 0, np.diff(covered))

    def _per_second(self, values):
        return _cell_means(self.starts, self.ends, values, 1.0)


@dataclass(frozen=True, repr=False)
class SongEmotion(SegmentProbabilities):
    """Emotion that a fitted pipeline predicts for one song, and for its segments.

    Parameters
    ----------
    label : object
        Emotion of the song, as the pipeline's `predict` returns it; None where its
        last step does not predict.
    classes : ndarray of shape (n_classes,)
        The emotions.
    starts, ends : ndarray of shape (n_segments,)
        Start and end of each segment, in seconds; empty where the pipeline predicts whole songs only.
    probabilities : ndarray of shape (n_segments, n_classes)
        Probability of each emotion in each segment.
    song_probabilities : ndarray of shape (n_classes,) or None
        Probability of each emotion of the song, as the pipeline's `predict_proba` returns it; None where its last step
        has none. The largest is that of `label`, if the pipeline is one of skmer.

    Attributes
    ----------
    second_ends : ndarray of shape (n_seconds,)
        End of each second; the last one ends with the last segment.
    second_probabilities : ndarray of shape (n_seconds, n_classes)
        Probability of each emotion in each second: the mean over the segments that cover it, weighted by
        how much of it they cover. NaN in a second that no segment covers.
    covered_seconds : ndarray of shape (n_seconds,)
        Part of each second that is covered by segments, in seconds.

    See Also
    --------
    emotion_over_time : Predicts songs.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import SongEmotion
    >>> song = SongEmotion("calm", np.array(["calm", "tense"]), np.arange(3.0), np.arange(3.0) + 3,
    ...                    np.array([[0.75, 0.25], [0.75, 0.25], [0.0, 1.0]]), np.array([0.6, 0.4]))
    >>> song.song_probabilities, song.mean_probabilities
    (array([0.6, 0.4]), array([0.5, 0.5]))
    >>> song.second_probabilities[:, 1]
    array([0.25 , 0.25 , 0.5  , 0.625, 1.   ])
    >>> song.stretches()
    [(0.0, 3.0, 'calm'), (3.0, 5.0, 'tense')]
    >>> song.every(2.5).probabilities[:, 1]
    array([0.33333333, 0.66666667])
    """

    song_probabilities: np.ndarray | None = None

    def __repr__(self):
        own = "" if self.song_probabilities is None else f" ({np.max(self.song_probabilities):.2f})"
        return f"<SongEmotion {self.label}{own}; {_describe_segments(self)}>"

    @property
    def mean_probabilities(self):
        """Mean probability of each emotion over the segments, of shape (n_classes,); None without segments.

        The largest may be that of another emotion than `label`.
        """
        return self.probabilities.mean(axis=0) if len(self.probabilities) else None

    @property
    def leading(self):
        """The most probable emotion of each segment, of shape (n_segments,)."""
        return self.classes[self.probabilities.argmax(axis=1)]

    def stretches(self):
        """Return the stretches of time through which one emotion is the most probable.

        Returns
        -------
        list of (float, float, object)
            Start and end in seconds, and the emotion; empty without segments. Segments overlap, so the
            emotion changes half-way between the centres of two segments. Of a song on a grid, it changes between
            two cells, and cells without a segment belong to the stretches beside them.
        """
        heard = ~np.isnan(self.probabilities).any(axis=1)
        if not heard.any():
            return []
        starts, ends, leading = self.starts[heard], self.ends[heard], self.leading[heard]
        changes = np.flatnonzero(leading[1:] != leading[:-1]) + 1
        # half-way between the centres of segments of one length, and the common edge of cells
        borders = [starts[0], *((ends[changes - 1] + starts[changes]) / 2), ends[-1]]
        names = leading[[0, *changes]]
        return [(float(a), float(b), name) for (a, b), name in zip(pairwise(borders), names.tolist(), strict=True)]

    def every(self, seconds):
        """Return the song on a regular grid: its segments are cells of equal length.

        Parameters
        ----------
        seconds : float
            Length of a cell, at least 0.001; the last one ends with the last segment.

        Returns
        -------
        SongEmotion
            With the mean of the segments that overlap each cell, weighted by how much of it they cover; NaN in a
            cell that no segment overlaps. A song without segments is returned as it is.
        """
        return _on_grid(self, "probabilities", seconds)


@dataclass(frozen=True, repr=False)
class SongRatings:
    """Ratings, such as valence and arousal, that a fitted pipeline predicts for one song, and for its segments.

    Parameters
    ----------
    ratings : dict of str to float
        Rating of the song by the name of each target, as the pipeline's `predict` returns it; None where
        its last step does not predict.
    names : list of str
        Names of the targets.
    starts, ends : ndarray of shape (n_segments,)
        Start and end of each segment, in seconds; empty where the pipeline predicts whole songs only.
    values : ndarray of shape (n_segments, n_targets)
        Ratings of each segment: a curve over the song for each target.

    Attributes
    ----------
    times : ndarray of shape (n_segments,)
        Centre of each segment, in seconds.

    See Also
    --------
    emotion_over_time : Predicts songs.
    skmer.inspection.RatingTimelineDisplay, skmer.inspection.ValenceArousalDisplay : Draw a song.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import SongRatings
    >>> song = SongRatings({"valence": 0.1, "arousal": 0.4}, ["valence", "arousal"], np.arange(2.0), np.arange(2.0) + 3,
    ...                    np.array([[0.2, 0.5], [0.0, 0.3]]))
    >>> song.times, song.ratings["arousal"]
    (array([1.5, 2.5]), 0.4)
    >>> song.every(2).values[:, 1]
    array([0.43333333, 0.36666667])
    """

    ratings: dict[str, float] | None
    names: list[str]
    starts: np.ndarray
    ends: np.ndarray
    values: np.ndarray

    def __repr__(self):
        own = "" if self.ratings is None else " " + ", ".join(f"{name} {r:.2f}" for name, r in self.ratings.items())
        return f"<SongRatings{own}; {_describe_segments(self)}>"

    @property
    def times(self):
        """Centre of each segment, in seconds, of shape (n_segments,)."""
        return (self.starts + self.ends) / 2

    def every(self, seconds):
        """Return the song on a regular grid: its segments are cells of equal length.

        Parameters
        ----------
        seconds : float
            Length of a cell, at least 0.001; the last one ends with the last segment.

        Returns
        -------
        SongRatings
            With the mean of the segments that overlap each cell, weighted by how much of it they cover; NaN in a
            cell that no segment overlaps. A song without segments is returned as it is.
        """
        return _on_grid(self, "values", seconds)


@dataclass(frozen=True)
class SongTags:
    """Tags that a fitted tagger predicts for one song.

    Parameters
    ----------
    names : ndarray of shape (n_tags,)
        Names of the tags.
    given : ndarray of shape (n_tags,) of bool
        Whether the song has them, as the tagger's `predict` decides.
    probabilities : ndarray of shape (n_tags,) or None
        None where the tagger has no `predict_proba`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import SongTags
    >>> SongTags(np.array(["calm", "dark"]), np.array([True, False]), np.array([0.7, 0.2])).tags
    ['calm']
    """

    names: np.ndarray
    given: np.ndarray
    probabilities: np.ndarray | None

    @property
    def tags(self):
        """Names of the tags that the song has."""
        return self.names[self.given].tolist()


@dataclass(frozen=True)
class FilePrediction:
    """Prediction for one audio file, or the reason why there is none.

    Parameters
    ----------
    file : str
        Path as given.
    answer : SongEmotion, SongRatings, SongTags or None
        Ratings where the estimator is a regressor, tags where it is a tagger; None where the file failed.
    warnings : tuple of str
        Warnings raised while the file was read and predicted, such as digital silence.
    error : str or None
        Why it failed, in one line.

    See Also
    --------
    predict_files : Predicts files.

    Examples
    --------
    >>> from skmer.inspection import FilePrediction
    >>> FilePrediction("song.mp3", None, error="there is no such file. Check the path.").answer is None
    True
    """

    file: str
    answer: Any  # SongEmotion, SongRatings, SongTags or None
    warnings: tuple[str, ...] = ()
    error: str | None = None
