"""Scorers for cross_val_score, GridSearchCV and other tools of scikit-learn."""

from sklearn.metrics import make_scorer, mean_absolute_error, r2_score, root_mean_squared_error

from skmer.metrics._checks import check_numbers
from skmer.metrics.correlation import concordance_correlation_coefficient, pearson_correlation_coefficient

__all__ = ["SCORES", "ccc_scorer", "check_score", "pearson_scorer", "target_scorers"]

# function, and whether greater is better
SCORES = {
    "ccc": (concordance_correlation_coefficient, True),
    "pearson": (pearson_correlation_coefficient, True),
    "r2": (r2_score, True),
    "rmse": (root_mean_squared_error, False),
    "mae": (mean_absolute_error, False),
}

ccc_scorer = make_scorer(concordance_correlation_coefficient)
pearson_scorer = make_scorer(pearson_correlation_coefficient)


def check_score(score):
    """Return the function of a named score, and whether greater is better."""
    if not isinstance(score, str) or score not in SCORES:
        raise ValueError(f"score must be one of {list(SCORES)}, got {score!r}.")
    return SCORES[score]


def target_scorers(names, score="ccc"):
    """Make a scorer for each of several targets.

    Parameters
    ----------
    names : str or sequence of str
        Names of the targets, in the order of the columns of `y`, such as ``["valence", "arousal"]``.
    score : {"ccc", "pearson", "r2", "rmse", "mae"}, default="ccc"
        The score. As everywhere in scikit-learn, a scorer of an error returns its negative.

    Returns
    -------
    dict of str to callable
        The scorers by the names of their targets, for `scoring` of :func:`sklearn.model_selection.cross_validate`
        and :class:`sklearn.model_selection.GridSearchCV`; each is also a `scoring` of its own.

    Raises
    ------
    ValueError
        If `names` are not distinct, or `score` is unknown. A scorer raises it if `y` has another number of targets.

    See Also
    --------
    ccc_scorer : The mean over targets.
    sklearn.metrics.make_scorer : Makes a scorer of any other function.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import cross_validate
    >>> from skmer.metrics import target_scorers
    >>> X, y = make_regression(60, 4, n_targets=2, noise=40, random_state=0)
    >>> scores = cross_validate(Ridge(), X, y, scoring=target_scorers(["valence", "arousal"]))
    >>> scores["test_valence"].round(2)
    array([0.92, 0.9 , 0.87, 0.57, 0.91])
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"names must be distinct names of the targets, got {names!r}.")
    function, greater_is_better = check_score(score)
    return {
        name: make_scorer(
            _score_target,
            greater_is_better=greater_is_better,
            function=function,
            target=k,
            n_targets=len(names),
        )
        for k, name in enumerate(names)
    }


def _score_target(y_true, y_pred, *, function, target, n_targets, sample_weight=None):
    y_true, y_pred = check_numbers(y_true, "y_true"), check_numbers(y_pred, "y_pred")
    for name, y in (("y_true", y_true), ("y_pred", y_pred)):
        if y.reshape(len(y), -1).shape[1] != n_targets:
            raise ValueError(f"{name} has shape {y.shape}, but the scorers are those of {n_targets} targets.")
    y_true, y_pred = (y.reshape(len(y), -1)[:, target] for y in (y_true, y_pred))
    return function(y_true, y_pred, sample_weight=sample_weight)
