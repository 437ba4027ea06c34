"""EmbeddingTransformer: vectors of songs from a frozen network or any function of windows."""

import os
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmer.aggregation.song_aggregator import check_statistics, song_statistics
from skmer.feature_extraction._base import MEMORY, RecordingTransformer, check_songs, song_names
from skmer.feature_extraction._cache import open_cache
from skmer.features.log_mel import seconds_to_samples
from skmer.songs import SongSequence

__all__ = ["EmbeddingTransformer"]

# part of every cache key: increment it if windows are cut differently
_CACHE_VERSION = 2
_STATISTICS = ("mean", "std", "min", "max", "q1", "median", "q3")


def _embedding_key(embedding):
    from skmer.feature_extraction._embedding import embedding_key

    return embedding_key(embedding)


def _dimension_names(rows):
    return [f"embedding{k}" for k in range(rows.shape[1])]


class EmbeddingTransformer(RecordingTransformer):
    """Describe songs by a frozen embedding of their windows.

    An adapter for pre-trained networks such as musicnn, VGGish or MERT: songs are resampled
    to the network's sampling rate, cut into windows of its length and passed to it in batches,
    and its output is checked. Nothing is trained or downloaded: the weights are provided by
    the user. It is stateless: `transform` works without `fit`.

    Parameters
    ----------
    embedding : callable, Module, str or Path
        Maps windows to vectors. A torch module is called with a float32 tensor of shape
        (n_windows, n_samples) on `device`, in eval mode and without gradients; it is copied,
        and not changed. Any other callable is called with a float32 ndarray of that shape. A
        path names a file written by ``torch.jit.save`` or ``torch.export.save`` (exported in
        eval mode, with any number of windows); it is loaded at each `transform`. All return
        (n_windows, n_dims), as tensor or ndarray.
    sr : float
        Sampling rate in Hz of the embedding's input. Files are resampled to it, and waveforms
        are expected at it.
    window : float
        Length of a window in seconds.
    hop : float, default=None
        Step from window to window in seconds; None is `window`, without overlap.
    statistics : sequence of str, default=None
        Statistics over a song's windows, concatenated to one row per song: any of ``"mean"``,
        ``"std"``, ``"min"``, ``"max"``, ``"q1"``, ``"median"`` and ``"q3"``. None keeps the
        windows, for `SongAggregator` or for a classifier of segments.
    batch_size : int, default=32
        Number of windows in a batch. A batch contains windows of one song.
    max_duration : float, default=None
        Use the first `max_duration` seconds of each song only.
    padding : {"zero", "circular"}, default=None
        Padding of a song shorter than `window`. None: such a song is an error. "zero" appends
        silence and "circular" repeats the song, up to that length.
    memory : str, Path or joblib.Memory, default=None
        Folder in which the vectors of each file's windows are cached, keyed on its path, size,
        time of modification, the parameters that matter and a hash of the embedding (see
        Notes); of a joblib.Memory, its location is used. Waveforms are not cached.
    device : str, default="auto"
        Torch device for networks; "auto" is CUDA where it is available.
    n_threads : int, default=1
        Number of CPU threads of torch in the embedding.
    n_jobs : int, default=None
        Number of threads that decode and resample in parallel; the embedding is called by one
        thread at a time. None is 1, unless `joblib.parallel_config` sets another number of threads.
    verbose : int, default=0
        Above 0, a progress bar is shown.

    See Also
    --------
    skmer.embeddings.musicnn : A published network.
    skmer.SongAggregator : Computes one row per song from the output without `statistics`.
    skmer.DescriptorTransformer : Hand-crafted descriptors.

    Notes
    -----
    Window i begins at sample ``round(i * hop * sr)``. A song of N samples has
    ``floor((N - window * sr) / (hop * sr)) + 1`` windows: samples after the last whole window
    are not used.

    In the cache, a file is identified by its bytes, a torch module by its class, attributes and
    weights, a function by its name, and other callables by `joblib.hash`. A changed body of a
    function, method or class is not detected, nor are changed globals: after such a change,
    delete the folder `memory`, or set a text attribute ``cache_key`` on the embedding, which is
    used in place of the hash. Lambdas and local functions need a ``cache_key``; it also avoids
    hashing large weights. For a TorchScript, traced or exported network, pass the file.

    `clone` and cross-validation copy a network in memory; a lambda or a TorchScript module
    cannot be sent to other processes. A path and a function of a module can.

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
        **RecordingTransformer._parameter_constraints,
        "embedding": [str, os.PathLike, callable],
        "window": [Interval(Real, 0, None, closed="neither")],
        "hop": [Interval(Real, 0, None, closed="neither"), None],
        "statistics": ["array-like", None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "padding": [StrOptions({"zero", "circular"}), None],
        "memory": MEMORY,
        "device": [str],
        "n_threads": [Interval(Integral, 1, None, closed="left")],
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

    def transform(self, X):
        """Compute the embedding of each song's windows, or their statistics.

        Parameters
        ----------
        X : sequence of n_songs paths or waveforms, or ndarray of shape (n_songs, n_samples)
            Paths are str or Path; a pandas Series or a table of one column is also accepted.
            Waveforms are one-dimensional, mono, at `sr`; or tuples (waveform, rate) with a rate of their own,
            of shape (n_samples,) or (n_channels, n_samples), which are mixed and resampled as files are.

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
            If `X` is no collection of songs, a parameter is out of range, `memory` cannot be
            written, or the embedding cannot be loaded, cannot be hashed for the cache, or
            returns anything but finite (n_windows, n_dims).

        Warns
        -----
        UserWarning
            If songs are digital silence; they are kept.
        """
        self._check_params()
        songs = check_songs(X)
        embedder = self._embedder(self.batch_size)
        cache = open_cache(self.memory)
        key = None if cache is None else _embedding_key(self.embedding)
        one = partial(self._transform_one, embedder=embedder, cache=cache, embedding_key=key)
        made = self._map(one, songs, "Embeddings")
        embedder.check_widths(made, song_names(songs))
        windows = SongSequence(made, names=_dimension_names(made[0]))
        if self.statistics is None:
            return windows
        return song_statistics(np.concatenate(list(windows)), windows.n_segments, self.statistics)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the dimensions, ``embedding0`` and so on, with `statistics` after the name of each.

        To count the dimensions, the embedding is called with one window of faint noise.

        Parameters
        ----------
        input_features : ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of str
            The name of each column of `transform`; without `statistics`, of each dimension of a window's vector.
        """
        self._check_params()
        noise = np.random.default_rng(0).normal(scale=0.1, size=self._window_and_step()[0]).astype(np.float32)
        dimensions = _dimension_names(self._embedder(1).embed([noise]))
        if self.statistics is None:
            return np.array(dimensions, dtype=object)
        return np.array([f"{name}_{dimension}" for name in self.statistics for dimension in dimensions], dtype=object)

    def _check_params(self):
        super()._check_params()
        if isinstance(self.embedding, type):
            raise ValueError(f"embedding is the class {self.embedding.__qualname__}: pass an instance of it.")
        if self.statistics is not None:
            check_statistics(self.statistics, _STATISTICS, functions=False)
        length, step = self._window_and_step()
        if length < 1 or step < 1:
            raise ValueError(f"window and hop must each be one sample or more at sr={self.sr:g} Hz. Raise them.")
        if self.max_duration is not None and self.max_duration < self.window:
            raise ValueError(
                f"max_duration={self.max_duration:g} s is shorter than window={self.window:g} s: "
                "no window fits. Raise max_duration or lower window."
            )

    def _window_and_step(self):
        """Return the length of a window and the step in samples; the step may be fractional."""
        hop = self.window if self.hop is None else self.hop
        return round(seconds_to_samples(self.window, self.sr)), seconds_to_samples(hop, self.sr)

    def _embedder(self, batch_size):
        # these import torch
        from skmer.feature_extraction._embedding import WindowEmbedder
        from skmer.training.runtime import choose_device

        return WindowEmbedder(self.embedding, choose_device(self.device), batch_size, self.n_threads)

    def _transform_one(self, song, name, embedder, cache, embedding_key):
        sr = float(self.sr)
        length, step = self._window_and_step()
        compute = partial(embedder, sr=sr, length=length, step=step, padding=self.padding, song=name)
        key = ("embeddings", _CACHE_VERSION, embedding_key, sr, length, step, self.padding, self.max_duration)
        rows, _, silent = self._song_array(song, name, compute, cache, key)
        return rows, silent
