"""The steps of fitted pipelines: which of them read songs, classify or rate segments, or tag songs."""

import warnings
from copy import copy, deepcopy

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skmer._pipeline_steps import first_steps, leaf_steps
from skmer._run_parameters import RUN_DEFAULTS
from skmer.feature_extraction.embeddings import EmbeddingTransformer
from skmer.feature_extraction.segments import SegmentTransformer

__all__ = [
    "describe_missing",
    "find_segment_predictor",
    "find_target_names",
    "flatten",
    "hop_and_duration",
    "is_tagger",
    "longest_duration",
    "may_predict_segments",
    "name_ratings",
    "predicts_ratings",
    "reads_songs",
    "reset_run_parameters",
    "take_apart",
    "transform",
    "unwrap",
]


def unwrap(estimator):
    """Return the best estimator of a fitted search, or the estimator that is frozen."""
    if isinstance(estimator, FrozenEstimator):
        return unwrap(estimator.estimator)
    return unwrap(estimator.best_estimator_) if hasattr(estimator, "best_estimator_") else estimator


def flatten(estimator):
    """Return the steps of a pipeline and of the pipelines in it; another estimator is one step."""
    estimator = unwrap(estimator)
    if not isinstance(estimator, Pipeline):
        return [estimator]
    steps = [step for _, step in estimator.steps if step is not None and not isinstance(step, str)]
    return [inner for step in steps for inner in flatten(step)]


def is_tagger(estimator):
    """Return whether a fitted classifier is a tagger of skmer, or one of scikit-learn fitted on columns of 0 and 1."""
    if hasattr(estimator, "tags_") or getattr(estimator, "multilabel_", False):
        return True
    classes = getattr(estimator, "classes_", None)
    return isinstance(classes, list) and all(set(np.ravel(own)) <= {0, 1} for own in classes)


def reads_songs(step):
    """Return whether a step takes recordings and needs no fit, as must the first step of each part of a union."""
    if isinstance(step, FeatureUnion):
        parts = [part for _, part in step.transformer_list if not isinstance(part, str)]
        return bool(parts) and all(any(map(reads_songs, flatten(part)[:1])) for part in parts)
    # a user's own transformer need not be a BaseEstimator
    tags = get_tags(step) if hasattr(step, "__sklearn_tags__") else None
    return tags is not None and tags.input_tags.string and not tags.requires_fit


def predicts_ratings(step):
    """Return whether a step is a regressor."""
    return hasattr(step, "__sklearn_tags__") and is_regressor(step)


def find_segment_predictor(steps):
    """Return the positions of the step that cuts segments and of the one after it that predicts them, or None.

    Curves of ratings from which the last step predicts classes are features only.
    """
    i_segmenter = next((i for i, step in enumerate(steps) if _cuts_segments(step)), None)
    if i_segmenter is None:
        return None, None
    found = next((i for i in range(i_segmenter + 1, len(steps)) if may_predict_segments(steps[i])), None)
    if found is not None and predicts_ratings(steps[found]) and is_classifier(steps[-1]):
        found = None
    return i_segmenter, found


def find_target_names(steps):
    """Return the names of the ratings that fitted steps predict: those of the last step, or of a network before it."""
    leaves = [leaf for step in steps for _, leaf in leaf_steps(step)]
    found = next((step.target_names_ for step in reversed(leaves) if hasattr(step, "target_names_")), None)
    names = [f"target{i}" for i in range(_count_targets(leaves))] if found is None else [str(name) for name in found]
    if len(set(names)) < len(names):
        raise ValueError(f"Ratings of this model have the same name: {', '.join(names)}. Fit it with different names.")
    return names


def name_ratings(ratings, names):
    """Return the ratings of a song as a dict, in the order of `names`."""
    values = np.ravel(ratings).tolist()
    if len(values) != len(names):
        raise ValueError(
            f"The model predicts {len(values)} ratings of a song, but has {len(names)} names for them, "
            f"{', '.join(names)}: give its last step an attribute target_names_ with a name for each."
        )
    return dict(zip(names, values, strict=True))


def _count_targets(steps):
    """Return the number of ratings that the last fitted regressor predicts; 1 if it is not known."""
    regressor = next(step for step in reversed(steps) if hasattr(step, "predict"))
    if not hasattr(regressor, "n_features_in_"):
        return 1
    with warnings.catch_warnings():
        # it may have been fitted on a table
        warnings.simplefilter("ignore", UserWarning)
        return np.size(regressor.predict(np.zeros((1, regressor.n_features_in_))))


def _cuts_segments(step):
    return isinstance(step, SegmentTransformer) or (isinstance(step, EmbeddingTransformer) and step.statistics is None)


def hop_and_duration(step):
    """Return the seconds from segment to segment, and those of a segment, of a step that cuts them."""
    if isinstance(step, SegmentTransformer):
        return step.hop, step.duration
    return step.window if step.hop is None else step.hop, step.window


def may_predict_segments(step):
    # scikit-learn's classifiers with a transform, such as LinearDiscriminantAnalysis, classify no segments
    return hasattr(step, "transform") and hasattr(step, "predict") and not type(step).__module__.startswith("sklearn.")


def describe_missing(estimator, steps, i_segmenter):
    """Return the message for an estimator that does not predict segments."""
    if not isinstance(estimator, Pipeline):
        hint = " without a best_estimator_: fit it, with refit=True" if hasattr(estimator, "refit") else ""
        return (
            "estimator must be a Pipeline that reads songs, such as one with a SegmentTransformer and an "
            f"SSSLClassifier or SSSLRegressor, got {type(estimator).__name__}{hint}."
        )
    names = [type(step).__name__ for step in steps]
    if i_segmenter is None:
        return f"The pipeline has no SegmentTransformer; its steps are {', '.join(names)}."
    return (
        "The pipeline has no segment classifier or regressor after its SegmentTransformer: a step with predict and "
        f"transform, such as SSSLClassifier; its steps are {', '.join(names)}."
    )


def reset_run_parameters(step):
    """Return a copy of a step without the cache folders, threads and progress bars of its training."""
    step = deepcopy(step)
    names = {name: name.rpartition("__")[2] for name in step.get_params()}
    return step.set_params(**{name: RUN_DEFAULTS[last] for name, last in names.items() if last in RUN_DEFAULTS})


def longest_duration(readers):
    """Return the seconds of each song that steps use, None for all."""
    steps = [step for reader in readers for _, step in first_steps(reader)]
    longest = max(getattr(step, "max_duration", None) or np.inf for step in steps)
    return longest if longest < np.inf else None


def take_apart(combination):
    """Return the steps of each pipeline that a fitted `VotingClassifier` or the like combines, copies of the first
    steps without parameters of a run, and a copy of the combination with these.
    """
    name = type(combination).__name__
    check_is_fitted(combination, msg=f"The {name} is not fitted: call fit with songs and their emotions first.")
    members = [unwrap(member) for member in combination.estimators_]
    for member in members:
        if not isinstance(member, Pipeline) or not reads_songs(flatten(member)[0]):
            raise ValueError(
                f"Expected a {name} of pipelines whose first steps read songs, got one with {type(member).__name__}."
            )
    flat = [flatten(member) for member in members]
    readers = [reset_run_parameters(steps[0]) for steps in flat]
    again = copy(combination)
    again.estimators_ = [
        Pipeline([("reader", reader), *((str(i), step) for i, step in enumerate(steps[1:]))])
        for reader, steps in zip(readers, flat, strict=True)
    ]
    return flat, readers, again


def transform(steps, X):
    for step in steps:
        X = step.transform(X)
    return X
