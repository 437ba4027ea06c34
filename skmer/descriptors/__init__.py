"""Hand-crafted descriptors of songs: pure functions of a waveform, one group a file, and the transformer over them."""

from skmer.descriptors.dynamics import dynamics
from skmer.descriptors.opensmile_functionals import opensmile_functionals
from skmer.descriptors.rhythm import rhythm
from skmer.descriptors.timbre import timbre
from skmer.descriptors.tonality import tonality
from skmer.descriptors.transformer import DescriptorTransformer

__all__ = ["DescriptorTransformer", "dynamics", "opensmile_functionals", "rhythm", "timbre", "tonality"]
