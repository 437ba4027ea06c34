"""The loss of semi-supervised self-learning: mixup, cross-entropy, R-Drop and the prior penalty."""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch.nn import functional as F

from skmer.sssl.bags import bag_cross_entropy, mixup_of_bags

__all__ = ["LOSS_CONSTRAINTS", "SSSLLoss", "cross_entropy", "mixup", "prior_penalty", "symmetric_kl"]

LOSS_CONSTRAINTS = {
    "mixup_alpha": [Interval(Real, 0, None, closed="left")],
    "mixup_dominant": ["boolean"],
    "lambda_kl": [Interval(Real, 0, None, closed="left")],
    "kl_rows": [StrOptions({"mixed", "raw", "all"})],
    "ramp_epochs": [Interval(Integral, 0, None, closed="left")],
    "bag_weight": [Interval(Real, 0, 1, closed="both")],
    "prior_weight": [Interval(Real, 0, None, closed="left")],
}
"""Constraints of the parameters of the classifier that are those of `SSSLLoss`."""


def cross_entropy(logits, targets, weights=None):
    """Compute the mean cross-entropy of a batch, each row multiplied by its weight."""
    if weights is None:
        return F.cross_entropy(logits.float(), targets)
    return (F.cross_entropy(logits.float(), targets, reduction="none") * weights).mean()


def mixup(x, targets, delta, partner):
    """Mix each row with its partner, with weights `delta` and 1 - `delta` (Sun et al., Eq. 6)."""
    weight = delta.to(x.dtype).view(-1, *[1] * (x.ndim - 1))
    mixed = torch.lerp(x[partner], x, weight)
    return mixed, torch.lerp(targets[partner], targets, delta.to(targets.dtype)[:, None])


def symmetric_kl(logits_p, logits_q, counted):
    """Compute R-Drop (Sun et al., Eq. 8): (KL(P || Q) + KL(Q || P)) / 2, averaged over the counted rows.

    The paper prints a sum over U; a mean does not depend on the size of U.
    """
    log_p, log_q = torch.log_softmax(logits_p.float(), 1), torch.log_softmax(logits_q.float(), 1)
    # KL(P || Q) + KL(Q || P) = sum (p - q) (log p - log q)
    divergence = 0.5 * ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(1)
    weight = counted.to(divergence.dtype)
    return (divergence * weight).sum() / weight.sum().clamp_min(1.0)


def prior_penalty(logits, prior, weights=None):
    """Compute KL(prior || mean prediction) of a batch, whose rows may have weights.

    It prevents self-training from assigning every uncertain segment to the same class (Tanaka et al., 2018;
    Li et al., "DivideMix", 2020).
    """
    predicted = torch.softmax(logits.float(), 1)
    mean = predicted.mean(0) if weights is None else (weights[:, None] * predicted).sum(0) / weights.sum()
    return (prior * (torch.log(prior) - torch.log(mean.clamp_min(1e-12)))).sum()


@dataclass(frozen=True)
class SSSLLoss:
    """The loss of a batch with soft targets (Sun et al., Eq. 6 to 9); parameters as in `skmer.SSSLClassifier`."""

    mixup_alpha: float = 4.0
    mixup_dominant: bool = True
    lambda_kl: float = 1.0
    kl_rows: str = "mixed"
    ramp_epochs: int = 16
    prior_weight: float = 1.0
    bag_weight: float = 0.0

    def kl_weight(self, n_epochs, n_after_warmup=None):
        """Return the weight of R-Drop in the `n_epochs`-th of `n_after_warmup` epochs after warm-up."""
        ramp = self.ramp_epochs if n_after_warmup is None else min(self.ramp_epochs, n_after_warmup // 2)
        return self.lambda_kl * min(1.0, n_epochs / max(1, ramp))

    def mix(self, x, targets, erased, rng, weights=None, bags=None, of_songs=None):
        """Apply mixup to a batch.

        Return segments, targets, whether the heavier partner's label was erased, and the targets of songs. With
        weights, a row keeps its own, and its partner is drawn in proportion to the weights: the mixtures are those of a
        sample in which each row occurs as often as its weight says. With `bags`, the rows of a song are mixed with
        those of one other song, and so are the targets `of_songs`.
        """
        if self.mixup_alpha == 0:
            return x, targets, erased, of_songs
        numbers = None if bags is None else bags.cpu().numpy()
        n_drawn = len(x) if numbers is None else numbers.max() + 1
        p = None if weights is None else weights.cpu().double().numpy()
        drawn = rng.beta(self.mixup_alpha, self.mixup_alpha, n_drawn)
        if self.mixup_dominant:
            drawn = np.maximum(drawn, 1 - drawn)
        if numbers is not None:
            drawn, partner = mixup_of_bags(numbers, drawn, rng, p)
        elif p is None:
            partner = rng.permutation(len(x))
        else:
            partner = rng.choice(len(x), len(x), p=p / p.sum())
        delta = torch.from_numpy(drawn.astype(np.float32)).to(x.device)
        partner = torch.from_numpy(partner).to(x.device)
        heavier_erased = torch.where(delta >= 0.5, erased, erased[partner])
        if of_songs is not None:
            of_songs = torch.lerp(of_songs[partner], of_songs, delta[:, None])
        return *mixup(x, targets, delta, partner), heavier_erased, of_songs

    def supervised(self, logits, targets, weights=None, bags=None, of_songs=None):
        """Compute the cross-entropy of segments, and with `bags` also that of songs, in the share `bag_weight`."""
        loss = cross_entropy(logits, targets, weights)
        if bags is None:
            return loss
        return torch.lerp(loss, bag_cross_entropy(logits, of_songs, bags, weights), self.bag_weight)

    def consistency(self, logits_p, logits_q, counted):
        """Compute R-Drop between two passes of a batch, averaged over the counted rows."""
        return symmetric_kl(logits_p, logits_q, counted)

    def __call__(
        self, outputs, targets, prior, kl_weight=0.0, pair=None, counted=None, weights=None, bags=None, of_songs=None
    ):
        """Compute the loss of a batch, whose rows may have weights.

        `outputs` holds the logits of one or two passes of the batch, whose losses are averaged; `pair`, if given,
        the logits of the two passes that R-Drop compares in the `counted` rows.
        """
        loss = sum(self.supervised(logits, targets, weights, bags, of_songs) for logits in outputs) / len(outputs)
        if self.prior_weight:
            penalties = [self.prior_weight * prior_penalty(logits, prior, weights) for logits in outputs]
            loss = loss + sum(penalties) / len(outputs)
        return loss if pair is None else loss + kl_weight * self.consistency(pair[0], pair[1], counted)
