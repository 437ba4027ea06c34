"""The store of songs' block arrays: one file a song, written whole or not at all."""

import hashlib
import os
from pathlib import Path

import numpy as np

from skmer._io import atomic_write
from skmer.songs import open_array

__all__ = ["BLOCKS_VERSION", "make_folder", "path_of_blocks", "stored_blocks", "whole_blocks"]

# part of every name: raise it when the numbers that block_array or read_audio give change
BLOCKS_VERSION = 1
_STEM = 48  # characters of a song's name that a file's name begins with: 255 bytes are the most


def path_of_blocks(folder, stem, key):
    """Name the file of a song's block array; ``key`` is all that decides the array, in plain types."""
    digest = hashlib.sha256(repr((BLOCKS_VERSION, key)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return Path(folder) / f"{stem[:_STEM]}-{digest}.npy"


def stored_blocks(path, shape, compute):
    """Make the file of a song's block array where it is missing or damaged, and give its path.

    ``compute()`` makes the array; ``shape`` is that of a row. A file gets its name when it is
    complete: what a killed process leaves behind has another, and is not taken for a result.
    """
    if not whole_blocks(path, shape):
        blocks = compute()
        try:
            with atomic_write(path) as part, open(part, "wb") as file:
                np.save(file, blocks)
        except OSError as error:
            raise _unwritable(path.parent, error) from error
    return path


def make_folder(folder):
    """Make the store's folder, and give its absolute path: songs outlive a change of the current folder."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return Path(os.path.abspath(folder))


def _unwritable(folder, error):
    return ValueError(
        f"store={os.fspath(folder)!r}: a song's blocks cannot be written there ({error.strerror}). "
        "Free some space, or name another folder."
    )


def whole_blocks(path, shape):
    """Tell whether a file is there and holds block rows of a shape."""
    try:
        array = open_array(path)
    # a disk that lost its power may keep a name without its contents
    except (FileNotFoundError, ValueError):
        return False
    return array.dtype == np.float16 and len(array) > 0 and array.shape[1:] == shape
