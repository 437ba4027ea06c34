"""Time from mp3 files to segments, compared with librosa and bare decoding; durations, threads and imports."""

import os

# before NumPy is imported: one thread, as in a worker
os.environ.setdefault("OMP_NUM_THREADS", "1")

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _performance import run
from _ratios import interleave, row

from skmer import SegmentTransformer
from skmer.feature_extraction import SegmentShortening

SR, DURATION = 22528, 3.0
DURATIONS = (1, 2, 3, 4, 5)


def songs(folder, n):
    """Return some mp3 files: Emotify recordings where they are available, else synthetic ones of 45 s."""
    recordings = sorted(Path(os.environ.get("SKMER_DATA", "")).glob("emotify/**/*.mp3"))
    if recordings:
        return recordings[:: max(1, len(recordings) // n)][:n], "Emotify recordings"
    import soundfile

    from skmer.datasets import make_songs

    paths = [Path(folder) / f"{i}.mp3" for i in range(n)]
    for path, y in zip(paths, make_songs(n, duration=45, sr=44100, random_state=0).data, strict=True):
        soundfile.write(path, np.stack([y, y], 1), 44100, format="MP3")
    return paths, "synthetic songs of 45 s, stereo mp3 at 44.1 kHz"


def by_librosa(paths):
    """Load and cut songs, and compute one spectrogram for each segment, as a user of librosa would."""
    import librosa

    for path in paths:
        y, _ = librosa.load(path, sr=SR)
        length = round(DURATION * SR)
        for start in range(0, len(y) - length + 1, SR):
            mel = librosa.feature.melspectrogram(
                y=y[start : start + length], sr=SR, n_fft=1024, hop_length=512, n_mels=128, center=False
            )
            librosa.power_to_db(mel, top_db=None)


def bare(paths):
    """Decode, mix and resample with the underlying libraries only."""
    import soundfile
    import soxr

    for path in paths:
        y, rate = soundfile.read(path, dtype="float32", always_2d=True)
        soxr.resample(y @ np.full(y.shape[1], 1 / y.shape[1], dtype=np.float32), rate, SR, quality="HQ")


def transform(paths, **params):
    return SegmentTransformer(**{"duration": DURATION, **params}).transform(paths)


def five_durations(paths):
    """Cut five durations from one spectrogram, as the multi-duration pipeline does."""
    longest = transform(paths, duration=DURATIONS[-1])
    for duration in DURATIONS:
        SegmentShortening(DURATIONS[-1] - duration).transform(longest)


def five_cached(paths):
    """Compute five durations in turn with a cache, as a grid search does."""
    with tempfile.TemporaryDirectory() as memory:
        for duration in DURATIONS:
            transform(paths, duration=duration, memory=memory)


def importing(first, then):
    """Return the processor time that a new Python process spends on an import, after other imports."""
    code = f"import time, {first}\nbegan = time.process_time()\n{then}\nprint(time.process_time() - began)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(arguments):
    """Measure the figures."""
    with tempfile.TemporaryDirectory() as folder:
        paths, kind = songs(folder, 2 if arguments.quick else 12)
        rounds = 2 if arguments.quick else arguments.rounds
        done = interleave(
            {
                "librosa": lambda: by_librosa(paths),
                "bare": lambda: bare(paths),
                "skmer": lambda: transform(paths),
                "five": lambda: five_durations(paths),
                "five cached": lambda: five_cached(paths),
            },
            rounds,
            time.process_time,
        )
        threads = interleave({"one": lambda: transform(paths), "two": lambda: transform(paths, n_jobs=2)}, rounds)
    alone = [importing("torch, sklearn", "import skmer") for _ in range(rounds)]
    classes = "from skmer import SegmentTransformer, SSSLClassifier, SongAggregator"
    beside = "torch, skorch, sklearn.pipeline, sklearn.preprocessing, sklearn.svm, sklearn.mixture"
    used = [importing(beside, classes) for _ in range(rounds)]
    rows = [
        row("librosa.load + a librosa mel a segment / skmer", done["librosa"] / done["skmer"], 2.5, at_least=True),
        row("skmer / soundfile + soxr alone", done["skmer"] / done["bare"], 1.3),
        row("five durations from one spectrogram / one duration", done["five"] / done["skmer"], 1.15),
        row("five durations by a cache on disk / one duration without", done["five cached"] / done["skmer"]),
        row("songs a second with n_jobs=2 / with one", threads["one"] / threads["two"]),
        row("songs a second of processor time", len(paths) / done["skmer"], unit=""),
        row("import skmer, beyond torch and scikit-learn", alone, 0.2, unit="s"),
        row("the classes of the pipeline, beyond torch, skorch and scikit-learn's", used, 0.2, unit="s"),
    ]
    setting = (
        f"{len(paths)} {kind}, read whole; segments of {DURATION:g} s. Processor time of one thread, but "
        "wall-clock time where two threads are compared with one."
    )
    return {"setting": setting, "rows": rows}


if __name__ == "__main__":
    run("front_end", measure, __doc__)
