"""Songs that are given as waveforms: at the sampling rate of a step, or with a rate of their own."""

from contextlib import contextmanager
from numbers import Real

import numpy as np

from skmer._errors import AudioError
from skmer.audio._mixing import BLOCK, MARGIN, RATES, Levels, read_mixed

__all__ = ["check_waveform", "has_rate", "resample_waveform"]


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
    y = _floating(y, name)
    if y.ndim != 1:
        raise AudioError(f"{name} has shape {y.shape}. Pass a mono waveform of shape (n_samples,).")
    if y.size == 0:
        raise AudioError(f"{name} has no samples. Leave it out, or pass the whole recording.")
    levels = Levels()
    levels.add(y)
    levels.check(name)
    return y.astype(np.float32, copy=False)


def _floating(y, name):
    y = np.asarray(y)
    if y.dtype.kind in "iub":
        raise AudioError(
            f"{name} has dtype {y.dtype}, whose full scale is unclear. Convert it to floating point between -1 and 1."
        )
    if y.dtype.kind != "f":
        raise AudioError(f"{name} has dtype {y.dtype}. Pass floating-point samples between -1 and 1.")
    return y


def has_rate(song):
    """Return whether a song is given as a tuple of a waveform and its sampling rate."""
    is_pair = isinstance(song, tuple) and len(song) == 2 and isinstance(song[1], Real)
    return is_pair and not isinstance(song[1], bool) and not isinstance(song[0], str | Real) and np.ndim(song[0]) > 0


def resample_waveform(y, rate, sr, max_duration=None, name="The waveform"):
    """Return a waveform with a sampling rate of its own as `read_audio` reads a file of the same samples.

    `y` has shape (n_samples,) or, as librosa returns it, (n_channels, n_samples).
    """
    y = _floating(y, name)
    if not np.isfinite(rate) or not RATES[0] <= rate <= RATES[1]:
        raise AudioError(
            f"{name} has a sampling rate of {rate:,} Hz, outside the range of 1 kHz to 10 MHz. Pass (waveform, rate)."
        )
    if y.ndim not in (1, 2):
        raise AudioError(f"{name} has shape {y.shape}. Pass samples of shape (n_samples,) or (n_channels, n_samples).")
    if y.size == 0:
        raise AudioError(f"{name} has no samples. Leave it out, or pass the whole recording.")
    if y.ndim == 2 and y.shape[0] >= y.shape[1]:
        raise AudioError(
            f"{name} has shape {y.shape}, as if it had {y.shape[0]:,} channels. Pass (n_channels, n_samples), as "
            "librosa does; transpose what soundfile returns."
        )
    channels = np.atleast_2d(y)
    if max_duration is not None:
        channels = channels[:, : int(-(-(float(max_duration) + MARGIN) * rate // 1))]

    @contextmanager
    def opened():
        starts = range(0, channels.shape[1], BLOCK)
        yield rate, (np.ascontiguousarray(channels[:, i : i + BLOCK].T, dtype=np.float32) for i in starts)

    return np.concatenate(read_mixed(opened, name, _Parts, sr, max_duration).parts)


class _Parts:
    """The blocks of a waveform."""

    def __init__(self):
        self.parts = []

    def add(self, block):
        self.parts.append(block.copy())
