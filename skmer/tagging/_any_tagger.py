"""What a tagger may be that another one teaches with or takes part in: ours, a pipeline, or scikit-learn's."""

from inspect import signature

import numpy as np
from scipy.special import expit, logit
from sklearn.base import clone, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

__all__ = [
    "fit_tagger",
    "heart_of",
    "names_in",
    "refuse_what_does_not_tag",
    "seeded_clone",
    "tag_logits",
    "tag_probabilities",
    "with_names_of",
]

_LEAST = 1e-12  # of a probability and of what is left to 1, so that logits are finite


def heart_of(member):
    """Give what is at the heart of a member: the last step of a pipeline, what is frozen, what a search found."""
    if isinstance(member, FrozenEstimator):
        return heart_of(member.estimator)
    if hasattr(member, "best_estimator_"):
        return heart_of(member.best_estimator_)
    return heart_of(member.steps[-1][1]) if isinstance(member, Pipeline) else member


def refuse_what_does_not_tag(name, member):
    """Refuse regressors and whatever else has no belief in tags."""
    if is_regressor(member) or not (hasattr(member, "predict_proba") or hasattr(member, "decision_function")):
        raise ValueError(
            f"{name} is a {type(heart_of(member)).__name__}, which gives neither probabilities nor decisions on "
            "tags: use a tagger, or a multi-label classifier."
        )


def names_in(member):
    """Give what a member that is fitted calls its tags, nothing if it does not say."""
    return np.asarray(getattr(heart_of(member), "tags_", ()), dtype=object)


def with_names_of(y, targets):
    """Give checked tags of all or some songs of y as a table with the names of y, if y is one of pandas'."""
    if not hasattr(y, "iloc"):
        return targets
    return type(y)(targets, y.index if len(y) == len(targets) else None, y.columns)


def seeded_clone(tagger, seed):
    """Clone a tagger that is not fitted; each ``random_state`` in it that is None gets a number that `seed` decides."""
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
    >>> from skmer.tagging._any_tagger import fit_tagger, tag_probabilities
    >>> X, y = np.array([[0.0], [1.0]]), np.array([[1, 0], [0, 1]])
    >>> tag_probabilities(fit_tagger(DecisionTreeClassifier(), X, y, X, y), X)
    array([[1., 0.],
           [0., 1.]])
    """
    try:
        return _fit(tagger, X, y, X_val, y_val)
    except ValueError as error:
        heart = heart_of(tagger)
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


def tag_probabilities(tagger, X, name="The tagger", tags=None):
    """Give the probabilities of a fitted tagger's tags, (n_songs, n_tags), float64.

    `name` is what the refusal of other answers calls the tagger; `tags`, if given, are the names of those it must know.
    """
    if not hasattr(tagger, "predict_proba"):
        return expit(tag_logits(tagger, X, name, tags))
    return _tag_columns(tagger, tagger.predict_proba(X), name, tags, (0.0, 1.0))


def tag_logits(tagger, X, name="The tagger", tags=None):
    """Give the logits of a fitted tagger's tags, as `tag_probabilities` does; if need be from its probabilities."""
    if hasattr(tagger, "decision_function"):
        return _tag_columns(tagger, tagger.decision_function(X), name, tags, (logit(_LEAST), logit(1 - _LEAST)))
    return logit(tag_probabilities(tagger, X, name, tags).clip(_LEAST, 1 - _LEAST))


def _tag_columns(tagger, found, name, tags, ends):
    """Turn what a tagger answers into (n_songs, n_tags) by its classes; `ends` are the answers "never" and "always".

    scikit-learn's trees and neighbours give for each tag a column for each class that its training songs had, and of
    a single column of tags its classifiers make two classes, or one where no song or every song had the tag.
    """
    classes = getattr(heart_of(tagger), "classes_", None)
    if isinstance(found, list):
        of_each = [[0, 1]] * len(found) if classes is None else classes
        found = np.column_stack([_of_one_tag(np.asarray(p), own, ends) for p, own in zip(found, of_each, strict=True)])
    found = np.asarray(found, dtype=np.float64)
    if _knows_one_tag(heart_of(tagger)):
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
