"""CompiledNetwork: the passes of a network, compiled for batches of fixed shapes."""

from functools import partial

import torch

from skmer.backbones import has_shared_trunk

__all__ = ["CompiledNetwork"]


class CompiledNetwork:
    """The passes of a network by `torch.compile`; the weights are the network's own.

    Each shape of a batch is compiled once, when it is first seen. A network whose trunk two
    dropout passes may share has its trunk and head compiled apart.

    Parameters
    ----------
    network : Module
        A backbone. It is not changed, so that it can be copied and saved as before.

    Examples
    --------
    >>> from skmer.backbones import MLP
    >>> from skmer.training.compiled import CompiledNetwork
    >>> passes = CompiledNetwork(MLP((64,), 10))
    >>> callable(passes.trunk), callable(passes.head)
    (True, True)
    """

    def __init__(self, network):
        fixed = partial(torch.compile, dynamic=False)
        self._whole = fixed(network)
        if has_shared_trunk(network):
            self.trunk, self.head = fixed(network.trunk), fixed(network.head)

    def __call__(self, x):
        """Give the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self._whole(x)
