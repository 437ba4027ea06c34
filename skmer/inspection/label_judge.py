"""From a fitted pipeline and labelled songs to the seconds whose label it distrusts."""

from contextlib import suppress
from numbers import Real

import numpy as np

from skmer._validation import refuse_missing_labels
from skmer.feature_extraction._base import check_songs
from skmer.inspection.label_trust import LabelTrust
from skmer.inspection.over_time import SegmentPredictor
from skmer.inspection.tagged_songs import gives_tags
from skmer.sssl import GMMSplit
from skmer.sssl.mixture import clean_posterior

__all__ = ["LabelJudge", "label_trust"]

_TINY = np.finfo(float).tiny  # a probability that rounding made 0 has a loss of 708


class LabelJudge:
    """A fitted pipeline that says how far it trusts the labels of songs.

    Parameters
    ----------
    estimator : Pipeline
        Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
        as `SSSLClassifier`; or a fitted search over one.
    threshold : float, default=None
        Clean probability that a label must exceed to be trusted; None is the classifier's own
        ``clean_threshold``, or 0.5 where it has no mixture.

    Attributes
    ----------
    predictor : SegmentPredictor
        What reads and predicts songs.
    from_mixture : bool
        Whether the classifier kept a mixture over losses.
    threshold : float
        As given, or the classifier's.

    Raises
    ------
    ValueError
        If `estimator` is no such pipeline, or `threshold` no probability.
    NotFittedError
        If `estimator` is not fitted.

    See Also
    --------
    label_trust : Uses it on songs.

    Examples
    --------
    >>> from skmer import EmotionTagger
    >>> from skmer.inspection.label_judge import LabelJudge
    >>> LabelJudge(EmotionTagger())
    Traceback (most recent call last):
    ...
    ValueError: This model gives songs several tags; only one label a song can be judged, by a pipeline with ...
    """

    def __init__(self, estimator, threshold=None):
        if gives_tags(estimator):
            raise ValueError(
                "This model gives songs several tags; only one label a song can be judged, by a pipeline with a "
                "segment classifier such as SSSLClassifier."
            )
        self.predictor = SegmentPredictor(estimator)
        classifier = self.predictor.classifier
        self._split = _split_of(classifier, len(self.predictor.classes))
        self.from_mixture = self._split is not None
        self.threshold = _own_threshold(classifier, self.from_mixture) if threshold is None else threshold
        is_number = isinstance(self.threshold, Real) and not isinstance(self.threshold, bool)
        if not is_number or not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be a probability between 0 and 1, got {threshold!r}.")

    def class_of(self, label):
        """Find a label among the model's classes.

        Parameters
        ----------
        label : object
            A label; a class that is no text is also found by its text, and a number by an equal one.

        Returns
        -------
        int
            Position in ``predictor.classes``.

        Raises
        ------
        ValueError
            If the model does not know the label.
        """
        classes = self.predictor.classes
        names = [str(name) for name in classes]
        if str(label) in names:
            return names.index(str(label))
        if classes.dtype.kind in "iuf":
            with suppress(ValueError):
                values = classes.tolist()
                return values.index(float(str(label)))
        raise ValueError(f"the model does not know the label {str(label)!r}; it knows {', '.join(names)}.")

    def trust(self, emotion, label):
        """Judge the label of one song.

        Parameters
        ----------
        emotion : SongEmotion
            As the predictor gives it for the song.
        label : object
            The song's label.

        Returns
        -------
        LabelTrust
            How far the label is trusted.

        Raises
        ------
        ValueError
            If the model does not know the label.
        """
        k = self.class_of(label)
        of_label = emotion.probabilities[:, k]
        losses = -np.log(np.maximum(of_label, _TINY))
        clean = of_label.copy()
        if self._split is not None:
            clean = clean_posterior(self._split, losses, k if len(self._split.means) > 1 else 0)
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


def _split_of(classifier, n_classes):
    """Give the split that a classifier kept, if it holds a mixture for each class or one for all."""
    split = getattr(classifier, "split_", None)
    # a noise model of one's own may give probabilities alone, and so no separation
    holds = split is not None and len(split.separation) in (1, n_classes) and not np.isnan(split.separation).any()
    return split if holds else None


def _own_threshold(classifier, from_mixture):
    strategy = getattr(classifier, "noise_model", None)
    holder = strategy if isinstance(strategy, GMMSplit) else classifier
    return getattr(holder, "clean_threshold", 0.5) if from_mixture else 0.5


def label_trust(estimator, songs, labels, threshold=None):
    """Say for every song in which seconds its label is distrusted, and what is heard there instead.

    How sure the model is of a label in a segment is the posterior of the small-loss component of
    the mixture that the classifier kept (``split_`` of `SSSLClassifier`), applied to the
    segment's loss under the finished network: it says how well the label fits there beside the other
    songs of that label. It is not the probability that the network gives to the label, which takes
    its place where the classifier kept no mixture.

    Parameters
    ----------
    estimator : Pipeline
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
        If `estimator` is no such pipeline, `songs` no collection of songs, or a label is missing
        or unknown to the model.
    NotFittedError
        If `estimator` is not fitted.

    See Also
    --------
    skmer.inspection.write_label_noise_report : A page about many songs.
    skmer.inspection.LabelNoiseDisplay : Draws a song.

    Notes
    -----
    For the songs that the model was fitted on, the clean probabilities are the classifier's
    ``clean_probability_``. Songs that it has not seen have larger losses: their seconds are
    still ranked, but distrusted too often.

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
    judge = LabelJudge(estimator, threshold)
    songs, labels = check_songs(songs), list(labels)
    if len(labels) != len(songs):
        raise ValueError(f"There are {len(songs)} songs but {len(labels)} labels: give one label a song.")
    refuse_missing_labels(labels)
    for i, label in enumerate(labels):
        try:
            judge.class_of(label)
        except ValueError as error:
            raise ValueError(f"Song {i}: {error}") from None
    for song, label in zip(songs, labels, strict=True):
        yield judge.trust(judge.predictor.predict(judge.predictor.read(song)), label)
