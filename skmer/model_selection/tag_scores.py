"""The figures by which the tags of songs are judged."""

import warnings

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, recall_score

from skmer._io import format_names
from skmer.model_selection._tag_tables import NO_TAG_TO_JUDGE, check_scores, check_tag_table
from skmer.model_selection.roc_auc import roc_auc_of_tags

__all__ = ["TAG_SCORES", "best_thresholds", "tag_scores"]

TAG_SCORES = ("ROC-AUC", "PR-AUC", "F-score", "TPR", "TNR")


def tag_scores(y_true, scores, thresholds=None, names=None):
    """Judge the scores of the tags of some songs: each tag, and the mean over tags.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_tags)
        1 (or True) where a song has a tag, 0 where it has not.
    scores : array-like of shape (n_songs, n_tags)
        Predicted probabilities, logits or any other numbers that grow with belief.
    thresholds : float or array-like of shape (n_tags,), default=None
        A song is given a tag where its score is at least the threshold, as `best_thresholds` finds
        it on validation songs; infinity gives it to none. Without, only the
        figures that need no threshold are computed.
    names : sequence of str, default=None
        What messages and the answer call the tags; by default ``"tag 0"`` and so on.

    Returns
    -------
    dict
        Macro averages (float): ``"ROC-AUC"``; ``"PR-AUC"``, the average precision; and with
        thresholds ``"F-score"``, ``"TPR"`` and ``"TNR"``, the true positive and true negative
        rates. ``"per_tag"`` is a dict of the same keys whose values are arrays of shape
        (n_tags,), and ``"names"`` the list of the tags.

    Raises
    ------
    ValueError
        If shapes do not fit, `y_true` holds other than 0 and 1, a score is not finite, a threshold
        is not a number, or no tag has songs with it and songs without it.

    Warns
    -----
    UserWarning
        If a tag has no song, or all songs, in `y_true`. Its figures are NaN, and the macro averages
        are over the other tags; the warning names them.

    See Also
    --------
    best_thresholds : Thresholds from validation songs.

    Notes
    -----
    Where every tag has songs with and without it, ROC-AUC, PR-AUC and, for the same decisions,
    F-score are MediaEval's macro figures. Its evaluation computes them with functions of
    scikit-learn, which make 0 of the average precision and the F-score of a tag
    without songs and so draw the mean down, and give NaN for the mean ROC-AUC.
    Songs of equal scores count as scikit-learn counts them: half for ROC-AUC, and for the
    average precision all of them at once.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), Tables 1 and 2; Tovstogan, Bogdanov & Porter, "MediaEval 2021:
    Emotion and Theme Recognition in Music Using Jamendo" (2021).

    Examples
    --------
    >>> from skmer.model_selection import tag_scores
    >>> y = [[1, 0], [1, 1], [0, 0], [0, 1]]
    >>> scores = [[0.9, 0.1], [0.4, 0.8], [0.5, 0.3], [0.2, 0.2]]
    >>> result = tag_scores(y, scores, thresholds=[0.45, 0.25], names=["calm", "happy"])
    >>> result["ROC-AUC"], result["per_tag"]["TPR"].tolist()
    (0.75, [0.5, 0.5])
    """
    y_true, scores, names = _checked(y_true, scores, names)
    has, lacks = y_true.any(0), ~y_true.all(0)
    judged = has & lacks
    if not judged.any():
        raise ValueError(NO_TAG_TO_JUDGE)
    for left_out, what in ((~has, "without songs"), (~lacks, "with every song")):
        _warn(names[left_out], what, "Their figures are NaN, and the averages are over the other tags.")
    decisions = None if thresholds is None else scores >= _checked_thresholds(thresholds, len(names))
    per_tag = {name: np.full(len(names), np.nan) for name in TAG_SCORES[: 2 if decisions is None else None]}
    per_tag["ROC-AUC"] = roc_auc_of_tags(y_true, scores)
    for k in np.flatnonzero(judged):
        per_tag["PR-AUC"][k] = average_precision_score(y_true[:, k], scores[:, k])
        if decisions is not None:
            per_tag["F-score"][k] = f1_score(y_true[:, k], decisions[:, k], zero_division=0)
            per_tag["TPR"][k] = recall_score(y_true[:, k], decisions[:, k])
            per_tag["TNR"][k] = recall_score(y_true[:, k], decisions[:, k], pos_label=False)
    macro = {name: float(values[judged].mean()) for name, values in per_tag.items()}
    return {**macro, "per_tag": per_tag, "names": names.tolist()}


def best_thresholds(y_true, scores, names=None):
    """Find the threshold of each tag that maximises its F-score, on validation songs.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_tags)
        1 (or True) where a song has a tag, 0 where it has not.
    scores : array-like of shape (n_songs, n_tags)
        Predicted probabilities, logits or any other numbers that grow with belief.
    names : sequence of str, default=None
        What messages call the tags; by default ``"tag 0"`` and so on.

    Returns
    -------
    ndarray of shape (n_tags,)
        A song is given a tag where its score is at least the threshold.

    Raises
    ------
    ValueError
        If shapes do not fit, `y_true` holds other than 0 and 1, or a score is not finite.

    Warns
    -----
    UserWarning
        If a tag has no song in `y_true`. Its threshold is infinity, so that no song is given
        it; the warning names it.

    See Also
    --------
    tag_scores : The figures at given thresholds.

    Notes
    -----
    A threshold lies in the middle between the lowest score that is given the tag and the next
    lower one, and at the lowest score where every song is given the tag. Songs of equal scores are on the
    same side of it. If several thresholds have the same F-score, it is the lowest of them: more
    songs are given the tag. MediaEval's script takes the lowest score itself and then asks
    for more than it, so that its decisions on the validation songs miss the best ones by the
    songs of that score; in the middle, "at least" and "more than" decide alike.

    Examples
    --------
    >>> from skmer.model_selection import best_thresholds
    >>> best_thresholds([[1], [0], [1], [0]], [[0.9], [0.2], [0.5], [0.1]]).tolist()
    [0.35]
    """
    y_true, scores, names = _checked(y_true, scores, names)
    _warn(names[~y_true.any(0)], "without songs", "Their thresholds are infinite: no song is given them.")
    return np.array([_best_threshold(y_true[:, k], scores[:, k]) for k in range(len(names))])


def _best_threshold(has_tag, scores):
    if not has_tag.any():
        return np.inf
    values, place = np.unique(scores, return_inverse=True)
    # at each value: songs, and songs with the tag, whose score is at least the value
    given = np.bincount(place)[::-1].cumsum()[::-1]
    hits = np.bincount(place[has_tag], minlength=len(values))[::-1].cumsum()[::-1]
    best = int(np.argmax(2 * hits / (given + has_tag.sum())))
    if best == 0:
        return values[0]
    # halves first: the sum of two large scores is not finite; between neighbours nothing lies
    middle = values[best - 1] / 2 + values[best] / 2
    return middle if middle > values[best - 1] else values[best]


def _checked(y_true, scores, names):
    """Tags as bool, scores as float64, names as an array; or an error in words."""
    y_true = check_tag_table(y_true)
    names = [f"tag {k}" for k in range(y_true.shape[1])] if names is None else [str(name) for name in names]
    if len(names) != y_true.shape[1]:
        raise ValueError(f"names has {len(names)} entries, but y_true has {y_true.shape[1]} tags.")
    return y_true, check_scores("scores", scores, y_true, names), np.array(names, dtype=object)


def _checked_thresholds(thresholds, n_tags):
    thresholds = np.asarray(thresholds, dtype=float)
    if thresholds.shape not in ((), (n_tags,)):
        raise ValueError(
            f"thresholds must be a number or have the shape (n_tags,) = ({n_tags},), not {thresholds.shape}."
        )
    if np.isnan(thresholds).any():
        raise ValueError("thresholds must be numbers, not NaN: infinity gives a tag to no song.")
    return thresholds


def _warn(names, what, consequence):
    if len(names):
        warnings.warn(f"Tags {what} in y_true: {format_names(names)}. {consequence}", UserWarning, stacklevel=3)
