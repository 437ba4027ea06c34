"""tonality: pitch classes relative to the key, and their changes over time."""

import numpy as np

from skmer.features._frames import frame_levels, loud_frames, magnitudes, normalise_level, pad_to_frame, summarise

__all__ = ["key_correlations", "tonality"]

# ratings of how well each pitch class, counted in semitones from the tonic, fits a key (Krumhansl & Kessler)
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_LONGER = 4  # times longer frames than in other groups, to resolve semitones
# weighting of pitches: highest around 311 Hz, the range of chords, and lower for their overtones
_CENTRE, _WIDTH = 3.5, 1.5  # octaves above 27.5 Hz, octaves
_PITCH_RANGE = (60.0, 4000.0)  # Hz, of fundamentals and strong overtones


def tonality(y, sr=22050, n_fft=2048, hop_length=512):
    """Describe the pitch classes of a recording relative to its key.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    sr : float, default=22050
        Sampling rate in Hz.
    n_fft : int, default=2048
        Length of a frame in samples; multiplied by four here, to resolve semitones.
    hop_length : int, default=512
        Step from frame to frame in samples; multiplied by four, too.

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
        If `y` is not one-dimensional or has no samples.

    See Also
    --------
    skmer.DescriptorTransformer : This and other groups for many songs.

    Notes
    -----
    All values but the tuning are invariant to transposition by semitones. Major keys and their
    relative minors have the same notes: where the estimate confuses them, the chroma is rotated
    by three semitones and ``mode_strength`` is near 0. For a recording without pitch, such as
    silence, the twelve shares are equal and the other values 0.

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
    from skmer.features._librosa import feature

    n_fft, hop_length = _LONGER * n_fft, _LONGER * hop_length
    y = normalise_level(pad_to_frame(y, n_fft))
    spectrum = magnitudes(y, n_fft, hop_length)[:, loud_frames(frame_levels(y, n_fft, hop_length))]
    tuning = _tuning(spectrum, sr, n_fft)
    chroma = feature.chroma_stft(
        S=np.square(spectrum), sr=sr, n_fft=n_fft, tuning=tuning, norm=1, ctroct=_CENTRE, octwidth=_WIDTH
    )
    # a frame without any pitch
    chroma[:, chroma.sum(axis=0) == 0] = 1 / 12
    mean = chroma.mean(axis=1)
    mean = mean / mean.sum()
    (major,), (minor,) = key_correlations(mean[None])
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
    from skmer.features._librosa import piptrack, pitch_tuning

    # below the Nyquist frequency
    top = min(_PITCH_RANGE[1], sr / 2)
    pitches, strengths = piptrack(S=spectrum, sr=sr, n_fft=n_fft, fmin=_PITCH_RANGE[0], fmax=top)
    found = pitches > 0
    if not found.any():
        return 0.0
    strong = found & (strengths >= np.median(strengths[found]))
    return float(pitch_tuning(pitches[strong]))


def key_correlations(chroma):
    """Correlate rows of pitch classes with the profile of each major and each minor key.

    Two arrays of shape (n_rows, 12) are returned, C first, with zeros for rows of equal values.
    """
    chroma = np.asarray(chroma, dtype=np.float64)
    flat = np.ptp(chroma, axis=1, keepdims=True) < 1e-9
    chroma = chroma - chroma.mean(axis=1, keepdims=True)
    chroma = np.where(flat, 0, chroma / np.where(flat, 1, np.linalg.norm(chroma, axis=1, keepdims=True)))
    return tuple(chroma @ keys for keys in (_keys(_MAJOR), _keys(_MINOR)))


def _keys(profile):
    """Return the profile of each tonic as a column with mean 0 and norm 1."""
    profile = np.asarray(profile) - np.mean(profile)
    return np.stack([np.roll(profile / np.linalg.norm(profile), tonic) for tonic in range(12)], axis=1)
