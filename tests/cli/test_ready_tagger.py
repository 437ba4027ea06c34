"""``skmer predict --ready musicnn``: tags without labels and training, in the formats of models."""

import csv
import json
import os
import sys

import numpy as np
import pytest
import soundfile

from skmer.cli import main
from skmer.embeddings import musicnn
from skmer.tagging import make_musicnn_tagger
from tests.embeddings import checkpoints


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return checkpoints.write_package(tmp_path_factory.mktemp("package") / "musicnn", checkpoints.random_arrays())


@pytest.fixture
def installed(package, tmp_path, monkeypatch):
    """A folder with two songs, and the package in place of one that is installed."""
    monkeypatch.setattr(sys.modules["skmer.embeddings.musicnn"], "_installed", lambda: package)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    os.mkdir("songs")
    for name in ("a", "b"):
        soundfile.write(f"songs/{name}.wav", 0.1 * rng.standard_normal(5 * 16000), 16000)


def test_the_lines_are_those_of_a_tagger(installed, package, capsys):
    assert main(["predict", "--ready", "musicnn", "songs", "--out", "tags.csv"]) == 0
    with open("tags.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    tagger = make_musicnn_tagger(path=package, device="cpu")
    expected = tagger.predict_proba(["songs/a.wav", "songs/b.wav"])
    names = musicnn(path=package).tags
    assert [row["file"] for row in rows] == ["songs/a.wav", "songs/b.wav"]
    assert list(rows[0]) == ["file", "tags", *(f"p_{name}" for name in names), "warning", "error"]
    found = [[float(row[f"p_{name}"]) for name in names] for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert {"happy", "sad", "Mellow", "party", "chill", "ambient"} <= set(names)
    assert set(rows[0]["tags"].split(";")) == {names[k] for k in expected[0].argsort()[-3:]}
    assert "trained on the Million Song Dataset with tags of last.fm, and not emotions" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--ready", "musicnn", "songs/a.wav"], ["songs/a.wav", "--ready", "musicnn"], ["songs/a.wav", "--ready=musicnn"]],
)
def test_one_song_is_enough_in_any_order(installed, capsys, arguments):
    assert main(["predict", *arguments, "--format", "jsonl", "-q", "--max-duration", "3"]) == 0
    printed = capsys.readouterr()
    line = json.loads(printed.out)
    assert (line["file"], len(line["tags"]), len(line["probabilities"])) == ("songs/a.wav", 3, 50)
    assert printed.err == ""


def test_options_apply(installed, package, capsys):
    assert main(["predict", "--ready", "musicnn", "songs/a.wav", "-q", "--format=jsonl", "--precision=float32"]) == 0
    exact = make_musicnn_tagger(precision="float32", device="cpu", path=package).predict_proba(["songs/a.wav"])[0]
    found = list(json.loads(capsys.readouterr().out)["probabilities"].values())
    np.testing.assert_allclose(found, exact, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--per-segment"], "this model predicts whole songs only"),
        (["--device", "cuda:99"], "device='cuda:99'"),
    ],
)
def test_errors_are_sentences(installed, capsys, arguments, message):
    assert main(["predict", "--ready", "musicnn", "songs/a.wav", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_without_the_package_a_sentence_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setattr(sys.modules["skmer.embeddings.musicnn"], "find_spec", lambda name: None)
    assert main(["predict", "--ready", "musicnn", "song.mp3"]) == 2
    assert capsys.readouterr().err == (
        "skmer predict: --ready musicnn takes the network from the package musicnn, which is not installed: pip "
        "install --no-deps musicnn\n"
    )


def test_without_it_a_model_and_songs_are_required(capsys):
    for arguments in (["model.skmer"], ["--ready", "musicnn"]):
        with pytest.raises(SystemExit) as caught:
            main(["predict", *arguments])
        assert caught.value.code == 2
    with pytest.raises(SystemExit):
        main(["predict", "--ready", "other", "song.mp3"])
    assert "choose from" in capsys.readouterr().err


def test_a_model_beside_it_is_an_error(capsys):
    assert main(["predict", "m.skmer", "songs/a.wav", "--ready", "musicnn"]) == 2
    assert "--ready takes the place of MODEL: leave m.skmer or --ready out." in capsys.readouterr().err
