"""Pipelines from recordings to emotions, ready to fit."""

from skmer.pipelines.calibration import CalibratedSVC, calibrate
from skmer.pipelines.joined import make_averaging_classifier, make_joined_pipeline
from skmer.pipelines.ratings import make_rating_pipeline
from skmer.pipelines.segments import make_multi_duration_pipeline, make_sssl_pipeline

__all__ = [
    "CalibratedSVC",
    "calibrate",
    "make_averaging_classifier",
    "make_joined_pipeline",
    "make_multi_duration_pipeline",
    "make_rating_pipeline",
    "make_sssl_pipeline",
]
