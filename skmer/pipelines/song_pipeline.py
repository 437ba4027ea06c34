"""SongPipeline: a pipeline from recordings, which predicts one file or one waveform."""

from sklearn.pipeline import Pipeline

from skmer._song_methods import SongMethods

__all__ = ["SongPipeline"]


class SongPipeline(SongMethods, Pipeline):
    """`sklearn.pipeline.Pipeline` from recordings to emotions, ratings or tags, with `predict_file`.

    `skmer.load_model` and the functions such as `skmer.make_sssl_pipeline` return it. It is a scikit-learn pipeline
    in all respects; `predict_file` and `predict_waveform` predict one song and its segments. They copy nothing after
    the first call, change no step, and can be called from several threads.

    Parameters
    ----------
    steps : list of (str, estimator)
        Names and estimators; the first reads recordings.
    transform_input : list of str, default=None
        As in `sklearn.pipeline.Pipeline`.
    memory : str or joblib.Memory, default=None
        As in `sklearn.pipeline.Pipeline`.
    verbose : bool, default=False
        As in `sklearn.pipeline.Pipeline`.

    See Also
    --------
    skmer.inspection.SongPredictor : Has these methods for other estimators, such as a `VotingClassifier`.
    skmer.inspection.predict_files : Predicts many files, and continues after those that fail.

    Examples
    --------
    >>> from skmer import DescriptorTransformer
    >>> from skmer.datasets import make_songs
    >>> from skmer.pipelines import CalibratedSVC, SongPipeline
    >>> songs = make_songs(8, duration=2, sr=44100, random_state=0)
    >>> pipe = SongPipeline([("dynamics", DescriptorTransformer(["dynamics"], sr=44100)), ("svm", CalibratedSVC())])
    >>> answer = pipe.fit(songs.data, songs.target).predict_waveform(songs.data[0], 44100)
    >>> bool(answer.label == answer.classes[answer.song_probabilities.argmax()])
    True
    """
