"""Songs of a second, networks that train in a moment, and systems that record their runs."""

import json
import time
from pathlib import Path

import numpy as np
from sklearn.svm import SVC

from skmer import SegmentTransformer, SSSLClassifier
from tests.estimators.instances import SPECTROGRAM, SR, SSSL


def tiny_songs(n_songs=12, n_classes=2, seed=0):
    """Noisy tones of a second, their classes, and composers who wrote two songs each."""
    rng = np.random.default_rng(seed)
    y = np.array(["low", "high", "odd"])[np.arange(n_songs) % n_classes]
    pitch = np.array([300, 700, 1500])[np.arange(n_songs) % n_classes] * rng.uniform(0.6, 1.6, n_songs)
    t = np.arange(round(1.25 * SR)) / SR
    X = [0.2 * np.sin(2 * np.pi * p * t) + rng.normal(scale=0.2, size=len(t)) for p in pitch]
    return X, y, np.array([f"composer {i // 2}" for i in range(n_songs)])


def tiny_segments(**changed):
    return SegmentTransformer(**{**SPECTROGRAM, **changed})


def tiny_network(**changed):
    return SSSLClassifier(**{**SSSL, "random_state": None, **changed})


class Margins(SVC):
    """Predict the margin instead of the label, so that equal predictions are equal to the last digit."""

    def predict(self, X):
        return self.decision_function(X)


class RecordingSystem:
    """Predict the first training label, and write each run into a file, from any process."""

    cost = 1.0

    def __init__(self, folder, param=1):
        self.folder, self.param = Path(folder), param

    @property
    def parts(self):
        return {"param": self.param}

    @property
    def runs(self):
        return [json.loads(path.read_text()) for path in sorted(self.folder.glob("run-*"))]

    def prepare(self, X, n_jobs=None, verbose=0):
        pass

    def run(self, X, y, train, test, groups=None, seed=0, verbose=0):
        told = {"train": train.tolist(), "test": test.tolist(), "seed": seed, "y": y[train].tolist()}
        (self.folder / f"run-{time.time_ns()}").write_text(json.dumps(told))
        return {"predictions": {"": [y[train].tolist()[0]] * len(test)}}
