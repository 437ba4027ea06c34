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


def test_no_song_of_an_emotion(tmp_path):
    with pytest.raises(ValueError, match="No song"):
        load_emotify(write(tmp_path), emotions=["amazement"])


@pytest.mark.parametrize(
    ("row", "column", "value", "word"),
    [
        (1, "file", "", "file is missing; it names the audio"),
        (1, "file", "/x.opus", r"file must be a path within the folder of labels\.csv, got '/x.opus'"),
        (1, "file", "audio/../../x.opus", "file must be a path within"),
        (1, "file", "C:x.opus", "file must be a path within"),
        (0, "tension", "60", "tension must lie between 0 and 1, got '60'"),
        (0, "dominant", "joy", "dominant must be one of"),
        (0, "dominant", "power", r"dominant emotion must have the largest share, 0\.6, but 'power' has 0\.1"),
        (1, "dominant_tied", "yes", r"dominant_tied must be one of \['0', '1'\], got 'yes'"),
        (2, "artist", "", "artist is missing"),
    ],
)
def test_bad_cells_are_named(tmp_path, row, column, value, word):
    with pytest.raises(ValueError, match=rf"labels\.csv, line {row + 2}: .*{word}"):
        load_emotify(write(tmp_path, changed(row, column, value)))


@pytest.mark.parametrize(("column", "value"), [("track_id", "3"), ("file", "audio/003.opus")])
def test_tracks_and_files_are_named_once(tmp_path, column, value):
    with pytest.raises(
        ValueError, match=rf"labels\.csv, line 4: {column} .* is in more than one row \(also .*line 3\)"
    ):
        load_emotify(write(tmp_path, changed(1, column, value)))


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
