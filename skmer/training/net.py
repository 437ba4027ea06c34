"""A skorch net that trains on the rows of a bank: batches, loops and prediction, whatever the loss is."""

import math
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

from skmer.training.callbacks import ProgressBar
from skmer.training.runtime import choose_precision
from skmer.training.stopping import StopTraining, stops_by_callbacks
from skmer.training.stored_data import make_bank

__all__ = ["NET_CONSTRAINTS", "RowNet", "build_net"]

_SEGMENTS_AT_ONCE = 2048  # in prediction: bounds the memory, whatever the number of songs
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
"""Of the parameters that an estimator needs for `build_net`, and of those that usually stand beside them."""


class _Filled:
    """A bank with rows of zeros after its own, up to a multiple of the size of a batch."""

    def __init__(self, bank, size):
        self._bank, self._n = bank, -(-len(bank) // size) * size

    def __len__(self):
        return self._n

    def gather(self, index):
        own = self._bank.gather(index[index < len(self._bank)])
        return torch.cat([own, own.new_zeros(len(index) - len(own), *own.shape[1:])])


class RowNet(NeuralNet):
    """A skorch net over the rows of a bank, which it gathers by index and holds on its device.

    A subclass says in `batch_loss` what the loss of some rows is.

    Parameters
    ----------
    module : Module
        A network, already built.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic in training.
    seed : int, default=0
        For the order of the batches, and whatever else `batch_loss` draws.
    **kwargs
        Of `skorch.NeuralNet`.

    Attributes
    ----------
    bank_ : SegmentBank
        The rows, until `drop_rows`: anything that has a length and ``gather(index)``.
    rng_ : Generator
        Draws the order of the batches, until `drop_rows`.

    See Also
    --------
    skmer.sssl.net.SegmentNet : Trains on labelled segments.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from skmer.songs import SongSequence
    >>> from skmer.training.net import RowNet
    >>> from skmer.training.data import SegmentBank, Standardizer
    >>> class Reconstruction(RowNet):
    ...     def batch_loss(self, index):
    ...         rows = self.bank_.gather(index)
    ...         return (self.module_(rows) - rows).square().mean()
    >>> songs = SongSequence(np.random.default_rng(0).normal(size=(30, 2, 4)))
    >>> net = Reconstruction(torch.nn.Linear(4, 4), max_epochs=3, batch_size=16, lr=0.1).initialize()
    >>> net.load_bank(SegmentBank(songs, Standardizer.fit(songs)))
    >>> net.train_rows()
    >>> [row["epoch"] for row in net.history_rows()]
    [1, 2, 3]
    """

    unnamed_phase: str | None = None
    """What the history calls an epoch whose phase no callback names; None for no such entry."""

    def __init__(self, module, *, precision="float32", seed=0, **kwargs):
        self.precision = precision
        self.seed = seed
        kwargs = {"criterion": nn.MSELoss, "train_split": None, "verbose": 0, **kwargs}
        # skorch's own printing and scoring callbacks cost more than a batch of a small network
        quiet = {f"callbacks__{name}": None for name in ("epoch_timer", "train_loss", "valid_loss", "print_log")}
        super().__init__(module, **{**quiet, **kwargs})

    # ---- rows --------------------------------------------------------------------------------------

    def load_bank(self, bank):
        """Take the bank to train on.

        Parameters
        ----------
        bank : SegmentBank
            Rows, on the net's device.
        """
        self.bank_ = bank
        self.rng_ = np.random.default_rng(self.seed)

    def drop_rows(self):
        """Forget what only training needs, so that the fitted net is small and travels."""
        for name in ("bank_", "rng_"):
            self.__dict__.pop(name, None)
        self.optimizer_ = None
        self.callbacks_, self.callbacks = [], None
        # skorch pickles module and module_ apart: a built network would be stored twice
        self.module = type(self.module_)

    def batch_loss(self, index):
        """Compute the loss of some rows.

        Parameters
        ----------
        index : Tensor of shape (n,)
            Rows of the bank.

        Returns
        -------
        Tensor of shape ()
            The loss.

        Raises
        ------
        NotImplementedError
            Always: a subclass says what the loss is.
        """
        raise NotImplementedError(f"{type(self).__name__} must say in batch_loss(index) what the loss of its rows is.")

    # ---- loops -------------------------------------------------------------------------------------

    def batches(self, shuffle):
        """Give the rows of each batch of an epoch, of as equal sizes as they go.

        Parameters
        ----------
        shuffle : bool
            Whether in random order.

        Returns
        -------
        tuple of Tensor
            Row indices, on the net's device.
        """
        n = len(self.bank_)
        # batch norm cannot train on a row alone
        n_batches = max(1, min(math.ceil(n / self.batch_size), n // 2))
        order = torch.from_numpy(self.rng_.permutation(n)) if shuffle else torch.arange(n)
        return order.to(self.device).tensor_split(n_batches)

    def run_epoch(self):
        """Train for one epoch and leave the mean loss and the rate in the history."""
        optimizer: Any = self.optimizer_
        self.module_.train()
        total = torch.zeros((), device=self.device)
        for index in self.batches(shuffle=True):
            self.notify("on_batch_begin", batch=index, training=True)
            optimizer.zero_grad(set_to_none=True)
            loss = self.batch_loss(index)
            loss.backward()
            parameters = TeeGenerator(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=parameters, batch=index, training=True)
            optimizer.step()
            # a float would wait for the device at each batch
            total += loss.detach() * len(index)
            self.notify("on_batch_end", batch=index, training=True, loss=loss, y_pred=None)
        mean = (total / len(self.bank_)).item()
        if not math.isfinite(mean):
            raise ValueError("The training loss is not finite: lower lr, or use precision='float32'.")
        self.history.record("train_loss", mean)
        self.history.record("lr", optimizer.param_groups[0]["lr"])

    def fit_loop(self, X=None, y=None, epochs=None, **fit_params):
        """Train on the loaded rows.

        Parameters
        ----------
        X, y : None
            The rows come from the bank.
        epochs : int, default=None
            How many epochs; by default `max_epochs`.
        **fit_params
            Ignored.

        Returns
        -------
        RowNet
            Itself.
        """
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
        """Train on the loaded rows, from the callbacks' beginning to their end."""
        self.notify("on_train_begin", X=None, y=None)
        self.fit_loop()
        self.notify("on_train_end", X=None, y=None)

    def history_rows(self):
        """Give the history without what skorch keeps of each batch.

        Returns
        -------
        list of dict
            One an epoch.
        """
        return [{key: value for key, value in row.items() if key != "batches"} for row in self.history]

    # ---- prediction --------------------------------------------------------------------------------

    @torch.no_grad()
    def row_outputs(self, bank, network=None, batch_size=None, precision=None):
        """Compute a network's output for all rows of a bank, in order, without dropout.

        Parameters
        ----------
        bank : SegmentBank
            Rows, on the net's device.
        network : Module or callable, default=None
            A module, or a function of a batch that uses the net's own; by default the net's own.
        batch_size : int, default=None
            Rows a batch; by default that of training, so that prediction needs no more memory.
        precision : {"float32", "bfloat16"}, default=None
            By default that of training.

        Returns
        -------
        Tensor of shape (n_rows, ...)
            float32, on the net's device.
        """
        network = self.module_ if network is None else network
        (network if isinstance(network, nn.Module) else self.module_).eval()
        rows = torch.arange(len(bank), device=self.device).split(batch_size or self.batch_size)
        with self._autocast(precision):
            return torch.cat([network(self._layout(bank.gather(index))).float() for index in rows])

    def song_outputs(self, songs, standardizer, function=None):
        """Compute a function of every segment of some songs, in float32, some songs at a time.

        Parameters
        ----------
        songs, standardizer : SongSequence, Standardizer
            The songs, and what the training standardised its segments with.
        function : callable, default=None
            Of a batch of segments; by default the network.

        Yields
        ------
        ndarray of shape (n_segments, ...)
            float32, one a song.
        """
        chunk = (np.cumsum(songs.n_segments) - 1) // _SEGMENTS_AT_ONCE
        for c in np.unique(chunk):
            part = songs[np.flatnonzero(chunk == c)]
            bank = make_bank(part, standardizer, self.device)
            rows = self._predict_rows(bank, function).cpu().numpy()
            yield from np.split(rows, np.cumsum(part.n_segments)[:-1])

    def _predict_rows(self, bank, function):
        """Compute the outputs of all rows, on a CPU in batches of one size whatever the number of rows.

        Matrix products choose their kernel by the size of the batch, so that a row's last bits would depend on how
        many others are predicted with it: the last batch is filled with zeros.
        """
        if torch.device(self.device).type != "cpu":
            return self.row_outputs(bank, function, precision="float32")
        size = max(1, min(self.batch_size, _VALUES_AT_ONCE // max(1, math.prod(bank.segment_shape))))
        return self.row_outputs(_Filled(bank, size), function, size, "float32")[: len(bank)]

    def _autocast(self, precision=None):
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=(precision or self.precision) == "bfloat16")

    @staticmethod
    def _layout(x):
        is_image = isinstance(x, torch.Tensor) and x.ndim == 4
        return x.contiguous(memory_format=torch.channels_last) if is_image else x


def build_net(kind, network, estimator, n_rows, device, seed, precision="float32", lr=None, callbacks=(), **params):
    """Build the net that trains an estimator's network, before its rows are loaded.

    Parameters
    ----------
    kind : type
        A subclass of `RowNet`.
    network : Module
        The network, already built.
    estimator : BaseEstimator
        Has the parameters ``max_epochs``, ``batch_size``, ``lr``, ``weight_decay``,
        ``schedule``, ``callbacks`` and ``verbose``.
    n_rows : int
        Rows an epoch, which the course of the rate needs to know.
    device : str
        A torch device.
    seed : int
        For the order of the batches.
    precision : {"auto", "float32", "bfloat16"}, default="float32"
        Of training.
    lr : float, default=None
        Peak learning rate; by default the estimator's.
    callbacks : sequence of skorch callbacks, default=()
        Which come before the schedule and the estimator's own.
    **params
        Further parameters of `kind`.

    Returns
    -------
    RowNet
        Initialised, with AdamW and, if the estimator asks for it, a one-cycle rate.

    Examples
    --------
    >>> from torch import nn
    >>> from skmer.two_stage import BiLSTMClassifier
    >>> from skmer.training.net import RowNet, build_net
    >>> build_net(RowNet, nn.Linear(2, 2), BiLSTMClassifier(lr=0.01), n_rows=100, device="cpu", seed=0).lr
    0.01
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
    return net.initialize()
