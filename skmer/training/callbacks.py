"""skorch callbacks: averaged weights, the best epoch, early stopping and a progress bar."""

from copy import deepcopy
from itertools import chain
from typing import Any

import torch
from skorch.callbacks import Callback, EarlyStopping
from skorch.utils import noop
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

__all__ = ["AverageWeights", "BestWeights", "ProgressBar", "stop_early"]


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
    the average do not. Between two epochs, and for validation, the net's module has the averaged weights, so that other
    callbacks evaluate and save the network that predicts. A net calls it before its other callbacks.
    """

    def __init__(self, epochs=1.0):
        self.epochs = epochs

    def initialize(self):
        """Discard the average of an earlier training."""
        self.average_: Any = None
        return self

    def on_train_begin(self, net, **kwargs):
        """Discard the average of an earlier training; the new one starts with the weights of the first batch."""
        self.initialize()

    def on_batch_begin(self, net, training=True, **kwargs):
        """Exchange the averaged weights and those in training, whichever the batch does not need."""
        if self.average_ is None:
            # not when training begins: other callbacks may load weights then
            steps = self.epochs * net.n_batches_
            self.update_ = get_ema_multi_avg_fn(max(0.0, 1.0 - 1.0 / steps))
            self.average_ = AveragedModel(net.module_, multi_avg_fn=self.update_, use_buffers=True)
            self.pairs_, self.in_module_ = None, False
        self._put_average_in_module(not training)

    def on_batch_end(self, net, training=True, **kwargs):
        """Update the average."""
        if not training:
            return
        if self.pairs_ is None:
            # the first average is a copy of the weights
            self.average_.update_parameters(net.module_)
            self.pairs_ = _group_by_type(self.average_.module, net.module_)
            return
        # as AveragedModel.update_parameters, which would group the weights again in every batch
        with torch.no_grad():
            for averaged, current in self.pairs_:
                self.update_(averaged, current, None)

    def on_epoch_end(self, net, **kwargs):
        """Put the averaged weights into the module."""
        self._put_average_in_module(True)

    def on_train_end(self, net, **kwargs):
        """Leave the averaged weights in the module."""
        if self.average_ is not None:
            self._put_average_in_module(True)
        self.average_ = self.pairs_ = self.update_ = None

    @torch.no_grad()
    def _put_average_in_module(self, wanted):
        if self.in_module_ == wanted or self.pairs_ is None:
            return
        for averaged, current in self.pairs_:
            for a, b in zip(averaged, current, strict=True):
                former = a.clone()
                a.copy_(b)
                b.copy_(former)
        self.in_module_ = wanted

    def __getstate__(self):
        # a net that is saved between two epochs has the averaged weights
        return {"epochs": self.epochs, "average_": None}


class BestWeights(Callback):
    """Restore the weights of the best epoch at the end of the training: the last whose entry `name` is true.

    With `AverageWeights`, these are averaged weights.
    """

    def __init__(self, name):
        self.name = name

    def on_train_begin(self, net, **kwargs):
        """Discard the weights of an earlier training, unless it is resumed from its best epoch."""
        self.weights_: Any = None
        self._keep_best(net)

    def on_epoch_end(self, net, **kwargs):
        """Keep the weights if they are the best so far."""
        self._keep_best(net)

    def _keep_best(self, net):
        if net.history and net.history[-1].get(self.name):
            self.weights_ = deepcopy(net.module_.state_dict())

    def on_train_end(self, net, **kwargs):
        """Restore the weights."""
        self.restore(net)

    def restore(self, net):
        """Load the weights of the best epoch into the network, if there is one."""
        if self.weights_ is not None:
            net.module_.load_state_dict(self.weights_)


def stop_early(net, monitor, patience, lower_is_better):
    """Let a net end its training after `patience` epochs in which a score of the history was not better than before."""
    # not a lambda, since a callback may pickle the net
    stop = EarlyStopping(monitor, patience=patience, threshold=0.0, lower_is_better=lower_is_better, sink=noop)
    # last, so that all other callbacks see the final epoch
    net.callbacks_.append(("stop", stop.initialize()))


class ProgressBar(Callback):
    """Show epochs, loss, the share of clean segments or the score on validation songs, and the remaining time."""

    def __init__(self, description="SSSL"):
        self.description = description

    def on_train_begin(self, net, **kwargs):
        """Draw the bar."""
        self.bar_ = tqdm(total=net.max_epochs, desc=self.description, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        """Advance the bar."""
        row = net.history[-1]
        shown = {"loss": f"{row['train_loss']:.3f}"}
        if "clean_share" in row:
            shown["clean"] = f"{row['clean_share']:.2f}"
        for name in ("valid_acc", "valid_roc_auc"):
            if name in row:
                shown[name] = f"{row[name]:.3f}"
        self.bar_.set_postfix(shown)
        self.bar_.update()

    def on_train_end(self, net, **kwargs):
        """Close the bar."""
        self.bar_.close()

    def __getstate__(self):
        # an open bar cannot be pickled
        return {"description": self.description}
