"""The loss of self-learning from ratings: squared, Huber or cross-entropy errors, with mixup and R-Drop."""

from dataclasses import dataclass

import torch
from sklearn.utils._param_validation import StrOptions
from torch.nn import functional as F

from skmer.sssl.losses import LOSS_CONSTRAINTS, SSSLLoss, symmetric_kl

__all__ = ["REGRESSION_CONSTRAINTS", "REGRESSION_PARAMS", "SSSLRegressionLoss", "row_errors"]

REGRESSION_CONSTRAINTS = {
    "loss": [StrOptions({"squared_error", "huber", "cross_entropy"})],
    **{name: values for name, values in LOSS_CONSTRAINTS.items() if name != "prior_weight"},
}
"""Constraints of the parameters of the regressor that are those of `SSSLRegressionLoss`."""

REGRESSION_PARAMS = tuple(REGRESSION_CONSTRAINTS)


def row_errors(outputs, targets, loss):
    """Compute the error of each row: the mean over targets, or the divergence KL(targets || outputs) of distributions.

    The divergence differs from the cross-entropy by the entropy of the targets, which no network can change, so that it
    is also comparable between rows.
    """
    outputs = outputs.float()
    if loss == "cross_entropy":
        terms = torch.special.entr(targets).sum(1)
        return -(targets * torch.log_softmax(outputs, 1)).sum(1) - terms
    if loss == "huber":
        # twice torch's, so that small errors count as in the squared error
        return 2 * F.huber_loss(outputs, targets, reduction="none").mean(1)
    return F.mse_loss(outputs, targets, reduction="none").mean(1)


def _weighted_mean(errors, weights):
    return errors.mean() if weights is None else (errors * weights).mean()


@dataclass(frozen=True)
class SSSLRegressionLoss(SSSLLoss):
    """The loss of a batch of ratings; `loss` and the other parameters are those of `skmer.SSSLRegressor`."""

    prior_weight: float = 0.0
    loss: str = "squared_error"

    def supervised(self, outputs, targets, weights=None, bags=None, of_songs=None):
        """Compute the error of segments, and with `bags` also that of songs, in the share `bag_weight`."""
        error = _weighted_mean(row_errors(outputs, targets, self.loss), weights)
        if bags is None:
            return error
        sizes = torch.bincount(bags).float()

        def mean(rows):
            total = rows.new_zeros(len(sizes), *rows.shape[1:]).index_add(0, bags, rows)
            return total / sizes.view(-1, *[1] * (rows.ndim - 1))

        predicted = outputs.float()
        if self.loss == "cross_entropy":
            # the logarithm of the mean share, which log_softmax leaves as it is
            predicted = torch.log(mean(torch.softmax(predicted, 1)).clamp_min(1e-12))
        else:
            predicted = mean(predicted)
        of_bags = row_errors(predicted, mean(of_songs.float()), self.loss)
        return torch.lerp(error, _weighted_mean(of_bags, None if weights is None else mean(weights)), self.bag_weight)

    def consistency(self, outputs_p, outputs_q, counted):
        """Compute R-Drop between two passes of a batch, averaged over the counted rows.

        For ratings it is the squared distance, as R-Drop's authors use for regression (Liang et al., 2021).
        """
        if self.loss == "cross_entropy":
            return symmetric_kl(outputs_p, outputs_q, counted)
        distance = (outputs_p.float() - outputs_q.float()).square().mean(1)
        weight = counted.to(distance.dtype)
        return (distance * weight).sum() / weight.sum().clamp_min(1.0)
