"""What the benchmark of tagging's memory runs; never how much it takes."""

import importlib
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
N = 24


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("tagging_memory")


@pytest.fixture(scope="module")
def folder(script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "SECONDS", 6)
        script.write_tracks(folder, N)
    return folder


def test_tracks_are_a_few_recordings_under_many_names(script, folder):
    tracks = [soundfile.read(path) for path in sorted(folder.glob("*.wav"))]
    assert [(len(y), sr) for y, sr in tracks] == [(6 * 44100, 44100)] * N
    assert len({y.tobytes() for y, _ in tracks}) == script.RECORDINGS
    assert all(np.abs(y).max() < 1 for y, _ in tracks)


@pytest.mark.parametrize("job", ["storing", "fitting", "teaching", "predicting"])
def test_a_job_runs_on_stored_songs_and_tells_its_peaks(script, folder, job, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["-c", str(folder), str(N)])
    with warnings.catch_warnings():
        exec(script.BEGIN + script.JOBS[job] + script.END, {})
    before, after = map(int, capsys.readouterr().out.split())
    assert 0 < before <= after
    assert len(list((folder / f"store{N}").glob("*.npy"))) == N


def test_what_tracks_add_is_held_against_an_aim(script, monkeypatch):
    mib = script.MIB
    monkeypatch.setattr(script, "write_tracks", lambda folder, n: None)
    monkeypatch.setattr(script, "peak", lambda code, folder, n: [0, (400 + 11 * (n == 1000)) * mib])
    found = script.measure(type("Arguments", (), {"quick": False}))
    assert [row["median"] for row in found["rows"]] == [400, 411, 11] * 4
    assert [row["reached"] for row in found["rows"]] == [None, None, False] * 4
