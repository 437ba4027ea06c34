"""From the rows of all parts to the lines of the tables, with the paper's figures beside."""

import numpy as np

from skmer.model_selection.tag_metrics import TAG_SCORES
from skmer.reproduction.mirable.paper import paper_figures
from skmer.reproduction.summary import mean_and_deviation

__all__ = ["mirable_rows"]


def mirable_rows(table):
    """Summarise a table row by row.

    Parameters
    ----------
    table : dict
        What `skmer.reproduction.mirable.run_plan` gives.

    Returns
    -------
    list of dict
        ``row``, one entry for each of `skmer.model_selection.TAG_SCORES` (``"mean"``, ``"sd"`` over folds, or over
        seeds where there is one fold, and ``"n"``), ``paper`` (a dict of figures, empty where there are none),
        ``seconds``, ``weights`` of the ensemble, and ``pseudo_labels`` of a student.

    Examples
    --------
    >>> from skmer.model_selection import TAG_SCORES
    >>> from skmer.reproduction.mirable import mirable_rows
    >>> row = {"name": "baseline", "fold": 0, "seed": 0, "scores": dict.fromkeys(TAG_SCORES, 0.5)}
    >>> [found] = mirable_rows({"dataset": "mtg_jamendo", "rows": [row]})
    >>> found["ROC-AUC"]["mean"], found["paper"]["ROC-AUC"]
    (0.5, 0.7258)
    """
    found = []
    for name in dict.fromkeys(row["name"] for row in table["rows"]):
        own = [row for row in table["rows"] if row["name"] == name]
        seconds = [row["seconds"] for row in own if "seconds" in row]
        found.append(
            {
                "row": name,
                **{score: mean_and_deviation(own, score) for score in TAG_SCORES},
                "paper": paper_figures(table["dataset"], name),
                "seconds": float(np.mean(seconds)) if seconds else None,
                "weights": [row["weight"] for row in own if "weight" in row],
                "pseudo_labels": [row["pseudo_labels"] for row in own if "pseudo_labels" in row],
            }
        )
    return found
