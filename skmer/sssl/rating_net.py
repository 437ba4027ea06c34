"""RatingNet: the skorch net of SSSLRegressor."""

import operator

import numpy as np
import torch
from skorch import NeuralNetRegressor

from skmer._ratings import is_rated
from skmer.sssl.regression_loss import SSSLRegressionLoss, row_errors
from skmer.sssl.self_learning_net import PartOfBank, SelfLearningNet

__all__ = ["RatingNet", "mean_r2"]

_ROUNDING = 1e-10  # variance


class RatingNet(SelfLearningNet, NeuralNetRegressor):
    """A net over segments with ratings, which it learns in units of their deviation.

    As a skorch regressor it predicts the ratings of each segment.
    """

    unnamed_phase = "inherited"

    def __init__(
        self,
        module,
        *,
        target_mean=None,
        target_scale=None,
        target_range=None,
        preserve_mean=True,
        loss_after_split=SSSLRegressionLoss(),  # noqa: B008, a frozen dataclass
        compiled=False,
        segment_step=1,
        precision="float32",
        seed=0,
        **kwargs,
    ):
        self.target_mean = target_mean
        self.target_scale = target_scale
        self.target_range = target_range
        self.preserve_mean = preserve_mean
        super().__init__(
            module,
            loss_after_split=loss_after_split,
            compiled=compiled,
            segment_step=segment_step,
            precision=precision,
            seed=seed,
            **kwargs,
        )

    @property
    def _loss(self):
        return self.loss_after_split.loss

    @property
    def predicts_distributions(self):  # type: ignore[override]
        """Whether targets are shares, which the targets of a strategy must then be, too."""
        return self._loss == "cross_entropy"

    def load_rows(self, bank, ratings, weights=None, used=None):
        """Set the bank of segments to train on, the ratings of each, weights with mean 1, and which are trained on.

        A segment without ratings has NaN.
        """
        scaled = torch.as_tensor((ratings - self.target_mean) / self.target_scale, dtype=torch.float32)
        self.load_segments(bank, scaled.nan_to_num(0.0), is_rated(ratings), ratings, weights, used)

    def load_validation(self, bank, y):
        """Set the rows on which the network is evaluated after each epoch, those with ratings only."""
        rows = np.flatnonzero(is_rated(y))
        super().load_validation(PartOfBank(bank, torch.from_numpy(rows).to(self.device)), y[rows])

    def row_losses(self, outputs, labels):
        """Compute the error of each row."""
        return row_errors(outputs, labels, self._loss)

    def predictions(self, outputs):
        """Return ratings in units of their deviation, or shares."""
        return torch.softmax(outputs, 1) if self._loss == "cross_entropy" else outputs

    def share_learnt(self, predictions, labels, songs):
        """Return R² of the songs' mean predictions."""
        first = np.unique(songs, return_index=True)[1]
        counts = np.diff(first, append=len(songs))[:, None]
        means = [np.add.reduceat(rows.double().cpu().numpy(), first) / counts for rows in (predictions, labels)]
        return mean_r2(*means)

    def pseudo_targets(self, predictions, labels, songs):
        """Return predictions, with `preserve_mean` shifted so that their mean over a song is that of its labels."""
        if not self.preserve_mean:
            return predictions
        numbers = torch.from_numpy(np.unique(songs, return_inverse=True)[1]).to(predictions.device)
        difference = labels - predictions
        total = difference.new_zeros(int(numbers.max()) + 1, difference.shape[1]).index_add(0, numbers, difference)
        shifted = predictions + (total / torch.bincount(numbers)[:, None])[numbers]
        if self._loss != "cross_entropy":
            return shifted
        shares = shifted.clamp_min(0)
        return shares / shares.sum(1, keepdim=True)

    def bag_targets(self, index):
        """Return the ratings of each row, or the targets of those without ratings."""
        labels = self.labels_[index]
        if self.targets_ is None:
            return labels
        known = self.labelled_.to(labels.device)[index]
        return torch.where(known[:, None], labels, self.targets_[index])

    def validation_scores(self, outputs, valid):
        """Return the error of the segments, and R² of the songs' mean predictions."""
        scaled = (valid.y - self.target_mean) / self.target_scale
        wanted = torch.as_tensor(scaled, dtype=torch.float32, device=outputs.device)
        score = self.share_learnt(self.predictions(outputs), wanted, valid.X.song)
        return {
            "valid_loss": (self.row_losses(outputs, wanted).mean().item(), operator.lt),
            "valid_r2": (score, operator.gt),
        }

    def ratings(self, outputs):
        """Return outputs, (n, n_targets), as ratings in float64, within `target_range` if that is given."""
        values = self.predictions(torch.as_tensor(outputs).double()).numpy() * self.target_scale + self.target_mean
        return values if self.target_range is None else np.clip(values, *self.target_range)

    def predict(self, X):
        """Predict the ratings of segments.

        Parameters
        ----------
        X : ndarray of shape (n_segments, ...), or songs
            Segments, or songs whose segments are taken in order.

        Returns
        -------
        ndarray of shape (n_segments, n_targets)
            Ratings.
        """
        return self.ratings(np.concatenate([rows.numpy() for rows in self.forward_iter(X)]))


def mean_r2(predicted, wanted):
    """Return R² of values in units of their deviation, its mean over targets; NaN if no target varies."""
    variation = np.square(wanted - wanted.mean(axis=0)).sum(axis=0)
    # the means of songs whose ratings only vary over time differ by rounding
    varies = variation > _ROUNDING * len(wanted)
    if not varies.any():
        return float("nan")
    return float(1 - (np.square(wanted - predicted).sum(axis=0)[varies] / variation[varies]).mean())
