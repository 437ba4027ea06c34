"""Differences between two systems on the same folds."""

import numpy as np

__all__ = ["paired_difference"]


def paired_difference(rows, name, reference, score="accuracy"):
    """Compare two systems fold by fold.

    Parameters
    ----------
    rows : list of dict
        Rows of one experiment.
    name, reference : str
        The systems.
    score : str, default="accuracy"
        Which figure.

    Returns
    -------
    dict
        ``"mean"`` and ``"sd"`` (with n - 1) of the differences on the ``"n"`` folds that both have
        (each the mean of its seeds; of a single fold, its seeds), and
        ``"within_spread"``: whether the mean is no larger than the deviation. A mean beyond
        the spread is no proof: folds share training songs.

    Raises
    ------
    ValueError
        If they have fewer than two folds, or seeds of one, in common.

    Examples
    --------
    >>> from skmer.reproduction import paired_difference
    >>> rows = [
    ...     {"name": name, "fold": fold, "inner": None, "seed": 0, "scores": {"accuracy": accuracy}}
    ...     for name, fold, accuracy in [("a", 0, 0.6), ("a", 1, 0.7), ("b", 0, 0.5), ("b", 1, 0.7)]
    ... ]
    >>> found = paired_difference(rows, "a", "b")
    >>> round(found["mean"], 3), round(found["sd"], 3), found["within_spread"]
    (0.05, 0.071, True)
    """
    ours, theirs = ({(r["fold"], r["seed"]): r["scores"][score] for r in rows if r["name"] == n and r["inner"] is None}
                    for n in (name, reference))  # fmt: skip
    both = sorted(ours.keys() & theirs.keys())
    folds = sorted({fold for fold, _ in both})
    differences = [ours[place] - theirs[place] for place in both]
    if len(folds) > 1:
        differences = [
            np.mean([d for d, place in zip(differences, both, strict=True) if place[0] == fold]) for fold in folds
        ]
    if len(differences) < 2:
        raise ValueError(f"{name!r} and {reference!r} need at least two folds or seeds in common.")
    mean, sd = float(np.mean(differences)), float(np.std(differences, ddof=1))
    return {"mean": mean, "sd": sd, "n": len(differences), "within_spread": bool(abs(mean) <= sd)}
