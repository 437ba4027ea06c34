"""GMMSplit and SelfLearning: the targets of each epoch where inherited labels may be wrong."""

import dataclasses
import warnings
from numbers import Integral, Real

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions

from skmer.sssl.label_strategy import LabelStrategy, inherited_targets
from skmer.sssl.mixture import Split, check_clean_probability, gaussian_mixture_split

__all__ = ["GMMSplit", "SelfLearning", "relative_losses", "sharpen"]


def sharpen(probabilities, temperature):
    """Raise distributions, (n, n_classes), to the power 1 / temperature and normalise them (Sun et al., Eq. 4)."""
    # The exponent printed in the paper, -k / T, would invert the ranking of the classes.
    # In the log domain p ** (1 / T) does not underflow.
    return torch.softmax(torch.log(probabilities.clamp_min(1e-30)) / temperature, dim=1)


def relative_losses(losses, songs):
    """Return the difference of each loss to the mean loss of its song."""
    mean = np.bincount(songs, losses) / np.maximum(np.bincount(songs), 1)
    return losses - mean[songs]


def _remember(memory, rows, values, inertia):
    """Return the values by row number, averaged with earlier ones, to which `inertia` gives the weight of the past.

    Rows that were never seen are NaN.
    """
    missing = max(0, int(rows.max()) + 1 - len(memory))
    memory = np.concatenate([memory, np.full((missing, *memory.shape[1:]), np.nan)])
    # the first value of a row has no past
    memory[rows] = np.where(np.isnan(memory[rows]), values, inertia * memory[rows] + (1 - inertia) * values)
    return memory


def _share_moved(targets, labels):
    """Return the share of rows whose target is largest for another class than the label, or the distance of ratings."""
    if labels.is_floating_point():
        return float((targets - labels).abs().mean())
    return float((targets.argmax(1) != labels).float().mean())


def _spared(clean_probability, lost, songs, max_erased):
    """Return which of the rows that would lose their label keep it, so that no song loses too many.

    A song of n rows loses at most ``ceil(max_erased * n)`` labels, those with the smallest clean probability.
    """
    # rounded, so that 0.1 * 30 is 3
    most = np.ceil(np.round(max_erased * np.bincount(songs), 6))
    order = np.lexsort((clean_probability, ~lost, songs))
    first = np.flatnonzero(np.diff(songs[order], prepend=-1))
    rank = np.arange(len(songs)) - np.repeat(first, np.diff(first, append=len(songs)))
    spared = np.zeros(len(songs), dtype=bool)
    spared[order] = rank >= most[songs[order]]
    return spared & lost


class GMMSplit(LabelStrategy):
    """Split the training segments into clean and noisy ones by a mixture over their losses.

    Clean segments keep their label. The label of the others is erased and replaced by a sharpened prediction. An
    epoch in which a class keeps (almost) no label is trained on the inherited labels instead, with a warning.

    Parameters
    ----------
    noise_model : callable, default=gaussian_mixture_split
        Called as ``noise_model(losses, labels, random_state=...)``; returns a `Split` or the clean probabilities.
    balance : {"class", None}, default="class"
        Whether the noise model receives the labels, and so fits one mixture for each class.
    clean_threshold : float, default=0.5
        Threshold tau: segments with a larger clean probability are clean.
    temperature : float, default=0.5
        Temperature T of the sharpening.
    loss_memory : float, default=0.0
        Weight of the losses of earlier epochs in the losses that are split, in [0, 1).
    min_separation : float, default=0.0
        Smallest separation of the components (Ashman's D, averaged over the classes) for which a split is used.
    max_erased : float, default=0.5
        Largest share of the segments of a song that lose their label, rounded up to whole segments; those with the
        largest clean probability keep it.
    relative : bool, default=False
        Split the differences of the losses to the mean loss of their song, so that a song that is hard to learn does
        not lose all its labels.
    soft : bool, default=False
        Mix the label and the sharpened prediction of each segment, in the proportion of the clean probability, instead
        of choosing one of them by `clean_threshold`, which then only decides where R-Drop applies.
    warmup_epochs : int, default=5
        Epochs before the first split in a plain skorch net; `skmer.SSSLClassifier` uses its own.
    min_learnt : float, default=0.0
        Share of the songs (in a plain skorch net, of the rows) that must be classified right before the first split.

    Attributes
    ----------
    split_ : Split
        The last split.
    losses_ : ndarray of shape (n_segments,)
        The losses of the last split.

    See Also
    --------
    SelfLearning : Replaces every label by the prediction.
    gaussian_mixture_split : The default noise model.

    Notes
    -----
    In ``history_``, each epoch has ``clean_share``, ``clean_mean`` and ``noisy_mean`` (mean losses), ``separation``,
    ``songs_erased`` (share of the songs of which no segment keeps its label), ``targets_moved`` (share of the segments
    whose target is largest for another class than the label), and ``phase``, which is ``"sssl"``, or ``"supervised"``
    if the split was not used.

    Ratings, in `skmer.SSSLRegressor`, have one mixture, and their predictions are not sharpened. ``targets_moved`` is
    then the mean distance of the targets to the ratings, in units of the ratings' standard deviation.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition", section 2.1.2.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmer import SSSLClassifier
    >>> from skmer.sssl import GMMSplit
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = SSSLClassifier("mlp", noise_model=GMMSplit(clean_threshold=0.7), max_epochs=8, random_state=0)
    >>> classifier.fit(X[:1000], y[:1000]).history_[-1]["phase"]
    'sssl'

    As a callback of a plain skorch net:

    >>> import numpy as np
    >>> import torch
    >>> from skorch import NeuralNetClassifier
    >>> class Network(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layers = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
    ...
    ...     def forward(self, x):
    ...         return self.layers(x)
    >>> _ = torch.manual_seed(0)
    >>> net = NeuralNetClassifier(
    ...     Network, criterion=torch.nn.CrossEntropyLoss, lr=0.1, callbacks=[GMMSplit(warmup_epochs=5)], verbose=0
    ... )
    >>> X = (X / 16).astype(np.float32)
    >>> _ = net.fit({"x": X, "row": np.arange(len(X))}, y)
    >>> net.history[-1]["phase"], net.predict(X).shape
    ('sssl', (1797,))
    """

    MIN_CLEAN_SHARE = 0.02  # of the segments of a class

    _parameter_constraints = {  # noqa: RUF012
        "noise_model": [callable],
        "balance": [StrOptions({"class"}), None],
        "clean_threshold": [Interval(Real, 0, 1, closed="both")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "loss_memory": [Interval(Real, 0, 1, closed="left")],
        "min_separation": [Interval(Real, 0, None, closed="left")],
        "max_erased": [Interval(Real, 0, 1, closed="both")],
        "relative": ["boolean"],
        "soft": ["boolean"],
        "warmup_epochs": [Interval(Integral, 1, None, closed="left")],
        "min_learnt": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        noise_model=gaussian_mixture_split,
        balance="class",
        clean_threshold=0.5,
        temperature=0.5,
        loss_memory=0.0,
        min_separation=0.0,
        max_erased=0.5,
        relative=False,
        soft=False,
        warmup_epochs=5,
        min_learnt=0.0,
    ):
        self.noise_model = noise_model
        self.balance = balance
        self.clean_threshold = clean_threshold
        self.temperature = temperature
        self.loss_memory = loss_memory
        self.min_separation = min_separation
        self.max_erased = max_erased
        self.relative = relative
        self.soft = soft
        self.warmup_epochs = warmup_epochs
        self.min_learnt = min_learnt

    def prepare(self, classes, seed):
        """Validate the parameters and discard the losses of an earlier fit: see `LabelStrategy.prepare`."""
        super().prepare(classes, seed)
        if isinstance(self.noise_model, type):
            raise ValueError(f"noise_model is the class {self.noise_model.__name__}: pass an instance of it.")
        self.losses_ = self._memory = np.empty(0)
        self._warned = False

    def targets(self, losses, probabilities, labels, epoch):
        """Return the labels of clean segments, and sharpened predictions for the others: see `LabelStrategy.targets`.

        Parameters
        ----------
        losses, probabilities, labels, epoch
            As in `LabelStrategy.targets`.

        Returns
        -------
        targets, erased, figures
            As in `LabelStrategy.targets`; no label is erased if the split is not used.
        """
        songs = np.arange(len(labels)) if self.songs_ is None else self.songs_
        values = losses.cpu().numpy()
        if self.loss_memory > 0:
            rows = np.arange(len(labels)) if self.rows_ is None else self.rows_
            self._memory = _remember(self._memory, rows, values, self.loss_memory)
            values = self._memory[rows]
        probability = self._split(values, labels).clean_probability
        clean = probability > self.clean_threshold
        figures = {
            "clean_share": float(clean.mean()),
            "clean_mean": float(self.losses_[clean].mean()) if clean.any() else float("nan"),
            "noisy_mean": float(self.losses_[~clean].mean()) if (~clean).any() else float("nan"),
            "separation": float(self.split_.separation.mean()),
        }
        inherited = inherited_targets(labels, probabilities.shape[1])
        reason = self._why_unusable(clean, labels)
        if reason:
            self._warn_once(
                f"Epoch {epoch} is trained on the inherited labels because {reason}. If this happens in most epochs, "
                "raise warmup_epochs or lower clean_threshold. Further such epochs of this fit are not reported."
            )
            return inherited, torch.zeros(len(labels), dtype=torch.bool), {**figures, "phase": "supervised"}
        kept = clean | _spared(probability, ~clean, songs, self.max_erased)
        erased = torch.as_tensor(~kept, device=labels.device)
        share = np.where(kept & ~clean, 1.0, probability) if self.soft else kept.astype(float)
        weight = torch.as_tensor(share, dtype=inherited.dtype, device=labels.device)
        pseudo = probabilities if labels.is_floating_point() else sharpen(probabilities, self.temperature)
        targets = torch.lerp(pseudo, inherited, weight[:, None])
        figures["songs_erased"] = 1 - len(np.unique(songs[kept])) / len(np.unique(songs))
        figures["targets_moved"] = _share_moved(targets, labels)
        return targets, erased, {**figures, "phase": "sssl"}

    def unlabelled_targets(self, probabilities):
        """Return sharpened predictions, as for segments whose label is erased: see `LabelStrategy.unlabelled_targets`.

        Parameters
        ----------
        probabilities
            As in `LabelStrategy.unlabelled_targets`.

        Returns
        -------
        Tensor of shape (n_unlabelled_segments, n_classes)
            A distribution for each segment.
        """
        return probabilities if self.classes_ is None else sharpen(probabilities, self.temperature)

    def clean_probability(self, losses, probabilities, labels):
        """Split once more by the losses of the trained network, without those of earlier epochs.

        Parameters
        ----------
        losses, probabilities, labels
            As in `LabelStrategy.clean_probability`.

        Returns
        -------
        ndarray of shape (n_segments,)
            Posterior probability of the component with the smaller mean.
        """
        return self._split(losses.cpu().numpy(), labels).clean_probability

    def _split(self, losses, labels):
        self.losses_ = losses.astype(np.float64)
        if self.relative and self.songs_ is not None:
            self.losses_ = relative_losses(self.losses_, self.songs_)
        labels = labels.cpu().numpy() if self.balance == "class" and not labels.is_floating_point() else None
        split = self.noise_model(self.losses_, labels, random_state=self.random_state_)
        if not isinstance(split, Split):
            missing = np.full((1, 2), np.nan)
            split = Split(split, missing, missing, missing, np.full(1, np.nan))
        clean = check_clean_probability(split.clean_probability, len(losses), "noise_model")
        self.split_ = dataclasses.replace(split, clean_probability=clean)
        return self.split_

    def _why_unusable(self, clean, labels):
        """Return the reason not to use a split, or an empty string."""
        if clean.all():
            return "all losses are equal" if (self.split_.separation == 0).all() else "no label was found noisy"
        if self.split_.separation.mean() < self.min_separation:
            return f"the components are closer than min_separation={self.min_separation}"
        if labels.is_floating_point():
            few = clean.sum() < max(1, self.MIN_CLEAN_SHARE * len(clean))
            return f"{clean.sum()} of {len(clean)} segments kept their ratings as clean" if few else ""
        labels = labels.cpu().numpy()
        kept, total = (np.bincount(chosen, minlength=len(self.classes_)) for chosen in (labels[clean], labels))
        needed = np.maximum(1, self.MIN_CLEAN_SHARE * total)
        if (kept < needed).any():
            short = int(np.argmin(kept / needed))
            return f"class {str(self.classes_[short])!r} kept {kept[short]} of {total[short]} segments as clean"
        return ""

    def _warn_once(self, message):
        if not self._warned:
            # the caller of fit, above this class, the callback, two notify, the net and the classifier
            warnings.warn(message, stacklevel=10)
            self._warned = True


class SelfLearning(LabelStrategy):
    """Iterative self-learning: the predictions of an epoch are the soft labels of the next.

    After warm-up the inherited labels are not used any more, so that errors of the network are learnt as labels
    (confirmation bias, the SSSL paper's criticism of the method); `inertia` slows this down.

    Parameters
    ----------
    inertia : float, default=0.0
        Weight of the previous soft label in the new one, in [0, 1); the first previous label is the inherited one.
        Mao et al.'s method, as described in the SSSL paper, has none.
    warmup_epochs : int, default=5
        Epochs before the first new labels in a plain skorch net; `skmer.SSSLClassifier` uses its own.

    Attributes
    ----------
    soft_labels_ : Tensor of shape (n_segments, n_classes)
        The last targets, of the segments of the last epoch.

    See Also
    --------
    GMMSplit : Keeps the labels of segments with a small loss.

    Notes
    -----
    In ``history_``, ``label_change`` is the share of segments whose soft label is largest for another class than the
    inherited one; for ratings, it is the mean distance to the inherited ones in units of their standard deviation.

    References
    ----------
    Mao, Ching, Lee, "Enhancing segment-based speech emotion recognition by iterative self-learning", IEEE/ACM TASLP
    30 (2022), as described by Sun et al., section 1. Details of the original are not given there: warm-up, loss and
    learning rate are those of SSSL.

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
        self.inertia = inertia
        self.warmup_epochs = warmup_epochs

    def prepare(self, classes, seed):
        """Validate the parameters and discard the soft labels of an earlier fit: see `LabelStrategy.prepare`."""
        super().prepare(classes, seed)
        self.soft_labels_ = self._memory = None

    def targets(self, losses, probabilities, labels, epoch):
        """Return the predictions as soft labels: see `LabelStrategy.targets`.

        Parameters
        ----------
        losses, probabilities, labels, epoch
            As in `LabelStrategy.targets`.

        Returns
        -------
        targets, figures
            The soft labels, and ``label_change``.
        """
        rows = np.arange(len(labels)) if self.rows_ is None else self.rows_
        inherited = inherited_targets(labels, probabilities.shape[1])
        if self._memory is None:
            self._memory = inherited.new_full((0, inherited.shape[1]), torch.nan)
        missing = inherited.new_full((max(0, rows.max() + 1 - len(self._memory)), inherited.shape[1]), torch.nan)
        self._memory = torch.cat([self._memory, missing])
        # the previous label of a segment that was not trained on yet is the inherited one
        previous = torch.where(self._memory[rows].isnan(), inherited, self._memory[rows])
        self.soft_labels_ = self._memory[rows] = torch.lerp(probabilities, previous, self.inertia)
        return self.soft_labels_, {"label_change": _share_moved(self.soft_labels_, labels)}
