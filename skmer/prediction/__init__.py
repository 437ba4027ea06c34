"""What a fitted pipeline says of songs: over time, file by file, and of the labels that they carry."""

from skmer.prediction.files import FilePrediction, predict_files
from skmer.prediction.label_trust import label_trust
from skmer.prediction.over_time import PipelineParts, SongEmotion, emotion_over_time
from skmer.prediction.song_trust import LabelStretch, LabelTrust
from skmer.prediction.tagged_songs import SongTags, TagParts
from skmer.prediction.whole_songs import WholeSongParts, parts_of

__all__ = [
    "FilePrediction",
    "LabelStretch",
    "LabelTrust",
    "PipelineParts",
    "SongEmotion",
    "SongTags",
    "TagParts",
    "WholeSongParts",
    "emotion_over_time",
    "label_trust",
    "parts_of",
    "predict_files",
]
