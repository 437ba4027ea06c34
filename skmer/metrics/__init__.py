"""Scores of predicted ratings and shares, scores that listeners' disagreement allows, and the agreement of raters."""

from skmer.metrics.agreement import RaterAgreement, krippendorff_alpha
from skmer.metrics.attainable import attainable_accuracy, attainable_scores
from skmer.metrics.correlation import concordance_correlation_coefficient, pearson_correlation_coefficient
from skmer.metrics.curves import curve_score
from skmer.metrics.distributions import distribution_cross_entropy, total_variation_distance
from skmer.metrics.scorers import ccc_scorer, pearson_scorer, target_scorers

__all__ = [
    "RaterAgreement",
    "attainable_accuracy",
    "attainable_scores",
    "ccc_scorer",
    "concordance_correlation_coefficient",
    "curve_score",
    "distribution_cross_entropy",
    "krippendorff_alpha",
    "pearson_correlation_coefficient",
    "pearson_scorer",
    "target_scorers",
    "total_variation_distance",
]
