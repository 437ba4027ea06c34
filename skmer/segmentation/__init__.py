"""From songs to segments: what is accepted as a song, its spectrogram, its windows."""

from skmer.segmentation.block_arrays import BlockLayout, block_array
from skmer.segmentation.file_rows import FileRows, fit_rows
from skmer.segmentation.shortening import SegmentShortening
from skmer.segmentation.tagging import TaggingTransformer
from skmer.segmentation.transformer import SegmentTransformer

__all__ = [
    "BlockLayout",
    "FileRows",
    "SegmentShortening",
    "SegmentTransformer",
    "TaggingTransformer",
    "block_array",
    "fit_rows",
]
