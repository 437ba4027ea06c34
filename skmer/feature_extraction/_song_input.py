"""check_songs: what a user may pass as a collection of recordings."""

import os
from collections.abc import Mapping, Set

import numpy as np

from skmer.songs import SongSequence

__all__ = ["check_songs"]


def _is_song(song):
    if isinstance(song, str | os.PathLike):
        return True
    try:
        song = np.asarray(song)
    # of unequal lengths, or on another device
    except (TypeError, ValueError):
        return False
    return song.ndim > 0 and song.dtype.kind not in "OSU"


def check_songs(X):
    """Give the list of paths and waveforms in X; anything that is no collection of songs is refused in words."""
    if isinstance(X, str | os.PathLike):
        raise ValueError(f"X must hold one path a song: pass a list, [{os.fspath(X)!r}].")
    if isinstance(X, SongSequence):
        raise ValueError("X holds segments already (a SongSequence): pass paths or waveforms.")
    if isinstance(X, Set | Mapping):
        raise ValueError(f"X is a {type(X).__name__}, whose order may differ from that of y: pass a list.")
    if hasattr(X, "columns"):
        if len(X.columns) != 1:
            raise ValueError(
                f"X is a table of {len(X.columns)} columns: pass the one column that holds the paths, "
                f"such as X[{str(next(iter(X.columns), 'path'))!r}]."
            )
        X = X[X.columns[0]]
    if isinstance(X, np.ndarray):
        if X.ndim == 2 and X.dtype.kind in "OU" and X.shape[1] == 1:
            X = X[:, 0]
        if X.ndim == 0 or X.ndim > 2 or (X.ndim == 2 and X.dtype.kind in "OU"):
            raise ValueError(f"X must be a list of paths or waveforms, got an array of shape {X.shape}, {X.dtype}.")
        if X.ndim == 1 and X.dtype.kind not in "OU":
            raise ValueError("X is one array of numbers: for one waveform, pass a list, [y].")
    try:
        songs = list(X)
    except TypeError as error:
        raise ValueError(f"X must be a list of paths or waveforms, got {type(X).__name__}.") from error
    if not songs:
        raise ValueError("X holds no song: at least one is needed.")
    for i, song in enumerate(songs):
        if not _is_song(song):
            raise ValueError(
                f"Item {i} of X is {song!r:.60}: each song must be a path (str or Path) or a 1-D waveform. "
                "For one waveform, pass a list, [y]."
            )
    return songs
