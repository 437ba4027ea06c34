"""From songs to segments: what is accepted as a song, its spectrogram, its windows."""

from skmer.segmentation.shortening import SegmentShortening
from skmer.segmentation.transformer import SegmentTransformer

__all__ = ["SegmentShortening", "SegmentTransformer"]
