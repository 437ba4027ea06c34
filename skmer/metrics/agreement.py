"""The agreement of raters: Krippendorff's alpha, and what follows from it for the labels."""

import warnings
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.stats import rankdata
from sklearn.exceptions import UndefinedMetricWarning

from skmer.metrics._checks import check_numbers
from skmer.metrics.attainable import error_variances

__all__ = ["LEVELS", "RaterAgreement", "krippendorff_alpha"]

LEVELS = ("nominal", "ordinal", "interval", "ratio")
_UNDEFINED = "All ratings are equal: the agreement is undefined, since raters who guess would agree, too."


def krippendorff_alpha(ratings, level="interval"):
    """Compute Krippendorff's alpha, the agreement of raters beyond chance.

    It is ``1 - D_o / D_e``: the observed disagreement within units, such as songs, over that expected if the ratings
    were distributed over units by chance.

    Parameters
    ----------
    ratings : array-like of shape (n_raters, n_units)
        Rating of each unit by each rater. NaN and None are missing. Units with fewer than two ratings
        are left out. Rows need not be the same person for every unit.
    level : {"nominal", "ordinal", "interval", "ratio"}, default="interval"
        How ratings differ: by being unequal, as classes do; by the number of ratings between them; by
        their difference; or by their difference relative to their sum.

    Returns
    -------
    float
        1 if all raters agree, 0 if they agree as much as by chance, and less than 0 if they agree less.

    Raises
    ------
    ValueError
        If no unit has two ratings, or ratings do not fit the level.

    Warns
    -----
    UndefinedMetricWarning
        If all ratings are equal. The result is NaN.

    See Also
    --------
    RaterAgreement : The reliability of the mean ratings, also without single ratings.

    References
    ----------
    Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).

    Examples
    --------
    >>> from skmer.metrics import krippendorff_alpha
    >>> round(krippendorff_alpha([[1, 2, 3, 4], [1, 2, 4, 4], [None, 2, 3, 5]]), 3)
    0.897
    >>> round(krippendorff_alpha([["calm", "tense", "calm"], ["calm", "tense", "tense"]], "nominal"), 3)
    0.444
    """
    if level not in LEVELS:
        raise ValueError(f"level must be one of {list(LEVELS)}, got {level!r}.")
    units, values = _flatten(ratings, level)
    counts = np.bincount(units)
    pairable = counts[units] > 1
    if not pairable.any():
        raise ValueError("No unit has two ratings: without them, there is no agreement to measure.")
    _, units = np.unique(units[pairable], return_inverse=True)
    values, counts = values[pairable], np.bincount(units)
    if level == "nominal":
        return _alpha_of_shares(_count_values(units, values))
    if level == "ratio":
        return _alpha_of_ratios(units, values, counts)
    # the ordinal difference of two values is that of their mean ranks
    values = rankdata(values) if level == "ordinal" else values - values.mean()
    means = np.bincount(units, values) / counts
    variances = np.bincount(units, (values - means[units]) ** 2) / (counts - 1)
    return _alpha_of_moments(means, variances, counts)


@dataclass(frozen=True, eq=False)
class RaterAgreement:
    """How far raters agree, and what it means for labels that are their mean.

    Construct it with `from_ratings`, `from_moments` or `from_counts`.

    Parameters
    ----------
    means : ndarray of shape (n_songs,) or (n_songs, n_classes)
        Mean rating of each song; of classes, the share of the raters for each.
    standard_errors : ndarray of shape (n_songs,) or (n_songs, n_classes)
        Standard error of the means, s / √n. Songs with one rater have the mean variance of the others.
    n_raters : ndarray of shape (n_songs,)
        Number of raters of each song.
    alpha : float
        Krippendorff's alpha, of songs with two raters or more.
    within, between : float
        Variance of the ratings within songs, and variance over songs of what all raters would agree on
        in the mean; of classes, summed over them.

    See Also
    --------
    krippendorff_alpha : Alpha alone, for other levels of measurement.
    attainable_scores : The scores that the error of the means leaves to a perfect model.

    Notes
    -----
    The variance over songs, of the means, is that of the songs plus the mean of s²/n. From both follow the reliability
    of one rater, the intraclass correlation ICC(1), and that of the mean of m raters, by the formula of Spearman and
    Brown, ``between / (between + within / m)``. For classes they are those of their shares; alpha is
    then nearly ICC(1), as it is for ratings at the interval level.

    Examples
    --------
    Twelve raters of 30 songs, whose ratings differ from the truth as much as the songs do:

    >>> import numpy as np
    >>> from skmer.metrics import RaterAgreement
    >>> rng = np.random.default_rng(0)
    >>> agreement = RaterAgreement.from_ratings(rng.normal(size=30) + rng.normal(size=(12, 30)))
    >>> round(agreement.alpha, 2), round(agreement.icc, 2), round(agreement.reliability, 2)
    (0.42, 0.43, 0.9)
    >>> agreement.raters_needed(0.8), agreement.raters_needed(0.9)
    (6, 13)
    """

    means: np.ndarray
    standard_errors: np.ndarray
    n_raters: np.ndarray
    alpha: float
    within: float
    between: float

    @classmethod
    def from_ratings(cls, ratings, level="interval"):
        """Compute the agreement from single ratings.

        Parameters
        ----------
        ratings : array-like of shape (n_raters, n_songs)
            Rating of each song by each rater; NaN and None are missing. Songs without any are left out.
        level : {"nominal", "ordinal", "interval", "ratio"}, default="interval"
            Level of alpha, see `krippendorff_alpha`. Means are those of the ratings for all levels but "nominal",
            for which they are the shares of the classes in sorted order.

        Returns
        -------
        RaterAgreement
            The agreement.
        """
        alpha = krippendorff_alpha(ratings, level)
        units, values = _flatten(ratings, level)
        _, units = np.unique(units, return_inverse=True)
        if level == "nominal":
            return cls.from_counts(_count_values(units, values))
        counts = np.bincount(units)
        means = np.bincount(units, values) / counts
        squares = np.bincount(units, (values - means[units]) ** 2)
        return cls._from_variances(means, squares / np.maximum(counts - 1, 1), counts, alpha)

    @classmethod
    def from_moments(cls, means, deviations, n_raters):
        """Compute the agreement from what published tables hold; alpha is that of the interval level.

        Parameters
        ----------
        means : array-like of shape (n_songs,)
            Mean rating of each song.
        deviations : array-like of shape (n_songs,)
            Standard deviation of the ratings of each song, with n - 1; not read for songs with one rater.
        n_raters : int or array-like of shape (n_songs,)
            Number of raters of each song.

        Returns
        -------
        RaterAgreement
            The agreement; the same as from the single ratings.
        """
        means = check_numbers(means, "means", "(n_songs,)", ndims=(1,))
        deviations = check_numbers(deviations, "deviations", "(n_songs,)", ndims=(1,), allow_nan=True)
        counts = check_numbers(n_raters, "n_raters", "() or (n_songs,)", ndims=(0, 1))
        if deviations.shape != means.shape or counts.shape not in ((), means.shape):
            raise ValueError(
                f"means, deviations and n_raters must have the same shape, got {means.shape}, {deviations.shape} and "
                f"{counts.shape}."
            )
        counts = np.broadcast_to(counts, means.shape)
        error_variances(deviations, counts)  # raises for deviations that are missing or negative
        several = counts > 1
        variances = np.where(several, deviations, 0) ** 2
        alpha = _alpha_of_moments(means[several], variances[several], counts[several])
        return cls._from_variances(means, variances, counts, alpha)

    @classmethod
    def from_counts(cls, counts):
        """Compute the agreement from the number of raters who chose each class; alpha is that of the nominal level.

        Parameters
        ----------
        counts : array-like of shape (n_songs, n_classes)
            Number of raters of each song who chose each class. Each rater chose one.

        Returns
        -------
        RaterAgreement
            The agreement; the same as from the single choices.
        """
        counts = check_numbers(counts, "counts", "(n_songs, n_classes)", ndims=(2,))
        n_raters = counts.sum(axis=1)
        if (counts < 0).any() or (n_raters == 0).any():
            raise ValueError("counts must not be negative, and every song needs a rater.")
        shares = counts / n_raters[:, None]
        variances = shares * (1 - shares) * (n_raters / np.maximum(n_raters - 1, 1))[:, None]
        several = n_raters > 1
        if not several.any():
            raise ValueError("No song has two raters: without them, there is no agreement to measure.")
        return cls._from_variances(shares, variances, n_raters, _alpha_of_shares(counts[several]))

    @classmethod
    def _from_variances(cls, means, variances, n_raters, alpha):
        columns = zip(means.reshape(len(means), -1).T, variances.reshape(len(means), -1).T, strict=True)
        parts = []
        for mean, variance in columns:
            within, errors = error_variances(np.sqrt(variance), n_raters)
            over_songs = mean.var(ddof=1) if len(mean) > 1 else np.nan
            parts.append((within, over_songs - errors.mean(), np.sqrt(errors)))
        within, between, errors = zip(*parts, strict=True)
        standard_errors = np.column_stack(errors).reshape(means.shape)
        return cls(means, standard_errors, np.asarray(n_raters), alpha, float(sum(within)), float(sum(between)))

    @property
    def icc(self):
        """Reliability of one rater, the intraclass correlation ICC(1); 0 if raters agree no better than by chance."""
        return self._reliability_of(1)

    @property
    def reliability(self):
        """Reliability of the means, 1 - mean(s² / n) / var(means): the highest R² that a model can reach.

        It is 0 if raters agree no better than by chance, and NaN if all means are equal.
        """
        errors = np.mean(self.standard_errors.reshape(len(self.means), -1) ** 2, axis=0).sum()
        total = self.between + errors
        return max(0.0, float(self.between / total)) if total > 0 else np.nan

    def raters_needed(self, reliability):
        """Return how many raters of each song have means of a given reliability, by the formula of Spearman and Brown.

        Parameters
        ----------
        reliability : float
            Between 0 and 1, without both.

        Returns
        -------
        int or float
            The number of raters; infinity if raters agree no better than by chance, NaN if the agreement is undefined.
        """
        if not 0 < reliability < 1:
            raise ValueError(f"reliability must be a number between 0 and 1, got {reliability!r}.")
        if np.isnan(self.icc):
            return np.nan
        if self.between <= 0:
            return np.inf
        needed = self.within / self.between * reliability / (1 - reliability)
        return max(1, ceil(needed - 1e-9))

    def _reliability_of(self, n_raters):
        total = self.between + self.within / n_raters
        return max(0.0, float(self.between / total)) if total > 0 else np.nan


def _flatten(ratings, level):
    """Return the unit of each rating and its value; of the nominal level, a number for each class."""
    try:
        table = np.array(ratings, dtype=object)
    except ValueError:
        table = np.empty(0, dtype=object)
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(
            "ratings must be a non-empty array of shape (n_raters, n_units), with NaN where one is missing."
        )
    present = np.array([value is not None and value == value for value in table.ravel()]).reshape(table.shape)
    units = np.nonzero(present.T)[0]
    values = table.T[present.T]
    if level == "nominal":
        # 1 and 1.0 are one class
        plain = str if any(isinstance(value, str) for value in values) else float
        return units, np.unique([plain(value) for value in values], return_inverse=True)[1]
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"ratings must be numbers for level={level!r}: use 'nominal' for classes.") from None
    if not np.isfinite(values).all():
        raise ValueError("ratings must be finite, or NaN where one is missing.")
    if level == "ratio" and (values < 0).any():
        raise ValueError("ratings must not be negative for level='ratio'.")
    return units, values


def _count_values(units, codes):
    if not len(codes):
        raise ValueError("No unit has two ratings: without them, there is no agreement to measure.")
    counts = np.zeros((units.max() + 1, codes.max() + 1))
    np.add.at(counts, (units, codes), 1)
    return counts


def _alpha_of_moments(means, variances, counts):
    """Compute alpha for squared differences, from the mean and the variance (with n - 1) of two ratings or more."""
    total = counts.sum()
    observed = counts @ variances / total
    squares = (counts - 1) @ variances + counts @ (means - counts @ means / total) ** 2
    # unequal means of equal ratings are rounding
    if squares <= 1e-24 * (counts @ means**2):
        return _undefined()
    return float(1 - observed / (squares / (total - 1)))


def _alpha_of_shares(counts):
    """Compute alpha for classes, from the number of each in units of two ratings or more."""
    n, of_class, total = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    # the squared differences of indicators, as ratings
    observed = ((n**2 - (counts**2).sum(axis=1)) / (n - 1)).sum() / total
    expected = (total**2 - (of_class**2).sum()) / (total * (total - 1))
    return float(1 - observed / expected) if expected > 0 else _undefined()


def _alpha_of_ratios(units, values, counts):
    known, number = np.unique(values, return_counts=True)
    total = len(values)
    if len(known) == 1:
        return _undefined()
    observed = sum(
        _ratio_differences(own[:, None], own).sum() / (len(own) - 1)
        for own in np.split(values[np.argsort(units, kind="stable")], np.cumsum(counts)[:-1])
    )
    expected = sum(n * (_ratio_differences(value, known) @ number) for value, n in zip(known, number, strict=True))
    return float(1 - observed / total / (expected / (total * (total - 1))))


def _ratio_differences(a, b):
    both = a + b
    return np.divide(a - b, both, out=np.zeros(np.broadcast(a, b).shape), where=both > 0) ** 2


def _undefined():
    warnings.warn(_UNDEFINED, UndefinedMetricWarning, stacklevel=3)
    return float("nan")
