"""Which classes are recognised, and what the others are taken for, among the test songs of an estimate."""

import numpy as np
from sklearn.metrics import confusion_matrix

from skmer._io import markdown_table

__all__ = ["confusion_of"]


def confusion_of(experiment, name, y, folds):
    """Return how often the songs of each class were predicted as each class, as a dict for JSON; or None.

    The predictions are those of a system for the test songs of all folds, each by a model trained without it.
    ``"counts"`` has a row for each class and a column for each prediction, in the order of ``"classes"``; ``"table"``
    has a line for each class, with the shares of its songs and of its predictions that are right.
    """
    classes = np.unique(y)
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    rows = [row for row in experiment.rows if row["name"] == name and row["inner"] is None and "logits" in row]
    if not rows:
        return None
    for row in rows:
        predicted = np.array(row["classes"])[np.argmax(row["logits"], axis=1)]
        counts += confusion_matrix(y[folds[row["fold"]][1]], predicted, labels=classes)
    # names in cells of a Markdown table
    names = [" ".join(str(name).split()).replace("|", "\\|") for name in classes]
    lines = []
    for k, own in enumerate(counts):
        others = np.where(np.arange(len(own)) == k, 0, own)
        mostly = f"{names[others.argmax()]} ({others.max()})" if others.any() else "–"
        shares = _share(own[k], own.sum()), _share(own[k], counts[:, k].sum())
        lines.append([names[k], str(own.sum()), *shares, mostly])
    header = ["class", "songs", "of them right", "of its predictions right", "mostly taken for"]
    return {"classes": classes.tolist(), "counts": counts.tolist(), "table": markdown_table(header, lines)}


def _share(part, whole):
    return f"{part / whole:.0%}" if whole else "–"
