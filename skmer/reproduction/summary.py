"""From experiments to the rows of a table: our figures, the paper's beside them, and the difference."""

import numpy as np

from skmer.model_selection import DUMMY, SCORES
from skmer.reproduction.comparisons import EMBEDDING, TWO_STAGE
from skmer.reproduction.paper import TABLE_2, TABLE_3
from skmer.reproduction.systems import ABLATION, SSSL

__all__ = ["mean_and_deviation", "table_rows"]

_IN_THE_PAPER = {ABLATION: "Proposed*", SSSL: "Proposed", TWO_STAGE: "2-Stage", EMBEDDING: "Audio Embedding"}


def mean_and_deviation(rows, score):
    """Summarise a figure over folds.

    Parameters
    ----------
    rows : list of dict
        Rows of one system in an experiment. Seeds are averaged within each fold first; a
        single fold is summarised over its seeds.
    score : str
        Which figure.

    Returns
    -------
    dict
        ``"mean"``, ``"sd"`` (with n - 1; None for one value) and ``"n"``.

    Examples
    --------
    >>> from skmer.reproduction.summary import mean_and_deviation
    >>> rows = [{"fold": fold, "scores": {"F1": f1}} for fold, f1 in [(0, 0.5), (0, 0.7), (1, 0.4)]]
    >>> {key: round(value, 3) for key, value in mean_and_deviation(rows, "F1").items()}
    {'mean': 0.5, 'sd': 0.141, 'n': 2}
    """
    by_fold: dict = {}
    for row in rows:
        by_fold.setdefault(row["fold"], []).append(row["scores"][score])
    values = [np.mean(seeds) for seeds in by_fold.values()] if len(by_fold) > 1 else next(iter(by_fold.values()))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "n": len(values)}


def table_rows(table):
    """Summarise a table's experiments system by system.

    Parameters
    ----------
    table : dict
        What `skmer.reproduction.run_table` gives.

    Returns
    -------
    list of dict
        ``task``, ``system``, one entry for each of the scores as `mean_and_deviation` gives
        it, ``seconds`` (mean of a fit), and ``paper`` and ``difference``: dicts of
        ``"accuracy"`` and ``"F1"`` in percent, empty where the paper has none.

    Examples
    --------
    >>> from skmer.reproduction import table_rows
    >>> scores = {"accuracy": 0.75, "F1": 0.8, "macro-F1": 0.7, "balanced accuracy": 0.7}
    >>> row = {"name": "Proposed (SSSL)", "fold": 0, "inner": None, "seed": 0, "seconds": 1.0, "scores": scores}
    >>> table = {"table": "table3", "dataset": "4q", "experiments": {"quadrant": {"rows": [row]}}}
    >>> [ours, *theirs] = table_rows(table)
    >>> ours["system"], round(ours["difference"]["accuracy"], 2)
    ('Proposed (SSSL)', -1.49)
    >>> [row["system"] for row in theirs]
    ['Audio Embedding (paper only)', 'SVM (paper only)', 'Proposed* (paper only)']
    """
    found = []
    for task, experiment in table["experiments"].items():
        reported: dict = dict(_reported(table, task))
        rows = [row for row in experiment["rows"] if row["inner"] is None]
        for name in dict.fromkeys(row["name"] for row in rows):
            own = [row for row in rows if row["name"] == name]
            found.append(_summary(task, name, own, reported.pop(_key(table, name), {})))
        found += [
            {"task": task, "system": f"{name} (paper only)", "paper": figures, "difference": {}}
            for name, figures in reported.items()
        ]
    return found


def _key(table, name):
    return name if table["table"] == "table2" else _IN_THE_PAPER.get(name, name)


def _summary(task, name, rows, reported):
    row = {"task": task, "system": name, "paper": reported}
    row |= {score: mean_and_deviation(rows, score) for score in SCORES}
    row["difference"] = {score: 100 * row[score]["mean"] - figure for score, figure in reported.items()}
    row["seconds"] = None if name == DUMMY else float(np.mean([r["seconds"] for r in rows]))
    choices = [r["choice"] for r in rows if "choice" in r]
    return row | ({"choices": choices} if choices else {})


def _reported(table, task):
    """Give the paper's figures of a task as (name of the row, dict of figures)."""
    figures: dict
    if table["table"] == "table2":
        figures = {f"{d} s": both for d, both in TABLE_2.get(table["dataset"], {}).get(task, {}).items()}
    else:
        figures = TABLE_3.get(table["dataset"], {}).get(task, {})
    for name, both in figures.items():
        yield name, {score: figure for score, figure in zip(("accuracy", "F1"), both, strict=True) if figure}
