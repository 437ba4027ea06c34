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
from skmer.audio._mixing import BLOCK as _BLOCK
from skmer.audio._mixing import MARGIN, read_mixed
from skmer.audio._soundfile import UnknownFormatError, open_soundfile
from skmer.audio._truncation import file_structure, joined_error, truncation_error

__all__ = ["check_audio_path", "read_audio", "read_blocks"]

_SYSTEM_LIMITS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EAGAIN)
_REMEDY = "Raise it (open files: ulimit -n), close other programs, or use fewer jobs."


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
    return read_mixed(open_blocks, path, make_sink, sr, max_duration)


@contextmanager
def _opened(path, data, patches, max_duration):
    """Yield the sampling rate and the blocks of the first seconds of a file, by the decoder that its content needs."""
    seconds = None if max_duration is None else float(max_duration) + MARGIN
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
