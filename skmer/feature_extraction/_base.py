"""RecordingTransformer: the base of the transformers from recordings, which compute each song on its own."""

import os
import warnings
from collections.abc import Iterator
from numbers import Integral, Real
from pathlib import Path

import joblib
import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from skmer._inputs import column_names, unwrap
from skmer._io import format_names
from skmer._output import SongTransformerMixin
from skmer._parallel import parallel_map
from skmer.audio import check_waveform, read_audio
from skmer.audio.reading import read_blocks
from skmer.audio.waveforms import has_rate, resample_waveform
from skmer.feature_extraction._cache import SongArray, file_key
from skmer.features.log_mel import seconds_to_samples
from skmer.songs import SongSequence

__all__ = ["RecordingTransformer", "check_songs", "is_path", "song_names"]

# constraint of the parameter `memory`
MEMORY = [str, os.PathLike, joblib.Memory, None]


class RecordingTransformer(SongTransformerMixin, BaseEstimator):
    """A stateless transformer of paths or waveforms; a subclass checks its parameters in `_check_params`."""

    _parameter_constraints: dict = {  # noqa: RUF012
        "sr": [Interval(Real, 0, None, closed="neither")],
        "max_duration": [Interval(Real, 0, None, closed="neither"), None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def fit(self, X=None, y=None):
        """Check the parameters; nothing is learnt, and no file is read or written.

        Parameters
        ----------
        X, y : ignored
            Not used, present for API consistency.

        Returns
        -------
        estimator
            Itself.

        Raises
        ------
        ValueError
            If the parameters are out of range or do not fit together.
        ImportError
            If the parameters require an optional package that is not installed.
        """
        self._check_params()
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags

    def _check_params(self):
        self._validate_params()

    def _map(self, function, songs, description):
        """Return the results of ``function(song, name)``, which are (result, silent), and warn about silent songs.

        Called by `transform` only: the warning is attributed to the caller of `transform`.
        """
        names = song_names(songs)
        # threads: the work releases the interpreter lock, and nothing is sent between processes
        results = parallel_map(function, zip(songs, names, strict=True), self.n_jobs, threads=True)
        if self.verbose:
            from tqdm import tqdm

            results = tqdm(results, total=len(songs), desc=description, unit="song")
        made, silent = zip(*results, strict=True)
        silent_names = [name for name, is_silent in zip(names, silent, strict=True) if is_silent]
        if silent_names:
            shown = format_names(silent_names, most=5)
            warnings.warn(
                f"Digital silence in {len(silent_names)} of the songs, which are kept: {shown}. "
                "Check these recordings.",
                UserWarning,
                stacklevel=4,  # scikit-learn wraps transform
            )
        return list(made)

    def _song_array(self, song, name, compute, cache=None, key=(), make_stream=None):
        """Return the `SongArray` that `compute` returns for a waveform; for a file, it is cached under `key`.

        A file is read into ``make_stream()``, where given, which needs no whole waveform.
        """

        def read_and_compute():
            if make_stream is not None and is_path(song):
                stream = read_blocks(song, make_stream, float(self.sr), self.max_duration)
                return SongArray(stream.finish(), stream.n_samples, stream.silent)
            y = self._read(song, name)
            return SongArray(compute(y), len(y), not y.any())

        if cache is None or not is_path(song):
            return read_and_compute()
        return cache.fetch(cache.path(Path(song).stem, *file_key(song), *key), read_and_compute)

    def _read(self, song, name, seconds=None):
        """Return the waveform of a song, at most `max_duration` long; of a file, at most `seconds` where given."""
        sr = float(self.sr)
        limits = [float(limit) for limit in (self.max_duration, seconds) if limit is not None]
        if is_path(song):
            return read_audio(song, sr=sr, max_duration=min(limits, default=None))
        if has_rate(song):
            return resample_waveform(song[0], song[1], sr, min(limits, default=None), name)
        y = check_waveform(song, name)
        return y if self.max_duration is None else y[: max(round(seconds_to_samples(self.max_duration, sr)), 1)]


def is_path(song):
    """Return whether a song is given as the path of a file rather than as a waveform."""
    return isinstance(song, str | os.PathLike)


def song_names(songs):
    """Return the name of each song for messages: its path, or the position of its waveform."""
    return [os.fspath(song) if is_path(song) else f"The waveform at position {i} of X" for i, song in enumerate(songs)]


def check_songs(X):
    """Return the list of paths and waveforms in X, which may have rates; raise ValueError if X is no collection."""
    if is_path(X):
        raise ValueError(f"X must hold one path per song: pass a list, [{str(X)!r}].")
    if has_rate(X):
        raise ValueError("X is one waveform with its sampling rate: pass a list, [(y, sr)].")
    if isinstance(X, SongSequence):
        raise ValueError("X holds segments already (a SongSequence): pass paths or waveforms.")
    # recordings are read once, in order
    X = list(X) if isinstance(X, Iterator) else unwrap(X)
    if (names := column_names(X)) is not None:
        raise ValueError(
            f"X is a table of {len(names)} columns: pass the one column that holds the paths, "
            f"such as X[{str(next(iter(names), 'path'))!r}]."
            if len(names) != 1
            else f"X is a table of numbers: pass paths, or a list of waveforms such as [X[{str(names[0])!r}]]."
        )
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.dtype.kind in "OU" and X.shape[1] == 1:
            X = X[:, 0]
        if X.ndim == 0 or X.ndim > 2 or (X.ndim == 2 and X.dtype.kind in "OSU"):
            raise ValueError(f"X must be a list of paths or waveforms, got an array of shape {X.shape}, {X.dtype}.")
        if X.ndim == 1 and X.dtype.kind not in "OSU":
            raise ValueError("X is one array of numbers: for one waveform, pass a list, [y].")
    if isinstance(X, bytes) or not hasattr(X, "__iter__"):
        raise ValueError(f"X must be a list of paths or waveforms, got {type(X).__name__}.")
    songs = [(*unwrap([song[0]]), song[1]) if has_rate(song) else song for song in unwrap(list(X))]
    if not songs:
        raise ValueError("X holds no song: at least one is needed.")
    for i, song in enumerate(songs):
        if isinstance(song, bytes):
            raise ValueError(f"Item {i} of X is {bytes(song)!r:.60}: convert bytes to paths with os.fsdecode.")
        if not is_path(song) and not _is_array(song[0] if has_rate(song) else song):
            raise ValueError(
                f"Item {i} of X is {song!r:.60}: each song must be a path (str or Path), a 1-D waveform or a tuple "
                "(waveform, sampling rate). For one waveform, pass a list, [y]."
            )
    return songs


def _is_array(song):
    try:
        song = np.asarray(song)
    # nested lists of unequal lengths, or a tensor on another device
    except (TypeError, ValueError):
        return False
    return song.ndim > 0 and song.dtype.kind not in "OSU"
