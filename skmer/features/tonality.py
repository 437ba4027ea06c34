"""tonality: which pitch classes sound, seen from the key, and how they move."""

import numpy as np

from skmer.features._frames import at_least_a_frame, frame_levels, magnitudes, sounding, summarise, without_level

__all__ = ["tonality"]

# ratings of how well each pitch class, counted in semitones from the tonic, fits a key (Krumhansl & Kessler)
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_LONGER = 4  # frames: neighbouring semitones lie closer together than other groups need to see
# where pitches count most: around 311 Hz, where chords lie, and less where their overtones do
_CENTRE, _WIDTH = 3.5, 1.5  # octaves above 27.5 Hz, octaves
_PITCH_RANGE = (60.0, 4000.0)  # Hz, where fundamentals and strong overtones are


def tonality(y, sr=22050, n_fft=2048, hop_length=512):
    """Describe the pitch classes of a recording relative to its key.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=22050
        Sampling rate in Hz.
    n_fft : int, default=2048
        Length of a frame in samples. Here frames are four times as long, for pitches lie
        close together, and four times as far apart.
    hop_length : int, default=512
        Step from frame to frame in samples, before it is made four times as long.

    Returns
    -------
    dict of str to float
        ``chroma0`` to ``chroma11``: share of each pitch class, counted in semitones from the
        tonic of the estimated key; they add up to 1. ``key_clarity``: correlation of these with
        the key's profile, at most 1. ``mode_strength``: by how much the best major key
        correlates more than the best minor key; above 0 for major. ``chroma_entropy_mean``,
        ``_std``, ``_change``: of the pitch classes of a frame, 0 for one class alone and 1 for
        all alike. ``tonal_movement_mean``, ``_std``, ``_change``: distance of the tonal
        centroid from frame to frame. ``tuning``: deviation from 440 Hz, in semitones from
        -0.5 to 0.5.

    Raises
    ------
    ValueError
        If `y` has not one dimension or no samples.

    See Also
    --------
    skmer.DescriptorTransformer : This and other groups, for many songs.

    Notes
    -----
    Everything but the tuning stays as it is when a piece is transposed by semitones. Major
    keys and their relative minors hold the same notes: where the estimate confuses them,
    the chroma is rotated by three semitones and ``mode_strength`` is near 0. A recording
    without pitch, such as silence, has twelve equal shares and zeros.

    References
    ----------
    Krumhansl & Kessler, "Tracing the dynamic changes in perceived tonal organization in a
    spatial representation of musical keys", Psychological Review 89(4), 1982. Harte, Sandler
    & Gasser, "Detecting harmonic change in musical audio", AMCMM 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import tonality
    >>> t = np.arange(2 * 22050) / 22050
    >>> major = sum(np.sin(2 * np.pi * f * t) for f in (261.63, 329.63, 392.00))
    >>> minor = sum(np.sin(2 * np.pi * f * t) for f in (261.63, 311.13, 392.00))
    >>> tonality(major)["mode_strength"] > 0 > tonality(minor)["mode_strength"]
    True
    """
    from librosa import feature

    n_fft, hop_length = _LONGER * n_fft, _LONGER * hop_length
    y = without_level(at_least_a_frame(y, n_fft))
    spectrum = magnitudes(y, n_fft, hop_length)[:, sounding(frame_levels(y, n_fft, hop_length))]
    tuning = _tuning(spectrum, sr, n_fft)
    chroma = feature.chroma_stft(
        S=np.square(spectrum), sr=sr, n_fft=n_fft, tuning=tuning, norm=1, ctroct=_CENTRE, octwidth=_WIDTH
    )
    # a frame without any pitch
    chroma[:, chroma.sum(axis=0) == 0] = 1 / 12
    mean = chroma.mean(axis=1)
    mean = mean / mean.sum()
    major, minor = _key_correlations(mean)
    best = max(major.max(), minor.max())
    tonic = int(np.argmax(np.maximum(major, minor)))
    centroid = feature.tonnetz(chroma=chroma)
    movement = np.sqrt(np.square(np.diff(centroid)).sum(axis=0)) if centroid.shape[1] > 1 else np.zeros(1)
    entropy = -np.sum(chroma * np.log(np.maximum(chroma, 1e-12)), axis=0) / np.log(12)
    return {
        **{f"chroma{k}": float(share) for k, share in enumerate(np.roll(mean, -tonic))},
        "key_clarity": float(best),
        "mode_strength": float(major.max() - minor.max()),
        **summarise("chroma_entropy", entropy),
        **summarise("tonal_movement", movement),
        "tuning": tuning,
    }


def _tuning(spectrum, sr, n_fft):
    from librosa import piptrack, pitch_tuning

    # at low sampling rates there is nothing above
    top = min(_PITCH_RANGE[1], sr / 2)
    pitches, strengths = piptrack(S=spectrum, sr=sr, n_fft=n_fft, fmin=_PITCH_RANGE[0], fmax=top)
    found = pitches > 0
    if not found.any():
        return 0.0
    strong = found & (strengths >= np.median(strengths[found]))
    return float(pitch_tuning(pitches[strong]))


def _key_correlations(chroma):
    """Correlate pitch classes with the profile of each major and each minor key, C first; zeros where all are equal."""
    if np.ptp(chroma) < 1e-9:
        return np.zeros(12), np.zeros(12)
    return tuple(
        np.array([np.corrcoef(chroma, np.roll(profile, tonic))[0, 1] for tonic in range(12)])
        for profile in (_MAJOR, _MINOR)
    )
