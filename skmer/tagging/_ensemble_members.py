"""The members of an ensemble of taggers: what may be one, which are frozen, and how they are fitted."""

import os
from collections.abc import Mapping, Set

from scipy.sparse import issparse
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags, indexable
from sklearn.utils.validation import check_is_fitted

from skmer.songs import check_not_empty
from skmer.tagging._tag_decisions import TagDecisions
from skmer.tagging._tags_in import SongNotFiniteError
from skmer.tagging.any_tagger import final_classifier, fit_tagger, seeded_clone

__all__ = [
    "collection",
    "fit_member",
    "is_frozen",
    "ready_member",
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
    check_not_empty(X, name)
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


def fit_member(name, member, X, y, X_val, y_val, rest, held):
    """Fit a member on songs X and their tags y, of which it calls a song by its place in what the ensemble was given.

    `rest` and `held` are the places of X and X_val there; None where they are what was given.
    """
    try:
        fit_tagger(member, X, y, X_val, y_val, name)
    except SongNotFiniteError as error:
        # who checks each song it is given, one of ours, counts them as they are given
        if held is None or not isinstance(final_classifier(member), TagDecisions):
            error.add_note(f"While fitting {name} of LongShortEnsemble.")
            raise
        place = {"X": rest, "X_val": held}[error.collection][error.song]
        raise SongNotFiniteError(place, "X") from error
    except ValueError as error:
        error.add_note(f"While fitting {name} of LongShortEnsemble.")
        raise
