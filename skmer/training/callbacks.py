"""skorch callbacks: averaged weights and a progress bar."""

from itertools import chain

import torch
from skorch.callbacks import Callback
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

__all__ = ["AverageWeights", "ProgressBar", "final_network"]


def _group_by_type(averaged, current):
    """Return the tensors of two networks of one architecture as pairs of lists, one pair for each type."""
    lists: dict = {}
    both = (chain(network.parameters(), network.buffers()) for network in (averaged, current))
    for a, b in zip(*both, strict=True):
        of_average, of_current = lists.setdefault((a.dtype, a.device), ([], []))
        of_average.append(a.detach())
        of_current.append(b.detach())
    return list(lists.values())


class AverageWeights(Callback):
    """Exponential moving average of the weights, with a horizon of `epochs`, which replaces them after training.

    At a high learning rate, the predictions of networks with batch normalisation change much between epochs; those of
    the average do not.
    """

    def __init__(self, epochs=1.0):
        self.epochs = epochs

    def on_train_begin(self, net, **kwargs):
        """Start with the present weights."""
        steps = self.epochs * net.n_batches_
        self._update = get_ema_multi_avg_fn(max(0.0, 1.0 - 1.0 / steps))
        self.average_ = AveragedModel(net.module_, multi_avg_fn=self._update, use_buffers=True)
        self._pairs = None

    def on_batch_end(self, net, **kwargs):
        """Update the average."""
        if self._pairs is None:
            # the first average is a copy of the weights
            self.average_.update_parameters(net.module_)
            self._pairs = _group_by_type(self.average_.module, net.module_)
            return
        # as AveragedModel.update_parameters, which would group the weights again in every batch
        with torch.no_grad():
            for averaged, current in self._pairs:
                self._update(averaged, current, None)

    def on_train_end(self, net, **kwargs):
        """Copy the average to the network."""
        net.module_.load_state_dict(self.average_.module.state_dict())
        del self.average_, self._pairs


def final_network(net):
    """Return the network that would be the result if the training ended now: the last average, if there is one."""
    averages = [callback.average_.module for _, callback in net.callbacks_ if isinstance(callback, AverageWeights)]
    return averages[-1] if averages else net.module_


class ProgressBar(Callback):
    """Show epochs, loss, the share of clean segments or the ROC-AUC on validation songs, and the remaining time."""

    def __init__(self, description="SSSL"):
        self.description = description

    def on_train_begin(self, net, **kwargs):
        """Draw the bar."""
        self._bar = tqdm(total=net.max_epochs, desc=self.description, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        """Advance the bar."""
        row = net.history[-1]
        shown = {"loss": f"{row['train_loss']:.3f}"}
        if "clean_share" in row:
            shown["clean"] = f"{row['clean_share']:.2f}"
        if "valid_roc_auc" in row:
            shown["valid_roc_auc"] = f"{row['valid_roc_auc']:.3f}"
        self._bar.set_postfix(shown)
        self._bar.update()

    def on_train_end(self, net, **kwargs):
        """Close the bar."""
        self._bar.close()
