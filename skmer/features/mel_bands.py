"""mel_bands: Slaney's mel filterbank with the bits of librosa, whose import takes longer than reading several songs."""

import warnings
from functools import lru_cache

import numpy as np
from scipy import sparse

__all__ = ["mel_bands"]

_LINEAR = 200.0 / 3  # Hz a mel up to 1 kHz
_KNEE = 1000.0 / _LINEAR  # mel at 1 kHz
_LOG_STEP = np.log(6.4) / 27.0  # logarithm of the ratio of frequencies a mel above 1 kHz


def _hz_to_mel(frequency):
    return frequency / _LINEAR if frequency < 1000 else _KNEE + np.log(frequency / 1000.0) / _LOG_STEP


def _mel_to_hz(mels):
    return np.where(mels < _KNEE, _LINEAR * mels, 1000.0 * np.exp(_LOG_STEP * (mels - _KNEE)))


@lru_cache(maxsize=16)
def mel_bands(sr, n_fft, n_mels, fmin, fmax):
    """Return triangular bands of unit area, as ``librosa.filters.mel``, of shape (n_mels, n_bins).

    They are sparse, because each bin of the spectrum is in at most two bands.
    """
    edges = _mel_to_hz(np.linspace(_hz_to_mel(fmin), _hz_to_mel(fmax), n_mels + 2))
    distances = np.subtract.outer(edges, np.fft.rfftfreq(n_fft, 1.0 / sr))
    widths = np.diff(edges)[:, None]
    bands = np.maximum(0, np.minimum(-distances[:-2] / widths[:-1], distances[2:] / widths[1:])).astype(np.float32)
    bands *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    if not np.all((edges[:-2] == 0) | (bands.max(axis=1) > 0)):
        warnings.warn(
            "Some mel bands have no bin of the spectrum, and are silent. Raise n_fft, or lower n_mels.",
            UserWarning,
            stacklevel=3,
        )
    return sparse.csr_array(bands)
