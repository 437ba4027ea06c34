"""What a tagger may be that another one teaches with or takes part in: ours, a pipeline, or scikit-learn's."""

from inspect import signature

import numpy as np
from scipy.special import expit, logit
from sklearn.base import clone, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

__all__ = ["fit_tagger", "heart_of", "refuse_what_does_not_tag", "seeded_clone", "tag_logits", "tag_probabilities"]

_LEAST = 1e-12  # of a probability and of what is left to 1, so that logits are finite


def heart_of(member):
    """Give what is at the heart of a member: the last step of a pipeline, what is frozen."""
    if isinstance(member, FrozenEstimator):
        return heart_of(member.estimator)
    return heart_of(member.steps[-1][1]) if isinstance(member, Pipeline) else member


def refuse_what_does_not_tag(name, member):
    """Refuse regressors and whatever else has no belief in tags."""
    if is_regressor(member) or not (hasattr(member, "predict_proba") or hasattr(member, "decision_function")):
        raise ValueError(
            f"{name} is a {type(heart_of(member)).__name__}, which gives neither probabilities nor decisions on "
            "tags: use a tagger, or a multi-label classifier."
        )


def seeded_clone(tagger, seed):
    """Clone a tagger that is not fitted; each ``random_state`` in it that is None gets a number that `seed` decides."""
    copy = clone(tagger)
    names = [name for name, value in copy.get_params().items() if value is None and name.endswith("random_state")]
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=len(names)).tolist()
    copy.set_params(**dict(zip(sorted(names), seeds, strict=True)))
    return copy


def fit_tagger(tagger, X, y, X_val, y_val):
    """Fit a tagger; validation songs go through a pipeline's steps, and to a last step that can use them.

    Parameters
    ----------
    tagger : estimator
        Fitted in place.
    X : collection of n_songs songs
        What the tagger takes.
    y : ndarray of shape (n_songs, n_tags)
        0 and 1.
    X_val, y_val : collection of n_validation_songs songs, ndarray of shape (n_validation_songs, n_tags)
        Not learnt from.

    Returns
    -------
    estimator
        The tagger.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skmer.classifiers._any_tagger import fit_tagger, tag_probabilities
    >>> X, y = np.array([[0.0], [1.0]]), np.array([[1, 0], [0, 1]])
    >>> tag_probabilities(fit_tagger(DecisionTreeClassifier(), X, y, X, y), X)
    array([[1., 0.],
           [0., 1.]])
    """
    last = tagger.steps[-1][1] if isinstance(tagger, Pipeline) else tagger
    if not {"X_val", "y_val"} <= set(signature(last.fit).parameters):
        return tagger.fit(X, y)
    if last is tagger or len(tagger.steps) == 1:
        last.fit(X, y, X_val=X_val, y_val=y_val)
        return tagger
    # a pipeline hands X_val on as it is
    before = tagger[:-1]
    last.fit(before.fit_transform(X, y), y, X_val=before.transform(X_val), y_val=y_val)
    return tagger


def tag_probabilities(tagger, X):
    """Give the probabilities of a fitted tagger's tags, (n_songs, n_tags), float64."""
    if not hasattr(tagger, "predict_proba"):
        return expit(tag_logits(tagger, X))
    found = tagger.predict_proba(X)
    if isinstance(found, list):
        # scikit-learn's trees and neighbours: for each tag the columns of its classes, which may be one
        classes = heart_of(tagger).classes_
        found = np.column_stack([p @ (np.asarray(own) == 1) for p, own in zip(found, classes, strict=True)])
    return np.asarray(found, dtype=np.float64)


def tag_logits(tagger, X):
    """Give the logits of a fitted tagger's tags, (n_songs, n_tags), float64, if need be from its probabilities."""
    if hasattr(tagger, "decision_function"):
        return np.asarray(tagger.decision_function(X), dtype=np.float64)
    return logit(tag_probabilities(tagger, X).clip(_LEAST, 1 - _LEAST))
