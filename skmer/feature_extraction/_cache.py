"""The cache of what is made of a file: where it lies, and what it knows the file by."""

import os
from pathlib import Path

import joblib

from skmer.audio.reading import check_audio_path

__all__ = ["cached", "file_key"]


def cached(function, memory, mmap_mode=None, **options):
    """Give a function in the cache that `memory` (None, a folder or a joblib.Memory) names; itself without one.

    `mmap_mode` holds for a folder; a joblib.Memory has its own. Further options are those of ``Memory.cache``.
    """
    if memory is None:
        return function
    try:
        if isinstance(memory, str | os.PathLike):
            memory = joblib.Memory(os.fspath(memory), mmap_mode=mmap_mode, verbose=0)
        return memory.cache(function, **options)
    except OSError as error:
        place = memory.location if isinstance(memory, joblib.Memory) else memory
        raise ValueError(
            f"memory={place!r}: the cache cannot be written there ({error.strerror}). Name another folder."
        ) from error


def file_key(path):
    """Give the path, size and time of modification by which a cache knows a recording, after a check of the path."""
    path = check_audio_path(path)
    stat = path.stat()
    return str(Path(os.path.abspath(path))), stat.st_size, stat.st_mtime_ns
