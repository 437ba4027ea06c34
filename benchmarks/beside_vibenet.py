"""Processor time and memory of predicting a folder with `skmer predict`, compared with VibeNet.

Whole processes are compared, from the start of Python to its end, as their users start them: with the threads that each
takes by itself. VibeNet (https://github.com/jaeheonshim/vibenet) predicts seven attributes of a song, such as valence
and energy, with an EfficientNet in onnxruntime.
"""

import os
import resource
import subprocess
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path

from _performance import HERE, run
from _ratios import interleave, row
from _report import versions

SECONDS = 30  # of synthetic songs
MIB = 2**20
AIM = 0.6
MODELS = {"skmer": {}, "skmer, small CNN": {"backbone": "small"}}
# as in VibeNet's documentation; as users of librosa would, who pass waveforms; and its command
VIBENET = {
    "VibeNet with librosa.load": """
import sys, librosa
from pathlib import Path
from vibenet import load_model
model = load_model()
for path in sorted(Path(sys.argv[1]).iterdir()):
    y, sr = librosa.load(path, sr=16000)
    print(path, model.predict(y, sr))
""",
    "VibeNet with paths": """
import sys
from pathlib import Path
from vibenet import load_model
model = load_model()
paths = sorted(map(str, Path(sys.argv[1]).iterdir()))
for path, result in zip(paths, model.predict(paths)):
    print(path, result)
""",
    "VibeNet's command": "from vibenet.cli import app; app()",
}


def recordings(folder, n):
    """Fill a folder with some recordings: excerpts of Emotify where they are available, else synthetic songs."""
    found = sorted(Path(os.environ.get("SKMER_DATA", "")).glob("emotify/audio/*"))
    if len(found) >= n:
        for path in found[:: len(found) // n][:n]:
            (folder / path.name).symlink_to(path)
        return "Emotify excerpts of 30 s, mono Opus at 48 kHz"
    import soundfile

    from skmer.datasets import make_songs

    songs = make_songs(4, duration=SECONDS, sr=48000, random_state=0).data
    for i in range(n):
        path = folder / f"{i:03d}.opus"
        if i < len(songs):
            soundfile.write(path, songs[i], 48000, format="OGG", subtype="OPUS")
        else:
            path.symlink_to(folder / f"{i % len(songs):03d}.opus")
    return "synthetic songs of 30 s, mono Opus at 48 kHz"


def write_model(path, params):
    """Write a model of the default system of `skmer train`, trained on a few songs: its accuracy does not matter here.

    `params` are those of the network.
    """
    from skmer import save_model
    from skmer.datasets import make_songs
    from skmer.models import make_pipeline_of

    made = make_songs(8, duration=6, sr=22528, random_state=0)
    short = {"max_epochs": 2, "warmup_epochs": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = make_pipeline_of("sssl", {"sssl": {**params, **short}}, device="cpu")
        save_model(pipeline.fit(made.data, made.target), path)


def commands(folder, songs):
    """Return the commands that predict a folder of songs, by name, and write the models that they need."""
    found = {}
    for i, (name, params) in enumerate(MODELS.items()):
        model = folder / f"model{i}.skmer"
        if not model.exists():
            # in another process: a process has at least the peak memory of the one that started it
            code = f"from beside_vibenet import write_model; write_model({str(model)!r}, {params!r})"
            subprocess.run([sys.executable, "-c", code], cwd=HERE, check=True)
        found[name] = ["-m", "skmer", "predict", str(model), str(songs)]
    for name, code in VIBENET.items():
        options = ["-f", "csv"] if name == "VibeNet's command" else []
        found[name] = ["-c", code, *options, str(songs)]
    return found


class Processes:
    """Runs commands of Python, one at a time, and keeps the largest memory of each."""

    def __init__(self, commands):
        self._commands = commands
        # threads as by default, and bytecode that is kept, as that of an installed package
        left_out = ("OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE")
        self._environment = {name: value for name, value in os.environ.items() if name not in left_out}
        self.peaks: dict = {}

    def ways(self):
        """Return a function for each command, by name, that runs it."""
        return {name: partial(self._run, name) for name in self._commands}

    def _run(self, name):
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, *self._commands[name]],
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env=self._environment,
                cwd="/",
            )
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            if status:
                raise SystemExit(f"{name} failed:\n{errors.read().decode(errors='replace')}")
        # kibibytes, except on macOS
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        self.peaks[name] = max(peak, self.peaks.get(name, 0))

    @staticmethod
    def seconds():
        """Return the processor time of all commands so far."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime


def measure(arguments):
    """Measure the figures."""
    installed = versions("skmer", "numpy", "scikit-learn", "torch", "skorch", "soundfile", "soxr", "librosa", "vibenet")
    if installed["vibenet"] is None:
        raise SystemExit("VibeNet is not installed: pip install -e '.[bench]'")
    rounds = 1 if arguments.quick else arguments.rounds
    sizes = (1, 2) if arguments.quick else (20, 100)
    seconds, peaks = {}, {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for n in sizes:
            songs = folder / f"songs{n}"
            songs.mkdir()
            kind = recordings(songs, n)
            processes = Processes(commands(folder, songs))
            seconds[n] = interleave(processes.ways(), rounds, processes.seconds)
            peaks[n] = processes.peaks
    [few, many] = sizes
    rows = []
    for n in sizes:
        rows += [row(f"{n} files: skmer / {other}", seconds[n]["skmer"] / seconds[n][other], AIM) for other in VIBENET]
    ratio = seconds[many]["skmer, small CNN"] / seconds[many]["skmer"]
    rows.append(row(f"{many} files: skmer, small CNN / skmer", ratio))
    for name in (*MODELS, *VIBENET):
        each = (seconds[many][name] - seconds[few][name]) / (many - few)
        rows += [
            row(f"{name}: {few} files", seconds[few][name], unit="s"),
            row(f"{name}: a file more", 1000 * each, unit="ms"),
            row(f"{name}: peak memory, {many} files", peaks[many][name] / MIB, unit="MiB"),
        ]
    setting = (
        f"{few} and {many} {kind}. `skmer predict` with a model of the default system of `skmer train` on a CPU, and "
        "with one of the small CNN. Processor time (user and system) and peak resident memory of whole processes."
    )
    installed |= versions("onnxruntime")
    return {"setting": setting, "versions": installed, "rows": rows}


if __name__ == "__main__":
    run("beside_vibenet", measure, __doc__, rounds=5)
