"""Scores of shares of listeners, by hand."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from skmer.metrics import distribution_cross_entropy, pearson_correlation_coefficient, total_variation_distance

pytestmark = pytest.mark.filterwarnings("error")
TRUE = [[0.5, 0.5, 0], [0, 0.25, 0.75]]
PRED = [[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]]


def test_cross_entropy_by_hand():
    # -log(1/4) = 2 log 2; -(1/4 log(1/4) + 3/4 log(1/4)) the same
    assert distribution_cross_entropy(TRUE, PRED) == pytest.approx(2 * np.log(2))
    assert distribution_cross_entropy(TRUE[:1], [[0.5, 0.25, 0.25]]) == pytest.approx(1.5 * np.log(2))


def test_cross_entropy_is_lowest_for_the_truth(rng):
    entropy = distribution_cross_entropy(TRUE, TRUE)
    assert entropy == pytest.approx((np.log(2) + 0.25 * np.log(4) + 0.75 * np.log(4 / 3)) / 2)
    assert all(distribution_cross_entropy(TRUE, rng.dirichlet([1, 1, 1], 2)) > entropy for _ in range(20))


def test_cross_entropy_of_labels_is_the_log_loss(rng):
    pred = rng.dirichlet([1, 1, 1], 9)
    labels = rng.integers(0, 3, 9)
    assert distribution_cross_entropy(np.eye(3)[labels], pred) == pytest.approx(
        log_loss(labels, pred, labels=[0, 1, 2])
    )
    impossible = distribution_cross_entropy([[1, 0]], [[0, 1]])
    assert impossible == pytest.approx(log_loss([0], [[0, 1]], labels=[0, 1])) == pytest.approx(-np.log(2**-52))


def test_total_variation_by_hand():
    # (1/4 + 1/4 + 1/2) / 2, and (1/2 + 0 + 1/2) / 2
    assert total_variation_distance(TRUE, PRED) == pytest.approx(0.5)
    assert total_variation_distance([[1, 0]], [[0, 1]]) == 1
    assert total_variation_distance(TRUE, TRUE) == 0


def test_weights_count_songs():
    assert total_variation_distance([[1, 0], [1, 0]], [[0, 1], [1, 0]], sample_weight=[3, 1]) == 0.75
    for score in (distribution_cross_entropy, total_variation_distance):
        assert score(TRUE, TRUE[::-1], sample_weight=[1, 0]) == pytest.approx(score(TRUE[:1], TRUE[1:]))


def test_correlation_for_each_class():
    true = [[0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4]]
    pred = [[0.2, 0.5, 0.3], [0.3, 0.4, 0.3], [0.4, 0.4, 0.2]]
    classes = pearson_correlation_coefficient(true, pred, multioutput="raw_values")
    # deviations (-1, 0, 1) in both; (4, 1, -5)/30 and (2, -1, -1)/30; (-1, -1, 2)/30 and (1, 1, -2)/30
    assert classes.tolist() == pytest.approx([1, (8 - 1 + 5) / np.sqrt(42 * 6), -1])


def test_rounded_shares_are_accepted_and_others_are_not():
    assert total_variation_distance([[0.333, 0.333, 0.333]], [[1 / 3] * 3]) == pytest.approx(0)
    with pytest.raises(ValueError, match=r"row 1 is \[0.5, 0.25\], whose sum is 0.75"):
        total_variation_distance([[0.5, 0.5], [0.5, 0.25]], [[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(ValueError, match="at least 0"):
        distribution_cross_entropy([[0.5, 0.5]], [[1.5, -0.5]])
    with pytest.raises(ValueError, match="y_pred has shape"):
        distribution_cross_entropy([[0.5, 0.5]], [[0.5, 0.25, 0.25]])


def test_shares_of_two_digits_may_miss_one_by_their_rounding():
    assert total_variation_distance([[0.33, 0.33, 0.33]], [[1 / 3, 1 / 3, 1 / 3]]) == pytest.approx(0)
    with pytest.raises(ValueError, match=r"whose sum is 0\.98"):
        total_variation_distance([[0.33, 0.33, 0.32]], [[1 / 3, 1 / 3, 1 / 3]])
