from .files import predict_files
from .label_noise_display import LabelNoiseDisplay
from .label_trust import label_trust
from .loss_mixture_display import LossMixtureDisplay
from .over_time import emotion_over_time
from .predictions import FilePrediction, SongEmotion, SongRatings, SongTags
from .rating_timeline_display import RatingTimelineDisplay
from .report.report import write_label_noise_report
from .report.summary import LabelNoiseReport, SongSummary
from .song_predictor import SongPredictor
from .timeline_display import EmotionTimelineDisplay
from .timeline_page import write_timeline_page
from .timeline_table import timeline_table
from .trust_over_time import LabelStretch, LabelTrust
from .valence_arousal_display import ValenceArousalDisplay

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
