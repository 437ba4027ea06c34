"""CurveRegressor: ratings over time as the rating of a song, and deviations from it within the song."""

from numbers import Integral

import numpy as np
from scipy.ndimage import uniform_filter1d
from sklearn.base import BaseEstimator, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GroupKFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from skmer._output import SongTransformerMixin, check_names_in
from skmer._ratings import RatingScoreMixin, check_ratings, is_over_time, is_rated, ratings_of_songs
from skmer._validation import check_finite, check_songs
from skmer.songs import SongSequence

__all__ = ["CurveRegressor"]

_ALPHAS = np.logspace(2, 6, 9)
_N_FOLDS = 5
_LIMIT = 2.0  # deviations of a feature: a few extreme seconds of one song must not decide its curve


class CurveRegressor(RatingScoreMixin, SongTransformerMixin, BaseEstimator):
    """Predict ratings over time as the rating of the song plus its deviations within the song.

    Songs differ more from each other than the seconds of one song do. One regressor predicts the mean rating of a song
    from the mean and deviation of its segments' features, another one the difference of a segment's rating to that mean
    from the difference of its features to theirs, averaged over some seconds: what is learnt about the course of a song
    is then not confused with what is learnt about songs.

    Parameters
    ----------
    song_regressor : estimator, default=None
        Regressor of songs; takes rows of (mean, deviation) of the segments' features. By default a support vector
        regression for each target, of scaled features and targets.
    segment_regressor : estimator, default=None
        Regressor of deviations; takes the standardised deviations of segments, limited to ±2. By default ridge
        regression without intercept, whose penalty is chosen by cross-validation over songs.
    smoothing : int, default=15
        Number of segments over which the features of segments are averaged: those around each, and at the ends of a
        song its first or last segment again. Listeners change their ratings slowly.

    Attributes
    ----------
    song_regressor_, segment_regressor_ : estimator
        The fitted regressors.
    target_names_ : list of str
        The columns of y if it held tables, otherwise ``target0``, ``target1`` and so on.
    range_ : ndarray of shape (2, n_targets)
        Smallest and largest training rating, within which predictions stay.
    segment_shape_ : tuple of int
        Number of features of a segment.
    n_features_in_ : int
        Number of features, if X was plain rows.
    feature_names_in_ : ndarray of str
        Names of the features, if X has names.

    See Also
    --------
    SSSLRegressor : A network, which also learns from ratings of songs.
    SegmentStatistics : Computes features of segments.
    skmer.metrics.curve_score : Scores of curves, over all segments or within songs.
    skmer.datasets.segment_ratings : Computes the ratings of segments.

    Notes
    -----
    The division into differences between songs and within them is that of multilevel models (Mundlak, 1978).

    References
    ----------
    Y. Mundlak, "On the pooling of time series and cross section data", Econometrica 46(1), 1978.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import CurveRegressor
    >>> rng = np.random.default_rng(0)
    >>> songs = [rng.normal(size=(20, 3)) + rng.normal(size=3) for _ in range(30)]
    >>> curves = [song[:, :1] for song in songs]
    >>> regressor = CurveRegressor(smoothing=1).fit(songs[:20], curves[:20])
    >>> regressor.score(songs[20:], curves[20:]) > 0.5
    True
    >>> regressor.transform(songs[20:])[0].shape
    (20, 1)
    """

    _parameter_constraints = {  # noqa: RUF012
        "song_regressor": [HasMethods(["fit", "predict"]), None],
        "segment_regressor": [HasMethods(["fit", "predict"]), None],
        "smoothing": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, song_regressor=None, segment_regressor=None, smoothing=15):
        self.song_regressor = song_regressor
        self.segment_regressor = segment_regressor
        self.smoothing = smoothing

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def __sklearn_is_fitted__(self):
        return hasattr(self, "range_")

    def fit(self, X, y):
        """Fit both regressors.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_features)
            Features of the segments of each song.
        y : list of ndarray (n_segments, n_targets)
            Ratings of the segments; NaN where a segment was not rated. Songs without any rating are left out.

        Returns
        -------
        CurveRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If y has ratings of songs instead of segments, or of fewer than two songs, or segments are not rows of
            features.
        """
        self._validate_params()
        songs = self._check_songs(X, reset=True)
        if not is_over_time(y):
            raise ValueError(
                "CurveRegressor learns from ratings over time: pass an array of shape (n_segments, n_targets) for each "
                "song, such as those of skmer.datasets.segment_ratings, or use SSSLRegressor for ratings of songs."
            )
        ratings, names, _ = check_ratings(y, songs, self)
        means = ratings_of_songs(ratings)
        rated = np.flatnonzero(is_rated(means))
        if len(rated) < 2:
            raise ValueError(f"y has ratings of {len(rated)} songs, but at least two are needed.")
        default = TransformedTargetRegressor(
            MultiOutputRegressor(make_pipeline(StandardScaler(), SVR())), transformer=StandardScaler()
        )
        self.song_regressor_ = clone(default if self.song_regressor is None else self.song_regressor)
        self.song_regressor_.fit(_song_features([songs[i] for i in rated]), means[rated])
        every = np.concatenate([songs[i] for i in rated])
        # in float32, a sum over many segments is inexact
        self.scale_ = every.std(axis=0, dtype=np.float64)
        self.scale_[self.scale_ <= 1e-9 * np.maximum(np.abs(every.mean(axis=0, dtype=np.float64)), 1e-3)] = 1.0
        rows, targets, numbers = [], [], []
        for i in rated:
            known = is_rated(ratings[i])
            rows.append(self._deviations(songs[i])[known])
            targets.append(ratings[i][known] - means[i])
            numbers.append(np.full(known.sum(), i))
        song = np.concatenate(numbers)
        segment_regressor = self.segment_regressor
        if segment_regressor is None:
            folds = GroupKFold(min(_N_FOLDS, len(rated))).split(song, groups=song)
            segment_regressor = RidgeCV(_ALPHAS, fit_intercept=False, cv=list(folds))
        self.segment_regressor_ = clone(segment_regressor).fit(np.concatenate(rows), np.concatenate(targets))
        if self.segment_regressor is None:
            self.segment_regressor_.cv = None  # the folds are as long as the data
        known = np.concatenate([ratings[i] for i in rated])
        self.range_ = np.stack([np.nanmin(known, axis=0), np.nanmax(known, axis=0)])
        self.target_names_ = names or [f"target{i}" for i in range(known.shape[1])]
        return self

    def predict(self, X):
        """Predict the ratings of songs.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_features)
            Features of the segments of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_targets)
            Ratings.
        """
        check_is_fitted(self)
        return self._predict_songs(self._check_songs(X))

    def transform(self, X):
        """Predict the ratings of every segment.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_features)
            Features of the segments of each song.

        Returns
        -------
        SongSequence of (n_segments, n_targets)
            Ratings.
        """
        check_is_fitted(self)
        songs = self._check_songs(X)
        curves = []
        for song, rating in zip(songs, self._predict_songs(songs), strict=True):
            deviations = self.segment_regressor_.predict(self._deviations(song)).reshape(len(song), -1)
            curves.append(np.clip(rating + deviations - deviations.mean(axis=0), *self.range_))
        return SongSequence(curves, names=self.target_names_)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the ratings.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features; only checked.

        Returns
        -------
        ndarray of str
            Their names, in the order of the columns of `transform`.
        """
        check_is_fitted(self)
        check_names_in(self, input_features, self.segment_shape_[0])
        return np.array(self.target_names_, dtype=object)

    def _check_songs(self, X, reset=False):
        songs, _ = check_songs(self, X, reset=reset)
        if len(songs.segment_shape) != 1:
            raise ValueError(
                f"CurveRegressor takes rows of features, but segments have the shape {songs.segment_shape}: put "
                "SegmentStatistics before it."
            )
        check_finite(songs)
        return songs

    def _predict_songs(self, songs):
        ratings = self.song_regressor_.predict(_song_features(songs)).reshape(len(songs), -1)
        return np.clip(ratings, *self.range_)

    def _deviations(self, song):
        """Return smoothed and limited differences of segments to the mean of their song, in units of the deviation."""
        deviations = (np.asarray(song, dtype=np.float64) - np.mean(song, axis=0, dtype=np.float64)) / self.scale_
        return np.clip(uniform_filter1d(deviations, self.smoothing, axis=0, mode="nearest"), -_LIMIT, _LIMIT)


def _song_features(songs):
    songs = [np.asarray(song, dtype=np.float64) for song in songs]
    return np.array([np.concatenate([song.mean(axis=0), song.std(axis=0)]) for song in songs])
