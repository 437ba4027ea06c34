"""Differences between two systems on the same folds."""

import math

import numpy as np

from skmer.model_selection import corrected_paired_test

__all__ = ["paired_difference"]


def paired_difference(rows, name, reference, score="accuracy"):
    """Compare two systems fold by fold.

    Parameters
    ----------
    rows : list of dict
        Rows of one experiment. For the p-value they carry ``n_train`` and ``n_test``.
    name, reference : str
        The systems.
    score : str, default="accuracy"
        Which figure.

    Returns
    -------
    dict
        ``"mean"`` and ``"sd"`` (with n - 1) of the differences on the ``"n"`` folds that both have
        (each the mean of its seeds; of a single fold, its seeds),
        ``"within_spread"``: whether the mean is no larger than the deviation, and ``"p_value"``
        of `skmer.model_selection.corrected_paired_test`, which reckons with the training songs that
        folds share. A single fold, such as a published split, cannot be tested, because
        its seeds are judged on the same songs: its p-value is None, as it is for rows that lack
        their numbers of songs, and for folds that all differ by the same amount.

    Raises
    ------
    ValueError
        If they have fewer than two folds, or seeds of one, in common.

    Examples
    --------
    >>> from skmer.reproduction import paired_difference
    >>> rows = [
    ...     {"name": name, "fold": fold, "inner": None, "seed": 0, "n_train": 50, "n_test": 50,
    ...      "scores": {"accuracy": accuracy}}
    ...     for name, fold, accuracy in [("a", 0, 0.6), ("a", 1, 0.7), ("b", 0, 0.5), ("b", 1, 0.7)]
    ... ]
    >>> found = paired_difference(rows, "a", "b")
    >>> round(found["mean"], 3), round(found["sd"], 3), found["within_spread"], round(found["p_value"], 2)
    (0.05, 0.071, True, 0.67)
    """
    ours, theirs = ({(r["fold"], r["seed"]): r for r in rows if r["name"] == n and r["inner"] is None}
                    for n in (name, reference))  # fmt: skip
    both = sorted(ours.keys() & theirs.keys())
    folds: dict = {}
    for place in both:
        difference = ours[place]["scores"][score] - theirs[place]["scores"][score]
        folds.setdefault(place[0], []).append(difference)
    several = len(folds) > 1
    differences = [np.mean(seeds) for seeds in folds.values()] if several else next(iter(folds.values()), [])
    if len(differences) < 2:
        raise ValueError(f"{name!r} and {reference!r} need at least two folds or seeds in common.")
    mean, sd = float(np.mean(differences)), float(np.std(differences, ddof=1))
    p_value = _p_value(folds, {place[0]: ours[place] for place in both}) if several else None
    return {
        "mean": mean, "sd": sd, "n": len(differences), "within_spread": bool(abs(mean) <= sd), "p_value": p_value,
    }  # fmt: skip


def _p_value(folds, rows):
    """Test the differences of each fold's seeds, where a row of each tells its numbers of songs."""
    if any(row.get("n_train") is None or row.get("n_test") is None for row in rows.values()):
        return None
    sizes = [[rows[fold][size] for fold in folds] for size in ("n_train", "n_test")]
    p_value = corrected_paired_test(list(folds.values()), *sizes).p_value
    return None if math.isnan(p_value) else p_value
