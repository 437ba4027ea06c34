"""SelfLearning: the network's own predictions become the next epoch's labels."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval

from skmer.sssl.strategy import LabelStrategy

__all__ = ["SelfLearning"]


class SelfLearning(LabelStrategy):
    """Iterative self-learning: the output distribution is the next epoch's soft label.

    After warm-up every segment's inherited label is given up for what the network says
    of the segment. Nothing holds the labels where they were, so that an error of the network
    goes on as a label (confirmation bias, which is what the SSSL paper holds against it);
    `inertia` slows this down.

    Parameters
    ----------
    inertia : float, default=0.0
        Share of the earlier soft label in the new one, in [0, 1); the first earlier label is
        the inherited one. Mao et al.'s idea, as the SSSL paper tells it, has none.
    warmup_epochs : int, default=5
        Epochs of plain cross-entropy; `skmer.SSSLClassifier` puts its own here.

    Attributes
    ----------
    soft_labels_ : Tensor of shape (n_segments, n_classes)
        The last targets, during training.

    See Also
    --------
    GMMSplit : Keeps the labels of segments with a small loss.

    Notes
    -----
    The history's ``label_change`` is the share of segments whose soft label prefers another
    class than the inherited one.

    References
    ----------
    Mao, Ching, Lee, "Enhancing segment-based speech emotion recognition by iterative
    self-learning", IEEE/ACM TASLP 30 (2022); described in Sun et al., section 1. The
    original's details are not in these texts: warm-up, loss and rate are SSSL's.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmer import SSSLClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = SSSLClassifier.from_recipe("self-learning", backbone="mlp", max_epochs=8, random_state=0)
    >>> classifier.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.9
    True
    """

    _parameter_constraints = {  # noqa: RUF012
        "inertia": [Interval(Real, 0, 1, closed="left")],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, inertia=0.0, warmup_epochs=5):
        super().__init__(warmup_epochs)
        self.inertia = inertia

    def on_train_begin(self, net, **kwargs):
        """Check the parameters and begin with the inherited labels."""
        self._validate_params()
        self.soft_labels_ = net.inherited_targets()

    def targets(self, logits, net):
        """Take the predictions as labels.

        Parameters
        ----------
        logits : Tensor of shape (n_segments, n_classes)
            Predictions for all training segments.
        net : SegmentNet
            Whose history gets ``label_change``.

        Returns
        -------
        Tensor of shape (n_segments, n_classes)
            Soft labels.
        """
        self.soft_labels_ = torch.lerp(torch.softmax(logits, 1), self.soft_labels_, self.inertia)
        net.history.record("label_change", float((self.soft_labels_.argmax(1) != net.labels_).float().mean()))
        return self.soft_labels_

    def on_train_end(self, net, **kwargs):
        """Forget the labels, which only training needs."""
        del self.soft_labels_
