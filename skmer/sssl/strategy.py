"""LabelStrategy: what a network is trained towards where inherited labels may be wrong."""

import numpy as np
import torch
from sklearn.base import BaseEstimator
from skorch.callbacks import Callback

__all__ = ["LabelStrategy", "check_clean_probability"]


def check_clean_probability(probabilities, n, name):
    """Give what a strategy or noise model says of the labels as an array, if it is a probability a segment."""
    if isinstance(probabilities, torch.Tensor):
        # NumPy has no bfloat16
        probabilities = probabilities.detach().cpu()
        probabilities = (probabilities.float() if probabilities.is_floating_point() else probabilities).numpy()
    probabilities = np.asarray(probabilities)
    if probabilities.dtype.kind not in "biuf":
        raise ValueError(f"{name} must return one clean probability a segment, not {probabilities.dtype} values.")
    # NaN fails each comparison
    if probabilities.shape != (n,) or not ((probabilities >= 0) & (probabilities <= 1)).all():
        extent = f", range {probabilities.min():.3g} to {probabilities.max():.3g}" if probabilities.size else ""
        raise ValueError(
            f"{name} must return one clean probability in [0, 1] for each of the {n} segments, "
            f"got shape {probabilities.shape}{extent}."
        )
    return probabilities.astype(np.float64, copy=False)


def _checked(made, net, name):
    """Give targets and erased rows of what a strategy returned, if it is that."""
    n, n_classes = len(net.labels_), net.n_classes
    if isinstance(made, tuple) and len(made) != 2:
        raise ValueError(
            f"{name}.targets must return targets, or a pair of targets and a mask of erased rows, "
            f"not a tuple of {len(made)}."
        )
    targets, erased = made if isinstance(made, tuple) else (made, torch.ones_like(net.labels_, dtype=torch.bool))
    for what, tensor, shape in [("targets", targets, (n, n_classes)), ("a mask of erased rows", erased, (n,))]:
        if not isinstance(tensor, torch.Tensor) or tensor.shape != shape:
            given = f"shape {tuple(tensor.shape)}" if isinstance(tensor, torch.Tensor) else type(tensor).__name__
            raise ValueError(f"{name}.targets must return {what} as a tensor of shape {shape}, not {given}.")
    if erased.dtype != torch.bool:
        raise ValueError(f"{name}.targets must return a mask of erased rows of dtype bool, not {erased.dtype}.")
    if targets.is_complex():
        raise ValueError(f"{name}.targets must return targets that are real numbers, not {targets.dtype}.")
    rounding = 1e-2 if targets.dtype in (torch.bfloat16, torch.float16) else 1e-3
    # without the graph behind it, which could be walked back by the first batch only
    targets = targets.detach().float()
    # a distribution that is not one trains towards nonsense without a word; NaN and infinity fail a comparison
    if not ((targets >= 0).all() and ((targets.sum(1) - 1).abs() < rounding).all()):
        raise ValueError(
            f"{name}.targets must return a distribution a segment: finite values, none below 0, a sum of 1."
        )
    return targets.to(net.device), erased.to(net.device)


class LabelStrategy(BaseEstimator, Callback):
    """Base of the strategies against label noise: new targets at each epoch's beginning.

    For the epochs of warm-up the network is trained with plain cross-entropy on the
    inherited labels. From then on each epoch begins with its predictions for all
    training segments, of which a subclass makes the epoch's targets. A strategy of your
    own is a subclass with the method `targets`, given to `skmer.SSSLClassifier` as
    `noise_model`; mixup, R-Drop and the prior penalty go on working as they are set. It needs
    no `__init__`, or one of its own parameters alone.

    Parameters
    ----------
    warmup_epochs : int, default=5
        Epochs of plain cross-entropy; `skmer.SSSLClassifier` puts its own here.

    Attributes
    ----------
    average_ : AverageWeights or None
        The callback whose averaged network predicts, where there is one.
    seed : int
        For what is drawn at random; `skmer.SSSLClassifier` puts one here that comes from its
        `random_state`.

    See Also
    --------
    GMMSplit : The paper's.
    SelfLearning : The network's own predictions become the labels.

    Examples
    --------
    A third strategy: labels are smoothed towards the predictions by a fixed share
    (bootstrapping, Reed et al. 2015).

    >>> import torch
    >>> from sklearn.datasets import load_digits
    >>> from skmer import SSSLClassifier
    >>> from skmer.sssl import LabelStrategy
    >>> class Bootstrapping(LabelStrategy):
    ...     def __init__(self, share=0.2):
    ...         self.share = share
    ...
    ...     def targets(self, logits, net):
    ...         return torch.lerp(net.inherited_targets(), torch.softmax(logits, 1), self.share)
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = SSSLClassifier("mlp", noise_model=Bootstrapping(share=0.3), max_epochs=8, random_state=0)
    >>> classifier.fit(X[:1000], y[:1000]).score(X[1000:], y[1000:]) > 0.9
    True
    """

    average_ = None
    seed = 0

    def __init__(self, warmup_epochs=5):
        self.warmup_epochs = warmup_epochs

    def targets(self, logits, net):
        """Make an epoch's targets of the network's predictions; a subclass has to have this.

        Parameters
        ----------
        logits : Tensor of shape (n_segments, n_classes)
            Predictions for all training segments, without dropout.
        net : SegmentNet
            With ``labels_``, the inherited labels as class indices, `inherited_targets`,
            the same as one-hot rows, ``class_names_``, and ``history``, to which figures may be
            recorded.

        Returns
        -------
        targets : Tensor of shape (n_segments, n_classes)
            A distribution a segment. It may come as a pair with a mask:
        erased : Tensor of shape (n_segments,) of bool
            Segments whose label was given up, to which R-Drop is applied; all, where it is left out.

        Raises
        ------
        NotImplementedError
            If a subclass lacks it.
        """
        raise NotImplementedError(f"{type(self).__name__} must have a method targets(logits, net).")

    def clean_probability(self, net):
        """Say how sure the finished network is of each inherited label.

        Parameters
        ----------
        net : SegmentNet
            Trained, with its rows loaded.

        Returns
        -------
        ndarray of shape (n_segments,)
            Values in [0, 1]; here the probability that the network gives to the label.
        """
        probabilities = torch.softmax(net.row_outputs(net.bank_, precision="float32").double(), 1)
        return probabilities.gather(1, net.labels_[:, None])[:, 0].cpu().numpy()

    def on_epoch_begin(self, net, **kwargs):
        """Set the epoch's targets, once warm-up is over."""
        if len(net.history) <= self.warmup_epochs:
            net.history.record("phase", "warmup")
            return
        network = None if self.average_ is None else self.average_.average_
        logits = net.row_outputs(net.bank_, network)
        net.set_targets(*_checked(self.targets(logits, net), net, type(self).__name__))
        net.history[-1].setdefault("phase", type(self).__name__)
