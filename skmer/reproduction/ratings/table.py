"""The table of systems that predict ratings, on a collection."""

from datetime import UTC, datetime
from numbers import Integral

import numpy as np

from skmer.model_selection._fits import versions
from skmer.reproduction.checks import check_n_splits, check_seeds, chosen_folds
from skmer.reproduction.overwrite import check_overwrite, songs_digest
from skmer.reproduction.ratings.fits import run_systems
from skmer.reproduction.ratings.scores import (
    attainable,
    attainable_over_time,
    curve_scores,
    curves_of_rows,
    over_time_rows,
    song_scores,
    truth_over_time,
)
from skmer.reproduction.ratings.songs import folds_of, load_rated
from skmer.reproduction.ratings.systems import NETWORKS, RatingSettings, chosen_systems

__all__ = ["run_ratings"]


def run_ratings(
    dataset,
    settings=None,
    *,
    data_home=None,
    systems=None,
    over_time=False,
    smoothing=1,
    folds_kind=None,
    n_splits=5,
    folds=None,
    seeds=(0,),
    replaces=None,
    store=None,
    n_jobs=None,
    verbose=0,
):
    """Compare systems that predict the valence and the arousal of songs, and those over time.

    Parameters
    ----------
    dataset : {"pmemo", "deam", "eim", "vgmidi"}
        A collection with ratings.
    settings : RatingSettings, default=None
        Settings that the systems share; by default those of `RatingSettings`.
    data_home : str or Path, default=None
        Folder of the collection.
    systems : list of str, default=None
        Beginnings of the names of the rows to run, such as "network"; by default all. The dummy is always among them.
    over_time : bool, default=False
        Whether a network is also trained on the ratings over time, and the networks are also tested on these.
    smoothing : int, default=1
        With `over_time`, add rows of curves that are averaged over so many segments, an odd number.
    folds_kind : str, default=None
        "grouped", where the songs of an artist (of VGMIDI: of a series of games) are in one fold; "random"; or the name
        of a published split, such as "mediaeval2013" of EiM. By default "grouped", and "random" for DEAM, which names
        no artists.
    n_splits : int, default=5
        Number of folds. R² of a fold with few songs varies much.
    folds : list of int, default=None
        Numbers of the folds to run; by default all.
    seeds : sequence of int, default=(0,)
        Seeds of the networks.
    replaces : str or Path, default=None
        JSON file that the table is to be written to; see `run_table`.
    store : str or Path, default=None
        Folder in which finished fits are kept. A run that is started again does not repeat them.
    n_jobs : int, default=None
        Number of processes.
    verbose : int, default=0
        1 shows progress.

    Returns
    -------
    dict
        The table, as JSON can hold it: ``table``, ``dataset``, ``title``, ``unit``, ``n_songs``, ``songs`` (a digest),
        ``group``, ``n_groups``, ``settings``, ``protocol``, ``scale``, ``rows`` (one for each system, fold and seed),
        ``pooled`` (scores over the test songs of all folds, one for each system and seed), ``attainable``,
        ``over_time`` (the same for ratings over time, or None), ``notes``, ``versions`` and ``date``.
        `table_markdown` formats it.

    Raises
    ------
    FileNotFoundError, ValueError
        If the data cannot be loaded, the collection has no ratings (over time), a parameter or setting is invalid, or
        `replaces` must not be replaced. Everything is checked before any song is decoded.
    AudioError
        If a song cannot be read.

    Warns
    -----
    UserWarning
        With `over_time`, if segments of songs have no ratings.

    See Also
    --------
    skmer.SSSLRegressor : The networks.
    skmer.metrics.attainable_scores : The scores that the raters' disagreement allows.

    Notes
    -----
    The dummy and support vector regression are fitted once, whatever the seeds: their ``seed`` is None. A song has the
    mean rating of its segments. Where ratings over time have another scale than those of songs, predictions are
    converted linearly from one to the other.

    Examples
    --------
    >>> from skmer.reproduction import RatingSettings, run_ratings
    >>> run_ratings("vgmidi", RatingSettings.for_backbone("mlp"), over_time=True)  # doctest: +SKIP
    """
    settings = RatingSettings() if settings is None else settings
    smoothing = _check_smoothing(smoothing, over_time)
    names = chosen_systems(systems, over_time)
    settings.check(names)
    seeds, n_splits = check_seeds(seeds), check_n_splits(n_splits)
    songs = load_rated(dataset, data_home, over_time)
    parts, kind, text = folds_of(songs, folds_kind, n_splits)
    chosen = chosen_folds(folds, len(parts))
    table = {
        "table": "ratings",
        "dataset": dataset,
        "title": songs.title,
        "unit": songs.unit,
        "n_songs": len(songs.paths),
        "songs": songs_digest(songs.paths),
        "group": songs.group,
        "n_groups": len(np.unique(songs.groups)),
        "settings": settings.to_dict(),
        "protocol": {
            "folds_kind": kind,
            "description": text,
            "n_folds": len(parts),
            "folds": chosen,
            "seeds": seeds,
        },
        "scale": list(songs.scales[0]),
        "attainable": attainable(songs),
        "notes": list(songs.notes),
        "versions": versions(),
    }
    if replaces is not None:
        check_overwrite(replaces, {**table, **_planned(names, chosen, seeds, smoothing if over_time else None)})
    results = run_systems(songs, settings, names, {fold: parts[fold] for fold in chosen}, seeds, store, n_jobs, verbose)
    rows = [
        {**_place(result, parts), "scores": song_scores(songs.ratings[parts[result["fold"]][1]], result["songs"]),
         "seconds": result["seconds"], **({"versions": result["versions"]} if "versions" in result else {})}
        for result in results
    ]  # fmt: skip
    tests = [parts[fold][1] for fold in chosen]
    pooled = [
        {"name": name, "seed": seed,
         "scores": song_scores(songs.ratings[np.concatenate(tests)], np.concatenate([one["songs"] for one in own]))}
        for (name, seed), own in _by_system(results).items()
    ]  # fmt: skip
    found = {**table, "rows": rows, "pooled": pooled, "over_time": None}
    if over_time:
        found["over_time"] = _score_over_time(songs, settings, results, parts, smoothing)
    return {**found, "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M")}


def _score_over_time(songs, settings, results, parts, smoothing):
    """Return the scores of the networks, and of what is constant in each song, on the ratings of segments."""
    n_segments = {
        int(position): len(curve)
        for result in results
        if result["name"] in NETWORKS
        for position, curve in zip(parts[result["fold"]][1], result["curves"], strict=True)
    }
    truth = truth_over_time(songs, n_segments, settings)
    rows: list = []
    curves: dict = {}
    for result in results:
        fold = parts[result["fold"]]
        counts = [n_segments[int(i)] for i in fold[1]]
        made = curves_of_rows(songs, result["name"], fold, result, counts, smoothing)
        for name, predicted in made.items():
            y = [truth[int(i)] for i in fold[1]]
            rows.append({**_place(result, parts), "name": name, "scores": curve_scores(y, predicted)})
            curves.setdefault((name, result["seed"]), []).append((y, predicted))
    pooled = []
    for (name, seed), own in curves.items():
        y, predicted = ([curve for part in side for curve in part] for side in zip(*own, strict=True))
        pooled.append({"name": name, "seed": seed, "scores": curve_scores(y, predicted)})
    rated = [~np.isnan(own).any(axis=1) for own in truth.values()]
    return {
        "rows": rows,
        "pooled": pooled,
        "scale": list(songs.scales[1]),
        "n_segments": sum(map(len, rated)),
        "n_rated": int(sum(own.sum() for own in rated)),
        "n_rated_songs": int(sum(own.any() for own in rated)),
        "attainable": attainable_over_time(songs, truth, settings),
    }


def _place(result, parts):
    train, test = parts[result["fold"]]
    return {
        "name": result["name"], "fold": result["fold"], "seed": result["seed"],
        "n_train": len(train), "n_test": len(test),
    }  # fmt: skip


def _by_system(results):
    """Return the results of each system and seed, fold by fold."""
    found: dict = {}
    for result in results:
        found.setdefault((result["name"], result["seed"]), []).append(result)
    return found


def _planned(names, folds, seeds, smoothing):
    """Return the rows that the table will have, without their scores."""

    def rows(of):
        return [
            {"name": name, "fold": fold, "seed": seed}
            for fold in folds
            for name in of
            for seed in (seeds if name.startswith(tuple(NETWORKS)) else [None])
        ]

    return {
        "rows": rows(names),
        "over_time": None if smoothing is None else {"rows": rows(over_time_rows(names, smoothing))},
    }


def _check_smoothing(smoothing, over_time):
    number = int(smoothing) if isinstance(smoothing, Integral) and not isinstance(smoothing, bool) else 0
    if number < 1 or number % 2 == 0:
        raise ValueError(f"smoothing must be an odd number of segments, at least 1, got {smoothing!r}.")
    if number > 1 and not over_time:
        raise ValueError("smoothing is of curves, which there are with over_time (--over-time) only.")
    return number
