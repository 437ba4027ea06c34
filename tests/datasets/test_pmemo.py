"""load_pmemo on tiny files in the published layout, and on the real annotations where they are."""

import os
from pathlib import Path

import pytest

from skmer.datasets.pmemo import load_pmemo

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

METADATA = [
    "musicId,fileName,title,artist,album,duration,chorus_start_time,chorus_end_time",
    '10,10.mp3,"Rain, Rain",Ana,"A, B",20.5,00:41,02:03',
    "2,2.mp3,Sun,Bo,,31.0,00:41,02:03",
    "3,3.mp3,Moon,Ana,x,11.25,00:41,02:03",
    "7,7.mp3,Star,Cy,x,12,00:41,02:03",
]
RATINGS = ["musicId,Arousal(mean),Valence(mean)", "10,0.9,0.5", "2,0.2,0.75", "3,0.4,0.25"]


def write(folder, metadata=METADATA, ratings=RATINGS, audio=(2, 3, 7, 10)):
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    (folder / "chorus").mkdir(exist_ok=True)
    (folder / "metadata.csv").write_text("\n".join(metadata) + "\n", encoding="utf-8")
    (folder / "annotations" / "static_annotations.csv").write_text("\n".join(ratings) + "\n", encoding="utf-8")
    for name in audio:
        (folder / "chorus" / f"{name}.mp3").touch()
    return folder


def test_songs_stand_in_order_with_everything_they_have(tmp_path):
    songs = load_pmemo(write(tmp_path))
    assert songs.song_id.tolist() == [2, 3, 10]
    assert songs.data == [str(tmp_path / "chorus" / f"{song}.mp3") for song in (2, 3, 10)]
    assert songs.target.tolist() == songs.valence.tolist() == [0.75, 0.25, 0.5]
    assert songs.arousal.tolist() == [0.2, 0.4, 0.9]
    assert songs.groups.tolist() == songs.artist.tolist() == ["Bo", "Ana", "Ana"]
    assert songs.title.tolist() == ["Sun", "Moon", "Rain, Rain"]
    assert songs.durations.tolist() == [31.0, 11.25, 20.5]
    assert songs.unannotated == [str(tmp_path / "chorus" / "7.mp3")]
    assert (songs.task, songs.threshold) == ("valence", "median")
    for word in ("Terms", "Zhang", "767", "396"):
        assert word in songs.DESCR


@pytest.mark.parametrize(
    ("task", "threshold", "target"),
    [
        ("valence", 0.5, ["high", "low", "high"]),  # a rating equal to the threshold is high
        ("arousal", 0.4, ["low", "high", "high"]),
        ("quadrant", 0.5, ["Q4", "Q3", "Q1"]),
        ("arousal", "midpoint", [0.2, 0.4, 0.9]),
        ("quadrant", "median", [[0.75, 0.2], [0.25, 0.4], [0.5, 0.9]]),
        ("dimensional", 0.5, [[0.75, 0.2], [0.25, 0.4], [0.5, 0.9]]),
    ],
)
def test_targets_by_hand(tmp_path, task, threshold, target):
    assert load_pmemo(write(tmp_path), task=task, threshold=threshold).target.tolist() == target


def test_a_threshold_of_another_scale(tmp_path):
    write(tmp_path)
    with pytest.raises(ValueError, match=r"threshold must be above 0 and at most 1, the scale of PMEmo2019, got 5"):
        load_pmemo(tmp_path, threshold=5)


def test_audio_must_be_of_a_song_of_the_metadata(tmp_path):
    write(tmp_path, audio=(2, 3, 10, 98, 99))
    assert load_pmemo(tmp_path, check_audio=False).unannotated == []
    with pytest.raises(ValueError, match=r"2 audio files have no row in .*metadata\.csv: .*98\.mp3, .*99\.mp3\."):
        load_pmemo(tmp_path)


def test_an_unrated_song_needs_no_audio(tmp_path):
    assert load_pmemo(write(tmp_path, audio=(2, 3, 10))).unannotated == []


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (3, "2,0.5,1.5", r"line 3: Valence\(mean\) must lie between 0 and 1, got '1\.5'"),
        (3, "2,-0.1,0.5", r"line 3: Arousal\(mean\) must lie between 0 and 1, got '-0\.1'"),
        (4, "10,0.5,0.5", r"line 4: musicId 10 is in more than one row"),
        (4, "two,0.5,0.5", "line 4: musicId must be a whole number, got 'two'"),
        (4, "8,0.5,0.5", r"line 4: musicId 8 has no row in .*metadata\.csv"),
    ],
)
def test_bad_ratings_are_named_with_their_line(tmp_path, line, text, message):
    ratings = [*RATINGS[: line - 1], text, *RATINGS[line:]]
    with pytest.raises(ValueError, match=r"static_annotations\.csv, " + message):
        load_pmemo(write(tmp_path, ratings=ratings))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2,3.mp3,Sun,Bo,x,31,1,2", r"the file of song 2 must be 2\.mp3, got '3\.mp3'"),
        ("2,2.mp3,Sun, ,x,31,1,2", "artist is missing; songs are grouped by it"),
        ("2,2.mp3,Sun,Bo,x,0,1,2", r"duration must be seconds above 0, got '0'"),
        ("10,10.mp3,Sun,Bo,x,31,1,2", r"musicId 10 is in more than one row"),
    ],
)
def test_bad_metadata_is_named_with_its_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=r"metadata\.csv, line 3: " + message):
        load_pmemo(write(tmp_path, metadata=[*METADATA[:2], text, *METADATA[3:]]))


@pytest.mark.data
def test_the_real_annotations():
    home = Path(os.environ.get("SKMER_DATA", "")) / "metadata" / "PMEmo2019"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the PMEmo annotations are not under $SKMER_DATA/metadata/PMEmo2019")
    songs = load_pmemo(home, check_audio=False)
    assert len(songs.data) == len(set(songs.song_id)) == 767
    assert len(set(songs.groups)) == 396
    assert songs.data[0].endswith("chorus/1.mp3")
    assert (songs.valence[0], songs.arousal[0], songs.artist[0]) == (0.575, 0.4, "2 Chainz")
    assert 11 < songs.durations.min() < songs.durations.max() < 89
    # ratings at the threshold exist, and are high
    tied = songs.valence == 0.5
    assert tied.sum() > 0
    assert set(load_pmemo(home, threshold=0.5, check_audio=False).target[tied]) == {"high"}
