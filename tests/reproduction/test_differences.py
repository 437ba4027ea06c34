"""Means over folds, and differences between rows: by hand, and by the paired test."""

import numpy as np
import pytest

from skmer.model_selection import corrected_paired_test, holm
from skmer.reproduction.differences import mean_and_deviation, paired_difference, paired_tests

OURS = {(0, 0): 0.7, (0, 1): 0.8, (1, 0): 0.6, (1, 1): 0.7, (2, 0): 0.9, (2, 1): 0.5}
THEIRS = {(0, 0): 0.6, (0, 1): 0.6, (1, 0): 0.6, (1, 1): 0.6, (2, 0): 0.5, (2, 1): 0.5}
SIZES = {0: (59, 31), 1: (60, 30), 2: (61, 29)}


def rows(name, accuracies, sizes=SIZES):
    return [
        {
            "name": name, "fold": fold, "seed": seed, "scores": {"accuracy": value, "F1": value / 2},
            **({} if sizes is None else dict(zip(("n_train", "n_test"), sizes[fold], strict=True))),
        }
        for (fold, seed), value in accuracies.items()
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("accuracies", "mean", "sd", "n"),
    [
        # squares of -.3, -.1, .4 sum to .26; half of it is .13
        ({(0, 0): 0.2, (1, 0): 0.4, (2, 0): 0.9}, 0.5, 0.13**0.5, 3),
        # seeds are averaged within their fold first
        ({(0, 0): 0.5, (0, 1): 0.7, (1, 0): 0.4, (1, 1): 0.4}, 0.5, 0.02**0.5, 2),
        # a single fold is summarised over its seeds, a single figure has no deviation
        ({(3, 0): 0.5, (3, 1): 0.7}, 0.6, 0.02**0.5, 2),
        ({(3, 0): 0.5}, 0.5, None, 1),
    ],
)
def test_mean_and_deviation_by_hand(accuracies, mean, sd, n):
    found = mean_and_deviation(rows("a", accuracies, None), "accuracy")
    assert found == {"mean": pytest.approx(mean), "sd": sd if sd is None else pytest.approx(sd), "n": n}


def test_the_p_value_is_that_of_the_folds():
    found = paired_difference(rows("a", OURS) + rows("b", THEIRS), "a", "b")
    expected = corrected_paired_test([0.15, 0.05, 0.2], 60, 30)
    assert found["p_value"] == pytest.approx(expected.p_value)
    assert (found["mean"], found["sd"], found["n"]) == pytest.approx((expected.mean, expected.sd, 3))
    assert found["within_spread"] is False
    halved = paired_difference(rows("a", OURS) + rows("b", THEIRS), "a", "b", "F1")
    assert halved["mean"] == pytest.approx(found["mean"] / 2)
    assert halved["p_value"] == pytest.approx(found["p_value"])


def test_only_folds_and_seeds_that_both_have_count():
    fewer = {place: value for place, value in OURS.items() if place not in [(0, 1), (2, 0), (2, 1)]}
    found = paired_difference(rows("a", fewer) + rows("b", THEIRS), "a", "b")
    assert found["n"] == 2
    assert found["p_value"] == pytest.approx(corrected_paired_test([0.1, 0.05], [59, 60], [31, 30]).p_value)
    assert paired_difference(rows("a", {(0, 0): 0.7}) + rows("b", THEIRS), "a", "b") is None
    assert paired_difference(rows("a", OURS), "a", "c") is None


def test_what_cannot_be_tested_has_no_p_value():
    # seeds of a published split
    ours, theirs = {(0, 0): 0.7, (0, 1): 0.8}, {(0, 0): 0.5, (0, 1): 0.5}
    found = paired_difference(rows("a", ours) + rows("b", theirs), "a", "b")
    assert found["p_value"] is None
    assert (found["mean"], found["sd"], found["n"]) == pytest.approx((0.25, np.sqrt(0.005), 2))
    # rows without numbers of songs
    found = paired_difference(rows("a", OURS, None) + rows("b", THEIRS, None), "a", "b")
    assert found["p_value"] is None
    assert found["n"] == 3
    # folds that all differ by the same amount
    same = rows("a", {(0, 0): 0.75, (1, 0): 0.75}) + rows("b", {(0, 0): 0.5, (1, 0): 0.5})
    assert paired_difference(same, "a", "b")["p_value"] is None


def test_p_values_are_adjusted_together():
    table = rows("a", OURS) + rows("b", THEIRS) + rows("c", {place: value + 0.01 for place, value in OURS.items()})
    table += rows("same", {place: value + 0.25 for place, value in THEIRS.items()}) + rows("once", {(0, 0): 0.5})
    found = paired_tests(table, [("a", "b"), ("once", "b"), ("same", "b"), ("c", "b")])
    assert [(pair["row"], pair["less"]) for pair in found] == [("a", "b"), ("same", "b"), ("c", "b")]
    p_values = [found[0]["p_value"], found[2]["p_value"]]
    assert [found[0]["adjusted"], found[2]["adjusted"]] == pytest.approx(holm(p_values).tolist())
    assert found[1]["adjusted"] is None
