"""From the scores of a row to its figures, with thresholds from validation songs."""

import warnings

import numpy as np

from skmer.model_selection.tag_metrics import TAG_SCORES, best_thresholds, best_weight, tag_scores, weighted_sum

__all__ = ["dummy_scores", "ensemble_scores", "judge"]


def judge(part, target, tags, scores):
    """Judge the scores of a row.

    Parameters
    ----------
    part : Part
        The songs.
    target : ndarray of shape (n_tagged, n_tags)
        0 and 1.
    tags : list of str
        Names of the tags.
    scores : dict of str to ndarray (n_songs, n_tags)
        Of the ``"validation"`` and the ``"test"`` songs.

    Returns
    -------
    dict
        ``"scores"``, the mean figures, and ``"per_tag"``, lists of them with None for tags that cannot be judged.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import Part
    >>> from skmer.reproduction.mirable.judge import judge
    >>> none, halves = np.array([], int), np.arange(8).reshape(2, 4)
    >>> target = np.array([[0], [0], [1], [1]] * 2)
    >>> scores = {"validation": target[:4], "test": target[4:]}
    >>> judge(Part(0, none, none, *halves), target, ["sad"], scores)["scores"]["F-score"]
    1.0
    """
    with warnings.catch_warnings():
        # named once for a part, not for each of its rows
        warnings.simplefilter("ignore", UserWarning)
        thresholds = best_thresholds(target[part.validation], scores["validation"], tags)
        found = tag_scores(target[part.test], scores["test"], thresholds, tags)
    per_tag = {
        name: [float(value) if np.isfinite(value) else None for value in found["per_tag"][name]] for name in TAG_SCORES
    }
    return {"scores": {name: found[name] for name in TAG_SCORES}, "per_tag": per_tag}


def dummy_scores(part, target):
    """Score every song by the share of labelled songs that have a tag.

    Parameters
    ----------
    part : Part
        The songs.
    target : ndarray of shape (n_tagged, n_tags)
        0 and 1.

    Returns
    -------
    dict of str to ndarray
        Of the validation and the test songs.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import Part
    >>> from skmer.reproduction.mirable.judge import dummy_scores
    >>> part = Part(0, np.array([0, 1]), np.array([], int), np.array([2]), np.array([3]))
    >>> dummy_scores(part, np.array([[0], [1], [1], [1]]))["test"]
    array([[0.5]])
    """
    share = target[part.labelled].mean(0, keepdims=True)
    return {which: np.repeat(share, len(getattr(part, which)), axis=0) for which in ("validation", "test")}


def ensemble_scores(part, target, short, long):
    """Weigh the logits of two rows, by the weight that ranks the validation songs best.

    Parameters
    ----------
    part : Part
        The songs.
    target : ndarray of shape (n_tagged, n_tags)
        0 and 1.
    short, long : dict of str to ndarray
        Logits of the validation and the test songs.

    Returns
    -------
    scores : dict of str to ndarray
        Of both.
    weight : float
        That of `short`, the paper's alpha.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.reproduction.mirable import Part
    >>> from skmer.reproduction.mirable.judge import ensemble_scores
    >>> part = Part(0, np.array([0]), np.array([], int), np.array([0, 1]), np.array([2, 3]))
    >>> target = np.array([[0], [1], [0], [1]])
    >>> both = {"validation": target[:2], "test": target[2:]}
    >>> ensemble_scores(part, target, both, both)[0]["test"].ravel().tolist()
    [0.0, 1.0]
    """
    weight = float(best_weight(target[part.validation], short["validation"], long["validation"]))
    return {which: weighted_sum(short[which], long[which], weight) for which in ("validation", "test")}, weight
