"""Random changes of training batches: gains, and the time and band masks of SpecAugment."""

from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval

__all__ = ["AUGMENTATION_CONSTRAINTS", "BatchAugmentation", "draw_spans", "in_spans"]

AUGMENTATION_CONSTRAINTS = {
    "time_mask": [Interval(Integral, 0, None, closed="left")],
    "band_mask": [Interval(Integral, 0, None, closed="left")],
    "max_gain": [Interval(Real, 0, None, closed="left")],
}
"""Constraints of the parameters of an estimator that are those of `BatchAugmentation`."""


def draw_spans(rng, n, size, longest):
    """Draw the first position and the length of n spans of 0 to `longest` of `size` positions.

    As in SpecAugment (Park et al., 2019), lengths, and then first positions, are equally likely.
    """
    lengths = rng.integers(0, min(longest, size), n, endpoint=True)
    return rng.integers(0, size - lengths, endpoint=True), lengths


def in_spans(first, length, size):
    """Return which of `size` positions are in each span, as a boolean tensor (n, size)."""
    position = torch.arange(size, device=first.device)
    return (position >= first[:, None]) & (position < (first + length)[:, None])


class BatchAugmentation:
    """Augmentation of batches of standardised segments (n, 1, n_bands, n_frames), different for each segment.

    First a gain, between -`max_gain` and `max_gain` dB with equal probability, is added to all bands. Then a time mask
    of at most `time_mask` frames and a band mask of at most `band_mask` bands are set to 0, the mean of each band.
    Pitch classes, whose `names` begin with ``chroma_``, are no levels: they get time masks only. `scale` is the
    standard deviation of each band in dB. Zeros switch a change off.
    """

    def __init__(self, time_mask, band_mask, max_gain, scale, names=None, device="cpu"):
        self.time_mask, self.band_mask, self.max_gain = time_mask, band_mask, max_gain
        has_level = np.ones(len(scale), dtype=bool)
        if names is not None:
            has_level &= [not str(name).startswith("chroma_") for name in names]
        self._bands = torch.from_numpy(np.flatnonzero(has_level)).to(device)
        self._per_db = torch.from_numpy(has_level / scale).float().to(device)

    def __call__(self, x, rng):
        """Return an augmented batch; numbers are drawn on the CPU, so that they are the same on every device."""
        if self.max_gain > 0:
            gain = torch.from_numpy(rng.uniform(-self.max_gain, self.max_gain, len(x))).to(x)
            x = x + (gain[:, None] * self._per_db)[:, None, :, None]
        if self.time_mask > 0:
            x = x.masked_fill(self._spans(rng, x, x.shape[3], self.time_mask)[:, None, None], 0.0)
        if self.band_mask > 0:
            hidden = torch.zeros(len(x), x.shape[2], dtype=torch.bool, device=x.device)
            hidden[:, self._bands] = self._spans(rng, x, len(self._bands), self.band_mask)
            x = x.masked_fill(hidden[:, None, :, None], 0.0)
        return x

    @staticmethod
    def _spans(rng, x, size, longest):
        first, length = (torch.from_numpy(values).to(x.device) for values in draw_spans(rng, len(x), size, longest))
        return in_spans(first, length, size)
