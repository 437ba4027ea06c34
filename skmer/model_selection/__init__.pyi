from .comparison import compare_systems, summary_table
from .experiment import DUMMY, Experiment, run_experiment
from .paired_test import PairedTest, corrected_paired_test, holm
from .protocols import Protocol
from .rating_classifier import RatingClassifier, rating_scorer
from .scores import SCORES, emotion_scores
from .selection import best_on_test_folds, chosen_inside_folds
from .systems import EstimatorSystem, NetworkSystem, Readout
from .tag_metrics import TAG_SCORES, best_thresholds, best_weight, tag_scores

__all__ = [
    "DUMMY",
    "SCORES",
    "TAG_SCORES",
    "EstimatorSystem",
    "Experiment",
    "NetworkSystem",
    "PairedTest",
    "Protocol",
    "RatingClassifier",
    "Readout",
    "best_on_test_folds",
    "best_thresholds",
    "best_weight",
    "chosen_inside_folds",
    "compare_systems",
    "corrected_paired_test",
    "emotion_scores",
    "holm",
    "rating_scorer",
    "run_experiment",
    "summary_table",
    "tag_scores",
]
