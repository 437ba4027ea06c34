"""load_emotify on tiny files in the published layout, and on the recordings where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from skmer.datasets import load_emotify
from skmer.datasets.emotify import EMOTIONS

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

HEADER = [
    "track_id", "file", "genre", "n_annotators", *EMOTIONS, "dominant", "artist", "album", "title",
    "duration_s", "dominant_tied",
]  # fmt: skip


def shares(**own):
    return [str(own.get(name, 0.1)) for name in EMOTIONS]


ROWS = [
    ["10", "audio/010.opus", "rock", "20", *shares(tension=0.6), "tension", "Ana", '"A, B"', "t", "30.00", "0"],
    ["2", "audio/002.opus", "pop", "20", *shares(calmness=0.5, sadness=0.5), "calmness", "Bo", "x", "t", "30.00", "1"],
    ["3", "audio/003.opus", "pop", "20", *shares(sadness=0.7), "sadness", "Ana", "x", "t", "30.00", "0"],
]


def write(folder, rows=ROWS, header=HEADER, audio=("002", "003", "010")):
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    lines = [",".join(row) for row in [header, *rows]]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name in audio:
        (folder / "audio" / f"{name}.opus").touch()
    return folder


def changed(row, column, value):
    rows = [list(r) for r in ROWS]
    rows[row][HEADER.index(column)] = value
    return rows


def test_songs_stand_in_track_order_with_everything_they_have(tmp_path):
    songs = load_emotify(write(tmp_path))
    assert songs.track_id.tolist() == [2, 3, 10]
    assert songs.data == [str(tmp_path / "audio" / f"{name}.opus") for name in ("002", "003", "010")]
    assert all(isinstance(path, str) and os.path.isabs(path) for path in songs.data)
    assert songs.target.tolist() == ["calmness", "sadness", "tension"]
    assert songs.groups.tolist() == ["Bo", "Ana", "Ana"]
    assert songs.genre.tolist() == ["pop", "pop", "rock"]
    assert songs.tied.tolist() == [True, False, False]
    assert songs.ratings.shape == (3, 9)
    assert songs.ratings[0, songs.emotion_names.index("calmness")] == 0.5
    for word in ("CC BY-NC-SA", "Magnatune", "Aljanaki", "induced", "tie"):
        assert word in songs.DESCR


def test_emotions_choose_songs(tmp_path):
    songs = load_emotify(write(tmp_path), emotions=["tension", "sadness"])
    assert songs.target.tolist() == ["sadness", "tension"]
    assert len(songs.data) == len(songs.groups) == len(songs.tied) == len(songs.ratings) == 2


@pytest.mark.parametrize("emotions", [["joy"], [], "calmness"])
def test_bad_emotions_list_the_nine(tmp_path, emotions):
    with pytest.raises(ValueError, match=r"amazement.*sadness"):
        load_emotify(write(tmp_path), emotions=emotions)


def test_no_song_of_an_emotion(tmp_path):
    with pytest.raises(ValueError, match="No song"):
        load_emotify(write(tmp_path), emotions=["amazement"])


def test_folder_comes_from_the_environment(tmp_path, monkeypatch):
    write(tmp_path / "emotify")
    monkeypatch.setenv("SKMER_DATA", str(tmp_path))
    assert len(load_emotify().data) == 3
    monkeypatch.delenv("SKMER_DATA")
    with pytest.raises(ValueError, match="SKMER_DATA"):
        load_emotify()


def test_missing_things_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.*Aljanaki"):
        load_emotify(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"labels\.csv.*Aljanaki"):
        load_emotify(tmp_path)
    write(tmp_path, audio=("002", "010"))
    with pytest.raises(FileNotFoundError, match=r"003\.opus.*Aljanaki"):
        load_emotify(tmp_path)
    assert len(load_emotify(tmp_path, check_audio=False).data) == 3


def test_audio_without_a_row_is_named(tmp_path):
    write(tmp_path, audio=("002", "003", "010", "011"))
    (tmp_path / "audio" / ".DS_Store").touch()
    with pytest.raises(ValueError, match=r"1 file beside.*011\.opus"):
        load_emotify(tmp_path)


@pytest.mark.parametrize(
    ("row", "column", "value", "word"),
    [
        (1, "track_id", "3", "more than one row"),
        (1, "track_id", "two", "track_id must be a whole number"),
        (1, "file", "audio/003.opus", "more than one row"),
        (0, "tension", "nan", "tension must be a number"),
        (0, "tension", "60", "between 0 and 1"),
        (0, "dominant", "joy", "dominant must be one of"),
        (0, "dominant", "power", "another share is larger"),
        (2, "artist", "", "artist is missing"),
        (2, "title", "a,b", "line 4: 20 fields"),
    ],
)
def test_bad_cells_are_named(tmp_path, row, column, value, word):
    with pytest.raises(ValueError, match=word) as caught:
        load_emotify(write(tmp_path, changed(row, column, value)))
    assert "labels.csv" in str(caught.value)


def test_bad_tables_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"lacks the columns \['dominant'\]"):
        load_emotify(write(tmp_path, header=["x" if name == "dominant" else name for name in HEADER]))
    with pytest.raises(ValueError, match="no row"):
        load_emotify(write(tmp_path, rows=[]))
    (tmp_path / "labels.csv").write_bytes(b"")
    with pytest.raises(ValueError, match="empty"):
        load_emotify(tmp_path)
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00caf\xe9")
    with pytest.raises(ValueError, match="UTF-8"):
        load_emotify(tmp_path)


def test_byte_order_mark_crlf_and_blank_lines_are_read(tmp_path):
    write(tmp_path)
    text = (tmp_path / "labels.csv").read_text(encoding="utf-8")
    (tmp_path / "labels.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n")
    assert load_emotify(tmp_path).track_id.tolist() == [2, 3, 10]


@pytest.mark.data
def test_the_recordings():
    home = Path(os.environ.get("SKMER_DATA", "")) / "emotify"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the Emotify recordings are not under $SKMER_DATA/emotify")
    songs = load_emotify()
    assert len(songs.data) == 400
    assert len(set(songs.groups)) == 138
    assert songs.tied.sum() == 57
    assert np.bincount(songs.ratings.argmax(axis=1), minlength=9).tolist() == [3, 29, 27, 53, 98, 34, 93, 44, 19]
    assert len(load_emotify(emotions=["calmness", "joyful_activation", "nostalgia", "tension"]).data) == 288


def test_labels_that_python_reads_and_numpy_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match=r"line 2: track_id must be a whole number, got '9{30}'"):
        load_emotify(write(tmp_path, changed(0, "track_id", "9" * 30)))


def test_a_column_that_stands_twice(tmp_path):
    header = ["artist" if name == "album" else name for name in HEADER]
    with pytest.raises(ValueError, match=r"labels\.csv has the columns \['artist'\] more than once"):
        load_emotify(write(tmp_path, header=header))
