"""BaseTagger, and functions that all taggers use: input validation and the choice of validation songs."""

import warnings
from contextlib import contextmanager

import numpy as np
from scipy.sparse import issparse
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skmer._inputs import column_names, label_array
from skmer._io import format_names
from skmer._validation import check_labels, check_not_missing
from skmer.model_selection.tag_metrics import best_thresholds, macro_roc_auc
from skmer.training.holdout import has_both_labels
from skmer.training.runtime import reset_fitted_attributes

__all__ = [
    "BaseTagger",
    "check_same_tags",
    "check_tags",
    "check_validation_pair",
    "unfitted_on_error",
]


# ---- validation of tags ----------------------------------------------------------------------------


def check_tags(estimator, y, n_songs, n_tags=None, name="y", X_name="X"):
    """Return the names of the tags and an integer array (n_songs, n_tags) of 0 and 1; raise ValueError otherwise."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires {name} to be passed, but the target {name} is None: pass an array of "
            "0 and 1 of shape (n_songs, n_tags)."
        )
    columns = column_names(y)
    values = y.toarray() if issparse(y) else label_array(y, name)
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"{name} must have shape (n_songs, n_tags), a column of 0 and 1 for each tag, got shape {values.shape}: "
            "sklearn.preprocessing.MultiLabelBinarizer converts lists of tags."
        )
    if len(values) != n_songs:
        raise ValueError(f"{X_name} has {n_songs} songs but {name} has {len(values)} rows: pass one row per song.")
    if n_tags is not None and values.shape[1] != n_tags:
        raise ValueError(f"{name} has {values.shape[1]} tags, expected {n_tags}: pass the same columns as in y of fit.")
    if values.dtype.kind not in "buif":
        try:
            values = values.astype(float)
        except (TypeError, ValueError):
            raise ValueError(f"{name} must hold 0 and 1, got values of type {values.dtype}.") from None
    wrong = np.argwhere((values != 0) & (values != 1))
    if len(wrong):
        song, tag = wrong[0]
        raise ValueError(
            f"{name} must hold only 0 and 1, got {values[song, tag]:g} for song {song} and tag {tag}: class numbers, "
            "continuous and missing values are not supported."
        )
    tags = np.arange(values.shape[1]) if columns is None else np.asarray(columns)
    return tags, values.astype(np.int64)


def check_same_tags(named):
    """Raise ValueError if collections of tags have different names or orders; tags that are numbers are ignored."""
    known = {where: list(tags) for where, tags in named.items() if any(isinstance(tag, str) for tag in tags)}
    for where, tags in known.items():
        first, expected = next(iter(known.items()))
        if tags != expected:
            raise ValueError(
                f"The tags of {first} are {', '.join(map(str, expected))}, but those of {where} are "
                f"{', '.join(map(str, tags))}: they must be the same, in the same order."
            )


def _is_labels(y):
    """Return whether y has one dimension."""
    try:
        return label_array(y).ndim == 1
    except ValueError:
        return False  # such as rows of unequal lengths, which check_tags refuses


# ---- validation songs ------------------------------------------------------------------------------


def check_validation_pair(X_val, y_val):
    """Raise ValueError if only one of X_val and y_val is given."""
    if (X_val is None) != (y_val is None):
        raise ValueError("X_val and y_val must be given together, or neither to have validation songs drawn from X.")


# ---- the base class --------------------------------------------------------------------------------


@contextmanager
def unfitted_on_error(estimator):
    """Reset an estimator before a fit, and again if the fit fails or is interrupted."""
    reset_fitted_attributes(estimator)
    try:
        yield
    except BaseException:
        reset_fitted_attributes(estimator)
        raise


class BaseTagger(ClassifierMixin, BaseEstimator):
    """Multi-label classifier whose probabilities, predictions and score follow from `decision_function`.

    `fit` calls `_check_y`, and stores the result of `_best_thresholds` as ``thresholds_``; `decision_function` returns
    the result of `_decisions`. With a one-dimensional y of two classes, there is one tag, the second class, and the
    estimator is a binary classifier.
    """

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        tags.target_tags.two_d_labels = True
        return tags

    def _check_y(self, y, n_songs):
        """Return y as an array (n_songs, n_tags) of 0 and 1, and set `tags_`, `n_tags_` and `classes_`."""
        if _is_labels(y):
            self.classes_, positions = check_labels(self, y, n_songs)
            if len(self.classes_) > 2:
                raise ValueError(
                    f"Only binary classification is supported for labels, got {len(self.classes_)} classes: pass a "
                    f"column of 0 and 1 for each tag, or wrap {type(self).__name__} in "
                    "sklearn.multiclass.OneVsRestClassifier."
                )
            self.tags_, targets = self.classes_[1:], positions[:, None]
        else:
            self.tags_, targets = check_tags(self, y, n_songs)
            # an array, whose shape cross_val_predict reads, with a row for each tag, since scikit-learn's scorers take
            # [0] or [0, 1], the numbers of one or two tags, for the classes of a binary classifier
            self.classes_ = np.tile([0, 1], (len(self.tags_), 1))
        self.n_tags_ = len(self.tags_)
        return targets

    def _check_y_like_fit(self, y, n_songs, name="y", X_name="X"):
        """Return the names of the tags, and y of other songs than those of `fit` as an array of 0 and 1."""
        if not self._is_binary:
            return check_tags(self, y, n_songs, self.n_tags_, name, X_name)
        if not _is_labels(y):
            raise ValueError(f"{name} must have shape (n_songs,) as y of fit, one label per song, got {np.shape(y)}.")
        labels = label_array(y, name)
        if len(labels) != n_songs:
            raise ValueError(f"{X_name} has {n_songs} songs but {name} has {len(labels)} labels.")
        check_not_missing(labels, name)
        equal = labels[:, None] == self.classes_
        unknown = np.flatnonzero(~equal.any(axis=1))
        if len(unknown):
            raise ValueError(
                f"{name} must hold the classes of y in fit, {format_names(self.classes_)}, got {labels[unknown[0]]} "
                f"for song {unknown[0]}."
            )
        return self.tags_, equal[:, 1:].astype(np.int64)

    @property
    def _is_binary(self):
        return self.classes_.ndim == 1

    def _check_validation_tags(self, valid):
        if not has_both_labels(valid).any():
            raise ValueError(
                "No tag has both positive and negative validation songs, which are needed to select the best epoch or "
                "weight: pass more songs, a larger validation_fraction, or X_val and y_val."
            )

    def _warn_missing(self, valid, train=None):
        """Warn of tags without training songs and of tags without validation songs."""
        for y, message in (
            (train, "Tags without training songs, which cannot be learnt"),
            (valid, "Tags without validation songs, which predict assigns to no song"),
        ):
            if y is not None and not y.any(0).all():
                warnings.warn(f"{message}: {format_names(self.tags_[~y.any(0)])}.", UserWarning, stacklevel=3)

    def _best_thresholds(self, y, probabilities):
        """Return the thresholds of the best F-scores, infinite for tags without songs; 0.5 for two classes."""
        if self._is_binary:
            return np.array([0.5])
        positive = y.any(0)
        thresholds = np.full(self.n_tags_, np.inf)
        thresholds[positive] = best_thresholds(y[:, positive], probabilities[:, positive])
        return thresholds

    def _decisions(self, logits):
        """Return logits (n_songs, n_tags) as `decision_function` does."""
        return logits[:, 0] if self._is_binary else logits

    def predict_proba(self, X):
        """Compute the probabilities of tags, or of two classes.

        Parameters
        ----------
        X : collection of n_songs songs
            Songs as accepted by `decision_function`.

        Returns
        -------
        ndarray of shape (n_songs, n_tags) or (n_songs, 2)
            Sigmoids of `decision_function`, independent for each tag: those of a song do not sum to 1. If y of `fit`
            was labels, the probabilities of both `classes_`, which do.
        """
        decisions = self.decision_function(X)
        return expit(np.column_stack([-decisions, decisions]) if self._is_binary else decisions)

    def predict(self, X):
        """Predict the tags of songs with the thresholds found on the validation songs, or the labels of songs.

        Parameters
        ----------
        X : collection of n_songs songs
            Songs as accepted by `decision_function`.

        Returns
        -------
        ndarray of shape (n_songs, n_tags) or (n_songs,)
            1 for tags whose probability is at least `thresholds_`, else 0. If y of `fit` was labels, the more
            probable class.
        """
        check_is_fitted(self)
        probabilities = self.predict_proba(X)
        if self._is_binary:
            return self.classes_[probabilities.argmax(axis=1)]
        return (probabilities >= self.thresholds_).astype(np.int64)

    def score(self, X, y, sample_weight=None):
        """Compute the macro ROC-AUC.

        Parameters
        ----------
        X : collection of n_songs songs
            Songs as accepted by `decision_function`.
        y : array-like or sparse matrix of shape (n_songs, n_tags), or array-like of shape (n_songs,)
            1 where a song has a tag, 0 where it has not; labels if y of `fit` was labels.
        sample_weight : array-like of shape (n_songs,), default=None
            Non-negative weights of songs; equal by default.

        Returns
        -------
        float
            Mean over the tags with positive and negative songs; NaN if there is none.

        See Also
        --------
        skmer.model_selection.tag_scores : More metrics, for each tag too, with a warning that names the tags that
            are left out.
        """
        logits = self.decision_function(X)
        logits = logits.reshape(len(logits), self.n_tags_)
        _, targets = self._check_y_like_fit(y, len(logits))
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, logits, ensure_non_negative=True)
        return macro_roc_auc(targets, logits, sample_weight)
