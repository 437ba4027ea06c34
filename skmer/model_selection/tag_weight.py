"""The weight with which the logits of two taggers are summed."""

from numbers import Integral

import numpy as np
from scipy.stats import rankdata

__all__ = ["best_weight", "weighted_sum"]

_EQUAL = 1e-12  # figures nearer than this differ by rounding alone


def weighted_sum(first, second, weight):
    """Give ``weight * first + (1 - weight) * second``, in one place for whoever needs the same last digit."""
    return weight * first + (1 - weight) * second


def best_weight(y_true, first, second, n_weights=101):
    """Find the weight with which the sum of two taggers' logits ranks validation songs best.

    The sum is ``weight * first + (1 - weight) * second``, and the figure its macro ROC-AUC, by which
    `EmotionTagger` stops too.

    Parameters
    ----------
    y_true : array-like of shape (n_songs, n_tags)
        1 (or True) where a song has a tag, 0 where it has not.
    first, second : array-like of shape (n_songs, n_tags)
        Logits, or other numbers that grow with belief.
    n_weights : int, default=101
        Number of weights that are tried, at least 2, evenly from 0 to 1, both of which are among them.

    Returns
    -------
    float
        The weight of `first`. Of weights that are equally good it is the one nearest 0.5, and of two
        equally near ones the smaller.

    Raises
    ------
    ValueError
        If shapes do not fit, `y_true` holds other than 0 and 1, a logit is not finite, or no tag has
        songs with it and songs without it.

    See Also
    --------
    skmer.LongShortEnsemble : Finds it while fitting, and predicts with it.

    Notes
    -----
    On the songs that it is chosen on, the sum is never worse than either tagger alone, for 0 and 1 are tried
    too; that is no promise for other songs. Tags that no song or every song has are left out. Weights
    whose figures differ by less than 1e-12 are equally good. Between few songs many weights are; then the
    taggers count alike, as far as that does no harm.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), section 2.6.

    Examples
    --------
    Of four songs, each tagger alone ranks one without the tag above one that has it:

    >>> from skmer.model_selection import best_weight
    >>> y = [[1], [1], [0], [0]]
    >>> first, second = [[4], [0], [1], [0]], [[0], [3], [1], [0]]
    >>> best_weight(y, first, second)
    0.5
    >>> best_weight(y, first, [[0], [2], [1], [0]])  # above the third song from 0.25 to 0.5, both left out
    0.49
    """
    if not isinstance(n_weights, Integral) or n_weights < 2:
        raise ValueError(f"n_weights must be a whole number, at least 2, not {n_weights!r}.")
    y_true = _table("y_true", y_true)
    if not np.isin(y_true, (0, 1)).all():
        raise ValueError("y_true must hold 0 and 1 (or False and True) alone.")
    first, second = (_logits(name, values, y_true) for name, values in (("first", first), ("second", second)))
    judged = y_true.any(0) & ~y_true.all(0)
    if not judged.any():
        raise ValueError("No tag can be judged: each is in y_true with no song or with every song.")
    # quotients, not multiples of a step: 0.35 is to be 0.35
    last = int(n_weights) - 1
    weights = np.arange(last + 1) / last
    has_tag, first, second = y_true[:, judged] == 1, first[:, judged], second[:, judged]
    figures = np.array([_macro_roc_auc(has_tag, weighted_sum(first, second, weight)) for weight in weights])
    good = np.flatnonzero(figures >= figures.max() - _EQUAL)
    # counted in whole half steps, for 0.3 and 0.7 are not equally far from 0.5 in binary
    distance = np.abs(2 * good - last)
    return float(weights[good[np.argmin(distance)]])


def _macro_roc_auc(has_tag, scores):
    """Give what `skmer.training.tag_net.macro_roc_auc` gives, by ranks: for a hundred weights it is too slow."""
    n_with, n_without = has_tag.sum(0), (~has_tag).sum(0)
    # of all pairs of a song with the tag and one without, those in order, and half of those of equal scores
    in_order = (rankdata(scores, axis=0) * has_tag).sum(0) - n_with * (n_with + 1) / 2
    return float(np.mean(in_order / (n_with * n_without)))


def _table(parameter, values):
    try:
        values = np.asarray(values)
    except ValueError:
        raise ValueError(f"{parameter} has rows of unequal lengths: give each song a value for every tag.") from None
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{parameter} must have the shape (n_songs, n_tags), both above 0, not {values.shape}.")
    if values.dtype.kind not in "buif":
        raise ValueError(f"{parameter} must hold numbers, not {values.dtype}.")
    return values


def _logits(parameter, values, y_true):
    values = _table(parameter, values).astype(float)
    if values.shape != y_true.shape:
        raise ValueError(f"{parameter} has the shape {values.shape}, y_true has {y_true.shape}: they must be the same.")
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        song, tag = wrong[0]
        raise ValueError(
            f"{parameter} must be finite, but {len(wrong)} of its values are not, the first that of song {song} for "
            f"tag {tag}."
        )
    return values
