"""The songs of a fit of SSSLClassifier: checked, and split into training and validation songs."""

import warnings

import numpy as np

from skmer._validation import check_sample_weight, check_training_data, encode_groups
from skmer.sssl.label_strategy import LabelStrategy
from skmer.training.augmentation import AUGMENTATION_CONSTRAINTS
from skmer.training.parameters import named_callbacks

__all__ = ["TrainingSongs", "check_noise_model"]


def check_noise_model(classifier):
    """Raise ValueError if the noise model is a class, or a callback is a label strategy."""
    if isinstance(classifier.noise_model, type):
        raise ValueError(f"noise_model is the class {classifier.noise_model.__name__}: pass an instance of it.")
    for name, callback in named_callbacks(classifier.callbacks):
        if isinstance(callback, LabelStrategy):
            raise ValueError(f"callbacks: {name!r} is a label strategy: pass it as noise_model.")


class TrainingSongs:
    """Songs that a classifier is fitted to, without those of weight 0, whose ``classes_`` it sets.

    ``songs``, ``labels`` (positions in ``classes_``, or -1), ``groups`` (integers) and ``weights`` (or None) belong to
    the songs at the positions ``used`` of X; ``n_segments`` to all songs of X.
    """

    def __init__(self, classifier, X, y, groups=None, sample_weight=None):
        songs, classifier.classes_, labels = check_training_data(classifier, X, y, groups, unlabelled=True)
        _check_epochs(classifier, labels)
        _check_augmentation(classifier, songs.segment_shape)
        weights = check_sample_weight(sample_weight, labels, classifier.classes_)
        self.used = np.arange(len(songs)) if weights is None else np.flatnonzero(weights)
        self.n_segments = songs.n_segments
        self.songs, self.labels = songs[self.used], labels[self.used]
        self.groups = encode_groups(groups, len(songs))[self.used]
        self.weights = None if weights is None else weights[self.used]

    def per_segment_of_all(self, values):
        """Return values of the segments of the used songs as those of all segments of X, NaN for other songs."""
        every = np.full(self.n_segments.sum(), np.nan)
        every[np.isin(np.repeat(np.arange(len(self.n_segments)), self.n_segments), self.used)] = values
        return every


def _check_augmentation(classifier, segment_shape):
    """Raise ValueError for a change that segments of this shape cannot have."""
    used = {name: getattr(classifier, name) for name in AUGMENTATION_CONSTRAINTS if getattr(classifier, name) > 0}
    for name, value in used.items():
        if len(segment_shape) != 2:
            raise ValueError(
                f"{name}={value} requires spectrograms, got segments of shape {segment_shape}: set it to 0."
            )
    for name, size, unit in zip(("band_mask", "time_mask"), segment_shape, ("bands", "frames"), strict=False):
        if used.get(name, 0) >= size:
            raise ValueError(f"{name}={used[name]} may hide a whole segment, which has {size} {unit}: lower it.")


def _check_epochs(classifier, labels):
    """Warn if no epoch follows the warm-up of a noise model; raise ValueError if unlabelled songs need one."""
    splits = classifier.noise_model is not None and classifier.max_epochs > classifier.warmup_epochs
    if (labels < 0).any() and not splits:
        raise ValueError(
            f"y has {(labels < 0).sum()} unlabelled songs (-1), but there is no epoch that uses them: set a "
            "noise_model, and max_epochs above warmup_epochs, or leave these songs out."
        )
    if classifier.noise_model is not None and not splits:
        warnings.warn(
            f"max_epochs={classifier.max_epochs} leaves no epoch after warmup_epochs={classifier.warmup_epochs}: the "
            "network is trained with cross-entropy only.",
            stacklevel=4,
        )
