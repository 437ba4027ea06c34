"""From one song to its array, with or without a cache: the work behind SegmentTransformer."""

import numpy as np

from skmer.audio import read_audio
from skmer.features.log_mel import log_mel
from skmer.features.segment_log_mel import in_samples, segment_log_mel
from skmer.segmentation.file_cache import cached

__all__ = ["CACHE_VERSION", "cached_compute_file", "compute", "compute_file"]

# part of every cache key: raise it when the numbers that log_mel or read_audio give change
CACHE_VERSION = 1


def _pad(y, n_samples, how):
    missing = n_samples - len(y)
    if how is None or missing <= 0:
        return y
    return np.pad(y, (0, missing), mode="wrap" if how == "circular" else "constant")


def compute(y, segments, sr, dtype, pad_to, padding, mel):
    """Give one song's array, its length in samples before padding, and whether it is silent.

    The array is the time-major spectrogram where `segments` is None, else the segments;
    it is empty where the song is too short, for the caller to report.
    """
    n_samples, silent = len(y), not y.any()
    y = _pad(y, pad_to, padding)
    mel = dict(mel)
    if segments is None:
        short = len(y) < mel["n_fft"]
        array = np.empty((0, mel["n_mels"])) if short else log_mel(y, sr=sr, **mel).T
    else:
        duration, hop = segments
        short = len(y) < round(in_samples(duration, sr))
        array = np.empty((0, mel["n_mels"], 1)) if short else segment_log_mel(y, duration, hop, sr, **mel)
    return np.ascontiguousarray(array, dtype=dtype), n_samples, silent


def compute_file(path, size, mtime_ns, version, max_duration, sr, params):
    # size, mtime_ns and version are there for the cache's key only
    return compute(read_audio(path, sr=sr, max_duration=max_duration), sr=sr, **dict(params))


def _may_stay_mapped(n_songs):
    """Tell whether so many memory maps, each of which holds a file open, stay well below the system's limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return True
    return n_songs < resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2


def cached_compute_file(memory, n_songs):
    """Wrap `compute_file` in the cache that `memory` (None, a folder or a joblib.Memory) names."""
    mmap_mode = "r" if memory is not None and _may_stay_mapped(n_songs) else None
    kept = cached(compute_file, memory, mmap_mode)

    def read_one(*args):
        try:
            return kept(*args)
        # what cannot be stored, as on a full disk, joblib warns of, and then looks for in vain to map it
        except KeyError:
            return compute_file(*args)

    return compute_file if memory is None else read_one
