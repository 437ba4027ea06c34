"""Metrics of multi-label predictions, and the thresholds and weights that maximise them on validation songs."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, recall_score, roc_auc_score

from skmer._io import format_names

__all__ = ["TAG_SCORES", "best_thresholds", "best_weight", "macro_roc_auc", "tag_scores", "weighted_sum"]

TAG_SCORES = ("ROC-AUC", "PR-AUC", "F-score", "TPR", "TNR")

_TOLERANCE = 1e-12  # ROC-AUCs that differ by less are equal up to rounding
_NO_TAG = "No tag in y_true has both positive and negative songs, so that no metric is defined: add songs."


def tag_scores(y_true, scores, thresholds=None, names=None):
    """Compute multi-label metrics, for each tag and averaged over tags.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_tags)
        1 (or True) where a song has a tag, 0 where it has not.
    scores : array-like of shape (n_songs, n_tags)
        Predicted probabilities, logits or any other scores that increase with confidence.
    thresholds : float or array-like of shape (n_tags,), default=None
        A song is assigned a tag if its score is at least the threshold, as returned by `best_thresholds`
        for validation songs. An infinite threshold assigns the tag to no song. If None, only the metrics
        that need no threshold are computed.
    names : sequence of str, default=None
        Names of the tags in messages and in the result; by default ``"tag 0"`` and so on.

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
        If shapes differ, `y_true` holds values other than 0 and 1, a score is not finite, a threshold
        is NaN, or no tag has both positive and negative songs.

    Warns
    -----
    UserWarning
        If all or none of the songs in `y_true` have a tag. Its metrics are NaN, and the macro averages
        are taken over the other tags; the warning names it.

    See Also
    --------
    best_thresholds : Thresholds from validation songs.

    Notes
    -----
    If every tag has positive and negative songs, ROC-AUC, PR-AUC and, for the same decisions,
    F-score are the macro metrics of MediaEval. Its evaluation script uses scikit-learn, which sets the
    average precision and the F-score of a tag without songs to 0, which lowers the mean, and returns NaN
    for the mean ROC-AUC. Ties are counted as in scikit-learn: half for ROC-AUC, and all songs of
    equal score at once for the average precision.

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
    y_true, scores, names = _check_tags_and_scores(y_true, scores, names)
    positive, negative = y_true.any(0), ~y_true.all(0)
    defined = positive & negative
    if not defined.any():
        raise ValueError(_NO_TAG)
    for missing, what in ((~positive, "without songs"), (~negative, "with every song")):
        _warn(names[missing], what, "Their metrics are NaN, and the averages are over the other tags.")
    decisions = None if thresholds is None else scores >= _check_thresholds(thresholds, len(names))
    per_tag = {name: np.full(len(names), np.nan) for name in TAG_SCORES[: 2 if decisions is None else None]}
    per_tag["ROC-AUC"] = roc_auc_per_tag(y_true, scores)
    for k in np.flatnonzero(defined):
        per_tag["PR-AUC"][k] = average_precision_score(y_true[:, k], scores[:, k])
        if decisions is not None:
            per_tag["F-score"][k] = f1_score(y_true[:, k], decisions[:, k], zero_division=0)
            per_tag["TPR"][k] = recall_score(y_true[:, k], decisions[:, k])
            per_tag["TNR"][k] = recall_score(y_true[:, k], decisions[:, k], pos_label=False)
    macro = {name: float(values[defined].mean()) for name, values in per_tag.items()}
    return {**macro, "per_tag": per_tag, "names": names.tolist()}


def best_thresholds(y_true, scores, names=None):
    """Compute the threshold of each tag that maximises its F-score on validation songs.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_tags)
        1 (or True) where a song has a tag, 0 where it has not.
    scores : array-like of shape (n_songs, n_tags)
        Predicted probabilities, logits or any other scores that increase with confidence.
    names : sequence of str, default=None
        Names of the tags in messages; by default ``"tag 0"`` and so on.

    Returns
    -------
    ndarray of shape (n_tags,)
        A song is assigned a tag if its score is at least the threshold.

    Raises
    ------
    ValueError
        If shapes differ, `y_true` holds values other than 0 and 1, or a score is not finite.

    Warns
    -----
    UserWarning
        If no song in `y_true` has a tag. Its threshold is infinite, so that it is assigned to no song;
        the warning names it.

    See Also
    --------
    tag_scores : The metrics at given thresholds.

    Notes
    -----
    A threshold is the midpoint between the lowest score that is assigned the tag and the next
    lower score, or the lowest score itself if every song is assigned the tag. Songs of equal scores are on
    the same side of it. If several thresholds have the same F-score, the lowest of them is returned, which
    assigns the tag to more songs. MediaEval's script takes the lowest assigned score itself and then
    requires a score above it, so that its decisions on the validation songs miss the best ones by the
    songs of that score; at the midpoint, "at least" and "above" give the same decisions.

    Examples
    --------
    >>> from skmer.model_selection import best_thresholds
    >>> best_thresholds([[1], [0], [1], [0]], [[0.9], [0.2], [0.5], [0.1]]).tolist()
    [0.35]
    """
    y_true, scores, names = _check_tags_and_scores(y_true, scores, names)
    _warn(names[~y_true.any(0)], "without songs", "Their thresholds are infinite, which assigns them to no song.")
    return np.array([_best_threshold(y_true[:, k], scores[:, k]) for k in range(len(names))])


def best_weight(y_true, first, second, n_weights=101):
    """Compute the weight that maximises the macro ROC-AUC of the weighted sum of two taggers' logits.

    The sum is ``weight * first + (1 - weight) * second``.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_tags)
        1 (or True) where a validation song has a tag, 0 where it has not.
    first, second : array-like of shape (n_songs, n_tags)
        Logits, or other scores that increase with confidence.
    n_weights : int, default=101
        Number of weights that are tried, at least 2, evenly spaced from 0 to 1 inclusive.

    Returns
    -------
    float
        The weight of `first`. Among equally good weights it is the one nearest to 0.5, and of two
        equally near ones the smaller.

    Raises
    ------
    ValueError
        If shapes differ, `y_true` holds values other than 0 and 1, a logit is not finite, or no tag has
        both positive and negative songs.

    See Also
    --------
    skmer.LongShortEnsemble : Chooses its weight with this function.

    Notes
    -----
    On the songs on which the weight is chosen, the sum is never worse than either tagger alone, since 0 and 1
    are tried too; this does not hold for other songs. Tags that no song or every song has are left out.
    Weights whose ROC-AUCs differ by less than 1e-12 are equally good, of which there are many if songs
    are few.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), section 2.6.

    Examples
    --------
    Each tagger alone ranks one of the four songs without the tag above one that has it:

    >>> from skmer.model_selection import best_weight
    >>> y = [[1], [1], [0], [0]]
    >>> first, second = [[4], [0], [1], [0]], [[0], [3], [1], [0]]
    >>> best_weight(y, first, second)
    0.5
    >>> best_weight(y, first, [[0], [2], [1], [0]])  # correct between 0.25 and 0.5, both excluded
    0.49
    """
    if not isinstance(n_weights, Integral) or n_weights < 2:
        raise ValueError(f"n_weights must be an integer of at least 2, got {n_weights!r}.")
    y_true = _check_tags(y_true)
    first, second = (_check_scores(name, values, y_true) for name, values in (("first", first), ("second", second)))
    defined = y_true.any(0) & ~y_true.all(0)
    if not defined.any():
        raise ValueError(_NO_TAG)
    # quotients, not multiples of a step: 0.35 must be exactly 0.35
    last = int(n_weights) - 1
    weights = np.arange(last + 1) / last
    y_true, first, second = y_true[:, defined], first[:, defined], second[:, defined]
    values = np.array([macro_roc_auc(y_true, weighted_sum(first, second, weight)) for weight in weights])
    best = np.flatnonzero(values >= values.max() - _TOLERANCE)
    # in integers, since 0.3 and 0.7 are not equally far from 0.5 in binary
    distance = np.abs(2 * best - last)
    return float(weights[best[np.argmin(distance)]])


def weighted_sum(first, second, weight):
    """Return ``weight * first + (1 - weight) * second``, rounded alike wherever logits are combined."""
    return weight * first + (1 - weight) * second


def roc_auc_per_tag(y_true, scores, sample_weight=None):
    """Compute the ROC-AUC of each tag, (n_tags,); NaN if all or none of the songs of non-zero weight have the tag."""
    if sample_weight is not None:
        counted = sample_weight > 0
        y_true, scores, sample_weight = y_true[counted], scores[counted], sample_weight[counted]
    positive = np.asarray(y_true) == 1
    return np.array(
        [
            roc_auc_score(has_tag, of_tag, sample_weight=sample_weight) if len(np.unique(has_tag)) == 2 else np.nan
            for has_tag, of_tag in zip(positive.T, np.asarray(scores).T, strict=True)
        ]
    )


def macro_roc_auc(y_true, scores, sample_weight=None):
    """Compute the mean ROC-AUC over the tags with positive and negative songs; NaN if there is none."""
    values = roc_auc_per_tag(y_true, scores, sample_weight)
    defined = ~np.isnan(values)
    return float(values[defined].mean()) if defined.any() else float("nan")


def _best_threshold(has_tag, scores):
    if not has_tag.any():
        return np.inf
    values, place = np.unique(scores, return_inverse=True)
    # for each value: the songs, and the songs with the tag, whose score is at least the value
    assigned = np.bincount(place)[::-1].cumsum()[::-1]
    hits = np.bincount(place[has_tag], minlength=len(values))[::-1].cumsum()[::-1]
    best = int(np.argmax(2 * hits / (assigned + has_tag.sum())))
    if best == 0:
        return values[0]
    # halve first: the sum of two large scores overflows; adjacent floats have no midpoint
    middle = values[best - 1] / 2 + values[best] / 2
    return middle if middle > values[best - 1] else values[best]


def _check_tags_and_scores(y_true, scores, names):
    """Return tags as bool, scores as float64 and the names of the tags as an array."""
    y_true = _check_tags(y_true)
    names = [f"tag {k}" for k in range(y_true.shape[1])] if names is None else [str(name) for name in names]
    if len(names) != y_true.shape[1]:
        raise ValueError(f"names has {len(names)} entries, but y_true has {y_true.shape[1]} tags.")
    return y_true, _check_scores("scores", scores, y_true, names), np.array(names, dtype=object)


def _check_tags(y_true):
    y_true = _check_table("y_true", y_true)
    if not np.isin(y_true, (0, 1)).all():
        raise ValueError("y_true must hold only 0 and 1 (or False and True).")
    return y_true.astype(bool)


def _check_scores(parameter, values, y_true, names=None):
    values = _check_table(parameter, values).astype(float)
    if values.shape != y_true.shape:
        raise ValueError(f"{parameter} has shape {values.shape}, but y_true has shape {y_true.shape}.")
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        song, tag = wrong[0]
        name = f"tag {tag}" if names is None else names[tag]
        raise ValueError(
            f"{parameter} must be finite, but {len(wrong)} of its values are not; the first is that of song {song} for "
            f"{name}."
        )
    return values


def _check_table(parameter, values):
    try:
        values = np.asarray(values)
    except ValueError:
        raise ValueError(f"{parameter} has rows of unequal lengths: give a value for each song and tag.") from None
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{parameter} must be a non-empty array of shape (n_songs, n_tags), got shape {values.shape}.")
    if values.dtype.kind not in "buif":
        raise ValueError(f"{parameter} must hold numbers, got dtype {values.dtype}.")
    return values


def _check_thresholds(thresholds, n_tags):
    thresholds = np.asarray(thresholds, dtype=float)
    if thresholds.shape not in ((), (n_tags,)):
        raise ValueError(f"thresholds must be a number or have shape (n_tags,) = ({n_tags},), got {thresholds.shape}.")
    if np.isnan(thresholds).any():
        raise ValueError("thresholds must not be NaN: an infinite threshold assigns a tag to no song.")
    return thresholds


def _warn(names, what, consequence):
    if len(names):
        warnings.warn(f"Tags {what} in y_true: {format_names(names)}. {consequence}", UserWarning, stacklevel=3)
