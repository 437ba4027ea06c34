"""RowNet, the skorch net that is trained on the rows of a bank with any loss."""

import math
import warnings
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import BatchScoring, EpochScoring
from skorch.dataset import Dataset
from skorch.utils import TeeGenerator
from torch import nn

from skmer._interrupts import interrupts_held, keeps_interrupted, raise_held_interrupt, was_pressed
from skmer.songs import SongSequence, as_song_sequence
from skmer.training.callbacks import AverageWeights
from skmer.training.data import Standardizer, make_bank
from skmer.training.runtime import choose_precision

__all__ = ["RowNet"]

_SEGMENTS_AT_ONCE = 2048  # in prediction: limits the memory for any number of songs
_VALUES_AT_ONCE = 2**19  # in a batch of prediction on a CPU: 31 segments of 128 × 131


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
    Callbacks get the rows as skorch datasets whose X is a bank. A fitted net predicts segments as any skorch net does,
    and standardises them first.
    """

    unnamed_phase: str | None = None
    """``phase`` in the history of epochs for which no callback sets it; None for no entry."""

    random_state: Any = nullcontext()
    """Block in which torch's generators are those of the fit: a `FitRandomState` in training."""

    standardizer_: Standardizer
    _training_only: tuple[str, ...] = (
        "bank_",
        "rows_",
        "train_",
        "valid_",
        "valid_outputs_",
        "n_batches_",
        "rng_",
        "random_state",
    )

    def __init__(self, module, *, precision="float32", seed=0, **kwargs):
        self.precision = precision
        self.seed = seed
        super().__init__(module, **{"criterion": nn.MSELoss, "train_split": None, "verbose": 0, **kwargs})

    @property
    def _default_callbacks(self):
        # skorch's own printing and scoring callbacks cost more than a batch of a small network
        return []

    def initialize_callbacks(self):
        """Initialize the callbacks; others evaluate and save the averaged weights, which therefore come first."""
        super().initialize_callbacks()
        self.callbacks_.sort(key=lambda named: not isinstance(named[1], AverageWeights))
        return self

    def get_params_for_optimizer(self, prefix, named_parameters):
        """Let AdamW update all weights in one pass (``fused``) where torch can, which takes a third of the time."""
        named_parameters = list(named_parameters)
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        if self.optimizer is torch.optim.AdamW and torch.device(self.device).type in ("cpu", "cuda"):
            kwargs.setdefault("fused", all(parameter.is_floating_point() for _, parameter in named_parameters))
        return args, kwargs

    # ---- rows --------------------------------------------------------------------------------------

    def load_bank(self, bank, y=None):
        """Set the bank to train on, whose rows are on the net's device; callbacks are shown the targets `y`."""
        if not hasattr(self.optimizer_, "param_groups"):  # of a net that was loaded for prediction
            self.initialize_optimizer()
        self.bank_ = bank
        self.train_ = Dataset(bank, y, length=len(bank))
        self.valid_: Any = None
        least, most = self.rows_per_epoch()
        # batch normalisation cannot be trained on a single row
        self.n_batches_ = max(1, min(math.ceil(most / self.batch_size), least // 2))
        self.rng_ = np.random.default_rng(self.seed)
        self.rows_ = self.draw_rows()

    def load_validation(self, bank, y):
        """Set the rows on which the network is evaluated after each epoch, and their targets."""
        self.valid_ = Dataset(bank, y, length=len(bank))

    def drop_rows(self):
        """Delete what is only needed in training, so that the fitted net is small."""
        for name in self._training_only:
            self.__dict__.pop(name, None)
        # without the state of the training
        self.initialize_optimizer()
        self.callbacks_, self.callbacks = [], None
        # skorch pickles both module and module_: a network would be stored twice
        self.module = type(self.module_)

    def __getstate__(self):
        # a callback may pickle the net in training
        bare = object.__new__(type(self))
        bare.__dict__ = {name: value for name, value in vars(self).items() if name not in self._training_only}
        return super(RowNet, bare).__getstate__()

    def batch_loss(self, index):
        """Compute the loss of some rows of the bank as a scalar tensor."""
        raise NotImplementedError(f"{type(self).__name__} must define a method batch_loss(index).")

    def validation_scores(self, outputs, valid):
        """Return figures for the history, by name, from the outputs for the rows of a validation dataset."""
        return {}

    # ---- loops -------------------------------------------------------------------------------------

    def notify(self, method_name, **kwargs):
        """Call the callbacks, which may draw random numbers."""
        with self.random_state:
            super().notify(method_name, **kwargs)

    def rows_per_epoch(self):
        """Return the smallest and the largest number of rows that `draw_rows` returns."""
        return len(self.bank_), len(self.bank_)

    def draw_rows(self):
        """Return the rows of the bank that an epoch is trained on: all of them."""
        return torch.arange(len(self.bank_))

    def draw_batches(self):
        """Return the rows of each batch of an epoch, in random order and in batches of nearly equal size."""
        order = torch.from_numpy(self.rng_.permutation(len(self.rows_)))
        return self.rows_[order].to(self.device).tensor_split(self.n_batches_)

    def run_epoch(self):
        """Train for one epoch, and record the mean loss and the learning rate."""
        optimizer: Any = self.optimizer_
        self.module_.train()
        total = torch.zeros((), device=self.device)
        for index in self.draw_batches():
            batch = (index, None)
            self.notify("on_batch_begin", batch=batch, training=True)
            optimizer.zero_grad(set_to_none=True)
            if not self.module_.training:
                self.module_.train()  # a callback has predicted
            with self.random_state:
                loss = self.batch_loss(index)
            loss.backward()
            parameters = TeeGenerator(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=parameters, batch=batch, training=True)
            optimizer.step()
            # converting it to a float would wait for the device in each batch
            total += loss.detach() * len(index)
            self.notify("on_batch_end", batch=batch, training=True, loss=loss, y_pred=None)
            raise_held_interrupt()
        mean = (total / len(self.rows_)).item()
        if not math.isfinite(mean):
            raise ValueError("The training loss is not finite: lower lr or use precision='float32'.")
        self.history.record("train_loss", mean)
        self.history.record("lr", optimizer.param_groups[0]["lr"])

    @torch.no_grad()
    def run_validation(self):
        """Evaluate the network on the validation rows, and record the scores."""
        outputs = []
        for index in torch.arange(len(self.valid_), device=self.device).split(self.batch_size):
            batch = (self.valid_.X.gather(index), self.valid_.y[index.cpu().numpy()])
            self.notify("on_batch_begin", batch=batch, training=False)
            self.module_.eval()
            with self._autocast():
                outputs.append(self.module_(self._channels_last(batch[0])).float())
            self.history.record_batch("valid_batch_size", len(index))
            self.notify("on_batch_end", batch=batch, training=False, loss=None, y_pred=outputs[-1])
            raise_held_interrupt()
        self.valid_outputs_ = torch.cat(outputs)
        for name, (score, is_better) in self.validation_scores(self.valid_outputs_, self.valid_).items():
            earlier = [row[name] for row in self.history[:-1] if name in row]
            self.history.record(name, score)
            self.history.record(f"{name}_best", all(is_better(score, other) for other in earlier))

    def fit_loop(self, X=None, y=None, epochs=None, **fit_params):
        """Train on the loaded bank; `X` and `y` are ignored."""
        data = {"dataset_train": self.train_, "dataset_valid": self.valid_}
        for _ in range(self.max_epochs if epochs is None else epochs):
            self.rows_ = self.draw_rows()
            self.notify("on_epoch_begin", **data)
            if self.unnamed_phase is not None:
                self.history[-1].setdefault("phase", self.unnamed_phase)
            self.run_epoch()
            if self.valid_ is not None:
                self.run_validation()
            try:
                self.notify("on_epoch_end", **data)
                raise_held_interrupt()
            except KeyboardInterrupt as error:
                if was_pressed(error):
                    raise
                # a callback ends the training, such as skorch's EarlyStopping
                break
        return self

    def train_rows(self):
        """Train on the loaded bank, from ``on_train_begin`` to ``on_train_end``; Ctrl-C ends the training early."""
        self._check_scoring_callbacks()
        with interrupts_held():
            self.notify("on_train_begin", X=self.train_.X, y=self.train_.y)
            n_epochs = len(self.history) + self.max_epochs
            try:
                self.fit_loop()
            except KeyboardInterrupt:
                epoch = len(self.history)
                if epoch and "train_loss" not in self.history[-1]:
                    self.history.pop()
                if not self.history or not keeps_interrupted():
                    raise
                warnings.warn(
                    f"The training was interrupted in epoch {epoch} of {n_epochs}: the network is kept as it is.",
                    UserWarning,
                    stacklevel=4,
                )
            self.notify("on_train_end", X=self.train_.X, y=self.train_.y)

    def _check_scoring_callbacks(self):
        """Raise ValueError for a scoring callback that would record nothing, or no true score."""
        for name, callback in self.callbacks_:
            if not isinstance(callback, EpochScoring | BatchScoring):
                continue
            if not callback.on_train and self.valid_ is None:
                raise ValueError(
                    f"callbacks: {name!r} scores validation songs, but there are none: set validation_fraction, if the "
                    "estimator has it, or EpochScoring(..., on_train=True, use_caching=False)."
                )
            if callback.on_train and (callback.use_caching or isinstance(callback, BatchScoring)):
                raise ValueError(
                    f"callbacks: {name!r} uses the outputs for training batches, which may be mixed or masked: use "
                    "EpochScoring(..., on_train=True, use_caching=False)."
                )

    def fit(self, X, y=None, **fit_params):
        """Raise an error: the estimator's `fit` builds and trains a net."""
        raise TypeError("This net belongs to a fitted estimator: call the `fit` of the estimator.")

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Raise an error, unless a subclass can be trained on further rows."""
        raise TypeError(f"{type(self).__name__} cannot be trained further: call the `fit` of the estimator.")

    def history_rows(self):
        """Return the history as a list of one dict per epoch, without what skorch keeps of each batch."""
        return [{key: value for key, value in row.items() if key != "batches"} for row in self.history]

    # ---- prediction --------------------------------------------------------------------------------

    def make_rows(self, X):
        """Return segments as a standardised bank: those of songs, or an array (n_segments, ...)."""
        if hasattr(X, "gather"):
            return X
        songs = (
            as_song_sequence(X) if isinstance(X, SongSequence | list | tuple) else SongSequence(np.asarray(X)[:, None])
        )
        return make_bank(songs, self.standardizer_, self.device)

    def forward_iter(self, X, training=False, device="cpu"):
        """Yield the outputs for batches of rows, which are standardised first.

        Parameters
        ----------
        X : ndarray of shape (n_segments, ...), or songs
            Segments, or songs whose segments are taken in order.
        training : bool, default=False
            Whether dropout is active, and batch normalisation uses the batch.
        device : str, default="cpu"
            Device of the outputs.

        Yields
        ------
        Tensor of shape (n_rows, ...)
            Float32.
        """
        bank = self.make_rows(X)
        self.module_.train(training)
        for index in torch.arange(len(bank), device=self.device).split(self.batch_size):
            with torch.set_grad_enabled(training):
                outputs = self.module_(self._channels_last(bank.gather(index))).float().to(device)
            yield outputs

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
        outputs = []
        with paused(), self._autocast(precision):
            for index in rows:
                outputs.append(network(self._channels_last(bank.gather(index))).float())
                raise_held_interrupt()
        return torch.cat(outputs)

    def song_outputs(self, songs, standardizer, function=None, precision="float32"):
        """Compute the output of a network for every segment of some songs, and yield float32 arrays, one per song.

        As in `row_outputs`, `function` may be a function of a batch; `precision` is that of `choose_precision`. Songs
        are loaded in parts.
        """
        precision = choose_precision(precision, self.device, self.module_)
        chunk = (np.cumsum(songs.n_segments) - 1) // _SEGMENTS_AT_ONCE
        for c in np.unique(chunk):
            part = songs[np.flatnonzero(chunk == c)]
            bank = make_bank(part, standardizer, self.device)
            rows = self._predict_rows(bank, function, precision).cpu().numpy()
            yield from np.split(rows, np.cumsum(part.n_segments)[:-1])

    def _predict_rows(self, bank, function, precision):
        """Compute the outputs of all rows, on a CPU in batches of the same size for any number of rows.

        Matrix products choose their kernel by the size of the batch, so that a row's last bits would depend on how
        many others are predicted with it: the last batch is padded with zeros.
        """
        if torch.device(self.device).type != "cpu":
            return self.row_outputs(bank, function, precision=precision)
        size = max(1, min(self.batch_size, _VALUES_AT_ONCE // max(1, math.prod(bank.segment_shape))))
        return self.row_outputs(_PaddedBank(bank, size), function, size, precision)[: len(bank)]

    def _autocast(self, precision=None):
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=(precision or self.precision) == "bfloat16")

    @staticmethod
    def _channels_last(x):
        is_image = isinstance(x, torch.Tensor) and x.ndim == 4
        return x.contiguous(memory_format=torch.channels_last) if is_image else x
