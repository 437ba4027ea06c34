"""Transformers from recordings to segments or to rows of features."""

from skmer.feature_extraction.descriptors import DescriptorTransformer
from skmer.feature_extraction.embeddings import EmbeddingTransformer
from skmer.feature_extraction.file_rows import FileRows, fit_rows
from skmer.feature_extraction.segment_statistics import SegmentStatistics
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.feature_extraction.shortening import SegmentShortening
from skmer.feature_extraction.tagging import TaggingTransformer

__all__ = [
    "DescriptorTransformer",
    "EmbeddingTransformer",
    "FileRows",
    "SegmentShortening",
    "SegmentStatistics",
    "SegmentTransformer",
    "TaggingTransformer",
    "fit_rows",
]
