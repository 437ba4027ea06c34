"""Checks of the seeds, of the number of folds and of the folds that are to be run."""

import operator

__all__ = ["check_n_splits", "check_seeds", "chosen_folds"]

_LAST_SEED = 2**32 - 1  # of NumPy's generators


def check_seeds(seeds):
    """Return the seeds as a list of different integers."""
    try:
        found = list(dict.fromkeys(map(operator.index, seeds)))
    except TypeError:
        found = []
    if not found or min(found) < 0 or max(found) > _LAST_SEED:
        raise ValueError(f"seeds must be whole numbers from 0 to {_LAST_SEED}, at least one, got {seeds}.")
    return found


def check_n_splits(n_splits):
    """Return the number of folds as an integer."""
    try:
        number = operator.index(n_splits)
    except TypeError:
        number = 0
    if number < 2:
        raise ValueError(f"n_splits must be a whole number, at least 2, got {n_splits!r}.")
    return number


def chosen_folds(folds, n_folds):
    """Return the numbers of the folds that are to be run, in order; None is all."""
    if folds is None:
        return list(range(n_folds))
    try:
        chosen = sorted({operator.index(fold) for fold in folds})
    except TypeError:
        chosen = []
    if not chosen or chosen[0] < 0 or chosen[-1] >= n_folds:
        raise ValueError(f"folds must be some of 0 to {n_folds - 1}, got {folds}.")
    return chosen
