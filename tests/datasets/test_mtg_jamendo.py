"""load_mtg_jamendo on tiny files in the published layout, and on the published tables where they are."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils.multiclass import type_of_target

from skmer.datasets.mtg_jamendo import load_mtg_jamendo

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"


def track(number, artist, *tags, duration="30.5"):
    path = f"{number % 100:02}/{number}.mp3"
    tags = [f"mood/theme---{tag}" for tag in tags]
    return "\t".join([f"track_{number:07}", f"artist_{artist:06}", "album_000007", path, duration, *tags])


PARTS = {
    "train": [track(1203, 1, "sad"), track(7, 2, "happy", "calm", "epic", duration="250.0")],
    "validation": [track(99, 3, "calm")],
    "test": [track(1100, 4, "sad", "calm")],
}
FILES = ["07/7", "99/99", "00/1100", "03/1203"]  # in the order of the tracks


def write(folder, parts=PARTS, splits="data/splits/split-0", audio="audio", ending=".mp3"):
    (folder / splits).mkdir(parents=True, exist_ok=True)
    for part, lines in parts.items():
        path = folder / splits / f"autotagging_moodtheme-{part}.tsv"
        path.write_bytes("".join(line + "\r\n" for line in [HEADER, *lines]).encode())
    for name in FILES if audio else []:
        path = folder / audio / (name + ending)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def changed(part, *lines):
    return {**PARTS, part: list(lines)}


def test_tracks_stand_in_their_order_with_everything_they_have(tmp_path):
    songs = load_mtg_jamendo(write(tmp_path))
    assert songs.track_id.tolist() == ["track_0000007", "track_0000099", "track_0001100", "track_0001203"]
    assert songs.data == [str(tmp_path / "audio" / f"{name}.mp3") for name in FILES]
    assert songs.tag_names == ["calm", "epic", "happy", "sad"]
    assert songs.target.tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 1]]
    assert type_of_target(songs.target) == "multilabel-indicator"
    assert songs.groups.tolist() == ["artist_000002", "artist_000003", "artist_000004", "artist_000001"]
    assert songs.album_id.tolist() == ["album_000007"] * 4
    assert songs.durations.tolist() == [250.0, 30.5, 30.5, 30.5]
    [(name, parts)] = songs.splits.items()
    assert name == "split-0"
    assert {part: places.tolist() for part, places in parts.items()} == {
        "train": [0, 3],
        "validation": [1],
        "test": [2],
    }
    for word in ("Bogdanov", "CC BY-NC-SA", "multi-label", "groups"):
        assert word in songs.DESCR


def test_other_splits_and_the_shorter_layout(tmp_path):
    write(tmp_path, splits="splits/split-3")
    assert list(load_mtg_jamendo(tmp_path, split=3).splits) == ["split-3"]
    with pytest.raises(
        FileNotFoundError, match=r"Neither .*data/splits/split-0 nor .*/splits/split-0 is a folder.*Bogdan"
    ):
        load_mtg_jamendo(tmp_path)
    # the published folder comes first
    write(tmp_path, changed("test", track(1100, 4, "cool")), splits="data/splits/split-3")
    assert "cool" in load_mtg_jamendo(tmp_path, split=3).tag_names


@pytest.mark.parametrize("split", [5, -1, 0.0, "0", True, None])
def test_what_is_no_split(tmp_path, split):
    with pytest.raises(ValueError, match="split must be a whole number from 0 to 4"):
        load_mtg_jamendo(write(tmp_path), split=split)


def test_audio_may_be_elsewhere(tmp_path):
    home = write(tmp_path / "tables", audio=None)
    write(tmp_path, audio="disk")
    songs = load_mtg_jamendo(home, audio_home=tmp_path / "disk")
    assert songs.data[0] == str(tmp_path / "disk" / "07" / "7.mp3")
    with pytest.raises(FileNotFoundError, match=r"No such folder: audio_home='.*attic'.*Bogdanov"):
        load_mtg_jamendo(home, audio_home=tmp_path / "attic")
    # without a folder audio, the tracks are looked for in the collection's own
    write(home, audio=".")
    assert load_mtg_jamendo(home).data[0] == str(home / "07" / "7.mp3")


def test_low_quality_is_never_mixed_with_full(tmp_path):
    write(tmp_path, ending=".low.mp3")
    low = [str(tmp_path / "audio" / f"{name}.low.mp3") for name in FILES]
    assert load_mtg_jamendo(tmp_path).data == low
    (tmp_path / "audio" / "07" / "7.mp3").touch()
    assert load_mtg_jamendo(tmp_path).data == low
    write(tmp_path)
    assert load_mtg_jamendo(tmp_path).data == [path.replace(".low", "") for path in low]
    for name in ("07/7.mp3", "99/99.low.mp3"):
        (tmp_path / "audio" / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"1 of the 4 tracks .* has no audio file: .*7\.mp3\..*Bogdanov"):
        load_mtg_jamendo(tmp_path)


GOOD = track(5, 1, "sad")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (track(6, 1), r"5 fields, but the header has 6"),
        (track(6, 1, "sad") + "\tgenre---rock", r"TAGS must be 'mood/theme---' and a name, got 'genre---rock'"),
        (track(6, 1, "sad") + "\t", r"TAGS must be 'mood/theme---' and a name, got ''"),
        (track(6, 1, "sad", ""), r"TAGS must be 'mood/theme---' and a name, got 'mood/theme---'"),
        (track(6, 1, "sad", "calm", "sad"), r"TAGS must be different, got 'mood/theme---sad' more than once"),
        (track(6, 1, "sadd"), r"TAGS must be some of the 56 tags of the collection, got 'mood/theme---sadd'"),
        (track(6, 1, "sad").replace("track_", "song_"), r"TRACK_ID must be like track_0003524"),
        (track(6, 1, "sad").replace("artist_000001", ""), r"ARTIST_ID must be like artist_000530, got ''"),
        (track(6, 1, "sad").replace("album_000007", "7"), r"ALBUM_ID must be like album_000552, got '7'"),
        (track(6, 1, "sad").replace("06/6", "../6"), r"PATH must be like 24/3524\.mp3, got '\.\./6\.mp3'"),
        (track(6, 1, "sad", duration="-1"), r"DURATION must be seconds above 0, got '-1'"),
        (track(6, 1, "sad", duration="9" * 400), r"DURATION must be a number"),
        (GOOD, r"TRACK_ID 'track_0000005' is in more than one row"),
        (GOOD.replace("track_0000005", "track_0000006"), r"PATH of track_0000006 must be 06/6\.mp3, got '05/5\.mp3'"),
    ],
)
def test_bad_lines_are_named(tmp_path, line, message):
    with pytest.raises(ValueError, match=rf"autotagging_moodtheme-validation\.tsv, line 3: {message}"):
        load_mtg_jamendo(write(tmp_path, changed("validation", GOOD, line)))


def test_a_track_and_an_artist_are_in_one_part(tmp_path):
    message = (
        r"moodtheme-test\.tsv, line 3: TRACK_ID 'track_0000007' is in more than one row \(also .*-train\.tsv, line 3"
    )
    with pytest.raises(ValueError, match=message):
        load_mtg_jamendo(write(tmp_path, changed("test", track(8, 9, "sad"), track(7, 2, "happy"))))
    message = r"test\.tsv, line 2: ARTIST_ID 'artist_000002' is in another part of the split too \(.*train\.tsv, line 3"
    with pytest.raises(ValueError, match=message):
        load_mtg_jamendo(write(tmp_path, changed("test", track(9, 2, "sad"))))


@pytest.mark.data
def test_the_published_tables():
    root = Path(os.environ.get("SKMER_DATA", ""))
    homes = [root / "mtg_jamendo", root / "metadata" / "mtg_jamendo"]
    found = [home for home in homes if any((home / split).is_dir() for split in ("data/splits", "splits"))]
    if not os.environ.get("SKMER_DATA") or not found:
        pytest.skip("the tables of MTG-Jamendo are neither in $SKMER_DATA nor in $SKMER_DATA/metadata")
    songs = load_mtg_jamendo(found[0], check_audio=False)
    parts = songs.splits["split-0"]
    assert {part: len(places) for part, places in parts.items()} == {"train": 9949, "validation": 3802, "test": 4231}
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(17982))
    assert songs.target.shape == (17982, 56)
    assert len(songs.tag_names) == 56
    assert all((songs.target[places].sum(axis=0) > 0).all() for places in parts.values())
    assert (songs.target.sum(axis=1).min(), songs.target.sum(axis=1).max()) == (1, 8)
    assert len(set(songs.groups)) == sum(len(set(songs.groups[places])) for places in parts.values()) == 1508
    assert songs.durations.min() == 30.0
