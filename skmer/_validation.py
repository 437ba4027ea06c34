"""What the labels of songs must be: one a song, none missing, two classes or more."""

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

__all__ = ["check_labels", "refuse_missing_labels"]

_OF_RATINGS = (
    "Ratings become classes where a loader is given a number as threshold, or by skmer.model_selection.Protocol, which "
    "finds the median of the training songs."
)


def _is_missing(label):
    """Tell None, NaN and pandas' NA, which is not even unlike itself, from labels."""
    try:
        return label is None or bool(label != label)
    except TypeError:
        return True


def refuse_missing_labels(y):
    """Refuse labels among which one is missing, before scikit-learn stumbles over it.

    Parameters
    ----------
    y : array-like of shape (n_songs,) or None
        Labels. For None, each estimator has a message of its own.

    Raises
    ------
    ValueError
        If a label is None, NaN or pandas' NA.

    Examples
    --------
    >>> from skmer._validation import refuse_missing_labels
    >>> refuse_missing_labels(["calm", None])
    Traceback (most recent call last):
    ...
    ValueError: y has no label for song 1: give one a song.
    """
    if y is None:
        return
    labels = np.asarray(y, dtype=object).ravel()
    missing = next((i for i, label in enumerate(labels) if _is_missing(label)), None)
    if missing is not None:
        raise ValueError(f"y has no label for song {missing}: give one a song.")


def check_labels(estimator, y, n_songs):
    """Give the classes of songs, and each song's position among them.

    Parameters
    ----------
    estimator : BaseEstimator
        Its name stands in the message where there is no y.
    y : array-like of shape (n_songs,)
        Labels.
    n_songs : int
        How many there must be.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The labels that occur, sorted.
    positions : ndarray of shape (n_songs,)
        Of each song's label in `classes`.

    Raises
    ------
    ValueError
        If there are no labels, or another number, one is missing, or all are the same.

    Examples
    --------
    >>> from skmer.aggregation import MajorityVote
    >>> from skmer._validation import check_labels
    >>> check_labels(MajorityVote(), ["tense", "calm", "tense"], 3)
    (array(['calm', 'tense'], dtype='<U5'), array([1, 0, 1]))
    """
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None: give a label a song.")
    refuse_missing_labels(y)
    shape = np.asarray(y).shape
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(f"y should be a 1d array, one label a song, got shape {shape}. {_OF_RATINGS}")
    y = column_or_1d(y, warn=True)
    if len(y) != n_songs:
        raise ValueError(f"X has {n_songs} songs but y has {len(y)} labels: give one label a song.")
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise ValueError(f"Unknown label type: {type_of_target(y)}, where labels are classes. {_OF_RATINGS}") from error
    classes, positions = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y holds one class only, {str(classes[0])!r}: a classifier needs at least two.")
    return classes, positions
