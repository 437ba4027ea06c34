"""SegmentTransformer: segments of songs, log-mel spectrograms with or without semitones and chroma."""

from dataclasses import astuple
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skmer.audio import AudioError
from skmer.feature_extraction._base import MEMORY, RecordingTransformer, check_songs
from skmer.feature_extraction._cache import open_cache
from skmer.features.log_mel import count_segments, seconds_to_samples
from skmer.features.segment_spectrogram import SegmentSpectrogram, SpectrogramStream
from skmer.features.semitones import check_semitone_rate
from skmer.songs import SongSequence

__all__ = ["SegmentTransformer"]

# parts of cache keys: increment one if the values of log_mel or read_audio, or those of log_semitones or chroma, change
_CACHE_VERSION = 2
_HARMONY_VERSION = 1


class SegmentTransformer(RecordingTransformer):
    """Cut songs into overlapping segments, each a log-mel spectrogram.

    It is stateless: `transform` works without `fit`. One song is one
    sample, regardless of its number of segments, and no song is left out.

    Parameters
    ----------
    duration : float, default=3.0
        Length of a segment in seconds.
    hop : float, default=1.0
        Step from segment to segment in seconds; the paper overlaps segments by
        ``duration - 1`` seconds.
    sr : float, default=22528
        Sampling rate in Hz to which files are resampled, and at which waveforms are
        expected. 22,528 is 44 × 512: one second is 44 hops exactly, so that segments of
        every `duration` are windows of the same spectrogram of the song.
    n_fft, hop_length : int, default=1024, 512
        Length of a frame and step from frame to frame, in samples.
    n_mels : int, default=128
        Number of mel bands.
    fmin, fmax : float, default=0.0, None
        Lower and upper edge of the mel bands in Hz; None is ``sr / 2``.
    harmony : bool, default=False
        Whether the levels of 84 semitones (C1 to B7, in dB) and of 12 pitch classes (0 to 1)
        follow the mel bands of each frame. Mel bands are too wide to tell the notes of a chord
        apart. `sr` must then be at least 8,373.
    center : bool, default=False
        Whether frames are centred over zero-padded ends of each segment, as librosa
        does by default. False keeps a segment equal to a window of the song's
        spectrogram; True changes the edge frames by up to 44 dB.
    max_duration : float, default=None
        Use the first `max_duration` seconds of each song only.
    padding : {"zero", "circular"}, default=None
        Padding of a song shorter than `max_duration` (or, where that is None, than
        `duration`). None: no padding; a song shorter than `duration` is an error. "zero"
        appends silence and "circular" repeats the song, up to that length. The paper
        rejects both; they are available for comparison.
    dtype : {"float32", "float16"}, default="float32"
        Type of the spectrograms. float16 halves the memory, with an error of about
        0.03 dB.
    memory : str, Path or joblib.Memory, default=None
        Folder in which each file's spectrogram is cached, keyed on its path, size, time of
        modification and the parameters that matter; of a joblib.Memory, its location is used.
        In the default setting a grid over `duration` decodes each song once. The arrays are
        memory-mapped; beyond half of the system's limit of open files they are read into
        memory instead. Waveforms are not cached.
    n_jobs : int, default=None
        Number of threads that decode, resample and transform songs in parallel. None is 1,
        unless `joblib.parallel_config` sets another number of threads; -1 is every processor.
    verbose : int, default=0
        Above 0, a progress bar is shown.

    See Also
    --------
    skmer.SSSLClassifier : Learns from the segments.
    skmer.read_audio : Reads the files.
    skmer.features.segment_log_mel : The same for one waveform.
    skmer.features.log_semitones, skmer.features.chroma : What `harmony` adds.

    Notes
    -----
    A song of N samples has ``floor((N - duration * sr) / (hop * sr)) + 1`` segments.
    Where `center` is False and ``hop * sr`` a multiple of `hop_length`, segments are
    read-only windows of the song's spectrogram; otherwise, as with 22,050 Hz, they are
    computed one by one, because windows cut at the nearest frame have an error of 1.65 dB
    on average.

    With `harmony`, notes are resolved by frames of 0.18 s (4,096 samples at 22,528 Hz), each
    centred on the mel frame of the same number. A segment therefore depends on 68 ms of the
    song before and after it. Around the song, and around each segment where segments are
    computed one by one, is silence.

    References
    ----------
    Sun et al., "Semi-supervised self-learning for music emotion recognition",
    section 3.3 (segments without padding).

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import SegmentTransformer
    >>> rng = np.random.default_rng(0)
    >>> waveforms = [rng.normal(scale=0.1, size=n * 22528) for n in (5, 8)]
    >>> SegmentTransformer(duration=3).transform(waveforms)
    SongSequence(2 songs, 9 segments of shape (128, 131))

    With semitones and pitch classes:

    >>> harmonic = SegmentTransformer(duration=3, harmony=True)
    >>> harmonic.transform(waveforms)
    SongSequence(2 songs, 9 segments of shape (224, 131))
    >>> harmonic.get_feature_names_out()[[0, 128, 212]]
    array(['mel0', 'semitone_C1', 'chroma_C'], dtype=object)
    """

    _parameter_constraints = {  # noqa: RUF012
        **RecordingTransformer._parameter_constraints,
        "duration": [Interval(Real, 0, None, closed="neither")],
        "hop": [Interval(Real, 0, None, closed="neither")],
        "n_fft": [Interval(Integral, 1, None, closed="left")],
        "hop_length": [Interval(Integral, 1, None, closed="left")],
        "n_mels": [Interval(Integral, 1, None, closed="left")],
        "fmin": [Interval(Real, 0, None, closed="left")],
        "fmax": [Interval(Real, 0, None, closed="neither"), None],
        "harmony": ["boolean"],
        "center": ["boolean"],
        "padding": [StrOptions({"zero", "circular"}), None],
        "dtype": [StrOptions({"float32", "float16"})],
        "memory": MEMORY,
    }

    def __init__(
        self,
        duration=3.0,
        hop=1.0,
        sr=22528,
        n_fft=1024,
        hop_length=512,
        n_mels=128,
        fmin=0.0,
        fmax=None,
        harmony=False,
        center=False,
        max_duration=None,
        padding=None,
        dtype="float32",
        memory=None,
        n_jobs=None,
        verbose=0,
    ):
        self.duration = duration
        self.hop = hop
        self.sr = sr
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.n_mels = n_mels
        self.fmin = fmin
        self.fmax = fmax
        self.harmony = harmony
        self.center = center
        self.max_duration = max_duration
        self.padding = padding
        self.dtype = dtype
        self.memory = memory
        self.n_jobs = n_jobs
        self.verbose = verbose

    def transform(self, X):
        """Compute the segments of each song.

        Parameters
        ----------
        X : sequence of n_songs paths or waveforms, or ndarray of shape (n_songs, n_samples)
            Paths are str or Path; a pandas Series or a table of one column is also accepted.
            Waveforms are one-dimensional, mono, at `sr`; or tuples (waveform, rate) with a rate of their own,
            of shape (n_samples,) or (n_channels, n_samples), which are mixed and resampled as files are.

        Returns
        -------
        SongSequence of n_songs
            Item i has shape (n_segments_i, n_mels, n_frames), in dB; with `harmony`, the second
            axis holds `n_mels` + 84 bands in dB and 12 pitch classes.

        Raises
        ------
        AudioError
            If a song cannot be read or is shorter than `duration`; the message names it.
        ValueError
            If `X` is no collection of songs, a parameter is out of range, or `memory` cannot
            be written.

        Warns
        -----
        UserWarning
            If songs are digital silence; they are kept.
        """
        self._check_params()
        songs = check_songs(X)
        cache = None if self.memory is None else open_cache(self.memory, n_maps=len(songs))
        made = self._map(partial(self._transform_one, cache=cache), songs, "Spectrograms")
        return SongSequence(made, window=self._window(), names=self.get_feature_names_out())

    def get_feature_names_out(self, input_features=None):
        """Return the names of the bands: ``mel0``, ..., ``semitone_C1``, ..., ``chroma_C``, ....

        Parameters
        ----------
        input_features : ignored
            Not used, present for API consistency.

        Returns
        -------
        ndarray of str
            One name for each band, the first axis of a segment.
        """
        self._check_params()
        return np.array(self._spectrogram().names, dtype=object)

    def _check_params(self):
        super()._check_params()
        if self.max_duration is not None and self.max_duration < self.duration:
            raise ValueError(
                f"max_duration={self.max_duration:g} s is shorter than duration={self.duration:g} s: "
                "no segment fits. Raise max_duration or lower duration."
            )
        if round(seconds_to_samples(self.duration, self.sr)) < self.n_fft:
            raise ValueError(
                f"A segment of duration={self.duration:g} s has fewer samples than one frame of n_fft={self.n_fft}. "
                "Raise duration or lower n_fft."
            )
        if seconds_to_samples(self.hop, self.sr) < 1:
            raise ValueError(f"hop={self.hop:g} s is less than one sample at sr={self.sr:g} Hz. Raise hop.")
        if self.harmony:
            check_semitone_rate(self.sr)

    def _window(self):
        """Return the frames of a segment and of a hop, or None if segments are not windows of one spectrogram."""
        step = seconds_to_samples(self.hop, self.sr)
        if self.center or step % self.hop_length:
            return None
        length = round(seconds_to_samples(self.duration, self.sr))
        return 1 + (length - self.n_fft) // self.hop_length, int(step) // self.hop_length

    def _transform_one(self, song, name, cache):
        windows = self._window() is not None and self.padding is None
        make_stream = partial(SpectrogramStream, self._spectrogram(), self.dtype) if windows else None
        array, n_samples, silent = self._song_array(song, name, self._compute, cache, self._cache_key(), make_stream)
        sr = float(self.sr)
        length = round(seconds_to_samples(self.duration, sr))
        n_segments = count_segments(max(n_samples, self._n_padded()), length, seconds_to_samples(self.hop, sr))
        if n_segments < 1:
            raise AudioError(
                f"{name}: it lasts {n_samples / sr:.2f} s, shorter than one segment of duration="
                f'{self.duration:g} s. Leave the song out, or train with a lower duration or with padding="zero" or '
                '"circular" (skmer train: in the section segments of --config).'
            )
        window = self._window()
        if window is not None:
            # the remaining frames could form another segment, for which there are too few samples
            array = array[: window[0] + (n_segments - 1) * window[1]]
        return array, silent

    def _compute(self, y):
        """Return the time-major spectrogram if segments are windows of it, else the segments.

        The array is empty if the song is too short, which `_transform_one` reports.
        """
        n_missing = self._n_padded() - len(y)
        if n_missing > 0:
            y = np.pad(y, (0, n_missing), mode="wrap" if self.padding == "circular" else "constant")
        spectrogram = self._spectrogram()
        n_bands = len(spectrogram.names)
        if self._window():
            array = spectrogram.of_waveform(y).T if len(y) >= self.n_fft else np.empty((0, n_bands))
        elif len(y) >= round(seconds_to_samples(self.duration, self.sr)):
            array = spectrogram.of_segments(y, float(self.duration), float(self.hop))
        else:
            array = np.empty((0, n_bands, 1))
        return np.ascontiguousarray(array, dtype=self.dtype)

    def _cache_key(self):
        # windows are cut from the cached spectrogram, so that it serves every duration and hop
        cut = None if self._window() else (self.duration, self.hop)
        *mel, harmony = astuple(self._spectrogram())
        key = "segments", _CACHE_VERSION, mel, self.max_duration, self.padding, self._n_padded(), self.dtype, cut
        return (*key, "harmony", _HARMONY_VERSION) if harmony else key

    def _spectrogram(self):
        return SegmentSpectrogram(
            sr=float(self.sr),
            n_fft=int(self.n_fft),
            hop_length=int(self.hop_length),
            n_mels=int(self.n_mels),
            fmin=float(self.fmin),
            fmax=float(self.sr / 2 if self.fmax is None else self.fmax),
            center=bool(self.center),
            harmony=bool(self.harmony),
        )

    def _n_padded(self):
        """Return the number of samples to which shorter songs are padded, 0 without `padding`."""
        if self.padding is None:
            return 0
        return round(seconds_to_samples(self.duration if self.max_duration is None else self.max_duration, self.sr))
