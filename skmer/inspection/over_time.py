"""From a fitted pipeline and songs to the emotion of each segment, and of the whole."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

from skmer.feature_extraction._base import check_songs
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.inspection.song_emotion import SongEmotion
from skmer.inspection.song_readers import found_by_search, reset_run_parameters, steps_of
from skmer.songs import SongSequence

__all__ = ["SegmentPredictor", "emotion_over_time"]


class SegmentPredictor:
    """A fitted pipeline that tells the emotion of each segment: it reads a song, then predicts it.

    Parameters
    ----------
    estimator : Pipeline
        Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
        as `SSSLClassifier`; or a fitted search over one.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The emotions.
    classifier : estimator
        The step that gives segments their probabilities.
    max_duration : float or None
        Seconds of each song that are used.
    predicts : bool
        Whether the pipeline gives each song a label.

    Raises
    ------
    ValueError
        If `estimator` is no such pipeline.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    emotion_over_time : Uses it on songs.
    predict_files : Uses it on many files, and survives the bad ones.
    SongPredictor, TagPredictor : For pipelines that answer for whole songs.

    Examples
    --------
    >>> from skmer import make_sssl_pipeline
    >>> from skmer.inspection import SegmentPredictor
    >>> SegmentPredictor(make_sssl_pipeline())
    Traceback (most recent call last):
    ...
    sklearn.exceptions.NotFittedError: The pipeline is not fitted: call fit with songs and their emotions first.
    """

    def __init__(self, estimator):
        pipeline = found_by_search(estimator)
        if not isinstance(pipeline, Pipeline):
            hint = " without a best_estimator_: fit it, with refit=True" if hasattr(estimator, "refit") else ""
            raise ValueError(
                "estimator must be a Pipeline with a SegmentTransformer and a segment classifier such as "
                f"SSSLClassifier, got {type(estimator).__name__}{hint}."
            )
        names = list(pipeline.named_steps)
        steps = steps_of(pipeline)
        cut = next((i for i, step in enumerate(steps) if isinstance(step, SegmentTransformer)), None)
        if cut is None:
            raise ValueError(f"The pipeline has no SegmentTransformer; its steps are {names}.")
        able = [i for i in range(cut + 1, len(steps)) if _may_give_probabilities(steps[i])]
        if not able:
            raise ValueError(
                "The pipeline has no segment classifier after its SegmentTransformer: a step with predict and "
                f"transform, such as SSSLClassifier; its steps are {names}."
            )
        self.classifier = steps[able[0]]
        if not hasattr(self.classifier, "classes_"):
            raise NotFittedError("The pipeline is not fitted: call fit with songs and their emotions first.")
        self._segmenter = reset_run_parameters(steps[cut])
        self._before, self._between = steps[:cut], steps[cut + 1 : able[0]]
        self._after = steps[able[0] + 1 :]
        self.classes = np.asarray(self.classifier.classes_)
        self.max_duration = self._segmenter.max_duration
        self.predicts = hasattr([self.classifier, *self._after][-1], "predict")

    def read(self, song):
        """Decode one song and cut it.

        Parameters
        ----------
        song : str, Path or ndarray of shape (n_samples,)
            Audio file, or waveform at the sampling rate of the `SegmentTransformer`.

        Returns
        -------
        SongSequence of one song
            Its segments.
        """
        return _transform([*self._before, self._segmenter], [song])

    def predict(self, segments):
        """Predict one song's segments once, and its label from their probabilities.

        Parameters
        ----------
        segments : SongSequence of one song
            As `read` gives it.

        Returns
        -------
        SongEmotion
            What the pipeline hears.
        """
        rows = _transform(self._between, segments)
        songs = self.classifier.transform(rows)
        if not isinstance(songs, SongSequence) or songs.segment_shape != (len(self.classes),):
            raise ValueError(
                f"{type(self.classifier).__name__}.transform must give songs of shape (n_segments, "
                f"{len(self.classes)}), the probabilities of each segment, as SSSLClassifier's does."
            )
        probabilities = np.asarray(songs[0])
        starts = self._segmenter.hop * np.arange(len(probabilities))
        label = self._label(rows, songs, probabilities) if self.predicts else None
        return SongEmotion(label, self.classes, starts, starts + self._segmenter.duration, probabilities)

    def _label(self, rows, songs, probabilities):
        if self._after:
            return self._after[-1].predict(_transform(self._after[:-1], songs))[0]
        from skmer.sssl.classifier import SSSLClassifier

        if type(self.classifier).predict is SSSLClassifier.predict:
            # its rule, without a second run of the network
            return self.classes[probabilities.mean(axis=0).argmax()]
        return self.classifier.predict(rows)[0]


def _may_give_probabilities(step):
    """Tell whether a step may be a segment classifier: scikit-learn's own transform songs into other things."""
    able = hasattr(step, "transform") and hasattr(step, "predict")
    return able and not type(step).__module__.startswith("sklearn.")


def _transform(steps, X):
    for step in steps:
        X = step.transform(X)
    return X


def emotion_over_time(estimator, songs):
    """Predict the emotion of songs, segment by segment and as a whole.

    Parameters
    ----------
    estimator : Pipeline
        Fitted pipeline with a `SegmentTransformer` and, after it, a segment classifier such
        as `SSSLClassifier`; or a fitted search over one.
    songs : sequence of n_songs paths or waveforms
        As `SegmentTransformer.transform` takes them.

    Yields
    ------
    SongEmotion
        One a song, in order. Each song is decoded once, when it is asked for.

    Raises
    ------
    AudioError
        If a song cannot be read or is shorter than a segment.
    ValueError
        If `estimator` is no such pipeline, or `songs` no collection of songs.
    NotFittedError
        If `estimator` is not fitted.

    See Also
    --------
    skmer.inspection.predict_files : Goes on after files that cannot be read.
    skmer.inspection.EmotionTimelineDisplay : Draws a song.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmer import SegmentTransformer, SSSLClassifier
    >>> from skmer.datasets import make_songs
    >>> from skmer.inspection import emotion_over_time
    >>> songs = make_songs(4, duration=4, sr=11264, random_state=0)
    >>> pipe = make_pipeline(
    ...     SegmentTransformer(duration=2, sr=11264, n_mels=32),
    ...     SSSLClassifier.from_recipe("plain", backbone="small", max_epochs=1, random_state=0),
    ... ).fit(songs.data, songs.target)
    >>> for song in emotion_over_time(pipe, songs.data[:1]):
    ...     print(song.probabilities.shape, song.ends)
    (3, 4) [2. 3. 4.]
    """
    predictor = SegmentPredictor(estimator)
    for song in check_songs(songs):
        yield predictor.predict(predictor.read(song))
