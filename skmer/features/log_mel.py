"""Log-mel spectrograms of a waveform and of its overlapping segments, on a fixed decibel scale."""

from functools import lru_cache

import numpy as np
from scipy import fft

from skmer.features.mel_bands import mel_bands

__all__ = [
    "BLOCK",
    "band_levels",
    "check_length",
    "count_segments",
    "cut_segments",
    "log_mel",
    "seconds_to_samples",
    "segment_log_mel",
]

_AMIN = 1e-10  # power of silence: -100 dB
BLOCK = 64  # frames transformed at once, which fit in a processor's cache


def check_length(y, n_fft):
    """Raise ValueError if a waveform is not one-dimensional or is shorter than one frame."""
    if y.ndim != 1:
        raise ValueError(f"y must be a mono waveform of shape (n_samples,), got shape {y.shape}.")
    if len(y) < n_fft:
        raise ValueError(
            f"y has {len(y)} samples, fewer than one frame of n_fft={n_fft}. Pass a longer waveform or a smaller n_fft."
        )


@lru_cache(maxsize=16)
def _hann(n_fft):
    # periodic, as scipy.signal.get_window returns it for overlapping frames
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)


def log_mel(y, sr=22528, n_fft=1024, hop_length=512, n_mels=128, fmin=0.0, fmax=None, center=False):
    """Compute the log-mel spectrogram of a waveform.

    Power spectra of Hann windows are summed in Slaney's mel bands of unit area and converted
    to decibels relative to 1. There is no lower limit relative to the maximum (librosa's
    `top_db`), because levels carry information about arousal and must be comparable between
    songs.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=22528
        Sampling rate in Hz.
    n_fft : int, default=1024
        Length of a frame in samples.
    hop_length : int, default=512
        Step from frame to frame in samples.
    n_mels : int, default=128
        Number of mel bands.
    fmin : float, default=0.0
        Lower edge of the lowest band in Hz.
    fmax : float, default=None
        Upper edge of the highest band in Hz; None is ``sr / 2``.
    center : bool, default=False
        False: frame t covers the samples from ``t * hop_length`` on, and no frame
        reaches beyond the waveform. True: it is centred there, with zero padding at both
        ends.

    Returns
    -------
    ndarray of shape (n_mels, n_frames), float32
        Level in dB, -100 for silence. ``n_frames`` is
        ``1 + (n_samples - n_fft) // hop_length``, or ``1 + n_samples // hop_length``
        when centred. The transposed array is C-contiguous.

    Raises
    ------
    ValueError
        If `y` is shorter than one frame or not one-dimensional, or unless
        ``0 <= fmin < fmax <= sr / 2``.

    See Also
    --------
    librosa.feature.melspectrogram : The same bands, before the logarithm.

    Notes
    -----
    The result equals ``librosa.power_to_db(librosa.feature.melspectrogram(y=y, ...), ref=1.0,
    amin=1e-10, top_db=None)`` to 0.01 dB.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import log_mel
    >>> tone = np.sin(2 * np.pi * 440 * np.arange(22528) / 22528)
    >>> log_mel(tone).shape
    (128, 43)
    >>> print(f"{log_mel(np.zeros(22528)).max():.1f}")
    -100.0
    """
    y = np.asarray(y, dtype=np.float32)
    check_length(y, n_fft)
    fmax = sr / 2 if fmax is None else fmax
    if not 0 <= fmin < fmax <= sr / 2:
        raise ValueError(f"fmin={fmin} and fmax={fmax} (Hz) must satisfy 0 <= fmin < fmax <= sr/2 = {sr / 2}.")
    bands = mel_bands(float(sr), int(n_fft), int(n_mels), float(fmin), float(fmax))
    if center:
        y = np.pad(y, n_fft // 2)
    # double precision: in single precision, bands 110 dB below the loudest are wrong by up to 0.02 dB
    return band_levels(y, _hann(int(n_fft)), hop_length, bands).T


def band_levels(y, window, hop_length, bands):
    """Return the level in dB of each band of the power spectrum of each frame, of shape (n_frames, n_bands).

    `bands` is sparse, of shape (n_bands, n_bins), for the first bins. The precision is that of `window`.
    """
    frames = np.lib.stride_tricks.sliding_window_view(y, len(window))[::hop_length]
    level = np.empty((len(frames), bands.shape[0]), dtype=np.float32)
    # in blocks, so that a long recording takes no more memory than its levels; new large arrays for each block would
    # take as long as the transform, because the system clears their memory
    windowed = np.empty((BLOCK, len(window)), dtype=window.dtype)
    power = np.empty((BLOCK, bands.shape[1]), dtype=np.float32)
    n_parts = 2 * bands.shape[1]
    for start in range(0, len(frames), BLOCK):
        block = frames[start : start + BLOCK]
        n = len(block)
        # real and imaginary parts by turns
        parts = fft.rfft(np.multiply(block, window, out=windowed[:n]), axis=1).view(window.dtype)[:, :n_parts]
        np.square(parts, out=parts)
        np.add(parts[:, ::2], parts[:, 1::2], out=power[:n], casting="same_kind")
        level[start : start + n] = (bands @ power[:n].T).T
    np.maximum(level, _AMIN, out=level)
    np.log10(level, out=level)
    level *= 10
    return level


def seconds_to_samples(seconds, sr):
    """Convert seconds to samples, as a float; rounding errors, as of 0.1 * 22050, are removed."""
    samples = float(seconds) * float(sr)
    return float(round(samples)) if abs(samples - round(samples)) < 1e-6 else samples


def count_segments(n_samples, length, hop):
    """Return the number of whole segments of `length` samples, `hop` samples apart, in `n_samples`."""
    return max(int((n_samples - length) // hop) + 1, 0)


def segment_log_mel(y, duration=3.0, hop=1.0, sr=22528, **mel_params):
    """Cut a waveform into segments and compute the log-mel spectrogram of each.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform at `sr`.
    duration : float, default=3.0
        Length of a segment in seconds.
    hop : float, default=1.0
        Step from segment to segment in seconds.
    sr : float, default=22528
        Sampling rate in Hz.
    **mel_params
        `n_fft`, `hop_length`, `n_mels`, `fmin`, `fmax` and `center` of `log_mel`.

    Returns
    -------
    ndarray of shape (n_segments, n_mels, n_frames), float32
        Level in dB. ``n_segments`` is
        ``floor((n_samples - duration * sr) / (hop * sr)) + 1``: only whole segments,
        without padding.

    Raises
    ------
    ValueError
        If `y` is shorter than one segment.

    See Also
    --------
    skmer.SegmentTransformer : The same for many songs and for files.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import segment_log_mel
    >>> segment_log_mel(np.zeros(5 * 22528), duration=3).shape
    (3, 128, 131)
    """
    return np.stack([log_mel(segment, sr=sr, **mel_params) for segment in cut_segments(y, duration, hop, sr)])


def cut_segments(y, duration, hop, sr):
    """Return the waveforms of the whole segments in a waveform, as views; raise ValueError if there is none."""
    length, step = round(seconds_to_samples(duration, sr)), seconds_to_samples(hop, sr)
    n_segments = count_segments(len(y), length, step)
    if n_segments < 1:
        raise ValueError(f"y lasts {len(y) / sr:.2f} s, shorter than one segment of duration={duration:g} s.")
    starts = [round(i * step) for i in range(n_segments)]
    return [y[start : start + length] for start in starts]
