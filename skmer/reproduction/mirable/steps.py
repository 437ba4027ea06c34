"""What each step of the paper changes: differences between rows, by a paired test over the folds."""

from skmer._io import markdown_table
from skmer.model_selection import holm
from skmer.reproduction.pairs import paired_difference

__all__ = ["step_differences", "steps_markdown"]

_STEPS = (
    ("long-hpcp", "long-normal"),
    ("short-hpcp", "short-normal"),
    ("long-hpcp-noisy", "long-hpcp"),
    ("short-hpcp-noisy", "short-hpcp"),
    ("ensemble", "short-normal"),
    ("ensemble", "long-hpcp-noisy"),
)
_SCORE = "ROC-AUC"
_SIMPLEST = "logistic-regression"  # that every row of the paper is held against, too


def step_differences(table):
    """Compare rows fold by fold: with the row that a step of the paper sets out from, and with the simplest one.

    Parameters
    ----------
    table : dict
        What `skmer.reproduction.mirable.run_plan` gives.

    Returns
    -------
    list of dict
        For each pair that shares two folds: ``row``, ``less``, what `skmer.reproduction.paired_difference` gives of the
        macro ROC-AUC, and ``adjusted``, the p-value by Holm for the number of pairs.

    Examples
    --------
    >>> from skmer.reproduction.mirable import step_differences
    >>> figures = {"short-normal": [0.6, 0.7, 0.65], "short-hpcp": [0.65, 0.75, 0.71]}
    >>> rows = [{"name": name, "fold": k, "seed": 0, "scores": {"ROC-AUC": figure}}
    ...         for name, own in figures.items() for k, figure in enumerate(own)]
    >>> parts = [{"fold": k, "labelled": 50, "unlabelled": 0, "validation": 10, "test": 30} for k in range(3)]
    >>> [found] = step_differences({"rows": rows, "parts": parts, "protocol": {"seeds": [0]}})
    >>> found["row"], found["less"], round(found["mean"], 4)
    ('short-hpcp', 'short-normal', 0.0533)
    """
    rows = _with_numbers(table)
    places = {name: {(r["fold"], r["seed"]) for r in rows if r["name"] == name} for name in {r["name"] for r in rows}}
    steps = [*_STEPS, *((name, _SIMPLEST) for name in dict.fromkeys(n for step in _STEPS for n in step[::-1]))]
    found = [
        {"row": name, "less": other, **paired_difference(rows, name, other, _SCORE)}
        for name, other in steps
        if len({fold for fold, _ in places.get(name, set()) & places.get(other, set())}) > 1
    ]
    tested = [pair for pair in found if pair["p_value"] is not None]
    adjusted = dict(zip(map(id, tested), holm([pair["p_value"] for pair in tested]) if tested else [], strict=True))
    return [{**pair, "adjusted": adjusted.get(id(pair))} for pair in found]


def _with_numbers(table):
    """Give the rows as `paired_difference` takes them; one that no seed has a say in stands for every seed."""
    parts = {part["fold"]: part for part in table["parts"]}
    return [
        {
            **row,
            "inner": None,
            "seed": seed,
            # folds share the songs without tags and those of validation, too
            "n_train": sum(parts[row["fold"]][which] for which in ("labelled", "unlabelled", "validation")),
            "n_test": parts[row["fold"]]["test"],
        }
        for row in table["rows"]
        for seed in (table["protocol"]["seeds"] if row["seed"] is None else [row["seed"]])
    ]


def steps_markdown(table):
    """Write `step_differences` for people.

    Parameters
    ----------
    table : dict
        What `skmer.reproduction.mirable.run_plan` gives.

    Returns
    -------
    str
        A sentence and a Markdown table; empty where no two rows share two folds.

    Examples
    --------
    >>> from skmer.reproduction.mirable.steps import steps_markdown
    >>> steps_markdown({"rows": [], "parts": [], "protocol": {"seeds": [0]}})
    ''
    """
    found = step_differences(table)
    if not found:
        return ""
    cells = [
        [pair["row"], pair["less"], f"{_short(pair['mean'], '+')} ± {_short(pair['sd'])}", str(pair["n"])]
        + ["" if p is None else _short(p) for p in (pair["p_value"], pair["adjusted"])]
        for pair in found
    ]
    return (
        "Differences in ROC-AUC, mean ± standard deviation over folds; p by Nadeau and Bengio's paired t-test, which "
        "is corrected for the songs that folds share, alone and by Holm for all of these pairs.\n\n"
        + markdown_table(["row", "less", _SCORE, "folds", "p", "p by Holm"], cells)
    )


def _short(value, sign=""):
    return f"{value:{sign}.3f}".replace("0.", ".", 1) if abs(value) < 0.9995 else f"{value:{sign}.3f}"
