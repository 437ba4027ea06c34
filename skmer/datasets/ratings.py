"""Classes of Russell's plane, from ratings of valence and arousal or from quadrants.

Quadrants are counted counterclockwise: Q1 is high valence and high
arousal, Q2 low valence and high arousal, Q3 low and low, Q4 high valence and low arousal.
"""

from numbers import Real

import numpy as np

__all__ = ["QUADRANTS", "THRESHOLD_RULES", "fit_threshold", "quadrants_to_classes", "ratings_to_classes"]

QUADRANTS = ("Q1", "Q2", "Q3", "Q4")
THRESHOLD_RULES = ("median", "midpoint")
_HALVES = {"valence": ("Q1", "Q4"), "arousal": ("Q1", "Q2")}


def fit_threshold(ratings, threshold="median"):
    """Compute the threshold between low and high ratings.

    Parameters
    ----------
    ratings : array-like of shape (n_songs,) or (n_songs, 2)
        Ratings of the training songs, without the test songs.
    threshold : {"median", "midpoint"} or float, default="median"
        "median" is the median of each dimension, "midpoint" the middle between its lowest and
        highest rating; a number is the threshold itself.

    Returns
    -------
    float or ndarray of shape (2,)
        One threshold per dimension.

    Raises
    ------
    ValueError
        If `threshold` is invalid, or `ratings` are empty, not finite or of another shape.

    Examples
    --------
    >>> from skmer.datasets.ratings import fit_threshold
    >>> fit_threshold([0.1, 0.2, 0.9]), fit_threshold([0.1, 0.2, 0.9], "midpoint")
    (0.2, 0.5)
    """
    ratings = _check_ratings(ratings)
    if isinstance(threshold, Real) and not isinstance(threshold, bool) and np.isfinite(float(threshold)):
        found = np.zeros(ratings.shape[1:]) + float(threshold)
    elif isinstance(threshold, str) and threshold == "median":
        found = np.median(ratings, axis=0)
    elif isinstance(threshold, str) and threshold == "midpoint":
        found = (ratings.min(axis=0) + ratings.max(axis=0)) / 2
    else:
        raise ValueError(f"threshold must be a number or one of {list(THRESHOLD_RULES)}, got {threshold!r}.")
    return float(found) if ratings.ndim == 1 else found


def ratings_to_classes(ratings, threshold):
    """Convert ratings to classes; a rating equal to the threshold is high.

    Parameters
    ----------
    ratings : array-like of shape (n_songs,) or (n_songs, 2)
        Ratings of one dimension, or of valence and arousal in this order.
    threshold : float or array-like of shape (2,)
        Result of `fit_threshold`; a number is used for every dimension.

    Returns
    -------
    ndarray of shape (n_songs,)
        "low" or "high" for one dimension, "Q1" to "Q4" for two.

    Raises
    ------
    ValueError
        If the shapes do not match, or a rating or a threshold is not finite.

    Examples
    --------
    >>> from skmer.datasets.ratings import ratings_to_classes
    >>> ratings_to_classes([0.4, 0.5, 0.6], 0.5).tolist()
    ['low', 'high', 'high']
    >>> ratings_to_classes([[0.9, 0.9], [0.1, 0.9], [0.1, 0.1], [0.9, 0.1]], [0.5, 0.5]).tolist()
    ['Q1', 'Q2', 'Q3', 'Q4']
    """
    ratings = _check_ratings(ratings)
    if np.shape(threshold) not in ((), ratings.shape[1:]):
        raise ValueError(f"Ratings of shape {ratings.shape} need one threshold per dimension, got {threshold!r}.")
    # nothing is at or above NaN: every song would be low
    if np.asarray(threshold).dtype.kind not in "biuf" or not np.isfinite(threshold).all():
        raise ValueError(f"threshold must be finite, such as a result of fit_threshold, got {threshold!r}.")
    high = ratings >= threshold
    if high.ndim == 1:
        return np.where(high, "high", "low")
    valence, arousal = high.T
    return np.array(QUADRANTS)[np.where(valence, np.where(arousal, 0, 3), np.where(arousal, 1, 2))]


def quadrants_to_classes(quadrants, task):
    """Convert quadrants to the classes of a task.

    Parameters
    ----------
    quadrants : array-like of shape (n_songs,)
        "Q1" to "Q4".
    task : {"quadrant", "valence", "arousal"}
        Which classes to return.

    Returns
    -------
    ndarray of shape (n_songs,)
        The quadrants themselves, or "low" and "high".

    Raises
    ------
    ValueError
        If `task` or a quadrant is unknown, or `quadrants` has another shape.

    Examples
    --------
    >>> from skmer.datasets.ratings import quadrants_to_classes
    >>> quadrants_to_classes(["Q1", "Q2", "Q3", "Q4"], "valence").tolist()
    ['high', 'low', 'low', 'high']
    """
    quadrants = np.asarray(quadrants, dtype=str)
    if quadrants.ndim != 1:
        raise ValueError(f"Quadrants must have shape (n_songs,), got {quadrants.shape}.")
    unknown = sorted(set(quadrants.tolist()) - set(QUADRANTS))
    if unknown:
        raise ValueError(f"Quadrants must be some of {list(QUADRANTS)}, got {unknown}.")
    if task == "quadrant":
        return quadrants
    if task not in _HALVES:
        raise ValueError(f"task must be 'quadrant', 'valence' or 'arousal', got {task!r}.")
    return np.where(np.isin(quadrants, _HALVES[task]), "high", "low")


def _check_ratings(ratings):
    ratings = np.asarray(ratings, dtype=np.float64)
    if ratings.ndim not in (1, 2) or ratings.shape[1:] not in ((), (2,)) or not len(ratings):
        raise ValueError(f"Ratings must have shape (n_songs,) or (n_songs, 2), got {ratings.shape}.")
    if not np.isfinite(ratings).all():
        bad = np.flatnonzero(~np.isfinite(ratings).reshape(len(ratings), -1).all(axis=1))
        raise ValueError(
            f"Ratings must be finite numbers, but {len(bad)} of {len(ratings)} songs have NaN or infinity, "
            f"the first at position {bad[0]}: leave them out."
        )
    return ratings
