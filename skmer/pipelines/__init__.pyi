from .calibration import CalibratedSVC, calibrate
from .joined import make_averaging_classifier, make_joined_pipeline
from .ratings import make_rating_pipeline
from .segments import make_multi_duration_pipeline, make_sssl_pipeline
from .song_pipeline import SongPipeline

__all__ = [
    "CalibratedSVC",
    "SongPipeline",
    "calibrate",
    "make_averaging_classifier",
    "make_joined_pipeline",
    "make_multi_duration_pipeline",
    "make_rating_pipeline",
    "make_sssl_pipeline",
]
