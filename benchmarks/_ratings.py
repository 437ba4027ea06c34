"""Songs with ratings for ratings.py: their features, what systems predict for unseen songs, and scores of songs."""

import time
import warnings
from functools import lru_cache

import numpy as np
from scipy.ndimage import uniform_filter1d
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import GroupKFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from threadpoolctl import threadpool_limits

from skmer import CurveRegressor, DescriptorTransformer, SegmentStatistics, SegmentTransformer, SSSLRegressor
from skmer.datasets import load_emotify, load_vgmidi, segment_ratings
from skmer.metrics import (
    concordance_correlation_coefficient,
    curve_score,
    distribution_cross_entropy,
    pearson_correlation_coefficient,
    total_variation_distance,
)

SEGMENTS = {"duration": 3, "hop": 1}
DELAY = 1.5  # seconds by which listeners react late
N_FOLDS = {"vgmidi": 5, "emotify": 10}
_OVER_TIME = "-over-time"  # ending of the systems that learn ratings over time


@lru_cache(maxsize=1)
def load(collection, memory):
    """Return the songs of a collection, statistics of their segments, and their descriptors, through a cache."""
    songs = load_vgmidi(task="dimensional") if collection == "vgmidi" else load_emotify()
    longest = None if collection == "vgmidi" else 30.0
    spectrograms = SegmentTransformer(harmony=True, max_duration=longest, memory=memory, **SEGMENTS)
    segments = SegmentStatistics().fit_transform(spectrograms.transform(songs.data))
    descriptors = DescriptorTransformer(max_duration=longest, memory=memory).fit_transform(songs.data)
    return songs, segments, descriptors


@lru_cache(maxsize=1)
def ratings_over_time(memory):
    """Return the ratings of the segments of VGMIDI's pieces."""
    songs, segments, _ = load("vgmidi", memory)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of segments without ratings, which are left out
        return segment_ratings(songs.dynamic, segments, tuple(SEGMENTS.values()), delay=DELAY)


def targets_of(collection, memory):
    """Return the ratings of songs, (n_songs, n_targets), their names, and the groups of the songs."""
    songs = load(collection, memory)[0]
    if collection == "vgmidi":
        return songs.target, ["valence", "arousal"], songs.groups
    return songs.ratings / songs.ratings.sum(axis=1, keepdims=True), list(songs.emotion_names), songs.groups


def folds_of(collection, memory, n_folds=None):
    """Return pairs of training and test songs, with the songs of a group in one fold."""
    y, _, groups = targets_of(collection, memory)
    folds = GroupKFold(n_folds or N_FOLDS[collection], shuffle=True, random_state=0)
    return list(folds.split(y, groups=groups))


def descriptor_regressor():
    """Return the baseline: support vector regression of scaled descriptors, one for each scaled target."""
    svm = MultiOutputRegressor(make_pipeline(StandardScaler(), SVR()))
    return TransformedTargetRegressor(svm, transformer=StandardScaler())


def run_job(job):
    """Train one system on one fold, and predict its test songs.

    Parameters
    ----------
    job : dict
        ``collection``, ``system``, ``params`` of `SSSLRegressor`, ``seed``, ``memory``, and the positions ``train`` and
        ``test``.

    Returns
    -------
    dict
        ``songs``, the predicted ratings of the test songs; ``curves``, of their segments, for a network; and
        ``seconds`` of processor time of the fit.
    """
    _, segments, descriptors = load(job["collection"], job["memory"])
    y = targets_of(job["collection"], job["memory"])[0]
    train, test = job["train"], job["test"]
    began = time.process_time()
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", UserWarning)
        if job["system"] in ("mean", "descriptors"):
            model = DummyRegressor() if job["system"] == "mean" else descriptor_regressor()
            predicted = model.fit(descriptors[train], y[train]).predict(descriptors[test])
            return {"songs": predicted.tolist(), "curves": None, "seconds": time.process_time() - began}
        targets = y[train]
        if job["system"].endswith(_OVER_TIME):
            over_time = ratings_over_time(job["memory"])
            targets = [over_time[i] for i in train]
        elif job["system"] == "dominant emotion":
            targets = np.eye(y.shape[1])[targets.argmax(axis=1)]
        model = SSSLRegressor(**job["params"], random_state=job["seed"])
        if job["system"] == "between and within":
            model, over_time = CurveRegressor(), ratings_over_time(job["memory"])
            targets = [over_time[i] for i in train]
        model.fit(segments[train], targets)
        seconds = time.process_time() - began
        curves = [song.tolist() for song in model.transform(segments[test])]
        predicted = model.predict(segments[test])
    return {"songs": predicted.tolist(), "curves": curves, "seconds": seconds}


def smooth(curves, n_segments):
    """Return curves as `SSSLRegressor(smoothing=n_segments)` returns them."""
    return [uniform_filter1d(own, n_segments, axis=0, mode="nearest") for own in curves]


# ---- scores ----------------------------------------------------------------------------------------


def song_scores(y, predicted):
    """Return R², CCC and RMSE of songs, for each target."""
    raw = {"multioutput": "raw_values"}
    return {
        "R²": r2_score(y, predicted, **raw).tolist(),
        "CCC": concordance_correlation_coefficient(y, predicted, **raw).tolist(),
        "RMSE": root_mean_squared_error(y, predicted, **raw).tolist(),
    }


def curve_scores(y, predicted):
    """Return scores of ratings over time, over the segments of all songs and as the mean of songs, for each target."""
    scores = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a constant curve has no correlation
        for name, score, average in (
            ("R², pooled", "r2", "pooled"),
            ("CCC, pooled", "ccc", "pooled"),
            ("RMSE, pooled", "rmse", "pooled"),
            ("CCC, mean of pieces", "ccc", "songs"),
            ("r, mean of pieces", "pearson", "songs"),
        ):
            scores[name] = curve_score(y, predicted, score, average=average, multioutput="raw_values").tolist()
    return scores


def share_scores(y, predicted):
    """Return scores of predicted shares, which are made to sum to one."""
    predicted = np.clip(predicted, 1e-6, None)
    predicted = predicted / predicted.sum(axis=1, keepdims=True)
    each = pearson_correlation_coefficient(y, predicted, multioutput="raw_values")
    return {
        "cross-entropy": distribution_cross_entropy(y, predicted),
        "total variation": total_variation_distance(y, predicted),
        "r, mean of emotions": float(each.mean()),
        "R², mean of emotions": r2_score(y, predicted),
        "right dominant emotion": float((y.argmax(axis=1) == predicted.argmax(axis=1)).mean()),
    }


def skill_of_songs(y, predicted):
    """Return for each song and target 1 - squared error / variance, whose mean over songs is R²."""
    variance = y.var(axis=0)
    return 1 - np.square(y - predicted) / variance


def skill_of_curves(y, predicted):
    """Return for each song and target 1 - mean squared error over its segments / variance over all segments."""
    every = np.concatenate(y)
    variance = np.nanvar(every, axis=0)
    return np.stack([1 - np.nanmean(np.square(a - b), axis=0) / variance for a, b in zip(y, predicted, strict=True)])
