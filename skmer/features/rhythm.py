"""rhythm: tempo, and the strength and regularity of onsets."""

import numpy as np

from skmer.features._frames import magnitudes, normalise_level, pad_to_frame, summarise

__all__ = ["rhythm"]

_N_MELS = 64
_WINDOW, _STEP = 8.0, 0.25  # s, of the autocorrelation
_MIN_POWER = 1e-6  # of the strongest window
_MIN_RISE = 0.5  # dB, mean over the bands: the spectrum of a steady tone changes by less, by rounding and phase
_MULTIPLES = {"clarity": 1.0, "half": 0.5, "double": 2.0, "triple": 3.0, "quadruple": 4.0}


def rhythm(y, sr=22050, n_fft=2048, hop_length=512):
    """Describe the pulse of a recording: tempo, its clarity, onsets.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=22050
        Sampling rate in Hz.
    n_fft : int, default=2048
        Length of a frame in samples.
    hop_length : int, default=512
        Step from frame to frame in samples.

    Returns
    -------
    dict of str to float
        ``tempo``: in beats per minute, 0 without a pulse. ``pulse_clarity``: mean
        autocorrelation of the onsets at that tempo, from 0 to 1.
        ``pulse_half``, ``pulse_double``, ``pulse_triple``, ``pulse_quadruple``: the same at
        half the tempo and at its multiples. ``onset_rate``: onsets per second.
        ``onset_strength_mean``, ``_std``, ``_change``: of the rise of the mel spectrum from
        frame to frame, in dB.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional or has no samples.

    See Also
    --------
    skmer.DescriptorTransformer : This and other groups for many songs.

    Notes
    -----
    The tempo is librosa's, which prefers tempi around 120: that of slow and fast pieces may be
    doubled or halved. It is interpolated between the frames of the autocorrelation, which are
    5 % apart at 240. For a recording shorter than two beats it is not meaningful, and
    ``pulse_clarity`` is low.

    References
    ----------
    Grosche, Müller & Kurth, "Cyclic tempogram: a mid-level tempo representation for music
    signals", ICASSP 2010. Lartillot et al., "Multi-feature modeling of pulse clarity",
    ISMIR 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import rhythm
    >>> y = np.zeros(10 * 22050)
    >>> y[::11025] = 1.0  # two clicks per second
    >>> print(f"{rhythm(y)['tempo']:.0f}")
    120
    """
    from skmer.features._librosa import feature, onset, power_to_db

    y = normalise_level(pad_to_frame(y, n_fft))
    duration = len(y) / sr
    power = np.square(magnitudes(y, n_fft, hop_length))
    mel = power_to_db(feature.melspectrogram(S=power, sr=sr, n_fft=n_fft, n_mels=_N_MELS))
    strength = onset.onset_strength(S=mel, sr=sr, hop_length=hop_length, center=False)
    onset_rate, tempo = 0.0, 0.0
    pulse = {f"pulse_{name}": 0.0 for name in _MULTIPLES}
    if strength.max() > _MIN_RISE:
        onsets = onset.onset_detect(onset_envelope=strength, sr=sr, hop_length=hop_length)
        onset_rate = len(onsets) / duration
        correlation = _mean_autocorrelation(strength, sr, hop_length)
        lag, tempo = _pulse(correlation, sr, hop_length)
        pulse = {f"pulse_{name}": _interpolate(correlation, lag / multiple) for name, multiple in _MULTIPLES.items()}
    return {
        "tempo": tempo,
        **pulse,
        "onset_rate": onset_rate,
        **summarise("onset_strength", strength),
    }


def _mean_autocorrelation(strength, sr, hop_length):
    """Return the autocorrelation of the onsets at each lag, 1 at lag 0, averaged over windows of 8 s."""
    from scipy.ndimage import gaussian_filter1d

    from skmer.features._librosa import autocorrelate

    length = max(round(_WINDOW * sr / hop_length), 4)
    step = max(round(_STEP * sr / hop_length), 1)
    # smoothed, because the period of a pulse is rarely a whole number of frames
    smooth = gaussian_filter1d(strength, 1.0, mode="constant")
    around = np.pad(smooth - smooth.mean(), length // 2)
    windows = np.lib.stride_tricks.sliding_window_view(around, length)[::step] * np.hanning(length)
    correlation = autocorrelate(windows, axis=1)
    power = correlation[:, 0]
    pulsing = power > _MIN_POWER * power.max()
    return (correlation[pulsing] / power[pulsing, None]).mean(axis=0).clip(min=0)


def _pulse(correlation, sr, hop_length):
    """Return the lag, in frames and fractions, and the tempo of the strongest pulse."""
    from skmer.features._librosa import feature

    coarse = feature.tempo(tg=correlation[:, None], sr=sr, hop_length=hop_length)[0]
    lag = round(60 * sr / (hop_length * coarse))
    if 0 < lag < len(correlation) - 1:
        before, here, after = correlation[lag - 1 : lag + 2]
        bend = before - 2 * here + after
        # the top of the parabola through the three
        if here >= max(before, after) and bend < 0:
            lag += 0.5 * (before - after) / bend
    return lag, float(60 * sr / (hop_length * lag))


def _interpolate(correlation, lag):
    return float(np.interp(lag, np.arange(len(correlation)), correlation, right=0.0))
