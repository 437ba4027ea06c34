"""From one song to its array, with or without a cache: the work behind SegmentTransformer."""

from dataclasses import astuple, dataclass

import numpy as np

from skmer.audio import read_audio
from skmer.feature_extraction._cache import cached, file_key
from skmer.features.log_mel import log_mel
from skmer.features.segment_log_mel import in_samples, segment_log_mel

__all__ = ["ArrayPlan", "array_reader"]

# part of every cache key: raise it when the numbers that log_mel or read_audio give change
CACHE_VERSION = 1


@dataclass(frozen=True)
class ArrayPlan:
    """All that decides a song's array, in plain types, so that 5 and 5.0 have the same key in a cache."""

    sr: float
    n_fft: int
    hop_length: int
    n_mels: int
    fmin: float
    fmax: float
    center: bool
    max_duration: float | None
    padding: str | None
    pad_to: int  # samples
    dtype: str
    cut: tuple[float, float] | None  # duration and hop in seconds, where segments are no windows of a spectrogram

    def array(self, y):
        """Give a waveform's array, its length in samples before padding, and whether it is silent.

        The array is the time-major spectrogram where `cut` is None, else the segments;
        it is empty where the song is too short, for the caller to report.
        """
        n_samples, silent = len(y), not y.any()
        if self.padding is not None and n_samples < self.pad_to:
            y = np.pad(y, (0, self.pad_to - n_samples), mode="wrap" if self.padding == "circular" else "constant")
        mel = {name: getattr(self, name) for name in ("sr", "n_fft", "hop_length", "n_mels", "fmin", "fmax", "center")}
        if self.cut is None:
            short = len(y) < self.n_fft
            array = np.empty((0, self.n_mels)) if short else log_mel(y, **mel).T
        else:
            duration, hop = self.cut
            short = len(y) < round(in_samples(duration, self.sr))
            array = np.empty((0, self.n_mels, 1)) if short else segment_log_mel(y, duration, hop, **mel)
        return np.ascontiguousarray(array, dtype=self.dtype), n_samples, silent


def _array_of_file(path, size, mtime_ns, version, plan):
    # size, mtime_ns and version are there for the cache's key only
    plan = ArrayPlan(*plan)
    return plan.array(read_audio(path, sr=plan.sr, max_duration=plan.max_duration))


def array_reader(memory, plan, n_songs):
    """Give the function from a path to what `ArrayPlan.array` gives, in the cache that `memory` names, if it does."""
    mmap_mode = "r" if memory is not None and _may_stay_mapped(n_songs) else None
    kept = cached(_array_of_file, memory, mmap_mode)

    def read(path):
        # a tuple, not a class, so that a cache outlives the class's name
        key = (*file_key(path), CACHE_VERSION, astuple(plan))
        try:
            return kept(*key)
        except KeyError:
            if memory is None:
                raise
            # what cannot be stored, as on a full disk, joblib warns of, and then looks for in vain to map it
            return _array_of_file(*key)

    return read


def _may_stay_mapped(n_songs):
    """Tell whether so many memory maps, each of which holds a file open, stay well below the system's limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return True
    return n_songs < resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2
