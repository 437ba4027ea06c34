"""The baseline network of MediaEval's task Emotions and Themes in Music."""

from torch import nn

from skmer.backbones.unpacking import check_block_shape, unpack_blocks

__all__ = ["VGGish"]

_CHANNELS = (64, 128, 128, 128, 64)
_POOLING = ((2, 4), (2, 4), (2, 4), (3, 5), (4, 4))


class VGGish(nn.Module):
    """Five convolutions with max pooling on the mel spectrogram: MediaEval's baseline.

    This is not the network of the same name that was trained on AudioSet.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        ``(256, n_blocks)`` of a segment of blocks of 0.232 s without HPCP: see `unpack_blocks`.
    n_classes : int
        Number of logits.
    dropout : float, default=0.5
        Dropout rate in the head.

    Attributes
    ----------
    features, head : Module
        The convolutions, and the dropout with the linear layer.

    Raises
    ------
    ValueError
        If the segments do not have 256 features.

    Notes
    -----
    There are 0.45 million parameters for 56 tags. The input is batch-normalised; each convolution of
    3 x 3 (64, 128, 128, 128 and 64 channels) is followed by batch normalisation, ELU and max
    pooling of 2 x 4, 2 x 4, 2 x 4, 3 x 5 and 4 x 4 (bands x steps); one linear layer follows.

    The published poolings reduce 96 bands and 1,366 steps to one value per channel, and drop incomplete
    windows: of 128 bands the highest quarter. Here incomplete windows are pooled too, and the output of
    the five poolings is reduced by its maximum, so that every band and step is used and segments may have
    any length.

    References
    ----------
    Tovstogan, Bogdanov & Porter, "MediaEval 2021: Emotion and Theme Recognition in Music Using
    Jamendo" (2021); Bogdanov et al., "The MTG-Jamendo dataset for automatic music tagging" (2019).

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import VGGish
    >>> VGGish((256, 40), n_classes=56)(torch.zeros(2, 1, 256, 40)).shape
    torch.Size([2, 56])
    """

    peak_lr = 1e-3

    def __init__(self, segment_shape, n_classes, dropout=0.5):
        super().__init__()
        if check_block_shape(segment_shape, "vggish", 1):
            raise ValueError(
                "backbone='vggish' requires 256 features (mel only), got 316: compute segments without HPCP, or use "
                "backbone='crnn'."
            )
        layers: list[nn.Module] = [nn.BatchNorm2d(1)]
        n_in = 1
        for n_out, kernel_size in zip(_CHANNELS, _POOLING, strict=True):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ELU(inplace=True)]
            layers.append(nn.MaxPool2d(kernel_size, ceil_mode=True))
            n_in = n_out
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(n_in, n_classes))

    def trunk(self, x):
        """Compute the features before the dropout.

        Parameters
        ----------
        x : Tensor of shape (n, 1, 256, n_blocks)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, 64)
            Features.
        """
        mel, _ = unpack_blocks(x)
        return self.features(mel).amax((2, 3))

    def forward(self, x):
        """Compute the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, 1, 256, n_blocks)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self.head(self.trunk(x))
