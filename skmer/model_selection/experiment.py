"""run_experiment: several systems on the same folds, each finished fold kept, so that a killed run goes on."""

import platform
import tempfile
import time
import warnings
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
from joblib import Parallel, delayed
from sklearn.utils import check_consistent_length
from tqdm.auto import tqdm

from skmer._version import __version__
from skmer.model_selection.fold_store import FoldStore, code_digest, describe, song_names
from skmer.model_selection.protocols import Protocol
from skmer.model_selection.scores import emotion_scores

__all__ = ["DUMMY", "Experiment", "run_experiment"]

DUMMY = "dummy (commonest class)"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "librosa")


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
        ``threshold``, ``scores``, ``seconds``, ``versions``.
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
            Each figure's values over folds and seeds, in the form that `summary_table` takes.
        """
        rows = [row["scores"] for row in self.rows if row["name"] == name and row["inner"] is None]
        return {score: np.array([row[score] for row in rows]) for score in rows[0]} if rows else {}

    def to_dict(self):
        """Give everything as plain values.

        Returns
        -------
        dict
            As JSON can hold it; ``Experiment(**that)`` gives the experiment back.
        """
        return dict(self.__dict__)


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
        If the folds, groups, splits or labels do not fit.

    See Also
    --------
    compare_systems : For estimators in memory, without a store.

    Notes
    -----
    A kept fold is taken up when all that decides it is the same: the songs (folder, name and
    size, or digest), their labels, which of them train and test, the system's parameters,
    the seed and skmer's code between songs and labels (comments and docstrings aside). Number of
    processes, device and the versions of other packages are written down, but do not part
    folds: machines that share a table should have the same.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.svm import SVC
    >>> from skmer.model_selection import EstimatorSystem, Protocol, run_experiment, summary_table
    >>> X, y = load_iris(return_X_y=True)
    >>> found = run_experiment({"SVM": EstimatorSystem(SVC())}, X, y.astype(str), protocol=Protocol(n_splits=5))
    >>> print(summary_table({name: found.scores(name) for name in found.names}, ["accuracy", "macro-F1"]))
    | system                  | accuracy    | macro-F1    |
    |-------------------------|-------------|-------------|
    | dummy (commonest class) | .333 ± .000 | .167 ± .000 |
    | SVM                     | .953 ± .034 | .953 ± .034 |
    """
    check_consistent_length(X, y, groups)
    y = np.asarray(y)
    protocol = Protocol() if protocol is None else protocol
    all_folds = protocol.split(y, groups, splits)
    chosen = list(range(len(all_folds))) if folds is None else sorted(set(folds))
    if not chosen or chosen[0] < 0 or chosen[-1] >= len(all_folds):
        raise ValueError(f"folds must be some of 0 to {len(all_folds) - 1}, got {folds}.")
    if DUMMY in systems or not systems:
        raise ValueError(f"Name at least one system, and none {DUMMY!r}: that one is added.")
    parts = [part for fold in chosen for part in _parts(fold, all_folds[fold], y, groups, protocol, inner_splits)]
    names = song_names(X)
    with tempfile.TemporaryDirectory() if store is None else nullcontext(store) as folder:
        jobs = [
            _Job(name, systems[name], part, seed, FoldStore(folder), names, groups)
            for part in parts
            for seed in seeds
            for name in systems
        ]
        missing = [job for job in jobs if job.load() is None]
        for name in dict.fromkeys(job.name for job in missing):
            systems[name].prepare(X, n_jobs, verbose)
        _run(missing, jobs, X, groups, n_jobs, verbose)
        rows = [row for part in parts for seed in seeds for row in _dummy_rows(part, seed)]
        rows += [row for job in jobs for row in job.rows()]
    return Experiment(
        protocol={**protocol.to_dict(), "description": protocol.describe(), "seeds": list(seeds)},
        rows=rows,
        folds=chosen,
        n_folds=len(all_folds),
        versions=_versions(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        systems={name: describe(system.parts) for name, system in systems.items()},
    )


@dataclass
class _Part:
    """Training and test songs of a fold, or of a fold within its training songs, with their classes."""

    fold: int
    inner: int | None
    train: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    threshold: float | list | None


def _parts(fold, songs, y, groups, protocol, inner_splits):
    train, test = songs
    yield _Part(fold, None, train, test, *protocol.labels(y, train))
    if inner_splits is None:
        return
    kind = "stratified" if groups is None or protocol.folds == "stratified" else "grouped"
    inside = Protocol(kind, inner_splits, protocol.threshold, protocol.fold_seed)
    inner_groups = None if groups is None else np.asarray(groups)[train]
    for i, (a, b) in enumerate(inside.split(y[train], inner_groups)):
        yield _Part(fold, i, train[a], train[b], *protocol.labels(y, train[a]))


class _Job:
    """One system on one part with one seed."""

    def __init__(self, name, system, part, seed, store, song_names, groups):
        self.name, self.system, self.part, self.seed, self.store = name, system, part, seed, store
        labels = part.labels.tolist()
        place = {"fold": part.fold, "seed": seed} | ({} if part.inner is None else {"inner": part.inner})
        decisive = {
            "parts": describe(system.parts),
            "seed": seed,
            "code": code_digest(),
            # test labels decide the scores, not the predictions
            "train": [[song_names[i], labels[i]] for i in part.train],
            "test": [song_names[i] for i in part.test],
            "groups": None if groups is None else [str(groups[i]) for i in part.train],
        }
        self.path = store.path_of(name, place, decisive)

    @property
    def cost(self):
        return self.system.cost * len(self.part.train)

    def load(self):
        return self.store.load(self.path)

    def run(self, X, groups, verbose):
        part, began = self.part, time.monotonic()
        with warnings.catch_warnings():
            # an unusable split stands in the history; a fold may lack a class
            warnings.simplefilter("ignore", UserWarning)
            found = self.system.run(X, part.labels, part.train, part.test, groups, self.seed, verbose)
        seconds = round(time.monotonic() - began, 2)
        record = {"system": self.name, "fold": part.fold, "inner": part.inner, "seed": self.seed, "seconds": seconds}
        self.store.save(self.path, {**record, "parts": describe(self.system.parts), "versions": _versions(), **found})
        return self

    def rows(self):
        record = self.load()
        for readout, predicted in record["predictions"].items():
            name = f"{self.name}, {readout}" if readout else self.name
            more = {"seconds": record["seconds"], "versions": record["versions"]}
            yield _row(name, self.part, self.seed, predicted, more | {"history": record.get("history")})


def _row(name, part, seed, predicted, more):
    return {
        "name": name,
        "fold": part.fold,
        "inner": part.inner,
        "seed": seed,
        "n_train": len(part.train),
        "n_test": len(part.test),
        "threshold": part.threshold,
        "scores": emotion_scores(part.labels[part.test].tolist(), predicted),
        **more,
    }


def _dummy_rows(part, seed):
    values, counts = np.unique(part.labels[part.train], return_counts=True)
    yield _row(DUMMY, part, seed, [values.tolist()[counts.argmax()]] * len(part.test), {"seconds": 0.0})


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


def _versions():
    return {
        "skmer": __version__,
        "code": code_digest(),
        "python": platform.python_version(),
        "processor": platform.machine(),
        **{package: version(package) for package in _PACKAGES},
    }
