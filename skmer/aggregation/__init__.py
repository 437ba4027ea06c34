"""From the segments of a song to one row of features, or one label."""

from skmer.aggregation.song_aggregator import SongAggregator, song_statistics
from skmer.aggregation.spectrogram_statistics import SpectrogramStatistics
from skmer.aggregation.votes import LongestRun, MajorityVote

__all__ = ["LongestRun", "MajorityVote", "SongAggregator", "SpectrogramStatistics", "song_statistics"]
