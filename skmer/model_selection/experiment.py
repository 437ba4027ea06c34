"""run_experiment: several systems on the same folds, each finished fold kept, so that a killed run goes on."""

import operator
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_consistent_length
from tqdm.auto import tqdm

from skmer.model_selection._fold_jobs import DUMMY, Job, dummy_rows, parts_of_fold, row_name, versions
from skmer.model_selection.fold_store import FoldStore, describe, song_names
from skmer.model_selection.protocols import Protocol, check_labels

__all__ = ["DUMMY", "Experiment", "run_experiment"]


@dataclass
class Experiment:
    """What systems did on the folds of a protocol, with all that is needed to judge it.

    Parameters
    ----------
    protocol : dict
        Settings of the `Protocol`, with the ``"description"``.
    rows : list of dict
        One for each system, readout, fold and seed: ``name``, ``fold``, ``inner`` (fold
        within the training songs, or None), ``seed``, ``n_train``, ``n_test``,
        ``threshold``, ``scores``, ``seconds`` and, but for the dummy, ``versions`` and
        ``history``.
    folds : list of int
        The folds that were run, of ``n_folds``.
    n_folds : int
        Folds of the protocol.
    versions : dict
        Of Python and the packages, and the digest of the code.
    date : str
        When it ended, UTC.
    systems : dict
        The systems' parameters by name.
    n_found : int
        Fits that an earlier run had finished, of all systems and seeds. It does not part equal experiments.

    See Also
    --------
    run_experiment : Makes it.

    Examples
    --------
    >>> from skmer.model_selection import Experiment
    >>> row = {"name": "SVM", "fold": 0, "inner": None, "scores": {"accuracy": 0.5}}
    >>> Experiment({}, [row], [0], 1).scores("SVM")
    {'accuracy': array([0.5])}
    """

    protocol: dict
    rows: list
    folds: list
    n_folds: int
    versions: dict = field(default_factory=dict)
    date: str = ""
    systems: dict = field(default_factory=dict)
    n_found: int = field(default=0, compare=False)

    @property
    def names(self):
        """The systems and their readouts, in the order in which they were given."""
        return list(dict.fromkeys(row["name"] for row in self.rows))

    def scores(self, name):
        """Give the figures of a system on the test folds.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        dict of str to ndarray
            Each figure's values over folds and seeds, in the form that `summary_table` takes;
            empty for a name that is not there.
        """
        rows = [row["scores"] for row in self.rows if row["name"] == name and row["inner"] is None]
        return {score: np.array([row[score] for row in rows]) for score in rows[0]} if rows else {}

    def to_dict(self):
        """Give everything as plain values.

        Returns
        -------
        dict
            As JSON can hold it; ``Experiment(**that)`` gives the experiment back. `n_found`, which
            is this run's alone, is left out.
        """
        return {name: value for name, value in self.__dict__.items() if name != "n_found"}


def run_experiment(
    systems,
    X,
    y,
    *,
    protocol=None,
    groups=None,
    splits=None,
    folds=None,
    inner_splits=None,
    seeds=(0,),
    store=None,
    n_jobs=None,
    verbose=0,
):
    """Run systems on the folds of a protocol.

    Parameters
    ----------
    systems : dict of str to EstimatorSystem or NetworkSystem
        The systems, by name. A dummy that gives the commonest training class is added.
    X : sequence of n_songs paths or arrays
        Songs, as the systems take them.
    y : array-like of shape (n_songs,) or (n_songs, 2)
        Labels, or ratings that the protocol's threshold turns into classes inside each fold.
    protocol : Protocol, default=None
        How songs are divided; by default the paper's ten stratified folds.
    groups : array-like of shape (n_songs,), default=None
        Such as the artist of each song.
    splits : dict, default=None
        Published splits, as loaders give them.
    folds : list of int, default=None
        Only these folds are run, so that machines can share the work; by default all.
    inner_splits : int, default=None
        Also run this many folds within the training songs of each fold, for
        `chosen_inside_folds`.
    seeds : sequence of int, default=(0,)
        Each fold is run with each of them.
    store : str or Path, default=None
        Folder in which each finished fold is kept; a run that is started again takes up
        what it finds there. None keeps nothing.
    n_jobs : int, default=None
        Processes over systems and folds.
    verbose : int, default=0
        1 shows progress with the time left.

    Returns
    -------
    Experiment
        Scores of every system, readout, fold and seed.

    Raises
    ------
    ValueError
        If the folds, seeds, groups, splits, labels, systems or the store do not fit.
    RuntimeError
        If skmer's code was changed on disk before a worker process read it.

    See Also
    --------
    compare_systems : For estimators in memory, without a store.

    Notes
    -----
    A kept fold is taken up when all that decides it is the same: the songs (folder, name and
    size, or digest), the training songs' labels and groups, which songs train and test, the
    number of the fold, the system's name and parameters, the seed and skmer's code between
    songs and labels (comments and docstrings aside, as this version of Python parses it).
    Number of processes, device and the versions of other packages are written down, but do not
    part folds: machines that share a table should have the same. User warnings of systems are
    not shown.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skmer.model_selection import EstimatorSystem, Protocol, run_experiment, summary_table
    >>> X, y = load_iris(return_X_y=True)
    >>> found = run_experiment({"SVM": EstimatorSystem(SVC())}, X, y.astype(str), protocol=Protocol(n_splits=5))
    >>> print(summary_table({name: found.scores(name) for name in found.names}, ["accuracy", "macro-F1"]))
    | system                  |    accuracy |    macro-F1 |
    |-------------------------|------------:|------------:|
    | dummy (commonest class) | .333 ± .000 | .167 ± .000 |
    | SVM                     | .953 ± .034 | .953 ± .034 |
    """
    check_consistent_length(X, y, groups)
    y = check_labels(y)
    # an array, because a pandas Series is asked for its index and not for positions
    groups = None if groups is None else check_labels(groups, "groups")
    seeds = _integers(seeds, "seeds")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different whole numbers, at least one, got {seeds}.")
    protocol = Protocol() if protocol is None else protocol
    all_folds = protocol.split(y, groups, splits)
    chosen = list(range(len(all_folds))) if folds is None else sorted(set(_integers(folds, "folds")))
    if not chosen or chosen[0] < 0 or chosen[-1] >= len(all_folds):
        raise ValueError(f"folds must be some of 0 to {len(all_folds) - 1}, got {folds}.")
    if DUMMY in systems or not systems:
        raise ValueError(f"Name at least one system, and none {DUMMY!r}: that one is added.")
    _check_systems(systems)
    parts = [
        part for fold in chosen for part in parts_of_fold(fold, all_folds[fold], y, groups, protocol, inner_splits)
    ]
    names = song_names(X)
    with tempfile.TemporaryDirectory() if store is None else nullcontext(store) as folder:
        jobs = [
            Job(name, systems[name], part, seed, FoldStore(folder), names, groups)
            for part in parts
            for seed in seeds
            for name in systems
        ]
        missing = [job for job in jobs if job.load() is None]
        for name in dict.fromkeys(job.name for job in missing):
            systems[name].prepare(X, n_jobs, verbose)
        _run(missing, jobs, X, groups, n_jobs, verbose)
        rows = [row for part in parts for seed in seeds for row in dummy_rows(part, seed)]
        rows += [row for job in jobs for row in job.rows()]
    return Experiment(
        protocol={**protocol.to_dict(), "description": protocol.describe(), "seeds": list(seeds)},
        rows=rows,
        folds=chosen,
        n_folds=len(all_folds),
        versions=versions(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        systems={name: describe(system.parts) for name, system in systems.items()},
        n_found=len(jobs) - len(missing),
    )


def _integers(values, name):
    try:
        # plain ones, because JSON has no others
        return [operator.index(value) for value in values]
    except TypeError as error:
        raise ValueError(f"{name} must be a list of whole numbers, got {values!r}.") from error


def _check_systems(systems):
    names: list = []
    for name, system in systems.items():
        if isinstance(system, type) or not hasattr(system, "parts"):
            raise ValueError(f"The system {name!r} must be an EstimatorSystem or NetworkSystem, got {system!r}.")
        names += [row_name(name, readout) for readout in getattr(system, "readouts", {"": None})]
    if len(set(names)) < len(names):
        raise ValueError(f"Two systems or readouts would have the same name: rename one of {names}.")


def _run(missing, jobs, X, groups, n_jobs, verbose):
    """Run the jobs that are not kept yet, with the time left by their cost."""
    alone = n_jobs in (None, 1)
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered", pre_dispatch="n_jobs", max_nbytes="100K")
    done = parallel(delayed(job.run)(X, groups, verbose if alone else 0) for job in missing)
    total, left = sum(job.cost for job in jobs), sum(job.cost for job in missing)
    layout = "{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
    with tqdm(total=total, initial=total - left, desc="Folds", bar_format=layout, disable=not verbose) as bar:
        finished = len(jobs) - len(missing)
        bar.set_postfix_str(f"{finished} of {len(jobs)} fits")
        for job in done:
            finished += 1
            bar.set_postfix_str(f"{finished} of {len(jobs)} fits", refresh=False)
            bar.update(job.cost)
