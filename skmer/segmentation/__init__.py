"""From songs to segments: what is accepted as a song, its spectrogram, its windows."""

from skmer.segmentation.extension import SegmentExtension
from skmer.segmentation.transformer import SegmentTransformer

__all__ = ["SegmentExtension", "SegmentTransformer"]
