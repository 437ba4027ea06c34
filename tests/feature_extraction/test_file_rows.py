import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmer.feature_extraction import FileRows, fit_rows
from skmer.songs import SongSequence


@pytest.fixture
def song(tmp_path):
    array = np.arange(20, dtype=np.float32).reshape(10, 2)
    np.save(tmp_path / "song.npy", array)
    return tmp_path / "song.npy", array


def big_file(path, shape=(5_000, 316)):
    """A whole .npy file with a hole for its contents: it takes no room on the disk."""
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f2", "fortran_order": False, "shape": shape})
        file.truncate(file.tell() + 2 * int(np.prod(shape)))


def bytes_read():
    """What this process has asked of files."""
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["rchar"])


@given(n=st.integers(1, 9), n_rows=st.integers(1, 30))
def test_fit_rows(n, n_rows):
    array = np.arange(2 * n, dtype=np.float16).reshape(n, 2)
    repeated, filled = fit_rows(array, n_rows), fit_rows(array, n_rows, fill=np.array([-1, -2]))
    for rows in (repeated, filled):
        assert rows.shape == (n_rows, 2)
        assert rows.dtype == np.float16
        np.testing.assert_array_equal(rows[:n], array[:n_rows])
    for i in range(n, n_rows):
        np.testing.assert_array_equal(repeated[i], array[i % n])
        np.testing.assert_array_equal(filled[i], [-1, -2])


@pytest.mark.parametrize(("n_rows", "fill"), [(None, None), (4, None), (25, None), (13, [7, 8])])
def test_a_song_of_a_files_rows_is_that_of_the_array(song, n_rows, fill):
    path, array = song
    item = FileRows(path, n_rows, fill)
    expected = array if n_rows is None else fit_rows(array, n_rows, fill)
    assert item.shape == expected.shape
    assert item.dtype == expected.dtype
    ours, plain = SongSequence([item], window=(3, 2)), SongSequence([expected], window=(3, 2))
    np.testing.assert_array_equal(ours.n_segments, plain.n_segments)
    np.testing.assert_array_equal(ours[0], plain[0])
    np.testing.assert_array_equal(ours.frames(0), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ours))[0], plain[0])
    assert "song.npy" in repr(item)


def test_a_cut_song_is_mapped_and_not_read(song):
    path, _ = song
    assert isinstance(FileRows(path, 4).open(), np.memmap)


def test_without_windows_rows_are_segments(song):
    path, array = song
    np.testing.assert_array_equal(SongSequence([FileRows(path, 12)])[0], fit_rows(array, 12))


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts what Linux says was read")
@pytest.mark.parametrize("kind", [Path, FileRows], ids=["paths", "rows"])
def test_many_songs_are_neither_read_nor_held_open(tmp_path, kind):
    paths = [tmp_path / f"{i}.npy" for i in range(300)]
    for path in paths:
        big_file(path)
    files_open, before = len(os.listdir("/proc/self/fd")), bytes_read()
    songs = SongSequence([kind(path) for path in paths], window=(800, 800))
    subset = songs[np.arange(0, 300, 2)]
    first = [song[0, 0, 0] for song in subset]
    # headers, through a buffer of 8 kB; each file holds 3.2 MB
    assert bytes_read() - before < 450 * 20_000
    assert len(os.listdir("/proc/self/fd")) == files_open
    assert songs.n_segments.tolist() == [6] * 300
    assert subset.segment_shape == (316, 800)
    assert not any(first)
    assert len(pickle.dumps(songs)) < 300 * 1000


def test_rows_open_no_file_to_be_indexed(song, monkeypatch):
    items = [FileRows(song[0], 6)] * 3
    monkeypatch.setattr(np, "load", None)
    songs = SongSequence(items, window=(3, 3))
    assert songs[[2, 0]].n_segments.tolist() == [2, 2]
    assert repr(songs) == "SongSequence(3 songs, 6 segments of shape (2, 3))"


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"no array at all"], ids=["empty", "cut", "other"])
def test_a_file_that_is_no_array_is_named(tmp_path, content):
    (tmp_path / "bad.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.npy: this is not a complete \.npy file"):
        FileRows(tmp_path / "bad.npy")


def test_a_file_that_was_cut_short_or_holds_something_else_is_named(song, tmp_path):
    path, _ = song
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size - 1)
    with pytest.raises(ValueError, match=r"song\.npy: this is not a complete \.npy file"):
        FileRows(path)
    for name, array in {"flat": np.zeros(3), "empty": np.zeros((0, 3)), "text": np.array([["a"]])}.items():
        np.save(tmp_path / f"{name}.npy", array)
        with pytest.raises(ValueError, match=rf"{name}\.npy: "):
            FileRows(tmp_path / f"{name}.npy")
    with pytest.raises(FileNotFoundError, match=r"none\.npy"):
        FileRows(tmp_path / "none.npy")


def test_a_file_that_is_gone_is_named_when_its_song_is_asked_for(song):
    path, _ = song
    songs = SongSequence([FileRows(path, 6)], window=(3, 3))
    path.unlink()
    expected = rf"^{path}: no such file\. Restore it, or run the step that stores it again, such as TaggingTransformer"
    for ask in (songs.items[0].open, lambda: songs[0], lambda: songs.frames(0)):
        with pytest.raises(FileNotFoundError, match=expected):
            ask()
