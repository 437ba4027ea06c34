"""Systems that run_experiment compares: an estimator, or a network with several readouts."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import clone
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import _safe_indexing, get_tags

from skmer._io import file_digest
from skmer._pipeline_steps import first_steps, fit_with_groups, leaf_steps
from skmer.aggregation import LongestRun, MajorityVote, SongAggregator
from skmer.sssl._base import SegmentEstimator

__all__ = ["EstimatorSystem", "NetworkSystem", "Readout", "check_cross_fitting", "fit_with_groups"]

_VOTES = {"majority": MajorityVote, "longest run": LongestRun}
_KINDS = ("statistics", "mean", *_VOTES)


class EstimatorSystem:
    """System of `run_experiment`: an estimator that takes songs and predicts labels.

    Parameters
    ----------
    estimator : estimator
        For example the pipeline of `skmer.make_sssl_pipeline`. It is cloned for every fit, and
        every parameter named ``random_state`` is set to the seed of the run.
    cost : float, default=1.0
        Approximate work of a fit relative to that of the other systems, for the progress bar.
    files : sequence of str or Path, default=()
        Files that the estimator reads in addition to the songs, such as the weights of a frozen
        network. Fits with other contents are run again; the folder of a file does not matter.

    See Also
    --------
    NetworkSystem : Trains a network once per fold for several readouts.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from skmer.model_selection import EstimatorSystem
    >>> system = EstimatorSystem(SVC())
    >>> X, y = [[0.0], [1.0], [0.1], [0.9]], ["low", "high", "low", "high"]
    >>> system.run(X, y, train=[0, 1], test=[2, 3])["predictions"]
    {'': ['low', 'high']}
    """

    def __init__(self, estimator, cost=1.0, files=()):
        self.estimator = estimator
        self.cost = cost
        self.files = tuple(files)

    @property
    def parts(self):
        """What decides the result, as `skmer.model_selection.run_experiment` identifies kept fits."""
        if not self.files:
            return {"estimator": self.estimator}
        names = {os.path.abspath(path): f"{Path(path).name} {file_digest(path)[:16]}" for path in self.files}
        # parameters that hold a path get the name and digest of the file
        found = {
            name: names[os.path.abspath(value)]
            for name, value in self.estimator.get_params().items()
            if isinstance(value, str | os.PathLike) and os.path.abspath(value) in names
        }
        return {"estimator": clone(self.estimator).set_params(**found), "files": list(names.values())}

    def prepare(self, X, n_jobs=None, verbose=0):
        """Read all songs once into the cache of a pipeline's first step (or steps, in a union), for every fold.

        Parameters
        ----------
        X : sequence of n_songs
            Songs, as the estimator takes them.
        n_jobs : int, default=None
            Number of threads.
        verbose : int, default=0
            1 shows progress.
        """
        for _, reader in first_steps(self.estimator) if isinstance(self.estimator, Pipeline) else ():
            _fill_cache(reader, X, n_jobs, verbose)

    def run(self, X, y, train, test, groups=None, seed=0, verbose=0):
        """Fit on the training songs and predict the test songs.

        Parameters
        ----------
        X : sequence of n_songs
            Songs, as the estimator takes them.
        y : array-like of shape (n_songs,)
            Labels; those of the test songs are not used.
        train, test : array of int
            Positions of songs.
        groups : array-like of shape (n_songs,), default=None
            Group of each song. If scikit-learn's metadata routing is enabled, the groups of the training songs
            are passed to the steps that request them, such as `skmer.SSSLClassifier`. Ignored otherwise.
        seed : int, default=0
            Value of every parameter named ``random_state``.
        verbose : ignored
            The estimator's own `verbose` is used.

        Returns
        -------
        dict
            ``"predictions"``: labels of the test songs by name of the readout, which is ``""`` here.
        """
        estimator = _seeded(self.estimator, seed)
        inside = None if groups is None else np.asarray(groups)[train]
        fit_with_groups(estimator, _safe_indexing(X, train), np.asarray(y)[train], inside)
        return self._result(estimator, _safe_indexing(X, test))

    def _result(self, estimator, songs):
        """Return what `run` returns of the test songs."""
        return {"predictions": {"": np.asarray(estimator.predict(songs)).tolist()}}


def check_cross_fitting(system, y, groups=None):
    """Raise ValueError if the `cv` of a system's segment network cannot divide the training songs of a fold."""
    if isinstance(system, NetworkSystem):
        networks = [system.network] if system._cross_fits else []
    else:
        estimator = getattr(system, "estimator", None)
        steps = [step for _, step in leaf_steps(estimator)] if isinstance(estimator, Pipeline) else []
        networks = [step for step in steps if isinstance(step, SegmentEstimator) and not isinstance(step.cv, str)]
        groups = groups if get_config()["enable_metadata_routing"] else None
    for network in networks:
        with warnings.catch_warnings():
            # the fit warns
            warnings.simplefilter("ignore", UserWarning)
            clone(network)._cross_fitting_folds(y, groups)


def _fill_cache(reader, X, n_jobs, verbose):
    # a step that learns something must not see the test songs
    if getattr(reader, "memory", None) is not None and not get_tags(reader).requires_fit:
        clone(reader).set_params(n_jobs=n_jobs, verbose=verbose).transform(X)


def _seeded(estimator, seed):
    estimator = clone(estimator)
    names = [n for n in estimator.get_params() if n == "random_state" or n.endswith("__random_state")]
    return estimator.set_params(**dict.fromkeys(names, seed))


@dataclass(frozen=True)
class Readout:
    """Method that derives the label of a song from the class probabilities of its segments.

    Parameters
    ----------
    kind : {"statistics", "mean", "majority", "longest run"}, default="statistics"
        ``"statistics"``: a classifier of the statistics of Eq. 10; ``"mean"``: the class with the
        largest mean probability; ``"majority"`` and ``"longest run"``: the votes `skmer.MajorityVote` and
        `skmer.LongestRun`. The other parameters apply to ``"statistics"`` only.
    cross_fitted : bool, default=False
        If true, the classifier is fitted on out-of-fold probabilities, each from a network that was
        trained without the song; if false, as in the paper, on those of the network that was trained on the song.
    share_threshold : float, default=0.5
        Threshold theta of the seventh statistic.
    final_estimator : estimator, default=None
        Classifier of the scaled statistics; None is an RBF SVM. Parameters named
        ``random_state`` are set to the seed of the run.

    Examples
    --------
    >>> from skmer.model_selection import Readout
    >>> Readout(cross_fitted=True).share_threshold
    0.5
    """

    kind: str = "statistics"
    cross_fitted: bool = False
    share_threshold: float = 0.5
    final_estimator: Any = None

    def __post_init__(self):
        if self.kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(map(repr, _KINDS))}, got {self.kind!r}.")

    def predict(self, classes, train_probabilities, y, test_probabilities, seed=0):
        """Fit on the segments of the training songs, and predict the test songs.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            Labels of the columns.
        train_probabilities : SongSequence
            Segment probabilities of the training songs, each of shape (n_segments, n_classes).
        y : array-like of shape (n_train,)
            Labels of the training songs.
        test_probabilities : SongSequence
            Segment probabilities of the test songs.
        seed : int, default=0
            Seed of the classifier.

        Returns
        -------
        ndarray of shape (n_test,)
            Labels of the test songs.
        """
        if self.kind == "mean":
            return classes[np.stack([song.mean(axis=0) for song in test_probabilities]).argmax(axis=1)]
        if self.kind in _VOTES:
            return _VOTES[self.kind]().fit(train_probabilities, y).predict(test_probabilities)
        final = _seeded(SVC() if self.final_estimator is None else self.final_estimator, seed)
        steps = make_pipeline(SongAggregator(threshold=self.share_threshold), StandardScaler(), final)
        return steps.fit(train_probabilities, y).predict(test_probabilities)


class NetworkSystem:
    """System of `run_experiment`: a segment network that is trained once per fold, with one or more readouts.

    Parameters
    ----------
    segments : SegmentTransformer
        Transformer from songs to segments. Without a `memory`, each fold reads the songs again.
    network : SSSLClassifier
        Its `cv` decides the folds of cross-fitted readouts; its `random_state` is set to the
        seed of the run.
    readouts : dict of str to Readout, default=None
        Readouts by name; None is the paper's readout only.
    cost : float, default=None
        Approximate work of a fit; None is the number of epochs, times 1.4 where labels are split, times the
        number of trainings of cross-fitting.

    See Also
    --------
    EstimatorSystem : Takes any estimator.

    Notes
    -----
    With the default readout, the predictions are exactly those of `skmer.make_sssl_pipeline`.

    Examples
    --------
    >>> from skmer import SegmentTransformer, SSSLClassifier
    >>> from skmer.model_selection import NetworkSystem, Readout
    >>> system = NetworkSystem(
    ...     SegmentTransformer(), SSSLClassifier(backbone="small"), {"SVM": Readout(), "mean": Readout("mean")}
    ... )
    >>> system.cost
    42.0
    """

    def __init__(self, segments, network, readouts=None, cost=None):
        self.segments = segments
        self.network = network
        self.readouts = {"": Readout()} if readouts is None else dict(readouts)
        self.cost = self._default_cost() if cost is None else cost
        if self._cross_fits and network.cv == "insample":
            raise ValueError("A readout is cross-fitted, but the network's cv is 'insample': set cv to a number.")

    @property
    def _cross_fits(self):
        return any(readout.cross_fitted for readout in self.readouts.values())

    def _default_cost(self):
        n = self.network.cv if isinstance(self.network.cv, int) else 5
        trainings = n if self._cross_fits else 1  # n trainings on (n - 1) / n of the songs, and one on all
        return self.network.max_epochs * (1.0 if self.network.noise_model is None else 1.4) * trainings

    @property
    def parts(self):
        """What decides the result, as `skmer.model_selection.run_experiment` identifies kept fits."""
        return {"segments": self.segments, "network": self.network, "readouts": self.readouts}

    def prepare(self, X, n_jobs=None, verbose=0):
        """Read all songs once into the cache, for every fold.

        Parameters
        ----------
        X : sequence of n_songs
            Songs, as the transformer takes them.
        n_jobs : int, default=None
            Number of threads.
        verbose : int, default=0
            1 shows progress.
        """
        _fill_cache(self.segments, X, n_jobs, verbose)

    def run(self, X, y, train, test, groups=None, seed=0, verbose=0):
        """Train on the training songs and predict the test songs.

        Parameters
        ----------
        X : sequence of n_songs
            Songs, as the transformer takes them.
        y : array-like of shape (n_songs,)
            Labels; those of the test songs are not used.
        train, test : array of int
            Positions of songs.
        groups : array-like of shape (n_songs,), default=None
            Songs of one group stay in one fold of the cross-fitting.
        seed : int, default=0
            The network's `random_state`.
        verbose : int, default=0
            1 shows the epochs.

        Returns
        -------
        dict
            ``"predictions"``: labels of the test songs by readout. ``"history"``: the
            loss and the share of labels kept, by epoch.
        """
        segments = clone(self.segments).set_params(verbose=0).transform(X)
        y = np.asarray(y)
        network = clone(self.network).set_params(random_state=seed, verbose=verbose)
        out_of_fold = None
        if self._cross_fits:
            inside_groups = None if groups is None else np.asarray(groups)[train]
            out_of_fold = network.fit_transform(segments[train], y[train], groups=inside_groups)
        else:
            network.fit(segments[train], y[train])
        inside, outside = network.transform(segments[train]), network.transform(segments[test])
        return {
            "predictions": {
                name: readout.predict(
                    network.classes_, out_of_fold if readout.cross_fitted else inside, y[train], outside, seed
                ).tolist()
                for name, readout in self.readouts.items()
            },
            "history": {
                "loss": [round(row["train_loss"], 5) for row in network.history_],
                "clean_share": [round(row["clean_share"], 5) for row in network.history_ if "clean_share" in row],
            },
        }
