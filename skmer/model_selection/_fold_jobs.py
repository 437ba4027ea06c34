"""The work of an experiment in pieces: a part is a fold's songs, a job one system on one part with one seed."""

import platform
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from skmer._version import __version__
from skmer.model_selection.fold_store import code_digest, describe
from skmer.model_selection.protocols import Protocol
from skmer.model_selection.scores import emotion_scores

__all__ = ["DUMMY", "Job", "Part", "dummy_rows", "parts_of_fold", "row_name", "versions"]

DUMMY = "dummy (commonest class)"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "librosa")


def row_name(system, readout):
    """Name the rows of a system's readout."""
    return f"{system}, {readout}" if readout else system


def versions():
    """Tell what ran: a fold keeps it, and the experiment shows it."""
    return {
        "skmer": __version__,
        "code": code_digest(),
        "python": platform.python_version(),
        "processor": platform.machine(),
        **{package: version(package) for package in _PACKAGES},
    }


@dataclass
class Part:
    """Training and test songs of a fold, or of a fold within its training songs, with their classes."""

    fold: int
    inner: int | None
    train: np.ndarray
    test: np.ndarray
    labels: np.ndarray
    threshold: float | list | None


def parts_of_fold(fold, songs, y, groups, protocol, inner_splits):
    """Give the fold itself and, where asked, the folds within its training songs."""
    train, test = songs
    yield Part(fold, None, train, test, *protocol.labels(y, train))
    if inner_splits is None:
        return
    kind = "stratified" if groups is None or protocol.folds == "stratified" else "grouped"
    inside = Protocol(kind, inner_splits, protocol.threshold, protocol.fold_seed)
    inner_groups = None if groups is None else np.asarray(groups)[train]
    for i, (a, b) in enumerate(inside.split(y[train], inner_groups)):
        yield Part(fold, i, train[a], train[b], *protocol.labels(y, train[a]))


class Job:
    """One system on one part with one seed."""

    def __init__(self, name, system, part, seed, store, song_names, groups):
        self.name, self.system, self.part, self.seed, self.store = name, system, part, seed, store
        self.code = code_digest()
        labels = part.labels.tolist()
        place = {"fold": part.fold, "seed": seed} | ({} if part.inner is None else {"inner": part.inner})
        decisive = {
            "parts": describe(system.parts),
            "seed": seed,
            "code": self.code,
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
        """Give the kept record, whole, or None."""
        record = self.store.load(self.path)
        if record is not None:
            counts = [len(predicted) for predicted in record["predictions"].values()]
            if {"seconds", "versions"} - set(record) or counts != [len(self.part.test)] * max(1, len(counts)):
                raise ValueError(
                    f"{self.path} must hold seconds, versions and {len(self.part.test)} predictions a readout; "
                    "delete it to have the fold run again."
                )
        return record

    def run(self, X, groups, verbose):
        """Train, predict and keep the record; the predictions stay on disk."""
        part, began = self.part, time.monotonic()
        # a worker process reads the code anew, which must be that under whose key the fold is kept
        if code_digest() != self.code:
            raise RuntimeError("skmer's code changed during the run: start it again; finished folds are kept.")
        with warnings.catch_warnings():
            # an unusable split stands in the history; a fold may lack a class
            warnings.simplefilter("ignore", UserWarning)
            found = self.system.run(X, part.labels, part.train, part.test, groups, self.seed, verbose)
        seconds = round(time.monotonic() - began, 2)
        record = {"system": self.name, "fold": part.fold, "inner": part.inner, "seed": self.seed, "seconds": seconds}
        self.store.save(self.path, {**record, "parts": describe(self.system.parts), "versions": versions(), **found})
        return self

    def rows(self):
        """Judge each readout of the kept record."""
        record = self.load()
        for readout, predicted in record["predictions"].items():
            name = row_name(self.name, readout)
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


def dummy_rows(part, seed):
    """Judge the commonest training class; of equally common ones, the first in order."""
    values, counts = np.unique(part.labels[part.train], return_counts=True)
    yield _row(DUMMY, part, seed, [values.tolist()[counts.argmax()]] * len(part.test), {"seconds": 0.0})
