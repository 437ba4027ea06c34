"""Experiments on shared folds: protocols, systems, scores, paired tests and model selection."""

from skmer.model_selection.comparison import compare_systems, summary_table
from skmer.model_selection.experiment import DUMMY, Experiment, run_experiment
from skmer.model_selection.paired_test import PairedTest, corrected_paired_test, holm
from skmer.model_selection.protocols import Protocol
from skmer.model_selection.rating_classifier import RatingClassifier, rating_scorer
from skmer.model_selection.scores import SCORES, emotion_scores
from skmer.model_selection.selection import best_on_test_folds, chosen_inside_folds
from skmer.model_selection.systems import EstimatorSystem, NetworkSystem, Readout
from skmer.model_selection.tag_metrics import TAG_SCORES, best_thresholds, best_weight, tag_scores

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
