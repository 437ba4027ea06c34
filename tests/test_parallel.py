"""parallel_map on joblib's backends, and songs that worker processes share."""

import json
import os
import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn import config_context, get_config
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import GridSearchCV

from skmer import SegmentTransformer, SongSequence, SSSLClassifier
from skmer._parallel import parallel_map
from tests.estimators.instances import SPECTROGRAM, SR


def power(base, exponent):
    return base**exponent, os.getpid(), get_config()["assume_finite"]


def wait_for(folder, own, other):
    """Return once a file of another call exists, and then make one's own."""
    patience = time.monotonic() + 60
    while other and not (folder / other).exists() and time.monotonic() < patience:
        time.sleep(0.01)
    (folder / own).touch()
    return own


@pytest.mark.parametrize("backend", [None, "loky", "multiprocessing", "threading"])
@pytest.mark.parametrize("threads", [True, False])
@pytest.mark.parametrize("ordered", [True, False])
def test_results_are_those_of_a_loop(backend, threads, ordered):
    arguments = [(2, i) for i in range(6)]
    context = joblib.parallel_config(backend) if backend else nullcontext()
    with context, config_context(assume_finite=True):
        for n_jobs in (1, 2, None):
            found = list(parallel_map(power, iter(arguments), n_jobs, threads=threads, ordered=ordered))
            found = found if ordered else sorted(found)
            in_processes = n_jobs == 2 and not threads and backend != "threading"
            assert [(value, flag) for value, _, flag in found] == [(2**i, True) for i in range(6)]
            assert all((pid != os.getpid()) == in_processes for _, pid, _ in found)
    assert list(parallel_map(power, [], threads=threads)) == []


def test_threads_are_threads_where_processes_are_preferred():
    with joblib.parallel_config("loky", n_jobs=2):
        names = parallel_map(lambda: threading.current_thread().name, [()] * 4, 2, threads=True)
        assert threading.current_thread().name not in set(names)
    with joblib.parallel_config(prefer="processes"):
        assert [pid for _, pid, _ in parallel_map(power, [(1, 1)] * 3, 2, threads=True)] == [os.getpid()] * 3


def test_results_are_returned_as_they_finish(tmp_path):
    # the first call ends after the second
    arguments = [(tmp_path, "first", "second"), (tmp_path, "second", None)]
    assert list(parallel_map(wait_for, arguments, 2, ordered=False)) == ["second", "first"]
    with joblib.parallel_config("threading"):
        assert list(parallel_map(wait_for, arguments, 2)) == ["first", "second"]


def test_an_error_is_raised():
    for backend in ("loky", "multiprocessing", "threading"):
        with joblib.parallel_config(backend), pytest.raises(ZeroDivisionError):
            list(parallel_map(power, [(1, 1), (0, -1)], 2))


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_recordings_are_read_in_threads_of_this_process(backend, monkeypatch, rng):
    X = [rng.normal(size=SR) for _ in range(3)]
    transformer = SegmentTransformer(**SPECTROGRAM, n_jobs=2)
    expected = transformer.transform(X)
    names = []
    read = SegmentTransformer._read

    def note(self, *args, **kwargs):
        names.append(threading.current_thread().name)
        return read(self, *args, **kwargs)

    monkeypatch.setattr(SegmentTransformer, "_read", note)
    with joblib.parallel_config(backend):
        songs = transformer.transform(X)
    assert len(names) == 3
    assert threading.current_thread().name not in names
    for song, other in zip(songs, expected, strict=True):
        np.testing.assert_array_equal(song, other)


# ---- songs in worker processes ----------------------------------------------------------------------


@dataclass
class Notes:
    """Write the process and the files of the songs that each fit gets; as a noise model, trust every label."""

    folder: Path

    def note(self, X):
        files = [str(getattr(item, "filename", "")) for item in X.items]
        note = {"pid": os.getpid(), "files": files, "mapped": all(isinstance(item, np.memmap) for item in X.items)}
        (self.folder / f"{time.time_ns()}-{os.getpid()}").write_text(json.dumps(note))

    def read(self):
        """Return the notes of worker processes, and remove all."""
        files = list(self.folder.iterdir())
        notes = [json.loads(file.read_text()) for file in files]
        for file in files:
            file.unlink()
        return [note for note in notes if note["pid"] != os.getpid()]

    def __call__(self, losses, labels, random_state=None):
        return np.ones(len(losses))


class Noting(ClassifierMixin, BaseEstimator):
    def __init__(self, notes=None, value=0):
        self.notes = notes
        self.value = value

    def fit(self, X, y):
        self.notes.note(X)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


class NotingNetwork(SSSLClassifier):
    def fit(self, X, y, groups=None, sample_weight=None):
        self.noise_model.note(X)
        return super().fit(X, y, groups, sample_weight)


@pytest.mark.slow
def test_workers_stay_and_share_the_songs(tmp_path, rng):
    # songs of 48 kB, of which joblib would send a copy with each task
    songs = SongSequence([rng.normal(size=(60, 100)) for _ in range(24)])
    y = np.arange(24) % 2
    notes = Notes(tmp_path)
    search = GridSearchCV(Noting(notes), {"value": range(4)}, cv=2, n_jobs=2, refit=False)
    network = NotingNetwork(
        "mlp", backbone_params={"hidden": [2]}, max_epochs=2, warmup_epochs=1, cv=2, n_jobs=2, noise_model=notes
    )
    pids = set()
    for _ in range(2):
        for run, n_fits in ((search.fit, 8), (network.fit_transform, 2)):
            run(songs, y)
            found = notes.read()
            assert len(found) == n_fits
            assert all(note["mapped"] for note in found)
            # one file is written for all fits
            assert len({file for note in found for file in note["files"]}) == 1
            pids |= {note["pid"] for note in found}
    assert len(pids) <= 2
