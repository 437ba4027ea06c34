"""load_four_q on tiny files in the published layout, and on the published tables where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from skmer.datasets.four_q import ANNOTATIONS, METADATA, load_four_q

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

# song: (quadrant, artist, title); not in the order of the names
SONGS = {
    "MT0000000030": ("Q3", "Motörhead", 'A "quoted", title'),
    "MT0000000010": ("Q1", "Ana", "One"),
    "MT0000000020": ("Q2", "", "No artist"),
    "MT0000000040": ("Q4", "Ana", "Four"),
}


def write(folder, annotations=None, metadata=None, audio=None, encoding="cp1252"):
    """Write the two tables, whose lines may be replaced, and empty files for the audio."""
    folder.mkdir(parents=True, exist_ok=True)
    first = [f"{song},{quadrant}" for song, (quadrant, _, _) in SONGS.items()]
    second = [
        '"{}","{}","{}","{}",0.5,"Sad, Lonely"'.format(song, artist, title.replace('"', '""'), quadrant)
        for song, (quadrant, artist, title) in SONGS.items()
    ]
    first, second = annotations or first, metadata or second
    (folder / ANNOTATIONS).write_text("\n".join(["Song,Quadrant", *first]) + "\n", encoding="ascii")
    header = '"Song","Artist","Title","Quadrant","PQuad","MoodsStr"'
    (folder / METADATA).write_text("\n".join([header, *second]) + "\n", encoding=encoding)
    for name in audio if audio is not None else [f"{quadrant}/{song}.mp3" for song, (quadrant, _, _) in SONGS.items()]:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "utf-8-sig"])
def test_songs_stand_in_the_order_of_their_names_with_everything_they_have(tmp_path, encoding):
    songs = load_four_q(write(tmp_path, encoding=encoding))
    assert songs.song_id.tolist() == sorted(SONGS)
    assert songs.data == [str(tmp_path / SONGS[song][0] / f"{song}.mp3") for song in sorted(SONGS)]
    assert songs.target.tolist() == songs.quadrant.tolist() == ["Q1", "Q2", "Q3", "Q4"]
    assert songs.artist.tolist() == ["Ana", "", "Motörhead", "Ana"]
    assert songs.groups.tolist() == ["Ana", "MT0000000020", "Motörhead", "Ana"]
    assert songs.title.tolist() == ["One", "No artist", 'A "quoted", title', "Four"]
    for word in ("Panda", "Terms", "AllMusic", "groups"):
        assert word in songs.DESCR


@pytest.mark.parametrize(
    ("task", "target"),
    [("valence", ["high", "low", "low", "high"]), ("arousal", ["high", "high", "low", "low"])],
)
def test_halves_of_the_plane(tmp_path, task, target):
    songs = load_four_q(write(tmp_path), task=task)
    assert songs.target.tolist() == target
    assert songs.quadrant.tolist() == ["Q1", "Q2", "Q3", "Q4"]


def test_ratings_are_not_to_be_had(tmp_path):
    with pytest.raises(ValueError, match=r"task must be one of .*'dimensional'. 4Q has quadrants, but no ratings"):
        load_four_q(write(tmp_path), task="dimensional")


@pytest.mark.parametrize("moved", [True, False])
def test_audio_in_the_folder_of_another_quadrant(tmp_path, moved):
    write(tmp_path)
    if moved:
        (tmp_path / "Q1" / "MT0000000010.mp3").unlink()
    (tmp_path / "Q4" / "MT0000000010.mp3").touch()
    with pytest.raises(
        ValueError, match=r"Q4/MT0000000010\.mp3 lies in the folder of Q4, but MT0000000010 is in Q1 by .*\. Move it"
    ):
        load_four_q(tmp_path)
    assert len(load_four_q(tmp_path, check_audio=False).data) == 4


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["MT0000000010,Q5"], r"line 2: Quadrant must be one of .*'Q5'"),
        (["MT0000000010,Q1", "", "../x,Q1"], r"line 4: Song must be MT and digits, got '\.\./x'"),
        (
            ["MT0000000010,Q1", "MT0000000020,Q2", "MT0000000010,Q1"],
            r"line 4: Song 'MT0000000010' is in more than one row .*line 2",
        ),
    ],
)
def test_bad_lines_are_named(tmp_path, lines, message):
    write(tmp_path, annotations=lines)
    with pytest.raises(ValueError, match=rf"{ANNOTATIONS}, {message}"):
        load_four_q(tmp_path)


def test_tables_that_disagree(tmp_path):
    write(tmp_path, annotations=["MT0000000010,Q1"])
    with pytest.raises(
        ValueError, match=rf"{METADATA}, line 4: Song 'MT0000000020' has no row in .*{ANNOTATIONS}: get both"
    ):
        load_four_q(tmp_path)
    write(tmp_path, metadata=['"MT0000000010","Ana","One","Q1",1,"x"'])
    with pytest.raises(
        ValueError, match=rf"{ANNOTATIONS}, line 2: Song 'MT0000000030' has no row in .*{METADATA}: get both"
    ):
        load_four_q(tmp_path)
    lines = [f'"{song}","a","t","{"Q1" if q == "Q4" else q}",1,"x"' for song, (q, _, _) in SONGS.items()]
    write(tmp_path, metadata=lines)
    message = rf"{ANNOTATIONS}, line 5: MT0000000040 is in Q4, but in Q1 by .*{METADATA}, line 5\."
    with pytest.raises(ValueError, match=message):
        load_four_q(tmp_path)


@pytest.mark.data
def test_the_published_tables():
    root = Path(os.environ.get("SKMER_DATA", ""))
    homes = [home for home in (root / "4Q", root / "metadata" / "4Q") if (home / ANNOTATIONS).is_file()]
    if not os.environ.get("SKMER_DATA") or not homes:
        pytest.skip("the tables of 4Q are neither in $SKMER_DATA/4Q nor in $SKMER_DATA/metadata/4Q")
    songs = load_four_q(homes[0], check_audio=False)
    assert len(songs.data) == len(set(songs.data)) == 900
    assert np.unique(songs.target, return_counts=True)[1].tolist() == [225, 225, 225, 225]
    assert len(set(songs.groups)) == 664  # 661 artists, and three songs without one
    assert (songs.artist == "").sum() == 3
    assert {"Motörhead", "Beyoncé", "Carlos Núñez"} <= set(songs.artist)
