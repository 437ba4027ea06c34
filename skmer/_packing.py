"""pack and unpack: arrays in memory as views of a few large ones, which joblib's worker processes share."""

import mmap

import numpy as np

__all__ = ["pack", "unpack"]

# joblib shares arrays of more than a megabyte; packing needs the memory of one more block
_BLOCK_BYTES = 64 * 2**20


def pack(items):
    """Copy the contiguous arrays in memory among the items to blocks, and replace them in the list by views.

    Arrays in files, and other items, are left. Return the blocks and, for each item, its block (-1 if there is none)
    and its first and last row in it. These follow from the arrays alone, so that equal items have equal hashes.
    """
    positions: dict = {}  # an array may be several items
    for position, item in enumerate(items):
        if _in_memory(item):
            positions.setdefault(id(item), []).append(position)
    runs: list = []
    dtype, n_bytes = None, 0
    for places in positions.values():
        array = items[places[0]]
        if not runs or array.dtype != dtype or n_bytes + array.nbytes > _BLOCK_BYTES:
            runs.append([])
            dtype, n_bytes = array.dtype, 0
        runs[-1].append(places)
        n_bytes += array.nbytes
    blocks: list = []
    rows = np.full((len(items), 3), -1)
    for run in runs:
        arrays = [items[places[0]] for places in run]
        block = arrays[0] if len(arrays) == 1 else np.concatenate(arrays, dtype=arrays[0].dtype)
        start = 0
        for places, array in zip(run, arrays, strict=True):
            stop = start + len(array)
            rows[places] = len(blocks), start, stop
            view = _view(block, start, stop)
            for position in places:
                items[position] = view
            start = stop
        blocks.append(block)
    return blocks, rows


def unpack(items, blocks, rows):
    """Insert the views of the blocks into the list of items."""
    views: dict = {}
    for position, (block, start, stop) in enumerate(rows.tolist()):
        if block >= 0:
            items[position] = views.setdefault((block, start), _view(blocks[block], start, stop))


def _view(block, start, stop):
    return block if stop - start == len(block) else block[start:stop]


def _in_memory(item):
    owner = item
    while type(owner) is np.ndarray:
        owner = owner.base
    return type(item) is np.ndarray and item.flags.c_contiguous and not isinstance(owner, np.memmap | mmap.mmap)
