"""load_emopia on tiny files in its layout, and on the published labels where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from skmer.datasets.emopia import load_emopia

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

HEADER = [
    "clip", "file", "quadrant", "arousal_high", "valence_high", "song_id", "segment", "annotator",
    "split_cls_repo", "split_zip", "bytes", "duration_s",
]  # fmt: skip
ROWS = [
    ["Q1_a-b_c_0", "x", "Q1", "1", "1", "a-b_c", "0", "A", "train", "train", "9", "20.5"],
    ["Q3_a-b_c_12", "x", "Q3", "0", "0", "a-b_c", "12", "B", "train", "train", "9", "30"],
    ["Q2_song_0", "x", "Q2", "1", "0", "song", "0", "A", "val", "test", "9", "40"],
    ["Q4_tune_1", "x", "Q4", "0", "1", "tune", "1", "C", "test", "val", "9", "50"],
    ["Q4_tune_2", "x", "Q4", "0", "1", "tune", "2", "C", "", "val", "9", "60"],
]
CLIPS = [row[0] for row in ROWS]


def write(folder, rows=ROWS, audio=None):
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    (folder / "labels.csv").write_text("\n".join(",".join(row) for row in [HEADER, *rows]) + "\n", encoding="utf-8")
    for name in audio if audio is not None else [f"{clip}.flac" for clip in CLIPS]:
        (folder / "audio" / name).touch()
    return folder


def changed(row, **cells):
    rows = [list(r) for r in ROWS]
    for column, value in cells.items():
        rows[row][HEADER.index(column)] = value
    return rows


def test_clips_stand_in_the_order_of_the_table_with_everything_they_have(tmp_path):
    songs = load_emopia(write(tmp_path))
    assert songs.data == [str(tmp_path / "audio" / f"{clip}.flac") for clip in CLIPS]
    assert songs.target.tolist() == songs.quadrant.tolist() == ["Q1", "Q3", "Q2", "Q4", "Q4"]
    assert songs.groups.tolist() == songs.song_id.tolist() == ["a-b_c", "a-b_c", "song", "tune", "tune"]
    assert songs.clip.tolist() == CLIPS
    assert songs.annotator.tolist() == ["A", "B", "A", "C", "C"]
    assert songs.durations.tolist() == [20.5, 30, 40, 50, 60]
    for word in ("Hung", "CC BY-NC-SA", "groups", "split_zip"):
        assert word in songs.DESCR


def test_splits_leave_out_what_is_in_none(tmp_path):
    splits = load_emopia(write(tmp_path)).splits
    found = {name: {part: places.tolist() for part, places in parts.items()} for name, parts in splits.items()}
    assert found == {
        "split_cls_repo": {"train": [0, 1], "validation": [2], "test": [3]},
        "split_zip": {"train": [0, 1], "validation": [3, 4], "test": [2]},
    }


@pytest.mark.parametrize(
    ("task", "target"),
    [("valence", ["high", "low", "low", "high", "high"]), ("arousal", ["high", "low", "high", "low", "low"])],
)
def test_halves_of_the_plane(tmp_path, task, target):
    assert load_emopia(write(tmp_path), task=task).target.tolist() == target


def test_ratings_are_not_to_be_had(tmp_path):
    with pytest.raises(ValueError, match=r"'dimensional'. EMOPIA has quadrants, but no ratings"):
        load_emopia(write(tmp_path), task="dimensional")


def test_original_recordings_in_any_of_three_formats(tmp_path):
    names = ["Q1_a-b_c_0.mp3", "Q3_a-b_c_12.wav", "Q2_song_0.mp3", "Q4_tune_1.flac", "Q4_tune_2.mp3"]
    songs = load_emopia(write(tmp_path, audio=names))
    assert [Path(path).name for path in songs.data] == names


@pytest.mark.parametrize("check_audio", [True, False])
def test_two_recordings_of_a_clip(tmp_path, check_audio):
    (write(tmp_path) / "audio" / "Q2_song_0.mp3").touch()
    with pytest.raises(ValueError, match=r"clip Q2_song_0 has 2 audio files, .*\.flac, .*\.mp3: keep one"):
        load_emopia(tmp_path, check_audio=check_audio)


@pytest.mark.parametrize(
    ("row", "cells", "message"),
    [
        (0, {"quadrant": "q1"}, r"line 2: quadrant must be one of .*'q1'"),
        (1, {"quadrant": "Q4"}, r"line 3: clip must be 'Q4_a-b_c_'.*'Q3_a-b_c_12'"),
        (1, {"song_id": "other"}, r"line 3: clip must be 'Q3_other_'"),
        (1, {"clip": "Q3_a-b_c_one"}, r"line 3: clip must be 'Q3_a-b_c_'"),
        (2, {"song_id": "../x", "clip": "Q2_../x_0"}, r"line 4: song_id must be letters"),
        (2, {"song_id": ""}, r"line 4: song_id must be letters"),
        (2, {"arousal_high": "0"}, r"line 4: arousal_high must be '1' for Q2, got '0'"),
        (2, {"valence_high": ""}, r"line 4: valence_high must be '0' for Q2, got ''"),
        (3, {"split_zip": "validation"}, r"line 5: split_zip must be one of \['', 'train', 'val', 'test'\]"),
        (3, {"duration_s": "0"}, r"line 5: duration_s must be seconds above 0, got '0'"),
        (4, {"clip": "Q4_tune_1"}, r"line 6: clip 'Q4_tune_1' is in more than one row .*line 5"),
    ],
)
def test_bad_cells_are_named(tmp_path, row, cells, message):
    with pytest.raises(ValueError, match=rf"labels\.csv, {message}"):
        load_emopia(write(tmp_path, changed(row, **cells)))


@pytest.mark.data
def test_the_published_labels():
    home = Path(os.environ.get("SKMER_DATA", "")) / "emopia"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the labels of EMOPIA are not under $SKMER_DATA/emopia")
    songs = load_emopia(check_audio=False)
    assert len(songs.data) == 1078
    assert np.unique(songs.target, return_counts=True)[1].tolist() == [250, 265, 253, 310]
    assert len(set(songs.groups)) == 387
    sizes = {name: [len(places) for places in parts.values()] for name, parts in songs.splits.items()}
    assert sizes == {"split_cls_repo": [767, 198, 86], "split_zip": [876, 114, 88]}
    for parts in songs.splits.values():
        train, validation, test = (set(songs.groups[places]) for places in parts.values())
        assert not train & validation
        assert not (train | validation) & test
    assert sum(len(set(songs.target[songs.groups == song])) > 1 for song in set(songs.groups)) == 72
    assert songs.durations.sum() / 3600 == pytest.approx(11.96, abs=0.01)
