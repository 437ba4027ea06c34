"""From a fitted pipeline and many audio files to their emotions, whatever some of the files hold."""

import os
import threading
import warnings
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import joblib

from skmer._errors import format_error
from skmer.inspection.predictors import predictor_of

__all__ = ["FilePrediction", "predict_files"]


@dataclass(frozen=True)
class FilePrediction:
    """What became of one file: what the model answers, or why it does not.

    Parameters
    ----------
    file : str
        Path as given.
    answer : SongEmotion, SongTags or None
        Tags where the estimator gives several; None where the file failed.
    warnings : tuple of str
        What is doubtful about it, such as digital silence.
    error : str or None
        Why it failed, in one line.

    See Also
    --------
    predict_files : Makes them.

    Examples
    --------
    >>> from skmer.inspection import FilePrediction
    >>> FilePrediction("song.mp3", None, error="there is no such file. Check the path.").answer is None
    True
    """

    file: str
    answer: Any  # SongEmotion, SongTags or None
    warnings: tuple[str, ...] = ()
    error: str | None = None


def predict_files(estimator, files, n_jobs=1) -> Generator[FilePrediction, None, None]:
    """Predict the emotion of many audio files, one by one, going on after those that fail.

    Parameters
    ----------
    estimator : Pipeline or LongShortEnsemble
        Fitted pipeline whose first step reads songs, ensemble of two of them, or fitted search over either. Where no
        step gives segment probabilities, the emotions have a label and no segments; a tagger gives tags.
    files : iterable of str or Path
        Audio files.
    n_jobs : int, default=1
        Threads that decode songs and compute spectrograms while the network works, which has
        a thread of its own; -1 is every processor. It changes no result.

    Yields
    ------
    FilePrediction
        One a file, in order, whatever happened to it.

    Raises
    ------
    ValueError
        If `estimator` is no such pipeline.
    NotFittedError
        If `estimator` is not fitted.

    See Also
    --------
    skmer.inspection.emotion_over_time : For songs in memory too; stops at the first error.
    skmer.audio.find_audio_files : Finds the files of a folder.

    Notes
    -----
    It holds `n_jobs` + 1 songs at most, however many there are. The warnings of its own work
    become part of the predictions. Python has one list of filters for all threads: until the
    last song, user warnings of other code are shown too, whatever the caller's filters say of them.

    Examples
    --------
    >>> from skmer.inspection import predict_files
    >>> for song in predict_files(pipe, ["a.mp3", "b.mp3"], n_jobs=2):  # doctest: +SKIP
    ...     print(song.file, song.error or song.answer.label)
    """
    predictor = predictor_of(estimator)
    collector = _WarningCollector()
    with collector.installed():
        for file, song, told, error in _ahead(partial(_read, predictor, collector), files, n_jobs):
            answer = None
            if error is None:
                try:
                    with collector.collect() as more:
                        answer = predictor.predict(song)
                    told = told + more
                except Exception as problem:
                    error = problem
            reason = None if error is None else format_error(error, file)
            yield FilePrediction(file, answer, tuple(dict.fromkeys(told)), reason)


def _read(predictor, collector, file):
    """Give a file's name, the song as it is read, warnings and error; one of song and error is None."""
    file = os.fspath(file)
    with collector.collect() as told:
        try:
            return file, predictor.read(file), told, None
        # whatever a broken file does to a decoder, the other files are still to be read
        except Exception as error:
            return file, None, told, error


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
    """Keeps the warnings of each thread's present work apart.

    ``warnings.catch_warnings(record=True)`` would mix up the songs of several threads.
    """

    def __init__(self):
        self._local = threading.local()

    @contextmanager
    def installed(self):
        with warnings.catch_warnings():
            # by default a warning is shown once a line of code, so a file given twice would warn once
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
