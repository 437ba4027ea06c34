"""The fits of the systems: what each predicts for the test songs of a fold."""

import time
import warnings
from functools import lru_cache, partial

import numpy as np

from skmer.datasets import segment_ratings
from skmer.model_selection import EstimatorSystem
from skmer.model_selection._fits import Fit, fit_key, run_fits, song_keys
from skmer.reproduction.ratings.systems import DESCRIPTORS, DUMMY, NETWORKS, OVER_TIME, PLAIN, RatingSettings

__all__ = ["run_systems"]


def run_systems(songs, settings, names, folds, seeds, store=None, n_jobs=None, verbose=0):
    """Run the systems on folds, a dict of training and test songs by number, and add the dummy.

    Return a list of dicts with ``name``, ``fold``, ``seed`` (None for a system without one), ``songs``, the predicted
    ratings of the test songs, and, for a network, ``curves``, those of their segments; also ``seconds`` and
    ``versions``.
    """
    keys = song_keys(songs.paths)
    places = [
        (fold, seed, name)
        for fold in folds
        for name in names
        for seed in (seeds if name in NETWORKS else [None])
        if name != DUMMY
    ]
    fits = [_make_fit(songs, settings, keys, name, fold, folds[fold], seed) for fold, seed, name in places]
    read = {id(fit): name for fit, (_, _, name) in zip(fits, places, strict=True)}

    def prepare(missing):
        # read all songs once into the cache
        needed = {read[id(fit)] for fit in missing}
        readers = [settings.descriptors()[0]] * (DESCRIPTORS in needed)
        readers += [settings.network(name)[0] for name in list(NETWORKS) if name in needed][:1]
        for reader in readers:
            if reader.memory is not None:
                reader.set_params(n_jobs=n_jobs, verbose=verbose).transform(songs.paths)

    try:
        results, _ = run_fits(fits, store, n_jobs, verbose, "Folds", prepare)
    finally:
        _segments.cache_clear()
    # the dummy is no fit that is worth keeping
    found = [((fold, None, DUMMY), {"seconds": None}) for fold in folds]
    found += zip(places, results, strict=True)
    return [
        {"name": name, "fold": fold, "seed": seed, **_predictions(songs, name, folds[fold], result)}
        for (fold, seed, name), result in found
    ]


def _predictions(songs, name, fold, result):
    """Return a result with arrays on the scale of songs, and of ratings over time for a system that learnt these."""
    train, test = fold
    if name == DUMMY:
        return {**result, "songs": np.repeat(songs.ratings[train].mean(axis=0)[None], len(test), axis=0)}
    if name not in NETWORKS:
        return {**result, "songs": np.array(result["predictions"][""])}
    result = {**result, "seconds": result["seconds_of_fit"]}
    curves = [np.array(curve) for curve in result["curves"]]
    means = np.array([curve.mean(axis=0) for curve in curves])
    if name == OVER_TIME:
        return {**result, "songs": songs.to_songs(means), "curves": curves}
    return {**result, "songs": means, "curves": [songs.to_over_time(curve) for curve in curves]}


def _make_fit(songs, settings, keys, name, fold, parts, seed):
    train, test = parts
    groups = songs.groups if songs.grouped else None
    more: list = [None if groups is None else [str(groups[i]) for i in train]]
    if name == OVER_TIME:
        targets: list = [(r.starts, r.ends, r.mean) for r in (songs.dynamic[i] for i in train)]
        more.append(settings.delay)
    else:
        targets = songs.ratings[train].tolist()
    if name in NETWORKS:
        system: object = settings.network(name, seed)
        run = partial(
            _run_network, settings, name, seed, songs.paths, train, test, groups,
            [songs.dynamic[i] for i in train] if name == OVER_TIME else songs.ratings[train],
        )  # fmt: skip
    else:
        estimator = EstimatorSystem(settings.descriptors())
        system, run = estimator.parts, partial(_run_estimator, estimator, songs.paths, songs.ratings, train, test)
    key = fit_key(
        system, seed, list(zip([keys[i] for i in train], targets, strict=True)), [keys[i] for i in test], more
    )
    cost = settings.epochs if name in NETWORKS else 1.0
    where = f"{name}-fold{fold}" + ("" if seed is None else f"-seed{seed}")
    return Fit(where, key, run, cost * len(train))


def _run_estimator(system, paths, y, train, test):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return system.run(paths, y, train, test)


def _run_network(settings, name, seed, paths, train, test, groups, ratings):
    *_, (_, network) = settings.network(name, seed).steps
    with warnings.catch_warnings():
        # the caller is told once of segments without ratings
        warnings.simplefilter("ignore", UserWarning)
        own = settings.duration, settings.max_duration, settings.memory, settings.backbone == "mlp"
        segments = _segments(tuple(paths), *own)
        if name == OVER_TIME:
            ratings = segment_ratings(ratings, segments[train], (settings.duration, 1.0), delay=settings.delay)
        began = time.monotonic()
        network.fit(segments[train], ratings, groups=None if groups is None else groups[train])
        curves = network.transform(segments[test])
    # the first fit of a process also computes the segments
    return {"curves": [curve.tolist() for curve in curves], "seconds_of_fit": round(time.monotonic() - began, 2)}


@lru_cache(maxsize=1)
def _segments(paths, duration, max_duration, memory, statistics):
    """Return the input of the networks, which the fits of a process share."""
    settings = RatingSettings("mlp" if statistics else "small", 1, 1, duration, max_duration, memory=memory)
    return settings.network(PLAIN)[:-1].fit_transform(list(paths))
