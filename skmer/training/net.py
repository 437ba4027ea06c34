"""The net that SSSL trains: labelled segments, their targets, and the loss of a batch."""

import numpy as np
import torch
from torch import nn

from skmer.backbones import has_shared_trunk
from skmer.training.compiled import CompiledNetwork
from skmer.training.objectives import cross_entropy, mixup, prior_penalty, symmetric_kl
from skmer.training.row_net import RowNet

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


class SegmentNet(RowNet):
    """A net over a `SegmentBank` whose targets may change from epoch to epoch.

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
    compiled : bool, default=False
        Whether the passes of training are compiled.
    precision : {"float32", "bfloat16"}, default="float32"
        Of the network's arithmetic in training.
    seed : int, default=0
        For the order of the batches and mixup.
    **kwargs
        Of `skorch.NeuralNet`.

    See Also
    --------
    skmer.training.row_net.RowNet : Its batches and loops.

    Examples
    --------
    >>> from skmer.backbones import MLP
    >>> from skmer.training.net import SegmentNet
    >>> SegmentNet(MLP((64,), 10), n_classes=10).n_classes
    10
    """

    unnamed_phase = "cross-entropy"

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
        compiled=False,
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
        self.compiled = compiled
        super().__init__(module, precision=precision, seed=seed, **{"criterion": nn.CrossEntropyLoss, **kwargs})

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
        self.load_bank(bank)
        self.labels_ = torch.as_tensor(labels, dtype=torch.long, device=self.device)
        share = torch.bincount(self.labels_, minlength=self.n_classes).float() / len(labels)
        self.prior_ = share.clamp_min(1e-6)
        self.shared_trunk_ = has_shared_trunk(self.module_)
        self.compiled_ = CompiledNetwork(self.module_) if self.compiled else None
        self.split_epochs_ = 0
        self.set_targets(None)

    def drop_rows(self):
        """Forget what only training needs, so that the fitted net is small and travels."""
        super().drop_rows()
        for name in ("labels_", "prior_", "targets_", "unlabelled_", "compiled_"):
            self.__dict__.pop(name, None)

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
    def passes(self):
        """The network, or its compiled passes."""
        return self.compiled_ or self.module_

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
                return nn.functional.cross_entropy(self.passes(x).float(), self.labels_[index])
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
            logits = self.passes(x)
            return cross_entropy(logits, targets) + self._penalty(logits)
        if self.kl_rows == "raw":
            logits = self.passes(x)
            loss = cross_entropy(logits, targets) + self._penalty(logits)
            rows = raw[unlabelled]
            if len(rows) > 1:
                # their number is another one in each batch, and a compiler would begin anew
                p, q = two_passes(self.module_, rows, self.shared_trunk_)
                loss = loss + weight * symmetric_kl(p, q, torch.ones(len(rows), device=x.device))
            return loss
        p, q = two_passes(self.passes, x, self.shared_trunk_)
        counted = torch.ones_like(heavier_unlabelled) if self.kl_rows == "all" else heavier_unlabelled
        mix = 0.5 * (cross_entropy(p, targets) + cross_entropy(q, targets))
        return mix + 0.5 * (self._penalty(p) + self._penalty(q)) + weight * symmetric_kl(p, q, counted)

    def _penalty(self, logits):
        return self.prior_weight * prior_penalty(logits, self.prior_) if self.prior_weight else 0.0

    # ---- prediction --------------------------------------------------------------------------------

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
        return self.row_outputs(bank, network, batch_size, precision)
