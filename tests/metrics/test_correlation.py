"""Concordance and Pearson correlation: values by hand, invariants, and what constants give."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.exceptions import UndefinedMetricWarning

from skmer.metrics import concordance_correlation_coefficient as ccc
from skmer.metrics import pearson_correlation_coefficient as pearson

pytestmark = pytest.mark.filterwarnings("error")

pairs = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=2, max_size=12)


def test_ccc_by_hand():
    # means 2 and 3, population variances 2/3 both, covariance 2/3
    assert ccc([1, 2, 3], [2, 3, 4]) == pytest.approx(2 * (2 / 3) / (2 / 3 + 2 / 3 + 1))
    # means 2.5 and 2.5, variances 5/4 and 5/4, covariance (-1.5 * -0.5 + -0.5 * -1.5 + 0.5 * 1.5 + 1.5 * 0.5) / 4
    assert ccc([1, 2, 3, 4], [2, 1, 4, 3]) == pytest.approx(2 * (3 / 4) / (5 / 2))


def test_pearson_by_hand():
    # deviations (-1, 0, 1) and (-4/3, -1/3, 5/3): 3 / sqrt(2 * 14/3)
    assert pearson([1, 2, 3], [1, 2, 4]) == pytest.approx(3 / np.sqrt(28 / 3))


def test_targets_are_averaged_as_in_scikit_learn(rng):
    true, pred = rng.random((2, 9, 3))
    for score in (ccc, pearson):
        raw = score(true, pred, multioutput="raw_values")
        assert raw.tolist() == pytest.approx([score(true[:, k], pred[:, k]) for k in range(3)])
        assert score(true, pred) == pytest.approx(raw.mean())
        assert score(true, pred, multioutput=[1, 0, 3]) == pytest.approx((raw[0] + 3 * raw[2]) / 4)


def test_a_weight_counts_a_song_that_often(rng):
    true, pred = rng.random((2, 6))
    weights = np.array([1, 2, 0, 3, 1, 1])
    for score in (ccc, pearson):
        often = score(np.repeat(true, weights), np.repeat(pred, weights))
        assert score(true, pred, sample_weight=weights) == pytest.approx(often)


@given(pairs)
def test_ccc_is_no_farther_from_0_than_pearson_and_1_only_for_equality(values):
    true, pred = np.array(values, dtype=float).T
    assume(np.ptp(true) > 0)
    concordance, correlation = ccc(true, pred), pearson(true, pred)
    assert abs(concordance) <= abs(correlation) + 1e-12
    assert (concordance > 1 - 1e-12) == np.array_equal(true, pred)
    if np.ptp(pred) > 0:
        assert correlation == pytest.approx(pearsonr(true, pred).statistic, abs=1e-12)


@given(pairs, st.sampled_from([1e-200, 0.01, 3, 1e150]), st.integers(-5, 5))
def test_changes_of_scale(values, factor, shift):
    true, pred = np.array(values, dtype=float).T
    assume(np.ptp(true) > 0)
    # one change of both changes nothing; a change of the prediction changes the concordance only
    assert ccc(factor * true, factor * pred) == pytest.approx(ccc(true, pred), abs=1e-9)
    assert ccc(true + shift, pred + shift) == pytest.approx(ccc(true, pred), abs=1e-9)
    assert pearson(true, factor * pred) == pytest.approx(pearson(true, pred), abs=1e-9)
    assert pearson(true, -pred) == pytest.approx(-pearson(true, pred), abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, 2.0, 0.1])
def test_a_constant_prediction_has_0(constant):
    assert ccc([1, 2, 3], [constant] * 3) == pearson([1, 2, 3], [constant] * 3) == 0


def test_a_constant_truth():
    assert ccc([0.1] * 3, [1, 2, 3]) == 0
    assert ccc([0.1] * 3, [0.3] * 3) == 0
    assert ccc([0.1] * 3, [0.1] * 3) == 1
    with pytest.warns(UndefinedMetricWarning, match=r"undefined, since y_true is constant"):
        assert np.isnan(pearson([0.1] * 3, [1, 2, 3]))
    with pytest.warns(UndefinedMetricWarning, match=r"undefined in target 1"):
        raw = pearson([[1, 5], [2, 5]], [[1, 5], [2, 6]], multioutput="raw_values")
    assert raw[0] == pytest.approx(1)
    assert np.isnan(raw[1])


@pytest.mark.parametrize("score", [ccc, pearson])
def test_one_song_has_no_score(score):
    with pytest.warns(UndefinedMetricWarning, match="fewer than two songs"):
        assert np.isnan(score([1, 2], [1, 3], sample_weight=[1, 0]))


@pytest.mark.parametrize(
    ("true", "pred", "options", "message"),
    [
        ([1, 2], [1, 2, 3], {}, "y_pred has shape"),
        ([1, np.nan], [1, 2], {}, r"y_true must be finite, but 1 of its values are not; the first is at \[1\]"),
        ([], [], {}, "not be empty"),
        (["a", "b"], [1, 2], {}, "y_true must be numbers"),
        ([1, 2], [1, 2], {"sample_weight": [1, -1]}, "must not be negative"),
        ([1, 2], [1, 2], {"sample_weight": [1]}, "1 values for 2 songs"),
        ([1, 2], [1, 2], {"multioutput": "mean"}, "multioutput must be"),
        ([1, 2], [1, 2], {"multioutput": [1, 2]}, "multioutput must be"),
    ],
)
def test_errors(true, pred, options, message):
    with pytest.raises(ValueError, match=message):
        ccc(true, pred, **options)
