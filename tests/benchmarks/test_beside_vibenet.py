"""What the comparison with VibeNet runs and reports; never how long anything takes."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script():
    pytest.importorskip("resource", reason="this system has no processor time of child processes")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("beside_vibenet")


@pytest.mark.usefixtures("script")
def test_the_time_and_memory_are_those_of_the_processes():
    code = (
        "from beside_vibenet import Processes\n"
        "processes = Processes({'few': ['-c', 'pass'], 'many': ['-c', 'bytes(range(256)) * (1 << 20)']})\n"
        "for run in processes.ways().values():\n"
        "    before = processes.seconds()\n"
        "    run()\n"
        "    assert processes.seconds() > before\n"
        "print(*processes.peaks.values())"
    )
    # in a process of little memory, as that of the script
    done = subprocess.run([sys.executable, "-c", code], cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    few, many = map(int, done.stdout.split())
    assert few < 150 << 20
    assert 256 << 20 < many < 400 << 20


def test_a_command_that_fails_ends_the_measurement_with_its_message(script):
    with pytest.raises(SystemExit, match=r"VibeNet failed:(\n.*)*no such model"):
        script.Processes({"VibeNet": ["-c", "raise OSError('no such model')"]}).ways()["VibeNet"]()


def test_a_folder_has_as_many_songs_as_asked_for(script, tmp_path, monkeypatch):
    monkeypatch.setenv("SKMER_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(script, "SECONDS", 1)
    (tmp_path / "made").mkdir()
    assert "synthetic" in script.recordings(tmp_path / "made", 5)
    assert [soundfile.info(path).duration for path in (tmp_path / "made").iterdir()] == [1] * 5
    kept = tmp_path / "data" / "emotify" / "audio"
    kept.mkdir(parents=True)
    for i in range(7):
        (kept / f"{i}.opus").touch()
    (tmp_path / "linked").mkdir()
    assert "Emotify" in script.recordings(tmp_path / "linked", 3)
    assert sorted(path.name for path in (tmp_path / "linked").iterdir()) == ["0.opus", "2.opus", "4.opus"]


def test_every_way_of_using_vibenet_is_held_against_the_aim(script, monkeypatch):
    monkeypatch.setattr(script, "recordings", lambda folder, n: "songs")
    monkeypatch.setattr(script, "versions", lambda *names: dict.fromkeys(names, "1"))
    names = [*script.MODELS, *script.VIBENET]
    monkeypatch.setattr(script, "commands", lambda folder, songs: {name: ["-S", "-c", "pass"] for name in names})
    found = script.measure(SimpleNamespace(quick=True, rounds=1))
    aims = [row["what"] for row in found["rows"] if row["aim"] is not None]
    assert aims == [f"{n} files: skmer / {other}" for n in (1, 2) for other in script.VIBENET]
    assert len(found["rows"]) == len(aims) + 1 + 3 * len(names)


def test_without_vibenet_the_package_is_named(script, monkeypatch):
    monkeypatch.setattr(script, "versions", lambda *names: dict.fromkeys(names))
    with pytest.raises(SystemExit, match="VibeNet is not installed"):
        script.measure(SimpleNamespace(quick=True, rounds=1))
