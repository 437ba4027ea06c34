"""Masks over time and frequency for batches of blocks, as SpecAugment has them."""

import numpy as np
import torch

from skmer.backbones.unpacking import MEL_BANDS, MEL_STEPS, unpack_blocks

__all__ = ["draw_masks", "hide_masked"]


def draw_masks(rng, n, n_blocks, mask_range):
    """Draw one time mask and one frequency mask for each row of a batch.

    Parameters
    ----------
    rng : Generator
        NumPy's.
    n : int
        Rows of the batch.
    n_blocks : int
        Length of a row; a block has 2 mel steps.
    mask_range : tuple of (int, int)
        Least and greatest maximum length, of which one is drawn for the whole batch and for both
        masks.

    Returns
    -------
    ndarray of shape (4, n)
        First mel step that is hidden and number of them, first mel band and number of them.
        A length is any from 0 to the batch's maximum (at most all there is) with equal probability, and
        so is then the place.

    References
    ----------
    Park et al., "SpecAugment: a simple data augmentation method for automatic speech recognition"
    (2019); Tan (2021), section 2.1, for the maximum that changes from batch to batch.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.tagging.masks import draw_masks
    >>> draw_masks(np.random.default_rng(0), n=3, n_blocks=40, mask_range=(20, 60)).shape
    (4, 3)
    """
    longest = rng.integers(mask_range[0], mask_range[1], endpoint=True)
    spans = []
    for size in (n_blocks * MEL_STEPS, MEL_BANDS):
        lengths = rng.integers(0, min(longest, size), n, endpoint=True)
        spans += [rng.integers(0, size - lengths, endpoint=True), lengths]
    return np.stack(spans)


def hide_masked(x, masks):
    """Set to 0, which is the mean in the standardised domain, what masks hide.

    Parameters
    ----------
    x : Tensor of shape (n, 1, 256, n_blocks) or (n, 1, 316, n_blocks)
        A batch of blocks, as `skmer.backbones.unpack_blocks` takes them apart.
    masks : Tensor of shape (4, n)
        Of `draw_masks`, on the batch's device.

    Returns
    -------
    Tensor
        Of the same shape; `x` is left as it is.

    Raises
    ------
    ValueError
        If the shape of `x` is another one.

    Notes
    -----
    The frequency mask hides its bands at every mel step. The time mask hides its mel steps, and
    the pitch class profiles of every block in which it hides a step: profiles that overlap with
    what is hidden would give it away. The frequency mask leaves the profiles alone.

    Examples
    --------
    Two mel steps are hidden, the second of block 0 and the first of block 1, and no band:

    >>> import torch
    >>> from skmer.tagging.masks import hide_masked
    >>> x = hide_masked(torch.ones(1, 1, 316, 3), torch.tensor([[1], [2], [0], [0]]))
    >>> x[0, 0, [0, 128, 256]]
    tensor([[1., 0., 1.],
            [0., 1., 1.],
            [0., 0., 1.]])
    """
    unpack_blocks(x[:1])  # only refuses a wrong shape
    n_blocks = x.shape[3]
    steps = _within(masks[0], masks[1], n_blocks * MEL_STEPS).unflatten(1, (n_blocks, MEL_STEPS))
    bands = _within(masks[2], masks[3], MEL_BANDS)
    # a block holds all bands of its first step, then all bands of its second
    mel = (steps.transpose(1, 2)[:, :, None] | bands[:, None, :, None]).flatten(1, 2)
    profiles = steps.any(2)[:, None].expand(-1, x.shape[2] - mel.shape[1], -1)
    return x.masked_fill(torch.cat([mel, profiles], 1).unsqueeze(1), 0.0)


def _within(first, length, size):
    """Give (n, size): whether a position is in the span of its row."""
    position = torch.arange(size, device=first.device)
    return (position >= first[:, None]) & (position < (first + length)[:, None])
