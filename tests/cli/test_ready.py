"""``skmer ready``: a model of a published collection, on tiny collections in the published layouts."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skmer.cli import main
from skmer.datasets import load_emotify, load_vgmidi, make_songs
from skmer.models import load_model, train_model
from tests.datasets import test_emopia as emopia
from tests.datasets import test_emotify as emotify
from tests.datasets import test_vgmidi as vgmidi

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
EMOTIONS = ("calmness", "joyful_activation", "nostalgia", "tension")


@pytest.fixture(scope="module")
def waveforms():
    return make_songs(8, duration=4, sr=22050, random_state=0).data


@pytest.fixture
def data(tmp_path, monkeypatch, waveforms):
    """A folder with tiny collections, in which each song has audio, whatever the extension says."""
    rows = []
    for i, emotion in enumerate(2 * EMOTIONS):
        shares = emotify.shares(**{emotion: 0.6})
        rows.append(
            [str(i), f"audio/{i:03}.opus", "rock", "20", *shares, emotion, f"artist {i}", "x", "t", "4.00", "0"]
        )
    emotify.write(tmp_path / "data" / "emotify", rows, audio=[row[1][6:9] for row in rows])
    clips = []
    for i in range(8):
        quadrant, song = f"Q{i % 4 + 1}", f"song-{i}"
        high = {"arousal": str(int(quadrant in ("Q1", "Q2"))), "valence": str(int(quadrant in ("Q1", "Q4")))}
        name = f"{quadrant}_{song}_0"
        clips.append([name, "x", quadrant, high["arousal"], high["valence"], song, "0", "A", "train", "", "9", "4"])
    emopia.write(tmp_path / "data" / "emopia", clips, audio=[f"{clip[0]}.flac" for clip in clips])
    tables = {name: table[:1] for name, table in vgmidi.TABLES.items()}
    for i, (valence, arousal) in enumerate([(0.3, 0.1), (-0.2, 0.2), (0.4, -0.5), (-0.1, -0.3), (0.5, 0.5), (0.1, 0)]):
        series, quadrant = (
            f"series {i // 2}",
            {(1, 1): "Q1", (0, 1): "Q2", (0, 0): "Q3"}.get((valence > 0, arousal >= 0)),
        )
        cells = [str(i), "x", series, "piece", "2", "4.0", str(valence), str(arousal), quadrant or "Q4"]
        tables["labels.csv"] = [*tables["labels.csv"], cells]
        stretch = [str(i), "0.0", "4.0", str(valence), "0.1", "0", str(arousal), "0.2"]
        tables["dynamic.csv"] = [*tables["dynamic.csv"], stretch]
    with monkeypatch.context() as patch:
        patch.setattr(vgmidi, "TABLES", tables)
        vgmidi.write(tmp_path / "data" / "vgmidi", audio=[f"{i}.flac" for i in range(6)])
    for folder in ("emotify", "emopia", "vgmidi"):
        for path, y in zip(sorted((tmp_path / "data" / folder / "audio").iterdir()), waveforms, strict=False):
            soundfile.write(path, y, 22050, format="WAV")
    monkeypatch.setenv("SKMER_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def card(name):
    return json.loads(Path(f"{name}-card.json").read_text())


def test_it_is_train_model_with_the_loader_of_the_collection(data, capsys):
    assert main(["ready", "emotify", "--system", "log-mel", "--n-splits", "2", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    songs = load_emotify(data / "emotify", emotions=list(EMOTIONS))
    expected = train_model(songs, "log-mel", n_splits=2, seed=3)
    found = card("emotify")
    assert found["estimate"] == expected.card["estimate"]
    assert found["classes"] == list(EMOTIONS)
    assert found["data"]["songs"] == [f"audio/{i:03}.opus" for i in range(8)]
    assert found["data"]["collection"] == "emotify"
    assert found["license"] == "CC BY-NC-SA (Magnatune)"
    np.testing.assert_array_equal(
        load_model("emotify.skmer").predict(songs.data), expected.pipeline.predict(songs.data)
    )
    assert out.endswith("Written: emotify.skmer, emotify-card.md, emotify-card.json\n")
    assert "but 400 are published" in err
    page = Path("emotify-card.md").read_text()
    assert "Labels: the collection Emotify, its four commonest emotions." in page
    assert "> Licence: CC BY-NC-SA (Magnatune); name artist, album and title" in page
    assert "> Source: A. Aljanaki" in page
    assert "That of the songs that the model was trained on: CC BY-NC-SA (Magnatune)." in page


def test_ratings_of_vgmidi(data, capsys):
    command = ["ready", "vgmidi", "--data-home", str(data / "vgmidi"), "--out", "piano.skmer", "--n-splits", "2", "-q"]
    assert main(command) == 0
    assert capsys.readouterr() == ("", "")
    found = card("piano")
    assert (found["system"], found["targets"], found["license"]) == ("descriptors", ["valence", "arousal"], "unknown")
    ratings = load_vgmidi(data / "vgmidi", task="dimensional").target
    assert found["data"]["ratings"]["valence"]["highest"] == ratings[:, 0].max() == 0.5
    assert found["data"]["groups"].startswith("The songs are in 3 groups")
    assert main(["predict", "piano.skmer", str(data / "vgmidi" / "audio" / "0.flac"), "-q"]) == 0
    assert capsys.readouterr().out.startswith("file,valence,arousal,")
    assert main(command) == 2
    assert "piano.skmer: this file exists already" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0


def test_the_system_is_the_best_that_was_measured(data, monkeypatch, capsys):
    given = []

    def train(songs, system, **options):
        given.append((system, options["license"], np.unique(songs.target).tolist()))
        raise ValueError("not trained")

    monkeypatch.setattr("skmer.models.train.train_model", train)

    def chosen(name, installed):
        monkeypatch.setattr("skmer.cli.ready.find_spec", lambda package: installed or None)
        assert main(["ready", name]) == 2
        assert "not trained" in capsys.readouterr().err
        return given[-1]

    assert chosen("emotify", True) == ("musicnn", "CC BY-NC-SA (Magnatune)", list(EMOTIONS))
    assert chosen("emotify", False)[0] == "joined"
    assert chosen("emopia", True) == ("joined", "cc-by-nc-sa-4.0", ["Q1", "Q2", "Q3", "Q4"])
    assert chosen("vgmidi", True)[0] == "descriptors"
    assert not list(Path().glob("*.folds"))


def test_what_is_missing_is_said_in_a_sentence(data, monkeypatch, capsys):
    monkeypatch.delenv("SKMER_DATA")
    assert main(["ready", "emopia"]) == 2
    assert "No folder is given for emopia: pass data_home (--data-home on the command line)" in capsys.readouterr().err
    assert main(["ready", "emopia", "--data-home", "nowhere"]) == 2
    assert "EMOPIA (Hung et al. 2021) is not downloaded by skmer" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["ready", "pmemo"])
    assert "choose from" in capsys.readouterr().err
