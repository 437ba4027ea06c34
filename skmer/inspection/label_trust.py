"""How probable the label of a song is in each of its seconds, by a fitted model."""

from contextlib import suppress
from numbers import Real

import numpy as np

from skmer._validation import check_not_missing
from skmer.feature_extraction._base import check_songs
from skmer.inspection.cross_fitting import SMOOTHING, cross_fitted_trust
from skmer.inspection.song_predictor import as_predictor
from skmer.inspection.trust_over_time import LabelTrust, label_losses

__all__ = ["LabelChecker", "label_trust"]


class LabelChecker:
    """Compute the `LabelTrust` of predicted songs; see `label_trust` for the parameters."""

    def __init__(self, estimator, threshold=None):
        self.predictor = as_predictor(estimator, require_segments=True)
        if self.predictor.target_names is not None:
            raise ValueError(
                f"Labels are checked by a classifier of segments, but this model predicts ratings, "
                f"{', '.join(self.predictor.target_names)}: fit one on classes, such as SSSLClassifier."
            )
        classifier = self.predictor.classifier
        self._split = _fitted_split(classifier, len(self.predictor.classes))
        self._relative = getattr(classifier.noise_model, "relative", False) if self._split is not None else False
        self.from_mixture = self._split is not None
        self.threshold = _default_threshold(classifier, self.from_mixture) if threshold is None else threshold
        is_number = isinstance(self.threshold, Real) and not isinstance(self.threshold, bool)
        if not is_number or not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be a probability between 0 and 1, got {threshold!r}.")

    def class_index(self, label):
        """Return the position of a label among the classes, which are compared as text and, if numeric, by value."""
        classes = self.predictor.classes
        names = [str(name) for name in classes]
        if str(label) in names:
            return names.index(str(label))
        if classes.dtype.kind in "iuf":
            with suppress(ValueError):
                values = classes.tolist()
                return values.index(float(str(label)))
        raise ValueError(
            f"the model was not trained on the label {str(label)!r}. Expected one of its classes: {', '.join(names)}."
        )

    def trust(self, emotion, label):
        """Return the `LabelTrust` of a song whose predicted `SongEmotion` is given."""
        k = self.class_index(label)
        of_label = emotion.probabilities[:, k]
        losses, clean = label_losses(of_label), of_label.copy()
        if self._split is not None:
            # imports torch, which the package does without as long as no network is used
            from skmer.sssl.mixture import clean_posterior

            compared = losses - losses.mean() if self._relative else losses
            clean = clean_posterior(self._split, compared, k if len(self._split.means) > 1 else 0)
        return LabelTrust(
            emotion.classes[k : k + 1].tolist()[0],
            emotion.classes,
            emotion.starts,
            emotion.ends,
            emotion.probabilities,
            losses,
            clean,
            float(self.threshold),
            self.from_mixture,
        )


def _fitted_split(classifier, n_classes):
    """Return the split of a classifier if it has a mixture for each class or one for all classes, otherwise None."""
    split = getattr(classifier, "split_", None)
    # a user's noise model may return probabilities only: the separation is then NaN
    holds = split is not None and len(split.separation) in (1, n_classes) and not np.isnan(split.separation).any()
    return split if holds else None


def _default_threshold(classifier, from_mixture):
    from skmer.sssl import GMMSplit

    strategy = getattr(classifier, "noise_model", None)
    holder = strategy if isinstance(strategy, GMMSplit) else classifier
    return getattr(holder, "clean_threshold", 0.5) if from_mixture else 0.5


def label_trust(estimator, songs, labels, threshold=None, *, cv=None, groups=None, smoothing=SMOOTHING):
    """Compute how probable the label of each song is in each of its seconds.

    The clean probability of a segment is the posterior of the small-loss component of
    the mixture that the classifier kept (``split_`` of `SSSLClassifier`), applied to the
    segment's loss under the fitted network: it compares how well the label fits with the other
    songs of that label. If the classifier has no mixture, it is the network's probability of the label.

    With `cv`, the fitted network is not used: each song is judged by a network of the same
    parameters that is trained on other songs. The clean probability is then that network's probability of the label,
    averaged over `smoothing` seconds, and its level means little: use the order.

    Parameters
    ----------
    estimator : Pipeline or SongPredictor
        Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
        as `SSSLClassifier`; or a fitted search over one.
    songs : sequence of n_songs paths or waveforms
        As `SegmentTransformer.transform` takes them.
    labels : sequence of shape (n_songs,)
        The label of each song.
    threshold : float, default=None
        Clean probability that a label must exceed to be trusted; None is the classifier's own
        ``clean_threshold``, or 0.5 where it has no mixture. With `cv`, None distrusts a tenth of all seconds.
    cv : int, splitter or iterable, default=None
        Cross-fitting, as `cv` of `SSSLClassifier`; an int is the number of folds. None uses the fitted network.
    groups : sequence of shape (n_songs,), default=None
        Group of each song, such as its artist; songs of one group stay together in the folds of `cv`.
    smoothing : float, default=5.0
        Seconds over which probabilities are averaged with `cv`; 0 does not average.

    Yields
    ------
    LabelTrust
        One a song, in order. Each song is decoded once, when it is asked for; with `cv`, all are read first.

    Raises
    ------
    AudioError
        If a song cannot be read or is shorter than a segment.
    ValueError
        If `estimator` has no segment classifier, `songs` is no collection of songs, or a label is missing
        or is none of the model's classes; or if `cv` leaves training songs of fewer than two classes.
    NotFittedError
        If `estimator` is not fitted.

    See Also
    --------
    skmer.inspection.write_label_noise_report : Writes a page about many songs.
    skmer.inspection.LabelNoiseDisplay : Draws a song.

    Notes
    -----
    For the songs that the model was fitted on, the clean probabilities are the classifier's
    ``clean_probability_``. Other songs have larger losses: their seconds are still
    ranked, but distrusted too often.

    A network fits the labels of its training songs, wrong ones too. Compared with the ratings of
    listeners (``benchmarks/listeners.py``), trust with `cv` knows far better in which songs listeners
    hear the label; which of a song's seconds express another emotion is known little better than by chance
    either way. Where many seconds are wrong, as in planted label noise, the mixture finds them.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmer import SegmentTransformer, SSSLClassifier
    >>> from skmer.datasets import make_songs
    >>> from skmer.inspection import label_trust
    >>> songs = make_songs(4, duration=4, sr=11264, random_state=0)
    >>> pipe = make_pipeline(
    ...     SegmentTransformer(duration=2, sr=11264, n_mels=32),
    ...     SSSLClassifier.from_recipe("plain", backbone="small", max_epochs=1, random_state=0),
    ... ).fit(songs.data, songs.target)
    >>> for trust in label_trust(pipe, songs.data[:1], songs.target[:1]):
    ...     print(trust.label, trust.clean_probability.shape, trust.from_mixture)
    Q2 (3,) False
    """
    checker = LabelChecker(estimator, threshold)
    songs, labels = check_songs(songs), list(labels)
    if len(labels) != len(songs):
        raise ValueError(f"There are {len(songs)} songs but {len(labels)} labels: give one label a song.")
    check_not_missing(labels)
    for i, label in enumerate(labels):
        try:
            checker.class_index(label)
        except ValueError as error:
            raise ValueError(f"Song {i}: {error}") from None
    predictor = checker.predictor
    if cv is not None:
        rows = [predictor.rows(predictor.read(song)) for song in songs]
        yield from cross_fitted_trust(checker, rows, labels, cv, groups, smoothing, threshold)
        return
    for song, label in zip(songs, labels, strict=True):
        yield checker.trust(predictor.predict(predictor.read(song)), label)
