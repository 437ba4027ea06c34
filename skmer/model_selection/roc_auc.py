"""ROC-AUC of tags by scikit-learn, and which tags can be judged: the one place where that is decided."""

import numpy as np
from sklearn.metrics import roc_auc_score

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
    latter, where pairs of equal scores count half, and each pair the product of its songs' weights.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.model_selection.roc_auc import roc_auc_of_tags
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
    return roc_auc_score(has, scores, sample_weight=weights) if has.any() and not has.all() else np.nan


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
    >>> from skmer.model_selection.roc_auc import macro_roc_auc
    >>> macro_roc_auc(np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.5], [0.1, 0.4]]))
    1.0
    """
    figures = roc_auc_of_tags(y_true, scores, sample_weight)
    judged = ~np.isnan(figures)
    return float(figures[judged].mean()) if judged.any() else float("nan")
