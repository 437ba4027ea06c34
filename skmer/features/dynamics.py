"""dynamics: the level of a recording and its changes over time."""

import numpy as np

from skmer.features._frames import SILENCE, frame_levels, pad_to_frame, summarise

__all__ = ["dynamics"]

_BELOW = 0.99  # of the mean level, so that rounding does not matter for the frames of a steady tone


def _decibels(amplitude):
    return 20 * np.log10(np.maximum(amplitude, SILENCE))


def dynamics(y, sr=22050, n_fft=2048, hop_length=512):
    """Describe the level of a recording and its changes over time.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=22050
        Sampling rate in Hz.
    n_fft : int, default=2048
        Length of a frame in samples; a shorter recording is one frame of its own length.
    hop_length : int, default=512
        Step from frame to frame in samples.

    Returns
    -------
    dict of str to float
        ``level``: root mean square of the whole recording, in dB relative to full scale, at
        least -100. ``frame_level_mean``, ``_std``, ``_change``: of the frames' levels in dB;
        the change is the mean absolute difference from frame to frame. ``level_range``: from
        the 5th to the 95th percentile of the frames' levels, in dB. ``crest_factor``: peak
        above `level`, in dB. ``low_energy_share``: share of frames whose amplitude is more
        than 1 % below the mean of all. ``level_trend``: slope of the level over time, in dB
        per minute.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional or has no samples.

    See Also
    --------
    skmer.DescriptorTransformer : This and other groups for many songs.

    Notes
    -----
    A gain changes only ``level`` and ``frame_level_mean``, by its decibels, unless frames are
    below -100 dB, as in digital silence.

    References
    ----------
    Tzanetakis & Cook, "Musical genre classification of audio signals", IEEE Transactions on
    Speech and Audio Processing 10(5), 2002 (share of low-energy frames).

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import dynamics
    >>> tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    >>> {name: round(value, 2) for name, value in dynamics(tone).items() if name in ("level", "crest_factor")}
    {'level': -9.03, 'crest_factor': 3.01}
    """
    y = pad_to_frame(y, 1)
    frames = frame_levels(y, min(n_fft, len(y)), hop_length)
    decibels = _decibels(frames)
    level = _decibels(np.sqrt(np.mean(np.square(y))))
    low, high = np.percentile(decibels, [5, 95])
    minutes = np.arange(len(frames)) * hop_length / sr / 60
    trend = np.polyfit(minutes - minutes.mean(), decibels, 1)[0] if len(frames) > 1 else 0.0
    return {
        "level": float(level),
        **summarise("frame_level", decibels),
        "level_range": float(high - low),
        "crest_factor": float(_decibels(np.abs(y).max()) - level),
        "low_energy_share": float(np.mean(frames < _BELOW * frames.mean())),
        "level_trend": float(trend),
    }
