"""One cache for all transformers: what is written is read back, and nothing else is."""

import os
import threading

import joblib
import numpy as np
import pytest
import soundfile

from skmer.audio import AudioError
from skmer.feature_extraction import SegmentTransformer, TaggingTransformer
from skmer.feature_extraction._cache import CacheError, SongArray, file_key, open_cache

ARRAY = np.arange(12, dtype=np.float16).reshape(6, 2)


def song():
    return SongArray(ARRAY, 12345, False)


def never():
    pytest.fail("computed again")


@pytest.mark.parametrize("n_maps", [None, 1])
@pytest.mark.parametrize(
    "array", [ARRAY, np.empty((0, 3)), ARRAY.T, np.arange(3.0)], ids=lambda array: str(array.shape)
)
def test_what_is_written_is_read_back(tmp_path, array, n_maps):
    cache = open_cache(tmp_path / "new" / "cache", n_maps=n_maps)
    path = cache.path("song", "key")
    assert cache.read(path) is None
    for compute in (lambda: SongArray(array, 7, True), never):
        found = cache.fetch(path, compute)
        assert (found.n_samples, found.silent, found.array.dtype) == (7, True, array.dtype)
        np.testing.assert_array_equal(found.array, array)
    assert isinstance(found.array, np.memmap) == (n_maps is not None)
    np.testing.assert_array_equal(np.load(path), array)  # a .npy file as any other
    assert list(path.parent.iterdir()) == [path]


def test_maps_stay_below_the_limit_of_open_files(tmp_path, monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (8, 8))
    assert [open_cache(tmp_path, n_maps=n).mmap_mode for n in (3, 4)] == ["r", None]


@pytest.mark.parametrize("damage", ["empty", "cut", "end", "middle", "plain", "pickle", "other song", "folder"])
def test_a_damaged_or_foreign_file_is_computed_again(tmp_path, damage):
    cache = open_cache(tmp_path, n_maps=1)
    path, other = cache.path("song", "key"), cache.path("song", "other key")
    cache.fetch(path, song)
    data = bytearray(path.read_bytes())
    if damage == "plain":
        np.save(path, ARRAY + 1)
    elif damage == "pickle":
        np.save(path, np.array([{}]), allow_pickle=True)
    elif damage == "other song":
        cache.fetch(other, lambda: SongArray(ARRAY + 1, 1, False))
        os.replace(other, path)
    elif damage == "folder":
        path.unlink()
        path.mkdir()
        assert cache.read(path) is None
        return
    else:
        data[-30] ^= damage == "middle"
        path.write_bytes(data[: {"empty": 0, "cut": 100, "end": -1}.get(damage)])
    assert cache.read(path) is None
    np.testing.assert_array_equal(cache.fetch(path, song).array, ARRAY)
    np.testing.assert_array_equal(cache.fetch(path, never).array, ARRAY)


def test_keys_are_those_of_plain_values(tmp_path):
    cache = open_cache(tmp_path)
    same = [(5, 0.5, True, None, "a"), (5.0, np.float32(0.5), np.True_, None, np.str_("a"))]
    assert len({cache.path("song", key) for key in same}) == 1
    others = [(5, 0.5, True, None, "b"), (5, 0.25, True, None, "a"), (5, 0.5, False, None, "a"), (5, 0.5, 1, None, "a")]
    assert len({cache.path("song", key) for key in [same[0], *others]}) == 5
    assert len({cache.path("song", 2**60 + i) for i in range(3)}) == 3  # times in nanoseconds
    assert len(os.fsencode(cache.path("\N{MUSICAL SYMBOL G CLEF}" * 300, "key").name)) <= 255
    assert cache.path("\udcff", "\udcff")


def test_a_file_is_known_by_its_path_size_and_time(tmp_path, monkeypatch):
    path = tmp_path / "song.wav"
    path.write_bytes(b"12345")
    monkeypatch.chdir(tmp_path)
    assert file_key(path) == file_key("song.wav") == (str(path), 5, path.stat().st_mtime_ns)
    with pytest.raises(AudioError, match=r"none\.wav"):
        file_key(tmp_path / "none.wav")


def test_the_folder_of_a_joblib_memory(tmp_path):
    assert open_cache(joblib.Memory(tmp_path, verbose=0)).folder == tmp_path
    assert open_cache(joblib.Memory(None, verbose=0)) is open_cache(None) is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    for folder in (str(tmp_path / "file"), tmp_path / "file" / "below"):
        with pytest.raises(CacheError, match=r"^store='.*file.*': the cache cannot be written there \(.*name another"):
            open_cache(folder, "store")


def test_a_full_disk_is_an_error_of_a_store_and_a_warning_of_a_cache(tmp_path, monkeypatch):
    path = tmp_path / "song.wav"
    soundfile.write(path, np.full(4 * 22528, 0.1), 22528)
    expected = SegmentTransformer().transform([path])[0]

    def full(file, array, allow_pickle):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    words = r"='.*': the cache cannot be written there \(No space left on device\)\. Free some space"
    with pytest.warns(UserWarning, match=f"^memory{words}"):
        songs = SegmentTransformer(memory=tmp_path / "cache").transform([path])
    np.testing.assert_array_equal(songs[0], expected)
    with pytest.raises(CacheError, match=f"^store{words}") as caught:
        TaggingTransformer("short", store=tmp_path / "cache").transform([path])
    assert (caught.value.parameter, caught.value.folder) == ("store", str(tmp_path / "cache"))
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_killed_process_leaves_is_no_result(tmp_path):
    cache = open_cache(tmp_path)
    path = cache.path("song", "key")
    cache.fetch(path, song)
    path.rename(tmp_path / f".{path.name}.01234567.part")
    assert cache.read(path) is None


def test_threads_may_write_one_song_at_once(tmp_path):
    start, cache, found = threading.Barrier(4), open_cache(tmp_path, n_maps=1), []

    def compute():
        start.wait()
        return song()

    path = cache.path("song", "key")
    threads = [threading.Thread(target=lambda: found.append(cache.fetch(path, compute))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(one.array, ARRAY) for one in found)
    assert list(tmp_path.iterdir()) == [path]
