"""The choice of validation songs, by groups."""

import numpy as np

__all__ = ["draw_validation", "has_both_labels", "hold_out", "hold_out_rated"]

_N_DRAWS = 50  # of validation songs, the best of which is taken


def has_both_labels(y):
    """Return for each tag (or class) whether there are both positive and negative songs."""
    return y.any(0) & ~y.all(0)


def draw_validation(y, groups, fraction, seed):
    """Draw validation songs by group; return a mask over songs.

    A tag (or class), a column of `y`, can be learnt and scored only if there are positive and negative songs both for
    training and for validation. Among 50 draws, the one with the most such tags is returned; of several, the one in
    which most tags can be learnt, and then the one closest to `fraction`.
    """
    sizes = np.bincount(groups)
    if len(sizes) < 2:
        what = "song (one sample)" if len(y) == 1 else "group of songs"
        raise ValueError(
            f"validation_fraction={fraction:g} leaves no validation song, since there is only one {what}: pass more "
            "songs or groups, or X_val and y_val to a tagger."
        )
    rng = np.random.default_rng(seed)
    best, best_rank = None, None
    for _ in range(_N_DRAWS):
        order = rng.permutation(len(sizes))
        # at least one group on each side
        distance = np.abs(np.cumsum(sizes[order])[:-1] - fraction * len(y))
        held = np.isin(groups, order[: np.argmin(distance) + 1])
        learnt = has_both_labels(y[~held])
        rank = (-int((has_both_labels(y[held]) & learnt).sum()), -int(learnt.sum()), distance.min())
        if best_rank is None or rank < best_rank:
            best, best_rank = held, rank
    return best


def hold_out_rated(regressor, labelled, groups, seed):
    """Return a mask of the songs held out by a regressor's `validation_fraction`, or None if that is None.

    Songs that are not in the mask `labelled` are held out only together with labelled ones of their group.
    """
    if not _is_wanted(regressor):
        return None
    of_labelled = np.unique(groups[labelled], return_inverse=True)[1]
    drawn = draw_validation(np.empty((labelled.sum(), 0)), of_labelled, regressor.validation_fraction, seed)
    return np.isin(groups, groups[labelled][drawn])


def _is_wanted(estimator):
    if estimator.validation_fraction is None and estimator.patience is not None:
        raise ValueError(f"patience={estimator.patience} requires validation songs: set validation_fraction.")
    return estimator.validation_fraction is not None


def hold_out(classifier, labels, groups, seed):
    """Return a mask of the songs held out by a classifier's `validation_fraction`, or None if that is None.

    `labels` are positions in ``classes_``, or -1 for unlabelled songs, which are held out only together with labelled
    ones of their group; `groups` are integers. Raise ValueError if a class is left without training songs.
    """
    fraction, classes = classifier.validation_fraction, classifier.classes_
    if not _is_wanted(classifier):
        return None
    labelled = labels >= 0
    known = np.eye(len(classes), dtype=int)[labels[labelled]]
    drawn = draw_validation(known, np.unique(groups[labelled], return_inverse=True)[1], fraction, seed)
    held = np.isin(groups, groups[labelled][drawn])
    missing = np.setdiff1d(np.arange(len(classes)), labels[~held])
    if len(missing):
        raise ValueError(
            f"validation_fraction={fraction:g} leaves no training song of class {str(classes[missing[0]])!r}: use a "
            "smaller fraction, or more songs or groups of this class."
        )
    return held
