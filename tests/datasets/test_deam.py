"""load_deam on tiny files in the published layout, and on the real annotations where they are."""

import os
from pathlib import Path

import pytest

from skmer.datasets.deam import JOINED, PUBLISHED, load_deam

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

FIRST = ["song_id, valence_mean, valence_std, arousal_mean, arousal_std", "10,7.25,1,8.1,1", "2,5,1,3.5,1"]
SECOND = [
    "song_id, valence_mean, valence_std, valence_max_mean, arousal_mean, arousal_std",
    "2001,3.5,1,9,5,1",
]


def write(folder, first=FIRST, second=SECOND, audio=(2, 10, 2001)):
    for name, lines in zip(PUBLISHED, (first, second), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    touch(folder, audio)
    return folder


def touch(folder, audio):
    (folder / "MEMD_audio").mkdir(exist_ok=True)
    for name in audio:
        (folder / "MEMD_audio" / f"{name}.mp3").touch()


def test_songs_of_both_files_stand_in_order(tmp_path):
    songs = load_deam(write(tmp_path))
    assert songs.song_id.tolist() == songs.groups.tolist() == [2, 10, 2001]
    assert songs.data == [str(tmp_path / "MEMD_audio" / f"{song}.mp3") for song in (2, 10, 2001)]
    assert songs.valence.tolist() == [5, 7.25, 3.5]
    assert songs.arousal.tolist() == [3.5, 8.1, 5]
    assert songs.target.tolist() == [[5, 3.5], [7.25, 8.1], [3.5, 5]]
    assert (songs.task, songs.threshold) == ("quadrant", "median")
    for word in ("Terms", "Aljanaki", "1802", "no artist"):
        assert word in songs.DESCR


@pytest.mark.parametrize(
    ("task", "threshold", "target"),
    [
        ("quadrant", 5, ["Q4", "Q1", "Q2"]),  # ratings equal to the threshold are high
        ("valence", 5, ["high", "high", "low"]),
        ("arousal", "midpoint", [3.5, 8.1, 5]),
        ("dimensional", "median", [[5, 3.5], [7.25, 8.1], [3.5, 5]]),
    ],
)
def test_targets_by_hand(tmp_path, task, threshold, target):
    assert load_deam(write(tmp_path), task=task, threshold=threshold).target.tolist() == target


def test_one_joined_file_is_read_where_the_published_ones_are_absent(tmp_path):
    joined = ["song_id,valence_mean,valence_std,arousal_mean,arousal_std", "2,5,1,3.5,1"]
    (tmp_path / JOINED).write_text("\n".join(joined) + "\n")
    touch(tmp_path, [2])
    assert load_deam(tmp_path).target.tolist() == [[5, 3.5]]
    write(tmp_path)
    assert len(load_deam(tmp_path).data) == 3


def test_a_joined_file_does_not_stand_in_for_one_of_two(tmp_path):
    write(tmp_path)
    (tmp_path / PUBLISHED[1]).unlink()
    (tmp_path / JOINED).touch()
    with pytest.raises(FileNotFoundError, match=r"No such file: .*songs_2000_2058\.csv"):
        load_deam(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2001,0,1,9,5,1", "valence_mean must lie between 1 and 9, got '0'"),
        ("2001,5,1,9,12,1", "arousal_mean must lie between 1 and 9, got '12'"),
        ("x,5,1,9,5,1", "song_id must be a whole number"),
        ("10,5,1,9,5,1", r"song_id 10 is in more than one row \(also .*1_2000\.csv, line 2\)"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=r"songs_2000_2058\.csv, line 2: " + message):
        load_deam(write(tmp_path, second=[SECOND[0], text]))


@pytest.mark.data
def test_the_real_annotations():
    home = Path(os.environ.get("SKMER_DATA", "")) / "metadata" / "DEAM"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the DEAM annotations are not under $SKMER_DATA/metadata/DEAM")
    songs = load_deam(home, check_audio=False)
    assert len(songs.data) == len(set(songs.groups)) == 1802
    assert [(songs.song_id <= 1000).sum(), (songs.song_id > 2000).sum()] == [744, 58]
    assert 1 <= songs.target.min() < songs.target.max() <= 9
