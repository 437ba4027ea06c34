"""EmbeddingTransformer: a frozen network, or any function of windows, as features of songs."""

import os
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.metaestimators import available_if

from skmer.aggregation.statistics import check_statistics, song_statistics
from skmer.audio import check_waveform
from skmer.feature_extraction._base import RecordingTransformerMixin
from skmer.feature_extraction._cache import file_key
from skmer.feature_extraction._frozen import open_embedding
from skmer.feature_extraction._song_input import check_songs
from skmer.feature_extraction._song_loop import map_songs, names_of
from skmer.feature_extraction._windows import WindowEmbedder, cached_embed_file
from skmer.features.segment_log_mel import in_samples
from skmer.songs import SongSequence
from skmer.training.runtime import choose_device

__all__ = ["EmbeddingTransformer"]

_STATISTICS = ("mean", "std", "min", "max", "q1", "median", "q3")


def _returns_rows(estimator):
    return estimator.statistics is not None


class EmbeddingTransformer(RecordingTransformerMixin, BaseEstimator):
    """Describe songs by a frozen embedding of their windows.

    An adapter for networks that others have trained, such as OpenL3, VGGish or MERT: it
    reads songs at the network's own sampling rate, cuts windows of its own length, gives
    them to the network in batches, and checks what comes back. Nothing is trained, and
    nothing is downloaded: weights are yours. It learns nothing from the data: `transform`
    works without `fit`.

    Parameters
    ----------
    embedding : callable, Module, str or Path
        What makes a vector of each window. A torch module gets a float32 tensor
        (n_windows, n_samples) on `device`, in eval mode and without gradients; it is copied
        and stays as it is. Any other callable gets a float32 ndarray of that shape. A path
        names a file that ``torch.jit.save`` or ``torch.export.save`` wrote (exported in eval
        mode, with any number of windows); it is loaded at each `transform`. All return
        (n_windows, n_dims), as tensor or ndarray.
    sr : float
        Sampling rate in Hz that the embedding was made for. Files are resampled to it, and
        waveforms are expected at it.
    window : float
        Length of a window in seconds.
    hop : float, default=None
        Step from window to window in seconds; None is `window`, so that they do not overlap.
    statistics : sequence of str, default=None
        How a song's windows become one row: any of ``"mean"``, ``"std"``, ``"min"``,
        ``"max"``, ``"q1"``, ``"median"`` and ``"q3"``. None keeps the windows, for
        `SongAggregator` or for a classifier of segments.
    batch_size : int, default=32
        Windows that the embedding gets at once. Batches hold windows of one song.
    max_duration : float, default=None
        Use the first `max_duration` seconds of each song only.
    padding : {"zero", "circular"}, default=None
        What is done with a song shorter than `window`. None: it is an error. "zero" appends
        silence and "circular" repeats the song, up to that length.
    memory : str, Path or joblib.Memory, default=None
        Where to cache the vectors of each file's windows, keyed on its path, size, time of
        modification, the parameters that matter and the contents of the embedding; see
        Notes. Waveforms are not cached.
    device : str, default="auto"
        A torch device for networks; "auto" takes CUDA where there is one.
    n_threads : int, default=1
        torch's CPU threads in the embedding.
    n_jobs : int, default=None
        Number of threads that decode and resample side by side; the embedding is called by
        one at a time. None is 1, unless in a `joblib.parallel_config` context.
    verbose : int, default=0
        Above 0, a progress bar.

    See Also
    --------
    skmer.SongAggregator : Makes one row a song of what this gives without `statistics`.
    skmer.DescriptorTransformer : Hand-crafted descriptors.

    Notes
    -----
    Window i begins at sample ``round(i * hop * sr)``. A song of N samples has
    ``floor((N - window * sr) / (hop * sr)) + 1`` windows: what is left after the last
    whole one is not used.

    In the cache a network is known by its weights, its attributes and the code of its
    classes, a file by its bytes, a function by its code, defaults and the values that it
    closes over or names in its module; `skmer.content_key.content_key` says what does not
    count. Of a TorchScript, traced or exported network pass the file. Where an embedding cannot
    be described, or to spare the reading of large weights, give it an attribute ``cache_key``,
    a text that is taken for its contents.

    A network in memory is copied by `clone` and in cross-validation; a lambda or a
    TorchScript module does not travel to other processes. A path and a function of a module
    do.

    References
    ----------
    Koh & Dubnov, "Comparison and analysis of deep audio embeddings for music emotion
    recognition", AAAI workshop on affective content analysis, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.feature_extraction import EmbeddingTransformer
    >>> def loudness(windows):
    ...     return np.sqrt(np.mean(windows**2, axis=1, keepdims=True))
    >>> waveforms = [np.full(16000, 0.5), np.full(40000, 0.25)]
    >>> EmbeddingTransformer(loudness, sr=16000, window=0.5).transform(waveforms)
    SongSequence(2 songs, 7 segments of shape (1,))
    >>> EmbeddingTransformer(loudness, sr=16000, window=0.5, statistics=["mean", "std"]).transform(waveforms)
    array([[0.5 , 0.  ],
           [0.25, 0.  ]])
    """

    _parameter_constraints = {  # noqa: RUF012
        "embedding": [str, os.PathLike, callable],
        "sr": [Interval(Real, 0, None, closed="neither")],
        "window": [Interval(Real, 0, None, closed="neither")],
        "hop": [Interval(Real, 0, None, closed="neither"), None],
        "statistics": ["array-like", None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_duration": [Interval(Real, 0, None, closed="neither"), None],
        "padding": [StrOptions({"zero", "circular"}), None],
        "memory": [str, os.PathLike, HasMethods(["cache"]), None],
        "device": [str],
        "n_threads": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        embedding,
        *,
        sr,
        window,
        hop=None,
        statistics=None,
        batch_size=32,
        max_duration=None,
        padding=None,
        memory=None,
        device="auto",
        n_threads=1,
        n_jobs=None,
        verbose=0,
    ):
        self.embedding = embedding
        self.sr = sr
        self.window = window
        self.hop = hop
        self.statistics = statistics
        self.batch_size = batch_size
        self.max_duration = max_duration
        self.padding = padding
        self.memory = memory
        self.device = device
        self.n_threads = n_threads
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X=None, y=None):
        """Check the parameters; nothing is learnt, and no file is read.

        Parameters
        ----------
        X, y : ignored
            For scikit-learn's sake.

        Returns
        -------
        EmbeddingTransformer
            Itself.

        Raises
        ------
        ValueError
            If the parameters are out of range or do not fit together.
        """
        self._check_params()
        return self

    def transform(self, X):
        """Compute the embedding of each song's windows, or their statistics.

        Parameters
        ----------
        X : sequence of n_songs paths or waveforms, or ndarray of shape (n_songs, n_samples)
            Paths are str or Path; a pandas Series or a table of one column does too.
            Waveforms are one-dimensional, mono, at `sr`.

        Returns
        -------
        SongSequence of n_songs, or ndarray of shape (n_songs, n_statistics * n_dims)
            Item i has shape (n_windows_i, n_dims). With `statistics`, statistic by
            statistic, the dimensions within each in order.

        Raises
        ------
        AudioError
            If a song cannot be read or is shorter than `window`; the message names it.
        ValueError
            If `X` is no collection of songs, a parameter is out of range, or the embedding
            cannot be loaded or returns anything but finite (n_windows, n_dims).

        Warns
        -----
        UserWarning
            If songs are digital silence; they are kept.
        """
        self._check_params()
        songs = check_songs(X)
        call = open_embedding(self.embedding, choose_device(self.device))
        embedder = WindowEmbedder(self.embedding, call, self.batch_size, self.n_threads)
        embed_one, keys = cached_embed_file(self.memory, self.embedding)
        one = partial(self._transform_one, embedder=embedder, embed_one=embed_one, keys=keys)
        made = map_songs(one, songs, "Embeddings", self.n_jobs, self.verbose)
        embedder.check_widths(made, names_of(songs))
        windows = SongSequence(made)
        if self.statistics is None:
            return windows
        return song_statistics(np.concatenate(list(windows)), windows.n_segments, self.statistics)

    @available_if(_returns_rows)
    def get_feature_names_out(self, input_features=None):
        """Name the output: statistic, underscore, ``embedding`` and the dimension's number.

        There are names only with `statistics`. To count the dimensions, the embedding is
        given one window of faint noise.

        Parameters
        ----------
        input_features : ignored
            For scikit-learn's sake: a song has no features yet.

        Returns
        -------
        ndarray of str
            One name a column of `transform`.
        """
        self._check_params()
        noise = np.random.default_rng(0).normal(scale=0.1, size=self._in_samples()[0]).astype(np.float32)
        call = open_embedding(self.embedding, choose_device(self.device))
        n_dims = WindowEmbedder(self.embedding, call, 1, self.n_threads).embed([noise]).shape[1]
        return np.array([f"{name}_embedding{k}" for name in self.statistics for k in range(n_dims)], dtype=object)

    def set_output(self, *, transform=None):
        """Set the container of the output; it has no meaning without `statistics`.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            As everywhere in scikit-learn. Ignored where `statistics` is None: `transform`
            then returns a `SongSequence` always.

        Returns
        -------
        EmbeddingTransformer
            Itself.
        """
        return self if self.statistics is None else super().set_output(transform=transform)

    def _check_params(self):
        self._validate_params()
        if isinstance(self.embedding, type):
            raise ValueError(f"embedding is the class {self.embedding.__qualname__}: pass an instance of it.")
        if self.statistics is not None:
            check_statistics(self.statistics, _STATISTICS, functions=False)
        length, step = self._in_samples()
        if length < 1 or step < 1:
            raise ValueError(f"window and hop must each be one sample or more at sr={self.sr:g} Hz. Raise them.")
        if self.max_duration is not None and self.max_duration < self.window:
            raise ValueError(
                f"max_duration={self.max_duration:g} s is shorter than window={self.window:g} s: "
                "no window fits. Raise max_duration or lower window."
            )

    def _in_samples(self):
        """Give a window's length, and the step, which may have a fraction."""
        hop = self.window if self.hop is None else self.hop
        return round(in_samples(self.window, self.sr)), in_samples(hop, self.sr)

    def _transform_one(self, song, name, embedder, embed_one, keys):
        sr = float(self.sr)
        length, step = self._in_samples()
        padding = None if self.padding is None else str(self.padding)
        max_duration = None if self.max_duration is None else float(self.max_duration)
        if isinstance(song, str | os.PathLike):
            return embed_one(*file_key(song), *keys, max_duration, sr, length, step, padding, embedder)
        y = check_waveform(song, name)
        if max_duration is not None:
            y = y[: round(in_samples(max_duration, sr))]
        return embedder(y, sr, length, step, padding, name)
