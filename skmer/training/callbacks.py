"""skorch callbacks: the split of the training set, averaged weights, progress."""

import warnings

import numpy as np
import torch
from skorch.callbacks import Callback
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from skmer.label_noise import Split, gaussian_mixture_split
from skmer.training.objectives import sharpen

__all__ = ["AverageWeights", "GMMSplit", "ProgressBar"]


def _checked(probabilities, n):
    """Give what a user's noise model returned, if it is probabilities."""
    probabilities = np.asarray(probabilities, dtype=float)
    if probabilities.shape != (n,) or not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError(
            f"noise_model must return one clean probability in [0, 1] for each of the {n} segments, "
            f"got shape {probabilities.shape}, range {probabilities.min():.3g} to {probabilities.max():.3g}."
        )
    return probabilities


class AverageWeights(Callback):
    """Exponential moving average of the weights, used for splits, pseudo-labels and predictions.

    Batch-norm networks jump between epochs at a high rate; a split taken from the
    average does not. At the end of training the average becomes the network.

    Parameters
    ----------
    epochs : float, default=1.0
        Horizon of the average, in epochs.

    Examples
    --------
    >>> from skmer.training.callbacks import AverageWeights
    >>> AverageWeights(epochs=2.0).epochs
    2.0
    """

    def __init__(self, epochs=1.0):
        self.epochs = epochs

    def on_train_begin(self, net, **kwargs):
        """Begin the average with the weights as they are."""
        steps = self.epochs * len(net.batches(shuffle=False))
        decay = max(0.0, 1.0 - 1.0 / steps)
        self.average_ = AveragedModel(net.module_, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)

    def on_batch_end(self, net, **kwargs):
        """Take the batch's weights into the average."""
        self.average_.update_parameters(net.module_)

    def on_train_end(self, net, **kwargs):
        """Make the average the network."""
        net.module_.load_state_dict(self.average_.module.state_dict())
        del self.average_


class GMMSplit(Callback):
    """Split the training rows into clean and noisy at the beginning of each epoch after warm-up.

    Clean rows keep their label; the others get a sharpened prediction in its place.
    Figures of the split are left in the history: ``clean_share``, ``clean_mean``,
    ``noisy_mean``, ``separation`` and ``phase`` (``"warmup"``, ``"sssl"``, or ``"supervised"``
    for an epoch in which the split was not usable).

    Parameters
    ----------
    warmup_epochs : int, default=5
        Epochs of plain cross-entropy before the first split.
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
    average : AverageWeights, default=None
        The callback whose averaged network predicts; by default the net's own does.
    seed : int, default=0
        For the mixture.

    Attributes
    ----------
    split_ : Split
        The last split.
    losses_ : ndarray of shape (n_segments,)
        The losses that it split.

    Examples
    --------
    >>> from skmer.training.callbacks import GMMSplit
    >>> GMMSplit(warmup_epochs=3).clean_threshold
    0.5
    """

    MIN_CLEAN_SHARE = 0.02

    def __init__(
        self,
        warmup_epochs=5,
        noise_model=gaussian_mixture_split,
        balance="class",
        clean_threshold=0.5,
        temperature=0.5,
        loss_memory=0.0,
        min_separation=0.0,
        average=None,
        seed=0,
    ):
        self.warmup_epochs = warmup_epochs
        self.noise_model = noise_model
        self.balance = balance
        self.clean_threshold = clean_threshold
        self.temperature = temperature
        self.loss_memory = loss_memory
        self.min_separation = min_separation
        self.average = average
        self.seed = seed

    def on_train_begin(self, net, **kwargs):
        """Forget earlier losses."""
        self.losses_ = np.empty(0)
        self._rng = np.random.RandomState(self.seed)
        self._warned = False

    def on_epoch_begin(self, net, **kwargs):
        """Split the rows, once warm-up is over."""
        if len(net.history) <= self.warmup_epochs:
            net.history.record("phase", "warmup")
            return
        logits = self.split(net, None if self.average is None else self.average.average_)
        self._set_targets(net, logits)

    def split(self, net, network=None, precision=None):
        """Split the rows of a net.

        Parameters
        ----------
        net : SegmentNet
            With its rows loaded.
        network : Module, default=None
            The network that predicts; by default the net's own.
        precision : {"float32", "bfloat16"}, default=None
            Of the prediction; by default that of training.

        Returns
        -------
        Tensor of shape (n_segments, n_classes)
            The logits that the losses come from.
        """
        logits = net.row_logits(net.bank_, network, precision=precision)
        losses = torch.nn.functional.cross_entropy(logits, net.labels_, reduction="none").cpu().numpy()
        if len(self.losses_) and self.loss_memory > 0:
            losses = self.loss_memory * self.losses_ + (1 - self.loss_memory) * losses
        self.losses_ = losses.astype(np.float64)
        labels = net.labels_.cpu().numpy() if self.balance == "class" else None
        split = self.noise_model(self.losses_, labels, random_state=self._rng)
        if not isinstance(split, Split):
            missing = np.full((1, 2), np.nan)
            split = Split(_checked(split, len(losses)), missing, missing, missing, np.full(1, np.nan))
        self.split_ = split
        return logits

    def _set_targets(self, net, logits):
        split, history = self.split_, net.history
        clean = split.clean_probability > self.clean_threshold
        history.record("clean_share", float(clean.mean()))
        history.record("clean_mean", float(self.losses_[clean].mean()) if clean.any() else float("nan"))
        history.record("noisy_mean", float(self.losses_[~clean].mean()) if (~clean).any() else float("nan"))
        history.record("separation", float(split.separation.mean()))
        inherited = net.inherited_targets()
        reason = self._why_unusable(clean, net)
        if reason:
            history.record("phase", "supervised")
            self._warn_once(f"Epoch {len(history)}: {reason}; it is trained on the inherited labels.")
            net.set_targets(inherited, torch.zeros(len(clean), dtype=torch.bool, device=net.device))
            return
        history.record("phase", "sssl")
        erased = torch.as_tensor(~clean, device=net.device)
        guessed = sharpen(torch.softmax(logits, 1), self.temperature)
        net.set_targets(torch.where(erased[:, None], guessed, inherited), erased)

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
            # past this method, skorch's notify and fit: to whoever called fit
            warnings.warn(message + " Later epochs of this fit that do the same are not reported.", stacklevel=7)
            self._warned = True


class ProgressBar(Callback):
    """Show epochs, the loss, the share of clean segments and the time left.

    Parameters
    ----------
    description : str, default="SSSL"
        What stands before the bar.

    Examples
    --------
    >>> from skmer.training.callbacks import ProgressBar
    >>> ProgressBar().description
    'SSSL'
    """

    def __init__(self, description="SSSL"):
        self.description = description

    def on_train_begin(self, net, **kwargs):
        """Draw the bar."""
        self._bar = tqdm(total=net.max_epochs, desc=self.description, unit="epoch")

    def on_epoch_end(self, net, **kwargs):
        """Move it by an epoch."""
        row = net.history[-1]
        shown = {"loss": f"{row['train_loss']:.3f}"}
        if "clean_share" in row:
            shown["clean"] = f"{row['clean_share']:.2f}"
        self._bar.set_postfix(shown)
        self._bar.update()

    def on_train_end(self, net, **kwargs):
        """Leave it on the screen."""
        self._bar.close()
