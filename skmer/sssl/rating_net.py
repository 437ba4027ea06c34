"""RatingNet: the skorch net of SSSLRegressor."""

import operator

import numpy as np
import torch
from skorch import NeuralNetRegressor

from skmer.sssl.regression_loss import SSSLRegressionLoss, row_errors
from skmer.sssl.self_learning_net import SelfLearningNet

__all__ = ["RatingNet"]


class RatingNet(SelfLearningNet, NeuralNetRegressor):
    """A net over segments with ratings, which it learns in units of their deviation.

    As a skorch regressor it predicts the ratings of each segment.
    """

    unnamed_phase = "inherited"
    predicts_distributions = False

    def __init__(
        self,
        module,
        *,
        target_mean=None,
        target_scale=None,
        loss_after_split=SSSLRegressionLoss(),  # noqa: B008, a frozen dataclass
        compiled=False,
        segment_step=1,
        precision="float32",
        seed=0,
        **kwargs,
    ):
        self.target_mean = target_mean
        self.target_scale = target_scale
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

    def load_rows(self, bank, ratings, weights=None, used=None):
        """Set the bank of segments to train on, the ratings of each, weights with mean 1, and which are trained on.

        A segment without ratings has NaN.
        """
        scaled = torch.as_tensor((ratings - self.target_mean) / self.target_scale, dtype=torch.float32)
        labelled = ~np.isnan(ratings).any(axis=1)
        self.load_segments(bank, scaled.nan_to_num(0.0), labelled, ratings, weights, used)

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

    def bag_targets(self, index):
        """Return the ratings of each row, or the targets of those without ratings."""
        labels = self.labels_[index]
        if self.targets_ is None:
            return labels
        known = self.labelled_.to(labels.device)[index]
        return torch.where(known[:, None], labels, self.targets_[index])

    def validation_scores(self, outputs, valid):
        """Return the error of the segments, and R² of the songs' mean predictions."""
        wanted = torch.as_tensor((valid.y - self.target_mean) / self.target_scale, dtype=torch.float32)
        wanted = wanted.to(outputs.device)
        score = self.share_learnt(self.predictions(outputs), wanted, valid.X.song)
        return {
            "valid_loss": (self.row_losses(outputs, wanted).mean().item(), operator.lt),
            "valid_r2": (score, operator.gt),
        }

    def ratings(self, outputs):
        """Return outputs, (n, n_targets), as ratings in float64."""
        values = self.predictions(torch.as_tensor(outputs).double()).numpy()
        return values * self.target_scale + self.target_mean

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
    """Return the coefficient of determination, its mean over targets; NaN if no target varies."""
    variation = np.square(wanted - wanted.mean(axis=0)).sum(axis=0)
    varies = variation > 0
    if not varies.any():
        return float("nan")
    return float(1 - (np.square(wanted - predicted).sum(axis=0)[varies] / variation[varies]).mean())
