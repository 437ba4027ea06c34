"""Krippendorff's alpha and reliability: published values, values by hand, and what single raters and constants give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from skmer.metrics import RaterAgreement, attainable_scores, krippendorff_alpha

pytestmark = pytest.mark.filterwarnings("error")
N = None

# Krippendorff (2011), section C: four observers, twelve units
PUBLISHED = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_published_values(level, alpha):
    assert round(krippendorff_alpha(PUBLISHED, level), 3) == alpha


def test_two_observers_and_two_classes_as_published():
    # Krippendorff (2011), section A
    ratings = [[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]]
    assert round(krippendorff_alpha(ratings, "nominal"), 3) == 0.095
    # of two values, all levels but the ratio are the same
    for level in ("ordinal", "interval"):
        assert krippendorff_alpha(ratings, level) == pytest.approx(krippendorff_alpha(ratings, "nominal"))


def test_two_observers_and_many_classes_as_published():
    # Krippendorff (2011), section B
    first, second = (
        ["a", "a", "b", "b", "d", "c", "c", "c", "e", "d", "d", "a"],
        ["b", "a", "b", "b", "b", "c", "c", "c", "e", "d", "d", "d"],
    )
    assert round(krippendorff_alpha([first, second], "nominal"), 3) == 0.692


def test_interval_by_hand():
    # songs (1, 1), (2, 4), (6, 6): variances 0, 2, 0, each counted twice
    values = np.array([1, 1, 2, 4, 6, 6])
    expected = 1 - (2 * 2 / 6) / values.var(ddof=1)
    assert krippendorff_alpha([[1, 2, 6], [1, 4, 6]]) == pytest.approx(expected)


def by_pairs(table, level):
    """Alpha from all pairs, as it is defined."""
    values = sorted({v for row in table for v in row if v is not N})
    units = [[row[k] for row in table if row[k] is not N] for k in range(len(table[0]))]
    units = [unit for unit in units if len(unit) > 1]
    everything = [v for unit in units for v in unit]
    number = {v: everything.count(v) for v in values}

    def difference(a, b):
        if level == "nominal":
            return float(a != b)
        if level == "ordinal":
            low, high = min(a, b), max(a, b)
            between = sum(n for v, n in number.items() if low <= v <= high)
            return (between - (number[a] + number[b]) / 2) ** 2
        return (a - b) ** 2 if level == "interval" else ((a - b) / (a + b)) ** 2 if a + b else 0.0

    total = len(everything)
    observed = sum(difference(a, b) / (len(unit) - 1) for unit in units for a in unit for b in unit) / total
    expected = sum(difference(a, b) for a in everything for b in everything) / (total * (total - 1))
    return 1 - observed / expected


@given(
    st.lists(st.lists(st.sampled_from([N, 0, 1, 2, 5]), min_size=4, max_size=4), min_size=2, max_size=5),
    st.sampled_from(["nominal", "ordinal", "interval", "ratio"]),
)
def test_all_levels_are_the_definition_by_pairs(table, level):
    units = [[row[k] for row in table if row[k] is not N] for k in range(4)]
    pairable = [v for unit in units if len(unit) > 1 for v in unit]
    if len(set(pairable)) > 1:
        assert krippendorff_alpha(table, level) == pytest.approx(by_pairs(table, level))


def test_missing_values_may_be_nan_and_order_of_raters_is_nothing(rng):
    table = rng.integers(1, 6, (4, 9)).astype(float)
    table[rng.random(table.shape) < 0.3] = np.nan
    alpha = krippendorff_alpha(table)
    shuffled = np.array([rng.permutation(column) for column in table.T]).T
    assert krippendorff_alpha(shuffled) == pytest.approx(alpha)
    assert krippendorff_alpha([[None if np.isnan(v) else v for v in row] for row in table]) == pytest.approx(alpha)
    assert krippendorff_alpha(3 * table - 100) == pytest.approx(alpha)
    # 1 and 1.0 are one class
    assert krippendorff_alpha([[1, 2, 2], [1.0, 2.0, None]], "nominal") == 1


def test_agreement_by_chance_is_0(rng):
    for level in ("nominal", "ordinal", "interval", "ratio"):
        assert krippendorff_alpha(rng.integers(1, 5, (3, 3000)), level) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_constant_ratings_are_undefined(level):
    with pytest.warns(UndefinedMetricWarning, match="All ratings are equal"):
        assert np.isnan(krippendorff_alpha([[0.1, 0.1, 0.1], [0.1, 0.1, 0.1]], level))


@pytest.mark.parametrize(
    ("ratings", "level", "message"),
    [
        ([[1, 2, 3]], "interval", "No unit has two ratings"),
        ([[1, N, 3], [N, 2, N]], "interval", "No unit has two ratings"),
        ([[N, N]], "nominal", "No unit has two ratings"),
        ([["a", "b"], ["a", "a"]], "interval", "must be numbers for level='interval'"),
        ([[-1, 1], [1, 1]], "ratio", "must not be negative"),
        ([[1, np.inf], [1, 1]], "interval", "must be finite"),
        ([1, 2, 3], "interval", "shape"),
        ([[1, 2], [1]], "interval", "shape"),
        ([[1, 2], [1, 2]], "Interval", "level must be one of"),
    ],
)
def test_errors(ratings, level, message):
    with pytest.raises(ValueError, match=message):
        krippendorff_alpha(ratings, level)


# ---- RaterAgreement --------------------------------------------------------------------------------


def test_reliability_by_hand():
    # means 1 3 5, variances 2 2 2 of two raters: within 2, of a mean 1, over songs 4 - 1 = 3
    agreement = RaterAgreement.from_ratings([[0, 2, 4], [2, 4, 6]])
    assert agreement.means.tolist() == [1, 3, 5]
    assert agreement.standard_errors.tolist() == pytest.approx([1, 1, 1])
    assert (agreement.within, agreement.between) == pytest.approx((2, 3))
    assert agreement.icc == pytest.approx(3 / 5)
    assert agreement.reliability == pytest.approx(3 / 4)
    # 2/3 * 4 = 8/3 raters, and 2/3 * 9 = 6
    assert [agreement.raters_needed(r) for r in (0.75, 0.8, 0.9)] == [2, 3, 6]


def test_reliability_is_the_intraclass_correlation_of_the_analysis_of_variance(rng):
    ratings = rng.normal(size=12) + rng.normal(size=(5, 12))
    between = 5 * ratings.mean(axis=0).var(ddof=1)
    within = ratings.var(axis=0, ddof=1).mean()
    agreement = RaterAgreement.from_ratings(ratings)
    assert agreement.icc == pytest.approx((between - within) / (between + 4 * within))
    assert agreement.reliability == pytest.approx((between - within) / between)
    spearman_brown = 5 * agreement.icc / (1 + 4 * agreement.icc)
    assert agreement.reliability == pytest.approx(spearman_brown)


def test_moments_and_counts_are_enough(rng):
    ratings = rng.integers(1, 4, (6, 20)).astype(float)
    ratings[rng.random(ratings.shape) < 0.3] = np.nan
    ratings[0] = 1
    ratings[1:, 0] = np.nan  # a song with one rater
    n = (~np.isnan(ratings)).sum(axis=0)
    means = np.nanmean(ratings, axis=0)
    deviations = np.sqrt(np.nansum((ratings - means) ** 2, axis=0) / np.maximum(n - 1, 1))
    deviations[0] = np.nan
    single = RaterAgreement.from_ratings(ratings)
    summary = RaterAgreement.from_moments(means, deviations, n)
    classes = RaterAgreement.from_ratings(ratings, "nominal")
    counted = RaterAgreement.from_counts([[(column == k).sum() for k in (1, 2, 3)] for column in ratings.T])
    for a, b in ((single, summary), (classes, counted)):
        for name in ("means", "standard_errors", "n_raters", "alpha", "icc", "reliability"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), err_msg=name)
    assert single.alpha == pytest.approx(krippendorff_alpha(ratings))
    assert classes.alpha == pytest.approx(krippendorff_alpha(ratings, "nominal"))
    assert summary.reliability == pytest.approx(attainable_scores(means, deviations, n)["R2"])


def test_shares_by_hand():
    # two songs: 3 of 4 and 1 of 4 for the first class; variance 3/16 * 4/3 = 1/4 for each class
    agreement = RaterAgreement.from_counts([[3, 1], [1, 3]])
    assert agreement.standard_errors.tolist() == [[pytest.approx(0.25)] * 2] * 2
    assert agreement.within == pytest.approx(1 / 2)
    # over songs (1/2)**2 / 2 - 1/16 for each class
    assert agreement.between == pytest.approx(2 * (1 / 8 - 1 / 16))
    assert agreement.reliability == pytest.approx(1 / 2)
    assert agreement.raters_needed(0.8) == 16


def test_raters_who_agree_no_better_than_by_chance():
    agreement = RaterAgreement.from_ratings([[1, 2, 4], [4, 2, 1]])
    assert (agreement.reliability, agreement.icc) == (0, 0)
    assert agreement.raters_needed(0.8) == np.inf
    assert agreement.alpha < 0
    # labels that are all equal have no reliability
    agreement = RaterAgreement.from_ratings([[1, 2, 3], [3, 2, 1]])
    assert np.isnan(agreement.reliability)
    assert agreement.raters_needed(0.8) == np.inf


def test_raters_who_agree_fully():
    agreement = RaterAgreement.from_ratings([[1, 2, 3], [1, 2, 3]])
    assert (agreement.alpha, agreement.icc, agreement.reliability) == (1, 1, 1)
    assert agreement.raters_needed(0.99) == 1


def test_constant_ratings_have_no_reliability():
    with pytest.warns(UndefinedMetricWarning, match="All ratings are equal"):
        agreement = RaterAgreement.from_ratings([[2, 2, 2], [2, 2, 2]])
    assert all(np.isnan(v) for v in (agreement.alpha, agreement.icc, agreement.reliability))
    assert np.isnan(agreement.raters_needed(0.8))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RaterAgreement.from_moments([1, 2], [1, 1], 1), "No song has two raters"),
        (lambda: RaterAgreement.from_moments([1, 2], [1, np.nan], 3), "that of song 1 is nan"),
        (lambda: RaterAgreement.from_moments([1, 2], [1, 1], [3, 3, 3]), "the same shape"),
        (lambda: RaterAgreement.from_counts([[1, 0], [0, 1]]), "No song has two raters"),
        (lambda: RaterAgreement.from_counts([[2, 0], [0, 0]]), "every song needs a rater"),
        (lambda: RaterAgreement.from_ratings([[1, 2], [1, 3]]).raters_needed(1), "between 0 and 1"),
    ],
)
def test_errors_of_agreement(make, message):
    with pytest.raises(ValueError, match=message):
        make()
