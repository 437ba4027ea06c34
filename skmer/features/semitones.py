"""log_semitones: levels of the semitones C1 to B7, frame by frame."""

from functools import lru_cache

import numpy as np
from scipy import sparse

from skmer.features.chroma import PITCH_CLASSES
from skmer.features.log_mel import band_levels, check_length

__all__ = ["SEMITONE_NAMES", "check_semitone_rate", "log_semitones", "semitone_n_fft"]

SEMITONE_NAMES = tuple(f"semitone_{name}{octave}" for octave in range(1, 8) for name in PITCH_CLASSES)

_C1, _A4, _A = 24, 69, 440.0  # MIDI numbers of C1 and A4, and the frequency of A4 in Hz
_FRAME = 4096 / 22528  # s, at least four periods of C1
_NARROWEST = 1.5  # half the width of a band, in bins of the spectrum


def semitone_n_fft(sr):
    """Return the length of a frame in samples: the power of two nearest to 0.18 s."""
    return 2 ** round(np.log2(_FRAME * sr))


def check_semitone_rate(sr):
    """Raise ValueError if the highest band ends above half the sampling rate."""
    top = float(_frequencies()[-1])
    if sr < 2 * top:
        raise ValueError(f"sr={sr:g} Hz is too low for semitones up to B7: use at least {np.ceil(2 * top):.0f} Hz.")


def _frequencies():
    """Return the frequency of each pitch in Hz, with the next lower and the next higher one."""
    return _A * 2.0 ** ((np.arange(_C1 - 1, _C1 + len(SEMITONE_NAMES) + 1) - _A4) / 12)


@lru_cache(maxsize=16)
def _bands(sr, n_fft):
    """Return triangular bands over the bins of a power spectrum, sparse."""
    below, centre, above = (_frequencies()[part, None] for part in (slice(-2), slice(1, -1), slice(2, None)))
    width = sr / n_fft
    below, above = np.minimum(below, centre - _NARROWEST * width), np.maximum(above, centre + _NARROWEST * width)
    bins = np.arange(min(int(above[-1, 0] / width) + 1, n_fft // 2) + 1) * width
    bands = np.maximum(np.minimum((bins - below) / (centre - below), (above - bins) / (above - centre)), 0)
    # a sine of full scale at the pitch of a band has the power 1 in it
    bands /= np.sum(bands * _hann_spectrum((bins - centre) / width), axis=1, keepdims=True)
    return sparse.csr_array(bands.astype(np.float32))


def _hann_spectrum(distance):
    """Return the power spectrum of a Hann window at a distance in bins, relative to its maximum."""
    near = np.isclose(np.abs(distance), 1)
    return np.where(near, 0.25, np.square(np.sinc(distance) / np.where(near, 1, 1 - distance**2)))


@lru_cache(maxsize=16)
def _window(n_fft):
    # periodic; scaled so that a sine of full scale has a peak of 1
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    return (hann * (2 / hann.sum())).astype(np.float32)


def log_semitones(y, sr=22528, n_fft=None, hop_length=512):
    """Compute the level of each semitone from C1 to B7.

    Power spectra of Hann windows are summed in triangular bands, each from the next lower to the
    next higher semitone, and converted to decibels.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=22528
        Sampling rate in Hz, at least 8,373.
    n_fft : int, default=None
        Length of a frame in samples; None is the power of two nearest to 0.18 s, 4,096 at
        22,528 Hz.
    hop_length : int, default=512
        Step from frame to frame in samples.

    Returns
    -------
    ndarray of shape (84, n_frames), float32
        Level in dB relative to a sine of full scale, -100 for silence; C1 (32.7 Hz) first.
        Frame t covers the samples from ``t * hop_length`` on, and ``n_frames`` is
        ``1 + (n_samples - n_fft) // hop_length``. The transposed array is C-contiguous.

    Raises
    ------
    ValueError
        If `y` is shorter than one frame or not one-dimensional, or `sr` is too low.

    See Also
    --------
    skmer.features.chroma : Pitch classes from these levels.
    librosa.cqt : Frames whose length depends on the pitch; the default pitches are the same.

    Notes
    -----
    A is 440 Hz. A sine has the same level in its band whatever its pitch; between two pitches
    the level is up to 3 dB lower. A band is at least 1.5 bins of the spectrum wide on either
    side, so that none is empty. Two tones a semitone apart are resolved above about 370 Hz; a
    single tone is found in its own band at any pitch.

    The transform is computed in single precision: levels far below the loudest of the same
    frame, by 100 dB, are rounded.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import log_semitones
    >>> a4 = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22528) / 22528)
    >>> levels = log_semitones(a4)
    >>> levels.shape
    (84, 37)
    >>> levels[:, 0].argmax(), levels[:, 0].max().round(1)  # 45 semitones above C1
    (np.int64(45), np.float32(-6.0))
    """
    check_semitone_rate(sr)
    n_fft = semitone_n_fft(sr) if n_fft is None else n_fft
    y = np.asarray(y, dtype=np.float32)
    check_length(y, n_fft)
    return band_levels(y, _window(int(n_fft)), hop_length, _bands(float(sr), int(n_fft))).T
