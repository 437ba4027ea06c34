"""Inspection of fitted models: predictions over time and for many files, doubtful labels, and plots."""

from skmer.inspection.files import predict_files
from skmer.inspection.label_noise_display import LabelNoiseDisplay
from skmer.inspection.label_trust import label_trust
from skmer.inspection.loss_mixture_display import LossMixtureDisplay
from skmer.inspection.over_time import emotion_over_time
from skmer.inspection.predictions import FilePrediction, SongEmotion, SongRatings, SongTags
from skmer.inspection.rating_timeline_display import RatingTimelineDisplay
from skmer.inspection.report.report import write_label_noise_report
from skmer.inspection.report.summary import LabelNoiseReport, SongSummary
from skmer.inspection.song_predictor import SongPredictor
from skmer.inspection.timeline_display import EmotionTimelineDisplay
from skmer.inspection.timeline_page import write_timeline_page
from skmer.inspection.timeline_table import timeline_table
from skmer.inspection.trust_over_time import LabelStretch, LabelTrust
from skmer.inspection.valence_arousal_display import ValenceArousalDisplay

__all__ = [
    "EmotionTimelineDisplay",
    "FilePrediction",
    "LabelNoiseDisplay",
    "LabelNoiseReport",
    "LabelStretch",
    "LabelTrust",
    "LossMixtureDisplay",
    "RatingTimelineDisplay",
    "SongEmotion",
    "SongPredictor",
    "SongRatings",
    "SongSummary",
    "SongTags",
    "ValenceArousalDisplay",
    "emotion_over_time",
    "label_trust",
    "predict_files",
    "timeline_table",
    "write_label_noise_report",
    "write_timeline_page",
]
