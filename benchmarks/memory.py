"""Peak memory of predicting 100 and 1,000 files, and of training on more and more songs."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _performance import HERE, run
from _ratios import row

SECONDS = 6
MIB = 2**20

PREDICT = """
import resource, sys
from pathlib import Path
from prediction import fitted_pipeline
from skmer.inspection import predict_files
pipe = fitted_pipeline()
files = sorted(Path(sys.argv[1]).glob("*.wav"))[:int(sys.argv[2])]
list(predict_files(pipe, files[:10]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
n = sum(song.error is None for song in predict_files(pipe, files))
assert n == len(files), n
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""

FIT = """
import resource, sys, warnings
import numpy as np
from skmer import SSSLClassifier, SongSequence
warnings.simplefilter("ignore")
n = int(sys.argv[2])
rng = np.random.default_rng(0)
def classifier():
    return SSSLClassifier("small", backbone_params={"width": 4}, max_epochs=2, warmup_epochs=1, random_state=0)
def songs(n):
    return SongSequence([rng.random((1320, 128), dtype=np.float32) for _ in range(n)], window=(131, 44))
classifier().fit(songs(8), np.arange(8) % 4)
X = songs(n)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
classifier().fit(X, np.arange(n) % 4)
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(code, *arguments):
    """Run code in a new Python process; return its peak memory before and after the work, in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, cwd=HERE, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    # kibibytes, except on macOS
    return [int(figure) * (1 if sys.platform == "darwin" else 1024) for figure in done.stdout.split()]


def measure(arguments):
    """Measure the figures."""
    import soundfile

    sizes = (20, 60) if arguments.quick else (100, 1_000)
    trained = (20, 40) if arguments.quick else (100, 200, 400)
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for i in range(sizes[-1]):
            soundfile.write(Path(folder) / f"{i:04d}.wav", 0.1 * rng.standard_normal(SECONDS * 22528), 22528)
        predicted = {n: peak(PREDICT, folder, n) for n in sizes}
    fitted = {n: peak(FIT, "", n) for n in trained}
    growth = (predicted[sizes[1]][1] - predicted[sizes[0]][1]) / MIB
    extra = [(after - before) / MIB for before, after in fitted.values()]
    slope, constant = np.polyfit(trained, extra, 1)
    # float16 of 1,320 frames of 128 bands
    bank = 1320 * 128 * 2 / MIB
    rows = [
        *(row(f"predicting {n:,} files: peak", after / MIB, unit="MiB") for n, (_, after) in predicted.items()),
        row(f"predicting {sizes[1]:,} files, beyond {sizes[0]:,}", growth, 30, unit="MiB"),
        *(row(f"fitting {n} songs: beyond the songs", e, unit="MiB") for n, e in zip(trained, extra, strict=True)),
        row("fitting: a song more", slope, unit="MiB"),
        row("fitting: whatever their number", constant, unit="MiB"),
    ]
    setting = (
        f"Predicting WAV files of {SECONDS} s; fitting spectrograms of 30 s in segments of 3 s, of which the bank "
        f"holds {bank:.2f} MiB a song. Peak resident memory of a process of its own."
    )
    return {"setting": setting, "rows": rows, "peaks": json.loads(json.dumps({"predict": predicted, "fit": fitted}))}


if __name__ == "__main__":
    run("memory", measure, __doc__, rounds=1)
