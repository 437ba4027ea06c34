"""Means over folds, and differences between the rows of a table by a paired test."""

import math

import numpy as np

from skmer.model_selection import corrected_paired_test, holm

__all__ = ["format_number", "mean_and_deviation", "paired_difference", "paired_tests"]


def mean_and_deviation(rows, score):
    """Return mean, standard deviation (with n - 1; None of one value) and n of a score over folds.

    Seeds are averaged within each fold first; a single fold is summarised over its seeds.
    """
    by_fold: dict = {}
    for row in rows:
        by_fold.setdefault(row["fold"], []).append(row["scores"][score])
    values = _over_folds(by_fold)
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "n": len(values)}


def paired_difference(rows, name, reference, score="accuracy"):
    """Return mean, sd and n of the differences between two systems on the folds that both have, and a p-value.

    ``within_spread`` is whether the mean is no larger than the deviation. The p-value is that of
    `skmer.model_selection.corrected_paired_test`. It is None for a single fold, whose seeds have the same test
    songs, for rows without ``n_train`` and ``n_test``, and for folds that all differ by the same amount. None is
    returned where fewer than two folds, or seeds of one, are shared.
    """
    ours, theirs = ({(r["fold"], r["seed"]): r for r in rows if r["name"] == n} for n in (name, reference))
    both = sorted(ours.keys() & theirs.keys())
    by_fold: dict = {}
    for place in both:
        difference = ours[place]["scores"][score] - theirs[place]["scores"][score]
        by_fold.setdefault(place[0], []).append(difference)
    differences = _over_folds(by_fold)
    if len(differences) < 2:
        return None
    mean, sd = float(np.mean(differences)), float(np.std(differences, ddof=1))
    p_value = _p_value(by_fold, {place[0]: ours[place] for place in both}) if len(by_fold) > 1 else None
    return {
        "mean": mean, "sd": sd, "n": len(differences), "within_spread": bool(abs(mean) <= sd), "p_value": p_value,
    }  # fmt: skip


def paired_tests(rows, pairs, score="accuracy"):
    """Return the `paired_difference` of each comparable pair of names, with its p-value ``adjusted`` by Holm."""
    found = [
        {"row": name, "less": reference, **difference, "adjusted": None}
        for name, reference in pairs
        if (difference := paired_difference(rows, name, reference, score)) is not None
    ]
    tested = [pair for pair in found if pair["p_value"] is not None]
    for pair, adjusted in zip(tested, holm([pair["p_value"] for pair in tested]) if tested else [], strict=True):
        pair["adjusted"] = float(adjusted)
    return found


def _over_folds(by_fold):
    """Return the mean of each fold's seeds, or the values of a single fold."""
    if len(by_fold) > 1:
        return [np.mean(seeds) for seeds in by_fold.values()]
    return next(iter(by_fold.values()), [])


def _p_value(by_fold, rows):
    if any(row.get("n_train") is None or row.get("n_test") is None for row in rows.values()):
        return None
    sizes = [[rows[fold][size] for fold in by_fold] for size in ("n_train", "n_test")]
    p_value = corrected_paired_test(list(by_fold.values()), *sizes).p_value
    return None if math.isnan(p_value) else p_value


def format_number(value, digits, sign=""):
    """Write a number without the 0 before the point."""
    text = f"{value:{sign}.{digits}f}"
    return text if text.lstrip("+-")[0] != "0" else text.replace("0.", ".", 1)
