"""What a fitted model predicts for recordings, over time and file by file, and which labels it distrusts."""

from skmer.inspection.files import FilePrediction, predict_files
from skmer.inspection.label_judge import label_trust
from skmer.inspection.label_noise_display import LabelNoiseDisplay
from skmer.inspection.label_trust import LabelStretch, LabelTrust
from skmer.inspection.loss_mixture_display import LossMixtureDisplay
from skmer.inspection.over_time import SegmentPredictor, emotion_over_time
from skmer.inspection.predictors import predictor_of
from skmer.inspection.report.report import LabelNoiseReport, write_label_noise_report
from skmer.inspection.report.summary import SongSummary
from skmer.inspection.song_emotion import SongEmotion
from skmer.inspection.tagged_songs import SongTags, TagPredictor
from skmer.inspection.timeline_display import EmotionTimelineDisplay
from skmer.inspection.whole_songs import SongPredictor

__all__ = [
    "EmotionTimelineDisplay",
    "FilePrediction",
    "LabelNoiseDisplay",
    "LabelNoiseReport",
    "LabelStretch",
    "LabelTrust",
    "LossMixtureDisplay",
    "SegmentPredictor",
    "SongEmotion",
    "SongPredictor",
    "SongSummary",
    "SongTags",
    "TagPredictor",
    "emotion_over_time",
    "label_trust",
    "predict_files",
    "predictor_of",
    "write_label_noise_report",
]
