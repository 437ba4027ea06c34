"""Validation of what the scores compare, and averages over targets."""

import numpy as np

__all__ = ["average_targets", "check_numbers", "check_pair", "check_weights"]


def check_numbers(values, name, form="(n_songs,) or (n_songs, n_targets)", ndims=(1, 2), allow_nan=False):
    """Return a non-empty array of float64 with one of some numbers of dimensions."""
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be numbers of shape {form}.") from None
    if found.ndim not in ndims or 0 in found.shape:
        raise ValueError(f"{name} must have shape {form} and not be empty, got shape {found.shape}.")
    wrong = np.isinf(found) if allow_nan else ~np.isfinite(found)
    if wrong.any():
        place = np.argwhere(wrong)[0]
        raise ValueError(
            f"{name} must be finite, but {wrong.sum()} of its values are not; the first is at {place.tolist()}."
        )
    return found


def check_pair(y_true, y_pred, sample_weight=None):
    """Return truth and prediction as arrays of shape (n_songs, n_targets), and weights that sum to one.

    Songs of weight 0 are left out.
    """
    y_true, y_pred = check_numbers(y_true, "y_true"), check_numbers(y_pred, "y_pred")
    columns = [y[:, None] if y.ndim == 1 else y for y in (y_true, y_pred)]
    if columns[0].shape != columns[1].shape:
        raise ValueError(f"y_pred has shape {y_pred.shape}, but y_true has shape {y_true.shape}.")
    weights = check_weights(sample_weight, len(y_true))
    counted = weights > 0
    return columns[0][counted], columns[1][counted], weights[counted]


def check_weights(sample_weight, n_songs):
    """Return weights that sum to one, equal ones for None."""
    if sample_weight is None:
        return np.full(n_songs, 1 / n_songs)
    weights = check_numbers(sample_weight, "sample_weight", "(n_songs,)", ndims=(1,))
    if len(weights) != n_songs:
        raise ValueError(f"sample_weight has {len(weights)} values for {n_songs} songs.")
    if (weights < 0).any() or not weights.any():
        raise ValueError("sample_weight must not be negative, and not 0 for every song.")
    weights = weights / weights.max()  # the sum of large weights overflows
    return weights / weights.sum()


def average_targets(scores, multioutput):
    """Return the scores of targets as they are, or their mean, as scikit-learn's ``multioutput``."""
    scores = np.asarray(scores, dtype=np.float64)
    if isinstance(multioutput, str):
        if multioutput == "raw_values":
            return scores
        if multioutput == "uniform_average":
            return float(scores.mean())
    else:
        weights = check_numbers(multioutput, "multioutput", "(n_targets,)", ndims=(1,))
        if len(weights) == len(scores) and weights.sum() != 0:
            return float(np.average(scores, weights=weights))
    raise ValueError(
        f"multioutput must be 'uniform_average', 'raw_values' or {len(scores)} weights that do not sum to 0, got "
        f"{multioutput!r}."
    )
