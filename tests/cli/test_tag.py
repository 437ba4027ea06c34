"""skmer tag: a dry run changes nothing, --write tags, --undo restores, and files that fail do not end the run."""

import csv
import io
import json
import os
import re
import shutil
import sys
import types
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmer import SegmentTransformer, save_model
from skmer.aggregation import SpectrogramStatistics
from skmer.cli import main
from skmer.inspection import predict_files
from skmer.library.tags import open_tags
from tests.library.songs import SR, write_song
from tests.tiny_model import tiny_pipeline, tiny_rating_pipeline, tiny_songs

mutagen = pytest.importorskip("mutagen", reason="needs skmer[tag]")

NAMES = ["a.mp3", "b.FLAC", "sub/c.ogg", "sub/d.opus", "sub/e.m4a"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(save_model(tiny_pipeline(), tmp_path_factory.mktemp("model") / "model.skmer"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A song of each format that can be made here."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "sub").mkdir()
    for name, y in zip(NAMES, tiny_songs().data, strict=False):
        if name.endswith("m4a") and shutil.which("ffmpeg") is None:
            continue
        write_song((folder / name).with_suffix(os.path.splitext(name)[1].lower()), y)
    (folder / "b.flac").rename(folder / "b.FLAC")
    return folder


@pytest.fixture
def songs(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made, "music")
    return [f"music/{name}" for name in NAMES if (made / name).exists()]


def table(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def state():
    return {name: Path(name).read_bytes() for name in files_below(".")}


def files_below(folder):
    return sorted(os.path.join(root, name) for root, _, names in os.walk(folder) for name in names)


def labels(songs):
    return {song.file: song.answer.label for song in predict_files(tiny_pipeline(), songs)}


def moods(songs):
    return {song: open_tags(song).get("MOOD") for song in songs}


def test_a_dry_run_shows_what_is_written_and_changes_no_byte(model, songs, capsys):
    before = state()
    assert main(["tag", model, "music", "--field", "Q1", "--playlists", "lists"]) == 0
    out, err = capsys.readouterr()
    assert state() == before
    summary = (
        f"{len(songs)} of {len(songs)} files would be tagged. Nothing was changed: pass --write to change the files."
    )
    assert err.endswith(f"skmer tag: {summary}\n")
    rows = table(out)
    expected = labels(songs)
    assert [(row["file"], row["new"]) for row in rows if row["field"] == "MOOD"] == list(expected.items())
    assert {(row["old"], row["action"], row["error"]) for row in rows} == {("", "write", "")}
    assert main(["tag", model, "music", "--field", "Q1", "--write"]) == 0
    assert capsys.readouterr().out == out
    assert moods(songs) == {song: [label] for song, label in expected.items()}
    for song in predict_files(tiny_pipeline(), songs):
        # the probabilities of the tagged files, whose audio is unchanged
        assert open_tags(song.file).get("MOOD_Q1") == [f"{song.answer.mean_probabilities[0]:.3f}"]


def test_undo_restores_all_files(model, songs, capsys):
    before = {song: sorted(map(repr, (mutagen.File(song).tags or {}).items())) for song in songs}
    assert main(["tag", model, *songs, "--write", "--undo-file", "undo.jsonl"]) == 0
    assert capsys.readouterr().err.endswith("To undo it: skmer tag --undo undo.jsonl\n")
    lines = [json.loads(line) for line in Path("undo.jsonl").read_text().splitlines()]
    assert [(line["file"], line["field"], line["old"]) for line in lines] == [
        (os.path.abspath(song), "MOOD", None) for song in songs
    ]
    assert main(["tag", "--undo", "undo.jsonl"]) == 0
    out, err = capsys.readouterr()
    assert [row["action"] for row in table(out)] == ["restore"] * len(songs)
    assert err == f"skmer tag: {len(songs)} of {len(songs)} files restored.\n"
    assert {song: sorted(map(repr, (mutagen.File(song).tags or {}).items())) for song in songs} == before


def test_an_existing_mood_is_kept_unless_replaced(model, songs, capsys):
    audio = mutagen.File(songs[1])
    audio["mood"] = "my own"
    audio.save()
    command = ["tag", model, *songs[:2], "--write", "--undo-file"]
    assert main([*command, "1.jsonl"]) == 0
    rows = table(capsys.readouterr().out)
    assert [(row["old"], row["action"]) for row in rows] == [("", "write"), ("my own", "keep")]
    assert moods(songs[1:2]) == {songs[1]: ["my own"]}
    # songs whose fields are there need no prediction, and nothing is recorded
    assert main([*command, "2.jsonl"]) == 0
    assert [row["action"] for row in table(capsys.readouterr().out)] == ["keep", "keep"]
    assert not os.path.exists("2.jsonl")
    assert main([*command, "3.jsonl", "--replace"]) == 0
    assert [row["action"] for row in table(capsys.readouterr().out)] == ["same", "write"]
    assert moods(songs[:2]) == {song: [label] for song, label in labels(songs[:2]).items()}
    assert main(["tag", "--undo", "3.jsonl", "--quiet"]) == 0
    assert moods(songs[1:2]) == {songs[1]: ["my own"]}


def test_it_abstains_below_a_probability(model, songs, capsys):
    predicted = list(predict_files(tiny_pipeline(), songs))
    p = {s.file: float(s.answer.mean_probabilities[s.answer.classes.tolist().index(s.answer.label)]) for s in predicted}
    # the middle of two songs
    low, high = sorted(p.values())[1:3]
    command = ["tag", model, *songs, "--at-least", str((low + high) / 2), "--write", "--playlists", "lists"]
    assert main([*command, "--field", "Q2=TENSE"]) == 0
    rows = table(capsys.readouterr().out)
    named = [song for song in songs if p[song] >= high]
    assert 0 < len(named) < len(songs)
    assert {row["file"]: row["action"] for row in rows if row["field"] == "MOOD"} == {
        song: "write" if song in named else "abstain" for song in songs
    }
    assert {song for song, mood in moods(songs).items() if mood} == set(named)
    assert all(open_tags(song).get("TENSE") for song in songs)
    listed = [line for name in os.listdir("lists") for line in Path("lists", name).read_text().splitlines()[1:]]
    assert sorted(listed) == sorted(f"../{song}" for song in named)


def test_there_is_a_playlist_of_each_mood(model, songs, capsys):
    soundfile.write("music/wave.wav", tiny_songs().data[5], SR)
    expected = labels([*songs, "music/wave.wav"])
    # its tags cannot be written, but it is listed
    assert main(["tag", model, "music", "--write", "--playlists", "lists/moods"]) == 1
    assert sorted(os.listdir("lists/moods")) == sorted(f"{mood}.m3u8" for mood in set(expected.values()))
    for mood in set(expected.values()):
        lines = Path(f"lists/moods/{mood}.m3u8").read_text(encoding="utf-8").splitlines()
        assert lines[0] == "#EXTM3U"
        assert sorted(lines[1:]) == sorted(f"../../{song}" for song, label in expected.items() if label == mood)
        assert all(os.path.isfile(os.path.join("lists/moods", line)) for line in lines[1:])
    capsys.readouterr()
    assert main(["tag", model, "music", "--write", "--playlists", "lists/moods"]) == 2
    assert "this file exists already" in capsys.readouterr().err
    assert main(["tag", model, "music", "--write", "--playlists", "lists/moods", "--force"]) == 1


def test_files_that_fail_do_not_end_the_run(model, songs, capsys):
    os.makedirs("bad/empty")
    soundfile.write("bad/wave.wav", tiny_songs().data[0], SR)
    shutil.copy(songs[1], "bad/read-only.flac")
    os.chmod("bad/read-only.flac", 0o444)
    with open("bad/text.mp3", "w") as file:
        file.write("this is a letter, not music\n" * 100)
    soundfile.write("bad/short.flac", np.full(SR // 2, 0.1), SR)
    bad = {
        "bad/wave.wav": "WAV and AIFF files without an ID3 tag",
        "bad/read-only.flac": "read-only",
        "bad/text.mp3": "cannot be read",
        "bad/short.flac": "shorter than one segment",
        "bad/missing.mp3": "no such file",
        "bad/empty": "no audio file",
    }
    before = {name: Path(name).read_bytes() for name in bad if os.path.isfile(name)}
    assert main(["tag", model, songs[0], *bad, songs[1], "--write"]) == 1
    out, err = capsys.readouterr()
    rows = table(out)
    assert [row["file"] for row in rows] == [songs[0], *bad, songs[1]]
    for row in rows:
        if row["file"] in bad:
            assert row["action"] == "error"
            assert bad[row["file"]] in row["error"]
            assert f"skmer tag: {row['file']}: {row['error']}\n" in err
    assert "2 of 8 files tagged. 6 failed; see the error on their lines. To undo it: skmer tag --undo skmer-tag-" in err
    assert {name: Path(name).read_bytes() for name in before} == before


def test_ratings_are_written_to_fields_and_never_as_a_mood(songs, tmp_path_factory, capsys):
    rated = str(save_model(tiny_rating_pipeline(), tmp_path_factory.mktemp("rated") / "model.skmer"))
    assert main(["tag", rated, *songs[:2], "--write", "--undo-file", "1.jsonl"]) == 0
    for song in predict_files(tiny_rating_pipeline(), songs[:2]):
        tags = open_tags(song.file)
        assert tags.get("MOOD") is None
        for name in ("valence", "arousal"):
            assert tags.get(f"MOOD_{name}".upper()) == [f"{song.answer.ratings[name]:.3f}"]
    assert main(["tag", rated, *songs[:2], "--write", "--undo-file", "2.jsonl", "--field", "valence=V"]) == 0
    assert open_tags(songs[0]).get("V") == open_tags(songs[0]).get("MOOD_VALENCE")
    capsys.readouterr()
    for options, message in [
        (["--at-least", "0.5"], "ratings have no probability"),
        (["--playlists", "lists"], "a model of ratings names no moods"),
        (["--field", "tempo"], "the model has no tempo. It has valence, arousal"),
    ]:
        assert main(["tag", rated, *songs, *options]) == 2
        assert message in capsys.readouterr().err


def test_a_tagger_writes_several_values(songs, tmp_path_factory, capsys):

    targets = np.array([[1, 1, 0]] * 4 + [[0, 1, 1]] * 3 + [[1, 0, 1]])
    front = SegmentTransformer(duration=1, hop=1, sr=11264, n_mels=32)
    pipe = make_pipeline(front, SpectrogramStatistics(), StandardScaler(), OneVsRestClassifier(LogisticRegression()))
    path = str(tmp_path_factory.mktemp("tagger") / "model.joblib")
    with np.errstate(all="ignore"):
        joblib.dump(pipe.fit(tiny_songs().data, targets), path)
    predicted = {song.file: list(map(str, song.answer.tags)) for song in predict_files(pipe, songs)}
    assert max(map(len, predicted.values())) > 1
    assert main(["tag", path, *songs, "--write"]) == 0
    assert moods(songs) == {song: tags or None for song, tags in predicted.items()}
    assert {row["new"] for row in table(capsys.readouterr().out)} == {";".join(tags) for tags in predicted.values()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--field", "Q9"], "the model has no Q9. It has Q1, Q2, Q3, Q4"),
        (["--field", "Q1=MOOD"], "MOOD is the field of the emotion"),
        (["--field", "Q1=fröhlich"], "cannot be a field"),
        (["--playlists", "music/a.mp3"], "this is not a folder"),
        (["--write", "--undo-file", "music/a.mp3"], "this file exists already"),
        (["--undo", "undo.jsonl"], "--undo takes no MODEL"),
    ],
)
def test_wrong_arguments_end_the_command_before_a_file_is_changed(model, songs, capsys, options, message):
    before = state()
    assert main(["tag", model, "music", *options]) == 2
    assert message in capsys.readouterr().err
    assert state() == before


def test_an_undo_file_must_be_one(songs, capsys):
    assert main(["tag"]) == 2
    assert "name a MODEL and audio files" in capsys.readouterr().err
    assert main(["tag", "--undo", "no.jsonl"]) == 2
    assert "no.jsonl: there is no such undo file" in capsys.readouterr().err
    with open("no.jsonl", "w") as file:
        file.write("file,field\n")
    assert main(["tag", "--undo", "no.jsonl"]) == 2
    assert "no.jsonl, line 1: this is not a line of an undo file" in capsys.readouterr().err


def test_an_interrupted_run_can_be_undone(model, songs, capsys, monkeypatch):
    from skmer.library.changes import UndoFile

    apply = UndoFile.apply

    def interrupted(self, *arguments):
        if self.started:
            raise KeyboardInterrupt
        apply(self, *arguments)

    monkeypatch.setattr(UndoFile, "apply", interrupted)
    assert main(["tag", model, *songs, "--write", "--undo-file", "undo.jsonl"]) == 130
    assert capsys.readouterr().err.endswith("interrupted. To undo it: skmer tag --undo undo.jsonl\n")
    assert main(["tag", "--undo", "undo.jsonl"]) == 0
    assert set(moods(songs).values()) == {None}


class StubItem(dict):
    """An item of the library of beets."""

    def __init__(self, path, **fields):
        super().__init__(fields)
        self.path, self.calls = os.fsencode(path), []

    def store(self):
        self.calls.append("store")

    def try_write(self):
        self.calls.append("write")


def test_the_plugin_for_beets_predicts_songs_without_a_mood(model, songs, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "guide" / "beets.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, flags=re.DOTALL)[1]
    errors = []

    class StubPlugin:
        def __init__(self):
            self.config = types.SimpleNamespace(add=lambda defaults: None)
            self._log = types.SimpleNamespace(error=lambda *words: errors.append(words))

        def add_media_field(self, name, field):
            self.field = name, field

    styles = {name: lambda *keys: keys for name in ("MediaField", "MP3StorageStyle", "MP4StorageStyle", "StorageStyle")}
    stubs = {
        "beets": {},
        "beets.plugins": {"BeetsPlugin": StubPlugin},
        "beets.ui": {"Subcommand": lambda name, help: types.SimpleNamespace(name=name), "should_write": lambda: True},
        "mediafile": styles,
    }
    for name, contents in stubs.items():
        module = types.ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    plugin = {"__name__": "skmer_moods"}
    exec(compile(code, "skmer_moods.py", "exec"), plugin)
    moods_plugin = plugin["SkmerMoods"]()
    assert moods_plugin.field == ("mood", (("TMOO",), ("----:com.apple.iTunes:MOOD",), ("MOOD",)))
    moods_plugin.config = {"model": types.SimpleNamespace(as_filename=lambda: model)}
    items = [StubItem(songs[0]), StubItem(songs[1], mood="mine"), StubItem("no.mp3"), StubItem(songs[2])]
    [command] = moods_plugin.commands()
    command.func(types.SimpleNamespace(items=lambda query: items), None, [])
    expected = labels(songs)
    assert [item.get("mood") for item in items] == [expected[songs[0]], "mine", None, expected[songs[2]]]
    assert [item.calls for item in items] == [["store", "write"], [], [], ["store", "write"]]
    assert [words[1] for words in errors] == ["no.mp3"]
