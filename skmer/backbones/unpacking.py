"""Unpack the blocks of a tagging segment to its mel spectrogram and its pitch class profiles."""

import numpy as np
import torch

__all__ = [
    "HPCP_CLASSES",
    "HPCP_STEPS",
    "MEL_BANDS",
    "MEL_STEPS",
    "check_block_shape",
    "standardisation_groups",
    "unpack_blocks",
]

MEL_BANDS, MEL_STEPS = 128, 2
HPCP_CLASSES, HPCP_STEPS = 12, 5
_MEL_VALUES = MEL_BANDS * MEL_STEPS
_ALL_VALUES = _MEL_VALUES + HPCP_CLASSES * HPCP_STEPS


def check_block_shape(segment_shape, backbone, min_blocks):
    """Check the shape of segments of blocks; return whether they contain HPCP, or raise ValueError."""
    shape = tuple(segment_shape)
    if len(shape) != 2 or shape[0] not in (_MEL_VALUES, _ALL_VALUES):
        raise ValueError(
            f"backbone='{backbone}' requires segments of shape (n_features, n_blocks) with {_MEL_VALUES} features "
            f"(mel) or {_ALL_VALUES} (mel and HPCP), got {shape}: use TaggingTransformer, or backbone='small' for "
            "spectrograms."
        )
    if shape[1] < min_blocks:
        raise ValueError(
            f"backbone='{backbone}' requires segments of at least {min_blocks} blocks of 0.232 s, got {shape[1]}: "
            "use longer segments."
        )
    return shape[0] == _ALL_VALUES


def standardisation_groups(n_features):
    """Return a number for each feature of a block, equal for features that are standardised together; else None.

    A mel band has one number (0 to 127) in both steps. All pitch classes have the number 128, so that the profiles of
    a transposed song are still rotated ones.
    """
    if n_features not in (_MEL_VALUES, _ALL_VALUES):
        return None
    bands = np.tile(np.arange(MEL_BANDS), MEL_STEPS)
    return np.concatenate([bands, np.full(n_features - _MEL_VALUES, MEL_BANDS)])


def unpack_blocks(x):
    """Unpack blocks to the spectrogram and the pitch class profiles, each at its own rate.

    Parameters
    ----------
    x : Tensor of shape (n, 1, n_features, n_blocks)
        A column is a block of 10,240 samples (0.232 s at 44.1 kHz): 2 steps of 128 mel bands and, if there
        are 316 features rather than 256, 5 steps of 12 pitch classes.

    Returns
    -------
    mel : Tensor of shape (n, 1, 128, 2 * n_blocks)
        The spectrogram.
    hpcp : Tensor of shape (n, 1, 12, 5 * n_blocks) or None
        The profiles; None if there are 256 features.

    Raises
    ------
    ValueError
        If the shape is different.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import unpack_blocks
    >>> mel, hpcp = unpack_blocks(torch.zeros(3, 1, 316, 40))
    >>> mel.shape, hpcp.shape
    (torch.Size([3, 1, 128, 80]), torch.Size([3, 1, 12, 200]))
    """
    if x.ndim != 4 or x.shape[1] != 1 or x.shape[2] not in (_MEL_VALUES, _ALL_VALUES):
        raise ValueError(
            f"Blocks must have shape (n, 1, {_MEL_VALUES} or {_ALL_VALUES}, n_blocks), got {tuple(x.shape)}."
        )
    mel = _concatenate_steps(x[:, 0, :_MEL_VALUES], MEL_STEPS)
    return mel, _concatenate_steps(x[:, 0, _MEL_VALUES:], HPCP_STEPS) if x.shape[2] == _ALL_VALUES else None


def _concatenate_steps(x: torch.Tensor, n_steps):
    """Concatenate the steps of all blocks, (n, n_steps * rows, n_blocks), to (n, 1, rows, time)."""
    steps = x.unflatten(1, (n_steps, -1))
    return steps.permute(0, 2, 3, 1).flatten(2).unsqueeze(1)
