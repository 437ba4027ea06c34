"""How much of a song is used: --max-duration, and the whole song in a timeline."""

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.base import clone

from skmer import load_model, save_model
from skmer._pipeline_steps import leaf_steps
from skmer.cli import main
from skmer.models import RATING_SYSTEMS, SYSTEMS, make_pipeline_of
from tests.models.tiny import SEGMENTS, written

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


@pytest.mark.parametrize("seconds", [2.5, None])
@pytest.mark.parametrize(("ratings", "systems"), [(False, SYSTEMS), (True, RATING_SYSTEMS)])
def test_every_system_is_trained_on_as_much(ratings, systems, seconds):
    for system in systems:
        if system == "musicnn" and not find_spec("musicnn"):
            continue
        pipeline = make_pipeline_of(system, {}, "cpu", ratings=ratings, max_duration=seconds)
        readers = [step.max_duration for _, step in leaf_steps(pipeline) if hasattr(step, "max_duration")]
        assert readers == [seconds] * (2 if system == "joined" else 1)
    default = make_pipeline_of("sssl", {}, "cpu", ratings=ratings)
    assert default["segments"].max_duration == 30.0


@pytest.mark.parametrize(
    ("option", "n_segments", "said"),
    [
        ([], 16 * 4, "The first 30 s of each song were used: 64 segments of 1 s."),
        (["--max-duration", "2"], 16 * 2, "The first 2 s of each song were used: 32 segments of 1 s."),
        (["--max-duration", "all"], 16 * 4, "Whole songs were used: 64 segments of 1 s."),
    ],
)
def test_a_training_uses_as_much_as_it_is_told(tmp_path, monkeypatch, option, n_segments, said):
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = json.dumps({"segments": {**SEGMENTS, "hop": 1}})
    command = ["train", "songs", "--out", "model.skmer", "--system", "log-mel", "--n-splits", "0", "--config", config]
    assert main([*command, "-q", *option]) == 0
    assert said in Path("model-card.md").read_text()
    reader = load_model("model.skmer")[0]
    assert reader.max_duration == {"": 30.0, "2": 2.0, "all": None}["".join(option[1:])]


def test_config_and_option_together_are_an_error(tmp_path, monkeypatch, capsys):
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    config = '{"descriptors": {"sr": 11264}, "segments": {"max_duration": null}}'
    command = ["train", "songs", "--out", "model.skmer", "--system", "joined", "--config", config]
    assert main([*command, "--max-duration", "5"]) == 2
    said = "max_duration is given by --max-duration and by 'segments' of --config: leave one out."
    assert said in capsys.readouterr().err
    # shorter than a segment
    assert main([*command[:-2], "--max-duration", "1", "--n-splits", "2"]) == 2
    assert "max_duration=1 s is shorter than" in capsys.readouterr().err
