"""SongPredictor: a fitted pipeline whose songs have a label and no segment probabilities."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skmer.inspection.song_emotion import SongEmotion
from skmer.inspection.song_readers import reader_and_rest, reads_songs, steps_of

__all__ = ["SongPredictor"]


class SongPredictor:
    """A fitted pipeline that tells the emotion of a song: it reads the song, then predicts it.

    For the pipelines of which `SegmentPredictor` makes nothing, because none of their steps
    gives the probabilities of segments: descriptors or a deep embedding before an SVM, the
    2-Stage system, a stack of durations, a union of features.

    Parameters
    ----------
    estimator : Pipeline
        Fitted pipeline whose first step reads files, such as `skmer.DescriptorTransformer`,
        `skmer.EmbeddingTransformer`, `skmer.SegmentTransformer` or a union of these, and whose
        last step is a classifier; or a fitted search over one.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The emotions.
    max_duration : float or None
        Seconds of each song that are used.
    predicts : bool
        True.

    Raises
    ------
    ValueError
        If `estimator` is no such pipeline.
    NotFittedError
        If it is not fitted.

    See Also
    --------
    SegmentPredictor : For pipelines that tell the emotion of each segment too.

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
    >>> predictor.predict(predictor.read(songs.data[0])).label == pipe.predict(songs.data[:1])[0]
    True
    """

    def __init__(self, estimator):
        steps = steps_of(estimator)
        if not reads_songs(estimator):
            raise ValueError(
                "estimator must be a Pipeline whose first step itself reads songs, such as SegmentTransformer or "
                f"DescriptorTransformer, got {type(estimator).__name__}."
            )
        if not is_classifier(steps[-1]):
            raise ValueError("The last step of this pipeline gives no label. It must be a classifier.")
        check_is_fitted(steps[-1], msg="The pipeline is not fitted: call fit with songs and their emotions first.")
        self._reader, self._rest = reader_and_rest(estimator)
        self.classes = np.asarray(steps[-1].classes_)
        self.max_duration = getattr(self._reader, "max_duration", None)
        self.predicts = True

    def read(self, song):
        """Read one song by the first step.

        Parameters
        ----------
        song : str, Path or ndarray of shape (n_samples,)
            Audio file, or waveform at the sampling rate of the first step.

        Returns
        -------
        object
            What the first step makes of a collection of this one song.
        """
        return self._reader.transform([song])

    def predict(self, song):
        """Predict one song's label.

        Parameters
        ----------
        song : object
            As `read` gives it.

        Returns
        -------
        SongEmotion
            With a label, and no segments.
        """
        none = np.empty(0)
        return SongEmotion(self._rest.predict(song)[0], self.classes, none, none, np.empty((0, len(self.classes))))
