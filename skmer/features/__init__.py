"""Features of a waveform: pure functions, one a file."""

from skmer.features.essentia_hpcp import essentia_hpcp
from skmer.features.hpcp import hpcp
from skmer.features.log_mel import log_mel
from skmer.features.segment_log_mel import segment_log_mel

__all__ = ["essentia_hpcp", "hpcp", "log_mel", "segment_log_mel"]
