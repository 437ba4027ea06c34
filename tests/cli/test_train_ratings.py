"""``skmer train`` on ratings: columns of numbers are found, learnt and named, and what is wrong with them is said."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from skmer.cli import main
from skmer.datasets import load_csv
from skmer.models import RATING_CANDIDATES, RATING_SYSTEMS, load_model, train_model
from tests.models.tiny import LOG_MEL, SEGMENTS, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
FAST = ["--system", "log-mel", "--config", json.dumps(LOG_MEL), "--n-splits", "2"]
NETWORK = {
    "segments": {**SEGMENTS, "harmony": False},
    "sssl": {"backbone_params": {"hidden": [8]}, "max_epochs": 4, "warmup_epochs": 2},
}
PLANTED = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)}
LEARNT = "skmer train: Columns valence and arousal hold numbers: ratings are learnt (--targets for other columns).\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    written(folder)
    return folder / "songs"


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """A folder to work in, with the songs and a table of planted ratings in it."""
    shutil.copytree(made, tmp_path / "songs")
    monkeypatch.chdir(tmp_path)
    write_table()
    return tmp_path


def write_table(header="path,n_raters,valence,arousal", changed=None):
    rng = np.random.default_rng(0)
    with open("ratings.csv", "w", newline="") as file:
        print(header, file=file)
        for i, path in enumerate(sorted(Path("songs").rglob("*.wav"))):
            valence, arousal = PLANTED[path.parts[1]] + rng.normal(scale=0.2, size=2)
            row = f"{path.relative_to('songs').as_posix()},{20 + i % 3},{valence:.2f},{arousal:.2f}"
            print((changed or {}).get(i, row).replace("PATH", row.split(",")[0]), file=file)


def train(*arguments):
    labels = [] if "--labels" in arguments else ["--labels", "ratings.csv"]
    return main(["train", "songs", *labels, "--out", "model.skmer", *arguments])


def card():
    return json.loads(Path("model-card.json").read_text())


def test_ratings_are_found_and_learnt(home, capsys):
    assert train(*FAST) == 0
    out, err = capsys.readouterr()
    assert err == LEARNT
    assert re.match(r"16 songs to read: valence from -1\.\d+ to 1\.\d+, arousal from ", out)
    songs = load_csv("ratings.csv", "songs", targets=["valence", "arousal"])
    expected = train_model(songs, "log-mel", LOG_MEL, n_splits=2)
    assert card()["estimate"] == expected.card["estimate"]
    for part in ("table", "sentence"):
        assert expected.card["estimate"][part] in out
    assert card()["targets"] == ["valence", "arousal"]
    assert card()["data"]["labels_from"] == "the table ratings.csv"
    model = load_model("model.skmer")
    assert model[-1].target_names_ == ["valence", "arousal"]
    np.testing.assert_array_equal(model.predict(songs.data), expected.pipeline.predict(songs.data))
    assert sorted(os.listdir()) == ["model-card.json", "model-card.md", "model.skmer", "ratings.csv", "songs"]


def test_columns_are_those_that_are_named(home, capsys):
    assert train(*FAST, "--targets", "Arousal, n_raters") == 0
    assert capsys.readouterr().err == ""
    assert card()["targets"] == ["arousal", "n_raters"]
    assert card()["data"]["ratings"]["n_raters"]["lowest"] == 20


def test_the_network_of_ratings(home, capsys):
    config = ["--config", json.dumps(NETWORK), "--device", "cpu", "--n-splits", "2"]
    assert train("--system", "auto", *config) == 0
    assert "| plain " in capsys.readouterr().out
    assert card()["system"] == card()["estimate"]["choice"]["chosen"]
    assert train("--system", "plain", *config, "--force", "-q") == 0
    assert capsys.readouterr() == ("", "")
    assert load_model("model.skmer")["sssl"].target_names_ == ["valence", "arousal"]
    assert card()["usage"][1] == "skmer timeline model.skmer SONG --out ratings.png"


def test_numbers_in_the_column_label_are_ratings_unless_they_are_few_whole_ones(home, capsys):
    write_table("path,group,label,other")
    assert train(*FAST) == 0
    out, err = capsys.readouterr()
    assert err == "skmer train: Column label holds numbers: ratings are learnt (--targets none for classes).\n"
    assert card()["targets"] == ["label"]
    assert "label:\n\n| system " in out
    # the second column has 20, 21 and 22
    write_table("path,label,valence,arousal")
    assert train(*FAST, "--force") == 0
    assert capsys.readouterr().err == (
        "skmer train: Column label holds few whole numbers: classes are learnt (--targets label for ratings).\n"
    )
    assert card()["classes"] == ["20", "21", "22"]
    assert train(*FAST, "--force", "--targets", "none") == 0
    assert capsys.readouterr().err == ""
    assert card()["classes"] == ["20", "21", "22"]


def test_songs_without_ratings_are_left_out_and_told(home, capsys):
    write_table(changed={3: "PATH,20,,nan"})
    songs = sorted(path.relative_to("songs").as_posix() for path in Path("songs").rglob("*.wav"))
    assert train(*FAST) == 0
    out, err = capsys.readouterr()
    left_out = f"1 file is left out, not in ratings.csv, or without ratings there: {songs[3]}."
    assert err == f"{LEARNT}skmer train: {left_out}\n"
    assert card()["data"]["left_out"] == [songs[3]]
    assert out.startswith("15 songs to read")
    assert left_out.replace("is", "was", 1) in Path("model-card.md").read_text()


def test_a_stopped_run_goes_on(home, capsys, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("skmer.models.train.fit_with_groups", fail)
        assert train(*FAST) == 130
    assert train(*FAST) == 0
    assert "(2 of them finished by an earlier run)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            "--targets valance",
            r"ratings\.csv has no column 'valance'; its columns of numbers are: n_raters, valence, a",
        ),
        ("--targets path", "targets must be different names of columns other than path and group"),
        ("--targets none", r"has no columns \['label'\]"),
        ("--targets valence --system joined", "system='joined' is for classes, but these are ratings"),
        ("--targets valence --system cross-entropy", "'cross-entropy' is for classes.*choose from sssl, plain"),
        ('--targets valence --config {"sssl":{"balance":null}}', "section 'sssl' has no parameter 'balance'"),
        ("--targets mood --labels moods.csv", r"moods\.csv: the column 'mood' holds no numbers; .*: joy, fear"),
        ("--labels moods.csv", "moods.csv has no column label. Its columns of numbers are joy, fear: name those"),
        ("--targets joy --labels moods.csv", r"moods\.csv, line 2: no such audio file"),
        ("--targets joy,fear --labels partial.csv", r"partial\.csv, line 3: fear is missing, but the song has other"),
        ("--targets joy --labels broken.csv", r"broken\.csv, line 4: joy must be a number, got '0,5'"),
        ("--targets valence --labels folders", "--targets names columns of a table: give the table"),
        ("--labels folders --system plain", "system='plain' is for ratings, but these are classes"),
    ],
)
def test_wrong_input_ends_in_a_sentence(home, arguments, told, capsys, monkeypatch):
    Path("moods.csv").write_text("path,mood,joy,fear\na.mp3,x,0.5,1\nb.mp3,y,1,2.5\n")
    Path("broken.csv").write_text("path;joy;fear\na.mp3;1;1\nb.mp3;1;1\nc.mp3;0,5;1\n")
    Path("partial.csv").write_text("path;joy;fear\na.mp3;1;1\nb.mp3;1;\n")
    monkeypatch.setattr("skmer.models.train.read_songs", lambda *_: pytest.fail("a song was read"))
    assert train(*arguments.split(), "-q") == 2
    out, err = capsys.readouterr()
    assert re.search(told, err)
    assert err.count("\n") == 1
    assert out == ""
    assert not Path("model.folds").exists()


def test_no_song_is_left(home, capsys):
    for path in Path("songs").rglob("*.wav"):
        path.write_bytes(b"")
    assert train(*FAST, "--skip-unreadable", "-q") == 1
    err = capsys.readouterr().err
    assert "16 of 16 songs cannot be used" in err
    assert "No song is left: repair some of them." in err


def test_help_names_the_systems_of_ratings(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10000")
    with pytest.raises(SystemExit):
        main(["train", "-h"])
    text = " ".join(capsys.readouterr().out.split())
    names = [*RATING_SYSTEMS, *RATING_CANDIDATES]
    assert f"of ratings {', '.join(names[:-1])} or {names[-1]}" in text
    assert "--targets COLUMNS" in text
