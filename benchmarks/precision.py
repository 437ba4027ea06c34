"""Time of predictions in bfloat16, compared with float32, of the networks for spectrograms."""

import os

# before NumPy and torch are imported, which read it at import
os.environ.setdefault("OMP_NUM_THREADS", "1")

import time

import numpy as np
from _performance import run
from _ratios import interleave, row

from skmer.backbones import VGG16, SmallCNN
from skmer.songs import SongSequence
from skmer.training.data import Standardizer
from skmer.training.net import RowNet
from skmer.training.runtime import choose_precision

SHAPE, N_CLASSES = (128, 131), 4


def predictions(network, n_segments, rounds):
    """Time the predictions of a network in bfloat16 and in float32."""
    net = RowNet(network).initialize()
    songs = SongSequence(np.random.default_rng(0).normal(-40, 10, size=(1, n_segments, *SHAPE)))
    standardizer = Standardizer.fit(songs)
    ways = {
        precision: lambda precision=precision: list(net.song_outputs(songs, standardizer, precision=precision))
        for precision in ("bfloat16", "float32")
    }
    return interleave(ways, rounds, time.process_time)


def measure(arguments):
    """Measure the figures."""
    rounds = 2 if arguments.quick else arguments.rounds
    n_segments = 4 if arguments.quick else 32
    seconds = {
        "small CNN": predictions(SmallCNN(SHAPE, N_CLASSES), n_segments, rounds),
        "VGG16": predictions(VGG16(SHAPE, N_CLASSES), n_segments, rounds),
    }
    rows = [row(f"{name}: bfloat16 / float32", found["bfloat16"] / found["float32"]) for name, found in seconds.items()]
    chosen = choose_precision("auto", "cpu", SmallCNN(SHAPE, N_CLASSES))
    setting = (
        f"A song of {n_segments} segments of {SHAPE[0]} bands × {SHAPE[1]} frames; processor time of one thread. "
        f'prediction_precision="auto" selects {chosen} on this processor.'
    )
    return {"setting": setting, "rows": rows}


if __name__ == "__main__":
    run("precision", measure, __doc__, rounds=5)
