"""Songs on a command line whose labels are in the tables of several raters."""

from argparse import Namespace
from pathlib import Path

import pytest

from skmer.cli._common import CommandError
from skmer.cli.labelled_songs import load_songs


@pytest.fixture(autouse=True)
def songs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("songs").mkdir()
    for name in "abcde":
        Path("songs", f"{name}.mp3").touch()


def load(*tables, **options):
    return load_songs(Namespace(command="train", songs="songs", labels=list(tables), artists=False, **options))


def test_ties_and_songs_that_nobody_labelled_are_left_out_and_named(capsys):
    Path("ann.csv").write_text(
        "path,label,decision,rater\na.mp3,x,,Ann\nb.mp3,y,,Ann\nc.mp3,x,,Ann\nd.mp3,,unsure,Ann\n"
    )
    Path("bob.csv").write_text("path,label,decision,rater\na.mp3,x,,Bob\nb.mp3,y,,Bob\nc.mp3,y,,Bob\n")
    found = load("ann.csv", "bob.csv")
    assert (found.names, found.target.tolist()) == (["a.mp3", "b.mp3"], ["x", "y"])
    assert found.labels_from == "the tables ann.csv and bob.csv"
    assert found.label_options == "--labels ann.csv --labels bob.csv "
    assert found.left_out == ["c.mp3", "d.mp3", "e.mp3"]
    assert found.why_out == "not in ann.csv and bob.csv, or without a label of most raters there"
    assert capsys.readouterr().err.splitlines() == [
        "skmer train: The label of a song is the one that most of 2 people (Ann, Bob) chose.",
        "skmer train: 1 unsure is not taken as an answer.",
        "skmer train: 1 song is left out, because as many people chose another label: c.mp3.",
        "skmer train: 1 song is left out, because nobody has chosen a label: d.mp3.",
        "skmer train: 1 file is left out, not in ann.csv and bob.csv: e.mp3.",
    ]


def test_ratings_over_time_are_found_in_the_tables_of_raters():
    for rater, shift in (("ann", 0), ("bob", 1)):
        rows = [
            f"{name}.mp3,{time},{k + shift},{k + time},{rater}" for k, name in enumerate("ab") for time in (0.5, 1.5)
        ]
        Path(f"{rater}.csv").write_text("\n".join(["path,time,valence,arousal,rater", *rows]))
    found = load("ann.csv", "bob.csv", targets=None, quiet=True)
    assert found.target_names == ["valence", "arousal"]
    assert found.target.tolist() == [[0.5, 1], [1.5, 2]]
    assert found.label_options == "--labels ann.csv --labels bob.csv "
    assert found.left_out == ["c.mp3", "d.mp3", "e.mp3"]


def test_every_table_must_be_there():
    Path("ann.csv").write_text("path,label\na.mp3,x\nb.mp3,y\n")
    with pytest.raises(CommandError, match=r"--labels: none\.csv does not exist"):
        load("ann.csv", "none.csv")
    with pytest.raises(CommandError, match=r"different tables"):
        load("ann.csv", "ann.csv")
