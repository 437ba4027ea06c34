"""The weight with which the logits of two taggers are summed."""

from numbers import Integral

import numpy as np

from skmer.model_selection._tag_tables import NO_TAG_TO_JUDGE, check_scores, check_tag_table
from skmer.model_selection.roc_auc import macro_roc_auc

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
    y_true = check_tag_table(y_true)
    first, second = (check_scores(name, values, y_true) for name, values in (("first", first), ("second", second)))
    judged = y_true.any(0) & ~y_true.all(0)
    if not judged.any():
        raise ValueError(NO_TAG_TO_JUDGE)
    # quotients, not multiples of a step: 0.35 is to be 0.35
    last = int(n_weights) - 1
    weights = np.arange(last + 1) / last
    has_tag, first, second = y_true[:, judged], first[:, judged], second[:, judged]
    figures = np.array([macro_roc_auc(has_tag, weighted_sum(first, second, weight)) for weight in weights])
    good = np.flatnonzero(figures >= figures.max() - _EQUAL)
    # counted in whole half steps, for 0.3 and 0.7 are not equally far from 0.5 in binary
    distance = np.abs(2 * good - last)
    return float(weights[good[np.argmin(distance)]])
