"""essentia_hpcp: harmonic pitch class profile of a waveform, computed by Essentia."""

import numpy as np

from skmer.features.hpcp import check_hpcp, estimate_tuning

__all__ = ["essentia_hpcp"]

_A_ABOVE_C = 9  # semitones


def require_essentia():
    """Import Essentia's algorithms; raise ImportError with the command to install them."""
    try:
        import essentia
    except ImportError as error:
        raise ImportError(
            "Essentia's HPCP needs the essentia package; install it with: pip install skmer[essentia]"
        ) from error
    info_active, essentia.log.infoActive = essentia.log.infoActive, False
    try:
        # without messages about missing models
        import essentia.standard
    finally:
        essentia.log.infoActive = info_active
    return essentia.standard


def essentia_hpcp(
    y,
    sr=44100,
    n_fft=4096,
    hop_length=2048,
    n_classes=12,
    tuning=440.0,
    fmin=100.0,
    fmax=None,
    n_peaks=100,
    floor=-100.0,
    width=4 / 3,
    n_harmonics=8,
    norm=True,
    center=False,
):
    """Compute the harmonic pitch class profile of a waveform with Essentia.

    Frames, window, range, shape and scale are those of `skmer.features.hpcp`; the spectral peaks
    and the profile are Essentia's. Requires ``pip install skmer[essentia]``.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=44100
        Sampling rate in Hz.
    n_fft : int, default=4096
        Length of a frame in samples, even.
    hop_length : int, default=2048
        Step from frame to frame in samples.
    n_classes : int, default=12
        Number of pitch classes in an octave, a multiple of 12.
    tuning : float or "auto", default=440.0
        Reference frequency of A in Hz. "auto" estimates it from the peaks of the whole
        waveform, as `skmer.features.hpcp` does.
    fmin : float, default=100.0
        Lowest frequency of a peak in Hz.
    fmax : float, default=None
        Highest frequency of a peak in Hz; None is 5,000, or ``sr / 2`` where that is less.
    n_peaks : int, default=100
        Number of the strongest peaks of a frame that contribute.
    floor : float, default=-100.0
        Level in dB, relative to a sine of full scale, below which peaks are ignored.
    width : float, default=4/3
        Width in semitones of the window around a peak's pitch, at least one class and at most 12.
    n_harmonics : int, default=8
        A peak of frequency f contributes to the pitch classes of f, f/2, ..., f/n_harmonics.
    norm : bool, default=True
        Whether to divide each frame by its maximum.
    center : bool, default=False
        Whether frames are centred, as in `skmer.features.hpcp`.

    Returns
    -------
    ndarray of shape (n_classes, n_frames), float32
        Row 0 is C (Essentia's own first row is A). A frame without any peak is all zeros. The
        transposed array is C-contiguous.

    Raises
    ------
    ImportError
        If the essentia package is not installed.
    ValueError
        If `y` is shorter than one frame, not one-dimensional or not finite, or a parameter is
        out of range.

    See Also
    --------
    skmer.features.hpcp : The same without Essentia.

    Notes
    -----
    Essentia's algorithms Windowing (Hann), Spectrum, SpectralPeaks and HPCP, the last without band
    preset and with squared cosines. There are two differences from `skmer.features.hpcp`: the
    frequency and magnitude of a peak are those of a parabola through magnitudes, not decibels,
    with errors of up to 0.6 Hz and 0.6 dB with the defaults; and harmonics have Essentia's own
    weights, without a decay parameter: with s semitones from f/h to f, ``1 / max(1, s / 24)``,
    summed over all h that are whole octaves apart, and then squared.

    Essentia is published under the GNU Affero General Public License, version 3, or other terms
    from its authors; software that is distributed with it, or offered over a network, is bound
    by them.

    References
    ----------
    Bogdanov et al., "Essentia: an audio analysis library for music information retrieval", ISMIR
    2013; https://essentia.upf.edu.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import essentia_hpcp
    >>> t = np.arange(44100) / 44100
    >>> triad = sum(0.2 * np.sin(2 * np.pi * f * t) for f in (261.63, 329.63, 392.00))
    >>> profile = essentia_hpcp(triad, n_harmonics=1)  # doctest: +SKIP
    >>> np.flatnonzero(profile[:, 0] > 0.5)  # doctest: +SKIP
    array([0, 4, 7])
    """
    standard = require_essentia()
    y = np.asarray(y, dtype=np.float32)
    fmax = min(5000.0, sr / 2) if fmax is None else fmax
    check_hpcp(y, sr, n_fft, n_classes, tuning, fmin, fmax, width, n_harmonics, n_peaks)
    if center:
        y = np.pad(y, n_fft // 2)
    # a tone outside the range of SpectralPeaks appears as a peak at its edge, which must be outside the range of HPCP
    low, high = (np.floor(fmin * n_fft / sr) - 1.5) * sr / n_fft, (np.ceil(fmax * n_fft / sr) + 1.5) * sr / n_fft
    wider = {"minFrequency": max(low, 0), "maxFrequency": min(high, sr / 2)}
    fold = {"bandPreset": False, "weightType": "squaredCosine", "windowSize": width, "harmonics": n_harmonics - 1}
    fold |= {"minFrequency": fmin, "maxFrequency": fmax, "sampleRate": sr, "size": n_classes}
    fold |= {"normalized": "unitMax" if norm else "none"}
    try:
        # the sum of Essentia's window is 2, so that a sine of full scale has a peak of 1
        window = standard.Windowing(type="hann", size=n_fft, zeroPhase=False, symmetric=False)
        spectrum = standard.Spectrum(size=n_fft)
        strongest = standard.SpectralPeaks(
            sampleRate=sr, maxPeaks=n_peaks, magnitudeThreshold=10 ** (floor / 20), orderBy="magnitude", **wider
        )
        folding = standard.HPCP(referenceFrequency=440.0 if isinstance(tuning, str) else tuning, **fold)
    except RuntimeError as error:
        raise ValueError(f"Essentia does not accept these parameters: {error}.") from error
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop_length]
    peaks = (strongest(spectrum(window(frame))) for frame in frames)
    if isinstance(tuning, str):
        found = list(peaks)
        tuning, peaks = estimate_tuning([(f, a**2) for f, a in found]), (pair for pair in found)
        folding = standard.HPCP(referenceFrequency=tuning, **fold)
    profile = np.empty((len(frames), n_classes), dtype=np.float32)
    for row, (frequency, magnitude) in zip(profile, peaks, strict=True):
        row[:] = folding(frequency, magnitude)
    # a copy, with the memory layout of hpcp
    return np.roll(profile, _A_ABOVE_C * n_classes // 12, axis=1).T
