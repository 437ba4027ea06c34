"""What fitted taggers of any kind answer, as one table of probabilities or logits: songs in rows, tags in columns."""

import numpy as np
from scipy.special import expit, logit

from skmer.tagging.any_tagger import final_classifier

__all__ = ["tag_logits", "tag_probabilities"]

_LEAST = 1e-12  # of a probability and of what is left to 1, so that logits are finite


def tag_probabilities(tagger, X, name="The tagger", tags=None):
    """Give the probabilities of a fitted tagger's tags.

    Parameters
    ----------
    tagger : estimator
        Fitted: ours, a pipeline, or one of scikit-learn's classifiers of several tags.
    X : collection of n_songs songs
        What it takes.
    name : str, default="The tagger"
        What the refusal of other answers calls it.
    tags : sequence of str, default=None
        Names of the tags that it must know, in order; None takes whatever it gives.

    Returns
    -------
    ndarray of shape (n_songs, n_tags), float64
        Values in [0, 1].

    Raises
    ------
    ValueError
        If it answers for other tags, or with what is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skmer.tagging.tag_answers import tag_probabilities
    >>> X, y = np.array([[0.0], [1.0]]), np.array([[1, 0], [0, 1]])
    >>> tag_probabilities(DecisionTreeClassifier().fit(X, y), X)
    array([[1., 0.],
           [0., 1.]])
    """
    if not hasattr(tagger, "predict_proba"):
        return expit(tag_logits(tagger, X, name, tags))
    return _tag_columns(tagger, tagger.predict_proba(X), name, tags, (0.0, 1.0))


def tag_logits(tagger, X, name="The tagger", tags=None):
    """Give the logits of a fitted tagger's tags; if need be from its probabilities.

    Parameters
    ----------
    tagger : estimator
        As `tag_probabilities` takes it, like the next ones.
    X : collection of n_songs songs
        What it takes.
    name : str, default="The tagger"
        What the refusal of other answers calls it.
    tags : sequence of str, default=None
        Names of the tags that it must know, in order.

    Returns
    -------
    ndarray of shape (n_songs, n_tags), float64
        Finite where they come from probabilities, which are kept 1e-12 from 0 and 1.

    Raises
    ------
    ValueError
        If it answers for other tags, or with what is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skmer.tagging.tag_answers import tag_logits
    >>> X, y = np.array([[0.0], [1.0]]), np.array([[1, 0], [0, 1]])
    >>> tag_logits(DecisionTreeClassifier().fit(X, y), X).round(1)
    array([[ 27.6, -27.6],
           [-27.6,  27.6]])
    """
    if hasattr(tagger, "decision_function"):
        return _tag_columns(tagger, tagger.decision_function(X), name, tags, (logit(_LEAST), logit(1 - _LEAST)))
    return logit(tag_probabilities(tagger, X, name, tags).clip(_LEAST, 1 - _LEAST))


def _tag_columns(tagger, found, name, tags, ends):
    """Turn what a tagger answers into (n_songs, n_tags) by its classes; `ends` are the answers "never" and "always".

    scikit-learn's trees and neighbours give for each tag a column for each class that its training songs had, and of
    a single column of tags its classifiers make two classes, or one where no song or every song had the tag.
    """
    classes = getattr(final_classifier(tagger), "classes_", None)
    if isinstance(found, list):
        of_each = [[0, 1]] * len(found) if classes is None else classes
        found = np.column_stack([_of_one_tag(np.asarray(p), own, ends) for p, own in zip(found, of_each, strict=True)])
    found = np.asarray(found, dtype=np.float64)
    if _knows_one_tag(final_classifier(tagger)):
        found = _of_one_tag(found, classes, ends)
    elif found.ndim == 1:
        found = found[:, None]
    n_tags = None if tags is None else len(tags)
    if found.ndim != 2 or n_tags not in (None, found.shape[1]):
        got = f"scores of shape {found.shape}"
        if found.ndim == 2:
            got = "1 tag" if found.shape[1] == 1 else f"{found.shape[1]} tags"
        known = "" if n_tags is None else f" where y has {n_tags}"
        raise ValueError(f"{name} gives {got}{known}: it must know the tags of y, in its order.")
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        song, tag = wrong[0]
        raise ValueError(
            f"{name} gives a value that is not finite for song {song} and tag {tag if tags is None else tags[tag]}: "
            "train it anew, or use another tagger."
        )
    return found


def _knows_one_tag(tagger):
    """Tell whether the classes of a fitted classifier are those of one tag, and not the numbers of several."""
    classes = getattr(tagger, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or not set(classes.tolist()) <= {0, 1}:
        return False
    # of several tags they are numbers where scikit-learn binarises them
    binarizer = getattr(tagger, "label_binarizer_", getattr(tagger, "_label_binarizer", None))
    return not getattr(binarizer, "y_type_", "").startswith("multilabel")


def _of_one_tag(found, classes, ends):
    """Give one tag's column, (n_songs, 1), of a column or of one for each class; other shapes as they are."""
    classes = np.asarray(classes)
    if len(classes) == 1:
        # whatever its only class is called, it answers nothing else
        return np.full((len(found), 1), ends[int(classes[0] == 1)])
    if found.ndim == 2 and found.shape[1] == len(classes):
        found = found[:, classes == 1]
    return found.reshape(-1, 1) if found.ndim == 1 else found
