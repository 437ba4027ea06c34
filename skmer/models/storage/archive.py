"""The container of a model: a zip file of two members without compression, with its SHA-256 in the zip's comment."""

import hashlib
import json
import math
import os
import zipfile

import numpy as np
import safetensors.numpy

from skmer._io import atomic_write

__all__ = [
    "ARRAYS",
    "FORMAT",
    "JSON_LIMIT",
    "MAX_DEPTH",
    "PICKLES",
    "ModelFileError",
    "is_model_file",
    "is_pickle_name",
    "read_archive",
    "write_archive",
]

FORMAT = 1  # of the tree
MAX_DEPTH = 100
TREE, ARRAYS = "model.json", "arrays.safetensors"
JSON_LIMIT = 2**27  # bytes of model.json, which takes some ten times as much memory when it is parsed
PICKLES = (".joblib", ".pkl", ".pickle")  # names of which a pickle is expected
_MAGIC = b"skmer model, SHA-256 of all bytes before this number: "
_TAIL = len(_MAGIC) + 64


class ModelFileError(ValueError):
    """Raised by `load_model` for a file that is damaged, no model, or not one of the installed version."""


def is_pickle_name(path):
    """Return whether a pickle is expected in a file of this name."""
    return os.fspath(path).lower().endswith(PICKLES)


def is_model_file(path):
    """Return whether a file is to be read by `load_model`, by its first and last bytes, even if it is damaged."""
    with open(path, "rb") as file:
        if file.read(4) == b"PK\x03\x04":
            return True
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        return file.read(len(_MAGIC)) == _MAGIC


def write_archive(path, tree, arrays):
    """Write a tree of plain values and a dict of numeric arrays atomically."""
    # ASCII: strings may hold bytes of file names that are not valid text
    text = json.dumps(tree, allow_nan=False, separators=(",", ":")).encode("ascii")
    if len(text) > JSON_LIMIT:
        raise ValueError(f"the texts and numbers outside of arrays take more than {JSON_LIMIT:,} bytes")
    with atomic_write(path) as part:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
            for name, data in ((TREE, text), (ARRAYS, safetensors.numpy.save(arrays))):
                # a fixed date and system, so that a model always has the same bytes
                info = zipfile.ZipInfo(name)
                info.create_system = 3
                archive.writestr(info, data)
            archive.comment = _MAGIC + b"0" * 64
        with open(part, "r+b") as file:
            digest = _digest(file)
            file.seek(-64, os.SEEK_END)
            file.write(digest)


def read_archive(path):
    """Return the tree and the arrays of a file; raise ModelFileError unless each of its bits is as it was written."""
    with open(path, "rb") as file:
        _check_digest(path, file)
        try:
            with zipfile.ZipFile(file) as archive:
                members = archive.infolist()
                size = os.fstat(file.fileno()).st_size
                if [info.filename for info in members] != [TREE, ARRAYS] or any(
                    info.compress_type != zipfile.ZIP_STORED or info.file_size > size for info in members
                ):
                    raise ValueError(f"its members must be {TREE} and {ARRAYS}, without compression")
                if members[0].file_size > JSON_LIMIT:
                    raise ValueError(f"{TREE} has more than {JSON_LIMIT:,} bytes")
                tree = json.loads(archive.read(TREE), parse_constant=_no_constant, object_pairs_hook=_unique)
                arrays = _read_arrays(archive.read(ARRAYS))
        # a foreign file with a valid checksum can raise anything, RecursionError included
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            raise ModelFileError(f"{path}: this is no model that skmer.save_model wrote ({reason}).") from error
    return tree, arrays


def _check_digest(path, file):
    start, size = file.read(4), os.fstat(file.fileno()).st_size
    file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    if len(tail) == _TAIL and tail.startswith(_MAGIC):
        if _digest(file) != tail[-64:]:
            raise ModelFileError(
                f"{path}: this model file is damaged: its contents do not fit the SHA-256 that was saved with them. "
                "Copy or download it again."
            )
        return
    if not size:
        raise ModelFileError(f"{path}: this file is empty, and no model.")
    if start == b"PK\x03\x04":
        raise ModelFileError(
            f"{path}: this zip file is no model that skmer.save_model wrote, or its end is missing or damaged. Copy or "
            "download it again."
        )
    raise ModelFileError(
        f"{path}: this is no model that skmer.save_model wrote. A file of joblib.dump is loaded by joblib.load, which "
        "runs the code in it."
    )


def _digest(file):
    """Return the SHA-256 of all but the last 64 bytes, as 64 hexadecimal digits."""
    digest, left = hashlib.sha256(), os.fstat(file.fileno()).st_size - 64
    file.seek(0)
    while left > 0 and (block := file.read(min(left, 2**20))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest().encode("ascii")


def _read_arrays(data):
    arrays = safetensors.numpy.load(data)
    # an empty array has no bytes, whatever the other axes are
    if any(math.prod(max(n, 1) for n in array.shape) > 2**40 for array in arrays.values()):
        raise ValueError("an array is too large")
    return {name: array if array.flags.writeable else np.array(array) for name, array in arrays.items()}


def _no_constant(text):
    raise ValueError(f"{text} is no JSON")


def _unique(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found
