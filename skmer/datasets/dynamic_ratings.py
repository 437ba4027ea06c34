"""DynamicRatings: ratings of a song over time, and their means over segments."""

from dataclasses import dataclass, replace
from numbers import Real

import numpy as np

__all__ = ["DynamicRatings"]


@dataclass(frozen=True, eq=False)
class DynamicRatings:
    """Ratings of one song over time.

    Parameters
    ----------
    starts, ends : ndarray of shape (n_times,)
        Start and end of each rated stretch of the song, in seconds.
    mean : ndarray of shape (n_times, n_targets)
        Mean rating over the listeners, such as valence and arousal.
    deviation : ndarray of shape (n_times, n_targets), default=None
        Standard deviation over the listeners, with n - 1; None if it is unknown.
    n_listeners : int, default=None
        Number of listeners; None if it is unknown.
    listeners : ndarray of shape (n_listeners, n_times, n_targets), default=None
        Rating of each listener; None if only their mean is known.

    Raises
    ------
    ValueError
        If a stretch does not end after it starts, or shapes do not match.

    See Also
    --------
    load_vgmidi : Piano pieces rated over time by about 30 listeners each.

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

    def over(self, starts, ends, delay=0.0):
        """Return the mean ratings over segments of the song.

        A rated stretch counts by the part of the segment that it covers.

        Parameters
        ----------
        starts, ends : array-like of shape (n_segments,)
            Start and end of each segment, in seconds; segments may overlap.
        delay : float, default=0.0
            Seconds by which listeners react late: the ratings of a segment are those given so
            much later.

        Returns
        -------
        DynamicRatings
            Those of the segments. A segment in which nothing was rated has NaN. The deviation is
            that of the listeners' means over the segment, where `listeners` are known; otherwise
            it is the mean deviation of the stretches.

        Raises
        ------
        ValueError
            If the segments are not pairs of a start and a later end, or `delay` is not a finite number.
        """
        if isinstance(delay, bool) or not isinstance(delay, Real) or not np.isfinite(float(delay)):
            raise ValueError(f"delay must be a finite number of seconds, got {delay!r}.")
        starts, ends = np.asarray(starts, dtype=float), np.asarray(ends, dtype=float)
        if starts.ndim != 1 or starts.shape != ends.shape or not np.all(ends > starts):
            raise ValueError("starts and ends must be arrays of shape (n_segments,), each end after its start.")
        last = np.minimum.outer(ends + delay, self.ends)
        weights = np.clip(last - np.maximum.outer(starts + delay, self.starts), 0, None)
        total = weights.sum(axis=1, keepdims=True)
        weights = np.divide(weights, total, out=np.full_like(weights, np.nan), where=total > 0)
        listeners = None if self.listeners is None else weights @ self.listeners
        if listeners is not None and len(listeners) > 1:
            deviation = listeners.std(axis=0, ddof=1)
        else:
            deviation = None if self.deviation is None else weights @ self.deviation
        return replace(
            self, starts=starts, ends=ends, mean=weights @ self.mean, deviation=deviation, listeners=listeners
        )
