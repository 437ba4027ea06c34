"""A convolutional autoencoder of spectrograms some of whose cells are hidden."""

import torch
from torch import nn

__all__ = ["MelAutoencoder"]


def _smaller(n_in, n_out):
    """Halve both axes, rounded up."""
    convolution = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


def _larger(n_in, n_out):
    """Double both axes."""
    convolution = nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class MelAutoencoder(nn.Module):
    """Strided convolutions down to one row of numbers a segment, and back up to its spectrogram.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        Mel bands and frames of a segment.
    n_components : int
        Numbers a segment is described by.
    width : int, default=16
        Channels of the first layer; the later ones have 2, 4 and 4 times as many.

    Attributes
    ----------
    down, up : ModuleList
        The convolutions of the encoder and of the decoder.
    to_components, from_components : Linear
        Between the smallest maps and the components.

    Raises
    ------
    ValueError
        If a segment is no spectrogram.

    Notes
    -----
    1.3 million parameters for segments of 128 bands and 131 frames and 128 components.

    Examples
    --------
    >>> import torch
    >>> from skmer.two_stage import MelAutoencoder
    >>> network = MelAutoencoder((128, 131), n_components=32)
    >>> x = torch.zeros(2, 1, 128, 131)
    >>> network.encode(x).shape, network(x, torch.zeros_like(x)).shape
    (torch.Size([2, 32]), torch.Size([2, 1, 128, 131]))
    """

    def __init__(self, segment_shape, n_components, width=16):
        super().__init__()
        if len(segment_shape) != 2:
            raise ValueError(f"MelAutoencoder takes spectrograms (n_mels, n_frames), not segments of {segment_shape}.")
        channels = [width, 2 * width, 4 * width, 4 * width]
        # the second input map tells hidden cells from cells of the mean level
        self.down = nn.ModuleList(_smaller(a, b) for a, b in zip([2, *channels], channels, strict=False))
        last = nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1)
        self.up = nn.ModuleList(
            [*(_larger(a, b) for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True)), last]
        )
        sizes = [tuple(segment_shape)]
        for _ in channels:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        self._sizes = sizes
        n_values = channels[-1] * sizes[-1][0] * sizes[-1][1]
        self.to_components = nn.Linear(n_values, n_components)
        self.from_components = nn.Linear(n_components, n_values)

    def encode(self, x, hidden=None):
        """Describe segments.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms.
        hidden : Tensor of shape (n, 1, n_mels, n_frames), default=None
            One for cells that are hidden from the network, zero for the others; by default none is.

        Returns
        -------
        Tensor of shape (n, n_components)
            One row a segment.
        """
        hidden = torch.zeros_like(x) if hidden is None else hidden
        z = torch.cat([x * (1 - hidden), hidden], 1)
        for layer in self.down:
            z = layer(z)
        return self.to_components(z.flatten(1))

    def decode(self, components):
        """Rebuild spectrograms.

        Parameters
        ----------
        components : Tensor of shape (n, n_components)
            What `encode` gave.

        Returns
        -------
        Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms.
        """
        z = torch.relu(self.from_components(components)).unflatten(1, (-1, *self._sizes[-1]))
        for layer, (n_mels, n_frames) in zip(self.up, self._sizes[-2::-1], strict=True):
            # an odd size was rounded up on the way down
            z = layer(z)[:, :, :n_mels, :n_frames]
        return z

    def forward(self, x, hidden=None):
        """Rebuild segments from what the network may see of them.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms.
        hidden : Tensor of shape (n, 1, n_mels, n_frames), default=None
            One for cells that are hidden from the network, zero for the others; by default none is.

        Returns
        -------
        Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms, hidden cells and all.
        """
        return self.decode(self.encode(x, hidden))
