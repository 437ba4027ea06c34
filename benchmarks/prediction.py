"""Time of predicting a folder of files while a thread reads ahead, and of the statistics of up to a million songs."""

import os

# before NumPy and torch are imported, which read it at import
os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
import time
import warnings

import numpy as np
from _performance import run
from _ratios import interleave, row
from front_end import songs

from skmer import make_sssl_pipeline
from skmer.aggregation.song_aggregator import song_statistics
from skmer.datasets import make_songs
from skmer.inspection import SongPredictor, predict_files

N_SEGMENTS, N_CLASSES = 28, 4  # a song of 30 s in segments of 3 s


def fitted_pipeline():
    """Train on a few synthetic songs; the accuracy does not matter here."""
    made = make_songs(8, duration=5, random_state=0)
    pipe = make_sssl_pipeline(
        recipe="plain", backbone="small", max_epochs=1, warmup_epochs=1, random_state=0, max_duration=None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pipe.fit(made.data, made.target)


def statistics_of(n_songs):
    """Return a function that computes the statistics of `n_songs` songs."""
    values = np.random.default_rng(0).dirichlet(np.ones(N_CLASSES), size=n_songs * N_SEGMENTS)
    lengths = np.full(n_songs, N_SEGMENTS)
    return lambda: song_statistics(values, lengths)


def looped(n_songs):
    """Return a function that computes the statistics in a Python loop over songs."""
    values = np.random.default_rng(0).dirichlet(np.ones(N_CLASSES), size=(n_songs, N_SEGMENTS))

    def once():
        for song in values:
            np.concatenate(
                [
                    song.max(0), song.min(0), *np.quantile(song, [0.25, 0.5, 0.75], axis=0), song.mean(0),
                    (song > 0.5).mean(0),
                ]
            )  # fmt: skip

    return once


def measure(arguments):
    """Measure the figures."""
    rounds = 2 if arguments.quick else arguments.rounds
    pipe = fitted_pipeline()
    predictor = SongPredictor(pipe)
    with tempfile.TemporaryDirectory() as folder:
        paths, kind = songs(folder, 3 if arguments.quick else 24)
        segments = [predictor.read(path) for path in paths]
        seconds = interleave(
            {
                "read": lambda: [predictor.read(path) for path in paths],
                "network": lambda: [predictor.predict(song) for song in segments],
                "in turn": lambda: [predictor.predict(predictor.read(path)) for path in paths],
                "ahead": lambda: list(predict_files(pipe, paths)),
                "two ahead": lambda: list(predict_files(pipe, paths, n_jobs=2)),
            },
            rounds,
        )
    sizes = (100, 1_000) if arguments.quick else (10_000, 100_000, 1_000_000)
    clock = time.process_time
    few = interleave({"loop": looped(1_000), "skmer": statistics_of(1_000)}, rounds, clock)
    many = [interleave({"": statistics_of(n)}, min(rounds, 3), clock)[""] for n in sizes]
    per_song = [1e6 * found / n for n, found in zip(sizes, many, strict=True)]
    slower = max(float(np.median(seconds["read"])), float(np.median(seconds["network"])))
    rows = [
        row("skmer predict / reading and network in turn", seconds["ahead"] / seconds["in turn"], 1.0),
        row("skmer predict / the slower of reading and network alone", seconds["ahead"] / slower),
        row("skmer predict --n-jobs 2 / reading and network in turn", seconds["two ahead"] / seconds["in turn"]),
        row("reading alone / network alone", seconds["read"] / seconds["network"]),
        row("statistics of 1,000 songs: a Python loop / skmer", few["loop"] / few["skmer"]),
        *(
            row(f"statistics, µs a song of {n:,}", figures, unit="µs")
            for n, figures in zip(sizes, per_song, strict=True)
        ),
        row(f"statistics of {sizes[-1]:,} songs", many[-1], 10.0, unit="s"),
    ]
    setting = (
        f"{len(paths)} {kind}, read whole, small CNN. Statistics: {N_SEGMENTS} segments a song, {N_CLASSES} classes, "
        "all seven; processor time."
    )
    return {"setting": setting, "rows": rows}


if __name__ == "__main__":
    run("prediction", measure, __doc__, rounds=5)
