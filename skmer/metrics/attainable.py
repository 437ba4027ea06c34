"""Scores that a perfect model reaches, since the labels are those of a few listeners."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_random_state

from skmer.metrics._checks import check_numbers
from skmer.metrics.distributions import check_shares

__all__ = ["attainable_accuracy", "attainable_scores", "error_variances"]


def attainable_scores(means, deviations, n_raters):
    """Compute the scores of a model that knows the mean rating of the whole population.

    The label of a song is the mean rating of a few listeners, which others would not repeat exactly. A model cannot
    predict this error, so that its scores are limited, even if it is perfect.

    Parameters
    ----------
    means : array-like of shape (n_songs,) or (n_songs, n_targets)
        Mean rating of each song.
    deviations : array-like of shape (n_songs,) or (n_songs, n_targets)
        Standard deviation of the ratings of each song, with n - 1. It is not read for songs with one rater, which are
        assumed to have the mean variance of the others.
    n_raters : int or array-like of shape (n_songs,) or (n_songs, n_targets)
        Number of raters of each song.

    Returns
    -------
    dict of str to float or ndarray of shape (n_targets,)
        ``"R2"``, ``"CCC"`` and ``"Pearson"``, for each target.

    Raises
    ------
    ValueError
        If shapes do not match, a value is not finite, no song has two raters, or there is one song only.

    Warns
    -----
    UndefinedMetricWarning
        If the mean ratings of a target are all equal. The scores are NaN.

    See Also
    --------
    attainable_accuracy : The same for classes.

    Notes
    -----
    If s is the deviation and n the number of raters of a song, its mean has the error variance s²/n. R² is the
    reliability of the means, ``1 - mean(s² / n) / var(means)``, where the variance over songs is with n - 1; for equal
    numbers of raters this is the intraclass correlation ICC(1, k). With the reliability r, the correlation is √r and
    the CCC 2r / (1 + r). If raters agree no better than by chance, the scores are 0.

    The raters are assumed to judge independently. A model that is tested on the same few songs can exceed the values
    by chance, and one that is trained on the same raters' habits can exceed them, too.

    Examples
    --------
    >>> from skmer.metrics import attainable_scores
    >>> scores = attainable_scores([1, 2, 3, 4], [1, 1, 1, 1], n_raters=4)
    >>> {name: round(score, 2) for name, score in scores.items()}
    {'R2': 0.85, 'CCC': 0.92, 'Pearson': 0.92}
    """
    means = check_numbers(means, "means")
    deviations = check_numbers(deviations, "deviations", allow_nan=True)
    if deviations.shape != means.shape:
        raise ValueError(f"deviations has shape {deviations.shape}, but means has shape {means.shape}.")
    counts = check_numbers(n_raters, "n_raters", "() or (n_songs,) or (n_songs, n_targets)", ndims=(0, 1, 2))
    if counts.shape not in ((), (len(means),), means.shape):
        raise ValueError(f"n_raters has shape {counts.shape}, but means has shape {means.shape}.")
    columns = means.reshape(len(means), -1)
    if counts.ndim < 2:
        counts = np.broadcast_to(counts if counts.ndim == 0 else counts[:, None], columns.shape)
    arrays = zip(columns.T, deviations.reshape(columns.shape).T, counts.T, strict=True)
    reliability = np.array([_reliability(*target) for target in arrays])
    if np.isnan(reliability).any():
        warnings.warn(
            "The mean ratings of all songs are equal: their reliability is undefined.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    scores = {"R2": reliability, "CCC": 2 * reliability / (1 + reliability), "Pearson": np.sqrt(reliability)}
    return scores if means.ndim == 2 else {name: float(score[0]) for name, score in scores.items()}


def attainable_accuracy(shares, n_raters, *, exclusive=True, n_panels=1000, random_state=None):
    """Compute the accuracies of a model that knows the shares of all listeners, and of another panel of listeners.

    The label of a song is the class that most of its raters chose. Panels of as many raters are drawn from the
    observed shares, and their most frequent class is compared.

    Parameters
    ----------
    shares : array-like of shape (n_songs, n_classes)
        Share of the raters of each song who chose each class.
    n_raters : int or array-like of shape (n_songs,)
        Number of raters of each song.
    exclusive : bool, default=True
        Whether each rater chose one class, so that rows sum to one. Otherwise a rater may choose several
        classes, or none, and is assumed to choose each independently of the others.
    n_panels : int, default=1000
        Number of panels that are drawn for each song, at least 2.
    random_state : int, RandomState instance or None, default=None
        Seed of the panels.

    Returns
    -------
    dict of str to float
        ``"model"``, the share of panels whose most frequent class is that of the observed shares: the accuracy of a
        model that knows them. ``"panel"``, the share of pairs of panels that have the same most frequent class: the
        accuracy of one panel as a prediction of another.

    Raises
    ------
    ValueError
        If a share is not between 0 and 1, rows do not sum to one although classes are exclusive, or a number is
        invalid.

    See Also
    --------
    attainable_scores : The same for ratings.

    Notes
    -----
    Ties are broken at random. The observed shares are those of a few raters, and therefore more
    extreme than those of all listeners; both accuracies are too high, the more so the fewer the raters:
    with four classes and shares that are uniformly distributed, that of the model by .06 for 5 raters,
    .03 for 10 and .015 for 21.

    Examples
    --------
    Nobody disagrees about the first song, and raters are divided about the second:

    >>> from skmer.metrics import attainable_accuracy
    >>> result = attainable_accuracy([[1, 0], [0.5, 0.5]], n_raters=11, random_state=0)
    >>> {name: round(accuracy, 2) for name, accuracy in result.items()}
    {'model': 0.75, 'panel': 0.75}
    """
    if exclusive:
        shares = check_shares(shares, "shares")
    else:
        shares = check_numbers(shares, "shares", "(n_songs, n_classes)", ndims=(2,))
        if shares.min() < 0 or shares.max() > 1:
            raise ValueError("shares must lie between 0 and 1.")
    counts = check_numbers(n_raters, "n_raters", "() or (n_songs,)", ndims=(0, 1))
    if counts.shape not in ((), (len(shares),)) or (counts < 1).any() or (counts % 1).any():
        raise ValueError(f"n_raters must be whole numbers of at least 1, one or {len(shares)}, got {n_raters!r}.")
    if not isinstance(n_panels, int | np.integer) or n_panels < 2:
        raise ValueError(f"n_panels must be a whole number of at least 2, got {n_panels!r}.")
    random = check_random_state(random_state)
    counts = np.broadcast_to(counts, len(shares)).astype(int)
    model, panel = [], []
    for p, n in zip(shares, counts, strict=True):
        size = (int(n_panels), len(p))
        votes = random.multinomial(n, p, n_panels) if exclusive else random.binomial(n, p, size)
        # less than one vote: it decides only ties
        chosen = np.argmax(votes + random.random_sample(size), axis=1)
        wins = np.bincount(chosen, minlength=len(p))
        model.append(wins[p == p.max()].mean() / n_panels)
        panel.append((wins * (wins - 1)).sum() / (n_panels * (n_panels - 1)))
    return {"model": float(np.mean(model)), "panel": float(np.mean(panel))}


def error_variances(deviations, n_raters):
    """Return the mean variance within songs, weighted by n - 1, and the variance of each song's mean, s²/n."""
    several = n_raters > 1
    if (n_raters < 1).any():
        raise ValueError("n_raters must be at least 1 for every song.")
    if not several.any():
        raise ValueError("No song has two raters: without them, their disagreement is unknown.")
    lacking = np.flatnonzero(several & ~(deviations >= 0))
    if len(lacking):
        raise ValueError(
            f"deviations must be at least 0 for songs with several raters, but that of song {lacking[0]} is "
            f"{deviations[lacking[0]]}."
        )
    variances = np.where(several, deviations, 0) ** 2
    within = np.average(variances, weights=n_raters - 1)
    return within, np.where(several, variances, within) / n_raters


def _reliability(means, deviations, n_raters):
    _, errors = error_variances(deviations, n_raters)
    if len(means) < 2:
        raise ValueError("At least two songs are needed, got 1.")
    if np.ptp(means) == 0:
        return np.nan
    return max(0.0, 1 - errors.mean() / means.var(ddof=1))
