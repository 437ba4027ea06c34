"""How much of a song is used: --max-duration, and the whole song in a timeline."""

import csv

import numpy as np
import pytest
import soundfile
from sklearn.base import clone

from skmer import save_model
from skmer.cli import main

from tests.tiny_model import tiny_pipeline  # isort: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that was trained on the first two seconds of songs, and a song of six seconds."""
    folder, rng = tmp_path_factory.mktemp("model"), np.random.default_rng(0)
    pipeline = tiny_pipeline()
    reader = clone(pipeline.steps[0][1]).set_params(max_duration=2)
    short = type(pipeline)([(pipeline.steps[0][0], reader), *pipeline.steps[1:]])
    save_model(short, folder / "model.skmer")
    song = folder / "song.wav"
    soundfile.write(song, 0.1 * rng.standard_normal(6 * reader.sr), reader.sr)
    return folder / "model.skmer", song, reader


def ends(path):
    with open(path, encoding="utf-8") as stream:
        return [float(row["end"]) for row in csv.DictReader(stream)]


@pytest.mark.parametrize(("option", "seconds"), [([], 6), (["--max-duration", "4"], 4), (["--max-duration", "all"], 6)])
def test_a_timeline_is_of_the_whole_song_unless_told_otherwise(model, tmp_path, capsys, option, seconds):
    path, song, _ = model
    files = ["--out", str(tmp_path / "picture.png"), "--csv", str(tmp_path / "lines.csv")]
    assert main(["timeline", str(path), str(song), *files, *option]) == 0
    assert capsys.readouterr().err == ""
    assert max(ends(tmp_path / "lines.csv")) == pytest.approx(seconds, abs=1)


@pytest.mark.parametrize(("option", "seconds"), [([], 2), (["--max-duration", "4"], 4), (["--max-duration", "all"], 6)])
def test_predictions_use_as_much_as_the_training_unless_told_otherwise(model, tmp_path, capsys, option, seconds):
    path, song, _ = model
    out = tmp_path / "lines.csv"
    assert main(["predict", str(path), str(song), "--per-segment", "--out", str(out), *option]) == 0
    assert max(ends(out)) == pytest.approx(seconds, abs=1)
    said = "The model uses the first" in capsys.readouterr().err
    assert said == (seconds < 6)


def test_a_wrong_duration(model, capsys):
    path, song, _ = model
    with pytest.raises(SystemExit):
        main(["predict", str(path), str(song), "--max-duration", "0"])
    assert "--max-duration: expected a positive number, got '0': give seconds, or all" in capsys.readouterr().err
