"""How probable the label of a song is in each of its seconds, by a fitted model."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from skmer._validation import check_not_missing
from skmer.feature_extraction._base import check_songs
from skmer.inspection.predictions import SegmentProbabilities
from skmer.inspection.song_predictor import as_predictor
from skmer.sssl import GMMSplit
from skmer.sssl.mixture import clean_posterior

__all__ = ["LabelChecker", "LabelStretch", "LabelTrust", "label_trust"]

_TINY = np.finfo(float).tiny  # bounds the loss of a probability that was rounded to 0


class LabelStretch(NamedTuple):
    """A stretch of a song, such as one in which its label is distrusted, or the whole song.

    Parameters
    ----------
    start, end : float
        Start and end, in seconds.
    clean_probability : float
        Mean, over its seconds, of the probability that the label is right.
    heard : object
        The most probable emotion other than the label.
    heard_probability : float
        Mean of that emotion's probability.
    label_probability : float
        Mean of the label's probability by the network.
    seconds_heard : float
        Seconds of the stretch that segments cover.

    See Also
    --------
    LabelTrust.stretches : Finds them.

    Examples
    --------
    >>> from skmer.inspection import LabelStretch
    >>> stretch = LabelStretch(4.0, 9.0, 0.08, "Q3", 0.3, 0.5, 5.0)
    >>> stretch.end - stretch.start, stretch.label_leads
    (5.0, True)
    """

    start: float
    end: float
    clean_probability: float
    heard: Any
    heard_probability: float
    label_probability: float
    seconds_heard: float

    @property
    def label_leads(self):
        """Whether the label is still the most probable emotion by the network."""
        return self.label_probability >= self.heard_probability


@dataclass(frozen=True)
class LabelTrust(SegmentProbabilities):
    """How probable the label of one song is, over the song's time.

    Parameters
    ----------
    label : object
        The song's label, which its segments inherit.
    classes : ndarray of shape (n_classes,)
        The emotions that the model was trained on.
    starts, ends : ndarray of shape (n_segments,)
        Start and end of each segment, in seconds.
    probabilities : ndarray of shape (n_segments, n_classes)
        Probability of each emotion in each segment.
    losses : ndarray of shape (n_segments,)
        Cross-entropy of each segment against the label.
    clean_probability : ndarray of shape (n_segments,)
        Probability that the label is right for the segment.
    threshold : float
        The label is distrusted in seconds whose clean probability is not above it.
    from_mixture : bool, default=True
        Whether the clean probability is the posterior of a mixture over losses; if not, it is the
        network's probability of the label.

    See Also
    --------
    label_trust : Computes it for songs.
    skmer.inspection.LabelNoiseDisplay : Draws it.

    Notes
    -----
    Segments overlap. The value of a second is the mean over the segments that cover it, weighted by
    how much of it they cover. A second that no segment covers has NaN, and one that segments
    cover in part counts as that part in every mean and sum over seconds.

    Where it comes from a mixture, the clean probability compares the segment's loss with those of
    the other segments of the same label. A label that other songs express more clearly can be distrusted
    although it is still the most probable emotion by the network: see `LabelStretch.label_leads`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import LabelTrust
    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    >>> trust = LabelTrust("calm", np.array(["calm", "tense"]), np.arange(3.0), np.arange(3.0) + 2, probabilities,
    ...                    -np.log(probabilities[:, 0]), np.array([1.0, 0.8, 0.0]), 0.5)
    >>> trust.second_clean_probability
    array([1. , 0.9, 0.4, 0. ])
    >>> [(stretch.start, stretch.end, stretch.heard) for stretch in trust.stretches()]
    [(2.0, 4.0, 'tense')]
    >>> round(trust.expected_wrong, 3)
    0.425
    """

    losses: np.ndarray
    clean_probability: np.ndarray
    threshold: float
    from_mixture: bool = True

    @cached_property
    def second_clean_probability(self):
        """Probability that the label is right for each second, of shape (n_seconds,)."""
        return self._per_second(self.clean_probability[:, None])[:, 0]

    @property
    def second_is_distrusted(self):
        """Whether the label is distrusted in each second, of shape (n_seconds,)."""
        return self.second_clean_probability <= self.threshold

    @property
    def seconds_heard(self):
        """Seconds of the song that segments cover."""
        return float(self.covered_seconds.sum())

    @property
    def expected_wrong(self):
        """Expected share of the seconds that express another emotion: the mean of 1 - clean probability."""
        return float(np.average(1 - np.nan_to_num(self.second_clean_probability), weights=self.covered_seconds))

    def stretches(self):
        """Return the runs of seconds in which the label is distrusted.

        Returns
        -------
        list of LabelStretch
            In order of time; empty where the label is trusted throughout.
        """
        distrusted = np.r_[False, self.second_is_distrusted, False]
        edges = np.flatnonzero(distrusted[1:] != distrusted[:-1])
        return [self._stretch(first, stop) for first, stop in edges.reshape(-1, 2)]

    def whole(self):
        """Return the whole song as one stretch.

        Returns
        -------
        LabelStretch
            Its means are those over all seconds that segments cover; its clean probability is
            1 - `expected_wrong`.
        """
        return self._stretch(0, len(self.second_ends))

    def _stretch(self, first, stop):
        def mean(values):
            return np.average(np.nan_to_num(values[first:stop]), axis=0, weights=weights)

        weights = self.covered_seconds[first:stop]
        probabilities, is_label = mean(self.second_probabilities), self.classes == self.label
        heard = int(np.where(is_label, -1, probabilities).argmax())
        return LabelStretch(
            float(first),
            float(self.second_ends[stop - 1]),
            float(mean(self.second_clean_probability)),
            self.classes[heard : heard + 1].tolist()[0],
            float(probabilities[heard]),
            float(probabilities[is_label][0]),
            float(weights.sum()),
        )


class LabelChecker:
    """Compute the `LabelTrust` of predicted songs; see `label_trust` for the parameters."""

    def __init__(self, estimator, threshold=None):
        self.predictor = as_predictor(estimator, require_segments=True)
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
        losses = -np.log(np.maximum(of_label, _TINY))
        clean = of_label.copy()
        if self._split is not None:
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
    strategy = getattr(classifier, "noise_model", None)
    holder = strategy if isinstance(strategy, GMMSplit) else classifier
    return getattr(holder, "clean_threshold", 0.5) if from_mixture else 0.5


def label_trust(estimator, songs, labels, threshold=None):
    """Compute how probable the label of each song is in each of its seconds.

    The clean probability of a segment is the posterior of the small-loss component of
    the mixture that the classifier kept (``split_`` of `SSSLClassifier`), applied to the
    segment's loss under the fitted network: it compares how well the label fits with the other
    songs of that label. If the classifier has no mixture, it is the network's probability of the label.

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
        ``clean_threshold``, or 0.5 where it has no mixture.

    Yields
    ------
    LabelTrust
        One a song, in order. Each song is decoded once, when it is asked for.

    Raises
    ------
    AudioError
        If a song cannot be read or is shorter than a segment.
    ValueError
        If `estimator` has no segment classifier, `songs` is no collection of songs, or a label is missing
        or is none of the model's classes.
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
    for song, label in zip(songs, labels, strict=True):
        yield checker.trust(checker.predictor.predict(checker.predictor.read(song)), label)
