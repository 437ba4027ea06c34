"""Which systems differ from the paper's, by a paired test over the folds that both have run."""

from skmer._io import markdown_table
from skmer.model_selection import DUMMY, holm
from skmer.reproduction.pairs import paired_difference
from skmer.reproduction.systems import SSSL

__all__ = ["DIFFERENCES_NOTE", "differences", "differences_markdown"]

_LEVEL = 0.05
_SCORES = ("accuracy", "macro-F1")
DIFFERENCES_NOTE = (
    "p is that of the difference in accuracy, by Nadeau and Bengio's paired t-test, which is corrected for the "
    "training songs that folds share, and by Holm for the number of rows, readouts included; a difference is shown "
    f"where p ≤ {_LEVEL:g}."
)
"""What the tables of `differences_markdown` mean."""


def differences(experiment, reference=SSSL):
    """Compare every system of an experiment with one of them.

    Parameters
    ----------
    experiment : dict
        One of a table's ``experiments``.
    reference : str, default="Proposed (SSSL)"
        The system that the others are compared with.

    Returns
    -------
    list of dict
        For each system that shares two folds or seeds with the reference: ``system``,
        ``accuracy`` and ``macro-F1`` as `paired_difference` gives them, and ``p_value``, that of
        the accuracy adjusted by Holm for all rows of the list, in which a system has one for
        each readout; None where there is one fold, whose seeds cannot be tested.

    See Also
    --------
    skmer.model_selection.corrected_paired_test : The test.

    Examples
    --------
    >>> from skmer.reproduction import differences
    >>> rows = [
    ...     {"name": name, "fold": fold, "inner": None, "seed": 0, "n_train": 90, "n_test": 10,
    ...      "scores": {"accuracy": accuracy, "macro-F1": accuracy}}
    ...     for name, figures in [("SVM", [0.5, 0.6, 0.5]), ("Proposed (SSSL)", [0.7, 0.8, 0.72])]
    ...     for fold, accuracy in enumerate(figures)
    ... ]
    >>> [found] = differences({"rows": rows})
    >>> round(found["accuracy"]["mean"], 3), round(found["p_value"], 4)
    (-0.207, 0.0014)
    """
    rows = [row for row in experiment["rows"] if row["inner"] is None]
    places = {name: {(r["fold"], r["seed"]) for r in rows if r["name"] == name} for name in (r["name"] for r in rows)}
    found = [
        {
            "system": name,
            **{score: paired_difference(rows, name, reference, score) for score in ("accuracy", "macro-F1")},
        }
        for name in places
        if name not in (reference, DUMMY) and len(places[name] & places.get(reference, set())) > 1
    ]
    tested = [row for row in found if row["accuracy"]["p_value"] is not None]
    adjusted = holm([row["accuracy"]["p_value"] for row in tested]) if tested else []
    for row in found:
        row["p_value"] = None
    for row, p_value in zip(tested, adjusted, strict=True):
        row["p_value"] = float(p_value)
    return found


def differences_markdown(experiment, reference=SSSL):
    """Write `differences` for people.

    Parameters
    ----------
    experiment : dict
        One of a table's ``experiments``.
    reference : str, default="Proposed (SSSL)"
        The system that the others are compared with.

    Returns
    -------
    str
        A sentence and a Markdown table, in percent; empty where nothing can be compared.

    Examples
    --------
    >>> from skmer.reproduction import differences_markdown
    >>> differences_markdown({"rows": []})
    ''
    """
    found = differences(experiment, reference)
    if not found:
        return ""
    rows = [
        [
            row["system"],
            *(f"{100 * row[score]['mean']:+.1f} ± {100 * row[score]['sd']:.1f}" for score in _SCORES),
            row["accuracy"]["n"],
            "" if row["p_value"] is None else f"{row['p_value']:.3f}",
            _verdict(row),
        ]
        for row in found
    ]
    tested = any(row["p_value"] is not None for row in found)
    places = "folds" if tested else "seeds"
    header = ["system", *_SCORES, places, "p", "difference"]
    kept = [c for c in range(len(header)) if any(row[c] for row in rows) and (tested or c < 4)]
    table = markdown_table([header[c] for c in kept], [[row[c] for c in kept] for row in rows])
    over = "folds" if tested else "seeds, which are judged on the same songs and so cannot be tested"
    return f"Less {reference}, mean ± standard deviation over {over}:\n\n{table}"


def _verdict(row):
    if row["p_value"] is None:
        return ""
    if row["p_value"] <= _LEVEL:
        return "shown"
    return "not shown" + (", within the spread" if row["accuracy"]["within_spread"] else "")
