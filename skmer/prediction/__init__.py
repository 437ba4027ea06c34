"""What a fitted pipeline says of songs: over time, and file by file."""

from skmer.prediction.files import FilePrediction, predict_files
from skmer.prediction.over_time import PipelineParts, SongEmotion, emotion_over_time

__all__ = ["FilePrediction", "PipelineParts", "SongEmotion", "emotion_over_time", "predict_files"]
