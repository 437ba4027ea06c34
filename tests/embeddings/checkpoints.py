"""A writer of TensorFlow's checkpoints, as small as the format allows, and of a package musicnn with random weights."""

import struct

import numpy as np

from skmer.embeddings._musicnn_network import ARRAYS
from skmer.embeddings._tensorflow_checkpoint import crc32c

MAGIC = bytes.fromhex("57fb808b247547db")
DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9}


def crc(data):
    """CRC-32C, bit by bit, as the standard defines it; rotated and shifted, as files store it."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ 0x82F63B78 * (state & 1)
    state ^= 0xFFFFFFFF
    return ((state >> 15 | state << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def number(field, value):
    """A field with a number; zero is left out."""
    return varint(field << 3) + varint(value) if value else b""


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


HEADER = number(1, 1) + message(3, number(1, 1))


def entry(array, offset, checksum=crc):
    data = array.tobytes()
    shape = b"".join(message(2, number(1, size)) for size in array.shape)
    head = number(1, DTYPES[array.dtype.name]) + message(2, shape) + number(4, offset) + number(5, len(data))
    return head + varint(6 << 3 | 5) + struct.pack("<I", checksum(data))


def block(pairs, compression=0):
    """A block, in which every second key is stored without what it shares with the one before."""
    out, restarts, before = b"", [], b""
    for i, (key, value) in enumerate(pairs):
        shared = 0
        if i % 2:
            shared = next((k for k, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), len(before))
        else:
            restarts.append(len(out))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    out += struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts)) + bytes([compression])
    return out + struct.pack("<I", crc(out))


def table(pairs, per_block=3, compression=0):
    """A table of keys and values, in blocks of a few."""
    file, index = b"", []
    for i in range(0, len(pairs), per_block):
        part = block(pairs[i : i + per_block], compression)
        index.append((pairs[i : i + per_block][-1][0], varint(len(file)) + varint(len(part) - 5)))
        file += part
    handles = b""
    for part in (block([]), block(index)):
        handles += varint(len(file)) + varint(len(part) - 5)
        file += part
    return file + handles.ljust(40, b"\0") + MAGIC


def checkpoint(arrays, header=HEADER, checksum=crc, **options):
    """Return the bytes of the two files."""
    pairs, data = [(b"", header)], b""
    for name, array in sorted(arrays.items()):
        array = np.asarray(array)
        pairs.append((name.encode(), entry(array, len(data), checksum)))
        data += array.tobytes()
    return table(pairs, **options), data


def random_arrays(seed=0):
    """Random weights of musicnn, of a size that keeps the values of layers near 1."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, shape in ARRAYS.items():
        values = rng.standard_normal(shape) / (np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 2)
        made[name] = (np.abs(values) + 0.1 if name.endswith("variance") else values).astype(np.float32)
    return made


def masked_crc(data):
    """The checksum as files store it, by the package's faster function."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write_package(folder, arrays):
    """Write the folder of a package musicnn with some weights, and return it."""
    index, data = checkpoint(arrays, checksum=masked_crc)
    for model in ("MSD_musicnn", "MTT_musicnn"):
        (folder / model).mkdir(parents=True)
        (folder / model / ".index").write_bytes(index)
        (folder / model / ".data-00000-of-00001").write_bytes(data)
    return folder
