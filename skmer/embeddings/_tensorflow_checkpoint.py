"""read_checkpoint: the arrays in a checkpoint of TensorFlow (version 2 of the format), without TensorFlow.

The file ``.index`` is a sorted table in the format of LevelDB, from names to protocol buffers that tell the type, shape
and place of each array. The file ``.data-00000-of-00001`` holds the values.
"""

import math
import struct
from typing import NamedTuple

import numpy as np

__all__ = ["crc32c", "read_checkpoint"]

_FOOTER = 48  # bytes: the places of two blocks, padded, and a number by which a table is recognised
_MAGIC = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"
_TRAILER = 5  # bytes after a block: its compression and checksum
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}  # by TensorFlow's numbers
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers


def read_checkpoint(index, data, name, wanted=None, advice="Get the file again."):
    """Return the arrays of a checkpoint by name.

    Parameters
    ----------
    index, data : bytes
        Contents of the files ``.index`` and ``.data-00000-of-00001``.
    name : str
        Path of both files without these endings, for messages.
    wanted : collection of str, default=None
        Names of the arrays to return; None is all. Others are not looked at.
    advice : str, default="Get the file again."
        End of each message.

    Raises
    ------
    ValueError
        If a file is damaged, cut off or not of this format, or an array is missing. The message names the file.
    """
    try:
        table = _read_table(memoryview(index))
        _check_header(table.pop("", b""))
        entries = {key: _read_entry(value) for key, value in table.items() if wanted is None or key in wanted}
    except _DamageError as error:
        raise ValueError(
            f"{name}.index: this is not an index of a TensorFlow checkpoint, or not an intact one: {error}. {advice}"
        ) from error
    if missing := sorted(set(wanted or ()) - set(entries)):
        raise ValueError(f"{name}.index: this is a checkpoint of another network, without {missing[0]!r}. {advice}")
    arrays = {}
    for key, entry in entries.items():
        try:
            arrays[key] = _read_array(memoryview(data), entry)
        except _DamageError as error:
            raise ValueError(f"{name}.data-00000-of-00001: {key!r} cannot be read: {error}. {advice}") from error
    return arrays


class _DamageError(Exception):
    """What is wrong with a file."""


# ---- the table -------------------------------------------------------------------------------------


def _read_table(file):
    """Return the values in a table by key."""
    if len(file) < _FOOTER or file[-len(_MAGIC) :] != _MAGIC:
        raise _DamageError("its last bytes are not those of a table")
    footer = file[-_FOOTER:]
    _, at = _read_handle(footer, 0)  # of a block that is empty
    place, _ = _read_handle(footer, at)
    table = {}
    for _, handle in _read_block(file, place):
        place, _ = _read_handle(handle, 0)
        for key, value in _read_block(file, place):
            table[key.decode("utf-8", "backslashreplace")] = value
    return table


def _read_handle(buffer, at):
    """Return the (offset, size) of a block, and the position after it."""
    offset, at = _read_varint(buffer, at)
    size, at = _read_varint(buffer, at)
    return (offset, size), at


def _read_block(file, place):
    """Yield the keys and values in a block; a key is stored without what it shares with the one before."""
    offset, size = place
    block, trailer = _cut(file, offset, size), _cut(file, offset + size, _TRAILER)
    if struct.unpack("<I", trailer[1:])[0] != _mask(crc32c(file[offset : offset + size + 1])):
        raise _DamageError(f"the checksum of the block at byte {offset} is wrong")
    if trailer[0]:
        raise _DamageError("it is compressed, by snappy or otherwise, and only files without compression are read")
    (n_restarts,) = struct.unpack("<I", _cut(block, size - 4, 4))
    end = size - 4 * (n_restarts + 1)
    key, at = b"", 0
    while at < end:
        n_shared, at = _read_varint(block, at)
        n_own, at = _read_varint(block, at)
        n_value, at = _read_varint(block, at)
        if n_shared > len(key):
            raise _DamageError("a key refers to more than the key before it")
        key = key[:n_shared] + bytes(_cut(block, at, n_own))
        yield key, _cut(block, at + n_own, n_value)
        at += n_own + n_value


# ---- protocol buffers ------------------------------------------------------------------------------


def _read_varint(buffer, at):
    """Return an integer of seven bits a byte, the lowest first, and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        (byte,) = _cut(buffer, at, 1)
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise _DamageError("a number is too long")


def _read_fields(message):
    """Yield the number with the wire type of each field of a message, and its value."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        wire, size = tag & 7, {_FIXED64: 8, _FIXED32: 4}.get(tag & 7)
        if wire == _VARINT:
            value, at = _read_varint(message, at)
            yield (tag >> 3, wire), value
            continue
        if wire == _BYTES:
            size, at = _read_varint(message, at)
        if size is None:
            raise _DamageError(f"a field has the unknown type {wire}")
        value = _cut(message, at, size)
        yield (tag >> 3, wire), value if wire == _BYTES else int.from_bytes(value, "little")
        at += size


def _check_header(message):
    """Check the number of data files and the order of bytes."""
    header = dict(_read_fields(message))
    if (n_files := header.get((1, _VARINT), 0)) != 1:
        raise _DamageError(f"it tells of {n_files} data files, and only checkpoints with one are read")
    if header.get((2, _VARINT), 0) != 0:
        raise _DamageError("it was written by a machine with another order of bytes")


class _Entry(NamedTuple):
    """Type, shape, place and checksum of an array; what is 0 or empty has no field."""

    dtype: int
    shape: tuple
    offset: int
    size: int
    checksum: int


def _read_entry(message):
    fields = dict(_read_fields(message))
    if (7, _BYTES) in fields:
        raise _DamageError("an array is stored in parts, which are not read")
    dimensions = [dim for key, dim in _read_fields(fields.get((2, _BYTES), b"")) if key == (2, _BYTES)]
    shape = tuple(dict(_read_fields(dim)).get((1, _VARINT), 0) for dim in dimensions)
    offset, size = fields.get((4, _VARINT), 0), fields.get((5, _VARINT), 0)
    return _Entry(fields.get((1, _VARINT), 0), shape, offset, size, fields.get((6, _FIXED32), 0))


# ---- values ----------------------------------------------------------------------------------------


def _read_array(data, entry):
    if entry.dtype not in _DTYPES:
        raise _DamageError(f"its type has TensorFlow's number {entry.dtype}, which is not read")
    dtype = np.dtype(_DTYPES[entry.dtype])
    if entry.size != math.prod(entry.shape) * dtype.itemsize:
        raise _DamageError(f"{entry.size} bytes are not an array of shape {entry.shape}, {dtype.name}")
    values = _cut(data, entry.offset, entry.size)
    if entry.checksum != _mask(crc32c(values)):
        raise _DamageError("its checksum is wrong")
    return np.frombuffer(values, dtype).reshape(entry.shape).copy()


def _cut(buffer, start, size):
    """Return `size` bytes from `start` on, which a slice would shorten at the end of the buffer."""
    if start < 0 or start + size > len(buffer):
        raise _DamageError("it ends too early, or a number in it is wrong")
    return buffer[start : start + size]


def _mask(checksum):
    """Return a checksum as it is stored: rotated by 15 bits, plus a constant."""
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _byte_table():
    """Return the remainder of each byte by Castagnoli's polynomial, lowest bit first."""
    remainders = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        remainders = np.where(remainders & 1, remainders >> 1 ^ 0x82F63B78, remainders >> 1).astype(np.uint32)
    return remainders


_TABLE = _byte_table()
_BITS = np.arange(32, dtype=np.uint32)


def crc32c(data):
    """Return the CRC-32C of bytes.

    The bytes are the rows of a matrix, which are divided side by side. What a remainder becomes after a row of zeros is
    a linear map of its bits; by it, the remainders of the rows are joined.
    """
    data = np.frombuffer(data, np.uint8)
    length = math.isqrt(len(data)) + 1
    n_rows, n_first = divmod(len(data), length)
    crc = 0xFFFFFFFF
    for byte in data[:n_first].tolist():
        crc = int(_TABLE[(crc ^ byte) & 255]) ^ crc >> 8
    rows = np.zeros((length, n_rows + 32), dtype=np.uint8)
    rows[:, :n_rows] = data[n_first:].reshape(n_rows, length).T
    state = np.concatenate([np.zeros(n_rows, np.uint32), np.uint32(1) << _BITS])
    for column in rows:
        state = _TABLE[(state ^ column) & 255] ^ state >> 8
    remainders, of_bits = state[:n_rows], state[n_rows:]
    for remainder in remainders.tolist():
        crc = int(np.bitwise_xor.reduce(of_bits[(crc >> _BITS & 1).astype(bool)])) ^ remainder
    return crc ^ 0xFFFFFFFF
