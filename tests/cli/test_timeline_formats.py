"""skmer timeline: one song and folders, as pictures and in the formats of other programs."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from skmer import save_model
from skmer.cli import main
from skmer.cli._timeline_files import on_grid, song_suffixes, song_texts
from skmer.cli.predict import line_writer
from skmer.inspection import FilePrediction, SongEmotion, SongPredictor, SongRatings
from tests.tiny_model import SR, tiny_pipeline, tiny_rating_pipeline, tiny_songs

EMOTION = FilePrediction(
    "music/a.mp3",
    SongEmotion(
        "calm",
        np.array(["calm", "tense"]),
        np.arange(3.0),
        np.arange(3.0) + 3,
        np.array([[0.75, 0.25], [0.75, 0.25], [0.0, 1.0]]),
    ),
    ("silence",),
)
RATINGS = FilePrediction(
    "music/b.mp3",
    SongRatings(
        {"arousal": 0.4, "dominance": 0.5, "valence": -0.1},
        ["arousal", "dominance", "valence"],
        np.array([0.0, 0.5]),
        np.array([3.0, 3.5]),
        np.array([[0.5, 0.25, -0.2], [0.3, 0.75, -1e-9]]),
    ),
)
# hop 3, length 1: nothing is known of two seconds
ROWS = np.array([[1.0, 0.0], [0.0, 1.0]])
GAP = FilePrediction("c.mp3", SongEmotion("x", np.array(["x", "y"]), np.array([0.0, 3]), np.array([1.0, 4]), ROWS))


def labels(text):
    """Read a label track by its grammar: start, tab, end, tab, label on each line."""
    assert text.endswith("\n")
    rows = [line.split("\t") for line in text.removesuffix("\n").split("\n")]
    assert {len(row) for row in rows} == {3}
    return [(float(start), float(end), label) for start, end, label in rows]


# One song in each format, by hand


def test_a_label_track_has_the_stretches_of_the_leading_emotion():
    [text] = song_texts("audacity", EMOTION, "m.skmer")
    assert text == "0.000000\t3.000000\tcalm\n3.000000\t5.000000\ttense\n"
    [text] = song_texts("audacity", on_grid(EMOTION, 2), "m.skmer")
    # 0-2 calm; 2-4 calm .75 * 3 / 5 = .45; 4-5 tense
    assert labels(text) == [(0, 2, "calm"), (2, 5, "tense")]


def test_a_label_with_tabs_and_line_breaks_is_one_label():
    song = SongEmotion("a\tb", np.array(["a\tb\nc"]), np.zeros(1), np.ones(1), np.ones((1, 1)))
    assert labels(song_texts("audacity", FilePrediction("a", song), "m")[0]) == [(0, 1, "a b c")]


def test_sonic_visualiser_has_a_time_and_a_value_on_each_line():
    assert song_suffixes("sonic-visualiser", ["calm", "a/b c"]) == ["-calm.csv", "-a_b_c.csv"]
    arousal, dominance, valence = (
        np.loadtxt(io.StringIO(text), delimiter=",") for text in song_texts("sonic-visualiser", RATINGS, "m")
    )
    assert arousal.tolist() == [[1.5, 0.5], [2, 0.3]]
    assert dominance.tolist() == [[1.5, 0.25], [2, 0.75]]
    assert valence.tolist() == [[1.5, -0.2], [2, 0]]
    assert "-0.000000" not in song_texts("sonic-visualiser", RATINGS, "m")[2]
    calm, _ = song_texts("sonic-visualiser", on_grid(EMOTION, 2), "m")
    assert calm == "1.000000,0.750000\n3.000000,0.450000\n4.500000,0.000000\n"


def test_jams_of_classes():
    jam = json.loads(song_texts("jams", EMOTION, "models/m.skmer")[0])
    assert jam["file_metadata"] == {"title": "a", "duration": 5, "jams_version": "0.3.5"}
    assert jam["sandbox"] == {"file": "music/a.mp3", "warnings": ["silence"]}
    over_time, whole = jam["annotations"]
    assert over_time["annotation_metadata"]["annotator"] == {"model": "m.skmer"}
    assert {over_time["namespace"], whole["namespace"]} == {"tag_open"}
    found = [(o["time"], o["duration"], o["value"], o["confidence"]) for o in over_time["data"]]
    assert found == [
        *[(0, 3, "calm", 0.75), (0, 3, "tense", 0.25), (1, 3, "calm", 0.75), (1, 3, "tense", 0.25)],
        *[(2, 3, "calm", 0), (2, 3, "tense", 1)],
    ]
    assert whole["data"] == [{"time": 0, "duration": 5, "value": "calm", "confidence": None}]


def test_jams_of_ratings_has_valence_before_arousal():
    jam = json.loads(song_texts("jams", RATINGS, "m", np.array([[-1, 0, -1], [1, 2, 1]]))[0])
    plane, plane_of_song, others, others_of_song = jam["annotations"]
    assert plane["namespace"] == plane_of_song["namespace"] == "mood_thayer"
    assert [(o["time"], o["duration"], o["value"]) for o in plane["data"]] == [(0, 3, [-0.2, 0.5]), (0.5, 3, [0, 0.3])]
    assert plane["sandbox"] == {"targets": ["valence", "arousal"], "range": [[-1, 1], [-1, 1]]}
    assert [o["value"] for o in plane_of_song["data"]] == [[-0.1, 0.4]]
    assert others["namespace"] == others_of_song["namespace"] == "vector"
    assert [o["value"] for o in others["data"]] == [[0.25], [0.75]]
    assert others["sandbox"] == {"targets": ["dominance"], "range": [[0, 2]]}


@pytest.mark.parametrize("prediction", [EMOTION, RATINGS, on_grid(EMOTION, 2), on_grid(RATINGS, 0.7), on_grid(GAP, 1)])
def test_jams_is_valid_by_its_schema(tmp_path, prediction):
    jams = pytest.importorskip("jams", reason="needs jams")
    path = tmp_path / "a.jams"
    path.write_text(song_texts("jams", prediction, "m")[0])
    jam = jams.load(str(path), validate=True, strict=True)
    assert jam.validate(strict=True)
    assert all(jams.schema.is_dense(annotation.namespace) is False for annotation in jam.annotations)
    intervals, values = jam.annotations[0].to_interval_values()
    assert intervals.max() == pytest.approx(prediction.answer.ends[-1])
    assert len(values) == len(jam.annotations[0].data)


def test_cells_without_a_segment():
    grid = on_grid(GAP, 1)
    assert labels(song_texts("audacity", grid, "m")[0]) == [(0, 2, "x"), (2, 4, "y")]
    assert [o["time"] for o in json.loads(song_texts("jams", grid, "m")[0])["annotations"][0]["data"]] == [0, 0, 3, 3]
    assert song_texts("sonic-visualiser", grid, "m")[0] == "0.500000,1.000000\n3.500000,0.000000\n"
    streams = {format: io.StringIO(newline="") for format in ("csv", "jsonl")}
    for format, stream in streams.items():
        line_writer(stream, format, grid.answer.classes, "segment")(grid)
    rows = pd.read_csv(io.StringIO(streams["csv"].getvalue()))
    assert rows["p_x"].isna().tolist() == rows["leading_emotion"].isna().tolist() == [False, True, True, False]
    lines = [json.loads(line) for line in streams["jsonl"].getvalue().splitlines()]
    assert lines[1]["probabilities"] == {"x": None, "y": None}
    assert [line["leading_emotion"] for line in lines] == ["x", None, None, "y"]


# The command


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    classes = save_model(tiny_pipeline(), folder / "classes.skmer")
    return {"classes": str(classes), "ratings": str(save_model(tiny_rating_pipeline(), folder / "ratings.skmer"))}


@pytest.fixture
def model(models):
    return models["classes"]


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """Two songs, one of them in a subfolder, and a file that is no audio."""
    monkeypatch.chdir(tmp_path)
    os.makedirs("music/deep")
    names = ["music/a.wav", "music/deep/b.wav"]
    for name, y in zip(names, tiny_songs().data, strict=False):
        soundfile.write(name, y, SR, subtype="PCM_16")
    Path("music/broken.mp3").write_text("this is no music\n" * 100)
    Path("music/notes.txt").write_text("x")
    return names


def files_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["classes", "ratings"])
@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_a_table_is_that_of_predict(models, songs, capsys, kind, format):
    assert main(["predict", models[kind], "music", "--format", format, "--per-segment", "-q"]) == 1
    expected = capsys.readouterr().out
    assert main(["timeline", models[kind], "music", "--format", format]) == 1
    out, err = capsys.readouterr()
    assert out == expected
    assert "skmer timeline: music/broken.mp3: " in err
    assert "2 of 3 files predicted. 1 failed; see the error on their lines." in err
    assert "1 .txt (music/notes.txt)" in err
    assert main(["timeline", models[kind], "music", "--format", format, "--out", "all.txt", "-q"]) == 1
    assert Path("all.txt").read_text() == expected


def test_a_table_on_a_grid(models, songs, capsys):
    from skmer.inspection import timeline_table

    assert main(["timeline", models["ratings"], *songs, "--format", "csv", "--every", "1.5", "-q"]) == 0
    rows = pd.read_csv(io.StringIO(capsys.readouterr().out))
    table = timeline_table(tiny_rating_pipeline(), songs, every=1.5)
    np.testing.assert_allclose(rows[["valence", "arousal"]], table, atol=1e-6)
    assert rows["start"].tolist() == [0, 1.5, 3, 4.5] * 2


@pytest.mark.parametrize(
    ("format", "ends"),
    [
        ("jams", [".jams"]),
        ("audacity", [".txt"]),
        ("sonic-visualiser", ["-Q1.csv", "-Q2.csv", "-Q3.csv", "-Q4.csv"]),
        (None, ["-emotion.png"]),
    ],
)
def test_a_folder_has_files_for_each_song_that_can_be_read(model, songs, capsys, format, ends):
    if format is None:
        pytest.importorskip("matplotlib")
    options = [] if format is None else ["--format", format]
    assert main(["timeline", model, "music", "--out", "out", *options]) == 1
    assert files_in("out") == sorted(name + end for name in ("a", "deep/b") for end in ends)
    out, err = capsys.readouterr()
    assert out == "Written: out\n"
    assert "2 of 3 files predicted. 1 failed; see the error above." in err
    assert err.count("music/broken.mp3: ") == 1
    if format is None:
        assert Path("out/a-emotion.png").read_bytes()[:4] == b"\x89PNG"
    else:
        [song] = tiny_files(songs[:1])
        assert [Path("out", "a" + end).read_text() for end in ends] == song_texts(format, song, model)
    assert main(["timeline", model, "music", "--out", "out", *options]) == 2
    assert f"this file and {2 * len(ends) - 1} more exist already" in capsys.readouterr().err
    assert main(["timeline", model, "music", "--out", "out", *options, "--force", "-q"]) == 1
    assert capsys.readouterr().err == ""


def tiny_files(files):
    predictor = SongPredictor(tiny_pipeline())
    return [FilePrediction(file, predictor.predict(predictor.read(file))) for file in files]


def test_pictures_of_a_folder_with_a_table_beside(model, songs, capsys):
    pytest.importorskip("matplotlib")
    plt = pytest.importorskip("matplotlib.pyplot")
    open_before = plt.get_fignums()  # by other tests of this process
    assert main(["timeline", model, "music", "--out", "out", "--csv", "all.csv", "--every", "2", "-q"]) == 1
    assert files_in("out") == ["a-emotion.png", "deep/b-emotion.png"]
    with open("all.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["file"] for row in rows] == [songs[0]] * 3 + ["music/broken.mp3"] + [songs[1]] * 3
    assert "not audio" in rows[3]["error"]
    assert [row["end"] for row in rows[:3]] == ["2.0", "4.0", "5.0"]
    assert plt.get_fignums() == open_before


def test_ratings_in_the_formats(models, songs, capsys):
    model = models["ratings"]
    assert main(["timeline", model, *songs, "--out", "out", "--format", "sonic-visualiser", "-q"]) == 0
    assert files_in("out") == [f"{name}-{target}.csv" for name in "ab" for target in ("arousal", "valence")]
    curve = np.loadtxt("out/b-valence.csv", delimiter=",")
    np.testing.assert_allclose(curve[:, 1], tiny_rating_pipeline().transform(songs[1:])[0][:, 0], atol=1e-6)
    assert curve[:, 0].tolist() == [0.5 + 0.5 * i for i in range(9)]
    assert main(["timeline", model, songs[0], "--format", "audacity"]) == 2
    assert "ratings (valence, arousal), of which none leads" in capsys.readouterr().err
    assert not os.path.exists("a.txt")


def test_one_song_has_one_file(model, songs, capsys):
    assert main(["timeline", model, songs[1], "--format", "audacity"]) == 0
    assert capsys.readouterr().out == "Written: b.txt\n"
    assert labels(Path("b.txt").read_text())[-1][1] == 5
    assert main(["timeline", model, songs[1], "--format", "jams", "--out", "x.jams", "--every", "0.5", "-q"]) == 0
    times = [o["time"] for o in json.loads(Path("x.jams").read_text())["annotations"][0]["data"]]
    assert sorted(set(times)) == [i / 2 for i in range(10)]
    before = Path("b.txt").read_text()
    assert main(["timeline", model, songs[1], "--format", "audacity", "--force", "--device", "cpu", "-q"]) == 0
    assert Path("b.txt").read_text() == before
    assert main(["timeline", model, songs[1], "--format", "audacity", "--force", "--device", "nothing"]) == 2
    assert "nothing" in capsys.readouterr().err
    assert main(["timeline", model, "none.wav", "--format", "jams"]) == 1
    assert capsys.readouterr().out == ""
    assert main(["timeline", model, songs[1], "--format", "jams", "--out", songs[1], "--force"]) == 2
    assert "is read by the same command" in capsys.readouterr().err


def test_numbers_of_a_song_whose_picture_exists(model, songs, capsys):
    pytest.importorskip("matplotlib")
    assert main(["timeline", model, songs[0]]) == 0
    Path("a-emotion.png").write_bytes(b"mine")
    capsys.readouterr()
    assert main(["timeline", model, songs[0], "--csv", "a.csv"]) == 0
    picture, segments = capsys.readouterr().out.splitlines()[-2:]
    assert picture == "Picture: a-emotion.png (it exists already and is kept; --force draws it anew)"
    assert segments == "Segments: a.csv"
    assert Path("a-emotion.png").read_bytes() == b"mine"
    assert len(Path("a.csv").read_text().splitlines()) == 6
    for options in (["--csv", "a.csv"], [], ["--out", "a-emotion.png", "--csv", "new.csv"]):
        assert main(["timeline", model, songs[0], *options]) == 2
        assert "exists already" in capsys.readouterr().err
    assert main(["timeline", model, songs[0], "--csv", "a.csv", "--force"]) == 0
    assert Path("a-emotion.png").read_bytes()[:4] == b"\x89PNG"


def test_songs_of_one_name(model, songs, capsys):
    for copy in ("music/a.flac", "music/deep/a.wav"):
        soundfile.write(copy, tiny_songs().data[0], SR)
    os.remove("music/broken.mp3")
    assert main(["timeline", model, "music", "--format", "jams", "--out", "out", "-q"]) == 0
    assert files_in("out") == ["a.flac.jams", "a.wav.jams", "deep/a.jams", "deep/b.jams"]
    assert main(["timeline", model, "music/a.wav", "music/deep/a.wav", "--format", "jams", "--out", "new"]) == 2
    assert "music/a.wav and music/deep/a.wav would have this name" in capsys.readouterr().err
    assert main(["timeline", model, "music", songs[0], "--format", "jams", "--out", "new"]) == 2
    assert "given twice" in capsys.readouterr().err
    assert not os.path.exists("new")


@pytest.mark.parametrize("kind", ["classes", "ratings"])
def test_a_page_of_a_folder(models, songs, capsys, kind):
    soundfile.write("music/a.flac", tiny_songs().data[0], SR)
    assert main(["timeline", models[kind], "music", "--format", "page", "--out", "page", "--device", "cpu"]) == 1
    out, err = capsys.readouterr()
    assert out == f"Page: {os.path.join('page', 'index.html')}\n"
    assert "broken.mp3" in err
    assert "3 of 4 files predicted. 1 failed; see the error on the page." in err
    source = Path("page/index.html").read_text(encoding="utf-8")
    content = json.loads(source.partition('id="content">')[2].partition("</script>")[0])
    assert sorted(song["name"] for song in content["songs"]) == ["a.flac", "a.wav", "deep/b.wav"]
    assert {song["url"] for song in content["songs"]} == {f"../{name}" for name in [*songs, "music/a.flac"]}
    assert content["kind"] == {"classes": "emotions", "ratings": "ratings"}[kind]
    assert main(["timeline", models[kind], songs[0], "--format", "page", "--out", "page"]) == 2
    assert "page: a page exists already" in capsys.readouterr().err
    assert main(["timeline", models[kind], songs[0], "--format", "page", "--out", "page", "--force", "-q"]) == 0


def test_a_page_of_songs_of_one_name_in_two_folders(model, songs, capsys):
    os.mkdir("other")
    soundfile.write("other/b.wav", tiny_songs().data[1], SR)
    assert main(["timeline", model, "music/deep", "other", "--format", "page", "--out", "page", "--device", "cpu"]) == 0
    source = Path("page/index.html").read_text(encoding="utf-8")
    content = json.loads(source.partition('id="content">')[2].partition("</script>")[0])
    assert sorted(song["name"] for song in content["songs"]) == ["music/deep/b.wav", "other/b.wav"]
    assert main(["timeline", model, "other", "--format", "page", "--out", "nowhere/page"]) == 2
    assert re.search(r"timeline: nowhere/page: the folder .*nowhere does not exist\. Create", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["music", "--format", "page"], "name it with --out FOLDER"),
        (["music", "--format", "page", "--out", "music"], "do not belong to such a page"),
        (["music", "--format", "page", "--out", "x", "--every", "1"], "--every is for numbers"),
        (["music"], "name their folder with --out FOLDER"),
        (["music/a.wav", "--format", "sonic-visualiser"], "name their folder with --out FOLDER"),
        (["music", "--out", "music/a.wav"], "this is the name of a file"),
        (["music", "--out", "x.png"], "this is the name of a file"),
        (["music/a.wav", "--every", "1"], "--every is for numbers"),
        (["music/a.wav", "--format", "csv", "--csv", "a.csv"], "--csv is for numbers beside pictures"),
    ],
)
def test_wrong_combinations(model, songs, capsys, options, message):
    pytest.importorskip("matplotlib")
    before = files_in(".")
    assert main(["timeline", model, *options]) == 2
    assert message in capsys.readouterr().err
    assert files_in(".") == before


@pytest.mark.parametrize("seconds", ["0", "-1", "0.0005", "inf", "x"])
def test_wrong_cells(model, songs, capsys, seconds):
    with pytest.raises(SystemExit) as end:
        main(["timeline", model, "music", "--format", "csv", f"--every={seconds}"])
    assert end.value.code == 2
    assert "--every: expected a" in capsys.readouterr().err


def test_a_folder_without_audio_fails_and_the_others_are_written(model, songs, capsys):
    os.mkdir("empty")
    assert main(["timeline", model, "empty", songs[0], "--format", "jams", "--out", "out"]) == 1
    assert files_in("out") == ["a.jams"]
    assert "skmer timeline: empty: this folder and its subfolders contain no audio" in capsys.readouterr().err


def test_ctrl_c_keeps_what_is_finished(model, songs, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    real = SongPredictor.read

    def read(self, song):
        if song == songs[1]:
            raise KeyboardInterrupt
        return real(self, song)

    monkeypatch.setattr(SongPredictor, "read", read)
    assert main(["timeline", model, *songs, "--out", "out", "--csv", "all.csv"]) == 130
    assert files_in("out") == ["a-emotion.png"]
    [part] = [name for name in os.listdir() if name.endswith(".part")]
    assert part in capsys.readouterr().err
    assert len(Path(part).read_text().splitlines()) == 6
    assert not os.path.exists("all.csv")


def test_the_command_line_starts_without_numpy():
    code = "import sys, skmer.cli.main; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "False\n"
