"""run_table: Tables 2 and 3 and the ablations, on any collection."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from skmer.datasets import COLLECTIONS
from skmer.model_selection import Protocol, best_on_test_folds, chosen_inside_folds, run_experiment
from skmer.model_selection.fold_store import song_names
from skmer.reproduction.comparisons import EMBEDDING, comparison_builders
from skmer.reproduction.systems import SSSL, THETAS, ablation_systems, table_3_systems, theta_name

__all__ = ["TABLES", "run_table"]

TABLES = ("table2", "table3", "ablations")
_ONLY_ABLATIONS = tuple(f", {theta_name(theta)}" for theta in THETAS)
BEST = "best duration, read off the test folds (the paper's protocol)"
CHOSEN = "duration chosen inside the folds"


def run_table(
    table,
    dataset,
    settings,
    *,
    data_home=None,
    tasks=None,
    systems=None,
    folds_kind=None,
    n_splits=10,
    threshold=None,
    folds=None,
    seeds=(0,),
    durations=(1, 2, 3, 4, 5),
    inner_splits=None,
    store=None,
    n_jobs=None,
    verbose=0,
):
    """Run a table of the paper on a collection.

    Parameters
    ----------
    table : {"table2", "table3", "ablations"}
        Durations; systems; or systems with what the paper decides without showing it.
    dataset : str
        A name in `skmer.datasets.COLLECTIONS`.
    settings : Settings
        What the systems have in common.
    data_home : str or Path, default=None
        Folder of the collection.
    tasks : list of str, default=None
        Which of the collection's tasks; by default all (Table 2: without the quadrants, as
        in the paper, where there are halves).
    systems : list of str, default=None
        Only the systems whose names begin so; by default all, but of Table 3 those of
        `table_3_systems` and a deep embedding where the settings have one. ``["all"]`` is
        all of `comparison_systems`.
    folds_kind : str, default=None
        ``folds`` of the `Protocol`; by default the collection's.
    n_splits : int, default=10
        Number of folds.
    threshold : {"median", "midpoint"} or float, default=None
        How ratings become classes; by default the collection's.
    folds : list of int, default=None
        Only these folds.
    seeds : sequence of int, default=(0,)
        Of the networks.
    durations : sequence of float, default=(1, 2, 3, 4, 5)
        Of Table 2, in seconds.
    inner_splits : int, default=None
        Table 2 also chooses the duration by this many folds inside the training songs.
    store : str or Path, default=None
        Folder of finished folds.
    n_jobs : int, default=None
        Processes.
    verbose : int, default=0
        1 shows progress.

    Returns
    -------
    dict
        As JSON can hold it: ``table``, ``dataset``, ``title``, ``unit``, ``n_songs``, ``songs`` (a digest),
        ``group``, ``n_groups``, ``settings``, ``date`` and, under ``experiments``, each task's experiment as a dict.

    Raises
    ------
    FileNotFoundError, ValueError
        From the loader and the protocol; or if all songs are of one class.

    See Also
    --------
    table_markdown : Writes it for people.

    Examples
    --------
    >>> from skmer.reproduction import Settings, run_table
    >>> settings = Settings(backbone="small", memory="cache")
    >>> run_table("table3", "emopia", settings, store="folds")  # doctest: +SKIP
    """
    if table not in TABLES:
        raise ValueError(f"table must be one of {list(TABLES)}, got {table!r}.")
    collection = COLLECTIONS[dataset]
    experiments = {}
    for task in check_tasks(collection, tasks, table):
        songs = collection.load(data_home, task, threshold)
        protocol = Protocol(folds_kind or collection.folds, n_splits, songs_threshold(songs))
        _check_classes(protocol, songs, task)
        run = _systems(table, settings, durations, systems)
        experiment = run_experiment(
            run,
            songs.data,
            songs.target,
            protocol=protocol,
            groups=songs.groups,
            splits=songs.get("splits"),
            folds=folds,
            inner_splits=inner_splits if table == "table2" else None,
            seeds=seeds,
            store=None if store is None else Path(store) / dataset / task,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        if table != "ablations":
            experiment.rows = [row for row in experiment.rows if not row["name"].endswith(_ONLY_ABLATIONS)]
        if table == "table2" and len(run) > 1:
            experiment.rows += _choices(experiment, list(run), inner_splits)
        experiments[task] = experiment.to_dict()
    return {
        "table": table,
        "dataset": dataset,
        "title": collection.title,
        "unit": collection.unit,
        "n_songs": len(songs.data),
        "songs": songs_digest(songs.data),
        "group": collection.group,
        "n_groups": len(np.unique(songs.groups)),
        "settings": settings.to_dict(),
        "date": experiment.date,
        "experiments": experiments,
    }


def check_tasks(collection, tasks, table):
    """Give the tasks of a table in their order.

    Parameters
    ----------
    collection : Collection
        Which has them.
    tasks : list of str or None
        What was asked for.
    table : str
        Table 2 of the paper is on halves alone.

    Returns
    -------
    list of str
        At least one.

    Raises
    ------
    ValueError
        If the collection lacks one.
    """
    if tasks is not None:
        unknown = [task for task in tasks if task not in collection.tasks]
        if unknown or not tasks:
            raise ValueError(f"{collection.title} has the tasks {', '.join(collection.tasks)}; got {tasks}.")
        return list(tasks)
    halves = [task for task in collection.tasks if task in ("valence", "arousal")]
    return halves if table == "table2" and halves else list(collection.tasks)


def songs_threshold(songs):
    """Tell the protocol's threshold: None where the collection has classes.

    Parameters
    ----------
    songs : Bunch
        From a loader.

    Returns
    -------
    str, float or None
        How ratings become classes; a number has made classes of them already, and is told for the record.
    """
    return songs.get("threshold")


def _check_classes(protocol, songs, task):
    labels, _ = protocol.labels(songs.target, np.arange(len(songs.data)))
    if len(np.unique(labels)) < 2:
        at = "" if protocol.threshold is None else f" at the threshold {protocol.threshold}"
        raise ValueError(
            f"All {len(labels)} songs are {str(labels[0])!r} in {task}{at}: there is nothing to tell apart."
        )


def _systems(table, settings, durations, chosen):
    if table == "table3":
        builders = comparison_builders(settings)
        if not chosen:
            by_default = (*table_3_systems(settings), EMBEDDING)
            builders = {name: builders[name] for name in builders if name in by_default}
        # only those asked for: the others may not suit the settings
        return {name: build() for name, build in _chosen(builders, chosen).items()}
    if table == "ablations":
        return _chosen(ablation_systems(settings), chosen)
    return _chosen({f"{d:g} s": table_3_systems(replace(settings, duration=float(d)))[SSSL] for d in durations}, chosen)


def _chosen(systems, beginnings):
    if beginnings is None or "all" in beginnings:
        return systems
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in systems):
            raise ValueError(f"No system's name begins with {beginning!r}; there are: {'; '.join(systems)}.")
    return {name: system for name, system in systems.items() if name.startswith(tuple(beginnings))}


def _choices(experiment, names, inner_splits):
    """Give the rows of the best duration by the paper's protocol and, where it was run, by the honest one."""
    best = best_on_test_folds(experiment, names)
    rows = [{**row, "name": BEST, "choice": best} for row in experiment.rows
            if row["name"] == best and row["inner"] is None]  # fmt: skip
    return rows + (chosen_inside_folds(experiment, names, label=CHOSEN) if inner_splits else [])


def songs_digest(paths):
    """Return a digest of the names of songs and of their files, the same in whatever folder the collection lies."""
    return hashlib.sha256("\n".join(sorted(song_names(paths))).encode()).hexdigest()[:16]
