"""SongAggregator and song_statistics: statistics of the segment probabilities of each song."""

from collections.abc import Callable
from functools import cached_property, partial
from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skmer._output import SongTransformerMixin, check_names_in
from skmer._validation import check_segment_values

__all__ = ["STATISTICS", "SongAggregator", "check_statistics", "song_statistics", "sort_within_songs"]

_SEGMENTS_AT_ONCE = 1 << 16


def sort_within_songs(values, lengths):
    """Sort the values of concatenated songs, (n_segments_of_all_songs, n_classes), within each song and column."""
    lengths = np.asarray(lengths, dtype=np.intp)
    starts = np.cumsum(lengths) - lengths
    ordered = np.empty_like(values)
    # sorting songs of equal length together is twenty times as fast as one by one
    for length in np.unique(lengths):
        rows = starts[lengths == length][:, None] + np.arange(length)
        ordered[rows] = np.sort(values[rows], axis=1)
    return ordered


class _Songs:
    """Concatenated songs, as the input of the statistics."""

    def __init__(self, values, lengths, threshold):
        self.values, self.lengths, self.threshold = values, lengths, threshold
        self.starts = np.cumsum(lengths) - lengths

    @cached_property
    def ordered(self):
        return sort_within_songs(self.values, self.lengths)

    def mean_of(self, values):
        return np.add.reduceat(values, self.starts, axis=0, dtype=np.float64) / self.lengths[:, None]


def _max(songs):
    return np.maximum.reduceat(songs.values, songs.starts, axis=0)


def _min(songs):
    return np.minimum.reduceat(songs.values, songs.starts, axis=0)


def _mean(songs):
    return songs.mean_of(songs.values)


def _std(songs):
    # of deviations from the mean, for precision
    return np.sqrt(songs.mean_of((songs.values - np.repeat(_mean(songs), songs.lengths, axis=0)) ** 2))


def _share(songs):
    return songs.mean_of(songs.values > songs.threshold)


def _quantile(songs, q):
    """Interpolate linearly between sorted values, as NumPy does by default."""
    position = q * (songs.lengths - 1)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, songs.lengths - 1)
    low, high = songs.ordered[songs.starts + below], songs.ordered[songs.starts + above]
    return low + (high - low) * (position - below)[:, None]


_NAMED: dict[str, Callable] = {
    "max": _max,
    "min": _min,
    "q1": partial(_quantile, q=0.25),
    "median": partial(_quantile, q=0.5),
    "q3": partial(_quantile, q=0.75),
    "mean": _mean,
    "share": _share,
    "std": _std,
}

STATISTICS = ("max", "min", "q1", "median", "q3", "mean", "share")
"""The seven statistics of Eq. 10 (Sun et al.), in its order."""


def check_statistics(statistics, known=tuple(_NAMED), functions=True):
    """Raise ValueError if there is no statistic, or one is neither among the `known` names nor an allowed function."""
    if len(statistics) == 0:
        raise ValueError("statistics is empty: name at least one.")
    for statistic in statistics:
        if not (functions and callable(statistic)) and not (isinstance(statistic, str) and statistic in known):
            own = " or pass a function" if functions else ""
            raise ValueError(f"Unknown statistic {statistic!r}: choose from {', '.join(known)}{own}.")


def song_statistics(values, lengths, statistics=STATISTICS, threshold=0.5):
    """Compute statistics over the segments of each song.

    Parameters
    ----------
    values : ndarray of shape (n_segments_of_all_songs, n_classes)
        Segment probabilities of the concatenated songs.
    lengths : array-like of shape (n_songs,)
        Number of segments of each song, at least one.
    statistics : sequence of str or callable, default=STATISTICS
        Any of ``"max"``, ``"min"``, ``"q1"``, ``"median"``, ``"q3"``, ``"mean"``,
        ``"share"`` (of segments above `threshold`) and ``"std"``, which is not in the paper;
        or a function of one song's (n_segments, n_classes) values that returns (n_classes,) values.
    threshold : float, default=0.5
        Threshold of ``"share"``, theta of f7.

    Returns
    -------
    ndarray of shape (n_songs, n_statistics * n_classes)
        Statistic by statistic, the classes within each in order.

    Raises
    ------
    ValueError
        If the lengths do not add up to the number of segments, a statistic is unknown, or a
        function returns another shape.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    Eq. 10; there theta is the threshold and K the number of classes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.aggregation.song_aggregator import song_statistics
    >>> probabilities = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
    >>> song_statistics(probabilities, [2, 1], ["mean", "share"])
    array([[0.375, 0.625, 0.   , 0.5  ],
           [1.   , 0.   , 1.   , 0.   ]])
    """
    values = np.asarray(values)
    lengths = np.asarray(lengths, dtype=np.intp)
    if lengths.sum() != len(values) or (lengths < 1).any():
        raise ValueError(f"lengths must be positive and add up to {len(values)} segments, got {lengths.sum()}.")
    check_statistics(statistics)
    # in blocks of songs, so that intermediate results stay in the processor's cache
    block = (np.cumsum(lengths) - 1) // _SEGMENTS_AT_ONCE
    cuts = np.flatnonzero(np.diff(block)) + 1
    parts = zip(np.split(values, np.cumsum(lengths)[cuts - 1]), np.split(lengths, cuts), strict=True)
    return np.concatenate([_rows(_Songs(*part, threshold), statistics) for part in parts])


def _rows(songs, statistics):
    columns = [_apply_function(songs, s) if callable(s) else _NAMED[s](songs) for s in statistics]
    return np.concatenate(columns, axis=1).astype(np.float64, copy=False)


def _apply_function(songs, function):
    column = np.stack([np.asarray(function(song)) for song in np.split(songs.values, songs.starts[1:])])
    n_classes = songs.values.shape[1]
    if column.shape != (len(songs.lengths), n_classes):
        raise ValueError(
            f"The statistic {function} must return {n_classes} values per song, one per class, "
            f"got shape {column.shape[1:]}."
        )
    return column


class SongAggregator(SongTransformerMixin, BaseEstimator):
    """Describe each song by statistics of its segments' probabilities.

    For each class over the song's segments: maximum, minimum, three quartiles, mean
    and the share of segments whose probability exceeds `threshold`. These 7 K values
    are the input of the final classifier, an SVM in the paper.

    Parameters
    ----------
    statistics : sequence of str or callable, default=("max", "min", "q1", "median", "q3", "mean", "share")
        The statistics, in order; ``"std"``, which is not in the paper, is also available. A
        callable takes one song's (n_segments, n_classes) array and returns (n_classes,) values.
    threshold : float, default=0.5
        Threshold of ``"share"``; in the paper, results are insensitive to it.

    Attributes
    ----------
    n_features_in_ : int
        Number of values of a segment, the classes.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if the input has names, as the output of `SSSLClassifier.transform` or a
        DataFrame does.

    See Also
    --------
    skmer.aggregation.song_statistics : The same as a function.
    SSSLClassifier : Predicts the segments' probabilities.

    Notes
    -----
    A two-dimensional array is treated as songs of one segment each.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    section 2.2, Eq. 10.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import SongAggregator
    >>> songs = [np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[1.0, 0.0]])]
    >>> aggregator = SongAggregator(statistics=["max", "mean"]).fit(songs)
    >>> aggregator.transform(songs)
    array([[0.5  , 0.75 , 0.375, 0.625],
           [1.   , 0.   , 1.   , 0.   ]])
    >>> aggregator.get_feature_names_out()
    array(['max_x0', 'max_x1', 'mean_x0', 'mean_x1'], dtype=object)
    """

    _parameter_constraints = {  # noqa: RUF012
        "statistics": ["array-like"],
        "threshold": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(self, statistics=STATISTICS, threshold=0.5):
        self.statistics = statistics
        self.threshold = threshold

    def fit(self, X, y=None):
        """Check the parameters and store the number of values of a segment.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song.
        y : None
            Ignored.

        Returns
        -------
        SongAggregator
            Itself.
        """
        self._validate_params()
        check_statistics(self.statistics)
        _, _, names = check_segment_values(self, X, reset=True)
        if names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        return self

    def transform(self, X):
        """Compute the statistics of each song.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_statistics * n_classes)
            Statistic by statistic, the classes within each in order.
        """
        check_is_fitted(self)
        values, lengths, names = check_segment_values(self, X, reset=False)
        if names is not None and not np.array_equal(names, getattr(self, "feature_names_in_", names)):
            raise ValueError(
                f"The segments' values are named {names}, but SongAggregator was fitted on "
                f"{tuple(self.feature_names_in_)}."
            )
        return song_statistics(values, lengths, self.statistics, self.threshold)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns: statistic, underscore, class.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the classes; None is those seen in `fit`, else ``x0``, ``x1``, ...

        Returns
        -------
        ndarray of str
            The name of each column of `transform`.

        Raises
        ------
        ValueError
            If other names or another number of classes were seen in `fit`.
        """
        check_is_fitted(self)
        input_features = check_names_in(self, input_features, self.n_features_in_)
        names = [s if isinstance(s, str) else getattr(s, "__name__", "statistic") for s in self.statistics]
        # lambdas all have the same name
        names = [f"{name}{i}" if names.count(name) > 1 else name for i, name in enumerate(names)]
        return np.array([f"{name}_{feature}" for name in names for feature in input_features], dtype=object)
