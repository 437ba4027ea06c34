"""Concordance and Pearson correlation of predicted and true ratings."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skmer.metrics._checks import average_targets, check_pair

__all__ = ["concordance_correlation_coefficient", "pearson_correlation_coefficient"]


def concordance_correlation_coefficient(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average"):
    """Compute Lin's concordance correlation coefficient (CCC).

    It is Pearson's correlation, lowered by differences in mean and scale:
    ``2 cov(t, p) / (var(t) + var(p) + (mean(t) - mean(p)) ** 2)``.

    Parameters
    ----------
    y_true : array-like of shape (n_songs,) or (n_songs, n_targets)
        True ratings, such as valence and arousal.
    y_pred : array-like of shape (n_songs,) or (n_songs, n_targets)
        Predicted ratings.
    sample_weight : array-like of shape (n_songs,), default=None
        Weights of the songs.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_targets,), \
            default="uniform_average"
        Whether to return the mean over targets, the value of each target, or a mean with these weights.

    Returns
    -------
    float or ndarray of shape (n_targets,)
        From -1 to 1. It is 1 only if prediction and truth are equal.

    Raises
    ------
    ValueError
        If shapes differ, values are not finite, or `sample_weight` or `multioutput` is invalid.

    Warns
    -----
    UndefinedMetricWarning
        If there are fewer than two songs of non-zero weight. The result is NaN.

    See Also
    --------
    pearson_correlation_coefficient : Ignores mean and scale.
    curve_score : The same for ratings over time.
    ccc_scorer : For `scoring` of scikit-learn.

    Notes
    -----
    Moments are those of the population (divided by n), as in the AVEC challenges and in audmetric. With n - 1 the
    value would be higher for few songs. A constant prediction of a varying truth, or the reverse, has 0
    by the formula. If both are constant and equal, the formula is 0 / 0, and the result is 1, as for
    :func:`sklearn.metrics.r2_score`.

    References
    ----------
    Lin, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45 (1989).

    Examples
    --------
    >>> from skmer.metrics import concordance_correlation_coefficient
    >>> concordance_correlation_coefficient([1, 2, 3], [1, 2, 3])
    1.0
    >>> round(concordance_correlation_coefficient([1, 2, 3], [2, 3, 4]), 3)  # correlation 1, but one too high
    0.571
    """
    y_true, y_pred, weights = check_pair(y_true, y_pred, sample_weight)
    if _too_few(y_true, "The concordance correlation coefficient"):
        return average_targets(np.full(y_true.shape[1], np.nan), multioutput)
    true, pred = (_centred(y, weights) for y in (y_true, y_pred))
    # differences to the first song are 0 for a constant, whatever its rounding
    shift = y_true[0] - y_pred[0] + weights @ (y_true - y_true[0]) - weights @ (y_pred - y_pred[0])
    scale = np.maximum(np.maximum(abs(true).max(axis=0), abs(pred).max(axis=0)), abs(shift))
    true, pred, shift = (values / np.where(scale > 0, scale, 1) for values in (true, pred, shift))
    numerator = 2 * (weights @ (true * pred))
    denominator = weights @ true**2 + weights @ pred**2 + shift**2
    values = np.divide(numerator, denominator, out=np.ones_like(numerator), where=denominator > 0)
    return average_targets(values, multioutput)


def pearson_correlation_coefficient(y_true, y_pred, *, sample_weight=None, multioutput="uniform_average"):
    """Compute Pearson's correlation coefficient of predicted and true values.

    Parameters
    ----------
    y_true : array-like of shape (n_songs,) or (n_songs, n_targets)
        True ratings, such as valence and arousal, or shares of classes.
    y_pred : array-like of shape (n_songs,) or (n_songs, n_targets)
        Predicted ratings or shares.
    sample_weight : array-like of shape (n_songs,), default=None
        Weights of the songs.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_targets,), \
            default="uniform_average"
        Whether to return the mean over targets, the value of each target, or a mean with these weights.

    Returns
    -------
    float or ndarray of shape (n_targets,)
        From -1 to 1.

    Raises
    ------
    ValueError
        If shapes differ, values are not finite, or `sample_weight` or `multioutput` is invalid.

    Warns
    -----
    UndefinedMetricWarning
        If a target is constant in `y_true`, or there are fewer than two songs of non-zero weight. The result is NaN,
        the mean over targets, too.

    See Also
    --------
    concordance_correlation_coefficient : Demands equal means and scales, too.
    sklearn.metrics.r2_score : The share of the variance that is predicted.

    Notes
    -----
    A constant prediction of a varying truth has 0 rather than NaN, as in
    :func:`sklearn.metrics.matthews_corrcoef`: it says nothing about the songs, and in a grid search its mean
    over folds must be lower than that of a model which does. A constant truth says nothing about the
    model, and the result is NaN.

    Examples
    --------
    >>> from skmer.metrics import pearson_correlation_coefficient
    >>> pearson_correlation_coefficient([[1, 4], [2, 5], [3, 6]], [[2, 9], [3, 8], [4, 7]], multioutput="raw_values")
    array([ 1., -1.])
    """
    y_true, y_pred, weights = check_pair(y_true, y_pred, sample_weight)
    if _too_few(y_true, "Pearson's correlation coefficient"):
        return average_targets(np.full(y_true.shape[1], np.nan), multioutput)
    true, pred = (_centred(y, weights) for y in (y_true, y_pred))
    constant_true, constant_pred = (abs(y).max(axis=0) == 0 for y in (true, pred))
    true, pred = (y / np.where(abs(y).max(axis=0) > 0, abs(y).max(axis=0), 1) for y in (true, pred))
    size = np.sqrt((weights @ true**2) * (weights @ pred**2))
    values = np.divide(weights @ (true * pred), size, out=np.zeros_like(size), where=size > 0)
    if constant_true.any():
        targets = np.flatnonzero(constant_true).tolist()
        which = f" in target {targets[0]}" if y_true.shape[1] > 1 else ""
        _warn(f"Pearson's correlation coefficient is undefined{which}, since y_true is constant.", stacklevel=3)
    values = np.where(constant_true, np.nan, np.where(constant_pred, 0.0, np.clip(values, -1, 1)))
    return average_targets(values, multioutput)


def _centred(y, weights):
    y = y - y[0]
    return y - weights @ y


def _too_few(y_true, what):
    if len(y_true) < 2:
        _warn(f"{what} is undefined for fewer than two songs.", stacklevel=4)
    return len(y_true) < 2


def _warn(text, stacklevel):
    warnings.warn(text, UndefinedMetricWarning, stacklevel=stacklevel)
