"""corrected_paired_test and holm: tests whether two systems differ, on folds that share training songs."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

__all__ = ["PairedTest", "corrected_paired_test", "holm"]

_ROUNDING = 1e-12  # relative to the largest difference; smaller values are rounding errors


@dataclass(frozen=True)
class PairedTest:
    """Result of `corrected_paired_test`.

    Parameters
    ----------
    mean : float
        Mean of the folds' differences.
    sd : float
        Standard deviation of the folds' differences, with n - 1.
    statistic : float
        Student's t; infinite if all folds have the same difference, other than 0.
    dof : int
        Degrees of freedom, n - 1.
    p_value : float
        Two-sided p-value; NaN if the statistic is infinite.
    n : int
        Number of folds.
    standard_error : float
        Standard error of the mean, by the corrected variance.

    Examples
    --------
    >>> from skmer.model_selection import corrected_paired_test
    >>> found = corrected_paired_test([0.02, 0.04, 0.03, 0.05], n_train=75, n_test=25)
    >>> found.n, found.dof, round(found.mean, 3)
    (4, 3, 0.035)
    >>> tuple(round(end, 3) for end in found.interval())
    (0.004, 0.066)
    """

    mean: float
    sd: float
    statistic: float
    dof: int
    p_value: float
    n: int
    standard_error: float

    def interval(self, confidence=0.95):
        """Compute the confidence interval of the mean difference.

        Parameters
        ----------
        confidence : float, default=0.95
            Confidence level, between 0 and 1.

        Returns
        -------
        low, high : float
            Ends of the interval. It contains 0 if and only if ``p_value`` is above ``1 - confidence``. NaN where
            all folds have the same difference, other than 0.

        Raises
        ------
        ValueError
            If `confidence` is not between 0 and 1.
        """
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must lie between 0 and 1, got {confidence!r}.")
        half = stats.t.ppf((1 + confidence) / 2, self.dof) * (
            np.nan if np.isinf(self.statistic) else self.standard_error
        )
        return self.mean - float(half), self.mean + float(half)


def corrected_paired_test(differences, n_train, n_test):
    """Test whether two systems differ, by their differences on folds that share training songs.

    The folds of a cross-validation share most of their training songs, so their differences
    are not independent, and the plain paired t-test rejects far too often. Nadeau and
    Bengio's correction takes the variance of the mean to be that of a fold times
    ``1 / n_folds + n_test / n_train`` in place of ``1 / n_folds``.

    Parameters
    ----------
    differences : array-like of shape (n_folds,) or (n_folds, n_seeds), or list of lists
        Score of one system minus that of the other, fold by fold. The seeds of a fold, whose number may differ
        between folds, are averaged first: they share their test songs,
        so that more seeds are not more folds.
    n_train, n_test : int or array-like of shape (n_folds,)
        Number of training and of test songs. Where folds differ in size,
        the means are used.

    Returns
    -------
    PairedTest
        ``mean``, ``sd``, ``statistic``, ``dof``, ``p_value`` (two-sided), ``n``, ``standard_error``
        and ``interval()``.

    Raises
    ------
    ValueError
        If there are fewer than two folds, as in a published split, or a value is missing
        or not a number.

    See Also
    --------
    holm : For the p-values of several comparisons.
    scipy.stats.ttest_rel : The test without the correction.

    Notes
    -----
    The correction assumes a correlation of ``n_test / (n_train + n_test)`` between any
    two folds, which is an approximation: no unbiased estimate exists from one
    cross-validation. The test concerns systems trained on training sets of this size, not
    the system that is trained on all songs.

    Where all folds have the same difference, the statistic is 0 and p is 1 if that
    difference is 0; otherwise the statistic is infinite and p is NaN, because such folds contain
    no information on the spread, and with few songs they are common. Deviations and means
    below 1e-12 of the largest difference count as 0, because they result from rounding.

    References
    ----------
    Nadeau and Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003,
    section 5.

    Examples
    --------
    >>> from scipy.stats import ttest_1samp
    >>> from skmer.model_selection import corrected_paired_test
    >>> differences = [0.02, 0.04, -0.01, 0.05, 0.03]
    >>> found = corrected_paired_test(differences, n_train=80, n_test=20)
    >>> round(found.p_value, 3), round(float(ttest_1samp(differences, 0).pvalue), 3)
    (0.168, 0.065)
    """
    folds, largest = _average_seeds(differences)
    n = len(folds)
    if n < 2:
        raise ValueError(f"differences must hold at least two folds, got {n}: seeds of one fold cannot be tested.")
    ratio = _mean_size(n_test, n, "n_test") / _mean_size(n_train, n, "n_train")
    mean, sd = float(folds.mean()), float(folds.std(ddof=1))
    error = sd * float(np.sqrt(1 / n + ratio))
    if sd > _ROUNDING * largest:
        statistic = mean / error
    elif abs(mean) > _ROUNDING * largest:
        statistic = np.copysign(np.inf, mean)
    else:
        statistic = 0.0
    p_value = np.nan if np.isinf(statistic) else 2 * stats.t.sf(abs(statistic), n - 1)
    return PairedTest(mean, sd, float(statistic), n - 1, float(p_value), n, error)


def _average_seeds(differences):
    """Return the mean difference of each fold, and the size of the largest single difference."""
    folds, largest = [], 0.0
    for i, fold in enumerate(differences):
        try:
            seeds = np.asarray(fold, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"differences must be numbers, but fold {i} has {fold!r}.") from error
        if seeds.ndim > 1 or seeds.size == 0 or not np.isfinite(seeds).all():
            raise ValueError(
                f"differences must hold a finite number, or one for each seed, for every fold, but fold {i} has "
                f"{seeds.tolist()}: leave out folds that only one of the systems has."
            )
        folds.append(seeds.mean())
        largest = max(largest, float(np.abs(seeds).max()))
    return np.array(folds), largest


def _mean_size(sizes, n_folds, name):
    array = np.asarray(sizes)
    fits = array.dtype.kind in "iuf" and array.shape in ((), (n_folds,))
    if not fits or not ((array > 0) & (array < np.inf)).all():
        raise ValueError(f"{name} must be a number of songs, or one for each of the {n_folds} folds, got {sizes!r}.")
    return float(array.mean())


def holm(p_values):
    """Adjust the p-values of several comparisons by Holm's step-down procedure.

    The smallest of m p-values is multiplied by m, the next by m - 1, and so on; none
    becomes smaller than the one before it, or larger than 1. If all null hypotheses with an
    adjusted p-value of at most .05 are rejected, the probability of at least one false rejection is
    at most .05, whatever the dependence between the tests.

    Parameters
    ----------
    p_values : array-like of shape (n_comparisons,)
        For example from `corrected_paired_test` of each system against one reference.

    Returns
    -------
    ndarray of shape (n_comparisons,)
        Adjusted p-values, in the order given.

    Raises
    ------
    ValueError
        If a value is not a probability, for example NaN for a comparison that could not be tested.

    References
    ----------
    Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal
    of Statistics 6, 1979.

    Examples
    --------
    >>> from skmer.model_selection import holm
    >>> holm([0.03, 0.01, 0.04])
    array([0.06, 0.03, 0.06])
    """
    try:
        p = np.asarray(p_values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"p_values must be numbers from 0 to 1, got {p_values!r}.") from error
    if p.ndim != 1 or p.size == 0 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(
            f"p_values must be a list of numbers from 0 to 1, got {p.tolist()}: leave out comparisons "
            "that could not be tested."
        )
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1)
    return adjusted
