"""timbre: the shape of the spectrum, independent of its level."""

import numpy as np

from skmer.features._frames import frame_levels, loud_frames, magnitudes, normalise_level, pad_to_frame, summarise

__all__ = ["check_rate", "timbre"]

_N_MFCC = 13
_N_MELS = 64
_CONTRAST_FROM = 200.0  # Hz; the bands are octaves from here on


def check_rate(sr):
    """Check that the sampling rate is high enough for the lowest band of the spectral contrast."""
    if sr <= 2 * _CONTRAST_FROM:
        raise ValueError(
            f"sr={sr:g} Hz is too low for timbre, whose bands begin at {_CONTRAST_FROM:g} Hz: use more than "
            f"{2 * _CONTRAST_FROM:g} Hz, or leave timbre out."
        )


def timbre(y, sr=22050, n_fft=2048, hop_length=512):
    """Describe the timbre of a recording by the shape of its spectrum over time.

    The level of the recording is normalised first, so that a gain has no effect; frames more
    than 60 dB below the loudest are ignored.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=22050
        Sampling rate in Hz, above 400.
    n_fft : int, default=2048
        Length of a frame in samples.
    hop_length : int, default=512
        Step from frame to frame in samples.

    Returns
    -------
    dict of str to float
        Mean, standard deviation and mean absolute change from frame to frame (``_mean``,
        ``_std``, ``_change``) of ``mfcc0`` to ``mfcc12``, ``centroid``, ``bandwidth`` and
        ``rolloff`` (85 % of the energy) in Hz, ``flatness`` (1 for noise, 0 for a tone),
        ``contrast0`` and on (peaks above valleys in dB; below 200 Hz, then octave by octave:
        up to seven, fewer where `sr` is low) and ``zero_crossings`` (per second).

    Raises
    ------
    ValueError
        If `y` is not one-dimensional or has no samples, or `sr` is not above 400.

    See Also
    --------
    skmer.DescriptorTransformer : This and other groups for many songs.

    Notes
    -----
    The values are computed by librosa, without padding at the ends. For digital silence, the
    flatness is 1, the MFCC are those of -100 dB, and other values are 0.

    References
    ----------
    Jiang et al., "Music type classification by spectral contrast feature", ICME 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import timbre
    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    >>> print(f"{timbre(tone)['centroid_mean']:.0f} Hz")
    1000 Hz
    """
    from skmer.features._librosa import feature, power_to_db

    check_rate(sr)
    y = normalise_level(pad_to_frame(y, n_fft))
    spectrum = magnitudes(y, n_fft, hop_length)
    power = np.square(spectrum)
    mel = feature.melspectrogram(S=power, sr=sr, n_fft=n_fft, n_mels=_N_MELS)
    of_spectrum = {"S": spectrum, "sr": sr, "n_fft": n_fft}
    series = {f"mfcc{k}": row for k, row in enumerate(feature.mfcc(S=power_to_db(mel), n_mfcc=_N_MFCC))}
    series["centroid"] = feature.spectral_centroid(**of_spectrum)[0]
    series["bandwidth"] = feature.spectral_bandwidth(**of_spectrum)[0]
    series["rolloff"] = feature.spectral_rolloff(**of_spectrum)[0]
    series["flatness"] = feature.spectral_flatness(S=spectrum)[0]
    n_bands = int(np.clip(np.ceil(np.log2(sr / 2 / _CONTRAST_FROM)), 1, 6))
    contrast = feature.spectral_contrast(**of_spectrum, fmin=_CONTRAST_FROM, n_bands=n_bands)
    series |= {f"contrast{k}": row for k, row in enumerate(contrast)}
    crossings = feature.zero_crossing_rate(y, frame_length=n_fft, hop_length=hop_length, center=False)[0]
    series["zero_crossings"] = crossings * sr
    loud = loud_frames(frame_levels(y, n_fft, hop_length))
    described: dict[str, float] = {}
    for name, values in series.items():
        described |= summarise(name, values[loud])
    return described
