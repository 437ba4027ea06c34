"""The skorch net of SSSLClassifier, and the callback that sets the targets of each epoch by a label strategy."""

import torch
from skorch.callbacks import Callback
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn import functional as F

from skmer.backbones import has_shared_trunk
from skmer.sssl.losses import SSSLLoss
from skmer.training.callbacks import final_network
from skmer.training.net import RowNet
from skmer.training.runtime import CompiledNetwork

__all__ = ["SegmentNet", "UpdateTargets", "two_passes"]


def two_passes(network, x, shared_trunk):
    """Compute the logits of a batch under two dropout masks, with one pass of the trunk if it may be shared."""
    if shared_trunk:
        z = network.trunk(x)
        return network.head(z), network.head(z)
    p, q = network(torch.cat([x, x])).chunk(2)
    return p, q


class UpdateTargets(Callback):
    """Set the targets of each epoch after warm-up to those of a label strategy."""

    def __init__(self, strategy, warmup_epochs):
        self.strategy = strategy
        self.warmup_epochs = warmup_epochs

    def on_epoch_begin(self, net, **kwargs):
        """Pass the present losses and probabilities to the strategy, and its figures to the history."""
        epoch = len(net.history)
        if epoch <= self.warmup_epochs:
            net.history.record("phase", "warmup")
            return
        losses, logits = net.losses_and_logits(final_network(net))
        name = type(self.strategy).__name__
        with threadpool_limits(1):  # of scikit-learn's mixture
            made = self.strategy.targets(losses, torch.softmax(logits, 1), net.labels_, epoch)
        targets, erased, figures = _check_targets(made, logits, name)
        net.set_targets(targets, erased)
        for key, value in {"phase": name, **figures}.items():
            net.history.record(key, value)


class SegmentNet(RowNet):
    """A net over labelled segments whose targets may change from epoch to epoch.

    It is trained with cross-entropy on the inherited labels until `set_targets` is called, then with
    `loss_after_split`.
    """

    unnamed_phase = "cross-entropy"

    def __init__(
        self,
        module,
        *,
        n_classes,
        loss_after_split=SSSLLoss(),  # noqa: B008, a frozen dataclass
        compiled=False,
        precision="float32",
        seed=0,
        **kwargs,
    ):
        self.n_classes = n_classes
        self.loss_after_split = loss_after_split
        self.compiled = compiled
        super().__init__(module, precision=precision, seed=seed, **{"criterion": nn.CrossEntropyLoss, **kwargs})

    def load_rows(self, bank, labels):
        """Set the bank of segments to train on, and the inherited label of each segment as a class index."""
        self.load_bank(bank)
        self.labels_ = torch.as_tensor(labels, dtype=torch.long, device=self.device)
        share = torch.bincount(self.labels_, minlength=self.n_classes).float() / len(labels)
        self.prior_ = share.clamp_min(1e-6)
        self.shared_trunk_ = has_shared_trunk(self.module_)
        self.compiled_ = CompiledNetwork(self.module_) if self.compiled else None
        self.targets_ = self.erased_ = None
        self.epochs_after_warmup_ = 0

    def drop_rows(self):
        """Delete what is only needed in training, so that the fitted net is small."""
        super().drop_rows()
        for name in ("labels_", "prior_", "targets_", "erased_", "compiled_"):
            self.__dict__.pop(name, None)

    def set_targets(self, targets, erased):
        """Set the targets of an epoch, (n_segments, n_classes), and which of them replace an erased label."""
        self.targets_, self.erased_ = targets, erased
        self.epochs_after_warmup_ += 1

    def losses_and_logits(self, network=None, precision=None):
        """Compute the loss of every segment against its inherited label, and the logits, without dropout."""
        logits = self.row_outputs(self.bank_, network, precision=precision)
        return F.cross_entropy(logits, self.labels_, reduction="none"), logits

    def batch_loss(self, index):
        """Compute the loss of some segments."""
        x = self._channels_last(self.bank_.gather(index))
        network = self.compiled_ or self.module_
        with self._autocast():
            if self.targets_ is None or self.erased_ is None:
                return F.cross_entropy(network(x).float(), self.labels_[index])
            return self._soft_loss(network, x, self.targets_[index], self.erased_[index])

    def _soft_loss(self, network, x, targets, erased):
        loss = self.loss_after_split
        mixed, mixed_targets, heavier_erased = loss.mix(x, targets, erased, self.rng_)
        kl_weight = loss.kl_weight(self.epochs_after_warmup_)
        if kl_weight > 0 and loss.kl_rows != "raw":
            pair = two_passes(network, mixed, self.shared_trunk_)
            counted = torch.ones_like(erased) if loss.kl_rows == "all" else heavier_erased
            return loss(pair, mixed_targets, self.prior_, kl_weight, pair, counted)
        outputs = (network(mixed),)
        if kl_weight == 0 or len(rows := x[erased]) < 2:
            return loss(outputs, mixed_targets, self.prior_)
        # the number of erased rows differs between batches, and a compiled network would be compiled again for each
        pair = two_passes(self.module_, rows, self.shared_trunk_)
        return loss(outputs, mixed_targets, self.prior_, kl_weight, pair, torch.ones(len(rows), device=x.device))


def _check_targets(made, logits, name):
    """Return targets, erased rows and figures of what a strategy returned for `logits`; raise if they do not fit."""
    n_segments = len(logits)
    targets, *others = made if isinstance(made, tuple) and made else (made,)
    figures = others.pop() if others and isinstance(others[-1], dict) else {}
    if len(others) > 1:
        raise ValueError(
            f"{name}.targets must return targets, or a tuple of targets, a mask of erased segments and a dict of "
            f"figures, got a tuple of {len(made)}."
        )
    erased = others[0] if others else torch.ones(n_segments, dtype=torch.bool)
    shapes = [("targets", targets, tuple(logits.shape)), ("a mask of erased segments", erased, (n_segments,))]
    for what, tensor, shape in shapes:
        if not isinstance(tensor, torch.Tensor) or tensor.shape != shape:
            given = f"shape {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise ValueError(f"{name}.targets must return {what} as a tensor of shape {shape}, got {given}.")
    if erased.dtype != torch.bool:
        raise ValueError(f"{name}.targets must return a mask of erased segments of dtype bool, got {erased.dtype}.")
    if targets.is_complex():
        raise ValueError(f"{name}.targets must return real numbers as targets, got {targets.dtype}.")
    rounding = 1e-2 if targets.dtype in (torch.bfloat16, torch.float16) else 1e-3
    # detached: only the first batch could backpropagate through their graph
    targets = targets.detach().float()
    # also False for NaN and infinity
    if not ((targets >= 0).all() and ((targets.sum(1) - 1).abs() < rounding).all()):
        raise ValueError(
            f"{name}.targets must return a distribution for each segment: finite values, none below 0, with sum 1."
        )
    return targets.to(logits.device), erased.to(logits.device), figures
