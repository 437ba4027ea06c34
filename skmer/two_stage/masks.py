"""Masks of spectrogram segments: runs of mel bands and of frames, and the error of their reconstruction."""

import numpy as np

__all__ = ["check_masks", "draw_masks", "masked_error"]


def check_masks(segment_shape, band_share, band_width, frame_share, frame_width):
    """Raise ValueError if the masks would hide no cell, or every cell."""
    if band_share == frame_share == 0:
        raise ValueError(
            "band_share and frame_share are both 0, so that nothing is masked and the autoencoder learns to copy: set "
            "one of them above 0."
        )
    axes = [
        ("band", "mel bands", band_share, band_width, "raise n_mels of SegmentTransformer"),
        ("frame", "frames", frame_share, frame_width, "raise duration of SegmentTransformer"),
    ]
    for (name, unit, share, width, more), n in zip(axes, segment_shape, strict=True):
        if share > 0 and width >= n:
            less = f"set {name}_width to {n - 1} or less, " if n > 1 else ""
            raise ValueError(
                f"{name}_width={width} would mask all {n} {unit} of a segment: {less}{more}, or set {name}_share=0."
            )


def _draw_runs(rng, n_rows, length, share, width):
    """Draw runs of adjacent positions as a boolean array of shape (n_rows, length).

    The axis, taken as a circle, is cut into runs from a random position on; a share of the runs is chosen, at least
    one and never all.
    """
    if share == 0:
        return np.zeros((n_rows, length), dtype=bool)
    n_runs = -(-length // width)
    n_chosen = int(np.clip(round(share * n_runs), 1, n_runs - 1))
    chosen = rng.random((n_rows, n_runs)).argsort(axis=1) < n_chosen
    run = (np.arange(length) + rng.integers(length, size=(n_rows, 1))) % length // width
    return np.take_along_axis(chosen, run, axis=1)


def draw_masks(rng, n_rows, n_mels, n_frames, *, band_share, band_width, frame_share, frame_width):
    """Draw the masked cells of segments, as an array of 1 (masked) and 0 of shape (n_rows, 1, n_mels, n_frames)."""
    bands = _draw_runs(rng, n_rows, n_mels, band_share, band_width)
    frames = _draw_runs(rng, n_rows, n_frames, frame_share, frame_width)
    return (bands[:, None, :, None] | frames[:, None, None, :]).astype(np.float32)


def masked_error(rebuilt, x, hidden):
    """Sum the squared error over the masked cells of each segment."""
    return ((rebuilt.float() - x).square() * hidden).sum((1, 2, 3))
