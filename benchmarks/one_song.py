"""Time of predicting one file after another with a model in memory, beside librosa and a network alone."""

import os

# before NumPy and torch are imported, which read it at import
os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
import time

import librosa
import numpy as np
import torch
from _performance import run
from _ratios import interleave, row
from front_end import DURATION, SR, songs
from prediction import fitted_pipeline

from skmer.inspection import SongPredictor


def bare(path, network, standardizer):
    """Decode a file, cut its spectrogram into segments and run the network: no checks, statistics and SVM."""
    y, _ = librosa.load(path, sr=SR)
    mel = librosa.feature.melspectrogram(y=y, sr=SR, n_fft=1024, hop_length=512, n_mels=128, center=False)
    decibels = standardizer.apply(librosa.power_to_db(mel, top_db=None), 0)
    n_frames = 1 + (round(DURATION * SR) - 1024) // 512
    windows = np.lib.stride_tricks.sliding_window_view(decibels, n_frames, axis=1)[:, :: SR // 512]
    with torch.inference_mode():
        logits = network(torch.from_numpy(np.ascontiguousarray(windows.transpose(1, 0, 2)[:, None])))
        return torch.softmax(logits, 1).mean(0).numpy()


def measure(arguments):
    """Measure the figures."""
    rounds = 2 if arguments.quick else arguments.rounds
    torch.set_num_threads(1)
    pipe = fitted_pipeline()
    network, standardizer = pipe["sssl"].net_.module_.eval(), pipe["sssl"].standardizer_
    with tempfile.TemporaryDirectory() as folder:
        paths, kind = songs(folder, 3 if arguments.quick else 12)
        for path in paths[:2]:
            # the same work: librosa's resampler and mel filters differ in the last digits only
            found = pipe.predict_file(path).mean_probabilities
            np.testing.assert_allclose(bare(path, network, standardizer), found, atol=0.02)
        predictor = SongPredictor(pipe)
        songs_read = [predictor.read(path) for path in paths]
        seconds = interleave(
            {
                "skmer": lambda: [pipe.predict_file(path) for path in paths],
                "bare": lambda: [bare(path, network, standardizer) for path in paths],
                "decoded": lambda: [librosa.load(path, sr=SR) for path in paths],
                "predicted": lambda: [predictor.predict(song) for song in songs_read],
            },
            rounds,
            time.process_time,
        )
        alone = interleave({"": lambda: [pipe._song_predictor() for _ in paths]}, rounds, time.process_time)[""]
    rows = [
        row(
            "model.predict_file / librosa.load + librosa's mel spectrogram + the network",
            seconds["skmer"] / seconds["bare"],
            1.0,
        ),
        row("model.predict_file / librosa.load alone", seconds["skmer"] / seconds["decoded"]),
        row(
            "network, statistics, SVM and its probabilities / model.predict_file",
            seconds["predicted"] / seconds["skmer"],
        ),
        row("finding the predictor of a model, µs a file", 1e6 * alone / len(paths), unit="µs"),
    ]
    setting = f"{len(paths)} {kind}, read whole, small CNN on segments of {DURATION:g} s; processor time of one thread."
    return {"setting": setting, "rows": rows}


if __name__ == "__main__":
    run("one_song", measure, __doc__, rounds=5)
