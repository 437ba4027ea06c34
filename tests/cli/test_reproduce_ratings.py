"""``skmer reproduce ratings`` on tiny audio in the published layouts: its files, and what is refused."""

import csv
import os
from pathlib import Path

import pytest

import skmer.cli.reproduce_ratings
from skmer.cli import main
from skmer.reproduction.ratings.songs import DATASETS
from skmer.reproduction.ratings.systems import DESCRIPTORS, DUMMY, OVER_TIME, PLAIN, SSSL
from tests.reproduction.commands import errors, read, sentence
from tests.reproduction.tiny import N_SONGS
from tests.reproduction.tiny_ratings import QUICK, write_rated


def command(dataset, *further):
    return ["reproduce", "ratings", "--collection", dataset, "--data-home", dataset, "--out", "out", *QUICK, *further]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_datasets_are_those_with_ratings():
    assert skmer.cli.reproduce_ratings.DATASETS == DATASETS


@pytest.mark.parametrize("dataset", DATASETS)
def test_ratings_of_every_collection(tmp_path, capsys, dataset):
    write_rated(dataset, tmp_path)
    over_time = ["--over-time", "--smoothing", "3", "--delay", "0"]
    assert main(command(dataset, *over_time)) == 0
    out, err = capsys.readouterr()
    assert errors(err) == ""
    base = Path("out", f"ratings-{dataset}-{'random' if dataset == 'deam' else 'grouped'}")
    table = read(f"{base}.json")
    assert list(dict.fromkeys(row["name"] for row in table["rows"])) == [DUMMY, DESCRIPTORS, PLAIN, SSSL, OVER_TIME]
    assert sum(row["n_test"] for row in table["rows"] if row["name"] == SSSL) == N_SONGS
    # what is printed is what is written
    markdown = Path(f"{base}.md").read_text()
    assert out == f"Written: {base}.json, {base}.md, {base}.csv\n\n{markdown}"
    with open(f"{base}.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    [line] = [one for one in lines if (one["row"], one["score"]) == (PLAIN, "R² valence")]
    values = [row["scores"]["R² valence"] for row in table["rows"] if row["name"] == PLAIN]
    assert float(line["mean"]) == pytest.approx(sum(values) / 2)
    # nothing is trained again, and rows of the table are not lost
    kept = {path: path.stat().st_mtime_ns for path in Path("out", "folds", dataset, "ratings").glob("*.json")}
    assert len(kept) == 2 * 4
    assert main(command(dataset, *over_time)) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    capsys.readouterr()
    assert main(command(dataset)) == 2
    assert "missing from the new table" in errors(capsys.readouterr().err)


def test_folds_of_several_machines(tmp_path):
    write_rated("pmemo", tmp_path, over_time=False)
    rows = ["--systems", "network (inherited,descriptors"]
    for fold in ("0", "1"):
        assert main(command("pmemo", *rows, "--folds", fold)) == 0
        assert Path(f"out/ratings-pmemo-grouped-folds-{fold}.json").is_file()
    assert main(command("pmemo", *rows, "--quiet")) == 0
    assert len(list(Path("out", "folds", "pmemo", "ratings").glob("*.json"))) == 4
    assert "only fold 1, counted from 0" in Path("out/ratings-pmemo-grouped-folds-1.md").read_text()


@pytest.mark.parametrize(
    ("dataset", "further", "message"),
    [
        ("4q", [], "dataset must be one of pmemo, deam, eim, vgmidi, got '4q': 4Q"),
        ("gtzan", [], "dataset must be one of pmemo, deam, eim, vgmidi, got 'gtzan'."),
        ("eim", ["--over-time"], "The ratings over time are missing: "),
        ("eim", ["--smoothing", "3"], "--smoothing is of ratings over time: add --over-time."),
        ("eim", ["--delay", "1"], "--delay is of ratings over time: add --over-time."),
        ("eim", ["--over-time", "--smoothing", "4"], "smoothing must be an odd number"),
        ("eim", ["--protocol", "x"], "has no protocol 'x': choose one of grouped, random, mediaeval2013."),
        ("eim", ["--params", '{"cv": 3}'], "SSSLRegressor has no parameter 'cv' to set here"),
        ("eim", ["--epochs", "1"], "epochs=1 leaves no epoch after warmup_epochs=1"),
        ("vgmidi", [], "vgmidi"),
    ],
)
def test_what_is_refused(tmp_path, capsys, dataset, further, message):
    write_rated("eim", tmp_path, over_time=False)
    status, line = sentence(capsys, *command(dataset, *further))
    assert status == 2
    assert message in line
    assert not Path("out").exists() or not os.listdir("out")
