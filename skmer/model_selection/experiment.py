"""run_experiment: cross-validate several systems on the same folds, and keep finished fits on disk."""

import operator
import re
import warnings
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
from sklearn import get_config
from sklearn.utils import check_consistent_length

from skmer._run_parameters import SEED_AND_RUN_PARAMETERS
from skmer._validation import is_unlabelled
from skmer.model_selection._fits import Fit, fit_key, run_fits, song_keys, versions
from skmer.model_selection.protocols import DUMMY, Protocol, check_labels
from skmer.model_selection.systems import check_cross_fitting

__all__ = ["DUMMY", "Experiment", "run_experiment"]


@dataclass
class Experiment:
    """The scores of systems on the folds of a protocol.

    Parameters
    ----------
    protocol : dict
        Settings of the `Protocol`, with its ``"description"``.
    rows : list of dict
        One for each system, readout, fold and seed: ``name``, ``fold``, ``inner`` (fold
        within the training songs, or None), ``seed``, ``n_train``, ``n_test``,
        ``threshold``, ``scores``, ``seconds`` and, except for the dummy, ``versions`` and
        ``history``.
    folds : list of int
        The folds that were run, of ``n_folds``.
    n_folds : int
        Number of folds of the protocol.
    versions : dict
        Versions of Python and of the packages.
    date : str
        Time at which the run ended, in UTC.
    systems : dict
        Parameters of the systems, by name.
    n_found : int
        Number of fits that were found in the store. Ignored by ``==``.

    See Also
    --------
    run_experiment : Runs systems.

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
        """Return the scores of a system on the test folds.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        dict of str to ndarray
            The values of each score over folds and seeds, as `summary_table` takes them;
            empty for an unknown name.
        """
        rows = [row["scores"] for row in self.rows if row["name"] == name and row["inner"] is None]
        return {score: np.array([row[score] for row in rows]) for score in rows[0]} if rows else {}

    def to_dict(self):
        """Return all attributes but `n_found` as plain values.

        Returns
        -------
        dict
            Values that JSON can hold; ``Experiment(**values)`` restores the experiment. `n_found`, which
            concerns this run only, is left out.
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
        The systems, by name. A dummy that predicts the commonest training class is added.
    X : sequence of n_songs paths or arrays
        Songs, as the systems take them.
    y : array-like of shape (n_songs,) or (n_songs, 2)
        Labels, or ratings that the protocol's threshold turns into classes inside each fold.
    protocol : Protocol, default=None
        Division into training and test songs; None is ten stratified folds, as in the paper.
    groups : array-like of shape (n_songs,), default=None
        Group of each song, such as its artist.
    splits : dict, default=None
        Published splits, as loaders return them.
    folds : list of int, default=None
        Run only these folds, so that machines can share the work; None runs all.
    inner_splits : int, default=None
        Also run this number of folds within the training songs of each fold, for
        `chosen_inside_folds`.
    seeds : sequence of int, default=(0,)
        Seeds of the systems; each fold is run with each seed.
    store : str or Path, default=None
        Folder in which each finished fit is kept as a JSON file; fits that are in it are not run
        again. None keeps nothing.
    n_jobs : int, default=None
        Number of processes over systems and folds.
    verbose : int, default=0
        1 shows progress with the time left.

    Returns
    -------
    Experiment
        Scores of every system, readout, fold and seed.

    Raises
    ------
    ValueError
        If the folds, seeds, groups, splits, labels or systems do not fit together, a system has a
        parameter that cannot be hashed, or a file of the store is damaged.

    See Also
    --------
    compare_systems : For estimators in memory, without a store.

    Notes
    -----
    A kept fit is identified by the names and contents of the songs, the training songs' labels and
    groups, the system's name, class and parameters, the seed and the version of skmer. Edits of
    the code that a system uses, and other versions of other packages, are not detected: delete the
    files of the store to run its fits again. The number of processes and the device are not part of the
    identification. User warnings of systems are not shown.

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
    # a pandas Series would be indexed by its index and not by position
    groups = None if groups is None else check_labels(groups, "groups")
    seeds = _integers(seeds, "seeds")
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be different whole numbers, at least one, got {seeds}.")
    protocol = Protocol() if protocol is None else protocol
    all_folds = protocol.split(y, groups, splits)
    chosen = list(range(len(all_folds))) if folds is None else sorted(set(_integers(folds, "folds")))
    if not chosen or chosen[0] < 0 or chosen[-1] >= len(all_folds):
        raise ValueError(f"folds must be some of 0 to {len(all_folds) - 1}, got {folds}.")
    _check_systems(systems, protocol._dummy)
    parts = [part for i in chosen for part in _parts_of_fold(i, all_folds[i], y, groups, protocol, inner_splits)]
    _check_parts(parts, systems, groups, protocol, len(all_folds))
    jobs = [(part, seed, name) for part in parts for seed in seeds for name in systems]
    songs = song_keys(X)
    shown = verbose if n_jobs in (None, 1) else 0
    fits = [_make_fit(name, systems[name], X, part, seed, songs, groups, shown) for part, seed, name in jobs]

    def prepare(missing):
        missing = {id(fit) for fit in missing}
        for name in systems:
            if any(id(fit) in missing and job[2] == name for fit, job in zip(fits, jobs, strict=True)):
                systems[name].prepare(X, n_jobs, verbose)

    results, n_found = run_fits(fits, store, n_jobs, verbose, "Folds", prepare)
    rows = [_dummy_row(protocol, part, seed) for part in parts for seed in seeds]
    for (part, seed, name), result in zip(jobs, results, strict=True):
        more = {"seconds": result["seconds"], "versions": result["versions"], "history": result.get("history")}
        more |= {key: result[key] for key in ("logits", "classes") if key in result}
        for readout, predicted in result["predictions"].items():
            rows.append(_row(protocol, _row_name(name, readout), part, seed, predicted, more))
    return Experiment(
        protocol={**protocol.to_dict(), "description": protocol.describe(), "seeds": list(seeds)},
        rows=rows,
        folds=chosen,
        n_folds=len(all_folds),
        versions=versions(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        systems={name: _describe(system.parts) for name, system in systems.items()},
        n_found=n_found,
    )


def _integers(values, name):
    try:
        # JSON cannot hold NumPy's integers
        return [operator.index(value) for value in values]
    except TypeError as error:
        raise ValueError(f"{name} must be a list of whole numbers, got {values!r}.") from error


def _check_systems(systems, dummy):
    if dummy in systems or not systems:
        raise ValueError(
            f"systems must contain at least one system, and none named {dummy!r}, which is added automatically."
        )
    names: list = []
    for name, system in systems.items():
        if isinstance(system, type) or not hasattr(system, "parts"):
            raise ValueError(f"The system {name!r} must be an EstimatorSystem or NetworkSystem, got {system!r}.")
        names += [_row_name(name, readout) for readout in getattr(system, "readouts", {"": None})]
    if len(set(names)) < len(names):
        raise ValueError(f"Two systems or readouts would have the same name: rename one of {names}.")


@dataclass
class _Part:
    """Training and test songs of a fold, or of a fold within its training songs, with their classes."""

    fold: int
    inner: int | None
    train: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    threshold: float | list | None


def _parts_of_fold(fold, songs, y, groups, protocol, inner_splits):
    """Return the fold itself and, where asked, the folds within its training songs."""
    train, test = songs
    parts = [_Part(fold, None, train, test, *protocol.labels(y, train))]
    if inner_splits is not None:
        inside = protocol._inside(inner_splits, groups)
        for i, (a, b) in enumerate(inside.split(y[train], None if groups is None else groups[train])):
            parts.append(_Part(fold, i, train[a], train[b], *protocol.labels(y, train[a])))
    return parts


def _check_parts(parts, systems, groups, protocol, n_folds):
    """Raise ValueError, before the first fit, for folds that no system can be trained or tested on."""
    for part in parts:
        unlabelled = np.zeros(1) if part.labels.dtype.kind == "f" else is_unlabelled(part.labels)
        if unlabelled.any():
            raise ValueError(
                f"y has -1 for song {unlabelled.argmax()}, which means unlabelled, but each song is tested in some "
                "fold: leave such songs out, or give the class another name."
            )
        fold = f"Fold {part.fold} of 0 to {n_folds - 1}"
        fold += "" if part.inner is None else f", fold {part.inner} within its training songs"
        protocol._check_training(part.labels[part.train], fold)
        for name, system in systems.items():
            try:
                check_cross_fitting(system, part.labels[part.train], None if groups is None else groups[part.train])
            except ValueError as error:
                raise ValueError(f"{fold}, system {name!r}: {error}") from error


def _make_fit(name, system, X, part, seed, songs, groups, verbose):
    labels = part.labels.tolist()
    key = fit_key(
        system.parts,
        seed,
        # labels of test songs decide the scores, not the predictions
        [(songs[i], labels[i]) for i in part.train],
        [songs[i] for i in part.test],
        None if groups is None else [str(groups[i]) for i in part.train],
        get_config()["enable_metadata_routing"],
    )
    inner = "" if part.inner is None else f"-inner{part.inner}"
    run = partial(_run_quietly, system, X, part.labels, part.train, part.test, groups, seed, verbose)
    return Fit(f"{name}-fold{part.fold}-seed{seed}{inner}", key, run, system.cost * len(part.train))


def _run_quietly(system, *args):
    with warnings.catch_warnings():
        # splits that failed are in the history; a fold may lack a class
        warnings.simplefilter("ignore", UserWarning)
        return system.run(*args)


def _row_name(system, readout):
    return f"{system}, {readout}" if readout else system


def _row(protocol, name, part, seed, predicted, more):
    return {
        "name": name,
        "fold": part.fold,
        "inner": part.inner,
        "seed": seed,
        "n_train": len(part.train),
        "n_test": len(part.test),
        "threshold": part.threshold,
        "scores": protocol._scores(part.labels[part.test].tolist(), predicted),
        **more,
    }


def _dummy_row(protocol, part, seed):
    guess = protocol._guess(part.labels[part.train])
    return _row(protocol, protocol._dummy, part, seed, [guess] * len(part.test), {"seconds": 0.0})


def _describe(thing):
    """Describe estimators and their parameters as JSON can hold them, for reports."""
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, list | tuple):
        return [_describe(item) for item in thing]
    if isinstance(thing, dict):
        return {str(name): _describe(value) for name, value in thing.items()}
    if hasattr(thing, "get_params") and not isinstance(thing, type):
        params = {
            name: value for name, value in thing.get_params(deep=False).items() if name not in SEED_AND_RUN_PARAMETERS
        }
    elif is_dataclass(thing) and not isinstance(thing, type):
        params = {f.name: getattr(thing, f.name) for f in fields(thing)}
    else:
        return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))[:1000]
    return {"class": f"{type(thing).__module__}.{type(thing).__qualname__}", **_describe(params)}
