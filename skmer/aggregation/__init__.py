"""From segments to one row of features a song."""

from skmer.aggregation.song_aggregator import SongAggregator
from skmer.aggregation.spectrogram_statistics import SpectrogramStatistics

__all__ = ["SongAggregator", "SpectrogramStatistics"]
