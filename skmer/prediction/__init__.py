"""What a fitted pipeline says of songs: over time, file by file, and of the labels that they carry."""

from skmer.prediction.files import FilePrediction, predict_files
from skmer.prediction.label_judge import label_trust
from skmer.prediction.label_trust import LabelStretch, LabelTrust
from skmer.prediction.over_time import SegmentPredictor, emotion_over_time
from skmer.prediction.predictors import predictor_of
from skmer.prediction.song_emotion import SongEmotion
from skmer.prediction.tagged_songs import SongTags, TagPredictor
from skmer.prediction.whole_songs import SongPredictor

__all__ = [
    "FilePrediction",
    "LabelStretch",
    "LabelTrust",
    "SegmentPredictor",
    "SongEmotion",
    "SongPredictor",
    "SongTags",
    "TagPredictor",
    "emotion_over_time",
    "label_trust",
    "predict_files",
    "predictor_of",
]
