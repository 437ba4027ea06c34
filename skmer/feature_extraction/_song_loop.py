"""map_songs: the work on each recording, in threads, with progress and a word on silence."""

import os
import warnings

import joblib

from skmer._io import format_names

__all__ = ["map_songs", "names_of"]


def names_of(songs):
    """Give what messages call each song: its path, or the position of its waveform."""
    return [
        os.fspath(song) if isinstance(song, str | os.PathLike) else f"The waveform at position {i} of X"
        for i, song in enumerate(songs)
    ]


def map_songs(function, songs, description, n_jobs=None, verbose=0):
    """Give what a function makes of each song that `check_songs` gave, in order.

    ``function(song, name)`` takes a path or a waveform with a name for messages, and returns
    its result and whether the song is digital silence. Meant to be called by `transform`, at
    whose caller the warning points.
    """
    names = names_of(songs)
    # Threads: the work is done outside Python's lock, and nothing has to be sent between processes.
    parallel = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    results = parallel(joblib.delayed(function)(song, name) for song, name in zip(songs, names, strict=True))
    if verbose:
        from tqdm import tqdm

        results = tqdm(results, total=len(songs), desc=description, unit="song")
    made, silent = zip(*results, strict=True)
    silent_names = [name for name, is_silent in zip(names, silent, strict=True) if is_silent]
    if silent_names:
        shown = format_names(silent_names, most=5)
        warnings.warn(
            f"Digital silence in {len(silent_names)} of the songs, which are kept: {shown}. Check these recordings.",
            UserWarning,
            stacklevel=4,  # scikit-learn wraps transform
        )
    return list(made)
