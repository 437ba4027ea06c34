"""SongPredictor: read a song, then predict its segments and its label or ratings, or its tags, with a fitted model."""

from copy import copy
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.base import is_classifier
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skmer._errors import AudioError
from skmer.audio.reading import check_audio_path
from skmer.audio.waveforms import has_rate
from skmer.inspection._steps import (
    describe_missing,
    find_segment_predictor,
    find_target_names,
    flatten,
    hop_and_duration,
    is_tagger,
    longest_duration,
    name_ratings,
    predicts_ratings,
    reads_songs,
    reset_run_parameters,
    take_apart,
    transform,
    unwrap,
)
from skmer.inspection.predictions import SongEmotion, SongRatings, SongTags
from skmer.songs import SongSequence

__all__ = ["SongPredictor", "as_predictor"]

_COMBINATIONS = VotingClassifier | StackingClassifier | VotingRegressor | StackingRegressor


class SongPredictor:
    """Predict one song at a time with a fitted model.

    Reading is separate from predicting, so that songs can be read in threads while the network runs.

    Parameters
    ----------
    estimator : Pipeline or LongShortEnsemble
        Fitted pipeline whose first step reads recordings, such as `skmer.SegmentTransformer`,
        `skmer.DescriptorTransformer` or a union of several, and whose last step is a classifier, a regressor of
        ratings or a tagger; a fitted ensemble of two such taggers; a fitted `VotingClassifier`, `StackingClassifier`,
        `VotingRegressor` or `StackingRegressor` of such pipelines; or a fitted search over any of these.
    require_segments : bool, default=False
        Whether a model that does not predict the emotion or the ratings of each segment is an error.

    Attributes
    ----------
    output : {"segments", "song", "tags"}
        What is predicted: the emotion or the ratings of each segment and of the song, by a pipeline with a
        `SegmentTransformer` (or an `EmbeddingTransformer` that keeps windows) and a network on segments such as
        `SSSLClassifier` or `SSSLRegressor`; those of the song only; or tags.
    classes : ndarray of shape (n_classes,) or None
        The emotions, or the tags; None where ratings are predicted.
    target_names : list of str or None
        Names of the ratings: ``target_names_`` of the last step, or else of the network on segments, or else
        ``target0``, ``target1`` and so on. None where ratings are not predicted.
    target_range : ndarray of shape (2, n_targets) or None
        Lowest and highest rating that the network on segments predicts, those of its training; None if unlimited.
    classifier : estimator
        The segment classifier or regressor; where there is none, the last step.
    max_duration : float or None
        Seconds of each song that are used; None is all.
    predicts : bool
        Whether songs get a label or ratings. False where the last step of a pipeline does not predict.
    has_probabilities : bool
        Whether songs get probabilities of the emotions or tags: their own by the last step, or of segments at least.

    Raises
    ------
    ValueError
        If `estimator` does not read songs or has neither classifier nor regressor, or if `require_segments` is true
        and it does not predict segments.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    emotion_over_time : Predicts several songs.
    predict_files : Predicts many files, and continues after those that fail.

    Notes
    -----
    The steps that read songs are copied without their caches, threads and progress bars.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.svm import SVC
    >>> from skmer import DescriptorTransformer
    >>> from skmer.datasets import make_songs
    >>> from skmer.inspection import SongPredictor
    >>> songs = make_songs(4, duration=2, sr=22050, random_state=0)
    >>> pipe = make_pipeline(DescriptorTransformer(sr=22050), SVC()).fit(songs.data, songs.target)
    >>> predictor = SongPredictor(pipe)
    >>> predictor.output
    'song'
    >>> predictor.predict(predictor.read(songs.data[0])).label == pipe.predict(songs.data[:1])[0]
    True
    """

    _combines = False  # whether it is a VotingClassifier, a StackingClassifier or one of their regressors
    classes: Any
    target_names: Any = None
    target_range: Any = None

    def __init__(self, estimator, require_segments=False):
        estimator = unwrap(estimator)
        if isinstance(estimator, _COMBINATIONS) and not require_segments:
            self._init_combination(estimator)
            return
        steps = flatten(estimator) or [estimator]
        self.classifier = steps[-1]
        if is_tagger(self.classifier):
            if require_segments:
                raise ValueError(
                    "Expected a pipeline with a segment classifier such as SSSLClassifier, got a tagger: "
                    f"{type(self.classifier).__name__} predicts whole songs only."
                )
            self._init_tagger(estimator)
            return
        i_segmenter, i_classifier = find_segment_predictor(steps)
        starts_with_songs = isinstance(estimator, Pipeline) and reads_songs(steps[0])
        if i_classifier is None and (require_segments or not starts_with_songs):
            raise ValueError(describe_missing(estimator, steps, i_segmenter))
        message = "The pipeline is not fitted: call fit with songs and their emotions first."
        if i_classifier is None:
            self.output, i_segmenter, self._between = "song", 0, steps[1:-1]
            if not is_classifier(self.classifier) and not predicts_ratings(self.classifier):
                raise ValueError(
                    "The last step of this pipeline must be a classifier or a regressor, got "
                    f"{type(self.classifier).__name__}."
                )
            check_is_fitted(self.classifier, msg=message)
        else:
            self.output, self.classifier = "segments", steps[i_classifier]
            if predicts_ratings(self.classifier):
                check_is_fitted(self.classifier, msg=message)
                self.target_range = getattr(getattr(self.classifier, "net_", None), "target_range", None)
            elif not hasattr(self.classifier, "classes_"):
                raise NotFittedError(message)
            self._between, self._after = steps[i_segmenter + 1 : i_classifier], steps[i_classifier + 1 :]
        self._readers = [[*steps[:i_segmenter], reset_run_parameters(steps[i_segmenter])]]
        self._rest = steps[i_segmenter + 1 :]
        self._set_names(steps)
        self.max_duration = longest_duration([self._readers[0][-1]])
        self.predicts = hasattr(steps[-1], "predict")

    def _set_names(self, steps):
        if predicts_ratings(self.classifier):
            self.classes, self.target_names = None, find_target_names(steps)
        else:
            self.classes = np.asarray(self.classifier.classes_)

    def _init_combination(self, estimator):
        flat, readers, self.classifier = take_apart(estimator)
        self._combines, self.output, self.predicts, self._between = True, "song", True, []
        self._readers = [[reader] for reader in readers]
        self._set_names([step for steps in flat for step in steps])
        self.max_duration = longest_duration(readers)

    def _init_tagger(self, estimator):
        from skmer.tagging import LongShortEnsemble

        check_is_fitted(estimator, msg="The tagger is not fitted: call fit with songs and their tags first.")
        tagger = self.classifier
        is_ensemble = isinstance(tagger, LongShortEnsemble)
        if is_ensemble and estimator is not tagger:
            raise ValueError(
                "Expected a LongShortEnsemble of two pipelines that read songs, got one after other steps."
            )
        members = [flatten(member) for member in ([tagger.short_, tagger.long_] if is_ensemble else [estimator])]
        # the ensemble itself is not kept: it may keep this predictor
        tagger = self.classifier = copy(tagger) if is_ensemble else tagger
        for steps in members:
            if not reads_songs(steps[0]):
                raise ValueError(
                    "Expected a tagger in a Pipeline whose first step reads songs, such as TaggingTransformer, or a "
                    f"LongShortEnsemble of two; the first step is {type(steps[0]).__name__}."
                )
        labels = hasattr(tagger, "tags_") and np.ndim(tagger.classes_) == 1
        self.output, self.predicts = "song" if labels else "tags", True
        self._readers = [[reset_run_parameters(steps[0])] for steps in members]
        self._between = members[0][1:-1]
        self._rest = [Pipeline([(str(i), step) for i, step in enumerate(steps[1:])]) for steps in members]
        self.max_duration = longest_duration([reader for [reader] in self._readers])
        classes = tagger.classes_ if labels else getattr(tagger, "tags_", tagger.classes_)
        self.classes = np.arange(len(classes)) if isinstance(classes, list) else np.asarray(classes)

    @property
    def has_probabilities(self):
        """Whether songs get probabilities: their own by the last step, or of segments at least."""
        if self.target_names is not None:
            return False
        return self.output == "segments" or hasattr(self.classifier, "predict_proba") or len(self._readers) == 2

    @property
    def first_step(self):
        """The step that reads songs, of an ensemble that of the first member."""
        return self._readers[0][-1]

    @property
    def steps_between(self):
        """The steps between the step that reads songs and `classifier`, of an ensemble those of the first member."""
        return list(self._between)

    def read(self, song):
        """Read one song by the first steps.

        Parameters
        ----------
        song : str, Path, ndarray of shape (n_samples,) or tuple (waveform, rate)
            Audio file, waveform at the sampling rate of the first step, or waveform with a rate of its own.

        Returns
        -------
        list
            Output of the first steps for a collection of this one song; two for an ensemble of two taggers. The song
            itself for a `VotingClassifier` or another combination of pipelines.
        """
        if self._combines:
            # its members read the song when they predict it
            return [song]
        return [transform(reader, [song]) for reader in self._readers]

    def predict_file(self, file):
        """Read and predict one audio file.

        Parameters
        ----------
        file : str or path-like
            The file.

        Returns
        -------
        SongEmotion, SongRatings or SongTags
            As `predict` returns it.

        Raises
        ------
        AudioError
            If the file cannot be read, or is too short; the message names it.
        """
        return self.predict(self.read(check_audio_path(file)))

    def predict_waveform(self, waveform, sr):
        """Mix, resample and predict one waveform.

        Parameters
        ----------
        waveform : array-like of shape (n_samples,) or (n_channels, n_samples)
            Floating-point samples between -1 and 1.
        sr : float
            Its sampling rate, in Hz.

        Returns
        -------
        SongEmotion, SongRatings or SongTags
            As `predict` returns it.

        Raises
        ------
        AudioError
            If the waveform has another shape or type, invalid samples, or is too short.
        """
        if not has_rate((waveform, sr)):
            raise AudioError(
                f"Expected a waveform and its sampling rate in Hz, got {type(waveform).__name__} and {sr!r:.60}. Pass "
                "an array and a number, such as those that librosa.load returns."
            )
        return self.predict(self.read((waveform, sr)))

    def rows(self, song):
        """Return what `classifier` takes of one song.

        Parameters
        ----------
        song : list
            Return value of `read`, of a model that is no ensemble.

        Returns
        -------
        SongSequence of one song, or ndarray
        """
        [song] = song
        return transform(self._between, song)

    def predict(self, song):
        """Predict one song.

        Parameters
        ----------
        song : list
            Return value of `read`.

        Returns
        -------
        SongEmotion, SongRatings or SongTags
            Tags where `output` is "tags". The emotion, or the ratings, have no segments where `output` is "song".
        """
        if self._combines:
            return self._without_segments(self.classifier, song)
        if is_tagger(self.classifier):
            return self._predict_tags(song)
        [song] = song
        if self.output == "segments":
            return self._predict_segments(song)
        return self._without_segments(self._rest[-1], transform(self._rest[:-1], song))

    def _without_segments(self, model, rows):
        label, none = model.predict(rows)[0], np.empty(0)
        if self.target_names is not None:
            return SongRatings(
                name_ratings(label, self.target_names),
                self.target_names,
                none,
                none,
                np.empty((0, len(self.target_names))),
            )
        segments = np.empty((0, len(self.classes)))
        return SongEmotion(label, self.classes, none, none, segments, self._probabilities(model, rows))

    def _probabilities(self, model, rows):
        """Return the probabilities of one song by a fitted classifier, or None where it has none."""
        if not hasattr(model, "predict_proba") or not np.array_equal(model.classes_, self.classes):
            return None
        return np.asarray(model.predict_proba(rows))[0]

    def _predict_segments(self, segments):
        rows = self.rows([segments])
        songs = self.classifier.transform(rows)
        rated = self.target_names is not None
        names = self.target_names if rated else self.classes
        if not isinstance(songs, SongSequence) or songs.segment_shape != (len(names),):
            raise ValueError(
                f"{type(self.classifier).__name__}.transform must give songs of shape (n_segments, {len(names)}), the "
                f"{'ratings' if rated else 'probabilities'} of each segment, as that of "
                f"{'SSSLRegressor' if rated else 'SSSLClassifier'} does."
            )
        values = np.asarray(songs[0])
        hop, duration = hop_and_duration(self.first_step)
        starts = hop * np.arange(len(values))
        answer, probabilities = self._of_song(rows, songs, values) if self.predicts else (None, None)
        if rated:
            ratings = None if answer is None else name_ratings(answer, names)
            return SongRatings(ratings, names, starts, starts + duration, values)
        return SongEmotion(answer, names, starts, starts + duration, values, probabilities)

    def _of_song(self, rows, songs, values):
        """Return the label or the ratings of a song, and its probabilities or None."""
        from skmer.sssl import SSSLClassifier, SSSLRegressor

        last = self.classifier
        if self._after:
            last, rows = self._after[-1], transform(self._after[:-1], songs)
        elif type(last).predict is SSSLRegressor.predict and last.smoothing == 1:
            return values.mean(axis=0), None
        elif type(last).predict is SSSLClassifier.predict:
            # as its predict does, without running the network again
            return self.classes[values.mean(axis=0).argmax()], values.mean(axis=0)
        rated = self.target_names is not None
        return last.predict(rows)[0], None if rated else self._probabilities(last, rows)

    def _predict_tags(self, song):
        from skmer.model_selection.tag_metrics import weighted_sum
        from skmer.tagging._taggers import tag_logits, tag_probabilities

        tagger, rest = self.classifier, self._rest[0]
        if len(self._rest) == 2:
            short, long = (tag_logits(member, own) for member, own in zip(self._rest, song, strict=True))
            probabilities = expit(weighted_sum(short, long, tagger.weight_))[0]
        else:
            probabilities = tag_probabilities(rest, song[0])[0] if hasattr(rest, "predict_proba") else None
        if self.output == "song":
            none, both = np.empty(0), np.array([1 - probabilities[0], probabilities[0]])
            return SongEmotion(self.classes[int(both[1] > 0.5)], self.classes, none, none, np.empty((0, 2)), both)
        if hasattr(tagger, "thresholds_"):
            # as its predict does, without running the network again
            return SongTags(self.classes, probabilities >= tagger.thresholds_, probabilities)
        return SongTags(self.classes, np.asarray(rest.predict(song[0]))[0] == 1, probabilities)


def as_predictor(estimator, require_segments=False):
    """Return the `SongPredictor` of a model; a `SongPredictor` is returned unchanged."""
    if not isinstance(estimator, SongPredictor):
        return SongPredictor(estimator, require_segments)
    if require_segments and estimator.output != "segments":
        raise ValueError(f"Expected a SongPredictor with output='segments', got one with {estimator.output!r}.")
    return estimator
