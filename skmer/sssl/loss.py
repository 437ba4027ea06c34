"""SSSLLoss: the loss of a batch after a split, of mixup, R-Drop and the prior penalty."""

from dataclasses import dataclass

import numpy as np
import torch

from skmer.backbones import has_shared_trunk
from skmer.sssl.objectives import cross_entropy, mixup, prior_penalty, symmetric_kl

__all__ = ["SSSLLoss", "two_passes"]


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
    >>> from skmer.sssl.loss import two_passes
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


@dataclass(frozen=True)
class SSSLLoss:
    """The loss of a batch whose rows have a soft target each, some of them in place of an erased label.

    Parameters
    ----------
    mixup_alpha : float, default=4.0
        As in `skmer.SSSLClassifier`, like all that follow.
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

    See Also
    --------
    skmer.sssl.net.SegmentNet : Uses it on batches.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition", Eq. 6 to 9.

    Examples
    --------
    >>> from skmer.sssl.loss import SSSLLoss
    >>> loss = SSSLLoss(lambda_kl=2.0, ramp_epochs=4)
    >>> [loss.kl_weight(epoch) for epoch in (1, 2, 4, 8)]
    [0.5, 1.0, 2.0, 2.0]
    """

    mixup_alpha: float = 4.0
    mixup_dominant: bool = True
    lambda_kl: float = 1.0
    kl_rows: str = "mixed"
    ramp_epochs: int = 16
    prior_weight: float = 1.0

    def kl_weight(self, split_epochs):
        """Give R-Drop's weight: it grows by equal steps over the epochs since the first split.

        Parameters
        ----------
        split_epochs : int
            Epochs with a split, this one included.

        Returns
        -------
        float
            At most `lambda_kl`.
        """
        return self.lambda_kl * min(1.0, split_epochs / max(1, self.ramp_epochs))

    def of_batch(self, x, targets, unlabelled, *, once, twice, prior, split_epochs, rng):
        """Compute the loss of a batch, Eq. 9.

        Parameters
        ----------
        x : Tensor of shape (n, ...)
            Segments.
        targets : Tensor of shape (n, n_classes)
            Distributions.
        unlabelled : Tensor of shape (n,) of bool
            Rows whose label was erased.
        once, twice : callable
            From segments to their logits, and to a pair of them under two dropout masks.
        prior : Tensor of shape (n_classes,)
            Expected share of each class.
        split_epochs : int
            Epochs with a split, this one included.
        rng : numpy.random.Generator
            Draws the mixtures.

        Returns
        -------
        Tensor of shape ()
            In nats.
        """
        raw, heavier_unlabelled = x, unlabelled
        if self.mixup_alpha > 0:
            delta, partner = self._draw_mixup(rng, len(x), x.device)
            heavier_unlabelled = torch.where(delta >= 0.5, unlabelled, unlabelled[partner])
            x, targets = mixup(x, targets, delta, partner)
        weight = self.kl_weight(split_epochs)
        if weight == 0 or self.kl_rows == "raw":
            logits = once(x)
            loss = cross_entropy(logits, targets) + self._penalty(logits, prior)
            rows = raw[unlabelled]
            if weight == 0 or len(rows) < 2:
                return loss
            # the paper's R-Drop: over the rows of U as they are, not mixed
            p, q = twice(rows)
            return loss + weight * symmetric_kl(p, q, torch.ones(len(rows), device=rows.device))
        p, q = twice(x)
        counted = torch.ones_like(heavier_unlabelled) if self.kl_rows == "all" else heavier_unlabelled
        mix = 0.5 * (cross_entropy(p, targets) + cross_entropy(q, targets))
        penalty = 0.5 * (self._penalty(p, prior) + self._penalty(q, prior))
        return mix + penalty + weight * symmetric_kl(p, q, counted)

    def _draw_mixup(self, rng, n, device):
        """Draw each row's weight in its mixture, and its partner."""
        weights = rng.beta(self.mixup_alpha, self.mixup_alpha, n)
        if self.mixup_dominant:
            weights = np.maximum(weights, 1 - weights)
        delta = torch.from_numpy(weights.astype(np.float32)).to(device)
        return delta, torch.from_numpy(rng.permutation(n)).to(device)

    def _penalty(self, logits, prior):
        return self.prior_weight * prior_penalty(logits, prior) if self.prior_weight else 0.0
