"""The networks of the 2-Stage system: a convolutional autoencoder of spectrograms, and a bidirectional LSTM."""

import torch
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

__all__ = ["BiLSTM", "MelAutoencoder"]


def _down(n_in, n_out):
    """Return layers that halve both axes, rounded up."""
    convolution = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


def _up(n_in, n_out):
    """Return layers that double both axes."""
    convolution = nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


class MelAutoencoder(nn.Module):
    """Convolutional autoencoder of spectrograms some of whose cells are masked.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        Mel bands and frames of a segment.
    n_components : int
        Length of an embedding.
    width : int, default=16
        Channels of the first layer; the next layers have 2, 4 and 4 times as many.

    Attributes
    ----------
    down, up : ModuleList
        The convolutions of the encoder and of the decoder.
    to_components, from_components : Linear
        The layers between the smallest maps and the embedding.

    Raises
    ------
    ValueError
        If the segments are not spectrograms.

    Notes
    -----
    There are 1.3 million parameters for segments of 128 bands and 131 frames and 128 components.

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
            raise ValueError(
                f"MelAutoencoder requires segments of shape (n_mels, n_frames), got {tuple(segment_shape)}."
            )
        channels = [width, 2 * width, 4 * width, 4 * width]
        # the second input map distinguishes masked cells from cells of the mean level
        self.down = nn.ModuleList(_down(a, b) for a, b in zip([2, *channels], channels, strict=False))
        last = nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1)
        self.up = nn.ModuleList([*(_up(a, b) for a, b in zip(channels[:0:-1], channels[-2::-1], strict=True)), last])
        sizes = [tuple(segment_shape)]
        for _ in channels:
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
        self._sizes = sizes
        n_values = channels[-1] * sizes[-1][0] * sizes[-1][1]
        self.to_components = nn.Linear(n_values, n_components)
        self.from_components = nn.Linear(n_components, n_values)

    def encode(self, x, hidden=None):
        """Compute the embeddings of segments.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms.
        hidden : Tensor of shape (n, 1, n_mels, n_frames), default=None
            1 for masked cells, 0 for the others; by default no cell is masked.

        Returns
        -------
        Tensor of shape (n, n_components)
            Embeddings.
        """
        hidden = torch.zeros_like(x) if hidden is None else hidden
        z = torch.cat([x * (1 - hidden), hidden], 1)
        for layer in self.down:
            z = layer(z)
        return self.to_components(z.flatten(1))

    def decode(self, components):
        """Reconstruct spectrograms from embeddings.

        Parameters
        ----------
        components : Tensor of shape (n, n_components)
            Embeddings.

        Returns
        -------
        Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms.
        """
        z = torch.relu(self.from_components(components)).unflatten(1, (-1, *self._sizes[-1]))
        for layer, (n_mels, n_frames) in zip(self.up, self._sizes[-2::-1], strict=True):
            # the encoder rounds odd sizes up
            z = layer(z)[:, :, :n_mels, :n_frames]
        return z

    def forward(self, x, hidden=None):
        """Reconstruct spectrograms from the cells that are not masked.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms.
        hidden : Tensor of shape (n, 1, n_mels, n_frames), default=None
            1 for masked cells, 0 for the others; by default no cell is masked.

        Returns
        -------
        Tensor of shape (n, 1, n_mels, n_frames)
            Standardised spectrograms, including the masked cells.
        """
        return self.decode(self.encode(x, hidden))


class BiLSTM(nn.Module):
    """Bidirectional LSTM, the mean of its states over a song, dropout and a linear layer.

    Parameters
    ----------
    n_features : int
        Number of features of a segment.
    n_classes : int
        Number of logits.
    hidden_size : int, default=64
        States of each direction.
    n_layers : int, default=1
        Number of LSTM layers.
    dropout : float, default=0.5
        Dropout rate before the linear layer, and between LSTM layers.

    Attributes
    ----------
    lstm, head : Module
        The LSTM, and the dropout with the linear layer.

    Notes
    -----
    With the mean over time, the gradient reaches every segment on a path of the same length, however long the song is;
    from the last state alone, this path would be as long as the song.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.utils.rnn import pack_sequence
    >>> from skmer.two_stage import BiLSTM
    >>> songs = pack_sequence([torch.zeros(5, 8), torch.zeros(3, 8)])
    >>> BiLSTM(8, n_classes=4)(songs).shape
    torch.Size([2, 4])
    """

    def __init__(self, n_features, n_classes, hidden_size=64, n_layers=1, dropout=0.5):
        super().__init__()
        between = dropout if n_layers > 1 else 0.0
        self.lstm = nn.LSTM(n_features, hidden_size, n_layers, bidirectional=True, dropout=between)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * hidden_size, n_classes))

    def forward(self, songs):
        """Compute the logits of songs.

        Parameters
        ----------
        songs : PackedSequence
            Segments of each song, (n_segments, n_features), packed so that padding is not read.

        Returns
        -------
        Tensor of shape (n_songs, n_classes)
            Logits.
        """
        # states after the end of a song are zeros, which add nothing to the sum
        states, lengths = pad_packed_sequence(self.lstm(songs)[0])
        return self.head(states.sum(0) / lengths[:, None].to(states))
