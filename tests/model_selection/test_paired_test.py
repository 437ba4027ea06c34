from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from skmer.model_selection import corrected_paired_test, holm


def test_hand_computed():
    # mean 3, deviation 1, variance of the mean 1 / 3 + 1 / 2: t = 3 / sqrt(5 / 6)
    found = corrected_paired_test([2, 3, 4], n_train=20, n_test=10)
    assert (found.mean, found.sd, found.n, found.dof) == (3.0, 1.0, 3, 2)
    assert found.statistic == pytest.approx(3.2863353)
    # Student's t with two degrees of freedom has a closed form
    assert found.p_value == pytest.approx(1 - found.statistic / np.sqrt(2 + found.statistic**2))


def test_the_interval_ends_where_p_is_what_it_leaves_out(rng):
    d = rng.normal(0.05, 0.05, 10)
    found = corrected_paired_test(d, 90, 10)
    for confidence in (0.5, 0.95, 0.99):
        low, high = found.interval(confidence)
        assert (low + high) / 2 == pytest.approx(found.mean)
        for end in (low, high):
            # had the true difference been an end, p would be just that
            assert corrected_paired_test(d - end, 90, 10).p_value == pytest.approx(1 - confidence)
    assert corrected_paired_test([0.0, 0.0], 9, 1).interval() == (0, 0)
    assert np.isnan(corrected_paired_test([0.1, 0.1], 9, 1).interval()).all()
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        found.interval(95)


@pytest.mark.parametrize("k", [2, 5, 10])
def test_scipys_statistic_times_the_factor(k, rng):
    ours, theirs = rng.normal(0.7, 0.1, k), rng.normal(0.65, 0.1, k)
    plain = stats.ttest_rel(ours, theirs)
    found = corrected_paired_test(ours - theirs, n_train=90, n_test=10)
    assert found.statistic == pytest.approx(plain.statistic * np.sqrt((1 / k) / (1 / k + 1 / 9)))
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.statistic), k - 1))
    assert found.p_value > plain.pvalue
    # with hardly a test song the training sets are nearly the same, but the songs judged do not count twice
    nearly = corrected_paired_test(ours - theirs, n_train=10**9, n_test=1)
    assert nearly.p_value == pytest.approx(plain.pvalue)


def test_under_the_null_it_finds_a_twentieth_and_the_plain_test_much_more(rng):
    k, n_train, n_test, times = 10, 90, 10, 4000
    rho = n_test / (n_train + n_test)
    differences = np.sqrt(rho) * rng.normal(size=(times, 1)) + np.sqrt(1 - rho) * rng.normal(size=(times, k))
    assert np.corrcoef(differences.T)[0, 1] == pytest.approx(rho, abs=0.04)
    corrected = np.mean([corrected_paired_test(d, n_train, n_test).p_value <= 0.05 for d in differences])
    plain = np.mean(stats.ttest_1samp(differences, 0, axis=1).pvalue <= 0.05)
    assert 0.04 <= corrected <= 0.07
    assert plain > 0.12


def test_it_finds_a_difference_that_is_there(rng):
    found = corrected_paired_test(rng.normal(0.1, 0.02, 10), 90, 10)
    assert found.p_value < 1e-4
    assert corrected_paired_test(rng.normal(-0.1, 0.02, 10), 90, 10).statistic < 0


def test_seeds_of_a_fold_are_averaged_first():
    once = corrected_paired_test([0.02, 0.05, 0.02], 80, 40)
    by_seed = [[0.01, 0.03], [0.04, 0.06], [0.02, 0.02]]
    for differences in (by_seed, np.array(by_seed), [[0.01, 0.03], [0.05], 0.02]):
        found = corrected_paired_test(differences, 80, 40)
        assert (found.n, found.dof) == (3, 2)
        assert found.p_value == pytest.approx(once.p_value)
    # more seeds are no more folds
    assert corrected_paired_test(np.repeat(by_seed, 50, axis=1), 80, 40).p_value == pytest.approx(once.p_value)


def test_folds_of_unequal_size_count_by_their_means():
    differences = [0.02, 0.04, -0.01]
    expected = corrected_paired_test(differences, 60, 30)
    assert corrected_paired_test(differences, [59, 60, 61], np.array([31, 30, 29])) == expected
    assert corrected_paired_test(differences, 60, [31, 30, 29]) == expected


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1, width=16), min_size=2, max_size=12), st.sampled_from([0.01, 7.0]))
def test_sign_order_and_scale(differences, factor):
    found = corrected_paired_test(differences, 90, 10)
    assert np.isnan(found.p_value) == np.isinf(found.statistic)
    assert np.isnan(found.p_value) or 0 <= found.p_value <= 1
    for other in (-np.array(differences), differences[::-1], factor * np.array(differences)):
        assert corrected_paired_test(other, 90, 10).p_value == pytest.approx(
            found.p_value, rel=1e-6, abs=1e-9, nan_ok=True
        )


def test_folds_that_do_not_differ():
    same = corrected_paired_test([0.0, 0.0, 0.0], 90, 10)
    assert (same.statistic, same.p_value, same.sd) == (0.0, 1.0, 0.0)
    assert corrected_paired_test([0.25, 0.25], 90, 10).statistic == np.inf
    assert corrected_paired_test([-0.25, -0.25], 90, 10).statistic == -np.inf
    # two folds of eight songs agree so by chance often enough
    assert np.isnan(corrected_paired_test([-0.25, -0.25], 90, 10).p_value)


def test_rounding_is_no_difference():
    # sums to 5.6e-17, and a mean of equal values has a deviation of 1.7e-17
    assert corrected_paired_test([[0.1, 0.2, -0.3]] * 4, 90, 10).p_value == 1.0
    assert np.std([0.1] * 3, ddof=1) > 0
    found = corrected_paired_test([0.1] * 3, 90, 10)
    assert found.statistic == np.inf


def test_the_result_cannot_be_changed():
    found = corrected_paired_test([0.1, 0.2], 90, 10)
    with pytest.raises(FrozenInstanceError):
        found.p_value = 0.0
    assert all(type(value) in (int, float) for value in vars(found).values())


@pytest.mark.parametrize(
    ("differences", "n_train", "n_test", "message"),
    [
        ([0.1], 90, 10, "at least two folds, got 1"),
        ([[0.1, 0.2, 0.3]], 90, 10, "seeds of one fold cannot be tested"),
        ([], 90, 10, "at least two folds, got 0"),
        ([0.1, np.nan], 90, 10, "fold 1 has nan"),
        ([[0.1], []], 90, 10, r"fold 1 has \[\]"),
        ([0.1, "x"], 90, 10, "must be numbers, but fold 1 has 'x'"),
        (np.zeros((2, 2, 2)), 90, 10, "one for each seed"),
        ([0.1, 0.2], 0, 10, "n_train must be a number of songs, or one for each of the 2 folds, got 0"),
        ([0.1, 0.2], 90, [10, 10, 10], "n_test must be"),
        ([0.1, 0.2], 90, None, "n_test must be"),
        ([0.1, 0.2], np.nan, 10, "n_train must be"),
    ],
)
def test_refusals(differences, n_train, n_test, message):
    with pytest.raises(ValueError, match=message):
        corrected_paired_test(differences, n_train, n_test)


def test_holm_by_hand():
    # sorted .005, .01, .03, .04 times 4, 3, 2, 1; the last may not be smaller than the third
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert holm([0.2]).tolist() == [0.2]
    assert holm([0.6, 0.7, 0.0]).tolist() == [1.0, 1.0, 0.0]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_holm_in_whatever_order(p_values, random):
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= np.minimum(1, len(p_values) * np.array(p_values))).all()  # never worse than Bonferroni's
    order = random.sample(range(len(p_values)), len(p_values))
    assert holm(np.array(p_values)[order]).tolist() == adjusted[order].tolist()


def test_holm_keeps_the_risk_of_any_error(rng):
    p = rng.uniform(size=(4000, 5))
    assert np.mean([holm(row).min() <= 0.05 for row in p]) == pytest.approx(0.05, abs=0.012)
    assert np.mean(p.min(axis=1) <= 0.05) > 0.2


@pytest.mark.parametrize("p_values", [[], [0.1, None], [0.1, np.nan], [1.2], [[0.1, 0.2]], ["x"]])
def test_holm_refuses_what_is_no_probability(p_values):
    with pytest.raises(ValueError, match="numbers from 0 to 1"):
        holm(p_values)
