"""predict_files: predict many audio files, and continue after those that cannot be read."""

import os
import threading
import warnings
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import joblib

from skmer._errors import format_error
from skmer.inspection.predictions import FilePrediction
from skmer.inspection.song_predictor import as_predictor

__all__ = ["answers", "predict_files"]


def predict_files(estimator, files, n_jobs=1) -> Generator[FilePrediction, None, None]:
    """Predict the emotion, the ratings or the tags of many audio files, and continue after those that fail.

    Parameters
    ----------
    estimator : Pipeline, LongShortEnsemble or SongPredictor
        Fitted pipeline whose first step reads recordings, ensemble of two of them, or fitted search over either.
        A regressor predicts ratings, and a tagger tags. Without a network that predicts segments, emotions and
        ratings are those of whole songs.
    files : iterable of str or Path
        Audio files.
    n_jobs : int, default=1
        Number of threads that decode songs and compute spectrograms while the network runs in
        another thread; -1 is every processor. The results do not depend on it.

    Yields
    ------
    FilePrediction
        One a file, in order, with the prediction or the error.

    Raises
    ------
    ValueError
        If `estimator` does not read songs or has neither classifier nor regressor.
    NotFittedError
        If `estimator` is not fitted.

    See Also
    --------
    skmer.inspection.emotion_over_time : Takes waveforms too; stops at the first error.
    skmer.audio.find_audio_files : Finds the files of a folder.

    Notes
    -----
    At most `n_jobs` + 1 songs are in memory. Warnings raised while a file is read and predicted
    become part of its prediction. Python has one list of warning filters for all threads: until the
    last song, user warnings of other code are shown whatever the caller's filters are.

    Examples
    --------
    >>> from skmer.inspection import predict_files
    >>> for song in predict_files(pipe, ["a.mp3", "b.mp3"], n_jobs=2):  # doctest: +SKIP
    ...     print(song.file, song.error or song.answer.label)
    """
    predictor = as_predictor(estimator)
    for file, answer, warned, error in answers(predictor, files, predictor.predict, n_jobs):
        yield FilePrediction(file, answer, warned, error)


def answers(predictor, files, function, n_jobs=1):
    """Yield name, answer, warnings and error of each file; `function` answers to what `predictor` reads."""
    collector = _WarningCollector()
    with collector.installed():
        for file, song, warned, error in _ahead(partial(_read, predictor, collector), files, n_jobs):
            answer = None
            if error is None:
                try:
                    with collector.collect() as more:
                        answer = function(song)
                    warned = warned + more
                except Exception as problem:
                    error = problem
            reason = None if error is None else format_error(error, file)
            yield file, answer, tuple(dict.fromkeys(warned)), reason


def _read(predictor, collector, file):
    """Return a file's name, the song as it is read, warnings and error; one of song and error is None."""
    file = os.fspath(file)
    with collector.collect() as warned:
        try:
            return file, predictor.read(file), warned, None
        # a broken file can raise anything in a decoder, and must not stop the others
        except Exception as error:
            return file, None, warned, error


def _ahead(function, items, n_jobs):
    """Map in order, on threads that run no more than `n_jobs` items ahead of the consumer."""
    n_threads = joblib.effective_n_jobs(n_jobs)
    pool = ThreadPoolExecutor(n_threads)
    try:
        waiting: deque = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > n_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


class _WarningCollector:
    """Collect warnings by thread; ``warnings.catch_warnings(record=True)`` would mix songs of several threads."""

    def __init__(self):
        self._local = threading.local()

    @contextmanager
    def installed(self):
        with warnings.catch_warnings():
            # by default a warning is shown once a line of code: a file given twice would warn once
            warnings.simplefilter("always", UserWarning)
            show = warnings.showwarning

            def keep(message, category, filename, lineno, file=None, line=None):
                kept = getattr(self._local, "kept", None)
                if kept is None:
                    show(message, category, filename, lineno, file, line)
                else:
                    kept.append(" ".join(str(message).split()))

            warnings.showwarning = keep
            yield

    @contextmanager
    def collect(self):
        self._local.kept = []
        try:
            yield self._local.kept
        finally:
            self._local.kept = None
