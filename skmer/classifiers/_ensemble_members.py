"""The members of an ensemble of taggers: what may be one, which are frozen, and how they are fitted."""

import os
from collections.abc import Mapping, Set

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags, indexable
from sklearn.utils.validation import check_is_fitted

from skmer.classifiers._any_tagger import fit_tagger, heart_of, seeded_clone
from skmer.classifiers._tags_in import refuse_not_finite
from skmer.songs import as_song_sequence, is_song_data, refuse_no_songs

__all__ = [
    "collection",
    "fit_member",
    "is_frozen",
    "names_in",
    "ready_member",
    "with_names_of",
]


def collection(name, X):
    """Give X as what can be indexed by song."""
    # scipy has a sparse matrix that is a mapping too
    if isinstance(X, str | os.PathLike | Mapping | Set) and not issparse(X):
        raise ValueError(
            f"{name} is a {type(X).__name__}, but must hold one item a song in the order of the tags: give a list of "
            "paths or waveforms, a SongSequence, an array or a table."
        )
    (X,) = indexable(X)
    if getattr(getattr(X, "dtype", None), "kind", None) == "c":
        raise ValueError(f"Complex data not supported: {name} must hold real numbers.")
    refuse_no_songs(X, name)
    return X


def is_frozen(member):
    """Tell whether nothing in a member is left to train."""
    if isinstance(member, Pipeline):
        before = [step for _, step in member.steps[:-1] if step is not None and step != "passthrough"]
        return is_frozen(member.steps[-1][1]) and all(is_frozen(s) or not get_tags(s).requires_fit for s in before)
    return isinstance(member, FrozenEstimator)


def ready_member(name, member, seed):
    """Give a member as it is if it is frozen and fitted, else a clone to fit."""
    if not is_frozen(member):
        return seeded_clone(member, seed)
    try:
        check_is_fitted(member)
    except NotFittedError:
        raise NotFittedError(f"{name} is frozen, but not fitted: fit it before it is frozen.") from None
    return member


def with_names_of(y, targets):
    """Give checked tags as a table with the names of y, if y is one of pandas'."""
    return type(y)(targets, y.index, y.columns) if hasattr(y, "iloc") else targets


def names_in(member):
    """Give what a member that is fitted calls its tags, nothing if it does not say."""
    return np.asarray(getattr(heart_of(member), "tags_", ()), dtype=object)


def fit_member(name, member, songs, y, X_val, y_val, X):
    """Fit a member on songs, which are some of X, and their tags y; what it refuses is told in the ensemble's words."""
    try:
        fit_tagger(member, songs, y, X_val, y_val)
    except ValueError as error:
        # of a song the member knows its place among those to learn from, the user that in X
        for given, what in ((X, "X"), (X_val, "X_val")):
            if is_song_data(given):
                refuse_not_finite(as_song_sequence(given), what)
        tagger = heart_of(member)
        tags, one_tag = get_tags(tagger), y.shape[1] == 1
        several = tags.target_tags.multi_output or (tags.classifier_tags and tags.classifier_tags.multi_label)
        if not several and not one_tag and not hasattr(tagger, "estimator"):
            raise ValueError(
                f"{name} is a {type(tagger).__name__}, which takes one label a song, not a column for each tag: wrap "
                "it in sklearn.multiclass.OneVsRestClassifier, or use a tagger."
            ) from error
        error.add_note(f"While fitting {name} of LongShortEnsemble.")
        raise
