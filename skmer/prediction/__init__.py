"""What a fitted pipeline says of songs: over time, and file by file."""

from skmer.prediction.files import FilePrediction, predict_files
from skmer.prediction.over_time import PipelineParts, SongEmotion, emotion_over_time
from skmer.prediction.tagged_songs import SongTags, TagParts
from skmer.prediction.whole_songs import WholeSongParts, parts_of

__all__ = [
    "FilePrediction",
    "PipelineParts",
    "SongEmotion",
    "SongTags",
    "TagParts",
    "WholeSongParts",
    "emotion_over_time",
    "parts_of",
    "predict_files",
]
