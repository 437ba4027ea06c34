"""The skorch net that SSSL trains: an epoch loop over gathered rows, and the loss of a batch."""

import math
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from skorch.utils import TeeGenerator
from torch import nn

from skmer.backbones import has_shared_trunk
from skmer.training.objectives import cross_entropy, mixup, prior_penalty, symmetric_kl
from skmer.training.stopping import StopTraining, stops_by_callbacks

__all__ = ["SegmentNet", "two_passes"]


def two_passes(network, x, shared_trunk=None):
    """Give the logits of a batch under two dropout masks.

    Parameters
    ----------
    network : Module
        A backbone.
    x : Tensor of shape (n, ...)
        A batch.
    shared_trunk : bool, default=None
        Whether the trunk runs once and the head twice; by default as
        `has_shared_trunk` says. Otherwise the batch is doubled.

    Returns
    -------
    p, q : Tensor of shape (n, n_classes)
        Logits.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import MLP
    >>> from skmer.training.net import two_passes
    >>> p, q = two_passes(MLP((64,), 10).eval(), torch.ones(2, 64))
    >>> torch.equal(p, q)
    True
    """
    if shared_trunk is None:
        shared_trunk = has_shared_trunk(network)
    if shared_trunk:
        z = network.trunk(x)
        return network.head(z), network.head(z)
    p, q = network(torch.cat([x, x])).chunk(2)
    return p, q


class SegmentNet(NeuralNet):
    """A skorch net over a `SegmentBank` whose targets may change from epoch to epoch.

    It trains with plain cross-entropy on the inherited labels until a callback sets soft
    targets with `set_targets`; from then on with mixup, R-Drop and the prior penalty.
    `SSSLClassifier` builds it and is documented; the parameters here are its own.

    Parameters
    ----------
    module : Module
        A backbone, already built.
    n_classes : int
        Number of classes.
    mixup_alpha : float, default=4.0
        As in `SSSLClassifier`, like the next ones.
    mixup_dominant : bool, default=True
        Whether a row stays the heavier of its pair.
    lambda_kl : float, default=1.0
        Weight of R-Drop.
    kl_rows : {"mixed", "raw", "all"}, default="mixed"
        Rows that R-Drop counts.
    ramp_epochs : int, default=16
        Epochs over which R-Drop's weight grows.
    prior_weight : float, default=1.0
        Weight of the penalty toward the class shares.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic in training.
    seed : int, default=0
        For the order of the batches and mixup.
    **kwargs
        Of `skorch.NeuralNet`.

    Examples
    --------
    >>> from skmer.backbones import MLP
    >>> from skmer.training.net import SegmentNet
    >>> SegmentNet(MLP((64,), 10), n_classes=10).n_classes
    10
    """

    def __init__(
        self,
        module,
        *,
        n_classes,
        mixup_alpha=4.0,
        mixup_dominant=True,
        lambda_kl=1.0,
        kl_rows="mixed",
        ramp_epochs=16,
        prior_weight=1.0,
        precision="float32",
        seed=0,
        **kwargs,
    ):
        self.n_classes = n_classes
        self.mixup_alpha = mixup_alpha
        self.mixup_dominant = mixup_dominant
        self.lambda_kl = lambda_kl
        self.kl_rows = kl_rows
        self.ramp_epochs = ramp_epochs
        self.prior_weight = prior_weight
        self.precision = precision
        self.seed = seed
        kwargs = {"criterion": nn.CrossEntropyLoss, "train_split": None, "verbose": 0, **kwargs}
        # skorch's own printing and scoring callbacks cost more than a batch of a small network
        quiet = {f"callbacks__{name}": None for name in ("epoch_timer", "train_loss", "valid_loss", "print_log")}
        super().__init__(module, **{**quiet, **kwargs})

    # ---- rows and targets -------------------------------------------------------------------------

    def load_rows(self, bank, labels, class_names=None):
        """Take the bank to train on and the inherited label of each of its rows.

        Parameters
        ----------
        bank : SegmentBank
            Segments, on the net's device.
        labels : ndarray of shape (n_segments,)
            Class indices.
        class_names : sequence of str, default=None
            What messages call the classes; by default their indices.
        """
        self.class_names_ = [str(name) for name in (range(self.n_classes) if class_names is None else class_names)]
        self.bank_ = bank
        self.labels_ = torch.as_tensor(labels, dtype=torch.long, device=self.device)
        share = torch.bincount(self.labels_, minlength=self.n_classes).float() / len(labels)
        self.prior_ = share.clamp_min(1e-6)
        self.rng_ = np.random.default_rng(self.seed)
        self.shared_trunk_ = has_shared_trunk(self.module_)
        self.split_epochs_ = 0
        self.set_targets(None)

    def drop_rows(self):
        """Forget what only training needs, so that the fitted net is small and travels."""
        for name in ("bank_", "labels_", "prior_", "targets_", "unlabelled_", "rng_"):
            self.__dict__.pop(name, None)
        self.optimizer_ = None
        self.callbacks_, self.callbacks = [], None
        # skorch pickles module and module_ apart: a built network would be stored twice
        self.module = type(self.module_)

    def set_targets(self, targets, unlabelled=None):
        """Set what the rows are trained towards.

        Parameters
        ----------
        targets : Tensor of shape (n_segments, n_classes) or None
            Distributions; None for the inherited labels, with plain cross-entropy.
        unlabelled : Tensor of shape (n_segments,) of bool, default=None
            Rows whose label was erased.
        """
        self.targets_, self.unlabelled_ = targets, unlabelled
        self.split_epochs_ += targets is not None

    def inherited_targets(self):
        """Give the inherited labels as one-hot rows.

        Returns
        -------
        Tensor of shape (n_segments, n_classes)
            One-hot.
        """
        return nn.functional.one_hot(self.labels_, self.n_classes).float()

    @property
    def kl_weight(self):
        """Lambda of this epoch: ramped linearly over the epochs since the first split."""
        return self.lambda_kl * min(1.0, self.split_epochs_ / max(1, self.ramp_epochs))

    # ---- the loss of a batch -----------------------------------------------------------------------

    def batch_loss(self, index):
        """Compute the loss of some rows, Eq. 9.

        Parameters
        ----------
        index : Tensor of shape (n,)
            Rows of the bank.

        Returns
        -------
        Tensor of shape ()
            The loss.
        """
        x = self._layout(self.bank_.gather(index))
        with self._autocast():
            if self.targets_ is None:
                return nn.functional.cross_entropy(self.module_(x).float(), self.labels_[index])
            return self._sssl_loss(x, index)

    def _sssl_loss(self, x, index):
        raw, targets, unlabelled = x, self.targets_[index], self.unlabelled_[index]
        if self.mixup_alpha > 0:
            weights = self.rng_.beta(self.mixup_alpha, self.mixup_alpha, len(index))
            if self.mixup_dominant:
                weights = np.maximum(weights, 1 - weights)
            delta = torch.from_numpy(weights.astype(np.float32)).to(x.device)
            partner = torch.from_numpy(self.rng_.permutation(len(index))).to(x.device)
            heavier_unlabelled = torch.where(delta >= 0.5, unlabelled, unlabelled[partner])
            x, targets = mixup(x, targets, delta, partner)
        else:
            heavier_unlabelled = unlabelled
        weight = self.kl_weight
        if weight == 0:
            logits = self.module_(x)
            return cross_entropy(logits, targets) + self._penalty(logits)
        if self.kl_rows == "raw":
            logits = self.module_(x)
            loss = cross_entropy(logits, targets) + self._penalty(logits)
            rows = raw[unlabelled]
            if len(rows) > 1:
                p, q = two_passes(self.module_, rows, self.shared_trunk_)
                loss = loss + weight * symmetric_kl(p, q, torch.ones(len(rows), device=x.device))
            return loss
        p, q = two_passes(self.module_, x, self.shared_trunk_)
        counted = torch.ones_like(heavier_unlabelled) if self.kl_rows == "all" else heavier_unlabelled
        mix = 0.5 * (cross_entropy(p, targets) + cross_entropy(q, targets))
        return mix + 0.5 * (self._penalty(p) + self._penalty(q)) + weight * symmetric_kl(p, q, counted)

    def _penalty(self, logits):
        return self.prior_weight * prior_penalty(logits, self.prior_) if self.prior_weight else 0.0

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
            The rows come from `load_rows`.
        epochs : int, default=None
            How many epochs; by default `max_epochs`.
        **fit_params
            Ignored.

        Returns
        -------
        SegmentNet
            Itself.
        """
        for _ in range(self.max_epochs if epochs is None else epochs):
            self.notify("on_epoch_begin", dataset_train=self.bank_, dataset_valid=None)
            self.history[-1].setdefault("phase", "cross-entropy")
            self.run_epoch()
            try:
                with stops_by_callbacks():
                    self.notify("on_epoch_end", dataset_train=self.bank_, dataset_valid=None)
            except StopTraining:
                break
        return self

    @torch.no_grad()
    def row_logits(self, bank, network=None, batch_size=None, precision=None):
        """Predict the logits of all rows of a bank, in order, without dropout.

        Parameters
        ----------
        bank : SegmentBank
            Segments, on the net's device.
        network : Module, default=None
            By default the net's own.
        batch_size : int, default=None
            Rows a batch; by default that of training, so that prediction needs no more memory.
        precision : {"float32", "bfloat16"}, default=None
            By default that of training.

        Returns
        -------
        Tensor of shape (n_segments, n_classes)
            float32, on the net's device.
        """
        network = self.module_ if network is None else network
        network.eval()
        rows = torch.arange(len(bank), device=self.device).split(batch_size or self.batch_size)
        with self._autocast(precision):
            return torch.cat([network(self._layout(bank.gather(index))).float() for index in rows])

    def _autocast(self, precision=None):
        kind = torch.device(self.device).type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=(precision or self.precision) == "bfloat16")

    @staticmethod
    def _layout(x):
        return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x
