"""Features of a waveform: one pure function a file."""

from skmer.features.blocks import BlockLayout, block_array
from skmer.features.chroma import chroma
from skmer.features.dynamics import dynamics
from skmer.features.essentia_hpcp import essentia_hpcp
from skmer.features.hpcp import hpcp
from skmer.features.log_mel import log_mel, segment_log_mel
from skmer.features.opensmile_functionals import opensmile_functionals
from skmer.features.rhythm import rhythm
from skmer.features.semitones import log_semitones
from skmer.features.timbre import timbre
from skmer.features.tonality import tonality

__all__ = [
    "BlockLayout",
    "block_array",
    "chroma",
    "dynamics",
    "essentia_hpcp",
    "hpcp",
    "log_mel",
    "log_semitones",
    "opensmile_functionals",
    "rhythm",
    "segment_log_mel",
    "timbre",
    "tonality",
]
