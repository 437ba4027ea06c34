"""Scores of distributions: predicted and true shares of the listeners, rows that sum to one."""

import numpy as np

from skmer.metrics._checks import check_numbers, check_weights

__all__ = ["are_shares", "check_shares", "distribution_cross_entropy", "total_variation_distance"]

_ROUNDING = 1e-2  # shares in published tables have two to four digits


def distribution_cross_entropy(y_true, y_pred, *, sample_weight=None):
    """Compute the mean cross-entropy of predicted shares of the listeners, in nats.

    Of a song, it is ``-sum(true * log(predicted))``. It is lowest for the true shares, where it is their entropy.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_classes)
        Share of the listeners for each class; rows sum to one.
    y_pred : array-like of shape (n_songs, n_classes)
        Predicted shares, such as probabilities of classes.
    sample_weight : array-like of shape (n_songs,), default=None
        Weights of the songs, such as the number of listeners.

    Returns
    -------
    float
        0 or more; the lower, the better.

    Raises
    ------
    ValueError
        If shapes differ, a share is negative or not finite, or a row does not sum to one.

    See Also
    --------
    sklearn.metrics.log_loss : The same for one label per song.
    total_variation_distance : From 0 to 1, and 0 for the true shares.
    pearson_correlation_coefficient : With ``multioutput="raw_values"``, the correlation over songs for each class.

    Notes
    -----
    As in :func:`sklearn.metrics.log_loss`, a predicted share of 0 counts as the smallest relative
    difference between two floats, 2.2e-16, so that the result is finite. Rows may miss one by .01, since
    published shares are rounded; they are divided by their sum.

    Examples
    --------
    >>> from skmer.metrics import distribution_cross_entropy
    >>> round(distribution_cross_entropy([[0.5, 0.5], [1, 0]], [[0.5, 0.5], [0.5, 0.5]]), 3)
    0.693
    """
    y_true, y_pred = _check_pair(y_true, y_pred)
    logarithms = np.log(np.clip(y_pred, np.finfo(np.float64).eps, None))
    return float(check_weights(sample_weight, len(y_true)) @ -(y_true * logarithms).sum(axis=1))


def total_variation_distance(y_true, y_pred, *, sample_weight=None):
    """Compute the mean total variation distance of predicted and true shares of the listeners.

    Of a song, it is half the sum of the absolute differences: the share of the listeners who would have to choose
    another class for the prediction to be true.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_classes)
        Share of the listeners for each class; rows sum to one.
    y_pred : array-like of shape (n_songs, n_classes)
        Predicted shares, such as probabilities of classes.
    sample_weight : array-like of shape (n_songs,), default=None
        Weights of the songs, such as the number of listeners.

    Returns
    -------
    float
        From 0 to 1; 0 for the true shares.

    Raises
    ------
    ValueError
        If shapes differ, a share is negative or not finite, or a row does not sum to one.

    See Also
    --------
    distribution_cross_entropy : The loss of most networks.

    Examples
    --------
    >>> from skmer.metrics import total_variation_distance
    >>> total_variation_distance([[0.5, 0.25, 0.25]], [[0.25, 0.25, 0.5]])
    0.25
    """
    y_true, y_pred = _check_pair(y_true, y_pred)
    return float(check_weights(sample_weight, len(y_true)) @ abs(y_true - y_pred).sum(axis=1) / 2)


def are_shares(rows):
    """Return which rows are not negative and sum to one, but for the rounding of published shares."""
    # rounded, since 0.33 + 0.33 + 0.33 differs from 1 by more than 0.01
    return (rows >= 0).all(axis=1) & (np.round(abs(rows.sum(axis=1) - 1), 6) <= _ROUNDING)


def check_shares(shares, name):
    """Return rows that sum to one; raise ValueError for negative shares, and rows whose sum is another."""
    shares = check_numbers(shares, name, "(n_songs, n_classes)", ndims=(2,))
    sums = shares.sum(axis=1)
    wrong = np.flatnonzero(~are_shares(shares))
    if len(wrong):
        raise ValueError(
            f"{name} must have shares of at least 0 that sum to 1 in each row, but row {wrong[0]} is "
            f"{shares[wrong[0]].tolist()}, whose sum is {sums[wrong[0]]:.4g}."
        )
    return shares / sums[:, None]


def _check_pair(y_true, y_pred):
    y_true, y_pred = check_shares(y_true, "y_true"), check_shares(y_pred, "y_pred")
    if y_true.shape != y_pred.shape:
        raise ValueError(f"y_pred has shape {y_pred.shape}, but y_true has shape {y_true.shape}.")
    return y_true, y_pred
