"""skmer predict and skmer timeline with models of ratings: a column for each, and curves."""

import csv
import io
import json
import os
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skmer import DescriptorTransformer, save_model
from skmer.cli import main
from tests.tiny_model import SR, tiny_rating_pipeline, tiny_ratings, tiny_songs


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_model(tiny_rating_pipeline(), tmp_path_factory.mktemp("model") / "model.skmer"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A model of whole songs, whose ratings have no names."""
    pipe = make_pipeline(DescriptorTransformer(sr=SR, groups=["dynamics"]), Ridge())
    path = tmp_path_factory.mktemp("model") / "whole.joblib"
    joblib.dump(pipe.fit(tiny_songs().data, tiny_ratings().to_numpy()), path)
    return str(path)


@pytest.fixture
def songs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("music")
    names = [f"music/{name}.wav" for name in "abc"]
    for name, y in zip(names, tiny_songs().data, strict=False):
        soundfile.write(name, y, SR, subtype="PCM_16")
    return names


def table(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_has_a_column_for_each_rating(model, songs, capsys):
    assert main(["predict", model, "music", "--out", "all.csv"]) == 0
    assert capsys.readouterr().err.endswith("3 of 3 files predicted.\n")
    rows = table(Path("all.csv").read_text())
    assert list(rows[0]) == ["file", "valence", "arousal", "seconds", "n_segments", "warning", "error"]
    found = [[float(row["valence"]), float(row["arousal"])] for row in rows]
    np.testing.assert_allclose(found, tiny_rating_pipeline().predict(songs), atol=1e-6)
    assert [(row["file"], float(row["seconds"]), row["n_segments"]) for row in rows] == [(s, 5, "9") for s in songs]


def test_a_line_of_a_segment_has_its_ratings(model, songs, capsys):
    assert main(["predict", model, *songs[:2], "--per-segment", "-q"]) == 0
    rows = table(capsys.readouterr().out)
    assert list(rows[0]) == ["file", "start", "end", "valence", "arousal", "warning", "error"]
    assert [(float(row["start"]), float(row["end"])) for row in rows] == [(i / 2, i / 2 + 1) for i in range(9)] * 2
    found = [[float(row["valence"]), float(row["arousal"])] for row in rows]
    np.testing.assert_allclose(found, np.concatenate(list(tiny_rating_pipeline().transform(songs[:2]))), atol=1e-6)


def test_json_has_the_ratings_by_name(model, songs, capsys):
    assert main(["predict", model, songs[0], "none.wav", "-q", "--format", "jsonl"]) == 1
    line, missing = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(line) == ["file", "ratings", "seconds", "n_segments", "warning", "error"]
    expected = tiny_rating_pipeline().predict(songs[:1])[0]
    assert line["ratings"] == pytest.approx(dict(zip(["valence", "arousal"], expected, strict=True)), abs=1e-6)
    assert missing["ratings"] is None
    assert "there is no such file" in missing["error"]
    assert main(["predict", model, songs[0], "-q", "--format", "jsonl", "--per-segment"]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert list(first) == ["file", "start", "end", "ratings", "warning", "error"]


@pytest.mark.parametrize("options", [[], ["--per-segment"], ["--n-jobs", "2"]])
def test_files_that_fail_have_a_line(model, songs, capsys, options):
    Path("text.mp3").write_text("this is no music\n" * 100)
    assert main(["predict", model, songs[0], "text.mp3", songs[1], *options]) == 1
    out, err = capsys.readouterr()
    rows = table(out)
    assert list(dict.fromkeys(row["file"] for row in rows)) == [songs[0], "text.mp3", songs[1]]
    [bad] = [row for row in rows if row["error"]]
    assert (bad["file"], bad["valence"], bad["arousal"]) == ("text.mp3", "", "")
    assert "not audio" in bad["error"]
    assert "2 of 3 files predicted. 1 failed" in err


def test_models_of_whole_songs(whole, songs, capsys):
    assert main(["predict", whole, *songs, "-q"]) == 0
    rows = table(capsys.readouterr().out)
    assert list(rows[0]) == ["file", "target0", "target1", "seconds", "n_segments", "warning", "error"]
    expected = joblib.load(whole).predict(songs)
    np.testing.assert_allclose([[float(row[f"target{i}"]) for i in (0, 1)] for row in rows], expected, atol=1e-6)
    assert {row["seconds"] + row["n_segments"] for row in rows} == {""}
    assert main(["predict", whole, songs[0], "--per-segment"]) == 2
    assert "leave --per-segment out" in capsys.readouterr().err
    assert main(["timeline", whole, songs[0]]) == 2
    assert "this model predicts ratings of whole songs only" in capsys.readouterr().err


def test_a_negative_zero_has_no_sign(whole, songs, capsys):
    pipe = joblib.load(whole)
    pipe[-1].coef_[:], pipe[-1].intercept_[:] = 0, -1e-9
    joblib.dump(pipe, "zero.joblib")
    assert main(["predict", "zero.joblib", songs[0], "-q"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == f"{songs[0]},0.000000,0.000000,,,,"


def test_timeline_draws_curves_and_writes_segments(model, songs, capsys):
    pytest.importorskip("matplotlib")
    assert main(["timeline", model, songs[0], "--csv", "a.csv"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert Path("a-emotion.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    rows = table(Path("a.csv").read_text())
    assert list(rows[0]) == ["file", "start", "end", "valence", "arousal", "warning", "error"]
    curve = tiny_rating_pipeline().transform(songs[:1])[0]
    np.testing.assert_allclose([[float(row["valence"]), float(row["arousal"])] for row in rows], curve, atol=1e-6)
    lines = out.splitlines()
    assert lines[0] == "a.wav: 0:05.0 heard in 9 segments"
    assert lines[2].split() == ["target", "song", "lowest", "at", "highest", "at"]
    centres = [f"0:0{0.5 + 0.5 * i:.1f}" for i in range(9)]
    ratings = tiny_rating_pipeline().predict(songs[:1])[0]
    for line, name, rating, values in zip(lines[3:5], ["valence", "arousal"], ratings, curve.T, strict=True):
        low, high = values.argmin(), values.argmax()
        expected = [f"{rating:.3f}", f"{values[low]:.3f}", centres[low], f"{values[high]:.3f}", centres[high]]
        assert line.split() == [name, *expected]
    assert lines[-2:] == ["Picture: a-emotion.png", "Segments: a.csv"]
    assert main(["timeline", model, "none.wav"]) == 1
    assert main(["timeline", model, songs[0], "--out", "x.svg"]) == 0
    assert {"valence", "arousal"} <= {word for word in ("valence", "arousal") if word in Path("x.svg").read_text()}


@pytest.mark.parametrize(
    "command", [["label-noise", "music", "--out", "report"], ["export", "--to", "onnx", "--out", "x"]]
)
def test_label_noise_and_export_are_for_classes(model, whole, songs, capsys, command):
    pytest.importorskip("matplotlib")
    for name in (model, whole):
        assert main([command[0], name, *command[1:]]) == 2
        err = capsys.readouterr().err
        assert "this model predicts ratings (" in err
        assert "needs one of classes" in err
        assert err.count("\n") == 1
