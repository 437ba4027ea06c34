"""DynamicRatings: ratings of a song over time, and segment_ratings: those of the segments of many songs."""

import warnings
from dataclasses import dataclass, replace
from numbers import Integral, Real

import numpy as np

from skmer.datasets._published import count, first_three

__all__ = ["DynamicRatings", "segment_ratings"]

# seconds; less is rounding, not music
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class DynamicRatings:
    """Ratings of one song over time.

    Parameters
    ----------
    starts, ends : ndarray of shape (n_times,)
        Start and end of each rated stretch of the song, in seconds. There may be gaps between stretches, and a song
        without ratings has no stretch.
    mean : ndarray of shape (n_times, n_targets)
        Mean rating over the listeners, such as valence and arousal. A stretch with NaN counts as not rated.
    deviation : ndarray of shape (n_times, n_targets), default=None
        Standard deviation over the listeners, with n - 1; None if it is unknown, NaN where it is, as for one listener.
    n_listeners : int, default=None
        Number of listeners; None if it is unknown.
    listeners : ndarray of shape (n_listeners, n_times, n_targets), default=None
        Rating of each listener, NaN where one did not rate; None if only their mean is known.

    Raises
    ------
    ValueError
        If a stretch does not end after it starts, or shapes do not match.

    See Also
    --------
    segment_ratings : The mean ratings of the segments of many songs.
    load_vgmidi : Piano pieces rated over time by about 30 listeners each.
    load_deam, load_eim, load_pmemo : Songs that were rated twice a second.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.datasets import DynamicRatings
    >>> ratings = DynamicRatings(np.array([0.0, 2.0]), np.array([2.0, 4.0]), np.array([[0.2, 0.0], [0.6, 0.4]]))
    >>> ratings.over([0, 1], [2, 4]).mean.round(2)
    array([[0.2 , 0.  ],
           [0.47, 0.27]])
    """

    starts: np.ndarray
    ends: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray | None = None
    n_listeners: int | None = None
    listeners: np.ndarray | None = None

    def __post_init__(self):
        if np.ndim(self.starts) != 1 or np.shape(self.starts) != np.shape(self.ends):
            shapes = f"{np.shape(self.starts)} and {np.shape(self.ends)}"
            raise ValueError(f"starts and ends must have the same shape (n_times,), got {shapes}.")
        if not np.all(self.ends > self.starts):
            raise ValueError("Each stretch of ratings must end after it starts.")
        if np.ndim(self.mean) != 2 or len(self.mean) != len(self.starts):
            raise ValueError(f"mean must have shape ({len(self.starts)}, n_targets), got {np.shape(self.mean)}.")
        for name, values in (("deviation", self.deviation), ("listeners", self.listeners)):
            if values is not None and np.shape(values)[-2:] != self.mean.shape:
                raise ValueError(f"The last axes of {name} must be {self.mean.shape}, got {np.shape(values)}.")

    def over(self, starts, ends, delay=0.0, min_coverage=0.0):
        """Return the mean ratings over segments of the song.

        A rated stretch counts by the part of the segment that it covers; unrated time does not count.

        Parameters
        ----------
        starts, ends : array-like of shape (n_segments,)
            Start and end of each segment, in seconds; segments may overlap.
        delay : float, default=0.0
            Seconds by which listeners react late: the ratings of a segment are those given so
            much later.
        min_coverage : float, default=0.0
            Share of a segment that must be rated, from 0 to 1; with 0, any rated part is enough.

        Returns
        -------
        DynamicRatings
            Those of the segments. A segment in which nothing, or less than `min_coverage`, was rated has NaN.
            The deviation is that of the listeners' means over the segment, where `listeners` are known; otherwise
            it is the mean deviation of the stretches.

        Raises
        ------
        ValueError
            If the segments are not pairs of a start and a later end, `delay` is not a finite number, or
            `min_coverage` is not a number from 0 to 1.
        """
        _check_number(delay, "delay", "a finite number of seconds")
        _check_number(min_coverage, "min_coverage", "a number from 0 to 1", 0, 1)
        starts, ends = np.asarray(starts, dtype=float), np.asarray(ends, dtype=float)
        if starts.ndim != 1 or starts.shape != ends.shape or not np.all(ends > starts):
            raise ValueError("starts and ends must be arrays of shape (n_segments,), each end after its start.")
        last = np.minimum.outer(ends + delay, self.ends)
        weights = np.clip(last - np.maximum.outer(starts + delay, self.starts), 0, None)
        weights[:, ~np.isfinite(self.mean).all(axis=1)] = 0
        covered = weights.sum(axis=1)
        weights[(covered < _ROUNDING) | (covered < min_coverage * (ends - starts) - _ROUNDING)] = 0
        listeners = None if self.listeners is None else _weighted_mean(weights, self.listeners)
        if listeners is not None and len(listeners) > 1:
            deviation = np.ma.masked_invalid(listeners).std(axis=0, ddof=1).filled(np.nan)
        else:
            deviation = None if self.deviation is None else _weighted_mean(weights, self.deviation)
        mean = _weighted_mean(weights, self.mean)
        return replace(self, starts=starts, ends=ends, mean=mean, deviation=deviation, listeners=listeners)


def segment_ratings(dynamic, segments, segmentation, *, delay=0.0, min_coverage=0.5):
    """Compute the ratings of each segment of songs that were rated over time.

    The result is the `y` of an estimator that learns from ratings of segments. Nothing is filled in: a segment whose
    ratings are not known, such as those before listeners' ratings begin, has NaN.

    Parameters
    ----------
    dynamic : sequence of DynamicRatings
        The ratings of each song, as loaders return them.
    segments : SongSequence, sequence of arrays or array-like of int, of n_songs items
        The segments of the same songs, such as the output of a `SegmentTransformer`, or their numbers of segments.
    segmentation : SegmentTransformer or tuple of (float, float)
        The transformer that cut the songs, or any object with its attributes `duration` and `hop`; or these two
        numbers, the length of a segment and the step from one to the next, in seconds.
    delay : float, default=0.0
        Seconds by which listeners react late: the ratings of a segment are those given so much later. With one to
        three seconds, ratings follow the music that they are about more closely.
    min_coverage : float, default=0.5
        Share of a segment that must be rated, from 0 to 1; with 0, any rated part is enough.

    Returns
    -------
    list of ndarray of shape (n_segments, n_targets)
        The mean ratings of each song's segments; the row of a segment without ratings is NaN.

    Raises
    ------
    TypeError
        If an item of `dynamic` is not a `DynamicRatings`.
    ValueError
        If numbers of songs or of targets differ, or a parameter is invalid.

    Warns
    -----
    UserWarning
        If segments have no ratings, with their number and that of the songs without any; and if a song's
        ratings go on after its last segment by more than a step, so that they may be those of another recording.

    See Also
    --------
    DynamicRatings.over : The ratings of one song, with their deviations.

    Examples
    --------
    Two songs of four and two segments of three seconds. The first was rated from second 2 on, once a second:

    >>> import numpy as np
    >>> from skmer.datasets import DynamicRatings, segment_ratings
    >>> late = DynamicRatings(np.arange(2.0, 6), np.arange(3.0, 7), np.array([[0.0], [0.3], [0.6], [0.9]]))
    >>> early = DynamicRatings(np.array([0.0]), np.array([4.0]), np.array([[0.5]]))
    >>> first, second = segment_ratings([late, early], [4, 2], (3, 1), min_coverage=0.3)
    >>> first.ravel(), second.ravel()
    (array([0.  , 0.15, 0.3 , 0.6 ]), array([0.5, 0.5]))
    """
    _check_number(delay, "delay", "a finite number of seconds")
    _check_number(min_coverage, "min_coverage", "a number from 0 to 1", 0, 1)
    n_segments = _count_segments(segments)
    duration, hop = _lengths(segmentation)
    dynamic = list(dynamic)
    if len(dynamic) != len(n_segments):
        raise ValueError(
            f"dynamic has the ratings of {count(len(dynamic), 'song')}, but segments has {len(n_segments)}."
        )
    for i, ratings in enumerate(dynamic):
        if not isinstance(ratings, DynamicRatings):
            raise TypeError(f"dynamic must hold a DynamicRatings for each song, but that of song {i} is {ratings!r}.")
        if ratings.mean.shape[1] != dynamic[0].mean.shape[1]:
            n_targets = count(ratings.mean.shape[1], "target")
            raise ValueError(f"Song {i} has ratings of {n_targets}, but song 0 of {dynamic[0].mean.shape[1]}.")
    y, too_long = [], []
    for i, (ratings, n) in enumerate(zip(dynamic, n_segments, strict=True)):
        starts = hop * np.arange(n)
        y.append(ratings.over(starts, starts + duration, delay, min_coverage).mean)
        # the audio goes on after the last segment for less than a step
        if len(ratings.ends) and ratings.ends.max() - delay > hop * n + duration + _ROUNDING:
            too_long.append(i)
    _warn_of_missing(y, too_long, min_coverage)
    return y


def _weighted_mean(weights, values):
    """Return means over the stretches where a value is known, NaN where none is."""
    known = np.isfinite(values)
    total = weights @ known
    sums = weights @ np.where(known, values, 0)
    return np.divide(sums, total, out=np.full_like(sums, np.nan), where=total > 0)


def _count_segments(segments):
    """Return the number of segments of each song."""
    if hasattr(segments, "n_segments"):
        return segments.n_segments.tolist()
    segments = list(segments)
    found = [item if isinstance(item, Integral) else len(item) if np.ndim(item) else -1 for item in segments]
    if bad := [i for i, n in enumerate(found) if n < 0 or isinstance(n, bool)]:
        raise ValueError(
            f"segments must hold the segments of each song or their number, but song {bad[0]} has {segments[bad[0]]!r}."
        )
    return [int(n) for n in found]


def _lengths(segmentation):
    """Return the length of a segment and the step to the next one."""
    try:
        if hasattr(segmentation, "duration") and hasattr(segmentation, "hop"):
            duration, hop = segmentation.duration, segmentation.hop
        else:
            duration, hop = segmentation
    except (TypeError, ValueError):
        raise ValueError(
            f"segmentation must be a SegmentTransformer, or its duration and hop, such as (3.0, 1.0), got "
            f"{segmentation!r}."
        ) from None
    for name, value in (("duration", duration), ("hop", hop)):
        _check_number(value, f"The {name} of segmentation", "a number of seconds above 0", low=_ROUNDING)
    return float(duration), float(hop)


def _check_number(value, name, what, low=-np.inf, high=np.inf):
    real = isinstance(value, Real) and not isinstance(value, bool) and np.isfinite(float(value))
    if not real or not low <= value <= high:
        raise ValueError(f"{name} must be {what}, got {value!r}.")


def _warn_of_missing(y, too_long, min_coverage):
    """Warn once of all segments and songs without ratings, and of ratings without segments."""
    missing = [np.isnan(ratings).all(axis=1) for ratings in y]
    n_missing, n_segments = sum(int(rows.sum()) for rows in missing), sum(map(len, missing))
    unrated = [i for i, rows in enumerate(missing) if rows.all()]
    parts = []
    if n_missing:
        less = f", or for less than {min_coverage:g} of their length," if min_coverage else ""
        parts.append(f"{n_missing:,} of {count(n_segments, 'segment')} have no ratings{less} and are NaN")
    if unrated:
        parts.append(f"{count(len(unrated), 'song has', 'songs have')} none at all, at position {first_three(unrated)}")
    if too_long:
        parts.append(
            f"the ratings of {count(len(too_long), 'song go', 'songs go')} on after the last segment by more than a "
            f"step, at position {first_three(too_long)}: check that they are those of this audio, unless it was cut"
        )
    if parts:
        text = "; ".join(parts)
        # 3: the line that calls segment_ratings
        warnings.warn(f"{text[0].upper()}{text[1:]}.", UserWarning, stacklevel=3)
