"""Pseudo-labels for songs without tags: what a teacher is sure of, and nothing else."""

import numpy as np

__all__ = ["confident_tags", "percentile_thresholds"]


def percentile_thresholds(y, probabilities, negative_below=5, positive_above=95):
    """Find the probabilities at which a teacher is sure, from songs whose tags are known.

    Parameters
    ----------
    y : ndarray of shape (n_songs, n_tags)
        0 and 1, both of them somewhere.
    probabilities : ndarray of shape (n_songs, n_tags)
        The teacher's, for these songs.
    negative_below : float, default=5
        Percentile of the probabilities of the entries without the tag.
    positive_above : float, default=95
        Percentile of the probabilities of the entries with the tag.

    Returns
    -------
    negative, positive : float
        Probabilities, the same for all tags.

    References
    ----------
    Tan (2021), section 2.5: the leftmost 5 % of the negative labels, the rightmost 5 % of the positive ones.

    Examples
    --------
    Half of each kind is on the sure side of the median:

    >>> import numpy as np
    >>> from skmer.classifiers.pseudo_tags import percentile_thresholds
    >>> y = np.array([[1, 0], [1, 0], [1, 0]])
    >>> probabilities = np.array([[0.7, 0.1], [0.8, 0.2], [0.9, 0.6]])
    >>> [float(threshold) for threshold in percentile_thresholds(y, probabilities, 50, 50)]
    [0.2, 0.8]
    """
    return np.percentile(probabilities[y == 0], negative_below), np.percentile(probabilities[y == 1], positive_above)


def confident_tags(probabilities, negative, positive):
    """Turn a teacher's probabilities into tags, where they are sure enough.

    Parameters
    ----------
    probabilities : ndarray of shape (n_songs, n_tags)
        The teacher's, for songs without tags.
    negative, positive : float
        Below the one a song is taken not to have a tag, above the other to have it.

    Returns
    -------
    ndarray of shape (n_songs, n_tags)
        1 and 0, and -1 for what lies between and is not to be learnt from.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.classifiers.pseudo_tags import confident_tags
    >>> confident_tags(np.array([[0.95, 0.5, 0.01]]), negative=0.05, positive=0.9)
    array([[ 1, -1,  0]], dtype=int8)
    """
    return np.select([probabilities > positive, probabilities < negative], [1, 0], -1).astype(np.int8)
