"""SelfLearningNet: the skorch net over segments that inherit the target of their song, whatever its kind."""

from typing import Any

import numpy as np
import torch
from skorch.dataset import Dataset

from skmer.backbones import has_shared_trunk
from skmer.sssl.bags import draw_bags
from skmer.sssl.losses import SSSLLoss
from skmer.training.net import RowNet
from skmer.training.runtime import CompiledNetwork

__all__ = ["PartOfBank", "SelfLearningNet", "two_passes"]


def two_passes(network, x, shared_trunk):
    """Compute the outputs for a batch under two dropout masks, with one pass of the trunk if it may be shared."""
    if shared_trunk:
        z = network.trunk(x)
        return network.head(z), network.head(z)
    p, q = network(torch.cat([x, x])).chunk(2)
    return p, q


class PartOfBank:
    """Some rows of a bank."""

    def __init__(self, bank, rows):
        self._bank, self._rows = bank, rows

    @property
    def song(self):
        """Number of the song of each row."""
        return self._bank.song[self._rows.cpu().numpy()]

    def __len__(self):
        return len(self._rows)

    def gather(self, index):
        return self._bank.gather(self._rows[index])


class SelfLearningNet(RowNet):
    """A net over segments whose targets may change from epoch to epoch.

    It is trained on the inherited labels until `set_targets` is called, then with `loss_after_split` on these targets.
    In an epoch, every `segment_step`-th segment of each song is a row. A subclass loads the labels by `load_segments`,
    and defines what depends on their kind: `row_losses`, `predictions`, `share_learnt`, `bag_targets`.
    """

    predicts_distributions = True
    _training_only: tuple[str, ...] = (
        *RowNet._training_only,
        "labels_",
        "labelled_",
        "used_",
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
        super().__init__(module, precision=precision, seed=seed, **kwargs)

    def load_segments(self, bank, labels, labelled, y, weights=None, used=None):
        """Set the bank to train on, the inherited label of each segment, which of them are labelled, and weights.

        Callbacks are shown the labelled segments only, with the targets `y` of all. Only the segments in the mask
        `used` are trained on, by default all.
        """
        self.songs_ = torch.from_numpy(bank.song)
        self.used_ = np.arange(len(bank)) if used is None else np.flatnonzero(used)
        n_segments = np.bincount(bank.song[self.used_])
        self.n_segments_ = n_segments[n_segments > 0]
        self.load_bank(bank)
        rows = np.flatnonzero(labelled)
        shown = bank if len(rows) == len(bank) else PartOfBank(bank, torch.from_numpy(rows).to(self.device))
        self.train_ = Dataset(shown, y[rows], length=len(rows))
        self.labels_, self.labelled_ = labels.to(self.device), torch.from_numpy(labelled)
        self.weights_ = None if weights is None else torch.as_tensor(weights, dtype=torch.float32).to(self.device)
        self.shared_trunk_ = has_shared_trunk(self.module_)
        self.compiled_ = CompiledNetwork(self.module_) if self.compiled else None
        self.prior_: Any = None
        self.targets_: Any = None
        self.erased_: Any = None
        self.augmentation_: Any = None
        self.epochs_after_warmup_, self.n_after_warmup_ = 0, None

    def set_targets(self, targets, erased):
        """Set the targets of an epoch's rows, (n_rows, n_outputs), and which of them replace an erased label."""
        if self.targets_ is None:
            self.targets_ = torch.zeros(len(self.bank_), targets.shape[1], device=self.device)
            self.erased_ = torch.zeros(len(self.bank_), dtype=torch.bool, device=self.device)
            if self.history:
                self.n_after_warmup_ = self.max_epochs - len(self.history) + 1
        self.targets_[self.rows_], self.erased_[self.rows_] = targets, erased
        self.epochs_after_warmup_ += 1

    def losses_and_outputs(self, rows=None, precision=None):
        """Compute the loss of some rows, by default all, against their inherited labels, and the outputs."""
        bank, labels = (
            (self.bank_, self.labels_)
            if rows is None
            else (PartOfBank(self.bank_, rows.to(self.device)), self.labels_[rows])
        )
        outputs = self.row_outputs(bank, precision=precision)
        return self.row_losses(outputs, labels), outputs

    # ---- what depends on the kind of the labels ----------------------------------------------------

    def row_losses(self, outputs, labels):
        """Compute the loss of each row against its inherited label; that of a row without a label is not used."""
        raise NotImplementedError

    def predictions(self, outputs):
        """Return what a label strategy is shown of the outputs, as values of the kind of the targets."""
        raise NotImplementedError

    def share_learnt(self, predictions, labels, songs):
        """Return how much of the labels of the training songs is predicted, at most 1."""
        raise NotImplementedError

    def pseudo_targets(self, predictions, labels, songs):
        """Return what may replace the labels of rows, which belong to `songs`: their predictions."""
        return predictions

    def bag_targets(self, index):
        """Return the target of the song of each row, for the loss of bags."""
        raise NotImplementedError

    # ---- rows --------------------------------------------------------------------------------------

    def rows_per_epoch(self):
        """Return the smallest and the largest number of rows that `draw_rows` returns."""
        n, step = self.n_segments_, self.segment_step
        return int(np.maximum(1, n // step).sum()), int((-(-n // step)).sum())

    def draw_rows(self):
        """Return every `segment_step`-th segment of each song, from a random one of the first on."""
        n = self.n_segments_
        if self.segment_step == 1:
            return torch.from_numpy(self.used_)
        first = np.cumsum(n) - n
        offset = self.rng_.integers(np.minimum(self.segment_step, n))
        within = np.arange(len(self.used_)) - np.repeat(first + offset, n)
        return torch.from_numpy(self.used_[(within >= 0) & (within % self.segment_step == 0)])

    def draw_batches(self):
        """Return the rows of each batch: in warm-up as many as there are, but only of labelled segments, in turn."""
        rows = self.rows_[self.labelled_[self.rows_]]
        if self.targets_ is not None or len(rows) == len(self.rows_):
            if self.loss_after_split.bag_weight == 0:
                return super().draw_batches()
            bags = draw_bags(self.songs_[self.rows_].numpy(), self.n_batches_, self.rng_)
            return [self.rows_[torch.from_numpy(bag)].to(self.device) for bag in bags]
        turns = [
            rows[torch.from_numpy(self.rng_.permutation(len(rows)))] for _ in range(-(-len(self.rows_) // len(rows)))
        ]
        return torch.cat(turns)[: len(self.rows_)].to(self.device).tensor_split(self.n_batches_)

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
            of_songs = self.bag_targets(index)
        with self._autocast():
            if self.targets_ is None:
                return self.loss_after_split.supervised(network(x), self.labels_[index], weights, bags, of_songs)
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
