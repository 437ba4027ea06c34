"""The songs of a fit of SSSLClassifier: checked, and as rows of its net."""

import warnings

import numpy as np

from skmer._validation import check_sample_weight, check_training_data, encode_groups, multiply_class_weight
from skmer.sssl.label_strategy import LabelStrategy
from skmer.sssl.losses import LOSS_CONSTRAINTS, SSSLLoss
from skmer.sssl.net import SegmentNet
from skmer.training.augmentation import AUGMENTATION_CONSTRAINTS
from skmer.training.parameters import named_callbacks

__all__ = ["CheckedSongs", "TrainingSongs", "check_noise_model"]


def check_noise_model(estimator):
    """Raise ValueError if the noise model is a class, or a callback is a label strategy."""
    if isinstance(estimator.noise_model, type):
        raise ValueError(f"noise_model is the class {estimator.noise_model.__name__}: pass an instance of it.")
    for name, callback in named_callbacks(estimator.callbacks):
        if isinstance(callback, LabelStrategy):
            raise ValueError(f"callbacks: {name!r} is a label strategy: pass it as noise_model.")


class CheckedSongs:
    """Songs that an estimator is fitted to, without those of weight 0.

    ``songs``, ``groups`` (integers) and ``weights`` (or None) belong to the songs at the positions ``used`` of X, and
    so does the mask ``labelled``; ``n_segments`` to all songs of X.
    """

    def __init__(self, estimator, songs, labelled, groups, weights):
        check_epochs(estimator, labelled)
        check_augmentation(estimator, songs.segment_shape)
        self.estimator = estimator
        self.used = np.arange(len(songs)) if weights is None else np.flatnonzero(weights)
        self.n_segments = songs.n_segments
        self.songs, self.labelled = songs[self.used], labelled[self.used]
        self.groups = encode_groups(groups, len(songs))[self.used]
        self.weights = None if weights is None else weights[self.used]

    def per_segment_of_all(self, values):
        """Return values of the segments of the used songs as those of all segments of X, NaN for other songs."""
        every = np.full(self.n_segments.sum(), np.nan)
        every[np.isin(np.repeat(np.arange(len(self.n_segments)), self.n_segments), self.used)] = values
        return every


class TrainingSongs(CheckedSongs):
    """Songs that a classifier is fitted to, whose ``classes_`` it sets; ``labels`` are positions in these, or -1."""

    net_class = SegmentNet

    def __init__(self, classifier, X, y, groups=None, sample_weight=None):
        songs, classifier.classes_, labels = check_training_data(classifier, X, y, groups, unlabelled=True)
        weights = check_sample_weight(sample_weight, labels, classifier.classes_)
        super().__init__(classifier, songs, labels >= 0, groups, weights)
        self.labels = labels[self.used]
        self.n_outputs = len(classifier.classes_)

    def net_params(self, trained):
        """Return parameters of the net, where the songs in the mask `trained` are trained on."""
        loss = SSSLLoss(**{name: getattr(self.estimator, name) for name in LOSS_CONSTRAINTS})
        return {"classes": self.estimator.classes_, "loss_after_split": loss}

    def of_segments(self, songs):
        """Return the class of each segment of some songs, a mask of labelled ones."""
        labels = self.estimator.classes_[self.labels[songs]]
        return np.repeat(labels, self.songs.n_segments[songs])

    def load_rows(self, net, bank, trained):
        """Load the segments of the songs in the mask `trained` into a net."""
        classes = self.estimator.classes_
        labels = self.labels[trained][bank.song]
        weights = None if self.weights is None else self.weights[trained][bank.song]
        weights = multiply_class_weight(weights, self.estimator.class_weight, labels, classes)
        net.load_rows(bank, labels, weights)


def check_augmentation(estimator, segment_shape):
    """Raise ValueError for a change that segments of this shape cannot have."""
    used = {name: getattr(estimator, name) for name in AUGMENTATION_CONSTRAINTS if getattr(estimator, name) > 0}
    for name, value in used.items():
        if len(segment_shape) != 2:
            raise ValueError(
                f"{name}={value} requires spectrograms, got segments of shape {segment_shape}: set it to 0."
            )
    for name, size, unit in zip(("band_mask", "time_mask"), segment_shape, ("bands", "frames"), strict=False):
        if used.get(name, 0) >= size:
            raise ValueError(f"{name}={used[name]} may hide a whole segment, which has {size} {unit}: lower it.")


def check_epochs(estimator, labelled):
    """Warn if no epoch follows the warm-up of a noise model; raise ValueError if unlabelled songs need one."""
    splits = estimator.noise_model is not None and estimator.max_epochs > estimator.warmup_epochs
    if not labelled.all() and not splits:
        raise ValueError(
            f"y has {(~labelled).sum()} unlabelled songs ({estimator._unlabelled}), but there is no epoch that uses "
            "them: set a noise_model, and max_epochs above warmup_epochs, or leave these songs out."
        )
    if estimator.noise_model is not None and not splits:
        warnings.warn(
            f"max_epochs={estimator.max_epochs} leaves no epoch after warmup_epochs={estimator.warmup_epochs}: the "
            "network is trained on the inherited labels only.",
            stacklevel=5,
        )
