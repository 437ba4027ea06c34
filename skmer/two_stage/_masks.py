"""Masks that hide whole mel bands and stretches of time, and the net that learns to rebuild what they hide."""

import numpy as np
import torch

from skmer.training.net import RowNet

__all__ = ["MaskedNet", "check_masks", "draw_masks", "masked_error"]


def check_masks(segment_shape, band_share, band_width, frame_share, frame_width):
    """Refuse masks that hide nothing, or would hide everything."""
    if band_share == frame_share == 0:
        raise ValueError(
            "band_share and frame_share are both 0: an autoencoder that nothing is hidden from learns to copy."
        )
    axes = [
        ("band", "mel bands", band_share, band_width, "make spectrograms of more bands (n_mels of SegmentTransformer)"),
        ("frame", "frames", frame_share, frame_width, "make longer segments (duration of SegmentTransformer)"),
    ]
    for (name, unit, share, width, more), n in zip(axes, segment_shape, strict=True):
        if share > 0 and width >= n:
            less = f"set {name}_width to {n - 1} or less, " if n > 1 else ""
            raise ValueError(
                f"{name}_width={width} would hide all {n} {unit} of a segment: "
                f"{less}{more}, or switch these masks off with {name}_share=0."
            )


def _draw_runs(rng, n_rows, length, share, width):
    """Choose runs of adjacent positions at random: True for the chosen, of shape (n_rows, length).

    The axis is cut into runs from a random position on, around its end; of these the
    share is taken, at least one and never all.
    """
    if share == 0:
        return np.zeros((n_rows, length), dtype=bool)
    n_runs = -(-length // width)
    n_chosen = int(np.clip(round(share * n_runs), 1, n_runs - 1))
    chosen = rng.random((n_rows, n_runs)).argsort(axis=1) < n_chosen
    run = (np.arange(length) + rng.integers(length, size=(n_rows, 1))) % length // width
    return np.take_along_axis(chosen, run, axis=1)


def draw_masks(rng, n_rows, n_mels, n_frames, *, band_share, band_width, frame_share, frame_width):
    """Draw the hidden cells of some segments: one for a hidden cell, of shape (n_rows, 1, n_mels, n_frames)."""
    bands = _draw_runs(rng, n_rows, n_mels, band_share, band_width)
    frames = _draw_runs(rng, n_rows, n_frames, frame_share, frame_width)
    return (bands[:, None, :, None] | frames[:, None, None, :]).astype(np.float32)


def masked_error(rebuilt, x, hidden):
    """Sum the squared error over each segment's hidden cells."""
    return ((rebuilt.float() - x).square() * hidden).sum((1, 2, 3))


class MaskedNet(RowNet):
    """Trains an autoencoder to rebuild the cells that masks hide from it."""

    def __init__(self, module, *, masks, **kwargs):
        self.masks = masks
        super().__init__(module, **kwargs)

    def batch_loss(self, index):
        x = self._layout(self.bank_.gather(index))
        hidden = torch.from_numpy(draw_masks(self.rng_, len(index), *x.shape[2:], **self.masks)).to(x.device)
        with self._autocast():
            rebuilt = self.module_(x, hidden)
        return masked_error(rebuilt, x, hidden).sum() / hidden.sum()
