"""Taggers of any kind, ours, a pipeline or scikit-learn's: what is at their heart, and how they are fitted."""

from inspect import signature

import numpy as np
from sklearn.base import clone, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

__all__ = [
    "final_classifier",
    "fit_tagger",
    "names_in",
    "refuse_what_does_not_tag",
    "seeded_clone",
    "with_names_of",
]


def final_classifier(tagger):
    """Give what is at the heart of a tagger: the last step of a pipeline, what is frozen, what a search found.

    Parameters
    ----------
    tagger : estimator
        Of any kind.

    Returns
    -------
    estimator
        The classifier that decides on tags.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmer import EmotionTagger, TaggingTransformer
    >>> from skmer.tagging.any_tagger import final_classifier
    >>> type(final_classifier(make_pipeline(TaggingTransformer(), EmotionTagger()))).__name__
    'EmotionTagger'
    """
    if isinstance(tagger, FrozenEstimator):
        return final_classifier(tagger.estimator)
    if hasattr(tagger, "best_estimator_"):
        return final_classifier(tagger.best_estimator_)
    return final_classifier(tagger.steps[-1][1]) if isinstance(tagger, Pipeline) else tagger


def refuse_what_does_not_tag(name, tagger):
    """Refuse regressors and whatever else has no belief in tags.

    Parameters
    ----------
    name : str
        What the refusal calls it.
    tagger : estimator
        Of any kind, fitted or not.

    Raises
    ------
    ValueError
        If it gives neither probabilities nor decisions.

    Examples
    --------
    >>> from sklearn.svm import SVR
    >>> from skmer.tagging.any_tagger import refuse_what_does_not_tag
    >>> refuse_what_does_not_tag("teacher", SVR())
    Traceback (most recent call last):
    ...
    ValueError: teacher is a SVR, which gives neither probabilities nor decisions on tags: use a tagger, ...
    """
    if is_regressor(tagger) or not (hasattr(tagger, "predict_proba") or hasattr(tagger, "decision_function")):
        raise ValueError(
            f"{name} is a {type(final_classifier(tagger)).__name__}, which gives neither probabilities nor decisions "
            "on tags: use a tagger, or a multi-label classifier."
        )


def names_in(tagger):
    """Give what a fitted tagger calls its tags.

    Parameters
    ----------
    tagger : estimator
        Of any kind, fitted.

    Returns
    -------
    ndarray of shape (n_tags,), object
        Empty if it does not say, as scikit-learn's do not.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skmer.tagging.any_tagger import names_in
    >>> names_in(DecisionTreeClassifier().fit([[0], [1]], [[0, 1], [1, 0]])).tolist()
    []
    """
    return np.asarray(getattr(final_classifier(tagger), "tags_", ()), dtype=object)


def with_names_of(y, targets):
    """Give checked tags as a table with the names of y, if y is one of pandas'.

    Parameters
    ----------
    y : array-like or DataFrame of shape (n_songs, n_tags)
        Tags as the user gave them.
    targets : ndarray of shape (n_songs or fewer, n_tags)
        The same as 0 and 1, of all or some of the songs.

    Returns
    -------
    ndarray or DataFrame
        `targets`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from skmer.tagging.any_tagger import with_names_of
    >>> y = pd.DataFrame({"calm": [True, False], "dark": [False, True]})
    >>> list(with_names_of(y, np.array([[1, 0]])).columns)
    ['calm', 'dark']
    """
    if not hasattr(y, "iloc"):
        return targets
    return type(y)(targets, y.index if len(y) == len(targets) else None, y.columns)


def seeded_clone(tagger, seed):
    """Clone a tagger, and decide what it left to chance.

    Parameters
    ----------
    tagger : estimator
        Of any kind.
    seed : int
        Decides each ``random_state`` in it that is None.

    Returns
    -------
    estimator
        Not fitted.

    Examples
    --------
    >>> from skmer import EmotionTagger
    >>> from skmer.tagging.any_tagger import seeded_clone
    >>> seeded_clone(EmotionTagger(), 0).random_state == seeded_clone(EmotionTagger(), 0).random_state
    True
    """
    copy = clone(tagger)
    names = [name for name, value in copy.get_params().items() if value is None and name.endswith("random_state")]
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=len(names)).tolist()
    copy.set_params(**dict(zip(sorted(names), seeds, strict=True)))
    return copy


def fit_tagger(tagger, X, y, X_val, y_val, name="The tagger"):
    """Fit a tagger; validation songs go through a pipeline's steps, and to a last step that can use them.

    Parameters
    ----------
    tagger : estimator
        Fitted in place.
    X : collection of n_songs songs
        What the tagger takes.
    y : ndarray or DataFrame of shape (n_songs, n_tags)
        0 and 1.
    X_val, y_val : collection of n_validation_songs songs, ndarray of shape (n_validation_songs, n_tags)
        Not learnt from.
    name : str, default="The tagger"
        What the refusal of a classifier of one label a song calls it.

    Returns
    -------
    estimator
        The tagger.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skmer.tagging.any_tagger import fit_tagger
    >>> X, y = np.array([[0.0], [1.0]]), np.array([[1, 0], [0, 1]])
    >>> fit_tagger(DecisionTreeClassifier(), X, y, X, y).predict(X)
    array([[1, 0],
           [0, 1]])
    """
    try:
        return _fit(tagger, X, y, X_val, y_val)
    except ValueError as error:
        heart = final_classifier(tagger)
        if not hasattr(heart, "__sklearn_tags__"):
            raise
        tags = get_tags(heart)
        several = tags.target_tags.multi_output or (tags.classifier_tags and tags.classifier_tags.multi_label)
        if several or y.shape[1] == 1 or hasattr(heart, "estimator"):
            raise
        raise ValueError(
            f"{name} is a {type(heart).__name__}, which takes one label a song, not a column for each tag: wrap it in "
            "sklearn.multiclass.OneVsRestClassifier, or use a tagger."
        ) from error


def _fit(tagger, X, y, X_val, y_val):
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
