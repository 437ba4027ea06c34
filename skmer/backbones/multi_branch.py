"""A small convolutional network with a branch each for mel bands, semitones and pitch classes."""

import torch
from torch import nn
from torch.nn import functional as F

from skmer.backbones.conv_blocks import ConvBlock
from skmer.backbones.small_cnn import conv_layer, small_features

__all__ = ["N_CHROMA", "N_SEMITONES", "MultiBranchCNN"]

N_SEMITONES, N_CHROMA = 84, 12  # of SegmentTransformer(harmony=True)
_SMALLEST = 16
_STEPS = 4  # frames that are averaged, since those of the semitones overlap


class MultiBranchCNN(nn.Module):
    """Convolutions over mel bands, over semitones and over pitch classes, whose features are joined.

    It takes the segments of ``SegmentTransformer(harmony=True)``.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        Bands and frames of a segment: `n_mels` mel bands, 84 semitones and 12 pitch classes, and at least 16
        frames.
    n_classes : int
        Number of logits.
    width : int, default=24
        Channels of the first layer of each branch.
    n_mels : int, default=128
        Number of mel bands, at least 16. A segment without harmony is recognised by it.
    dropout : float, default=0.5
        Dropout rate in the head.

    Attributes
    ----------
    mel, semitones, chroma : Module
        The convolutions of each branch.
    mix, head : Module
        The linear layer that joins the branches, and the dropout with the last layer.

    Raises
    ------
    ValueError
        If the segments have another number of bands, or are too small.

    See Also
    --------
    SmallCNN : The mel branch alone.
    skmer.SegmentTransformer : Computes the segments.

    Notes
    -----
    There are 0.49 million parameters, and a step of training takes about 1.5 times as long as with `SmallCNN` of the
    same width.

    The mel branch is that of `SmallCNN`. In the other branches, four frames are averaged first. The first layer of
    the semitone branch covers an octave, before neighbouring semitones are pooled. That of the pitch class branch
    covers all twelve classes circularly, so that each of its channels is a pattern, such as a chord or a key, which
    is compared with the segment from each of the twelve tonics. The mean and the maximum over tonics and time follow:
    this branch does not change if all classes are rotated, as by a transposition.

    References
    ----------
    Korzeniowski & Widmer, "Genre-agnostic key classification with convolutional neural networks", ISMIR 2018
    (convolutions over semitones, and the mean over time). The branches are ours.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import MultiBranchCNN
    >>> MultiBranchCNN((224, 131), n_classes=4)(torch.zeros(2, 1, 224, 131)).shape
    torch.Size([2, 4])
    """

    peak_lr = 3e-3

    def __init__(self, segment_shape, n_classes, width=24, n_mels=128, dropout=0.5):
        super().__init__()
        _check_shape(segment_shape, n_mels)
        self.n_mels = n_mels
        self.mel = small_features(width)
        self.semitones = nn.Sequential(
            *conv_layer(1, width, size=(13, 3), pool=(3, 2)),
            *conv_layer(width, 2 * width, pool=(2, 2)),
            *conv_layer(2 * width, 2 * width, pool=(2, 1)),
        )
        self.chroma = nn.Sequential(
            nn.Conv2d(1, 2 * width, (N_CHROMA, 3), padding=(0, 1), bias=False),
            nn.MaxPool2d((1, 2)),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(inplace=True),
            ConvBlock(2 * width, 2 * width, circular=True),
        )
        n_features = 2 * 4 * width * (-(-n_mels // 2) // 8) + 2 * 2 * width * (N_SEMITONES // 12) + 2 * 2 * width
        self.mix = nn.Linear(n_features, 128)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(128, n_classes))

    def trunk(self, x):
        """Compute the features before the dropout.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels + 96, n_frames)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, 128)
            Features.
        """
        mel, harmony = x[:, :, : self.n_mels], F.avg_pool2d(x[:, :, self.n_mels :], (1, _STEPS))
        mel, semitones = self.mel(mel), self.semitones(harmony[:, :, :N_SEMITONES])
        chroma = harmony[:, :, N_SEMITONES:]
        # one octave and eleven classes: every class is a tonic once
        chroma = self.chroma(torch.cat([chroma, chroma[:, :, :-1]], 2))
        pooled = [pool for maps in (mel, semitones) for pool in (maps.mean(3), maps.amax(3))]
        pooled += [chroma.mean((2, 3)), chroma.amax((2, 3))]
        return torch.relu(self.mix(torch.cat([pool.flatten(1) for pool in pooled], 1)))

    def forward(self, x):
        """Compute the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels + 96, n_frames)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self.head(self.trunk(x))


def _check_shape(segment_shape, n_mels):
    shape, n_bands = tuple(segment_shape), n_mels + N_SEMITONES + N_CHROMA
    if len(shape) != 2 or shape[0] != n_bands:
        raise ValueError(
            f"backbone='multi_branch' requires segments of {n_bands} bands (n_mels={n_mels}, {N_SEMITONES} semitones, "
            f"{N_CHROMA} pitch classes), got shape {shape}: use SegmentTransformer(harmony=True), with its n_mels in "
            "backbone_params if it is not 128, or backbone='small' for mel bands alone."
        )
    if n_mels < _SMALLEST or shape[1] < _SMALLEST:
        raise ValueError(
            f"backbone='multi_branch' requires at least {_SMALLEST} mel bands and {_SMALLEST} frames, got n_mels="
            f"{n_mels} and {shape[1]} frames: use longer segments or another backbone."
        )
