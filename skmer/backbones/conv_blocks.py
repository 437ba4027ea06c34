"""Residual convolution blocks, with or without random bypass, and generalised-mean pooling."""

import math

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["ConvBlock", "GeM", "StochasticConvBlock"]


class GeM(nn.Module):
    """Generalised-mean pooling: the p-th root of the mean p-th power of each window, with a learnt p.

    Parameters
    ----------
    kernel_size : tuple of (int, int), default=(2, 2)
        Rows and steps of a window; windows do not overlap. If the size of a map is not a multiple, the
        last windows are smaller.
    exponent : float, default=3.0
        Initial p, above 0: 1 is the mean, and the limit at infinity is the maximum.
    eps : float, default=1e-6
        Smaller values are clipped to it, because the mean is defined for positive numbers.

    Attributes
    ----------
    log_p : Parameter
        Logarithm of p, the same for all channels, so that p remains positive in training.

    Raises
    ------
    ValueError
        If the exponent is not positive.

    Notes
    -----
    Values are divided by the maximum of their window before the power is taken, in float32 also under
    autocast, so that powers neither overflow nor all vanish for any p. The result does not depend on
    the divisor, which therefore needs no gradient. Weight decay moves p towards 1.

    References
    ----------
    Radenović, Tolias & Chum, "Fine-tuning CNN image retrieval with no human annotation" (2018).

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import GeM
    >>> x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> [round(GeM(exponent=p)(x).item(), 3) for p in (1, 3, 1000)]
    [2.5, 2.924, 3.994]
    """

    def __init__(self, kernel_size=(2, 2), exponent=3.0, eps=1e-6):
        super().__init__()
        if not (math.isfinite(exponent) and exponent > 0):
            raise ValueError(f"exponent={exponent} of generalised-mean pooling must be a finite number above 0.")
        self.kernel_size = tuple(kernel_size)
        self.eps = eps
        self.log_p = nn.Parameter(torch.tensor(math.log(exponent)))

    @property
    def p(self):
        """The exponent."""
        return self.log_p.exp()

    def forward(self, x):
        """Pool a batch of maps.

        Parameters
        ----------
        x : Tensor of shape (n, n_channels, n_rows, n_steps)
            Maps.

        Returns
        -------
        Tensor of shape (n, n_channels, ceil(n_rows / rows), ceil(n_steps / steps))
            Smaller maps of the same dtype.
        """
        with torch.autocast(x.device.type, enabled=False):
            return self._pool(x.float(), self.p.float()).to(x.dtype)

    def _pool(self, x, p):
        x = x.clamp_min(self.eps)
        rows, steps = self.kernel_size
        with torch.no_grad():
            largest = F.max_pool2d(x, self.kernel_size, ceil_mode=True)
            scale = largest.repeat_interleave(rows, 2).repeat_interleave(steps, 3)
            scale = scale[:, :, : x.shape[2], : x.shape[3]]
        return largest * F.avg_pool2d((x / scale) ** p, self.kernel_size, ceil_mode=True) ** (1 / p)

    def extra_repr(self):
        """Return the window and p for the representation of the module."""
        return f"kernel_size={self.kernel_size}, p={self.p.item():.3g}"


class ConvBlock(nn.Module):
    """A 3 x 3 convolution, batch normalisation and ReLU, to which the input is added.

    Parameters
    ----------
    n_in, n_out : int
        Channels. If they differ, a 1 x 1 convolution without bias maps the input to `n_out` channels.
    circular : bool, default=False
        Whether rows are padded circularly, as for pitch classes. Time, the other axis, is padded with
        zeros in both cases.

    Attributes
    ----------
    conv, norm, shortcut : Module
        The convolution, its normalisation, and the shortcut around both.

    Notes
    -----
    The first block of a network has one input channel. If it were added to every output channel without
    change, pooling, which clips negative values, would discard them in all channels; the 1 x 1 convolution
    has a sign and scale for each channel.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import ConvBlock
    >>> ConvBlock(1, 8, circular=True)(torch.zeros(2, 1, 12, 40)).shape
    torch.Size([2, 8, 12, 40])
    """

    def __init__(self, n_in, n_out, circular=False):
        super().__init__()
        self.circular = circular
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=(0, 1) if circular else 1, bias=False)
        self.norm = nn.BatchNorm2d(n_out)
        self.shortcut = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1, bias=False)

    def convolve(self, x):
        """Compute the maps that are added to the input.

        Parameters
        ----------
        x : Tensor of shape (n, n_in, n_rows, n_steps)
            Maps.

        Returns
        -------
        Tensor of shape (n, n_out, n_rows, n_steps)
            Non-negative maps.
        """
        padded = F.pad(x, (0, 0, 1, 1), mode="circular") if self.circular else x
        return torch.relu(self.norm(self.conv(padded)))

    def forward(self, x):
        """Compute the maps of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, n_in, n_rows, n_steps)
            Maps.

        Returns
        -------
        Tensor of shape (n, n_out, n_rows, n_steps)
            Maps.
        """
        return self.shortcut(x) + self.convolve(x)


class StochasticConvBlock(ConvBlock):
    """A `ConvBlock` with dropout after its ReLU, which is bypassed at random in training.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    circular : bool, default=False
        As in `ConvBlock`.
    bypass : float, default=0.1
        Probability, for each batch in training, that only the shortcut is used.
    dropout : float, default=0.1
        Dropout rate after the ReLU.

    Attributes
    ----------
    conv, norm, shortcut, drop : Module
        As in `ConvBlock`, and the dropout.

    Raises
    ------
    ValueError
        If `bypass` is not in [0, 1).

    Notes
    -----
    As in stochastic depth, a block is bypassed for a whole batch, which costs no time and does not change
    its statistics and weights. In evaluation no block is bypassed, as in the paper; unlike in Huang et
    al., its output is not scaled by 1 - `bypass`.

    References
    ----------
    Huang et al., "Deep networks with stochastic depth" (2016); Tan, "Semi-Supervised Music Emotion
    Recognition using Noisy Student Training and Harmonic Pitch Class Profiles" (2021), section 2.5.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import StochasticConvBlock
    >>> block = StochasticConvBlock(8, 8).eval()
    >>> x = torch.ones(2, 8, 12, 40)
    >>> torch.equal(block(x), block(x))
    True
    """

    def __init__(self, n_in, n_out, circular=False, bypass=0.1, dropout=0.1):
        super().__init__(n_in, n_out, circular)
        if not 0 <= bypass < 1:
            raise ValueError(f"bypass={bypass} of a StochasticConvBlock must be at least 0 and below 1.")
        self.bypass = bypass
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        """Compute the maps of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, n_in, n_rows, n_steps)
            Maps.

        Returns
        -------
        Tensor of shape (n, n_out, n_rows, n_steps)
            Maps.
        """
        # drawn on the CPU: a draw on CUDA would need a synchronisation
        if self.training and torch.rand((), device="cpu").item() < self.bypass:
            return self.shortcut(x)
        return self.shortcut(x) + self.drop(self.convolve(x))
