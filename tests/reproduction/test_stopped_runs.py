"""Runs in parts, runs that are ended and go on, finished runs: no fold is trained twice, the table is the same."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skmer.model_selection import NetworkSystem
from tests.reproduction.commands import arguments, errors, finished, run, timeless
from tests.reproduction.tiny import write_collection


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """PMEmo in the current folder, as most tests want it."""
    monkeypatch.chdir(tmp_path)
    _, paths = write_collection("pmemo", tmp_path)
    return paths


def test_folds_run_one_by_one_are_the_table(songs, capsys):
    options = ["--tasks", "valence", "--systems", "log,inherited"]
    assert run("table3", "pmemo", *options, out="whole") == 0
    for folds in ("0", "1"):
        assert run("table3", "pmemo", *options, "--folds", folds) == 0
        assert f"only fold {folds} of 2, counted from 0" in capsys.readouterr().out
        assert Path(f"out/table3-pmemo-stratified-folds-{folds}.json").is_file()
    kept = finished()
    assert run("table3", "pmemo", *options) == 0
    assert finished() == kept
    assert timeless("out/table3-pmemo-stratified.json") == timeless("whole/table3-pmemo-stratified.json")
    assert (
        Path("out/table3-pmemo-stratified.csv").read_bytes() == Path("whole/table3-pmemo-stratified.csv").read_bytes()
    )


def test_ctrl_c_keeps_the_finished_folds_and_a_finished_run_trains_nothing(songs, capsys, monkeypatch):
    options = ["--tasks", "valence", "--systems", "log,inherited,Proposed ("]
    assert run("table3", "pmemo", *options, out="whole") == 0
    real, times = NetworkSystem.run, []

    def stop(self, *args, **kwargs):
        times.append(1)
        if len(times) == 3:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    monkeypatch.setattr(NetworkSystem, "run", stop)
    capsys.readouterr()
    assert run("table3", "pmemo", *options) == 130
    out, err = capsys.readouterr()
    assert (out, errors(err)) == ("", "skmer reproduce: interrupted.\n")
    kept = finished()
    assert len(kept) == 4  # of the first fold all, of the second what is before its networks
    assert not list(Path("out").glob("table3*"))
    monkeypatch.setattr(NetworkSystem, "run", real)
    assert run("table3", "pmemo", *options) == 0
    assert {path: time for path, time in finished().items() if path in kept} == kept
    assert timeless("out/table3-pmemo-stratified.json") == timeless("whole/table3-pmemo-stratified.json")

    def train(*args, **kwargs):
        raise AssertionError("a finished fold was trained again")

    kept = finished()
    monkeypatch.setattr(NetworkSystem, "run", train)
    monkeypatch.setattr(NetworkSystem, "prepare", train)
    assert run("table3", "pmemo", *options) == 0
    assert finished() == kept


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_a_process_that_is_killed_within_a_fold_goes_on_where_it_was(songs, capsys):
    for epochs in (80, 320, 1280):
        long = ["--tasks", "valence", "--systems", "inherited,Proposed (", "--epochs", str(epochs)]
        command = [sys.executable, "-m", "skmer", *arguments("table3", "pmemo", *long)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        end = time.monotonic() + 120
        while not finished() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        process.kill()
        out, err = process.communicate()
        if process.returncode != 0:
            break
        # this process had to wait for so long that all folds were finished: once more, with longer ones
        shutil.rmtree("out")
    assert process.returncode == -signal.SIGKILL, err
    assert out == ""
    kept = finished()
    assert 0 < len(kept) < 4
    assert not list(Path("out").glob("table3*"))
    assert run("table3", "pmemo", *long) == 0
    assert {path: time for path, time in finished().items() if path in kept} == kept
    assert len(finished()) == 4
    assert run("table3", "pmemo", *long, out="whole") == 0
    assert (
        Path("out/table3-pmemo-stratified.csv").read_bytes() == Path("whole/table3-pmemo-stratified.csv").read_bytes()
    )
    assert timeless("out/table3-pmemo-stratified.json") == timeless("whole/table3-pmemo-stratified.json")
