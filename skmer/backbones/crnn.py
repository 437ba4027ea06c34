"""The convolutional recurrent network of Mirable, with a mel branch and an optional pitch class branch."""

import torch
from torch import nn

from skmer.backbones.conv_blocks import ConvBlock, GeM, StochasticConvBlock
from skmer.backbones.unpacking import HPCP_CLASSES, MEL_BANDS, check_block_shape, unpack_blocks

__all__ = ["CRNN"]

_MEL_POOLING = ((2, 2), (2, 2), (2, 2))
# 12 pitch classes are pooled to 6 and 3, which is odd
_HPCP_POOLING = ((2, 2), (2, 2), (1, 2))
_MIN_BLOCKS = 4  # 8 mel steps, which are pooled to one


class _Branch(nn.Module):
    """Three residual blocks, each with pooling, a recurrent layer over time, and a linear layer."""

    def __init__(self, n_rows, pooling, width, n_hidden, exponent, circular, bypass):
        super().__init__()
        layers: list[nn.Module] = []
        n_in = 1
        for kernel_size in pooling:
            if bypass:
                layers.append(StochasticConvBlock(n_in, width, circular, bypass))
            else:
                layers.append(ConvBlock(n_in, width, circular))
            layers.append(GeM(kernel_size, exponent))
            n_in = width
            n_rows = -(-n_rows // kernel_size[0])
        self.maps = nn.Sequential(*layers)
        self.gru = nn.GRU(width * n_rows, n_hidden, batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * n_hidden, n_hidden)

    def forward(self, x):
        steps = self.maps(x).flatten(1, 2).transpose(1, 2)
        # the last state of each direction depends on the whole segment
        forwards, backwards = self.gru(steps)[1]
        return torch.relu(self.linear(torch.cat([forwards, backwards], 1)))


class CRNN(nn.Module):
    """Residual convolutions with generalised-mean pooling and a recurrent layer, for mel and HPCP.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        ``(n_features, n_blocks)`` of a segment: 256 features (mel only) or 316 (mel and HPCP) per
        block of 0.232 s, and at least 4 blocks; see `unpack_blocks`.
    n_classes : int
        Number of logits.
    width : int, default=64
        Channels of every convolution.
    n_hidden : int, default=256
        States of each direction of the recurrent layers, and size d of the output of a branch.
    pool_exponent : float, default=3.0
        Initial p of each generalised mean, which is learnt for each pooling.
    stochastic : float, default=0.0
        Probability that a block is bypassed for a batch in training. Above 0 the blocks are
        `StochasticConvBlock`, with dropout; the student of the paper has 0.1.
    dropout : float, default=0.0
        Dropout rate in the head, before the last layer. The paper has none; R-Drop requires it.

    Attributes
    ----------
    mel, hpcp : Module
        The branches; `hpcp` is None if the segments have no profiles.
    head : Module
        The two linear layers that fuse the branches.
    stochastic_trunk : bool
        Whether the branches draw random numbers in training.

    Raises
    ------
    ValueError
        If the segments do not have 256 or 316 features, or are shorter than 4 blocks, or `stochastic`
        or `pool_exponent` is out of range.

    Notes
    -----
    A branch has three blocks of a 3 x 3 convolution, batch normalisation, ReLU and a residual connection,
    each followed by pooling by 2 x 2; a bidirectional GRU over time, whose last states are used; and a
    linear layer with d outputs and ReLU. Two linear layers, with a ReLU between, compute the logits from
    the branches. For 56 tags there are 2.26 million parameters without HPCP and 3.22 million with it; a
    student larger than its teacher has a larger `width`.

    The convolutions of the HPCP branch are circular, so that B is next to C. The pitch class axis is pooled
    from 12 to 6 to 3 rows and not further, because 3 is odd. With three circular rows, the last convolution
    covers the whole octave, and a transposition by four semitones only rotates these rows.

    The input of the first block has one channel, which a 1 x 1 convolution maps to `width` channels. If the
    length is not a multiple of 8 steps, the last windows of the pooling are smaller, so that every step of
    the segment is used.

    References
    ----------
    Tan, "Semi-Supervised Music Emotion Recognition using Noisy Student Training and Harmonic
    Pitch Class Profiles" (2021), Figure 1; Choi et al., "Convolutional recurrent neural
    networks for music classification" (2017).

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import CRNN
    >>> CRNN((316, 40), n_classes=56)(torch.zeros(2, 1, 316, 40)).shape
    torch.Size([2, 56])
    """

    peak_lr = 1e-4

    def __init__(
        self, segment_shape, n_classes, width=64, n_hidden=256, pool_exponent=3.0, stochastic=0.0, dropout=0.0
    ):
        super().__init__()
        has_hpcp = check_block_shape(segment_shape, "crnn", _MIN_BLOCKS)
        if not 0 <= stochastic < 1:
            raise ValueError(f"stochastic={stochastic} must be a probability, at least 0 and below 1.")
        self.stochastic_trunk = stochastic > 0
        shared = (width, n_hidden, pool_exponent)
        self.mel = _Branch(MEL_BANDS, _MEL_POOLING, *shared, circular=False, bypass=stochastic)
        self.hpcp = None
        if has_hpcp:
            self.hpcp = _Branch(HPCP_CLASSES, _HPCP_POOLING, *shared, circular=True, bypass=stochastic)
        n_fused = n_hidden * (1 + has_hpcp)
        self.head = nn.Sequential(
            nn.Linear(n_fused, n_hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(n_hidden, n_classes)
        )

    def trunk(self, x):
        """Compute the outputs of the branches, concatenated.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_features, n_blocks)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_hidden) or (n, 2 * n_hidden)
            The output of the mel branch, then that of the HPCP branch.
        """
        mel, hpcp = unpack_blocks(x)
        if (hpcp is None) != (self.hpcp is None):
            raise ValueError(
                f"A CRNN built {'without' if self.hpcp is None else 'with'} HPCP got segments of {x.shape[2]} features."
            )
        if self.hpcp is None:
            return self.mel(mel)
        return torch.cat([self.mel(mel), self.hpcp(hpcp)], 1)

    def forward(self, x):
        """Compute the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_features, n_blocks)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self.head(self.trunk(x))
