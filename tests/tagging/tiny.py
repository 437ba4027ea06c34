"""Small songs whose tags are planted, and parameters of small networks."""

import numpy as np

from skmer import SongSequence

CRNN = {"backbone_params": {"width": 4, "n_hidden": 8}, "mask_range": (2, 6), "lr": 1e-2, "random_state": 0}
QUICK = {"backbone": "mlp", "mask_range": None, "max_epochs": 4, "random_state": 0}


def planted_songs(rng, n, hpcp=True):
    """Songs of one to three segments of 4 blocks: tag 0 is a loud band, tag 1 a pitch class."""
    y = np.stack([np.arange(n) % 2, np.arange(n) // 2 % 2], 1)
    items = []
    for i in range(n):
        n_blocks = 4 * (1 + i % 3)
        mel = rng.normal(size=(n_blocks, 2, 128)) - 40
        mel[:, :, 60:76] += 2 * y[i, 0]
        profiles = rng.uniform(0, 0.5, size=(n_blocks, 5, 12))
        profiles[:, :, 7] += 0.5 * y[i, 1]
        parts = [mel.reshape(n_blocks, -1), profiles.reshape(n_blocks, -1)]
        items.append(np.concatenate(parts if hpcp else parts[:1], 1).astype(np.float16))
    return SongSequence(items, window=(4, 4)), y
