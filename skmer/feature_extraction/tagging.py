"""TaggingTransformer: chunks of log-mel spectrogram and pitch class profiles of songs."""

import hashlib
import os
from functools import partial
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmer.audio import AudioError, check_waveform
from skmer.audio.waveforms import has_rate
from skmer.feature_extraction._base import RecordingTransformer, check_songs, is_path
from skmer.feature_extraction._cache import SongArray, file_key, open_cache
from skmer.feature_extraction.file_rows import FileRows, fit_rows
from skmer.features.blocks import BlockLayout, block_array, is_silent
from skmer.features.log_mel import seconds_to_samples
from skmer.songs import SongSequence, open_array

__all__ = ["TaggingTransformer"]

# part of every cache key: increment it if the values of block_array or read_audio change
_CACHE_VERSION = 2
_N_BLOCKS = {"long": 800, "short": 40}


class TaggingTransformer(RecordingTransformer):
    """Cut songs into chunks that hold an averaged log-mel spectrogram and pitch class profiles.

    Each song is decoded once for both. Time is divided into blocks of 10,240 samples (0.232 s
    at 44.1 kHz), the least common multiple of the steps of both. It is stateless:
    `transform` works without `fit`. One song is one sample, and no song is left out.

    Parameters
    ----------
    duration : "long", "short" or float, default="long"
        "long": one chunk, the first 800 blocks of each song (185.76 s). "short": consecutive
        chunks of 40 blocks (9.29 s) over the whole song. A number: the same with chunks of
        that many seconds, rounded to whole blocks.
    hpcp : bool or "essentia", default=True
        Whether pitch class profiles are added to the spectrogram: those of
        `skmer.features.hpcp` or, with "essentia", of `skmer.features.essentia_hpcp`.
    padding : {"circular", "zero"}, default="circular"
        Padding of a song shorter than one chunk: "circular" repeats it, "zero" appends
        silence.
    max_duration : float, default=None
        Use the first `max_duration` seconds of each song only.
    sr : float, default=44100
        Sampling rate in Hz to which files are resampled, and at which waveforms are expected.
    n_mels : int, default=128
        Number of mel bands.
    average : int, default=10
        Number of spectrogram frames that are averaged, in dB, to one mel step.
    n_fft, hop_length : int, default=2048, 512
        Length of a spectrogram's frame and step from frame to frame, in samples. With frames
        of 1,024 samples, the lowest of 128 bands would contain no bin of the spectrum.
    hpcp_n_fft, hpcp_hop_length : int, default=4096, 2048
        The same for the pitch class profiles, which are not averaged. The step determines
        the length of a block even where `hpcp` is False.
    tuning : float or "auto", default=440.0
        Reference frequency of A in Hz; "auto" estimates it for each song.
    store : str or Path, default=None
        Folder in which the blocks of each whole song are written to a file, once. Songs are
        then opened when they are accessed, and need neither memory nor open files. A file's
        name contains that of the song, and a hash of its path, size, time of modification and
        the parameters that matter; `duration` and `padding` do not, and a song that is stored
        with HPCP is also used without. None keeps the chunks in memory.
    n_jobs : int, default=None
        Number of threads that decode, resample and transform songs in parallel. None is 1,
        unless `joblib.parallel_config` sets another number of threads; -1 is every processor.
    verbose : int, default=0
        Above 0, a progress bar is shown.

    See Also
    --------
    skmer.SegmentTransformer : Overlapping segments of seconds, for SSSL.
    skmer.features.block_array : Computes the blocks of one waveform.
    skmer.features.BlockLayout : Describes and splits the content of a block.

    Notes
    -----
    A song of N samples has ``B = N // 10240`` blocks, and ``max(B // 40, 1)`` short chunks:
    blocks after the last whole chunk are not used. A block has 316 values: 2 mel steps of 128
    bands in dB, then 5 profiles of 12 pitch classes, C first; 256 without the profiles. They
    are float16, with an error of about 0.03 dB; a minute takes 163 kB. Without a store, "long"
    decodes only as much of a file as it needs. Files in the store are written atomically, and
    a damaged one is computed again. Files ending in ``.part`` are left by processes that were
    killed, and may be deleted.

    Lengths, sampling rate, bands, averaging and the 12 classes are the paper's; frame lengths,
    decibels, `padding` and `tuning`, which it does not specify, are ours.

    References
    ----------
    Tan, "Semi-supervised music emotion recognition using noisy student training and harmonic
    pitch class profiles", MediaEval 2021, sections 2.1, 2.3 and 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import TaggingTransformer
    >>> rng = np.random.default_rng(0)
    >>> waveforms = [rng.normal(scale=0.1, size=n * 44100) for n in (5, 20)]
    >>> TaggingTransformer(duration="short").transform(waveforms)
    SongSequence(2 songs, 3 segments of shape (316, 40))
    >>> TaggingTransformer(duration="long", hpcp=False).transform(waveforms)
    SongSequence(2 songs, 2 segments of shape (256, 800))
    """

    _parameter_constraints = {  # noqa: RUF012
        **RecordingTransformer._parameter_constraints,
        "duration": [StrOptions(set(_N_BLOCKS)), Interval(Real, 0, None, closed="neither")],
        "hpcp": ["boolean", StrOptions({"essentia"})],
        "padding": [StrOptions({"circular", "zero"})],
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "average": [Interval(Integral, 1, None, closed="left")],
        "n_fft": [Interval(Integral, 1, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "hpcp_n_fft": [Interval(Integral, 1, None, closed="left")],
        "hpcp_hop_length": [Interval(Integral, 1, None, closed="left")],
        "tuning": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "store": [str, os.PathLike, None],
    }

    def __init__(
        self,
        duration="long",
        hpcp=True,
        padding="circular",
        max_duration=None,
        sr=44100,
        n_mels=128,
        average=10,
        n_fft=2048,
        hop_length=512,
        hpcp_n_fft=4096,
        hpcp_hop_length=2048,
        tuning=440.0,
        store=None,
        n_jobs=None,
        verbose=0,
    ):
        self.duration = duration
        self.hpcp = hpcp
        self.padding = padding
        self.max_duration = max_duration
        self.sr = sr
        self.n_mels = n_mels
        self.average = average
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.hpcp_n_fft = hpcp_n_fft
        self.hpcp_hop_length = hpcp_hop_length
        self.tuning = tuning
        self.store = store
        self.n_jobs = n_jobs
        self.verbose = verbose

    def transform(self, X):
        """Compute the chunks of each song.

        Parameters
        ----------
        X : sequence of n_songs paths or waveforms, or ndarray of shape (n_songs, n_samples)
            Paths are str or Path; a pandas Series or a table of one column is also accepted.
            Waveforms are one-dimensional, mono, at `sr`; or tuples (waveform, rate) with a rate of their own,
            of shape (n_samples,) or (n_channels, n_samples), which are mixed and resampled as files are.

        Returns
        -------
        SongSequence of n_songs
            Item i has shape (n_chunks_i, n_features, n_blocks), float16.

        Raises
        ------
        AudioError
            If a song cannot be read or is shorter than one block; the message names it.
        ValueError
            If `X` is no collection of songs, a parameter is out of range, or `store` cannot be
            written.
        ImportError
            If Essentia's profiles are to be computed and the essentia package is not installed.

        Warns
        -----
        UserWarning
            If songs are digital silence; they are kept.
        """
        self._check_params()
        songs = check_songs(X)
        length = self._chunk_length()
        cache = open_cache(self.store, "store", n_maps=0, required=True)
        one = partial(self._transform_one, layout=self._layout(), length=length, cache=cache)
        blocks = self._map(one, songs, "Blocks")
        return SongSequence(blocks, window=(length, length), names=self.get_feature_names_out())

    def get_feature_names_out(self, input_features=None):
        """Return the names of the values of a block: ``mel0_step0``, ..., ``hpcp0_step0``, ....

        Parameters
        ----------
        input_features : ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of str
            One name for each value, the first axis of a chunk: the band or pitch class (0 is C), then its step.
        """
        self._check_params()
        return np.array(self._layout().names, dtype=object)

    def _check_params(self):
        super()._check_params()
        for n_fft, hop_length in (("n_fft", "hop_length"), ("hpcp_n_fft", "hpcp_hop_length")):
            if getattr(self, n_fft) < getattr(self, hop_length):
                raise ValueError(
                    f"{n_fft}={getattr(self, n_fft)} is less than {hop_length}={getattr(self, hop_length)}: "
                    f"some samples would be in no frame. Raise {n_fft} or lower {hop_length}."
                )
        block = self._layout().n_samples
        if self._chunk_length() < 1:
            raise ValueError(
                f"duration={self.duration:g} s is less than one block of {block / self.sr:.2f} s. Raise duration."
            )
        if self.max_duration is not None and round(seconds_to_samples(self.max_duration, self.sr)) < block:
            raise ValueError(
                f"max_duration={self.max_duration:g} s is less than one block of {block / self.sr:.2f} s: "
                "no block of a song would be left. Raise max_duration."
            )

    def _layout(self):
        return BlockLayout(
            n_mels=int(self.n_mels),
            average=int(self.average),
            n_fft=int(self.n_fft),
            hop_length=int(self.hop_length),
            hpcp=self.hpcp if isinstance(self.hpcp, str) else bool(self.hpcp),
            hpcp_n_fft=int(self.hpcp_n_fft),
            hpcp_hop_length=int(self.hpcp_hop_length),
        )

    def _chunk_length(self):
        """Return the number of blocks in a chunk."""
        if isinstance(self.duration, str):
            return _N_BLOCKS[self.duration]
        return round(seconds_to_samples(self.duration, self.sr) / self._layout().n_samples)

    def _transform_one(self, song, name, layout, length, cache):
        only_first = self.duration == "long"
        if cache is None:
            # the tuning is estimated from the whole song, even if only its beginning is used
            max_blocks = length if only_first and self.tuning != "auto" else None
            blocks = self._compute(song, name, layout, max_blocks).array
        else:
            path = self._stored(song, name, layout, cache)
            blocks = open_array(path)[:, : layout.n_features]
        n_rows = length if only_first else max(len(blocks) // length, 1) * length
        silent = is_silent(blocks[:n_rows], layout)
        fill = layout.silence if self.padding == "zero" else None
        if cache is None:
            return fit_rows(blocks, n_rows, fill), silent
        return FileRows(path, n_rows, fill, layout.n_features), silent

    def _compute(self, song, name, layout, max_blocks=None):
        sr = float(self.sr)
        y = self._read(song, name, None if max_blocks is None else (max_blocks * layout.n_samples + layout.reach) / sr)
        if len(y) < layout.n_samples:
            raise AudioError(
                f"{name}: it lasts {len(y) / sr:.2f} s, shorter than one block of {layout.n_samples / sr:.2f} s. "
                "Leave the song out."
            )
        try:
            return SongArray(block_array(y, layout, sr, self.tuning, max_blocks), len(y), not y.any())
        except ValueError as error:
            raise AudioError(f"{name}: {error}") from error

    def _stored(self, song, name, layout, cache):
        """Return the file with the blocks of the whole song, which is written first if it is missing."""
        if is_path(song):
            stem, source = Path(song).stem, file_key(song)
        elif has_rate(song):
            y, rate = np.asarray(song[0]), float(song[1])
            digest = hashlib.sha256(np.ascontiguousarray(y).data).hexdigest()
            stem, source = "waveform", (digest, y.dtype.name, y.shape, rate)
        else:
            song = check_waveform(song, name)
            stem, source = "waveform", hashlib.sha256(np.ascontiguousarray(song).data).hexdigest()
        mel = (layout.n_mels, layout.average, layout.n_fft, layout.hop_length, layout.hpcp_hop_length)
        key = ("blocks", _CACHE_VERSION, source, self.max_duration, self.sr, mel)
        profiles = (layout.hpcp_n_fft, self.tuning)
        paths = {hpcp: cache.path(stem, *key, hpcp and (*profiles, hpcp)) for hpcp in (True, "essentia", False)}
        # the spectrogram precedes the profiles, so that a file with both is also used for it alone
        for hpcp in () if layout.hpcp else (True, "essentia"):
            if cache.read(paths[hpcp]) is not None:
                return paths[hpcp]
        cache.fetch(paths[layout.hpcp], partial(self._compute, song, name, layout))
        return paths[layout.hpcp]
