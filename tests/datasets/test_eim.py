"""load_eim on tiny files in the published layout, and on the real annotations where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from skmer.datasets.deam import load_deam
from skmer.datasets.eim import load_eim

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

HEADER = ["song_id", "file_name", "Artist", "Song title", "start", "end", "Genre", "Mediaeval 2013 set"]
INFO = [
    ("10", "10.mp3", "Ana", "A, B", "0.1", "0.2", "Rock", "evaluation"),
    ("2", "2.mp3", "Bo", "C", "0.1", "0.2", "Folk", "development"),
    ("3", "3.mp3", "Ana", "D", "0.1", "0.2", "Jazz", "development"),
]
ORIGINAL = [
    "song_id,mean_arousal,std_arousal,mean_valence,std_valence",
    "2,3.5,0.9,5,0.7",
    "3,5,1.8,3.5,1.7",
    "10,8.1,1.4,7.25,1.5",
]
OTHER = [
    "song_id,valence_mean,valence_std,arousal_mean,arousal_std",
    "2,5,0.7,3.5,0.9",
    "3,3.5,1.7,5,1.8",
    "10,7.25,1.5,8.1,1.4",
]


def info_text(rows):
    """Quoted and padded with tabs, as published."""
    lines = [",".join(f'"{name}"' for name in HEADER)]
    lines += [f'{row[0]},"\t{row[1]}",' + ",".join(f'"\t{cell}\t"' for cell in row[2:]) for row in rows]
    return "\n".join(lines) + "\n"


def write(folder, info=INFO, ratings=ORIGINAL, audio=(2, 3, 10)):
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / "clips_45seconds").mkdir(exist_ok=True)
    (folder / "annotations" / "songs_info.csv").write_text(info_text(info), encoding="utf-8")
    (folder / "annotations" / "static_annotations.csv").write_text("\n".join(ratings) + "\n", encoding="utf-8")
    for name in audio:
        (folder / "clips_45seconds" / f"{name}.mp3").touch()
    return folder


@pytest.mark.parametrize("ratings", [ORIGINAL, OTHER])
def test_songs_stand_in_order_with_everything_they_have(tmp_path, ratings):
    songs = load_eim(write(tmp_path, ratings=ratings))
    assert songs.song_id.tolist() == [2, 3, 10]
    assert songs.data == [str(tmp_path / "clips_45seconds" / f"{song}.mp3") for song in (2, 3, 10)]
    assert songs.valence.tolist() == [5, 3.5, 7.25]
    assert songs.arousal.tolist() == [3.5, 5, 8.1]
    assert songs.target.tolist() == [[5, 3.5], [3.5, 5], [7.25, 8.1]]
    assert songs.groups.tolist() == songs.artist.tolist() == ["Bo", "Ana", "Ana"]
    assert songs.title.tolist() == ["C", "D", "A, B"]
    assert songs.genre.tolist() == ["Folk", "Jazz", "Rock"]
    [(name, split)] = songs.splits.items()
    assert name == "mediaeval2013"
    assert {part: rows.tolist() for part, rows in split.items()} == {"train": [0, 1], "test": [2]}
    assert songs.unannotated == []
    assert (songs.task, songs.threshold) == ("quadrant", "median")
    for word in ("Terms", "Soleymani", "744", "DEAM"):
        assert word in songs.DESCR


@pytest.mark.parametrize(
    ("task", "threshold", "target"),
    [
        ("quadrant", 5, ["Q4", "Q2", "Q1"]),  # ratings equal to the threshold are high
        ("valence", 5, ["high", "low", "high"]),
        ("arousal", 5.1, ["low", "low", "high"]),
        ("arousal", "midpoint", [3.5, 5, 8.1]),
        ("dimensional", 5, [[5, 3.5], [3.5, 5], [7.25, 8.1]]),
    ],
)
def test_targets_by_hand(tmp_path, task, threshold, target):
    assert load_eim(write(tmp_path), task=task, threshold=threshold).target.tolist() == target


def test_a_threshold_of_another_scale(tmp_path):
    with pytest.raises(ValueError, match=r"threshold must be above 1 and at most 9.*got 0\.5"):
        load_eim(write(tmp_path), threshold=0.5)


def test_excerpts_of_removed_duplicates_are_told_and_others_refused(tmp_path):
    write(tmp_path, audio=(1, 2, 3, 10, 1000))
    songs = load_eim(tmp_path)
    assert songs.unannotated == [str(tmp_path / "clips_45seconds" / f"{song}.mp3") for song in (1, 1000)]
    assert len(songs.data) == 3
    assert load_eim(tmp_path, check_audio=False).unannotated == []
    names = ["0.mp3", "01.mp3", "1001.mp3", "5.wav", "x.mp3", "٣.mp3"]
    for name in names:
        (tmp_path / "clips_45seconds" / name).touch()
    with pytest.raises(ValueError, match=r"6 audio files have no row in .*/0\.mp3, .*/01\.mp3, .*/1001\.mp3, \.\.\.\."):
        load_eim(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3,0.9,1,5,1", r"line 3: mean_arousal must lie between 1 and 9, got '0\.9'"),
        ("3,5,1,9.1,1", "line 3: mean_valence must lie between 1 and 9"),
        ("2,5,1,5,1", "line 3: song_id 2 is in more than one row"),
    ],
)
def test_bad_ratings_are_named_with_their_line(tmp_path, text, message):
    ratings = [*ORIGINAL[:2], text, ORIGINAL[3]]
    with pytest.raises(ValueError, match=r"static_annotations\.csv, " + message):
        load_eim(write(tmp_path, ratings=ratings))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (0, "4", r"the file of song 4 must be 4\.mp3, got '2\.mp3'"),
        (2, "", "Artist is missing"),
        (7, "devel", r"Mediaeval 2013 set must be one of \['development', 'evaluation'\], got 'devel'"),
    ],
)
def test_bad_song_info_is_named_with_its_line(tmp_path, column, value, message):
    row = list(INFO[1])
    row[column] = value
    with pytest.raises(ValueError, match=r"songs_info\.csv, line 3: " + message):
        load_eim(write(tmp_path, info=[INFO[0], row, INFO[2]]))


def test_both_files_name_the_same_songs(tmp_path):
    with pytest.raises(ValueError, match=r"static_annotations\.csv, line 3: song_id 3 has no row in .*songs_info\.csv"):
        load_eim(write(tmp_path, info=INFO[:2]))
    with pytest.raises(ValueError, match=r"songs_info\.csv, line 4: song_id 3 has no row in .*static_annotations\.csv"):
        load_eim(write(tmp_path, ratings=[*ORIGINAL[:2], ORIGINAL[3]]))


@pytest.mark.data
def test_the_real_annotations():
    home = Path(os.environ.get("SKMER_DATA", "")) / "metadata"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the emoMusic annotations are not under $SKMER_DATA/metadata")
    songs = load_eim(home / "emoMusic", check_audio=False)
    assert len(songs.data) == len(set(songs.song_id)) == 744
    split = songs.splits["mediaeval2013"]
    assert [len(split["train"]), len(split["test"])] == [619, 125]
    assert sorted([*split["train"], *split["test"]]) == list(range(744))
    assert songs.artist[0] == "The New Mystikal Troubadours"
    assert len(set(songs.genre)) == 8
    assert 1 <= songs.target.min() < songs.target.max() <= 9
    # what the descriptions of both collections tell: their files call the same ratings by opposite names
    deam = load_deam(home / "DEAM", check_audio=False)
    shared = np.isin(deam.song_id, songs.song_id)
    assert deam.song_id[shared].tolist() == songs.song_id.tolist()
    assert np.corrcoef(songs.valence, deam.arousal[shared])[0, 1] > 0.999
    assert np.corrcoef(songs.arousal, deam.valence[shared])[0, 1] > 0.999
    assert np.corrcoef(songs.valence, deam.valence[shared])[0, 1] < 0.7
