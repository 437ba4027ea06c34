"""skorch callbacks: averaged weights, progress."""

from itertools import chain

import torch
from skorch.callbacks import Callback
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

__all__ = ["AverageWeights", "ProgressBar", "final_network"]


def _by_type(averaged, present):
    """Give the weights and buffers of two networks of one kind in lists of one type each."""
    lists: dict = {}
    both = (chain(network.parameters(), network.buffers()) for network in (averaged, present))
    for a, b in zip(*both, strict=True):
        of_average, of_present = lists.setdefault((a.dtype, a.device), ([], []))
        of_average.append(a.detach())
        of_present.append(b.detach())
    return lists.values()


class AverageWeights(Callback):
    """Exponential moving average of the weights, used for splits, pseudo-labels and predictions.

    Batch-norm networks jump between epochs at a high rate; a split taken from the
    average does not. At the end of training the average becomes the network.

    Parameters
    ----------
    epochs : float, default=1.0
        Horizon of the average, in epochs.

    Examples
    --------
    >>> from skmer.training.callbacks import AverageWeights
    >>> AverageWeights(epochs=2.0).epochs
    2.0
    """

    def __init__(self, epochs=1.0):
        self.epochs = epochs

    def on_train_begin(self, net, **kwargs):
        """Begin the average with the weights as they are."""
        steps = self.epochs * len(net.batches(shuffle=False))
        self._update = get_ema_multi_avg_fn(max(0.0, 1.0 - 1.0 / steps))
        self.average_ = AveragedModel(net.module_, multi_avg_fn=self._update, use_buffers=True)
        self._pairs = None

    def on_batch_end(self, net, **kwargs):
        """Take the batch's weights into the average."""
        if self._pairs is None:
            # the first weights are the average
            self.average_.update_parameters(net.module_)
            self._pairs = list(_by_type(self.average_.module, net.module_))
            return
        # as AveragedModel does it, which looks for all weights anew in each batch
        with torch.no_grad():
            for averaged, present in self._pairs:
                self._update(averaged, present, None)

    def on_train_end(self, net, **kwargs):
        """Make the average the network."""
        net.module_.load_state_dict(self.average_.module.state_dict())
        del self.average_, self._pairs


def final_network(net):
    """Give the network that would be the result if the training ended now.

    Parameters
    ----------
    net : NeuralNet
        A skorch net in training.

    Returns
    -------
    Module
        The average of the last `AverageWeights` among its callbacks, else the net's own.

    Examples
    --------
    >>> from torch import nn
    >>> from skmer.training.callbacks import final_network
    >>> from skmer.training.net import RowNet
    >>> net = RowNet(nn.Linear(2, 2)).initialize()
    >>> final_network(net) is net.module_
    True
    """
    averages = [callback.average_.module for _, callback in net.callbacks_ if isinstance(callback, AverageWeights)]
    return averages[-1] if averages else net.module_


class ProgressBar(Callback):
    """Show epochs, the loss, the share of clean segments or the ROC-AUC on validation songs, and the time left.

    Parameters
    ----------
    description : str, default="SSSL"
        What stands before the bar.

    Examples
    --------
    >>> from skmer.training.callbacks import ProgressBar
    >>> ProgressBar().description
    'SSSL'
    """

    def __init__(self, description="SSSL"):
        self.description = description

    def on_train_begin(self, net, **kwargs):
        """Draw the bar."""
        self._bar = tqdm(total=net.max_epochs, desc=self.description, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        """Move it by an epoch."""
        row = net.history[-1]
        shown = {"loss": f"{row['train_loss']:.3f}"}
        if "clean_share" in row:
            shown["clean"] = f"{row['clean_share']:.2f}"
        if "valid_roc_auc" in row:
            shown["valid_roc_auc"] = f"{row['valid_roc_auc']:.3f}"
        self._bar.set_postfix(shown)
        self._bar.update()

    def on_train_end(self, net, **kwargs):
        """Leave it on the screen."""
        self._bar.close()
