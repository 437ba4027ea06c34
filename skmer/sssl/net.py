"""SegmentNet: the net that SSSL trains, with labelled segments and the targets of an epoch."""

import torch
from torch import nn

from skmer.backbones import has_shared_trunk
from skmer.sssl.loss import SSSLLoss, two_passes
from skmer.training.compiled import CompiledNetwork
from skmer.training.net import RowNet

__all__ = ["SegmentNet"]


class SegmentNet(RowNet):
    """A net over a `SegmentBank` whose targets may change from epoch to epoch.

    It trains with plain cross-entropy on the inherited labels until a callback sets soft
    targets with `set_targets`; from then on with `loss_after_split`.

    Parameters
    ----------
    module : Module
        A backbone, already built.
    n_classes : int
        Number of classes.
    loss_after_split : SSSLLoss, default=SSSLLoss()
        Mixup, R-Drop and the prior penalty.
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
    skmer.SSSLClassifier : Builds it.
    skmer.training.net.RowNet : Its batches and loops.

    Examples
    --------
    >>> from skmer.backbones import MLP
    >>> from skmer.sssl.net import SegmentNet
    >>> SegmentNet(MLP((64,), 10), n_classes=10).n_classes
    10
    """

    unnamed_phase = "cross-entropy"

    def __init__(
        self,
        module,
        *,
        n_classes,
        loss_after_split=SSSLLoss(),  # noqa: B008, which cannot be changed
        compiled=False,
        precision="float32",
        seed=0,
        **kwargs,
    ):
        self.n_classes = n_classes
        self.loss_after_split = loss_after_split
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

    # ---- the loss of a batch -----------------------------------------------------------------------

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
        """
        x = self._layout(self.bank_.gather(index))
        with self._autocast():
            if self.targets_ is None:
                return nn.functional.cross_entropy(self.passes(x).float(), self.labels_[index])
            return self.loss_after_split.of_batch(
                x, self.targets_[index], self.unlabelled_[index], once=self.passes, twice=self._two_passes,
                prior=self.prior_, split_epochs=self.split_epochs_, rng=self.rng_,
            )  # fmt: skip

    def _two_passes(self, x):
        # of the paper's recipe their number is another one in each batch, and a compiler would begin anew
        network = self.module_ if self.loss_after_split.kl_rows == "raw" else self.passes
        return two_passes(network, x, self.shared_trunk_)
