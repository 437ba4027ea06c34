"""Scores of ratings of songs and of ratings over time, and the scores that the raters' disagreement allows."""

import warnings

import numpy as np
from scipy.ndimage import uniform_filter1d

from skmer.datasets import segment_ratings
from skmer.metrics import attainable_scores, curve_score
from skmer.model_selection.rating_protocol import RATING_SCORES
from skmer.reproduction.ratings.songs import TARGETS
from skmer.reproduction.ratings.systems import DESCRIPTORS, DUMMY, NETWORKS, OVER_TIME, PLAIN

__all__ = [
    "CURVE_SCORES",
    "SONG_SCORES",
    "attainable",
    "attainable_over_time",
    "curve_scores",
    "curves_of_rows",
    "over_time_rows",
    "song_scores",
    "truth_over_time",
]

_CURVES = {
    "R², pooled": ("r2", "pooled"),
    "CCC, pooled": ("ccc", "pooled"),
    "RMSE, pooled": ("rmse", "pooled"),
    "CCC, mean of songs": ("ccc", "songs"),
    "r, mean of songs": ("pearson", "songs"),
    "RMSE, mean of songs": ("rmse", "songs"),
}
SONG_SCORES = tuple(f"{score} {target}" for score in RATING_SCORES for target in TARGETS)
CURVE_SCORES = tuple(f"{score} {target}" for score in _CURVES for target in TARGETS)
_ASSUMED = 10  # listeners over time, where they are not counted


def song_scores(y, predicted):
    """Return R², CCC and RMSE of the ratings of songs, for each target."""
    return _by_target({name: score(y, predicted, multioutput="raw_values") for name, score in RATING_SCORES.items()})


def curve_scores(y, predicted):
    """Return scores of ratings over time, pooled over segments and as the mean of songs, for each target."""
    with warnings.catch_warnings():
        # songs with constant ratings have no correlation, and are left out
        warnings.simplefilter("ignore", UserWarning)
        return _by_target(
            {
                name: curve_score(y, predicted, score, average=average, multioutput="raw_values")
                for name, (score, average) in _CURVES.items()
            }
        )


def _by_target(scores):
    """Return a number for each score and target, None where it is undefined."""
    return {
        f"{name} {target}": float(value) if np.isfinite(value) else None
        for name, values in scores.items()
        for target, value in zip(TARGETS, values, strict=True)
    }


# ---- over time -------------------------------------------------------------------------------------


def over_time_rows(names, smoothing=1):
    """Return the names of the rows over time of systems: curves, constants and smoothed curves."""
    rows = []
    for name in names:
        if name in NETWORKS:
            rows.append(name)
            rows += [_smoothed(name, smoothing)] * (smoothing > 1)
        rows += [_constant(name)] * (name in (DESCRIPTORS, PLAIN, OVER_TIME))
        rows += [name] * (name == DUMMY)
    return rows


def _smoothed(name, smoothing):
    return f"{name}, smoothed over {smoothing} segments"


def _constant(name):
    return f"{name}, constant in each song"


def curves_of_rows(songs, name, fold, result, n_segments, smoothing=1):
    """Return the curves of the rows of a system by name, for the test songs of a fold."""
    curves = {}
    if name in NETWORKS:
        curves[name] = result["curves"]
        if smoothing > 1:
            # as SSSLRegressor(smoothing=...) returns them
            curves[_smoothed(name, smoothing)] = [
                uniform_filter1d(curve, smoothing, axis=0, mode="nearest") for curve in result["curves"]
            ]
    if name in (PLAIN, OVER_TIME):
        curves[_constant(name)] = [np.repeat(c.mean(axis=0)[None], len(c), axis=0) for c in result["curves"]]
    if name == DESCRIPTORS:
        means = songs.to_over_time(result["songs"])
        curves[_constant(name)] = [np.repeat(m[None], n, axis=0) for m, n in zip(means, n_segments, strict=True)]
    if name == DUMMY:
        # of the ratings over time, since these may differ from the others in mean
        mean = np.nanmean(np.concatenate([songs.dynamic[i].mean for i in fold[0]]), axis=0)
        curves[name] = [np.repeat(mean[None], n, axis=0) for n in n_segments]
    return curves


def truth_over_time(songs, n_segments, settings):
    """Return the ratings of the segments of songs, by their numbers of segments by position."""
    numbers = list(n_segments)
    own = [songs.dynamic[i] for i in numbers]
    rated = segment_ratings(own, list(n_segments.values()), (settings.duration, 1.0), delay=settings.delay)
    return dict(zip(numbers, rated, strict=True))


# ---- raters ----------------------------------------------------------------------------------------


def attainable(songs):
    """Return the scores of songs that the raters' disagreement allows, and what is assumed; None if it is unknown."""
    if songs.spread is None:
        return None
    known = np.isfinite(songs.spread.deviations).all(axis=1)
    return _attainable(
        songs.ratings[known], songs.spread.deviations[known], songs.spread.n_raters[known], songs.spread.note
    )


def attainable_over_time(songs, truth, settings):
    """Return the same for the segments of songs, pooled."""
    means, deviations, counts, counted = [], [], [], []
    for i, own in truth.items():
        ratings = songs.dynamic[i]
        if ratings.deviation is None:
            continue
        starts = np.arange(len(own), dtype=float)
        spread = ratings.over(starts, starts + settings.duration, settings.delay).deviation
        rated = np.isfinite(own).all(axis=1) & np.isfinite(spread).all(axis=1)
        if not rated.any():
            continue
        counted.append(ratings.n_listeners is not None and ratings.n_listeners > 0)
        means.append(own[rated])
        deviations.append(spread[rated])
        counts.append(np.full(int(rated.sum()), ratings.n_listeners if counted[-1] else _ASSUMED))
    if sum(map(len, means)) < 2:
        return None
    note = "listeners are counted" if all(counted) else f"{_ASSUMED} listeners are assumed"
    note += ", and the deviation of a segment is the mean of those of its parts"
    return _attainable(np.concatenate(means), np.concatenate(deviations), np.concatenate(counts), note)


def _attainable(means, deviations, counts, note):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            found = attainable_scores(means, deviations, counts)
        except ValueError:  # such as one rater for all songs
            return None
    return {"scores": _by_target({"R²": found["R2"], "CCC": found["CCC"]}), "note": note}
