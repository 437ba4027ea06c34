"""write_songs: what is written is what was made, and nothing of the user's is lost."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skmer.datasets import load_folder, make_songs, write_songs

SR = 5632


@pytest.fixture(scope="module")
def songs():
    return make_songs(8, duration=3, sr=SR, n_composers=3, noise=0.34, random_state=0)


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
    with pytest.raises(FileExistsError, match=r"not empty; it has mine\.txt"):
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


def test_a_table_that_names_other_files_removes_none_of_them(songs, tmp_path):
    (tmp_path / "songs").mkdir()
    (tmp_path / "precious.wav").write_bytes(b"mine")
    (tmp_path / "planted.csv").write_text("file,start,end,emotion\n../precious.wav,0,1,Q1\n")
    write_songs(songs, tmp_path, force=True)
    assert (tmp_path / "precious.wav").read_bytes() == b"mine"


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
