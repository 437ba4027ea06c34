"""A small convolutional network that trains on a CPU."""

import torch
from torch import nn

__all__ = ["SmallCNN", "conv_layer", "small_features"]


def conv_layer(n_in, n_out, size=(3, 3), stride=1, pool=(2, 2)):
    """Return convolution, pooling, normalisation and ReLU; after pooling, fewer values are normalised."""
    pooling = [nn.MaxPool2d(pool)] if pool else []
    padding = (size[0] // 2, size[1] // 2)
    convolution = nn.Conv2d(n_in, n_out, size, stride=stride, padding=padding, bias=False)
    return [convolution, *pooling, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)]


def small_features(width):
    """Return the convolutions over mel bands; bands and frames are divided by 16."""
    return nn.Sequential(
        *conv_layer(1, width, size=(5, 5), stride=2),
        *conv_layer(width, 2 * width),
        *conv_layer(2 * width, 4 * width),
        *conv_layer(4 * width, 4 * width, pool=None),
    )


class SmallCNN(nn.Module):
    """Strided convolutions with batch normalisation, pooled over time by mean and maximum.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        Mel bands and frames of a segment, each at least 16.
    n_classes : int
        Number of logits.
    width : int, default=24
        Channels of the first layer; the next layers have 2, 4 and 4 times as many.
    dropout : float, default=0.5
        Dropout rate in the head.

    Attributes
    ----------
    features, head : Module
        The convolutions, and the dropout with the linear layer.

    Raises
    ------
    ValueError
        If the segments are too small.

    Notes
    -----
    There are 0.33 million parameters. For a segment of 128 bands and 131 frames, the cost is less than a
    hundredth of that of VGG16.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import SmallCNN
    >>> SmallCNN((128, 131), n_classes=4)(torch.zeros(2, 1, 128, 131)).shape
    torch.Size([2, 4])
    """

    peak_lr = 3e-3

    def __init__(self, segment_shape, n_classes, width=24, dropout=0.5):
        super().__init__()
        if len(segment_shape) != 2 or min(segment_shape) < 16:
            raise ValueError(
                "backbone='small' requires spectrograms of at least 16 bands and 16 frames, got "
                f"{tuple(segment_shape)}: use longer segments or another backbone ('mlp' for rows of features)."
            )
        self.features = small_features(width)
        bands = -(-segment_shape[0] // 2) // 8
        self.mix = nn.Linear(2 * 4 * width * bands, 128)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(128, n_classes))

    def trunk(self, x):
        """Compute the features before the dropout.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, 128)
            Features.
        """
        z = self.features(x)
        # pooled over time, not over frequency
        z = torch.cat([z.mean(3), z.amax(3)], 1).flatten(1)
        return torch.relu(self.mix(z))

    def forward(self, x):
        """Compute the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self.head(self.trunk(x))
