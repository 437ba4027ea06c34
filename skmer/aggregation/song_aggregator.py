"""SongAggregator: one row of statistics a song, from the probabilities of its segments."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skmer.aggregation._segment_values import check_segment_values
from skmer.aggregation.statistics import STATISTICS, check_statistics, song_statistics

__all__ = ["SongAggregator"]


class SongAggregator(TransformerMixin, BaseEstimator):
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
    skmer.aggregation.statistics.song_statistics : The same as a function.
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
            raise ValueError(f"The segments' values are {names}, but it was fitted on {tuple(self.feature_names_in_)}.")
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
        """
        check_is_fitted(self)
        seen = getattr(self, "feature_names_in_", None)
        if input_features is None:
            input_features = [f"x{k}" for k in range(self.n_features_in_)] if seen is None else seen
        elif len(input_features) != self.n_features_in_:
            raise ValueError(f"input_features should have length equal to number of features ({self.n_features_in_}).")
        elif seen is not None and not np.array_equal(input_features, seen):
            raise ValueError("input_features is not equal to feature_names_in_")
        names = [s if isinstance(s, str) else getattr(s, "__name__", "statistic") for s in self.statistics]
        # lambdas have the same name
        names = [f"{name}{i}" if names.count(name) > 1 else name for i, name in enumerate(names)]
        return np.array([f"{name}_{feature}" for name in names for feature in input_features], dtype=object)
