import copy
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import KFold
from sklearn.utils import _safe_indexing, indexable

from skmer import _packing
from skmer._inputs import check_not_paths
from skmer.feature_extraction import FileRows, SegmentShortening
from skmer.songs import SongSequence, as_song_sequence, is_song_data, join_songs


def make_songs(lengths=(3, 5, 1, 4)):
    return SongSequence([np.full((n, 2, 3), float(i)) for i, n in enumerate(lengths)])


@given(n_frames=st.integers(5, 60), length=st.integers(1, 5), step=st.integers(1, 7), n_features=st.integers(1, 3))
def test_windows_are_slices_of_the_item(n_frames, length, step, n_features):
    base = np.arange(n_frames * n_features, dtype=float).reshape(n_frames, n_features)
    songs = SongSequence([base], window=(length, step))
    segments = songs[0]
    assert len(segments) == songs.n_segments[0] == (n_frames - length) // step + 1
    assert songs.segment_shape == (n_features, length)
    for i, segment in enumerate(segments):
        np.testing.assert_array_equal(segment, base[i * step : i * step + length].T)


def test_windows_share_memory_and_are_read_only():
    base = np.zeros((100, 2))
    songs = SongSequence([base], window=(30, 10))
    assert np.shares_memory(songs[0], base)
    with pytest.raises(ValueError, match="read-only"):
        songs[0][0] = 1


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (slice(1, 3), [1, 2]),
        (slice(None, None, -1), [3, 2, 1, 0]),
        ([2, 0], [2, 0]),
        (np.array([-1, 1]), [3, 1]),
        (np.array([True, False, False, True]), [0, 3]),
        (([3, 3], Ellipsis), [3, 3]),
        (([1],), [1]),
        ([], []),
    ],
)
def test_subsets_share_items(key, expected):
    songs = make_songs()
    subset = songs[key]
    assert isinstance(subset, SongSequence)
    assert len(subset) == len(expected)
    assert all(item is songs.items[i] for item, i in zip(subset.items, expected, strict=True))
    np.testing.assert_array_equal(subset.n_segments, songs.n_segments[expected])


def test_an_int_gives_one_songs_array():
    songs = make_songs()
    assert songs[1].shape == (5, 2, 3)
    np.testing.assert_array_equal(songs[-1], songs[3])
    np.testing.assert_array_equal(songs[np.int64(2), ...], songs[2])
    for key in (4, -5, (0, 1), [0.5]):
        with pytest.raises(IndexError):
            songs[key]


def test_scikit_learn_can_split_it():
    songs = make_songs()
    assert indexable(songs, [0, 1, 0, 1])[0] is songs
    for train, test in KFold(2).split(songs):
        assert [item[0, 0, 0] for item in _safe_indexing(songs, test)] == list(test)
        assert len(_safe_indexing(songs, train)) == len(train)


def test_pickle_keeps_the_base_and_not_the_views():
    base = np.random.default_rng(0).normal(size=(1000, 4))
    songs = SongSequence([base], window=(500, 1))
    dumped = pickle.dumps(songs)
    assert len(dumped) < 1.1 * base.nbytes
    np.testing.assert_array_equal(pickle.loads(dumped)[0], songs[0])


def bits(songs):
    return [(item.dtype.str, item.shape, item.tobytes()) for item in songs.items]


def n_bytes_pickled(songs):
    """The bytes of all arrays of floats in a pickle."""
    buffers = []
    pickle.dumps(songs, protocol=5, buffer_callback=buffers.append)
    return sum(buffer.raw().nbytes for buffer in buffers if memoryview(buffer).format == "d")


@pytest.mark.parametrize("window", [None, (2, 1)])
@pytest.mark.parametrize("block_bytes", [1, 200, 10**6])
def test_pickles_have_equal_bits(monkeypatch, rng, block_bytes, window):
    monkeypatch.setattr(_packing, "_BLOCK_BYTES", block_bytes)
    arrays = [rng.normal(size=(n, 3)) for n in (4, 2, 9, 3, 5)]
    arrays[2] = arrays[2].astype(np.float32)
    arrays[3] = arrays[3].astype(np.float16)
    arrays[4] = np.asfortranarray(arrays[4])
    songs = SongSequence([*arrays, arrays[0]], window=window, names="abc")
    before = bits(songs)
    for again in (songs, *(pickle.loads(pickle.dumps(songs, protocol)) for protocol in range(2, 6))):
        again = pickle.loads(pickle.dumps(again))
        assert bits(again) == bits(songs) == before
        assert (again.window, again.names, again.n_segments.tolist()) == (window, tuple("abc"), list(songs.n_segments))
        assert again.items[5] is again.items[0]
        # the order of bytes in memory decides the order of a sum
        assert again.items[4].flags.f_contiguous
    assert bits(copy.deepcopy(songs)) == before


def test_arrays_are_moved_into_blocks_of_a_limited_size(monkeypatch, rng):
    monkeypatch.setattr(_packing, "_BLOCK_BYTES", 1000)
    sizes = [(n, 5) for n in (10, 10, 10, 30, 10)]  # 40 bytes a row
    songs = SongSequence([rng.normal(size=size) for size in sizes])
    alone = songs.items[3]
    pickle.dumps(songs)
    blocks = [item if item.base is None else item.base for item in songs.items]
    assert [block.shape for block in blocks] == [(20, 5), (20, 5), (10, 5), (30, 5), (10, 5)]
    assert blocks[0] is blocks[1]
    assert songs.items[3] is alone
    # joblib writes an array once as long as it is the same object
    items = list(songs.items)
    pickle.dumps(songs)
    assert all(a is b for a, b in zip(items, songs.items, strict=True))
    # an item that is replaced later is not lost
    songs.items[0] = np.zeros((10, 5))
    assert bits(pickle.loads(pickle.dumps(songs))) == bits(songs)


def test_a_subset_pickles_only_its_own_songs(rng):
    songs = SongSequence([rng.normal(size=(100, 4)) for _ in range(10)])
    for whole in (songs, pickle.loads(pickle.dumps(songs))):
        assert n_bytes_pickled(whole[[7, 2]]) == 2 * 100 * 4 * 8
        assert bits(pickle.loads(pickle.dumps(whole[[7, 2]]))) == [bits(songs)[7], bits(songs)[2]]
        assert n_bytes_pickled(whole) == 10 * 100 * 4 * 8
        assert n_bytes_pickled(whole[[1, 1, 1]]) == 100 * 4 * 8


def test_arrays_in_files_are_pickled_as_before(tmp_path, rng):
    np.save(tmp_path / "song.npy", rng.normal(size=(50, 4)))
    mapped = np.load(tmp_path / "song.npy", mmap_mode="r")
    items = [mapped, mapped[:20], np.asarray(mapped)[:20], FileRows(tmp_path / "song.npy"), tmp_path / "song.npy"]
    songs = SongSequence(items)
    items = list(songs.items)
    again = pickle.loads(pickle.dumps(songs))
    assert all(a is b for a, b in zip(songs.items, items, strict=True))
    for one, other in zip(again, songs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_hash_follows_from_the_songs():
    songs = make_songs()
    expected = joblib.hash(make_songs())
    again = pickle.loads(pickle.dumps(songs))
    assert joblib.hash(songs) == joblib.hash(again) == joblib.hash(again[:]) == expected != joblib.hash(songs[::-1])
    assert joblib.hash(songs[1:]) == joblib.hash(SongSequence(make_songs().items[1:]))


def test_a_state_without_blocks_is_that_of_former_pickles():
    songs = make_songs()
    former = object.__new__(SongSequence)
    former.__setstate__(dict(vars(songs)))
    assert bits(former) == bits(songs)
    assert bits(pickle.loads(pickle.dumps(former))) == bits(songs)


def test_the_size_is_that_of_the_arrays(tmp_path):
    np.save(tmp_path / "song.npy", np.zeros((1000, 4)))
    assert 0 < sys.getsizeof(SongSequence([np.zeros((100, 4)), tmp_path / "song.npy"])) - 100 * 4 * 8 < 1000


def test_items_on_disk_are_opened_as_needed(tmp_path):
    base = np.random.default_rng(0).normal(size=(50, 4))
    np.save(tmp_path / "song.npy", base)
    songs = SongSequence([str(tmp_path / "song.npy")], window=(10, 5))
    np.testing.assert_array_equal(songs[0], SongSequence([base], window=(10, 5))[0])
    assert len(pickle.dumps(songs)) < base.nbytes


def test_it_refuses_to_become_one_array():
    with pytest.raises(TypeError, match="unequal length"):
        np.asarray(make_songs())


@pytest.mark.parametrize(
    ("items", "window", "message"),
    [
        ([np.zeros(3)], None, "Song 0"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], None, r"Song 1 has segments of shape \(4,\)"),
        ([np.zeros((0, 3))], None, "Song 0 has no segment"),
        ([np.zeros((9, 3))], (10, 1), "Song 0 has no segment"),
        ([np.zeros((9, 3))], (0, 1), "window"),
        ([[["a", object()]]], None, "dtype object"),
    ],
)
def test_refusals(items, window, message):
    with pytest.raises(ValueError, match=message):
        SongSequence(items, window=window)


@pytest.mark.parametrize(
    ("X", "expected"),
    [
        (make_songs(), True),
        ([np.zeros((2, 3))], True),
        (np.zeros((2, 3, 4)), True),
        (np.array([np.zeros((2, 3)), None], dtype=object), True),
        (np.zeros((2, 3)), False),
        ([[1.0, 2.0]], False),
        ([np.zeros(3)], False),
        ([], False),
    ],
)
def test_is_song_data(X, expected):
    assert is_song_data(X) is expected


def test_lists_and_arrays_agree_with_the_sequence():
    arrays = [np.full((4, 3), float(i)) for i in range(3)]
    as_object = np.empty(3, dtype=object)
    as_object[:] = arrays
    sequence = SongSequence(arrays)
    assert as_song_sequence(sequence) is sequence
    for X in (arrays, tuple(arrays), as_object, np.stack(arrays)):
        songs = as_song_sequence(X)
        assert [item.tolist() for item in songs] == [item.tolist() for item in sequence]


# ---- stored songs, joined songs, paths of recordings ------------------------------------------------


def test_a_stored_song_that_is_gone_or_damaged_is_named(tmp_path):
    path = tmp_path / "song.npy"
    np.save(path, np.zeros((50, 4)))
    songs = SongSequence([path], window=(10, 5))
    path.unlink()
    for ask in (lambda: songs[0], lambda: songs.frames(0), lambda: SongSequence([path])):
        with pytest.raises(FileNotFoundError, match=r"^/.*song\.npy: no such file\. Restore it, or run .* again"):
            ask()
    path.write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"song\.npy: this is not a complete \.npy file"):
        songs[0]


def test_joined_songs_stand_one_after_the_other_and_are_not_opened(tmp_path, monkeypatch):
    arrays = [np.random.default_rng(i).normal(size=(10 + i, 4)) for i in range(4)]
    for i in (1, 2):
        np.save(tmp_path / f"{i}.npy", arrays[i])
    items = [arrays[0], tmp_path / "1.npy", FileRows(tmp_path / "2.npy"), arrays[3]]
    one, two = (SongSequence(part, window=(4, 2), names="abcd") for part in (items[:3], items[3:]))
    with monkeypatch.context() as patch:
        patch.setattr(np, "load", None)
        joined = join_songs(one, two)
        assert joined.n_segments.tolist() == [4, 4, 5, 5]
    assert all(a is b for a, b in zip(joined.items, [*one.items, *two.items], strict=True))
    assert (joined.window, joined.names, joined.segment_shape) == ((4, 2), tuple("abcd"), (4, 4))
    for song, array in zip(joined, arrays, strict=True):
        np.testing.assert_array_equal(song, SongSequence([array], window=(4, 2))[0])
    assert len(one) == 3
    assert join_songs(one, SongSequence(items[3:], window=(4, 2))).names is None


def test_joined_songs_of_other_windows_are_their_segments(rng):
    one = SongSequence([rng.normal(size=(10, 4))], window=(4, 2))
    two = SongSequence([rng.normal(size=(9, 4))], window=(4, 1))
    plain = SongSequence([rng.normal(size=(3, 4, 4))])
    joined = join_songs(join_songs(one, two), plain)
    assert joined.window is None
    for song, expected in zip(joined, [one[0], two[0], plain[0]], strict=True):
        np.testing.assert_array_equal(song, expected)


def test_songs_join_none_and_refuse_other_shapes():
    songs = make_songs()
    assert join_songs(songs, songs[[]]) is songs
    assert join_songs(songs[[]], songs) is songs
    with pytest.raises(ValueError, match=r"shape \(2, 3\) and \(2, 4\) cannot be joined: compute them with the same"):
        join_songs(songs, SongSequence([np.zeros((1, 2, 4))]))


@pytest.mark.parametrize("X", [[None, "b.wav"], np.array(["b.wav"]), Path("b.wav")])
def test_paths_are_refused_by_the_step_that_is_missing(X):
    with pytest.raises(ValueError, match=r"^unlabelled holds paths, such as 'b\.wav': put This before That\.$"):
        check_not_paths(X, "This", "That", "unlabelled")
    with pytest.raises(ValueError, match=r"X holds paths.*: put SegmentTransformer before SegmentShortening\."):
        SegmentShortening(1).fit(X)


@pytest.mark.parametrize("X", [make_songs(), np.zeros(3), np.array([["red"]]), [["red"]], [], None, np.array("a.wav")])
def test_what_is_no_collection_of_paths_is_let_pass(X):
    check_not_paths(X, "This", "That")


def test_stored_songs_are_no_recordings(tmp_path):
    np.save(tmp_path / "song.npy", np.zeros((5, 4)))
    check_not_paths(SongSequence([tmp_path / "song.npy"]), "This", "That")


@pytest.mark.parametrize("X", [[], "song.wav", SongSequence([])])
def test_as_song_sequence_refuses(X):
    with pytest.raises(ValueError):
        as_song_sequence(X)


def test_repr():
    assert repr(make_songs()) == "SongSequence(4 songs, 13 segments of shape (2, 3))"
    assert repr(make_songs()[[]]) == "SongSequence(0 songs)"


def test_subsets_and_copies_keep_the_index_of_their_table():
    songs = SongSequence([np.zeros((n, 2)) for n in (1, 2, 3)])
    assert songs.index is songs[[2, 0]].index is None
    songs.index = pd.Index(["a", "b", "c"])
    for subset in (songs[[2, 0]], songs[::-2], pickle.loads(pickle.dumps(songs))[[2, 0]]):
        assert subset.index.tolist() == ["c", "a"]
    assert songs[[False, True, False]].index.tolist() == ["b"]
