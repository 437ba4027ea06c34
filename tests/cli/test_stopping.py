"""Processes that are stopped by signals: their exit status, their last message, and the files they leave."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import soundfile

from skmer import save_model
from tests.tiny_model import SR, tiny_pipeline, tiny_songs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
DEMO = """
import sys, skmer.reproduction.demo
from skmer.cli import main
skmer.reproduction.demo.SYNTHETIC = {
    "songs": {"n_songs": 40, "duration": 12, "noise": 0.25},
    "segments": {"duration": 2, "sr": 11264, "n_fft": 512, "n_mels": 64},
    "network": {"max_epochs": 600, "warmup_epochs": 200},
}
sys.argv = ["skmer", "demo", "--n-jobs", "2"]
sys.exit(main())
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a model and eight songs."""
    monkeypatch.chdir(tmp_path)
    save_model(tiny_pipeline(), "model.skmer")
    Path("music").mkdir()
    for i, y in enumerate(tiny_songs().data):
        soundfile.write(f"music/{i}.wav", y, SR, subtype="PCM_16")
    return tmp_path


def start(*command, **options):
    def hear():
        # a shell that puts the tests in the background has them ignore SIGINT
        signal.signal(signal.SIGINT, signal.default_int_handler)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, *command], preexec_fn=hear, **pipes, **options)


def predict_much():
    return start("-m", "skmer", "predict", "model.skmer", *["music"] * 200, "--out", "all.csv")


def wait_for(holds, process, seconds=60):
    until = time.monotonic() + seconds
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)


def lines_of_parts():
    return [path.read_text().count("\n") for path in Path().glob("*all.csv.*.part")]


@pytest.mark.parametrize(
    ("signals", "status", "word"),
    [
        ([signal.SIGTERM], 143, "terminated"),
        # as a program sends them that stops a process and its group
        ([signal.SIGINT, signal.SIGINT, signal.SIGINT], 130, "interrupted"),
    ],
)
def test_an_interrupted_predict_keeps_the_finished_lines(home, signals, status, word):
    process = predict_much()
    wait_for(lambda: max(lines_of_parts(), default=0) >= 4, process)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.002)
    out, err = process.communicate(timeout=60)
    # one more signal ends a process that has printed its message; a shell reports that as 130 too
    assert process.returncode in ((status,) if len(signals) == 1 else (status, -signals[-1]))
    [part] = home.glob("*all.csv.*.part")
    with open(part, newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 3
    assert [row["file"] for row in rows] == [f"music/{i % 8}.wav" for i in range(len(rows))]
    assert all(row["emotion"] for row in rows)
    kept = f"What was finished is in {part}. It holds the lines of {len(rows)} files; all.csv is not written."
    assert err == f"skmer predict: {word}. {kept}\n"
    assert out == ""
    assert not Path("all.csv").exists()


@pytest.mark.slow
def test_the_demonstration_ends_its_workers_without_a_message(tmp_path):
    process = start("-c", DEMO, cwd=tmp_path, start_new_session=True)
    for line in process.stdout:
        if "express another emotion" in line:
            break
    time.sleep(5)
    for _ in range(2):
        # to the workers too, as a terminal does
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.3)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode in (130, -signal.SIGINT), err
    # no progress either, where standard error is no terminal
    assert re.sub(".*Warning.*\n.*\n", "", err) == "skmer demo: interrupted.\n"
