"""TagPredictor: a fitted tagger that takes songs; SongTags: what it says of one."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from sklearn.utils.validation import check_is_fitted

from skmer.inspection.song_readers import found_by_search, reader_and_rest, reads_songs
from skmer.model_selection.tag_metrics import weighted_sum
from skmer.tagging import LongShortEnsemble
from skmer.tagging._base import BaseTagger
from skmer.tagging._taggers import final_classifier, tag_logits, tag_probabilities

__all__ = ["SongTags", "TagPredictor", "gives_tags"]


@dataclass(frozen=True)
class SongTags:
    """The tags of one song.

    Parameters
    ----------
    names : ndarray of shape (n_tags,)
        What the tags are called.
    given : ndarray of shape (n_tags,) of bool
        Whether the song has them, as the tagger's `predict` decides.
    probabilities : ndarray of shape (n_tags,) or None
        None where the tagger gives none.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import SongTags
    >>> SongTags(np.array(["calm", "dark"]), np.array([True, False]), np.array([0.7, 0.2])).tags
    ['calm']
    """

    names: np.ndarray
    given: np.ndarray
    probabilities: np.ndarray | None

    @property
    def tags(self):
        """Names of the tags that the song has."""
        return self.names[self.given].tolist()


def gives_tags(estimator):
    """Tell whether an estimator gives songs several tags, rather than one label.

    Parameters
    ----------
    estimator : estimator
        Fitted, or a fitted search over one; a pipeline is what its last step is.

    Returns
    -------
    bool
        True for skmer's taggers, and for classifiers of scikit-learn's that were fitted on columns of 0 and 1.

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> from skmer import EmotionTagger
    >>> from skmer.inspection.tagged_songs import gives_tags
    >>> gives_tags(EmotionTagger()), gives_tags(SVC())
    (True, False)
    """
    tagger = final_classifier(found_by_search(estimator))
    classes = getattr(tagger, "classes_", None)
    if isinstance(tagger, BaseTagger) or getattr(tagger, "multilabel_", False):
        return True
    return isinstance(classes, list) and all(set(np.ravel(own)) <= {0, 1} for own in classes)


class TagPredictor:
    """A fitted tagger that takes songs: it reads a song, then predicts its tags.

    Parameters
    ----------
    estimator : Pipeline or LongShortEnsemble
        Fitted pipeline whose first step reads files, such as `skmer.TaggingTransformer`, and whose last step gives
        tags; a fitted ensemble of two of them; or a fitted search over either.

    Attributes
    ----------
    classes : ndarray of shape (n_tags,)
        The tags.
    max_duration : float or None
        Seconds of each song that are used.
    predicts : bool
        True.

    Raises
    ------
    ValueError
        If `estimator` does not take songs.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    SegmentPredictor, SongPredictor : For pipelines that give one emotion.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmer import DescriptorTransformer
    >>> from skmer.datasets import make_songs
    >>> from skmer.inspection import TagPredictor
    >>> songs = make_songs(6, duration=2, sr=22050, random_state=0)
    >>> y = (songs.target[:, None] == ["Q1", "Q2"]).astype(int)
    >>> one_each = OneVsRestClassifier(LogisticRegression())
    >>> pipe = make_pipeline(DescriptorTransformer(sr=22050), StandardScaler(), one_each).fit(songs.data, y)
    >>> predictor = TagPredictor(pipe)
    >>> predictor.predict(predictor.read(songs.data[0])).probabilities.shape
    (2,)
    """

    def __init__(self, estimator):
        estimator = found_by_search(estimator)
        check_is_fitted(estimator, msg="The tagger is not fitted: call fit with songs and their tags first.")
        self._tagger = final_classifier(estimator)
        is_ensemble = isinstance(self._tagger, LongShortEnsemble)
        if is_ensemble and estimator is not self._tagger:
            raise ValueError(
                "A LongShortEnsemble must itself take songs: give it two pipelines, rather than steps before."
            )
        members = [self._tagger.short_, self._tagger.long_] if is_ensemble else [estimator]
        for member in members:
            if not reads_songs(member):
                raise ValueError(
                    "A tagger must be a Pipeline whose first step itself reads songs, such as TaggingTransformer, or a "
                    f"LongShortEnsemble of two; got {type(found_by_search(member)).__name__}."
                )
        self._members = [reader_and_rest(member) for member in members]
        # None is all of a song, which is more than any number
        most = [getattr(reader, "max_duration", None) or np.inf for reader, _ in self._members]
        self.max_duration = max(most) if max(most) < np.inf else None
        self.classes = _names(self._tagger)
        self.predicts = True

    def read(self, song):
        """Read one song by the first steps.

        Parameters
        ----------
        song : str, Path or ndarray of shape (n_samples,)
            Audio file, or waveform at the sampling rate of the first steps.

        Returns
        -------
        list
            For each pipeline, what its first step makes of a collection of this one song.
        """
        return [reader.transform([song]) for reader, _ in self._members]

    def predict(self, song):
        """Predict one song's tags.

        Parameters
        ----------
        song : list
            As `read` gives it.

        Returns
        -------
        SongTags
            The tags, and their probabilities where there are any.
        """
        if len(self._members) == 2:
            short, long = (tag_logits(rest, own) for (_, rest), own in zip(self._members, song, strict=True))
            probabilities = expit(weighted_sum(short, long, self._tagger.weight_))[0]
            return SongTags(self.classes, probabilities >= self._tagger.thresholds_, probabilities)
        rest = self._members[0][1]
        probabilities = tag_probabilities(rest, song[0])[0] if hasattr(rest, "predict_proba") else None
        if hasattr(self._tagger, "thresholds_"):
            # what predict does, without asking the network twice
            return SongTags(self.classes, probabilities >= self._tagger.thresholds_, probabilities)
        return SongTags(self.classes, np.asarray(rest.predict(song[0]))[0] == 1, probabilities)


def _names(tagger):
    if hasattr(tagger, "tags_"):
        return np.asarray(tagger.tags_)
    classes = tagger.classes_
    return np.arange(len(classes)) if isinstance(classes, list) else np.asarray(classes)
