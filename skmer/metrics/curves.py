"""curve_score: scores of ratings over time, pooled over all seconds or averaged over songs."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from skmer.metrics._checks import average_targets
from skmer.metrics.scorers import check_score

__all__ = ["curve_score"]

_RELATIVE = ("ccc", "pearson", "r2")  # to the variation of the truth
_AVERAGES = ("pooled", "songs")


def curve_score(y_true, y_pred, score="ccc", *, average, multioutput="uniform_average"):
    """Compute a score of ratings over time.

    Parameters
    ----------
    y_true : list of array-like of shape (n_segments,) or (n_segments, n_targets)
        True ratings of the segments of each song. Segments that were not rated are NaN, and are left out.
    y_pred : list of array-like of shape (n_segments,) or (n_segments, n_targets)
        Predicted ratings of the same segments.
    score : {"ccc", "pearson", "r2", "rmse", "mae"} or callable, default="ccc"
        The score, or a function of the true and the predicted ratings of one target, two arrays of
        shape (n_rated,).
    average : {"pooled", "songs"}
        With "pooled", the score of the rated segments of all songs together: long songs count more, and differences
        between songs are part of it. With "songs", the mean of the scores of the songs: only the course within each
        song counts.
    multioutput : {"uniform_average", "raw_values"} or array-like of shape (n_targets,), \
            default="uniform_average"
        Whether to return the mean over targets, the value of each target, or a mean with these weights.

    Returns
    -------
    float or ndarray of shape (n_targets,)
        The score.

    Raises
    ------
    ValueError
        If songs or shapes do not match, a prediction of a rated segment is not finite, or a parameter is invalid.

    Warns
    -----
    UndefinedMetricWarning
        With ``average="songs"``, if songs are left out of the mean, see the notes; the warning tells how many. Also
        if no song is left, and the result is NaN.

    See Also
    --------
    skmer.datasets.DynamicRatings.over : Ratings of segments.

    Notes
    -----
    Papers report both averages, and they are far apart: a model that predicts the mean of each song exactly and none of
    its changes has a high pooled score, and 0 as the mean of the songs. State which one it is.

    In the mean of the songs, a song whose truth is constant, or that has fewer than two rated segments, is left out for
    "ccc", "pearson" and "r2": no prediction could have a score above 0 there but an exact one. Errors such as
    "rmse" are defined for it, and it counts. Songs for which a callable returns NaN are left out, too. A song
    can be left out for one target and count for another.

    Examples
    --------
    Two songs, with the right means and the wrong course:

    >>> from skmer.metrics import curve_score
    >>> y_true = [[0.1, 0.2, 0.3], [0.7, 0.8, float("nan"), 0.9]]
    >>> y_pred = [[0.3, 0.2, 0.1], [0.9, 0.8, 0.8, 0.7]]
    >>> round(curve_score(y_true, y_pred, average="pooled"), 3), round(curve_score(y_true, y_pred, average="songs"), 3)
    (0.862, -1.0)
    """
    if average not in _AVERAGES:
        raise ValueError(f"average must be 'pooled' or 'songs', got {average!r}.")
    function = score if callable(score) else check_score(score)[0]
    targets = list(zip(*(_check_song(*song) for song in _pairs(y_true, y_pred)), strict=True))
    if average == "pooled":
        values = [_pooled(songs, function) for songs in targets]
    else:
        least = 2 if score in _RELATIVE else 1
        means, left_out = zip(*(_mean_of_songs(songs, function, least) for songs in targets), strict=True)
        values = list(means)
        if any(left_out):
            which = " and ".join(f"{out} of {len(y_true)}" for out in left_out)
            warnings.warn(
                f"Songs whose score is undefined, such as those with constant ratings, are left out of the mean: "
                f"{which}{' (by target)' if len(left_out) > 1 else ''}.",
                UndefinedMetricWarning,
                stacklevel=2,
            )
    return average_targets(values, multioutput)


def _pairs(y_true, y_pred):
    """Yield the number, truth and prediction of each song as arrays."""
    if len(y_true) != len(y_pred) or not len(y_true):
        raise ValueError(
            f"y_true has {len(y_true)} songs and y_pred {len(y_pred)}: both must have the same, at least 1."
        )
    n_targets = None
    for k, pair in enumerate(zip(y_true, y_pred, strict=True)):
        try:
            true, pred = (np.asarray(y, dtype=np.float64) for y in pair)
        except (TypeError, ValueError):
            raise ValueError(f"Song {k}: ratings must be numbers.") from None
        true, pred = (y[:, None] if y.ndim == 1 else y for y in (true, pred))
        if true.ndim != 2 or true.shape != pred.shape:
            raise ValueError(
                f"Song {k}: y_true has shape {np.shape(pair[0])} and y_pred {np.shape(pair[1])}; both must be the same "
                "(n_segments,) or (n_segments, n_targets)."
            )
        if n_targets not in (None, true.shape[1]):
            raise ValueError(f"Song {k} has {true.shape[1]} targets, but those before have {n_targets}.")
        n_targets = true.shape[1]
        yield k, true, pred


def _check_song(number, true, pred):
    """Return the truth and the prediction of the rated segments, for each target."""
    rated = ~np.isnan(true)
    if np.isinf(true).any() or not np.isfinite(pred[rated]).all():
        raise ValueError(
            f"Song {number}: y_true must be finite or NaN, and y_pred finite wherever y_true is not NaN: it is not."
        )
    return [(true[own, j], pred[own, j]) for j, own in enumerate(rated.T)]


def _pooled(songs, function):
    true, pred = (np.concatenate(parts) for parts in zip(*songs, strict=True))
    if not len(true):
        warnings.warn("No segment is rated: the score is undefined.", UndefinedMetricWarning, stacklevel=4)
        return np.nan
    return function(true, pred)


def _mean_of_songs(songs, function, least):
    """Return the mean over songs with at least `least` different ratings, and the number of the others."""
    scores = [function(true, pred) for true, pred in songs if len(np.unique(true)) >= least]
    scores = [score for score in scores if not np.isnan(score)]
    return np.mean(scores) if scores else np.nan, len(songs) - len(scores)
