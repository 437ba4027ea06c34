"""Peak memory of storing, training on and tagging 100 and 1,000 tracks that stay on disk."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
from pathlib import Path

import numpy as np
from _performance import run
from _ratios import row
from memory import MIB, peak

SECONDS, SR = 12, 44100
RECORDINGS = 8  # different ones; many names are links to them

# X: the songs of a folder; before: the peak memory after a small part of the same work
BEGIN = """
import resource, sys, warnings
from pathlib import Path
import numpy as np
from skmer import EmotionTagger, NoisyStudentTagger, TaggingTransformer
warnings.simplefilter("ignore")
folder, n = Path(sys.argv[1]), int(sys.argv[2])
files = sorted(folder.glob("*.wav"))[:n]
stored = TaggingTransformer(duration=5.0, store=folder / f"store{n}")
y = np.arange(n)[:, None] // [1, 2, 4, 8] % 2
tiny = {"backbone_params": {"width": 4, "n_hidden": 8}, "max_epochs": 2, "random_state": 0}
def tagger():
    return EmotionTagger(**tiny)
def taught(n):
    return NoisyStudentTagger(**tiny).fit(X[: n // 2], y[: n // 2], unlabelled=X[n // 2 : n])
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""
STORE = """
stored.transform(files[:10])
before = peak()
X = stored.transform(files)
"""
FIT = """
X = stored.transform(files)
tagger().fit(X[:20], y[:20])
before = peak()
tagger().fit(X, y)
"""
TEACH = """
X = stored.transform(files)
taught(20)
before = peak()
assert len(taught(n).pseudo_tags_) == n - n // 2
"""
PREDICT = """
X = stored.transform(files)
fitted = tagger().fit(X[:20], y[:20])
fitted.predict(X[:20])
before = peak()
assert fitted.predict(X).shape == y.shape
"""
END = """
assert len(X) == n and not any(isinstance(item, np.ndarray) for item in X.items)
print(before, peak())
"""
# in this order, because the first fills the store that the others read
JOBS = {"storing": STORE, "fitting": FIT, "teaching": TEACH, "predicting": PREDICT}


def write_tracks(folder, n):
    """Write n WAV files of pitched noise; many of them are links to one file.

    Parameters
    ----------
    folder : str or Path
        Folder of the files.
    n : int
        Number of files.
    """
    import soundfile

    rng = np.random.default_rng(0)
    t = np.arange(SECONDS * SR) / SR
    for i in range(n):
        path = Path(folder) / f"{i:04d}.wav"
        if i < RECORDINGS:
            soundfile.write(path, 0.05 * rng.standard_normal(len(t)) + 0.1 * np.sin(2 * np.pi * 110 * (i + 1) * t), SR)
        else:
            os.link(Path(folder) / f"{i % RECORDINGS:04d}.wav", path)


def measure(arguments):
    """Measure the figures."""
    few, many = (24, 48) if arguments.quick else (100, 1_000)
    with tempfile.TemporaryDirectory() as folder:
        write_tracks(folder, many)
        peaks = {job: {n: peak(BEGIN + code + END, folder, n) for n in (few, many)} for job, code in JOBS.items()}
    rows = []
    for job, found in peaks.items():
        rows += [row(f"{job} {n:,} tracks: peak", after / MIB, unit="MiB") for n, (_, after) in found.items()]
        rows.append(row(f"{job} {many:,}, beyond {few}", (found[many][1] - found[few][1]) / MIB, 10, unit="MiB"))
    # float16 of the blocks of 10,240 samples
    held = (many - few) * (SECONDS * SR // 10240) * 316 * 2 / MIB
    setting = (
        f"WAV files of {SECONDS} s at 44.1 kHz, stored with profiles and cut into chunks of 5 s; {many - few} of them, "
        f"held in memory, would take {held:.0f} MiB. A CRNN of width 4 trained for two epochs, validation included; "
        "teaching: a teacher on half of the tracks and its noisy student on all of them, half of which have no tags. "
        "Peak resident memory of a process of its own."
    )
    return {"setting": setting, "rows": rows, "peaks": peaks}


if __name__ == "__main__":
    run("tagging_memory", measure, __doc__, rounds=1)
