"""hpcp: harmonic pitch class profile of a waveform, from its spectral peaks."""

import numbers

import numpy as np
from scipy import fft

from skmer.features.log_mel import check_length

__all__ = ["hpcp"]

_BLOCK = 128  # frames transformed at once, which fit in a processor's cache
_TINY = 1e-30  # power, far below any floor, for the logarithm of zero
_FLAT = 1e-6  # share of a peak's power
_A = 440.0  # Hz
_A_ABOVE_C = 9  # semitones
_CENTS = 100  # steps in a semitone of the tuning estimate
_BLUR = 10  # cents to either side


def hpcp(
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
    decay=0.6,
    norm=True,
    center=False,
):
    """Compute the harmonic pitch class profile of a waveform.

    Only the peaks of each frame's spectrum contribute: to their own pitch class and, with
    decreasing weight, to those of which they may be a harmonic.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=44100
        Sampling rate in Hz.
    n_fft : int, default=4096
        Length of a frame in samples. Partials less than two bins, ``2 * sr / n_fft`` Hz, apart
        are not resolved.
    hop_length : int, default=2048
        Step from frame to frame in samples.
    n_classes : int, default=12
        Number of pitch classes in an octave, a multiple of 12.
    tuning : float or "auto", default=440.0
        Reference frequency of A in Hz. "auto" estimates it from the peaks of the whole
        waveform, within a quarter tone of 440 Hz.
    fmin : float, default=100.0
        Lowest frequency of a peak in Hz.
    fmax : float, default=None
        Highest frequency of a peak in Hz; None is 5,000, or ``sr / 2`` where that is less.
    n_peaks : int, default=100
        Number of the strongest peaks of a frame that contribute.
    floor : float, default=-100.0
        Level in dB, relative to a sine of full scale, below which peaks are ignored.
    width : float, default=4/3
        Width in semitones of the window around a peak's pitch, at most 12.
    n_harmonics : int, default=8
        A peak of frequency f contributes to the pitch classes of f, f/2, ..., f/n_harmonics.
    decay : float, default=0.6
        The weight of f/h is ``decay ** (h - 1)``.
    norm : bool, default=True
        Whether to divide each frame by its maximum. False returns sums of squared magnitudes;
        that of a sine of full scale is 1.
    center : bool, default=False
        False: frame t covers the samples from ``t * hop_length`` on, and no frame reaches
        beyond the waveform. True: it is centred there, with zero padding at both ends.

    Returns
    -------
    ndarray of shape (n_classes, n_frames), float32
        Row 0 is C, as in librosa's chroma, and with 12 classes row 9 is A. A frame without
        any peak, such as silence, is all zeros. ``n_frames`` is
        ``1 + (n_samples - n_fft) // hop_length``, or ``1 + n_samples // hop_length`` when
        centred. The transposed array is C-contiguous.

    Raises
    ------
    ValueError
        If `y` is shorter than one frame, not one-dimensional or not finite, or a parameter is
        out of range.

    See Also
    --------
    skmer.features.log_mel : Log-mel spectrogram.
    skmer.features.essentia_hpcp : The same by Essentia.
    librosa.feature.chroma_stft : Pitch classes from the whole spectrum.

    Notes
    -----
    With :math:`a_i` the magnitude of peak i, :math:`d` the distance in semitones from class n
    to its frequency :math:`f_i` in the nearest octave and :math:`l` the `width`,

    .. math:: HPCP(n) = \\sum_i a_i^2 \\, w(n, f_i), \\quad
        w = \\cos^2\\left(\\frac{\\pi}{2} \\frac{d}{l / 2}\\right) \\text{ where } |d| \\le l / 2
        \\text{, else } 0

    and the same again, with weight ``decay ** (h - 1)``, for :math:`f_i / h`. Spectra are those
    of a Hann window. The frequency of a peak is that of a parabola through the decibels of three
    bins, and its magnitude is derived from the window's spectrum; for a steady tone and the
    defaults the errors are less than 0.2 Hz and 0.1 dB.

    References
    ----------
    Gómez, "Tonal description of polyphonic audio for music content processing", INFORMS
    Journal on Computing 18(3), 2006, pp. 294-304: the profile, the squared magnitudes, the range
    from 100 to 5,000 Hz, the window of 4/3 semitone, 8 harmonics and the decay of 0.6. Number
    and floor of the peaks, window and tuning estimate are ours.

    Examples
    --------
    A C major triad:

    >>> import numpy as np
    >>> from skmer.features import hpcp
    >>> t = np.arange(44100) / 44100
    >>> triad = sum(0.2 * np.sin(2 * np.pi * f * t) for f in (261.63, 329.63, 392.00))
    >>> profile = hpcp(triad, n_harmonics=1)
    >>> profile.shape
    (12, 20)
    >>> np.flatnonzero(profile[:, 0] > 0.5)  # C, E, G
    array([0, 4, 7])
    """
    y = np.asarray(y, dtype=np.float32)
    fmax = min(5000.0, sr / 2) if fmax is None else fmax
    check_hpcp(y, sr, n_fft, n_classes, tuning, fmin, fmax, width, n_harmonics, n_peaks)
    if center:
        y = np.pad(y, n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop_length]
    window = np.hanning(n_fft + 1)[:-1]
    # scaled so that a sine of full scale has a peak of 1
    window *= 2 / window.sum()
    starts = range(0, len(frames), _BLOCK)
    peaks = (_peaks(frames[i : i + _BLOCK] * window, sr, fmin, fmax, n_peaks, 10 ** (floor / 10)) for i in starts)
    if isinstance(tuning, str):
        # only the peaks are kept until the tuning is known
        found = list(peaks)
        tuning, peaks = estimate_tuning(found), (block for block in found)
    profile = np.empty((len(frames), n_classes), dtype=np.float32)
    # in blocks, so that a long recording takes no more memory than its profile
    for start, (frame, frequency, power) in zip(starts, peaks, strict=True):
        part = profile[start : start + _BLOCK]
        folded = _fold(frame, frequency, power, len(part), n_classes, tuning, width, n_harmonics, decay)
        if norm:
            top = folded.max(axis=1, keepdims=True)
            folded /= np.where(top > 0, top, 1)
        part[:] = folded
    return profile.T


def check_hpcp(y, sr, n_fft, n_classes, tuning, fmin, fmax, width, n_harmonics, n_peaks):
    """Check the waveform and the parameters of a pitch class profile."""
    check_length(y, n_fft)
    # comparisons with NaN are False, so that it would be treated as silence
    if not np.isfinite(y).all():
        raise ValueError("y contains NaN or infinity: repair or leave out the recording.")
    if not isinstance(n_classes, numbers.Integral) or n_classes < 12 or n_classes % 12:
        raise ValueError(f"n_classes must be a positive multiple of 12, got {n_classes!r}.")
    if not (tuning == "auto" or (isinstance(tuning, numbers.Real) and 0 < float(tuning) < np.inf)):
        raise ValueError(f'tuning must be "auto" or the frequency of A in Hz, got {tuning!r}.')
    if not 0 < fmin < fmax <= sr / 2:
        raise ValueError(f"fmin={fmin} and fmax={fmax} (Hz) must satisfy 0 < fmin < fmax <= sr/2 = {sr / 2}.")
    if not 0 < width <= 12:
        raise ValueError(f"width must be above 0 and at most 12 semitones, got {width!r}.")
    for name, value in (("n_harmonics", n_harmonics), ("n_peaks", n_peaks)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value!r}.")


def _peaks(frames, sr, fmin, fmax, n_peaks, floor):
    """Return the frame, frequency (Hz) and power of the strongest spectral peaks of windowed frames."""
    n_fft = frames.shape[1]
    # with one more bin at each end: a peak is compared with its neighbours
    first = max(int(fmin * n_fft / sr) - 1, 0)
    last = min(int(np.ceil(fmax * n_fft / sr)) + 1, n_fft // 2)
    spectrum = fft.rfft(frames, axis=1)[:, first : last + 1]
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    left, middle, right = power[:, :-2], power[:, 1:-1], power[:, 2:]
    # rounding causes peaks in a flat spectrum, such as that of a click
    curved = 2 * middle - left - right > _FLAT * middle
    frame, place = np.nonzero((middle > left) & (middle >= right) & (middle >= floor) & curved)
    a, b, c = (np.log(np.maximum(side[frame, place], _TINY)) for side in (left, middle, right))
    offset = 0.5 * (a - c) / (a - 2 * b + c)
    # the Hann window attenuates a tone between two bins, by at most 1.4 dB
    level = b - 2 * np.log(np.sinc(offset) / (1 - offset**2))
    frequency = (first + 1 + place + offset) * (sr / n_fft)
    inside = (frequency >= fmin) & (frequency <= fmax)
    frame, frequency, level = frame[inside], frequency[inside], level[inside]
    counts = np.bincount(frame, minlength=len(frames))
    if counts.max() > n_peaks:
        # frame by frame, the strongest first
        order = np.lexsort((-level, frame))
        rank = np.arange(len(frame)) - np.repeat(np.cumsum(counts) - counts, counts)
        order = order[rank < n_peaks]
        frame, frequency, level = frame[order], frequency[order], level[order]
    return frame, frequency, np.exp(level)


def _fold(frame, frequency, power, n_frames, n_classes, tuning, width, n_harmonics, decay):
    """Add each peak to the pitch classes near the fundamentals of which it may be a harmonic."""
    per_semitone = n_classes / 12
    place = n_classes * np.log2(frequency / tuning) + _A_ABOVE_C * per_semitone
    reach = int(np.ceil(width / 2 * per_semitone))
    profile = np.zeros(n_frames * n_classes)
    for h in range(1, n_harmonics + 1):
        at = place - n_classes * np.log2(h)
        below = np.floor(at)
        fraction, below = at - below, below.astype(np.intp)
        weighted = power * decay ** (h - 1)
        for step in range(1 - reach, reach + 1):
            # relative to half the width of the window
            distance = np.abs(fraction - step) / (per_semitone * width / 2)
            # equal to the squared cosine of half the angle, and exactly 0 at the edge
            near = 0.5 + 0.5 * np.cos(np.pi * np.minimum(distance, 1))
            profile += np.bincount(
                frame * n_classes + (below + step) % n_classes, weights=weighted * near, minlength=len(profile)
            )
    return profile.reshape(n_frames, n_classes)


def estimate_tuning(blocks):
    """Return the frequency of A that fits most peaks, weighted by magnitude; 440 Hz without peaks.

    The last two items of a block are the frequencies (Hz) and powers of its peaks.
    """
    counts = np.zeros(_CENTS)
    for *_, frequency, power in blocks:
        deviation = np.rint(_CENTS * 12 * np.log2(frequency / _A)).astype(np.intp) % _CENTS
        counts += np.bincount(deviation, weights=np.sqrt(power), minlength=_CENTS)
    if not counts.any():
        return _A
    # the mode, not the mean: fifth and seventh harmonics are 14 and 31 cents flat
    blur = np.zeros(_CENTS)
    blur[np.arange(-_BLUR, _BLUR + 1)] = np.square(np.cos(np.pi / 2 * np.arange(-_BLUR, _BLUR + 1) / (_BLUR + 1)))
    smooth = fft.irfft(fft.rfft(counts) * fft.rfft(blur), _CENTS)
    best = int(np.argmax(smooth))
    return _A * 2 ** ((best - _CENTS * (best >= _CENTS // 2)) / (12 * _CENTS))
