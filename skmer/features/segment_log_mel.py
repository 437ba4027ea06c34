"""segment_log_mel: log-mel spectrograms of the overlapping segments of a waveform."""

import numpy as np

from skmer.features.log_mel import log_mel

__all__ = ["count_segments", "in_samples", "segment_log_mel"]


def in_samples(seconds, sr):
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
    length, step = round(in_samples(duration, sr)), in_samples(hop, sr)
    n_segments = count_segments(len(y), length, step)
    if n_segments < 1:
        raise ValueError(f"y lasts {len(y) / sr:.2f} s, shorter than one segment of duration={duration:g} s.")
    starts = [round(i * step) for i in range(n_segments)]
    return np.stack([log_mel(y[start : start + length], sr=sr, **mel_params) for start in starts])
