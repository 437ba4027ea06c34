"""The scores of ratings that have a short name."""

from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from skmer.metrics.correlation import concordance_correlation_coefficient, pearson_correlation_coefficient

__all__ = ["SCORES", "check_score"]

# function, and whether greater is better
SCORES = {
    "ccc": (concordance_correlation_coefficient, True),
    "pearson": (pearson_correlation_coefficient, True),
    "r2": (r2_score, True),
    "rmse": (root_mean_squared_error, False),
    "mae": (mean_absolute_error, False),
}


def check_score(score):
    """Return the function of a named score, and whether greater is better."""
    if not isinstance(score, str) or score not in SCORES:
        raise ValueError(f"score must be one of {list(SCORES)}, got {score!r}.")
    return SCORES[score]
