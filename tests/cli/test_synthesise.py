"""``skmer synthesise``: songs in folders, a table of what they truly express, nothing overwritten unasked."""

import csv
import errno
import os

import numpy as np
import pytest

from skmer.cli import main
from skmer.datasets import load_folder, make_songs

SMALL = ["--n-songs", "4", "--duration", "4", "--noise", "0.25"]


def test_it_writes_what_make_songs_makes(tmp_path, capsys):
    folder = tmp_path / "try"
    assert main(["synthesise", str(folder), *SMALL, "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        "4 songs of 4 s by 1 composer: Q1 1, Q2 1, Q3 1, Q4 1",
        "25% of their seconds express another emotion than the label",
        f"Songs: {folder}/songs",
        f"Emotion of each second: {folder}/planted.csv",
    ]
    songs = make_songs(4, duration=4, noise=0.25, random_state=3)
    assert sorted(load_folder(folder / "songs").target) == sorted(songs.target)
    with open(folder / "planted.csv", newline="") as file:
        told = {}
        for row in csv.DictReader(file):
            told.setdefault(row["file"], []).extend([row["emotion"]] * (int(row["end"]) - int(row["start"])))
    found = [told[name] for name in sorted(told, key=lambda name: name.rpartition("-")[2])]
    assert found == [seconds.tolist() for seconds in songs.segment_target]
    assert np.mean([k != name.split("/")[0] for name, seconds in told.items() for k in seconds]) == 0.25


def test_a_folder_with_something_in_it_is_refused_unless_forced(tmp_path, capsys):
    (tmp_path / "mine.txt").touch()
    assert main(["synthesise", str(tmp_path), *SMALL]) == 2
    assert "contains mine.txt" in (err := capsys.readouterr().err)
    assert "--force" in err
    assert os.listdir(tmp_path) == ["mine.txt"]
    assert main(["synthesise", str(tmp_path), *SMALL, "--force", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["synthesise", str(tmp_path / "mine.txt"), *SMALL]) == 2
    assert "must be a folder" in capsys.readouterr().err


def test_progress_is_shown_on_a_terminal_only(tmp_path, capsys, monkeypatch):
    for n, (terminal, quiet, shown) in enumerate([(True, [], True), (True, ["-q"], False), (False, [], False)]):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
        assert main(["synthesise", str(tmp_path / str(n)), *SMALL, *quiet]) == 0
        assert ("4/4" in capsys.readouterr().err) is shown


def test_a_full_disk_is_said_in_a_line_and_leaves_the_earlier_songs(tmp_path, capsys, monkeypatch):
    assert main(["synthesise", str(tmp_path), *SMALL]) == 0
    before = sorted(tmp_path.rglob("*"))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert main(["synthesise", str(tmp_path), *SMALL, "--force"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "wrong", [["--noise", "0.5"], ["--noise", "x"], ["--n-songs", "3"], ["--duration", "1.5"], ["--seed", "-1"]]
)
def test_wrong_arguments(wrong, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["synthesise", str(tmp_path / "new"), *wrong])
    assert wrong[1] in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
