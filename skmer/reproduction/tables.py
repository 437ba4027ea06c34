"""Tables 2 and 3 and the ablations, on any collection."""

from pathlib import Path

import numpy as np

from skmer.datasets import COLLECTIONS
from skmer.model_selection import DUMMY, Protocol, best_on_test_folds, chosen_inside_folds, run_experiment
from skmer.reproduction.overwrite import check_overwrite, songs_digest
from skmer.reproduction.systems import THETAS, build_systems, row_names

__all__ = ["run_table"]

TABLES = ("table2", "table3", "ablations")
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
    replaces=None,
    store=None,
    n_jobs=None,
    verbose=0,
):
    """Run Table 2 or 3 of the paper, or the ablations, on a collection.

    Parameters
    ----------
    table : {"table2", "table3", "ablations"}
        Comparison of durations, of systems, or of choices that the paper does not compare.
    dataset : str
        Name of a collection, such as "pmemo"; see ``skmer reproduce table3 --help``.
    settings : Settings
        Settings that the systems share.
    data_home : str or Path, default=None
        Folder of the collection.
    tasks : list of str, default=None
        Tasks of the collection; by default all, for Table 2 valence and arousal where the collection has them.
    systems : list of str, default=None
        Beginnings of the names of the systems to run; "all" runs all. By default all, for Table 3 the
        paper's own, log-mel statistics with an SVM, and a deep embedding where the settings have one.
    folds_kind : str, default=None
        ``folds`` of the `skmer.model_selection.Protocol`; by default the collection's.
    n_splits : int, default=10
        Number of folds.
    threshold : {"median", "midpoint"} or float, default=None
        How ratings become classes; by default the collection's.
    folds : list of int, default=None
        Numbers of the folds to run; by default all.
    seeds : sequence of int, default=(0,)
        Seeds of the networks.
    durations : sequence of float, default=(1, 2, 3, 4, 5)
        Durations of Table 2, in seconds.
    inner_splits : int, default=None
        For Table 2, also choose the duration by this many folds inside the training songs.
    replaces : str or Path, default=None
        JSON file that the table is to be written to. If it holds a table with other settings or songs, or with rows
        that are not in the new one, an error is raised before any work.
    store : str or Path, default=None
        Folder in which finished folds are kept. A run that is started again does not repeat them.
    n_jobs : int, default=None
        Number of processes.
    verbose : int, default=0
        1 shows progress.

    Returns
    -------
    dict
        The table, as JSON can hold it: ``table``, ``dataset``, ``title``, ``unit``, ``n_songs``, ``songs`` (a
        digest), ``group``, ``n_groups``, ``settings``, ``date`` and, under ``experiments``, each task's
        `skmer.model_selection.Experiment` as a dict.

    Raises
    ------
    FileNotFoundError, ValueError
        If the data cannot be loaded, a parameter is invalid, all songs are of one class, or `replaces` must not be
        replaced.

    See Also
    --------
    table_markdown : Formats it.

    Examples
    --------
    >>> from skmer.reproduction import Settings, run_table
    >>> settings = Settings(backbone="small", memory="cache")
    >>> run_table("table3", "emopia", settings, store="folds")  # doctest: +SKIP
    """
    if table not in TABLES:
        raise ValueError(f"table must be one of {list(TABLES)}, got {table!r}.")
    collection = COLLECTIONS[dataset]
    run = build_systems(table, settings, systems, durations)
    work, planned = {}, {}
    for task in _check_tasks(collection, tasks, table):
        songs = collection.load(data_home, task, threshold)
        protocol = Protocol(folds_kind or collection.folds, n_splits, songs.get("threshold"))
        _check_classes(protocol, songs, task)
        work[task] = songs, protocol
        names = _names(table, run, inner_splits)
        rows = [{"name": name, "seed": seed} for name in names for seed in seeds]
        planned[task] = {"protocol": protocol.to_dict(), "rows": rows}
    found = {
        "table": table,
        "dataset": dataset,
        "title": collection.title,
        "unit": collection.unit,
        "n_songs": len(songs.data),
        "songs": songs_digest(songs.data),
        "group": collection.group,
        "n_groups": len(np.unique(songs.groups)),
        "settings": settings.to_dict(),
    }
    if replaces is not None:
        check_overwrite(replaces, {**found, "experiments": planned})
    experiments = {}
    for task, (songs, protocol) in work.items():
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
        if table == "table2" and len(run) > 1:
            experiment.rows += _choices(experiment, list(run), inner_splits)
        names = _names(table, run, inner_splits)
        experiment.rows = [row for row in experiment.rows if row["name"] in names]
        experiments[task] = experiment.to_dict()
    return {**found, "date": experiment.date, "experiments": experiments}


def _check_tasks(collection, tasks, table):
    """Return the tasks of a table in their order; by default all, for Table 2 the paper's halves."""
    if tasks is not None:
        if not tasks or not set(tasks) <= set(collection.tasks):
            raise ValueError(f"{collection.title} has the tasks {', '.join(collection.tasks)}; got {tasks}.")
        return list(tasks)
    halves = [task for task in collection.tasks if task in ("valence", "arousal")]
    return halves if table == "table2" and halves else list(collection.tasks)


def _check_classes(protocol, songs, task):
    labels, _ = protocol.labels(songs.target, np.arange(len(songs.data)))
    if len(np.unique(labels)) < 2:
        at = "" if protocol.threshold is None else f" at the threshold {protocol.threshold}"
        raise ValueError(f"All {len(labels)} songs are {str(labels[0])!r} in {task}{at}: there is only one class.")


def _names(table, systems, inner_splits):
    """Return the names of a table's rows; other values of theta are only shown among the ablations."""
    names = [DUMMY, *row_names(systems)]
    if table == "table2" and len(systems) > 1:
        names += [BEST, CHOSEN] if inner_splits else [BEST]
    thetas = tuple(f", {theta}" for theta in THETAS)
    return [name for name in names if table == "ablations" or not name.endswith(thetas)]


def _choices(experiment, names, inner_splits):
    """Return the rows of the best duration on the test folds and, with inner folds, of nested cross-validation."""
    best = best_on_test_folds(experiment, names)
    rows = [
        {**row, "name": BEST, "choice": best} for row in experiment.rows if row["name"] == best and row["inner"] is None
    ]
    return rows + (chosen_inside_folds(experiment, names, label=CHOSEN) if inner_splits else [])
