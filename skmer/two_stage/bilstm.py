"""A bidirectional LSTM over the segments of a song."""

from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

__all__ = ["BiLSTM"]


class BiLSTM(nn.Module):
    """A bidirectional LSTM, the mean of its states over the song, dropout and a linear layer.

    Parameters
    ----------
    n_features : int
        Values of a segment.
    n_classes : int
        Number of logits.
    hidden_size : int, default=64
        States of each direction.
    n_layers : int, default=1
        LSTM layers.
    dropout : float, default=0.5
        Rate before the linear layer, and between LSTM layers.

    Attributes
    ----------
    lstm, head : Module
        The LSTM, and the dropout with the linear layer.

    Notes
    -----
    The mean over time gives every segment the same way to the gradient, however long the
    song is; a last state must carry a song's beginning through all of it.

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
        """Give the logits of some songs.

        Parameters
        ----------
        songs : PackedSequence
            Segments of each song, (n_segments, n_features); packed, so that no padding is read.

        Returns
        -------
        Tensor of shape (n_songs, n_classes)
            Logits.
        """
        # beyond a song's end the states are padded with zeros, which add nothing to the sum
        states, lengths = pad_packed_sequence(self.lstm(songs)[0])
        return self.head(states.sum(0) / lengths[:, None].to(states))
