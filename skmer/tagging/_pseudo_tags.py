"""Pseudo-labels for songs without tags: what a teacher is sure of, and nothing else."""

import warnings

import numpy as np

__all__ = ["confident_tags", "percentile_thresholds", "sure_shares"]


def percentile_thresholds(y, probabilities, negative_below=5, positive_above=95):
    """Find the probabilities, the same for all tags, at which a teacher is sure, from songs whose tags are known.

    The negative one is a percentile of the probabilities of entries without the tag, the positive one of entries
    with it: in section 2.5 of Tan (2021) the leftmost 5 % of the one kind, the rightmost 5 % of the other.
    """
    of_kind = [probabilities[y == value] for value in (0, 1)]
    if not all(map(len, of_kind)):
        raise ValueError(
            f"The validation songs have {'no tag' if len(of_kind[0]) else 'every tag'}, so that there are no "
            "percentiles of what the teacher says of each kind: give other X_val and y_val, or use "
            "thresholds='probability'."
        )
    return np.percentile(of_kind[0], negative_below), np.percentile(of_kind[1], positive_above)


def confident_tags(probabilities, negative, positive):
    """Turn probabilities into 1 above `positive`, 0 below `negative`, and -1 between, which is not to be learnt from.

    >>> import numpy as np
    >>> from skmer.tagging._pseudo_tags import confident_tags
    >>> confident_tags(np.array([[0.95, 0.5, 0.01]]), negative=0.05, positive=0.9)
    array([[ 1, -1,  0]], dtype=int8)
    """
    return np.select([probabilities > positive, probabilities < negative], [1, 0], -1).astype(np.int8)


def sure_shares(pseudo):
    """Give the shares of the entries that a teacher is sure of, and of the others."""
    if not pseudo.size:
        return dict.fromkeys(("positive", "negative", "masked"), float("nan"))
    if not (pseudo >= 0).any():
        warnings.warn(
            "The teacher is sure of nothing, so that the student learns from the labelled songs alone.",
            UserWarning,
            stacklevel=4,
        )
    return {name: float((pseudo == value).mean()) for name, value in [("positive", 1), ("negative", 0), ("masked", -1)]}
