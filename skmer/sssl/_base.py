"""Base classes of estimators of songs by their segments: prediction and cross-fitting."""

from numbers import Integral, Real

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import StratifiedGroupKFold, check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skmer._interrupts import interrupts_raised
from skmer._output import SongTransformerMixin, check_names_in
from skmer._parallel import parallel_map
from skmer._ratings import RatingScoreMixin, check_ratings
from skmer._validation import (
    as_label_array,
    check_sample_weight,
    check_songs,
    check_training_classes,
    check_training_data,
    encode_groups,
    is_unlabelled,
)
from skmer.songs import SongSequence, is_song_data
from skmer.sssl.label_strategy import LabelStrategy
from skmer.sssl.rated_songs import check_rated, rating_folds
from skmer.training.augmentation import AUGMENTATION_CONSTRAINTS
from skmer.training.build import SEGMENT_NET_CONSTRAINTS
from skmer.training.parameters import NetParametersMixin
from skmer.training.runtime import torch_threads

__all__ = ["TRAINING_CONSTRAINTS", "SegmentClassifier", "SegmentEstimator"]

TRAINING_CONSTRAINTS = {
    **SEGMENT_NET_CONSTRAINTS,
    "backbone": [str, callable, torch.nn.Module],
    "warmup_epochs": [Interval(Integral, 1, None, closed="left")],
    "min_learnt": [Interval(Real, 0, 1, closed="both")],
    "segment_step": [Interval(Integral, 1, None, closed="left")],
    "noise_model": [StrOptions({"gmm", "self-learning"}), callable, LabelStrategy, None],
    "average_epochs": [Interval(Real, 0, None, closed="neither"), None],
    "cv": [StrOptions({"insample"}), "cv_object"],
    "n_jobs": [Integral, None],
    **AUGMENTATION_CONSTRAINTS,
    "validation_fraction": [Interval(Real, 0, 1, closed="neither"), None],
    "patience": [Interval(Integral, 1, None, closed="left"), None],
    "compile": ["boolean"],
}
"""Constraints of the parameters that SSSLClassifier and SSSLRegressor share."""


def _fit_and_transform(estimator, X, y, groups, sample_weight, train, test):
    """Fit on a training fold and predict the test fold; return the classes of the fold, if there are any, as well."""
    groups, sample_weight = (None if values is None else values[train] for values in (groups, sample_weight))
    with interrupts_raised():
        estimator.fit(X[train], _safe_indexing(y, train), groups=groups, sample_weight=sample_weight)
    return list(estimator.transform(X[test])), getattr(estimator, "classes_", None)


class SegmentEstimator(SongTransformerMixin, NetParametersMixin, BaseEstimator):
    """Base class: a subclass has the parameters of `TRAINING_CONSTRAINTS`, and a `fit` that sets ``net_``,
    ``standardizer_`` and ``segment_shape_``. It defines what it predicts for a segment by `_values_of`, and the data of
    a fit by `_check_cross_fitting`.
    """

    def __sklearn_is_fitted__(self):
        return hasattr(self, "net_")

    def transform(self, X):
        """Predict every segment.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.

        Returns
        -------
        SongSequence of (n_segments, n_outputs), or ndarray of shape (n_samples, n_outputs)
            Class probabilities, or ratings; an array if X is plain rows.
        """
        check_is_fitted(self)
        songs, plain = check_songs(self, X, reset=False)
        return self._as_output(self._over_time(self._segment_values(songs)), plain)

    def _set_fitted(self, X, data, held, clean):
        """Set the attributes that all subclasses have, after ``net_``; `clean` may be None, and is as returned with
        it by `train_network`.
        """
        self.validation_songs_ = None if held is None else data.used[held & data.labelled]
        self.standardizer_, self.history_ = self.net_.standardizer_, self.net_.history_rows()
        if clean is not None:
            every = data.per_segment_of_all(clean)
            self.clean_probability_ = np.split(every, np.cumsum(data.n_segments)[:-1]) if is_song_data(X) else every

    def _as_output(self, values, plain):
        return np.concatenate(values) if plain else SongSequence(values, names=self._output_names())

    def get_feature_names_out(self, input_features=None):
        """Return the names of the predictions: the classes, or the names of the ratings.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the values along the first axis of a segment, or of the columns of plain rows; only checked.

        Returns
        -------
        ndarray of str
            Their names, in the order of the columns of `transform`.

        Raises
        ------
        ValueError
            If other names or another number of them were seen in `fit`.
        """
        check_is_fitted(self)
        check_names_in(self, input_features, self.segment_shape_[0])
        return np.array(self._output_names(), dtype=object)

    def _segment_values(self, songs):
        """Return the predictions for the segments of each song, in float64."""
        with torch_threads(self.n_threads):
            outputs = self.net_.song_outputs(songs, self.standardizer_, precision=self.prediction_precision)
            return [self._values_of(rows) for rows in outputs]

    def _over_time(self, values):
        """Return what `transform` returns of the predictions for the segments of each song."""
        return values

    def _song_values(self, X):
        """Return the mean prediction of the segments of each song."""
        check_is_fitted(self)
        songs, _ = check_songs(self, X, reset=False)
        return np.stack([rows.mean(axis=0) for rows in self._segment_values(songs)])

    def fit_transform(self, X, y, groups=None, sample_weight=None):
        """Train the network, and predict the segments of the training songs as specified by `cv`.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.
        y : array-like of shape (n_songs,), (n_songs, n_targets) or list of ndarray (n_segments, n_targets)
            Targets, as in `fit`.
        groups : array-like of shape (n_songs,), default=None
            Group of each song; songs of one group stay together in the folds of `cv`.
        sample_weight : array-like of shape (n_songs,), default=None
            Weight of each song, as in `fit`.

        Returns
        -------
        SongSequence of (n_segments, n_outputs), or ndarray of shape (n_samples, n_outputs)
            Predictions of the network itself with ``cv="insample"``; otherwise, for each song, of a network that was
            trained without it, labelled (or rated) or not.

        Raises
        ------
        ValueError
            As in `fit`; or, before any training, if `cv` does not have each song in one test fold, or the labelled
            training songs of a fold have one class only, or none of them is rated.
        """
        self._validate_params()
        if isinstance(self.cv, str):
            return self.fit(X, y, groups, sample_weight).transform(X)
        # targets and folds are checked before the training, which may take hours
        y, groups, sample_weight, splits = self._check_cross_fitting(X, y, groups, sample_weight)
        with interrupts_raised():
            self.fit(X, y, groups, sample_weight)
        songs, plain = check_songs(self, X, reset=False)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=len(splits))
        networks = (clone(self).set_params(cv="insample", random_state=int(seed)) for seed in seeds)
        arguments = (
            (network, songs, y, groups, sample_weight, train, test)
            for network, (train, test) in zip(networks, splits, strict=True)
        )
        parts = parallel_map(_fit_and_transform, arguments, self.n_jobs)
        order = np.argsort(np.concatenate([test for _, test in splits]))
        rows = [self._aligned(song, classes) for part, classes in parts for song in part]
        return self._as_output([rows[i] for i in order], plain)

    def _aligned(self, rows, classes):
        """Return the predictions of a network of a fold with the columns of this estimator."""
        return rows

    def _check_folds(self, splits, n_songs, sample_weight):
        """Return the folds without training songs of weight 0; raise unless each song is in one test fold."""
        if sample_weight is not None:
            splits = [(train[sample_weight[train] > 0], test) for train, test in splits]
        times = np.bincount(np.concatenate([test for _, test in splits]), minlength=n_songs)
        if (times != 1).any():
            raise ValueError(
                f"cv={self.cv} must have each song in exactly one test fold, but {(times == 0).sum()} songs are in "
                f"none and {(times > 1).sum()} in more than one: use a splitter such as {self._splitter}."
            )
        return splits


class SegmentClassifier(ClassifierMixin, SegmentEstimator):
    """Base class of classifiers: a subclass has the parameters of `TRAINING_CONSTRAINTS`, and a `fit` that sets
    ``classes_``, ``net_``, ``standardizer_`` and ``segment_shape_``.
    """

    _splitter = "StratifiedKFold"

    def _output_names(self):
        return [str(name) for name in self.classes_]

    def _values_of(self, outputs):
        return torch.softmax(torch.from_numpy(outputs).double(), 1).numpy()

    def _aligned(self, rows, classes):
        # with groups, a class may be missing in a training fold: its probability is zero
        aligned = np.zeros((len(rows), len(self.classes_)))
        aligned[:, np.searchsorted(self.classes_, classes)] = rows
        return aligned

    def _check_cross_fitting(self, X, y, groups, sample_weight):
        """Return labels, groups, weights and folds of a fit."""
        songs, classes, labels = check_training_data(self, X, y, groups, unlabelled=True)
        y, groups = as_label_array(y), None if groups is None else encode_groups(groups, len(songs))
        sample_weight = check_sample_weight(sample_weight, labels, classes)
        return y, groups, sample_weight, self._cross_fitting_folds(y, groups, sample_weight)

    def _cross_fitting_folds(self, y, groups, sample_weight=None):
        """Return (train, test) pairs whose test parts hold each song once.

        Training parts have at least two classes, and no song of weight 0.
        """
        y = strata = as_label_array(y)
        unlabelled = is_unlabelled(y)
        if unlabelled.any():
            # a stratum of their own: splitters cannot sort numbers beside text
            strata = np.full(len(y), -1)
            strata[~unlabelled] = np.unique(y[~unlabelled], return_inverse=True)[1]
        folds = check_cv(self.cv, strata, classifier=True)
        if isinstance(self.cv, Integral) and groups is not None:
            folds = StratifiedGroupKFold(self.cv)
        songs = np.arange(len(y))
        splits = [(songs[train], songs[test]) for train, test in folds.split(np.zeros(len(y)), strata, groups)]
        splits = self._check_folds(splits, len(y), sample_weight)
        for i, (train, _) in enumerate(splits):
            check_training_classes(y[train[~unlabelled[train]]], f"cv={self.cv}, fold {i} of 0 to {len(splits) - 1}")
        return splits

    def predict_proba(self, X):
        """Predict the class probabilities of songs: the mean over their segments.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            Probabilities.
        """
        return self._song_values(X)

    def predict(self, X):
        """Predict the class of songs.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.

        Returns
        -------
        ndarray of shape (n_songs,)
            The class of the largest mean probability.
        """
        check_is_fitted(self)
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class SegmentRegressor(RatingScoreMixin, SegmentEstimator):
    """Base class of regressors: a subclass has the parameters `loss`, `smoothing` and those of `TRAINING_CONSTRAINTS`,
    and a `fit` that sets ``target_names_``, ``net_``, ``standardizer_`` and ``segment_shape_``.
    """

    _unlabelled = "NaN"
    _splitter = "KFold"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = self.loss != "cross_entropy"
        return tags

    def _output_names(self):
        return list(self.target_names_)

    def _values_of(self, outputs):
        return self.net_.ratings(outputs)

    def _over_time(self, values):
        if self.smoothing == 1:
            return values
        return [uniform_filter1d(rows, self.smoothing, axis=0, mode="nearest") for rows in values]

    def _check_cross_fitting(self, X, y, groups, sample_weight):
        """Return ratings, groups, weights and folds of a fit."""
        songs, _ = check_songs(self, X)
        labelled, sample_weight = check_rated(check_ratings(y, songs, self).values, sample_weight)
        groups = None if groups is None else encode_groups(groups, len(songs))
        splits = self._cross_fitting_folds(y, groups, sample_weight)
        for i, (train, _) in enumerate(splits):
            if not labelled[train].any():
                raise ValueError(
                    f"cv={self.cv}, fold {i} of 0 to {len(splits) - 1}: its training songs have no ratings: use more "
                    "or shuffled folds, or rate more songs."
                )
        return y, groups, sample_weight, splits

    def _cross_fitting_folds(self, y, groups, sample_weight=None):
        """Return (train, test) pairs whose test parts hold each song once."""
        return self._check_folds(rating_folds(self.cv, len(y), groups), len(y), sample_weight)

    def predict(self, X):
        """Predict the ratings of songs: the mean over their segments.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.

        Returns
        -------
        ndarray of shape (n_songs,) or (n_songs, n_targets)
            Ratings; of one dimension if y in `fit` was.
        """
        check_is_fitted(self)
        values = self._song_values(X)
        return values[:, 0] if self._one_dimension else values
