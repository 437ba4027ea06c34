"""Facts about a recording: its length, format, level, silence and clipping, and its fingerprint."""

from typing import NamedTuple

import numpy as np

from skmer._errors import format_error
from skmer.audio import read_audio
from skmer.audio._quiet import quiet_decoder
from skmer.audit.fingerprints import SAMPLE_RATE, Fingerprint, fingerprint

__all__ = ["RecordingFacts", "measure_recording"]

_FULL_SCALE = 0.999
_RUN = 3  # samples at full scale in a row that count as clipped
_SILENT = 1e-3  # amplitude, -60 dB relative to full scale
_BLOCK = 0.1  # seconds, of which each is silent or not
_UNKNOWN_RATE = 44_100  # for formats whose sampling rate soundfile does not tell


class RecordingFacts(NamedTuple):
    """What is known about a recording; None where it is not.

    Parameters
    ----------
    error : str or None
        Why the recording cannot be read; all other facts are then None.
    duration : float or None
        Seconds.
    sample_rate : int or None
        In Hz.
    channels : int or None
        Number of channels.
    format : str or None
        Container and coding, such as ``"OGG OPUS"``.
    level : float or None
        Root mean square of the mean of the channels, in dB relative to full scale; -inf for digital silence.
    peak : float or None
        Largest absolute value, in dB relative to full scale.
    clipped : float or None
        Share of samples in runs of three or more at full scale.
    silent : float or None
        Share of tenths of a second whose peak is below -60 dB.
    fingerprint : Fingerprint or None
        See `fingerprint`.

    See Also
    --------
    measure_recording : Measures a recording.

    Examples
    --------
    >>> from skmer.audit import RecordingFacts
    >>> RecordingFacts(error="this file is empty").level is None
    True
    """

    error: str | None = None
    duration: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    format: str | None = None
    level: float | None = None
    peak: float | None = None
    clipped: float | None = None
    silent: float | None = None
    fingerprint: Fingerprint | None = None


def measure_recording(path, max_duration=None):
    """Read a recording once and measure it.

    Parameters
    ----------
    path : str or path-like
        An audio file.
    max_duration : float, default=None
        Seconds of the recording that are read; all by default.

    Returns
    -------
    RecordingFacts
        With ``error`` if the file cannot be read.

    Examples
    --------
    >>> from skmer.audit import measure_recording
    >>> measure_recording("no-song.mp3").duration is None
    True
    """
    rate, channels, coding = _format(path)
    try:
        y = read_audio(path, sr=rate or _UNKNOWN_RATE, max_duration=max_duration)
    except MemoryError:
        raise
    except Exception as error:  # a broken file can raise anything in a decoder
        return RecordingFacts(error=format_error(error, path))
    return _measure(y, rate or _UNKNOWN_RATE)._replace(sample_rate=rate, channels=channels, format=coding)


def _format(path):
    """Return sampling rate, channels and coding of a file, or None for each if soundfile cannot read it."""
    import soundfile

    try:
        with quiet_decoder():
            info = soundfile.info(path)
    except Exception:  # read_audio tells the reason, or decodes the file by other means
        return None, None, None
    return info.samplerate, info.channels, f"{info.format} {info.subtype}"


def _measure(y, rate):
    import soxr

    peak = float(np.abs(y).max())
    full = np.concatenate([[0], np.abs(y) >= _FULL_SCALE, [0]]).astype(np.int8)
    starts, ends = np.flatnonzero(np.diff(full) == 1), np.flatnonzero(np.diff(full) == -1)
    runs = ends - starts
    size = max(1, round(_BLOCK * rate))
    blocks = np.abs(np.pad(y, (0, -len(y) % size))).reshape(-1, size).max(axis=1)
    with np.errstate(divide="ignore"):
        level = 10 * np.log10(np.mean(np.square(y, dtype=np.float64)))
        peak = 20 * np.log10(peak)
    return RecordingFacts(
        duration=len(y) / rate,
        level=float(level),
        peak=float(peak),
        clipped=float(runs[runs >= _RUN].sum() / len(y)),
        silent=float(np.mean(blocks < _SILENT)),
        fingerprint=fingerprint(soxr.resample(y, rate, SAMPLE_RATE)),
    )
