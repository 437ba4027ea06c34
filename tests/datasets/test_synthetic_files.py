"""write_songs: what is written is what was made, song by song, and nothing of the user's is lost."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.utils import Bunch

from skmer._io import is_partial
from skmer.datasets import load_folder, make_songs, write_songs

SR = 5632


@pytest.fixture(scope="module")
def songs():
    return make_songs(8, duration=3, sr=SR, n_composers=3, noise=0.34, random_state=0)


def with_data(songs, data):
    return Bunch(**{**songs, "data": data})


def tree(folder):
    """What is in a folder: of every path in it, what it is and holds."""
    return {
        path.relative_to(folder): os.readlink(path) if path.is_symlink() else path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
    }


def test_what_is_written_is_what_was_made(songs, tmp_path):
    paths = write_songs(songs, tmp_path / "new" / "dir")
    for path, y, label, group in zip(paths, songs.data, songs.target, songs.groups, strict=True):
        assert Path(path).parts[-3:-1] == (label, group.replace(" ", "-"))
        assert soundfile.info(path).subtype == "PCM_16"
        read, sr = soundfile.read(path, dtype="float32")
        assert sr == SR
        np.testing.assert_allclose(read, y, atol=2**-15)
    assert sorted(os.listdir(tmp_path / "new" / "dir")) == ["planted.csv", "songs"]


def test_load_folder_reads_the_labels_and_the_composers(songs, tmp_path):
    paths = write_songs(songs, tmp_path)
    loaded = load_folder(tmp_path / "songs", groups="parent")
    place = [paths.index(path) for path in loaded.data]
    assert sorted(place) == list(range(8))
    assert loaded.target.tolist() == songs.target[place].tolist()
    assert [name.replace("-", " ") for name in loaded.groups] == songs.groups[place].tolist()


def test_the_table_tells_every_second(songs, tmp_path):
    paths = write_songs(songs, tmp_path)
    told = {path: [] for path in paths}
    with open(tmp_path / "planted.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        seconds = told[str(tmp_path / "songs" / row["file"])]
        assert int(row["start"]) == len(seconds)
        seconds += [row["emotion"]] * (int(row["end"]) - int(row["start"]))
    assert [told[path] for path in paths] == [seconds.tolist() for seconds in songs.segment_target]
    assert len(rows) > len(paths)  # some seconds are planted


def test_a_folder_with_something_in_it_stays_as_it_is(songs, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"not empty: it contains mine\.txt"):
        write_songs(songs, tmp_path)
    assert os.listdir(tmp_path) == ["mine.txt"]
    write_songs(songs, tmp_path, force=True)
    assert sorted(os.listdir(tmp_path)) == ["mine.txt", "planted.csv", "songs"]


def test_force_replaces_the_songs_of_an_earlier_call_only(songs, tmp_path):
    write_songs(songs, tmp_path)
    fewer = make_songs(4, duration=2, sr=SR, random_state=1)
    paths = write_songs(fewer, tmp_path, force=True)
    found = [str(path) for path in (tmp_path / "songs").rglob("*.wav")]
    assert sorted(found) == sorted(paths)
    own = tmp_path / "songs" / "Q1" / "own.wav"
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(b"own")
    with pytest.raises(FileExistsError, match=r"such as .*own\.wav"):
        write_songs(songs, tmp_path, force=True)
    assert sorted([*paths, str(own)]) == sorted(map(str, (tmp_path / "songs").rglob("*.wav")))


@pytest.mark.parametrize(
    "table",
    [
        "file,start,end,emotion\n../precious.wav,0,1,Q1\n", "file,start,end,emotion\nQ1/a/song-0.wav,zero,1,Q1\n",
        "file,start,end,emotion,remark\nQ1/a/song-0.wav,0,1,Q1,mine\n", "bed,flower\n1,tulip\n", "",
    ],
)  # fmt: skip
def test_a_table_of_somebody_else_stays(songs, tmp_path, table):
    (tmp_path / "planted.csv").write_text(table)
    (tmp_path / "precious.wav").write_bytes(b"mine")
    for folder in (False, True):
        if folder:
            (tmp_path / "songs").mkdir()
        with pytest.raises(FileExistsError, match="was not written by write_songs"):
            write_songs(songs, tmp_path, force=True)
    assert (tmp_path / "planted.csv").read_text() == table
    assert (tmp_path / "precious.wav").read_bytes() == b"mine"
    assert os.listdir(tmp_path / "songs") == []


@pytest.mark.parametrize(
    "what", ["songs is a file", "songs is a link", "planted.csv is a folder", "planted.csv is a link"]
)
def test_what_is_no_folder_or_no_file_stays(songs, tmp_path, what):
    name, _, kind = what.split(maxsplit=2)
    home, other = tmp_path / "home", tmp_path / "other"
    write_songs(songs, other)
    home.mkdir()
    {
        "a file": lambda path: path.write_text("mine"),
        "a link": lambda path: path.symlink_to(other / name),
        "a folder": lambda path: path.mkdir(),
    }[kind](home / name)
    before = tree(tmp_path)
    with pytest.raises(FileExistsError, match=rf"{name} is {kind}"):
        write_songs(songs, home, force=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("what", ["class folder", "song", "empty folder"])
def test_links_and_folders_among_the_songs_stay(songs, tmp_path, what):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    song = Path(write_songs(songs, home)[0])
    if what == "empty folder":
        (home / "songs" / "Q1" / "mine").mkdir()
    else:
        path = song if what == "song" else song.parents[1]
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
    before = tree(tmp_path)
    with pytest.raises(FileExistsError, match="contains paths that are not in planted"):
        write_songs(songs, home, force=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(("force", "nth"), [(False, 1), (False, 2), (True, 1), (True, 2), (True, 3)])
def test_where_the_songs_cannot_take_their_place_all_is_as_it_was(songs, tmp_path, monkeypatch, force, nth):
    if force:
        write_songs(songs, tmp_path)
    before, real, calls = tree(tmp_path), os.replace, []

    def replace(*paths):
        calls.append(paths)
        if len(calls) == nth:
            raise OSError("busy")
        real(*paths)

    monkeypatch.setattr("os.replace", replace)
    fewer = make_songs(4, duration=2, sr=SR, random_state=1)
    with pytest.raises(OSError, match="busy"):
        write_songs(fewer, tmp_path, force=force)
    assert {path: content for path, content in tree(tmp_path).items() if not is_partial(path.parts[0])} == before
    monkeypatch.undo()
    assert len(write_songs(fewer, tmp_path, force=force)) == 4


def test_the_earlier_songs_stay_where_the_new_ones_fail(songs, tmp_path, monkeypatch):
    write_songs(songs, tmp_path)
    before = tree(tmp_path)
    monkeypatch.chdir(tmp_path / "songs" / "Q1")
    with pytest.raises(OSError, match="this is the current folder"):
        write_songs(songs, tmp_path, force=True)
    monkeypatch.chdir(tmp_path)

    def data():
        yield songs.data[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_songs(with_data(songs, data()), ".", force=True)
    with pytest.raises(ValueError, match="shorter"):
        write_songs(with_data(songs, songs.data[:3]), ".", force=True)
    assert tree(tmp_path) == before


def test_what_came_meanwhile_stays(songs, tmp_path):
    def data():
        (tmp_path / "mine.txt").write_text("mine")
        yield from songs.data

    with pytest.raises(FileExistsError, match="mine"):
        write_songs(with_data(songs, data()), tmp_path)
    assert os.listdir(tmp_path) == ["mine.txt"]


def test_one_song_at_a_time_is_played_and_written(songs, tmp_path, capsys):
    def data():
        for n, y in enumerate(songs.data):
            assert len(list(tmp_path.rglob("*.wav"))) == n
            yield y

    write_songs(with_data(songs, data()), tmp_path, verbose=1)
    assert "8/8" in capsys.readouterr().err
    write_songs(songs, tmp_path, force=True)
    assert capsys.readouterr().err == ""


def test_what_a_killed_process_left_does_not_count(songs, tmp_path):
    (tmp_path / ".songs.0123abcd.part" / "Q1").mkdir(parents=True)
    (tmp_path / ".planted.csv.0123abcd.part").touch()
    write_songs(songs, tmp_path)
    assert sorted(os.listdir(tmp_path)) == [
        ".planted.csv.0123abcd.part", ".songs.0123abcd.part", "planted.csv", "songs",
    ]  # fmt: skip


def test_a_call_that_fails_leaves_nothing(songs, tmp_path, monkeypatch):
    monkeypatch.setattr(soundfile, "write", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_songs(songs, tmp_path)
    assert os.listdir(tmp_path) == []


def test_wrong_folders(songs, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file, but must be a folder"):
        write_songs(songs, tmp_path / "file")
    with pytest.raises(TypeError, match="force must be True or False"):
        write_songs(songs, tmp_path / "new", force="yes")
