"""SongSequence: a container of songs with unequal numbers of segments, and checks of X."""

import numbers
import operator
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skmer._inputs import check_not_empty, column_names, depth, unwrap
from skmer._packing import pack, unpack

__all__ = ["SongSequence", "as_song_sequence", "is_song_data", "join_songs"]


def open_array(path):
    """Return the array in a .npy file, memory-mapped: only the header is read."""
    try:
        return np.load(path, mmap_mode="r")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path}: no such file. Restore it, or run the step that stores it again, such as TaggingTransformer."
        ) from error
    except (ValueError, EOFError) as error:
        reason = str(error).rstrip(".")
        raise ValueError(f"{path}: this is not a complete .npy file of numbers ({reason}). Write it again.") from error


def _open(item):
    """Return the array of an item; a .npy file is memory-mapped."""
    if isinstance(item, Path):
        return open_array(item)
    return item if isinstance(item, np.ndarray) else item.open()


def _check_item(item, position):
    """Return an item as it is stored, and the shape of its array."""
    if isinstance(item, str | Path):
        item = Path(item)
    elif not isinstance(item, np.ndarray) and not hasattr(item, "open"):
        try:
            item = np.asarray(item)
        except ValueError:
            raise ValueError(f"Song {position} has segments of unequal lengths: pass an array of them.") from None
    # an object with `open` has the shape of its array
    array = _open(item) if isinstance(item, Path) else item
    if array.ndim < 2 or array.dtype.kind not in "biuf":
        raise ValueError(
            f"Song {position} must be an array of real numbers of shape (n_segments, ...), "
            f"but it has shape {array.shape} and dtype {array.dtype}."
        )
    return item, array.shape


class SongSequence:
    """Songs, each an array of its segments, indexed like a one-dimensional array.

    The steps of a pipeline exchange this container, so that one sample is one song in
    scikit-learn, regardless of its number of segments.

    Parameters
    ----------
    items : sequence of ndarray, path or object with an `open` method
        One item per song. Without `window`, an array of shape (n_segments, ...). With
        `window`, an array of shape (n_frames, n_features), such as a time-major
        spectrogram. A path is that of a ``.npy`` file, which is memory-mapped whenever
        the song is accessed. An object with `open`, such as `skmer.feature_extraction.FileRows`, has
        the `shape` and `dtype` of the array that `open` returns.
    window : tuple of (int, int), default=None
        Length and step, in frames, of the segments cut from each item. The segments are
        read-only views of the item.
    names : sequence of str, default=None
        Names of the values along the first axis of a segment, such as mel bands or classes.

    Attributes
    ----------
    items : list of ndarray, Path or object with an `open` method
        The items as given; a subset shares them. When the sequence is pickled, its contiguous arrays in memory
        are copied to a few large ones, of which the items are views from then on: joblib writes large arrays once,
        and its worker processes share them.
    window : tuple of (int, int) or None
        As given.
    names : tuple of str or None
        As given.
    index : pandas.Index or None
        Row labels of the table or column from which a transformer computed the songs, which later steps give to
        the data frames that they return; None for any other input.
    shape : tuple of (int,)
        ``(n_songs,)``.
    n_segments : ndarray of shape (n_songs,)
        Number of segments of each song.
    segment_shape : tuple of int
        Shape of one segment: ``(n_features, length)`` for windows.

    Raises
    ------
    ValueError
        If a song has no segment, or its segments have another shape than those of
        the first song.

    See Also
    --------
    skmer.SegmentTransformer : Computes such a sequence from audio files.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import SongSequence
    >>> songs = SongSequence([np.zeros((3, 4)), np.ones((5, 4))])
    >>> songs
    SongSequence(2 songs, 8 segments of shape (4,))
    >>> songs[1].shape
    (5, 4)
    >>> songs[[True, False]].n_segments
    array([3])

    A spectrogram of 100 frames and 2 bands, cut into segments of 30 frames:

    >>> SongSequence([np.zeros((100, 2))], window=(30, 10))[0].shape
    (8, 2, 30)
    """

    # former pickles have none
    index = None
    # items, blocks and rows of `pack`, kept because joblib recognises an array by its identity
    _packed: tuple | None = None

    def __init__(self, items, window=None, names=None):
        items = list(items) if isinstance(items, Iterator) else unwrap(items, "items")
        if isinstance(items, str | Path) or column_names(items) is not None:
            raise ValueError("items must be a sequence of arrays, one per song, each of shape (n_segments, ...).")
        checked = [_check_item(item, i) for i, item in enumerate(items)]
        if window is not None:
            length, step = (int(value) for value in window)
            if length < 1 or step < 1:
                raise ValueError(f"window must be two positive frame counts, got {window}.")
            window = (length, step)
        items, shapes = [item for item, _ in checked], [shape for _, shape in checked]
        self._set(items, window, shapes, None if names is None else tuple(names))
        for i, (n, shape) in enumerate(zip(self.n_segments, self._shapes, strict=True)):
            if n < 1:
                raise ValueError(f"Song {i} has no segment: its array has shape {shape}, window {window}.")
            if self._segment_shape_of(shape) != self.segment_shape:
                raise ValueError(
                    f"Song {i} has segments of shape {self._segment_shape_of(shape)}, "
                    f"but those of song 0 have shape {self.segment_shape}."
                )

    def _set(self, items, window, shapes, names):
        self.items, self.window, self._shapes, self.names, self.index = items, window, shapes, names, None
        lengths = np.array([shape[0] for shape in shapes], dtype=np.intp)
        if window is not None:
            lengths = np.maximum((lengths - window[0]) // window[1] + 1, 0)
        self.n_segments = lengths

    def _segment_shape_of(self, shape):
        return tuple(shape[1:]) if self.window is None else (*shape[1:], self.window[0])

    @property
    def shape(self):
        return (len(self.items),)

    @property
    def ndim(self):
        return 1

    @property
    def segment_shape(self):
        if not self.items:
            raise ValueError("An empty SongSequence has no segment shape.")
        return self._segment_shape_of(self._shapes[0])

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return (self._segments(i) for i in range(len(self)))

    def _segments(self, i):
        array = _open(self.items[i])
        if self.window is None:
            return array
        length, step = self.window
        return np.lib.stride_tricks.sliding_window_view(array, length, axis=0)[::step]

    def frames(self, i):
        """Return the array from which a song's windows are cut.

        Parameters
        ----------
        i : int
            Position of the song.

        Returns
        -------
        ndarray of shape (n_frames, n_features)
            The song's item, opened if it is a path.

        Raises
        ------
        ValueError
            If the sequence has no windows.
        """
        if self.window is None:
            raise ValueError("This SongSequence holds segments, not windows of frames: use songs[i].")
        return _open(self.items[i])

    def __getitem__(self, key):
        if isinstance(key, tuple):
            # scikit-learn indexes objects with a shape with (key, ...)
            if len(key) == 2 and key[1] is Ellipsis:
                key = key[:1]
            if len(key) != 1:
                raise IndexError(f"A SongSequence has one dimension, the songs; it cannot be indexed with {key}.")
            key = key[0]
        if isinstance(key, numbers.Integral):
            position = int(key)
            if not -len(self) <= position < len(self):
                raise IndexError(f"Song {position} is out of range for {len(self)} songs.")
            return self._segments(position % len(self))
        chosen = np.arange(len(self))[key if isinstance(key, slice) else self._as_index(key)]
        subset = self._like([self.items[i] for i in chosen], [self._shapes[i] for i in chosen])
        subset.index = None if self.index is None else self.index[chosen]
        return subset

    def _as_index(self, key):
        key = np.asarray(key)
        if key.size == 0:
            return key.astype(np.intp)
        if key.ndim != 1 or key.dtype.kind not in "bui":
            raise IndexError("A SongSequence takes an int, a slice, a list of ints or a boolean mask as index.")
        return key

    def _like(self, items, shapes):
        subset = object.__new__(type(self))
        subset._set(items, self.window, shapes, self.names)
        return subset

    def __getstate__(self):
        if self._packed is None or not all(map(operator.is_, self._packed[0], self.items)):
            blocks, rows = pack(self.items)
            self._packed = tuple(self.items), blocks, rows
        _, blocks, rows = self._packed
        items = [None if block >= 0 else item for item, block in zip(self.items, rows[:, 0], strict=True)]
        return {**vars(self), "items": items, "_packed": (blocks, rows)}

    def __setstate__(self, state):
        vars(self).update(state)
        if self._packed is not None:
            blocks, rows = self._packed
            unpack(self.items, blocks, rows)
            self._packed = tuple(self.items), blocks, rows

    def __sizeof__(self):
        # dask sends what is large to its workers once, and everything else with each task
        return object.__sizeof__(self) + sum(item.nbytes for item in self.items if isinstance(item, np.ndarray))

    def __array__(self, dtype=None, copy=None):
        raise TypeError(
            "A SongSequence holds songs of unequal length and cannot be converted to an array: "
            "select one song with songs[i], compute song features with SongAggregator, or, for a tool of scikit-learn "
            "that requires an array, pass positions of songs (see 'Composition with scikit-learn' in the guide)."
        )

    def __repr__(self):
        if not self.items:
            return "SongSequence(0 songs)"
        return f"SongSequence({len(self):,} songs, {self.n_segments.sum():,} segments of shape {self.segment_shape})"


def join_songs(songs, others):
    """Concatenate two sequences of songs.

    Parameters
    ----------
    songs, others : SongSequence
        Songs with segments of the same shape. Either may be empty.

    Returns
    -------
    SongSequence
        The songs of both. Items are shared, and not opened, if both have the same window;
        otherwise the result consists of the segments. Names are kept if both have the same.

    Raises
    ------
    ValueError
        If the segments of the two have different shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.songs import SongSequence, join_songs
    >>> join_songs(SongSequence([np.zeros((3, 4))]), SongSequence([np.ones((5, 4))]))
    SongSequence(2 songs, 8 segments of shape (4,))
    """
    if not len(songs) or not len(others):
        return songs if len(songs) else others
    if songs.segment_shape != others.segment_shape:
        raise ValueError(
            f"Songs with segments of shape {songs.segment_shape} and {others.segment_shape} cannot be joined: "
            "compute them with the same steps and settings."
        )
    names = songs.names if songs.names == others.names else None
    if songs.window != others.window:
        return SongSequence([*songs, *others], names=names)
    joined = object.__new__(SongSequence)
    joined._set([*songs.items, *others.items], songs.window, [*songs._shapes, *others._shapes], names)
    return joined


def is_song_data(X):
    """Return whether X holds songs of segments rather than one row per sample.

    Parameters
    ----------
    X : object
        Input of an estimator.

    Returns
    -------
    bool
        True for a `SongSequence`, an array of three or more dimensions, and a list, an
        object array, a series or a single column of a table whose items have two or more;
        False for anything that scikit-learn accepts as (n_samples, n_features).

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.songs import is_song_data
    >>> is_song_data([np.zeros((3, 4))]), is_song_data([[0.0, 1.0], [2.0, 3.0]])
    (True, False)
    """
    if isinstance(X, SongSequence):
        return True
    try:
        X = unwrap(X)
    except ValueError:
        return False
    if isinstance(X, np.ndarray) and (X.dtype != object or X.ndim != 1):
        return X.ndim > 2
    return isinstance(X, np.ndarray | list | tuple) and any(depth(item) >= 2 for item in X)


def as_song_sequence(X):
    """Convert a list or array of songs to a `SongSequence`.

    Parameters
    ----------
    X : SongSequence, sequence of ndarray (n_segments, ...) or ndarray (n_songs, n_segments, ...)
        The songs. Tensors, nested lists, series of pandas, polars and pyarrow, and a table with
        a column of songs are converted.

    Returns
    -------
    SongSequence
        `X` itself if it is one.

    Raises
    ------
    ValueError
        If `X` is empty or not a collection of songs.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.songs import as_song_sequence
    >>> as_song_sequence([np.zeros((3, 4)), np.zeros((1, 4))])
    SongSequence(2 songs, 4 segments of shape (4,))
    """
    X = unwrap(X)
    if not hasattr(X, "__iter__") or isinstance(X, str | Path) or column_names(X) is not None:
        raise ValueError("X must be a sequence of arrays, one per song, each of shape (n_segments, ...).")
    songs = X if isinstance(X, SongSequence) else SongSequence(X)
    check_not_empty(songs)
    return songs
