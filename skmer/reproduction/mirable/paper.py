"""What Tan reports of Mirable at MediaEval 2021, figure by figure."""

__all__ = ["PAPER_DATASET", "TABLE_1", "TABLE_2", "WEIGHT_OF_SHORT", "paper_figures"]

# on the test tracks of split-0
PAPER_DATASET = "mtg_jamendo"

# ROC-AUC, PR-AUC and F-score
TABLE_1 = {
    "baseline": (0.7258, 0.1077, 0.1656),
    "long-normal": (0.7256, 0.1024, 0.1578),
    "long-hpcp": (0.7587, 0.1220, 0.1854),
    "long-hpcp-noisy": (0.7614, 0.1235, 0.1833),
    "short-normal": (0.7477, 0.1234, 0.1855),
    "short-hpcp": (0.7541, 0.1275, 0.1864),
    "short-hpcp-noisy": (0.7488, 0.1226, 0.1804),
    "ensemble": (0.7687, 0.1356, 0.1978),
}

# mean true positive and true negative rates
TABLE_2 = {
    "long-hpcp-noisy": (0.3645, 0.8851),
    "short-normal": (0.3842, 0.8737),
    "ensemble": (0.4099, 0.8671),
}

WEIGHT_OF_SHORT = 0.7


def paper_figures(dataset, row):
    """Give what the paper reports of a row.

    Parameters
    ----------
    dataset : str
        The paper has one collection, ``"mtg_jamendo"``.
    row : str
        Name of the row.

    Returns
    -------
    dict of str to float
        By the names of `skmer.model_selection.TAG_SCORES`; empty where the paper has none.

    Examples
    --------
    >>> from skmer.reproduction.mirable import paper_figures
    >>> paper_figures("mtg_jamendo", "ensemble")
    {'ROC-AUC': 0.7687, 'PR-AUC': 0.1356, 'F-score': 0.1978, 'TPR': 0.4099, 'TNR': 0.8671}
    """
    if dataset != PAPER_DATASET:
        return {}
    first = zip(("ROC-AUC", "PR-AUC", "F-score"), TABLE_1.get(row, ()), strict=False)
    return dict(first) | dict(zip(("TPR", "TNR"), TABLE_2.get(row, ()), strict=False))
