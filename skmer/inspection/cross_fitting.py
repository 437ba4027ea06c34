"""Trust in the labels of songs by networks that were trained on other songs."""

from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from scipy.ndimage import uniform_filter1d
from sklearn.base import clone

from skmer.inspection._steps import hop_and_duration
from skmer.inspection.trust_over_time import LabelTrust, label_losses
from skmer.songs import SongSequence

__all__ = ["SMOOTHING", "average_over", "check_smoothing", "cross_fitted_trust"]

SMOOTHING = 5.0  # seconds; longer means were no better on listeners' ratings, see benchmarks/listeners.py
_DOUBTED = 0.1  # share of the seconds that are distrusted by default


def check_smoothing(smoothing):
    """Raise ValueError for a `smoothing` that is not a number of seconds."""
    if isinstance(smoothing, bool) or not isinstance(smoothing, Real) or not 0 <= float(smoothing) < np.inf:
        raise ValueError(f"smoothing must be a number of seconds, 0 or above, got {smoothing!r}.")


def average_over(values, hop, seconds):
    """Return the mean over the segments that start within some seconds around each; the first and last count on."""
    return uniform_filter1d(np.asarray(values, dtype=float), max(round(seconds / hop), 1), mode="nearest")


def cross_fitted_trust(checker, rows, labels, cv, groups=None, smoothing=SMOOTHING, threshold=None, verbose=0):
    """Return the `LabelTrust` of songs, each judged by a network that was trained on others.

    Parameters
    ----------
    checker : LabelChecker
        Its predictor's segment classifier is cloned and trained.
    rows : list of SongSequence
        Segments of each song, as the classifier takes them.
    labels, cv, groups, smoothing, threshold
        As in `label_trust`.
    verbose : int, default=0
        That of the trained classifiers.

    Returns
    -------
    list of LabelTrust
    """
    check_smoothing(smoothing)
    predictor = checker.predictor
    classes, classifier = predictor.classes, predictor.classifier
    if not hasattr(classifier, "_cross_fitting_folds"):
        raise ValueError(
            f"cv requires a segment classifier that can be cross-fitted, such as SSSLClassifier, got "
            f"{type(classifier).__name__}."
        )
    positions = np.array([checker.class_index(label) for label in labels])
    trained = clone(classifier).set_params(cv=cv, verbose=verbose)
    # the same folds also where a splitter is random
    trained.set_params(cv=_find_folds(trained, classes[positions], groups))
    found = trained.fit_transform(SongSequence([song[0] for song in rows]), classes[positions], groups=groups)
    # a class of the model may have no song here
    columns = np.searchsorted(classes, trained.classes_)
    hop, duration = hop_and_duration(predictor.first_step)
    made = []
    for own, k in zip(found, positions, strict=True):
        probabilities = np.zeros((len(own), len(classes)))
        probabilities[:, columns] = own
        starts = hop * np.arange(len(own))
        made.append(
            LabelTrust(
                classes[k : k + 1].tolist()[0],
                classes,
                starts,
                starts + duration,
                probabilities,
                label_losses(probabilities[:, k]),
                average_over(probabilities[:, k], hop, smoothing),
                0.0 if threshold is None else float(threshold),
                from_mixture=False,
            )
        )
    return made if threshold is not None else _with_lowest_distrusted(made)


def _find_folds(classifier, y, groups):
    """Return the folds of a classifier's `cv`; raise ValueError if no training song of a fold has a label tested there.

    Such a label would be doubted only because no network has learnt it.
    """
    names, counts = np.unique(y, return_counts=True)
    n_folds, most = classifier.cv, counts.max()
    if isinstance(n_folds, Integral) and most < n_folds:
        raise ValueError(
            f"{n_folds} folds need {n_folds} songs of a label, but the commonest, {names[counts.argmax()]}, has "
            f"{most}: use fewer folds."
        )
    groups = None if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    folds = classifier._cross_fitting_folds(y, groups)
    for train, test in folds:
        if lost := sorted({*map(str, y[test])} - {*map(str, y[train])}):
            what = "song" if groups is None else "group"
            raise ValueError(
                f"All songs labelled {lost[0]} are in one fold, so that no network would learn this label from others: "
                f"add a {what} with it, leave it out, or use other folds."
            )
    return folds


def _with_lowest_distrusted(trusts):
    """Return trusts with the threshold below which a tenth of all seconds lies."""
    seconds = np.concatenate([trust.second_clean_probability for trust in trusts])
    threshold = float(np.nanquantile(seconds, _DOUBTED))
    return [replace(trust, threshold=threshold) for trust in trusts]
