"""SongCache: a folder with the array of each song in a `.npy` file, for `memory` and `store`."""

import hashlib
import os
import struct
import warnings
import zlib
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np

from skmer._io import atomic_write
from skmer.audio.reading import check_audio_path

__all__ = ["CacheError", "SongArray", "SongCache", "file_key", "open_cache"]

_STEM = 48  # characters of a song's name in a file's name, which may have 255 bytes
_FACTS = struct.Struct("<Q?")  # n_samples and silent, after the array
_CHECKSUM = struct.Struct("<I")  # at the end


class CacheError(ValueError):
    """A cache folder cannot be made or written to; `parameter` is the one that names it."""

    def __init__(self, parameter, folder, error):
        self.parameter, self.folder = parameter, os.fspath(folder)
        reason = error.strerror or error
        super().__init__(
            f"{parameter}={self.folder!r}: the cache cannot be written there ({reason}). "
            "Free some space, or name another folder."
        )


class SongArray(NamedTuple):
    """What is computed from a song's waveform."""

    array: np.ndarray
    n_samples: int  # of the waveform
    silent: bool  # whether all samples are zero


def open_cache(folder, parameter="memory", n_maps=None, required=False):
    """Return the cache in a folder (str, Path or joblib.Memory), or None if `folder` is None.

    With `n_maps`, arrays are memory-mapped, unless so many open files would approach the system's limit. If a file
    cannot be written, as on a full disk, a `required` cache raises CacheError; otherwise a warning is issued.
    """
    if isinstance(folder, joblib.Memory):
        folder = folder.location
    if folder is None:
        return None
    mmap_mode = "r" if n_maps is not None and _may_be_mapped(n_maps) else None
    return SongCache(folder, parameter, mmap_mode, required)


def _may_be_mapped(n_maps):
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return True
    return n_maps < resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


def file_key(path):
    """Return the absolute path, size and time of modification of a recording, after a check of the path."""
    path = check_audio_path(path)
    stat = path.stat()
    return os.path.abspath(path), stat.st_size, stat.st_mtime_ns


class SongCache:
    """Arrays of songs in a folder, one `.npy` file each, written atomically.

    The array is followed by `n_samples`, `silent` and a checksum of name and content, so that a damaged file,
    or one of another song, is computed again.
    """

    def __init__(self, folder, parameter, mmap_mode, required):
        # absolute: songs outlive a change of the current folder
        self.folder, self.parameter = Path(os.path.abspath(folder)), parameter
        self.mmap_mode, self.required = mmap_mode, required
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CacheError(parameter, folder, error) from error

    def path(self, stem, *key):
        """Return the file of a song: `stem` makes its name readable, `key` holds all that determines the array."""
        text = repr(_plain(key)).encode("utf-8", "surrogatepass")
        return self.folder / f"{stem[:_STEM]}-{hashlib.sha256(text).hexdigest()[:32]}.npy"

    def fetch(self, path, compute):
        """Return the `SongArray` in a file, which is computed and written first if it is missing or damaged."""
        found = self.read(path)
        if found is not None:
            return found
        computed = compute()
        try:
            self._write(path, computed)
        except OSError as error:
            failure = CacheError(self.parameter, self.folder, error)
            if self.required:
                raise failure from error
            warnings.warn(f"{failure} Songs are computed without it.", UserWarning, stacklevel=2)
            return computed
        return computed if self.mmap_mode is None else self._load(path, computed.n_samples, computed.silent)

    def read(self, path):
        """Return the `SongArray` in a file, or None if the file is missing, damaged or cannot be read."""
        try:
            data = memoryview(path.read_bytes())
        except OSError:
            return None
        content = data[: -_CHECKSUM.size]
        if len(content) < _FACTS.size or _checksum(path, content) != data[-_CHECKSUM.size :]:
            return None
        return self._load(path, *_FACTS.unpack(content[-_FACTS.size :]))

    def _load(self, path, n_samples, silent):
        return SongArray(np.load(path, mmap_mode=self.mmap_mode, allow_pickle=False), n_samples, silent)

    def _write(self, path, computed):
        with atomic_write(path) as part:
            with open(part, "wb") as file:
                np.save(file, computed.array, allow_pickle=False)
                file.write(_FACTS.pack(computed.n_samples, computed.silent))
            with open(part, "r+b") as file:
                file.write(_checksum(path, file.read()))


def _checksum(path, content):
    return _CHECKSUM.pack(zlib.crc32(content, zlib.crc32(os.fsencode(path.name))))


def _plain(value):
    """Return a key in plain types, so that 5, 5.0 and np.float64(5) are the same."""
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return int(float(value)) if float(value).is_integer() else float(value)
    return value if value is None else str(value)
