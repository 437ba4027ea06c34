"""RowNet, the skorch net that is trained on the rows of a bank with any loss, and functions that build nets."""

import math
import warnings
from contextlib import nullcontext
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from skorch import NeuralNet
from skorch.callbacks import LRScheduler
from skorch.utils import TeeGenerator
from torch import nn

from skmer.backbones import VGG16, build_backbone, check_backbone
from skmer.training.callbacks import ProgressBar
from skmer.training.data import Standardizer, make_bank
from skmer.training.runtime import FitRandomState, StopTraining, choose_device, choose_precision, stops_by_callbacks

__all__ = ["NET_CONSTRAINTS", "RowNet", "build_backbone_net", "build_net"]

_LONG = 10_000  # segments times epochs, about half an hour of VGG16 on a core
_SEGMENTS_AT_ONCE = 2048  # in prediction: limits the memory for any number of songs
_VALUES_AT_ONCE = 2**19  # in a batch of prediction on a CPU: 31 segments of 128 × 131

NET_CONSTRAINTS = {
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 2, None, closed="left")],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "schedule": [StrOptions({"one-cycle"}), None],
    "callbacks": [list, None],
    "device": [str],
    "n_threads": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
"""Constraints of the parameters that all estimators with a net share."""


class _PaddedBank:
    """A bank extended by rows of zeros to a multiple of the batch size."""

    def __init__(self, bank, size):
        self._bank, self._n = bank, -(-len(bank) // size) * size

    def __len__(self):
        return self._n

    def gather(self, index):
        own = self._bank.gather(index[index < len(self._bank)])
        return torch.cat([own, own.new_zeros(len(index) - len(own), *own.shape[1:])])


class RowNet(NeuralNet):
    """A skorch net over the rows of a bank, gathered by index; a subclass defines the loss in `batch_loss`.

    A bank has a length and ``gather(index)``, such as a `SegmentBank`. `seed` determines the order of the batches.
    """

    unnamed_phase: str | None = None
    """``phase`` in the history of epochs for which no callback sets it; None for no entry."""

    random_state: Any = nullcontext()
    """Block in which torch's generators are those of the fit: a `FitRandomState` in training."""

    def __init__(self, module, *, precision="float32", seed=0, **kwargs):
        self.precision = precision
        self.seed = seed
        kwargs = {"criterion": nn.MSELoss, "train_split": None, "verbose": 0, **kwargs}
        # skorch's own printing and scoring callbacks cost more than a batch of a small network
        quiet = {f"callbacks__{name}": None for name in ("epoch_timer", "train_loss", "valid_loss", "print_log")}
        super().__init__(module, **{**quiet, **kwargs})

    # ---- rows --------------------------------------------------------------------------------------

    def load_bank(self, bank):
        """Set the bank to train on, whose rows are on the net's device."""
        self.bank_ = bank
        # batch normalisation cannot be trained on a single row
        self.n_batches_ = max(1, min(math.ceil(len(bank) / self.batch_size), len(bank) // 2))
        self.rng_ = np.random.default_rng(self.seed)

    def drop_rows(self):
        """Delete what is only needed in training, so that the fitted net is small."""
        for name in ("bank_", "n_batches_", "rng_", "random_state"):
            self.__dict__.pop(name, None)
        self.optimizer_ = None
        self.callbacks_, self.callbacks = [], None
        # skorch pickles both module and module_: a network would be stored twice
        self.module = type(self.module_)

    def batch_loss(self, index):
        """Compute the loss of some rows of the bank as a scalar tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define a method batch_loss(index).")

    # ---- loops -------------------------------------------------------------------------------------

    def notify(self, method_name, **kwargs):
        """Call the callbacks, which may draw random numbers."""
        with self.random_state:
            super().notify(method_name, **kwargs)

    def draw_batches(self):
        """Return the rows of each batch of an epoch, in random order and in batches of nearly equal size."""
        order = torch.from_numpy(self.rng_.permutation(len(self.bank_)))
        return order.to(self.device).tensor_split(self.n_batches_)

    def run_epoch(self):
        """Train for one epoch, and record the mean loss and the learning rate."""
        optimizer: Any = self.optimizer_
        self.module_.train()
        total = torch.zeros((), device=self.device)
        for index in self.draw_batches():
            self.notify("on_batch_begin", batch=index, training=True)
            optimizer.zero_grad(set_to_none=True)
            with self.random_state:
                loss = self.batch_loss(index)
            loss.backward()
            parameters = TeeGenerator(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=parameters, batch=index, training=True)
            optimizer.step()
            # converting it to a float would wait for the device in each batch
            total += loss.detach() * len(index)
            self.notify("on_batch_end", batch=index, training=True, loss=loss, y_pred=None)
        mean = (total / len(self.bank_)).item()
        if not math.isfinite(mean):
            raise ValueError("The training loss is not finite: lower lr or use precision='float32'.")
        self.history.record("train_loss", mean)
        self.history.record("lr", optimizer.param_groups[0]["lr"])

    def fit_loop(self, X=None, y=None, epochs=None, **fit_params):
        """Train on the loaded bank; `X` and `y` are ignored."""
        for _ in range(self.max_epochs if epochs is None else epochs):
            self.notify("on_epoch_begin", dataset_train=self.bank_, dataset_valid=None)
            if self.unnamed_phase is not None:
                self.history[-1].setdefault("phase", self.unnamed_phase)
            self.run_epoch()
            try:
                with stops_by_callbacks():
                    self.notify("on_epoch_end", dataset_train=self.bank_, dataset_valid=None)
            except StopTraining:
                break
        return self

    def train_rows(self):
        """Train on the loaded bank, from ``on_train_begin`` to ``on_train_end``."""
        self.notify("on_train_begin", X=None, y=None)
        self.fit_loop()
        self.notify("on_train_end", X=None, y=None)

    def history_rows(self):
        """Return the history as a list of one dict per epoch, without what skorch keeps of each batch."""
        return [{key: value for key, value in row.items() if key != "batches"} for row in self.history]

    # ---- prediction --------------------------------------------------------------------------------

    @torch.no_grad()
    def row_outputs(self, bank, network=None, batch_size=None, precision=None):
        """Compute the output of a network for all rows of a bank, in order, as float32 and without dropout.

        `network` is a module, or a function of a batch that uses the net's own module, which is the default. Batch
        size and precision are by default those of training.
        """
        network = self.module_ if network is None else network
        (network if isinstance(network, nn.Module) else self.module_).eval()
        rows = torch.arange(len(bank), device=self.device).split(batch_size or self.batch_size)
        # a callback computes it in a block of the fit's random state, but nothing is drawn
        paused = getattr(self.random_state, "paused", nullcontext)
        with paused(), self._autocast(precision):
            return torch.cat([network(self._channels_last(bank.gather(index))).float() for index in rows])

    def song_outputs(self, songs, standardizer, function=None):
        """Compute the output of a network for every segment of some songs, and yield float32 arrays, one per song.

        As in `row_outputs`, `function` may be a function of a batch. Songs are loaded in parts.
        """
        chunk = (np.cumsum(songs.n_segments) - 1) // _SEGMENTS_AT_ONCE
        for c in np.unique(chunk):
            part = songs[np.flatnonzero(chunk == c)]
            bank = make_bank(part, standardizer, self.device)
            rows = self._predict_rows(bank, function).cpu().numpy()
            yield from np.split(rows, np.cumsum(part.n_segments)[:-1])

    def _predict_rows(self, bank, function):
        """Compute the outputs of all rows, on a CPU in batches of the same size for any number of rows.

        Matrix products choose their kernel by the size of the batch, so that a row's last bits would depend on how
        many others are predicted with it: the last batch is padded with zeros.
        """
        if torch.device(self.device).type != "cpu":
            return self.row_outputs(bank, function, precision="float32")
        size = max(1, min(self.batch_size, _VALUES_AT_ONCE // max(1, math.prod(bank.segment_shape))))
        return self.row_outputs(_PaddedBank(bank, size), function, size, "float32")[: len(bank)]

    def _autocast(self, precision=None):
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=(precision or self.precision) == "bfloat16")

    @staticmethod
    def _channels_last(x):
        is_image = isinstance(x, torch.Tensor) and x.ndim == 4
        return x.contiguous(memory_format=torch.channels_last) if is_image else x


def build_net(
    kind, network, estimator, n_rows, device, seed, random_state, precision="float32", lr=None, callbacks=(), **params
):
    """Create and initialize a net of class `kind` for a network, with AdamW and the estimator's schedule and callbacks.

    The number of rows is needed for the schedule; `callbacks` precede those of the estimator, and `params` are further
    parameters of `kind`. The bank is loaded later.
    """
    lr = estimator.lr if lr is None else lr
    callbacks = list(callbacks)
    if estimator.schedule == "one-cycle":
        steps = estimator.max_epochs * -(-n_rows // estimator.batch_size)
        one_cycle = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=lr, total_steps=steps)
        callbacks.append(("schedule", LRScheduler(one_cycle, step_every="batch", event_name=None)))
    if estimator.verbose:
        callbacks.append(("progress", ProgressBar(type(estimator).__name__)))
    net = kind(
        network.to(memory_format=torch.channels_last),
        precision=choose_precision(precision, device, network),
        seed=seed,
        max_epochs=estimator.max_epochs,
        batch_size=estimator.batch_size,
        lr=lr,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=estimator.weight_decay,
        device=device,
        callbacks=callbacks + list(estimator.callbacks or []),
        **params,
    )
    net.initialize()
    net.random_state = random_state
    return net


def build_backbone_net(
    kind, estimator, songs, n_outputs, seed, callbacks=(), backbone_params=None, pooled=None, **params
):
    """Build the backbone of an estimator, its net of class `kind`, and the bank and standardizer of the songs.

    `backbone_params` are by default those of the estimator, whose ``lr`` may be "auto"; `pooled` is that of
    `Standardizer.fit`.
    """
    device = choose_device(estimator.device)
    random_state = FitRandomState(seed, device)
    backbone_params = (estimator.backbone_params if backbone_params is None else backbone_params) or {}
    with random_state:
        network = build_backbone(estimator.backbone, songs.segment_shape, n_outputs, **backbone_params)
    standardizer = Standardizer.fit(songs, pooled)
    bank = make_bank(songs, standardizer, device)
    if isinstance(network, VGG16) and torch.device(device).type == "cpu" and len(bank) * estimator.max_epochs > _LONG:
        warnings.warn(
            f"VGG16 takes hours on a CPU for {len(bank):,} segments and {estimator.max_epochs} epochs: use "
            "backbone='small', or a machine with a GPU.",
            UserWarning,
            stacklevel=4,
        )
    with random_state:
        check_backbone(network.to(device), bank.gather(torch.arange(2, device=device)), n_outputs)
    lr = getattr(network, "peak_lr", 1e-3) if estimator.lr == "auto" else estimator.lr
    net = build_net(
        kind, network, estimator, len(bank), device, seed, random_state, estimator.precision, lr, callbacks, **params
    )
    return net, bank, standardizer
