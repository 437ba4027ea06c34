"""Reading an audio file as a mono waveform; an AudioError names the file that cannot be read."""

import errno
import numbers
import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from skmer._errors import AudioError, ResourceError
from skmer.audio._bytes import FileBytes
from skmer.audio._ffmpeg import has_ffmpeg, open_ffmpeg
from skmer.audio._formats import format_for_ffmpeg, text_beginning
from skmer.audio._soundfile import UnknownFormatError, open_soundfile
from skmer.audio._truncation import file_structure, joined_error, truncation_error

__all__ = ["check_audio_path", "check_waveform", "read_audio", "read_blocks"]

_SYSTEM_LIMITS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EAGAIN)
_REMEDY = "Raise it (open files: ulimit -n), close other programs, or use fewer jobs."
_BLOCK = 1 << 19  # samples of each channel decoded at once; with fewer, decoder and resampler clear each other's cache
_RATES = (1000, 10_000_000)  # Hz; a header with a lower or higher rate is damaged
_LOUDEST = 100  # times full scale: 40 dB above the range of any recording
_MOST_SAMPLES = 1 << 31  # of a resampled recording; soxr crashes where the memory is insufficient
_CANCELS = 0.05  # share of the power of uncorrelated channels below which their mean is no mixture
_MARGIN = 0.25  # s decoded beyond max_duration, for the edge of the resampling filter


def check_audio_path(path):
    """Return a path as a Path; raise AudioError if it is not that of a file with content."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise AudioError(f"An audio file must be given as a str or Path, not as {type(path).__name__} {path!r:.60}.")
    if not os.fspath(path):
        raise AudioError("'': the path is empty. Check the list of paths.")
    path = Path(path)
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioError(f"{path}: there is no such file. Check the path.") from error
    except (OSError, ValueError) as error:
        raise _opening_error(path, error) from error
    if path.is_dir():
        raise AudioError(f"{path}: this is a folder. Pass the paths of the files in it, one per song.")
    if not path.is_file():
        raise AudioError(f"{path}: this is not a regular file. Save the recording as a file first.")
    if size == 0:
        raise AudioError(f"{path}: the file is empty (0 bytes). Get it again from its source.")
    return path


def _opening_error(path, error):
    reason = getattr(error, "strerror", None) or error
    if getattr(error, "errno", None) in _SYSTEM_LIMITS:
        return ResourceError(error.errno, f"{reason}: a limit of the system, not a fault of the recordings. {_REMEDY}")
    return AudioError(f"{path}: the file cannot be opened ({reason}). Check the path and its permissions.")


def check_waveform(y, name="The waveform"):
    """Check that a waveform is mono, floating-point, finite, within 100 times full scale and not empty.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The samples; floating point, with full scale at 1.
    name : str, default="The waveform"
        Name of the waveform in error messages.

    Returns
    -------
    ndarray of shape (n_samples,), float32
        The samples.

    Raises
    ------
    AudioError
        If it does not meet these conditions.

    Examples
    --------
    >>> from skmer.audio import check_waveform
    >>> check_waveform([0.0, 0.5]).dtype
    dtype('float32')
    """
    y = np.asarray(y)
    if y.dtype.kind in "iub":
        raise AudioError(
            f"{name} has dtype {y.dtype}, whose full scale is unclear. Convert it to floating point between -1 and 1."
        )
    if y.dtype.kind != "f":
        raise AudioError(f"{name} has dtype {y.dtype}. Pass floating-point samples between -1 and 1.")
    if y.ndim != 1:
        raise AudioError(f"{name} has shape {y.shape}. Pass a mono waveform of shape (n_samples,).")
    if y.size == 0:
        raise AudioError(f"{name} has no samples. Leave it out, or pass the whole recording.")
    levels = _Levels()
    levels.add(y)
    levels.check(name)
    return y.astype(np.float32, copy=False)


class _Levels:
    """The largest sample of a waveform that is passed in blocks, and those that are no numbers."""

    def __init__(self):
        self.n_samples = self._n_bad = self._first_bad = 0
        self._peak = 0.0

    def add(self, y):
        if y.size:
            peak = max(y.max(), -y.min())  # both propagate NaN
            if np.isfinite(peak):
                self._peak = max(self._peak, float(peak))
            else:
                bad = np.flatnonzero(~np.isfinite(y))
                self._first_bad = self._first_bad if self._n_bad else self.n_samples + bad[0]
                self._n_bad += bad.size
        self.n_samples += y.size

    def check(self, name):
        if self._n_bad:
            raise AudioError(
                f"{name} holds {self._n_bad:,} samples that are NaN or infinite (the first is sample "
                f"{self._first_bad:,}). Export it again, or replace these samples."
            )
        if self._peak > _LOUDEST:
            raise AudioError(
                f"{name} has a peak of {self._peak:,.6g}, but full scale is 1. Scale it to between -1 and 1: "
                "divide samples that were 16-bit integers by 32768."
            )


def read_audio(path, sr=22528, max_duration=None):
    """Read a recording as a mono waveform at a given sampling rate.

    It is decoded by libsndfile (WAV, FLAC, MP3, Ogg Vorbis, Opus, AIFF and more), or by the
    program ``ffmpeg`` where libsndfile does not support the format (M4A, AAC, WMA, WebM, WavPack
    and more); the content of the file decides, not its name. Channels are averaged, and soxr
    resamples in its high quality. A truncated recording raises an error, although decoders read
    it up to its last intact frame; so does a file that joins several recordings, of which decoders
    read the first only.

    Parameters
    ----------
    path : str or Path
        The file.
    sr : float, default=22528
        Sampling rate of the result, in Hz. The default is 44 × 512: one second is then
        44 hops of 512 samples exactly.
    max_duration : float, default=None
        Read only the first `max_duration` seconds; a shorter recording is read completely. None
        reads everything.

    Returns
    -------
    ndarray of shape (n_samples,), float32
        The waveform, ``ceil(n * sr / rate)`` samples for n samples at the file's own
        rate; with `max_duration`, at most ``round(max_duration * sr)``. Full scale is 1,
        and the level is not changed.

    Raises
    ------
    AudioError
        If the file is missing, empty, a folder, not audio, damaged, truncated, without
        samples, or changed while it is read; if it has NaN or infinite samples, or samples above
        100 times full scale; if it declares a sampling rate below 1 kHz or above 10 MHz; if it
        joins several recordings, of which only the first would be decoded; or if it would have
        more than 2^31 samples after resampling.
    OSError
        If a limit of the system, such as that of open files, is reached.
    ValueError
        If `sr` or `max_duration` is not a positive number.

    See Also
    --------
    skmer.SegmentTransformer : Reads many recordings and cuts them into segments.

    Notes
    -----
    The length is declared by all formats except raw streams: MP3 without a Xing or VBRI header,
    AAC in ADTS, AC-3, DTS, AMR, and files that were written to a pipe. One of these that ends
    exactly between two frames cannot be distinguished from a complete one. A missing kilobyte of
    uncompressed audio, some milliseconds, is no truncation. Damage that only decoding reveals, as
    in FLAC, and truncation in formats for ffmpeg are found within `max_duration` only.

    If the channels cancel each other in their mean, because their signs are opposite, the channel
    with the highest power is used instead.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from skmer import read_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/song.wav"
    ...     soundfile.write(path, np.full((44100, 2), 0.5), 44100)
    ...     read_audio(path).shape
    (22528,)
    """
    return read_blocks(path, _Samples, sr, max_duration).array()


class _Samples:
    """A waveform that grows block by block, without a copy."""

    def __init__(self):
        self._bytes = bytearray()

    def add(self, block):
        self._bytes += block.tobytes()

    def array(self):
        return np.frombuffer(self._bytes, dtype=np.float32)


def read_blocks(path, make_sink, sr, max_duration=None):
    """Pass the waveform that `read_audio` returns to the method `add` of ``make_sink()``, in blocks; return the sink.

    A block is valid until the next one is passed. A recording may have to be read several times, each time into a new
    sink.
    """
    for parameter, value in (("sr", sr), ("max_duration", max_duration)):
        if parameter == "max_duration" and value is None:
            continue
        if not isinstance(value, numbers.Real) or not 0 < float(value) < np.inf:
            raise ValueError(f"{parameter} must be a positive number, got {value!r}.")
    path = check_audio_path(path)
    try:
        with open(path, "rb", buffering=0) as file:
            data = FileBytes(path, file)
            try:
                sink = _read_checked(path, data, make_sink, sr, max_duration)
            except AudioError as error:
                data.check_unchanged(error)
                raise
            data.check_unchanged()
            return sink
    except OSError as error:
        raise _opening_error(path, error) from error


def _read_checked(path, data, make_sink, sr, max_duration):
    """Check the structure of a file, and pass its waveform to a sink."""
    structure = file_structure(data)
    if structure.truncated:
        raise truncation_error(path, structure.truncated)
    if structure.joined:
        raise joined_error(path, structure.joined)
    if text := text_beginning(data):
        raise AudioError(f"{path}: this is text, not audio: it begins with {text!r}. Get the file from its source.")
    open_blocks = partial(_opened, path, data, structure.patches, max_duration)
    mixer = _Mixer(path)
    sink = _read_mixed(open_blocks, mixer, make_sink(), path, sr, max_duration)
    if not mixer.channels_cancel():
        return sink
    with open_blocks() as (_, blocks):
        powers = sum((np.square(block, dtype=np.float64).sum(axis=0) for block in blocks), np.zeros(1))
    return _read_mixed(open_blocks, _Mixer(path, int(powers.argmax())), make_sink(), path, sr, max_duration)


def _read_mixed(open_blocks, mixer, sink, path, sr, max_duration):
    """Return the sink, to which the resampled waveform was passed."""
    with open_blocks() as (rate, blocks):
        resampler = _Resampler(path, rate, sr, max_duration)
        for block in blocks:
            sink.add(resampler.feed(mixer.mix(block)))
        mixer.check()
        sink.add(resampler.finish())
    return sink


@contextmanager
def _opened(path, data, patches, max_duration):
    """Yield the sampling rate and the blocks of the first seconds of a file, by the decoder that its content needs."""
    seconds = None if max_duration is None else float(max_duration) + _MARGIN
    name, unknown = format_for_ffmpeg(data), None
    if name is None:
        try:
            with open_soundfile(path, data, patches, seconds, _BLOCK) as opened:
                yield opened
            return
        except UnknownFormatError as error:
            if not has_ffmpeg():
                raise
            unknown = error
    try:
        with open_ffmpeg(path, name, seconds, _BLOCK) as opened:
            yield opened
    except AudioError as error:
        raise error from (error.__cause__ or unknown)


class _Mixer:
    """The mean of the channels of a recording, or one of them, and a check of its samples."""

    def __init__(self, path, channel=None):
        self._path, self._channel = path, channel
        self._levels = _Levels()
        self._power = self._uncorrelated = 0.0
        self._mean = np.empty(0, dtype=np.float32)

    def mix(self, block):
        n_channels = block.shape[1]
        if self._channel is not None or n_channels == 1:
            y = np.ascontiguousarray(block[:, self._channel or 0])
        else:
            if len(self._mean) < len(block):
                self._mean = np.empty(len(block), dtype=np.float32)
            # a dot product; mean(axis=1) takes many times as long
            weights = np.full(n_channels, 1 / n_channels, dtype=np.float32)
            y = np.matmul(block, weights, out=self._mean[: len(block)])
            self._power += float(y @ y)
            # the power of the mean of n uncorrelated channels is 1 / n² of the sum of their powers
            self._uncorrelated += float(np.vdot(block, block)) / n_channels**2
        self._levels.add(y)
        return y

    def check(self):
        """Raise AudioError if there are no samples, or some are NaN, infinite or beyond any scale."""
        if self._levels.n_samples == 0:
            raise AudioError(f"{self._path}: the file holds no samples. Leave it out, or get it again from its source.")
        self._levels.check(f"{self._path}: the recording")

    def channels_cancel(self):
        """Return whether the channels cancel each other in their mean."""
        return self._power < _CANCELS * self._uncorrelated


class _Resampler:
    """Resampling of a waveform that is passed in blocks, up to a duration."""

    def __init__(self, path, rate, sr, max_duration=None):
        if not _RATES[0] <= rate <= _RATES[1]:
            raise AudioError(
                f"{path}: its header declares a sampling rate of {rate:,} Hz, outside the range of 1 kHz to 10 MHz. "
                "Get it again from its source, or correct the header."
            )
        self._path, self._rate, self._sr = path, rate, sr
        self._stream = None
        self._n_in = self._n_out = 0
        self._n_wanted = None if max_duration is None else max(round(max_duration * sr), 1)

    def feed(self, y):
        """Return the samples that the next block of the waveform yields."""
        self._n_in += len(y)
        if self._rate == self._sr:
            return self._limited(y)
        if self._n_in * self._sr / self._rate > _MOST_SAMPLES:
            raise AudioError(
                f"{self._path}: {self._n_in / self._rate:,.0f} s at sr={self._sr:g} Hz are more than "
                f"{_MOST_SAMPLES:,} samples. Lower sr, or set max_duration."
            )
        return self._resample(y)

    def finish(self):
        """Return the last samples."""
        if self._rate == self._sr:
            return np.empty(0, dtype=np.float32)
        n_samples = int(np.ceil(self._n_in * self._sr / self._rate))
        self._n_wanted = n_samples if self._n_wanted is None else min(n_samples, self._n_wanted)
        n_before = self._n_out
        y = self._resample(np.empty(0, dtype=np.float32), last=True)
        # soxr rounds to the nearest sample: there may be one too few
        return np.pad(y, (0, max(self._n_wanted - n_before - len(y), 0)))

    def _resample(self, y, last=False):
        import soxr

        if self._stream is None:
            self._stream = soxr.ResampleStream(self._rate, self._sr, 1, dtype="float32", quality="HQ")
        return self._limited(self._stream.resample_chunk(y, last=last))

    def _limited(self, y):
        if self._n_wanted is not None:
            y = y[: self._n_wanted - self._n_out]
        self._n_out += len(y)
        return y
