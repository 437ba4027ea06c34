"""SegmentNet: the skorch net of SSSLClassifier."""

import operator
from typing import Any

import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.dataset import Dataset
from torch import nn
from torch.nn import functional as F

from skmer.backbones import has_shared_trunk
from skmer.sssl.bags import draw_bags
from skmer.sssl.losses import SSSLLoss
from skmer.training.net import RowNet
from skmer.training.runtime import CompiledNetwork, FitRandomState

__all__ = ["SegmentNet", "two_passes"]


def two_passes(network, x, shared_trunk):
    """Compute the logits of a batch under two dropout masks, with one pass of the trunk if it may be shared."""
    if shared_trunk:
        z = network.trunk(x)
        return network.head(z), network.head(z)
    p, q = network(torch.cat([x, x])).chunk(2)
    return p, q


class _Part:
    """Some rows of a bank."""

    def __init__(self, bank, rows):
        self._bank, self._rows = bank, rows

    def __len__(self):
        return len(self._rows)

    def gather(self, index):
        return self._bank.gather(self._rows[index])


class SegmentNet(RowNet, NeuralNetClassifier):
    """A net over labelled segments whose targets may change from epoch to epoch.

    It is trained with cross-entropy on the inherited labels until `set_targets` is called, then with
    `loss_after_split`. In an epoch, every `segment_step`-th segment of each song is a row. As a skorch classifier it
    predicts the label of each segment, and `partial_fit` trains it on further segments.
    """

    unnamed_phase = "cross-entropy"
    _training_only = (
        *RowNet._training_only,
        "labels_",
        "weights_",
        "prior_",
        "targets_",
        "erased_",
        "compiled_",
        "augmentation_",
        "songs_",
        "n_segments_",
    )

    def __init__(
        self,
        module,
        *,
        classes,
        loss_after_split=SSSLLoss(),  # noqa: B008, a frozen dataclass
        compiled=False,
        segment_step=1,
        precision="float32",
        seed=0,
        **kwargs,
    ):
        self.loss_after_split = loss_after_split
        self.compiled = compiled
        self.segment_step = segment_step
        kwargs = {"criterion": nn.CrossEntropyLoss, "classes": classes, **kwargs}
        super().__init__(module, precision=precision, seed=seed, **kwargs)

    def load_rows(self, bank, labels, weights=None):
        """Set the bank of segments to train on, the class of each by its inherited label, and weights with mean 1.

        A segment without a label has the class -1. Callbacks are shown the labelled segments only.
        """
        self.songs_ = torch.from_numpy(bank.song)
        self.n_segments_ = np.bincount(bank.song)
        self.load_bank(bank)
        labelled = np.flatnonzero(np.asarray(labels) >= 0)
        shown = bank if len(labelled) == len(bank) else _Part(bank, torch.from_numpy(labelled).to(self.device))
        self.train_ = Dataset(shown, self.classes_[np.asarray(labels)[labelled]], length=len(labelled))
        labels = torch.as_tensor(labels, dtype=torch.long)
        weights = None if weights is None else torch.as_tensor(weights, dtype=torch.float32)
        # on the CPU, where a sum of weights is the same each time
        of_labelled = None if weights is None else weights[labelled]
        share = torch.bincount(labels[labelled], of_labelled, minlength=len(self.classes_)).float() / len(labelled)
        self.prior_ = share.clamp_min(1e-6).to(self.device)
        self.labels_, self.weights_ = labels.to(self.device), None if weights is None else weights.to(self.device)
        self.shared_trunk_ = has_shared_trunk(self.module_)
        self.compiled_ = CompiledNetwork(self.module_) if self.compiled else None
        self.targets_: Any = None
        self.erased_: Any = None
        self.augmentation_: Any = None
        self.epochs_after_warmup_, self.n_after_warmup_ = 0, None

    def set_targets(self, targets, erased):
        """Set the targets of an epoch's rows, (n_rows, n_classes), and which of them replace an erased label."""
        if self.targets_ is None:
            self.targets_ = torch.zeros(len(self.bank_), targets.shape[1], device=self.device)
            self.erased_ = torch.zeros(len(self.bank_), dtype=torch.bool, device=self.device)
            if self.history:
                self.n_after_warmup_ = self.max_epochs - len(self.history) + 1
        self.targets_[self.rows_], self.erased_[self.rows_] = targets, erased
        self.epochs_after_warmup_ += 1

    def losses_and_logits(self, rows=None, precision=None):
        """Compute the loss of some rows, by default all, against their inherited labels, and the logits."""
        bank, labels = (
            (self.bank_, self.labels_)
            if rows is None
            else (_Part(self.bank_, rows.to(self.device)), self.labels_[rows])
        )
        logits = self.row_outputs(bank, precision=precision)
        return F.cross_entropy(logits, labels, reduction="none", ignore_index=-1), logits

    def rows_per_epoch(self):
        """Return the smallest and the largest number of rows that `draw_rows` returns."""
        n, step = self.n_segments_, self.segment_step
        return int(np.maximum(1, n // step).sum()), int((-(-n // step)).sum())

    def draw_rows(self):
        """Return every `segment_step`-th segment of each song, from a random one of the first on."""
        if self.segment_step == 1:
            return super().draw_rows()
        first = np.cumsum(self.n_segments_) - self.n_segments_
        offset = self.rng_.integers(np.minimum(self.segment_step, self.n_segments_))
        within = np.arange(len(self.bank_)) - np.repeat(first + offset, self.n_segments_)
        return torch.from_numpy(np.flatnonzero((within >= 0) & (within % self.segment_step == 0)))

    def draw_batches(self):
        """Return the rows of each batch: in warm-up as many as there are, but only of labelled segments, in turn."""
        rows = self.rows_[(self.labels_ >= 0).cpu()[self.rows_]]
        if self.targets_ is not None or len(rows) == len(self.rows_):
            if self.loss_after_split.bag_weight == 0:
                return super().draw_batches()
            bags = draw_bags(self.songs_[self.rows_].numpy(), self.n_batches_, self.rng_)
            return [self.rows_[torch.from_numpy(bag)].to(self.device) for bag in bags]
        turns = [
            rows[torch.from_numpy(self.rng_.permutation(len(rows)))] for _ in range(-(-len(self.rows_) // len(rows)))
        ]
        return torch.cat(turns)[: len(self.rows_)].to(self.device).tensor_split(self.n_batches_)

    def validation_scores(self, outputs, valid):
        """Return the loss of the segments, and the share of songs whose class is that of the mean probability."""
        labels = torch.as_tensor(np.searchsorted(self.classes_, valid.y), device=outputs.device)
        first = np.flatnonzero(np.diff(valid.X.song, prepend=-1))
        sums = np.add.reduceat(torch.softmax(outputs.double(), 1).cpu().numpy(), first)
        right = self.classes_[sums.argmax(axis=1)] == valid.y[first]
        return {
            "valid_loss": (F.cross_entropy(outputs, labels).item(), operator.lt),
            "valid_acc": (float(right.mean()), operator.gt),
        }

    # ---- as a skorch classifier --------------------------------------------------------------------

    def predict(self, X):
        """Predict the label of segments.

        Parameters
        ----------
        X : ndarray of shape (n_segments, ...), or songs
            Segments, or songs whose segments are taken in order.

        Returns
        -------
        ndarray of shape (n_segments,)
            Labels.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train for `max_epochs` further epochs with cross-entropy on the labels of segments, at the rate `lr`.

        Parameters
        ----------
        X : ndarray of shape (n_segments, ...), or songs
            Segments, or songs whose segments are taken in order.
        y : array-like of shape (n_segments,)
            Label of each segment, one of ``classes_``.
        classes : None
            Ignored, for the API of scikit-learn.

        Returns
        -------
        SegmentNet
            The net.
        """
        bank, y = self.make_rows(X), np.asarray(y)
        if y.shape != (len(bank),) or not np.isin(y, self.classes_).all():
            raise ValueError(
                f"y must hold one of the labels {self.classes_.tolist()} for each of {len(bank)} segments."
            )
        self.load_rows(bank, np.searchsorted(self.classes_, y))
        self.random_state = FitRandomState(self.seed + len(self.history), self.device)
        try:
            self.train_rows()
        finally:
            self.drop_rows()
        return self

    # ---- loss --------------------------------------------------------------------------------------

    def batch_loss(self, index):
        """Compute the loss of some segments."""
        x = self.bank_.gather(index)
        if self.augmentation_ is not None:
            x = self.augmentation_(x, self.rng_)
        x = self._channels_last(x)
        weights = None if self.weights_ is None else self.weights_[index]
        network = self.compiled_ or self.module_
        bags = of_songs = None
        if self.loss_after_split.bag_weight > 0:
            bags = torch.unique(self.songs_[index.cpu()], return_inverse=True)[1].to(self.device)
            labels = self.labels_[index]
            of_songs = F.one_hot(labels.clamp_min(0), len(self.classes_)).float() * (labels >= 0)[:, None]
        with self._autocast():
            if self.targets_ is None:
                return self.loss_after_split.classification(network(x), self.labels_[index], weights, bags, of_songs)
            return self._soft_loss(network, x, self.targets_[index], self.erased_[index], weights, bags, of_songs)

    def _soft_loss(self, network, x, targets, erased, weights=None, bags=None, of_songs=None):
        loss = self.loss_after_split
        mixed, mixed_targets, heavier_erased, of_songs = loss.mix(
            x, targets, erased, self.rng_, weights, bags, of_songs
        )
        of_rows = torch.ones(len(x), device=x.device) if weights is None else weights
        bag = {"weights": weights, "bags": bags, "of_songs": of_songs}
        kl_weight = loss.kl_weight(self.epochs_after_warmup_, self.n_after_warmup_)
        if kl_weight > 0 and loss.kl_rows != "raw":
            pair = two_passes(network, mixed, self.shared_trunk_)
            counted = of_rows if loss.kl_rows == "all" else of_rows * heavier_erased
            return loss(pair, mixed_targets, self.prior_, kl_weight, pair, counted, **bag)
        outputs = (network(mixed),)
        if kl_weight == 0 or len(rows := x[erased]) < 2:
            return loss(outputs, mixed_targets, self.prior_, **bag)
        # the number of erased rows differs between batches, and a compiled network would be compiled again for each
        pair = two_passes(self.module_, rows, self.shared_trunk_)
        return loss(outputs, mixed_targets, self.prior_, kl_weight, pair, of_rows[erased], **bag)
