"""GMMSplit: the paper's strategy, which splits the training set by its losses."""

import dataclasses
import warnings
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skmer.sssl.mixture import Split, gaussian_mixture_split
from skmer.sssl.objectives import sharpen
from skmer.sssl.strategy import LabelStrategy, check_clean_probability

__all__ = ["GMMSplit"]


class GMMSplit(LabelStrategy):
    """Split the training rows into clean and noisy at the beginning of each epoch after warm-up.

    Clean rows keep their label; the others get a sharpened prediction in its place.
    Figures of the split are left in the history: ``clean_share``, ``clean_mean``,
    ``noisy_mean``, ``separation`` and ``phase`` (``"warmup"``, ``"sssl"``, or ``"supervised"``
    for an epoch in which the split was not usable).

    Parameters
    ----------
    warmup_epochs : int, default=5
        Epochs of plain cross-entropy before the first split; `skmer.SSSLClassifier` puts its
        own here.
    noise_model : callable, default=gaussian_mixture_split
        Called as ``noise_model(losses, labels, random_state=...)``; returns a `Split` or
        the clean probabilities.
    balance : {"class", None}, default="class"
        Whether the noise model is given the labels, for a mixture a class.
    clean_threshold : float, default=0.5
        tau: rows with a larger clean probability are clean.
    temperature : float, default=0.5
        T of the sharpening.
    loss_memory : float, default=0.0
        Share of the losses of earlier epochs in the losses that are split.
    min_separation : float, default=0.0
        Ashman's D below which a split is not used.
    seed : int, default=0
        For the mixture; `skmer.SSSLClassifier` puts one here that comes from its `random_state`.

    Attributes
    ----------
    split_ : Split
        The last split.
    losses_ : ndarray of shape (n_segments,)
        The losses that it split.

    Examples
    --------
    >>> from skmer.sssl import GMMSplit
    >>> GMMSplit(warmup_epochs=3).clean_threshold
    0.5
    """

    MIN_CLEAN_SHARE = 0.02

    _parameter_constraints = {  # noqa: RUF012
        "warmup_epochs": [Interval(Integral, 1, None, closed="left")],
        "noise_model": [callable],
        "balance": [StrOptions({"class"}), None],
        "clean_threshold": [Interval(Real, 0, 1, closed="both")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "loss_memory": [Interval(Real, 0, 1, closed="left")],
        "min_separation": [Interval(Real, 0, None, closed="left")],
        "seed": [Interval(Integral, 0, 2**32 - 1, closed="both")],
    }

    def __init__(
        self,
        warmup_epochs=5,
        noise_model=gaussian_mixture_split,
        balance="class",
        clean_threshold=0.5,
        temperature=0.5,
        loss_memory=0.0,
        min_separation=0.0,
        seed=0,
    ):
        super().__init__(warmup_epochs)
        self.noise_model = noise_model
        self.balance = balance
        self.clean_threshold = clean_threshold
        self.temperature = temperature
        self.loss_memory = loss_memory
        self.min_separation = min_separation
        self.seed = seed

    def on_train_begin(self, net, **kwargs):
        """Check the parameters and forget earlier losses."""
        self._validate_params()
        if isinstance(self.noise_model, type):
            raise ValueError(f"noise_model is the class {self.noise_model.__name__}: give an instance of it.")
        self.losses_ = np.empty(0)
        self._rng = np.random.RandomState(self.seed)
        self._warned = False

    def targets(self, logits, net):
        """Keep the labels of clean rows and guess the others.

        Parameters
        ----------
        logits : Tensor of shape (n_segments, n_classes)
            Predictions for all training segments.
        net : SegmentNet
            Whose history gets the figures of the split.

        Returns
        -------
        targets : Tensor of shape (n_segments, n_classes)
            One-hot rows where the label was kept, sharpened predictions elsewhere; the
            inherited labels where the split is not usable.
        erased : Tensor of shape (n_segments,) of bool
            Rows whose label was erased.
        """
        split, history = self.split(logits, net), net.history
        clean = split.clean_probability > self.clean_threshold
        history.record("clean_share", float(clean.mean()))
        history.record("clean_mean", float(self.losses_[clean].mean()) if clean.any() else float("nan"))
        history.record("noisy_mean", float(self.losses_[~clean].mean()) if (~clean).any() else float("nan"))
        history.record("separation", float(split.separation.mean()))
        inherited = net.inherited_targets()
        reason = self._why_unusable(clean, net)
        if reason:
            history.record("phase", "supervised")
            self._warn_once(
                f"Epoch {len(history)}: {reason}, so this epoch is trained on the inherited labels. Where that goes "
                "on, raise warmup_epochs, or lower clean_threshold."
            )
            return inherited, torch.zeros(len(clean), dtype=torch.bool, device=net.device)
        history.record("phase", "sssl")
        erased = torch.as_tensor(~clean, device=net.device)
        guessed = sharpen(torch.softmax(logits, 1), self.temperature)
        return torch.where(erased[:, None], guessed, inherited), erased

    def split(self, logits, net):
        """Split the rows of a net by their losses.

        Parameters
        ----------
        logits : Tensor of shape (n_segments, n_classes)
            Predictions for all training segments.
        net : SegmentNet
            With its rows loaded.

        Returns
        -------
        Split
            Also kept as `split_`.
        """
        losses = torch.nn.functional.cross_entropy(logits, net.labels_, reduction="none").cpu().numpy()
        if len(self.losses_) and self.loss_memory > 0:
            losses = self.loss_memory * self.losses_ + (1 - self.loss_memory) * losses
        self.losses_ = losses.astype(np.float64)
        labels = net.labels_.cpu().numpy() if self.balance == "class" else None
        split = self.noise_model(self.losses_, labels, random_state=self._rng)
        if not isinstance(split, Split):
            missing = np.full((1, 2), np.nan)
            split = Split(split, missing, missing, missing, np.full(1, np.nan))
        clean = check_clean_probability(split.clean_probability, len(losses), "noise_model")
        self.split_ = dataclasses.replace(split, clean_probability=clean)
        return self.split_

    def clean_probability(self, net):
        """Split once more by the finished network, in full precision and without earlier losses.

        Parameters
        ----------
        net : SegmentNet
            Trained, with its rows loaded.

        Returns
        -------
        ndarray of shape (n_segments,)
            Posterior of the component with the smaller mean.
        """
        self.losses_ = np.empty(0)
        return self.split(net.row_outputs(net.bank_, precision="float32"), net).clean_probability

    def _why_unusable(self, clean, net):
        """Give the reason not to use a split, or an empty string."""
        if clean.all():
            if (self.split_.separation == 0).all():
                return "all losses are equal, so every label counts as clean"
            return "no label was found noisy"
        if self.split_.separation.mean() < self.min_separation:
            return f"the components lie closer than min_separation={self.min_separation}"
        labels = net.labels_.cpu().numpy()
        kept = np.bincount(labels[clean], minlength=net.n_classes)
        of_all = np.bincount(labels, minlength=net.n_classes)
        needed = np.maximum(1, self.MIN_CLEAN_SHARE * of_all)
        if (kept < needed).any():
            short = int(np.argmin(kept / needed))
            return f"class {net.class_names_[short]!r} kept {kept[short]} of {of_all[short]} segments as clean"
        return ""

    def _warn_once(self, message):
        if not self._warned:
            # past this class, skorch's notify and the classifier: to whoever called fit
            warnings.warn(message + " Later epochs of this fit that do the same are not reported.", stacklevel=9)
            self._warned = True
