"""ROC-AUC of tags, by ranks: the one place where it is computed."""

import numpy as np

__all__ = ["macro_roc_auc", "roc_auc_of_tags"]


def roc_auc_of_tags(y_true, scores, sample_weight=None):
    """Compute the ROC-AUC of each tag.

    Parameters
    ----------
    y_true : ndarray of shape (n_songs, n_tags)
        0 and 1.
    scores : ndarray of shape (n_songs, n_tags)
        Finite numbers that grow with belief.
    sample_weight : ndarray of shape (n_songs,), default=None
        At least 0; by default every song counts alike.

    Returns
    -------
    ndarray of shape (n_tags,)
        NaN for a tag that no song or every song has, of those whose weight is not 0.

    Notes
    -----
    It is the share of pairs of a song with the tag and one without in which the former is ranked above the
    latter, where pairs of equal scores count half, and each pair the product of its songs' weights. Without weights
    the pairs are counted in whole and half numbers, so that scores of equal order give equal figures to the last digit.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.training.roc_auc import roc_auc_of_tags
    >>> y, scores = np.array([[1], [0], [1], [0]]), np.array([[0.9], [0.6], [0.6], [0.1]])
    >>> roc_auc_of_tags(y, scores)
    array([0.875])
    >>> roc_auc_of_tags(y, scores, sample_weight=np.array([1, 1, 3, 1]))
    array([0.8125])
    """
    if sample_weight is not None:
        counts = sample_weight > 0
        y_true, scores, sample_weight = y_true[counts], scores[counts], sample_weight[counts]
    has = np.asarray(y_true) == 1
    return np.array([_roc_auc(has[:, k], scores[:, k], sample_weight) for k in range(has.shape[1])])


def _roc_auc(has, scores, weights):
    if not has.any() or has.all():
        return np.nan
    if weights is None:
        others = np.sort(scores[~has])
        # twice the number of songs without the tag that each song with it is above
        below = sum(np.searchsorted(others, scores[has], side=side) for side in ("left", "right"))
        return below.sum() / 2 / (int(has.sum()) * len(others))
    order = np.argsort(scores[~has])
    others, of_others = scores[~has][order], weights[~has][order]
    up_to = np.concatenate([[0.0], np.cumsum(of_others)])
    below = sum(up_to[np.searchsorted(others, scores[has], side=side)] for side in ("left", "right"))
    return weights[has] @ below / 2 / (weights[has].sum() * of_others.sum())


def macro_roc_auc(y_true, scores, sample_weight=None):
    """Compute the mean ROC-AUC over the tags that can be judged.

    Parameters
    ----------
    y_true : ndarray of shape (n_songs, n_tags)
        0 and 1.
    scores : ndarray of shape (n_songs, n_tags)
        Finite numbers that grow with belief.
    sample_weight : ndarray of shape (n_songs,), default=None
        At least 0; by default every song counts alike.

    Returns
    -------
    float
        Tags without songs, or with every song, are left out; NaN where no tag is left.

    See Also
    --------
    skmer.model_selection.tag_scores : The same and more, with warnings that name what is left out.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.training.roc_auc import macro_roc_auc
    >>> macro_roc_auc(np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.5], [0.1, 0.4]]))
    1.0
    """
    figures = roc_auc_of_tags(y_true, scores, sample_weight)
    judged = ~np.isnan(figures)
    return float(figures[judged].mean()) if judged.any() else float("nan")
