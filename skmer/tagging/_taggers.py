"""Fitting and prediction for taggers of any kind: skmer's, pipelines and scikit-learn's multi-label classifiers."""

from inspect import signature

import numpy as np
from scipy.special import expit, logit
from sklearn.base import clone, is_regressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from skmer._inputs import label_array

__all__ = [
    "check_is_tagger",
    "final_classifier",
    "fit_tagger",
    "restore_columns",
    "seeded_clone",
    "tag_logits",
    "tag_names",
    "tag_probabilities",
]

_EPSILON = 1e-12  # smallest distance of a probability to 0 and 1, so that its logit is finite


# ---- before and while fitting ----------------------------------------------------------------------


def final_classifier(tagger):
    """Return the classifier within pipelines, frozen estimators and fitted searches."""
    if isinstance(tagger, FrozenEstimator):
        return final_classifier(tagger.estimator)
    if hasattr(tagger, "best_estimator_"):
        return final_classifier(tagger.best_estimator_)
    return final_classifier(tagger.steps[-1][1]) if isinstance(tagger, Pipeline) else tagger


def check_is_tagger(name, tagger):
    """Raise ValueError for regressors and estimators without `predict_proba` and `decision_function`."""
    if is_regressor(tagger) or not (hasattr(tagger, "predict_proba") or hasattr(tagger, "decision_function")):
        kind = type(final_classifier(tagger)).__name__
        raise ValueError(
            f"{name} must be a multi-label classifier with predict_proba or decision_function, got {kind}."
        )


def tag_names(tagger):
    """Return the names of a fitted tagger's tags; of scikit-learn's classifiers, only those of labels have one."""
    classifier = final_classifier(tagger)
    default = classifier.classes_[-1:] if _has_single_tag(classifier) else ()
    return np.asarray(getattr(classifier, "tags_", default), dtype=object)


def restore_columns(targets, y):
    """Return validated tags, of all or some songs, as a DataFrame if y is one, or as labels 0 and 1 if y is labels."""
    if label_array(y).ndim == 1:
        return targets[:, 0]
    if not hasattr(y, "iloc"):
        return targets
    return type(y)(targets, y.index if len(y) == len(targets) else None, y.columns)


def seeded_clone(tagger, seed):
    """Return an unfitted clone in which each ``random_state`` of None is set by `seed`."""
    copy = clone(tagger)
    names = [name for name, value in copy.get_params().items() if value is None and name.endswith("random_state")]
    seeds = np.random.default_rng(seed).integers(2**31 - 1, size=len(names)).tolist()
    copy.set_params(**dict(zip(sorted(names), seeds, strict=True)))
    return copy


def fit_tagger(tagger, X, y, X_val, y_val, name="The tagger"):
    """Fit a tagger in place; a (last) step whose `fit` takes validation songs gets them, transformed by the others."""
    try:
        return _fit(tagger, X, y, X_val, y_val)
    except ValueError as error:
        classifier = final_classifier(tagger)
        if y.ndim == 1 or y.shape[1] == 1 or not _takes_one_label(classifier):
            raise
        raise ValueError(
            f"{name} is a {type(classifier).__name__}, which takes one label per song instead of a column for each "
            "tag: wrap it in sklearn.multiclass.OneVsRestClassifier, or use a tagger."
        ) from error


def _fit(tagger, X, y, X_val, y_val):
    last = tagger.steps[-1][1] if isinstance(tagger, Pipeline) else tagger
    if not {"X_val", "y_val"} <= set(signature(last.fit).parameters):
        return tagger.fit(X, y)
    if last is tagger or len(tagger.steps) == 1:
        last.fit(X, y, X_val=X_val, y_val=y_val)
        return tagger
    # Pipeline.fit does not transform X_val
    before = tagger[:-1]
    last.fit(before.fit_transform(X, y), y, X_val=before.transform(X_val), y_val=y_val)
    return tagger


def _takes_one_label(classifier):
    # a meta-estimator takes what its estimator takes
    if not hasattr(classifier, "__sklearn_tags__") or hasattr(classifier, "estimator"):
        return False
    tags = get_tags(classifier)
    return not (tags.target_tags.multi_output or (tags.classifier_tags and tags.classifier_tags.multi_label))


# ---- prediction ------------------------------------------------------------------------------------


def tag_probabilities(tagger, X, name="The tagger", tags=None):
    """Compute a fitted tagger's probabilities, (n_songs, n_tags) in float64; raise if it has other tags than `tags`."""
    if not hasattr(tagger, "predict_proba"):
        return expit(tag_logits(tagger, X, name, tags))
    return _tag_columns(tagger, tagger.predict_proba(X), name, tags, (0.0, 1.0))


def tag_logits(tagger, X, name="The tagger", tags=None):
    """Compute a fitted tagger's logits, or the log-odds of its probabilities clipped to [1e-12, 1 - 1e-12]."""
    if hasattr(tagger, "decision_function"):
        return _tag_columns(tagger, tagger.decision_function(X), name, tags, (logit(_EPSILON), logit(1 - _EPSILON)))
    return logit(tag_probabilities(tagger, X, name, tags).clip(_EPSILON, 1 - _EPSILON))


def _tag_columns(tagger, output, name, tags, extremes):
    """Convert a classifier's output to (n_songs, n_tags); `extremes` are the values for "never" and "always".

    For each tag, scikit-learn's trees and neighbours return a column for each class among their training songs. A
    single tag is a problem of two classes to scikit-learn, or of one where no song or every song had the tag.
    """
    classifier = final_classifier(tagger)
    classes = getattr(classifier, "classes_", None)
    if isinstance(output, list):
        of_each = [[0, 1]] * len(output) if classes is None else classes
        columns = [_positive_column(np.asarray(p), own, extremes) for p, own in zip(output, of_each, strict=True)]
        output = np.column_stack(columns)
    output = np.asarray(output, dtype=np.float64)
    if _has_single_tag(classifier):
        output = _positive_column(output, classes, extremes)
    elif output.ndim == 1:
        output = output[:, None]
    if output.ndim != 2 or (tags is not None and output.shape[1] != len(tags)):
        got = f"scores of shape {output.shape}"
        if output.ndim == 2:
            got = "1 tag" if output.shape[1] == 1 else f"{output.shape[1]} tags"
        expected = "" if tags is None else f", but y has {len(tags)}"
        raise ValueError(f"{name} predicts {got}{expected}: it must be fitted on the tags of y, in the same order.")
    wrong = np.argwhere(~np.isfinite(output))
    if len(wrong):
        song, tag = wrong[0]
        raise ValueError(
            f"{name} predicts NaN or infinity for song {song} and tag {tag if tags is None else tags[tag]}: fit it "
            "again, or use another tagger."
        )
    return output


def _has_single_tag(classifier):
    """Return whether a fitted classifier's classes are the values of one tag rather than the indices of several."""
    classes = getattr(classifier, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) > 2:
        return False
    # scikit-learn's binarizer numbers several tags
    binarizer = getattr(classifier, "label_binarizer_", getattr(classifier, "_label_binarizer", None))
    return not getattr(binarizer, "y_type_", "").startswith("multilabel")


def _positive_column(output, classes, extremes):
    """Return the column (n_songs, 1) of a tag's last class; output of an unexpected shape is returned as it is."""
    classes = np.asarray(classes)
    if len(classes) == 1:
        # the only class is always predicted
        return np.full((len(output), 1), extremes[int(classes[0] != 0)])
    if output.ndim == 2 and output.shape[1] == len(classes):
        output = output[:, classes == max(classes)]
    return output.reshape(-1, 1) if output.ndim == 1 else output
