"""Fingerprints of recordings, by which copies are found in spite of other encodings, cuts and levels."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from sklearn.neighbors import NearestNeighbors

from skmer.features.log_mel import log_mel

__all__ = ["SAMPLE_RATE", "Fingerprint", "SameRecording", "find_same_recordings", "fingerprint"]

SAMPLE_RATE = 8000
"""Sampling rate of the waveforms of `fingerprint`, in Hz."""

_N_FFT, _HOP, _BANDS, _FMIN, _FMAX = 4096, 800, 33, 200.0, 3500.0  # frames of 0.5 s, ten a second
_FRAMES_PER_SECOND = SAMPLE_RATE / _HOP
_SILENT = -80.0  # dB; bands below it say nothing
_LEAST, _OVERLAP = 50, 80  # frames: of a song, and of the common part of two longer ones
_WINDOW, _STEP = 100, 50  # frames of the spectra by which candidates are found
_KEPT = 200  # Fourier transforms of songs in memory, up to 1 MB each
_ALL_PAIRS = 100  # songs up to which every pair is compared


class Fingerprint(NamedTuple):
    """The fingerprint of a recording, at ten frames per second.

    Parameters
    ----------
    bits : ndarray of shape (32, n_frames), int8
        1 where the difference between two neighbouring mel bands increases, -1 where it decreases, 0 in silence.
    spectra : ndarray of shape (n_windows, 66), float32
        Mean and standard deviation of the bands in windows of 10 s, relative to the mean level of the window.
    """

    bits: np.ndarray
    spectra: np.ndarray


class SameRecording(NamedTuple):
    """Two songs that hold the same recording.

    Parameters
    ----------
    first, second : int
        Positions of the songs.
    bit_error_rate : float
        Share of different bits in the common part: 0 for equal sound, 0.5 for unrelated recordings.
    offset : float
        Time in the first song at which the second begins, in seconds; negative if the second begins earlier.
    overlap : float
        Length of the common part in seconds.
    """

    first: int
    second: int
    bit_error_rate: float
    offset: float
    overlap: float


def fingerprint(y):
    """Compute the fingerprint of a waveform.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform at 8000 Hz.

    Returns
    -------
    Fingerprint or None
        None for less than 5.6 s, too few to tell recordings apart, and for silence.

    See Also
    --------
    find_same_recordings : Compares fingerprints.

    References
    ----------
    Haitsma, Kalker, "A highly robust audio fingerprinting system" (ISMIR 2002): the signs of differences of
    band energies along time and frequency. Bands and frames are wider here, since whole songs are compared.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.audit import fingerprint
    >>> noise = np.random.default_rng(0).normal(0, 0.1, 8000 * 10)
    >>> fingerprint(noise).bits.shape
    (32, 94)
    >>> fingerprint(noise[:8000]) is None
    True
    """
    if len(y) < _N_FFT + _LEAST * _HOP:
        return None
    mel = log_mel(y, sr=SAMPLE_RATE, n_fft=_N_FFT, hop_length=_HOP, n_mels=_BANDS, fmin=_FMIN, fmax=_FMAX)
    slope = np.diff(np.diff(mel, axis=0), axis=1)
    loud = (mel > _SILENT).all(axis=0)
    heard = loud[1:] & loud[:-1]
    if heard.sum() < _LEAST:
        return None
    bits = np.where(slope > 0, 1, -1).astype(np.int8) * heard
    starts = range(0, max(1, mel.shape[1] - _STEP), _STEP)
    windows = [mel[:, start : start + _WINDOW] for start in starts]
    spectra = [np.concatenate([part.mean(axis=1) - part.mean(), part.std(axis=1)]) for part in windows]
    return Fingerprint(bits, np.array(spectra, dtype=np.float32))


def find_same_recordings(fingerprints, threshold=0.3, n_neighbors=10):
    """Find pairs of songs that hold the same recording, whole or in part.

    Parameters
    ----------
    fingerprints : sequence of Fingerprint or None
        One per song; None is the same recording as no other.
    threshold : float, default=0.3
        Largest bit error rate of a pair. Copies with other encodings have 0.05 to 0.25, other recordings, such as
        remixes, more than 0.4; between them are phrases that a piece repeats.
    n_neighbors : int, default=10
        Number of similar windows in other songs with which each window of 10 s is compared. Up to 100 songs, all
        pairs are compared.

    Returns
    -------
    list of SameRecording
        In the order of the songs.

    Notes
    -----
    The common part must last 8 s, or as long as the shorter song. A copy at another speed or pitch is not found.

    Examples
    --------
    A part of a recording, at another level and with noise:

    >>> import numpy as np
    >>> from skmer.audit import find_same_recordings, fingerprint
    >>> rng = np.random.default_rng(0)
    >>> one, other = rng.normal(0, 0.1, (2, 8000 * 20))
    >>> copy = 0.5 * one[8000 * 5 :] + rng.normal(0, 0.01, 8000 * 15)
    >>> [pair] = find_same_recordings([fingerprint(y) for y in (one, other, copy)])
    >>> pair.first, pair.second, pair.offset
    (0, 2, 5.0)
    """
    known = [i for i, own in enumerate(fingerprints) if own is not None]
    if len(known) < 2:
        return []
    pairs = combinations(known, 2) if len(known) <= _ALL_PAIRS else _candidates(fingerprints, known, n_neighbors)
    spectra: dict = {}
    found = []
    for first, second in sorted(pairs):
        rate, offset, overlap = _align(fingerprints[first].bits, fingerprints[second].bits, spectra, first, second)
        if rate <= threshold:
            found.append(SameRecording(first, second, rate, offset / _FRAMES_PER_SECOND, overlap / _FRAMES_PER_SECOND))
    return found


def _candidates(fingerprints, known, n_neighbors):
    """Return the pairs of songs with similar windows."""
    song = np.concatenate([np.full(len(fingerprints[i].spectra), i) for i in known])
    points = np.concatenate([fingerprints[i].spectra for i in known])
    points = (points - points.mean(axis=0)) / np.maximum(points.std(axis=0), 1e-6)
    # the windows of the song itself are similar, too
    most = int(np.bincount(song).max())
    k = min(len(points), n_neighbors + most)
    near = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points).kneighbors(points, return_distance=False)
    pairs = set()
    for own, row in zip(song, song[near], strict=True):
        others = row[row != own][:n_neighbors]
        pairs |= {(min(own, other), max(own, other)) for other in others.tolist()}
    return {(int(a), int(b)) for a, b in pairs}


def _align(a, b, spectra, first, second):
    """Return the smallest bit error rate over all offsets, that offset and the overlap, in frames."""
    size = 1 << (a.shape[1] + b.shape[1] - 1).bit_length()
    parts = []
    if len(spectra) > _KEPT:
        spectra.clear()
    for position, bits in ((first, a), (second, b)):
        if (position, size) not in spectra:
            # the last row counts the frames with sound
            rows = np.vstack([bits, bits.any(axis=0)]).astype(np.float32)
            spectra[position, size] = np.fft.rfft(rows, size)
        parts.append(spectra[position, size])
    product = parts[0] * parts[1].conj()
    agreement, overlap = np.fft.irfft(np.stack([product[:-1].sum(axis=0), product[-1]]), size)
    overlap = np.rint(overlap)
    least = min(_OVERLAP, np.count_nonzero(a.any(axis=0)), np.count_nonzero(b.any(axis=0)))
    rate = np.where(overlap >= least, 0.5 - agreement / (2 * len(a) * np.maximum(overlap, 1)), 1.0)
    best = int(rate.argmin())
    offset = best if best < a.shape[1] else best - size
    return max(0.0, float(rate[best])), offset, int(overlap[best])
