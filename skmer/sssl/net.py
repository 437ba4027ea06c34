"""SegmentNet: the skorch net of SSSLClassifier."""

import operator

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional as F

from skmer.sssl.label_strategy import share_right
from skmer.sssl.losses import SSSLLoss
from skmer.sssl.self_learning_net import SelfLearningNet
from skmer.training.runtime import FitRandomState

__all__ = ["SegmentNet"]


class SegmentNet(SelfLearningNet, NeuralNetClassifier):
    """A net over segments with the label of their song, a class.

    It is trained with cross-entropy on the inherited labels until `set_targets` is called, then with
    `loss_after_split`. As a skorch classifier it predicts the label of each segment, and `partial_fit` trains it on
    further segments.
    """

    unnamed_phase = "cross-entropy"

    def __init__(
        self,
        module,
        *,
        classes,
        loss_after_split=SSSLLoss(),  # noqa: B008, a frozen dataclass
        compiled=False,
        segment_step=1,
        precision="float32",
        seed=0,
        **kwargs,
    ):
        super().__init__(
            module,
            loss_after_split=loss_after_split,
            compiled=compiled,
            segment_step=segment_step,
            precision=precision,
            seed=seed,
            **{"criterion": nn.CrossEntropyLoss, "classes": classes, **kwargs},
        )

    def load_rows(self, bank, labels, weights=None):
        """Set the bank of segments to train on, the class of each by its inherited label, and weights with mean 1.

        A segment without a label has the class -1.
        """
        labels = np.asarray(labels)
        labelled = labels >= 0
        y = self.classes_[np.maximum(labels, 0)]
        self.load_segments(bank, torch.as_tensor(labels, dtype=torch.long), labelled, y, weights)
        # on the CPU, where a sum of weights is the same each time
        of_labelled = None if weights is None else torch.as_tensor(weights, dtype=torch.float32)[labelled]
        counts = torch.bincount(self.labels_.cpu()[labelled], of_labelled, minlength=len(self.classes_))
        self.prior_ = (counts.float() / int(labelled.sum())).clamp_min(1e-6).to(self.device)

    def row_losses(self, outputs, labels):
        """Compute the cross-entropy of each row."""
        return F.cross_entropy(outputs, labels, reduction="none", ignore_index=-1)

    def predictions(self, outputs):
        """Return probabilities."""
        return torch.softmax(outputs, 1)

    def share_learnt(self, predictions, labels, songs):
        """Return the share of songs whose class, that of the largest mean probability, is their label."""
        return share_right(predictions, labels, songs)

    def bag_targets(self, index):
        """Return the class of the song of each row as a distribution, zero if it has no label."""
        labels = self.labels_[index]
        return F.one_hot(labels.clamp_min(0), len(self.classes_)).float() * (labels >= 0)[:, None]

    def validation_scores(self, outputs, valid):
        """Return the loss of the segments, and the share of songs whose class is that of the mean probability."""
        labels = torch.as_tensor(np.searchsorted(self.classes_, valid.y), device=outputs.device)
        first = np.flatnonzero(np.diff(valid.X.song, prepend=-1))
        sums = np.add.reduceat(torch.softmax(outputs.double(), 1).cpu().numpy(), first)
        right = self.classes_[sums.argmax(axis=1)] == valid.y[first]
        return {
            "valid_loss": (F.cross_entropy(outputs, labels).item(), operator.lt),
            "valid_acc": (float(right.mean()), operator.gt),
        }

    # ---- as a skorch classifier --------------------------------------------------------------------

    def predict(self, X):
        """Predict the label of segments.

        Parameters
        ----------
        X : ndarray of shape (n_segments, ...), or songs
            Segments, or songs whose segments are taken in order.

        Returns
        -------
        ndarray of shape (n_segments,)
            Labels.
        """
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def partial_fit(self, X, y=None, classes=None, **fit_params):
        """Train for `max_epochs` further epochs with cross-entropy on the labels of segments, at the rate `lr`.

        Parameters
        ----------
        X : ndarray of shape (n_segments, ...), or songs
            Segments, or songs whose segments are taken in order.
        y : array-like of shape (n_segments,)
            Label of each segment, one of ``classes_``.
        classes : None
            Ignored, for the API of scikit-learn.

        Returns
        -------
        SegmentNet
            The net.
        """
        bank, y = self.make_rows(X), np.asarray(y)
        if y.shape != (len(bank),) or not np.isin(y, self.classes_).all():
            raise ValueError(
                f"y must hold one of the labels {self.classes_.tolist()} for each of {len(bank)} segments."
            )
        self.load_rows(bank, np.searchsorted(self.classes_, y))
        self.random_state = FitRandomState(self.seed + len(self.history), self.device)
        try:
            self.train_rows()
        finally:
            self.drop_rows()
        return self
