"""A multilayer perceptron, for segments (or plain rows) of features."""

import math
from itertools import pairwise

from torch import nn

__all__ = ["MLP"]


class MLP(nn.Module):
    """Fully connected layers with ReLU, and dropout before the last layer.

    Parameters
    ----------
    segment_shape : tuple of int
        Shape of a segment, which is flattened.
    n_classes : int
        Number of logits.
    hidden : sequence of int, default=(256, 256)
        Sizes of the hidden layers.
    dropout : float, default=0.5
        Dropout rate in the head.

    Attributes
    ----------
    trunk, head : Module
        The layers before and after the dropout.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import MLP
    >>> MLP((64,), n_classes=10)(torch.zeros(3, 64)).shape
    torch.Size([3, 10])
    """

    peak_lr = 1e-2

    def __init__(self, segment_shape, n_classes, hidden=(256, 256), dropout=0.5):
        super().__init__()
        sizes = [math.prod(segment_shape), *hidden]
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(sizes[-1], n_classes))

    def forward(self, x):
        """Compute the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self.head(self.trunk(x))
