"""Searches, cross-fitting and experiments give the same bits under every backend of joblib."""

import os

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC

from skmer import SongAggregator, SongSequence
from skmer.model_selection import EstimatorSystem, Protocol, run_experiment
from tests.model_selection.tiny import tiny_network, tiny_segments, tiny_songs

BACKENDS = [
    "loky",
    "threading",
    "multiprocessing",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("dask", "ray")),
]
PIPELINE = Pipeline(
    [
        ("segments", tiny_segments()),
        ("sssl", tiny_network(random_state=0, cv=2, n_jobs=2)),
        ("songs", SongAggregator()),
        ("svm", SVC()),
    ]
)


def mean_margin(estimator, X, y):
    """A score that shows every digit of a prediction."""
    return float(np.abs(estimator.decision_function(X)).mean())


class Margins(EstimatorSystem):
    """Keep the margins of the test songs in addition to their labels."""

    def run(self, X, y, train, test, groups=None, seed=0, verbose=0):
        estimator = clone(self.estimator).fit([X[i] for i in train], y[train])
        margins = estimator.decision_function([X[i] for i in test]).tolist()
        return {**super().run(X, y, train, test, groups, seed, verbose), "history": margins}


def outcomes(n_jobs):
    """The scores and predictions of a search, of cross-fitting and of an experiment."""
    X, y, _ = tiny_songs()
    grid = {"sssl__temperature": [0.3, 0.9], "svm__C": [1.0, 10.0]}
    search = GridSearchCV(PIPELINE, grid, scoring=mean_margin, cv=2, n_jobs=n_jobs, error_score="raise").fit(X, y)
    network = clone(PIPELINE["sssl"]).set_params(n_jobs=n_jobs)
    experiment = run_experiment({"SVM": Margins(PIPELINE)}, X, y, protocol=Protocol(n_splits=2), n_jobs=n_jobs)
    return {
        "scores": [search.cv_results_[name].tolist() for name in ("split0_test_score", "split1_test_score")],
        "margins": search.decision_function(X).tolist(),
        "cross-fitted": [song.tolist() for song in network.fit_transform(tiny_segments().transform(X), y)],
        "experiment": [row["history"] for row in experiment.rows if "history" in row],
    }


@pytest.fixture(scope="module")
def expected():
    return outcomes(n_jobs=1)


@pytest.fixture(scope="module")
def dask():
    distributed = pytest.importorskip("dask.distributed", reason="requires dask[distributed]")
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, distributed.Client(cluster):
        yield


@pytest.fixture(scope="module")
def ray():
    # or ray would replace Python's print
    os.environ["RAY_TQDM_PATCH_PRINT"] = "0"
    ray = pytest.importorskip("ray", reason="requires ray")
    from joblib.pool import PicklingPool
    from ray.util.joblib import register_ray

    register_ray()
    bases = PicklingPool.__bases__
    ray.init(num_cpus=2, include_dashboard=False)
    yield
    ray.shutdown()
    # ray replaces the pool of multiprocessing
    PicklingPool.__bases__ = bases


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_same_bits_under_every_backend(backend, request, expected):
    if backend in ("dask", "ray"):
        request.getfixturevalue(backend)
    with joblib.parallel_config(backend):
        assert outcomes(n_jobs=2) == expected
    assert len(expected["experiment"]) == 2


class CountedSongs(SongSequence):
    n_pickles = 0

    def __getstate__(self):
        CountedSongs.n_pickles += 1
        return super().__getstate__()


@pytest.mark.slow
def test_dask_sends_songs_once_and_not_with_each_fit(dask, rng):
    songs = CountedSongs([rng.normal(size=(4, 8)) for _ in range(8)])
    search = GridSearchCV(DummyClassifier(), {"random_state": range(4)}, cv=2, refit=False)
    with joblib.parallel_config("dask"):
        search.fit(songs, np.arange(8) % 2)
    assert CountedSongs.n_pickles == 1
