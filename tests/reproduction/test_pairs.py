import json

import numpy as np
import pytest

from skmer.model_selection import corrected_paired_test
from skmer.reproduction import paired_difference

OURS = {(0, 0): 0.7, (0, 1): 0.8, (1, 0): 0.6, (1, 1): 0.7, (2, 0): 0.9, (2, 1): 0.5}
THEIRS = {(0, 0): 0.6, (0, 1): 0.6, (1, 0): 0.6, (1, 1): 0.6, (2, 0): 0.5, (2, 1): 0.5}
SIZES = {0: (59, 31), 1: (60, 30), 2: (61, 29)}


def rows(name, accuracies, sizes=SIZES, inner=None):
    return [
        {
            "name": name, "fold": fold, "inner": inner, "seed": seed, "scores": {"accuracy": value, "F1": value / 2},
            **({} if sizes is None else dict(zip(("n_train", "n_test"), sizes[fold], strict=True))),
        }
        for (fold, seed), value in accuracies.items()
    ]  # fmt: skip


def test_the_p_value_is_that_of_the_folds():
    found = paired_difference(rows("a", OURS) + rows("b", THEIRS), "a", "b")
    expected = corrected_paired_test([0.15, 0.05, 0.2], 60, 30)
    assert list(found) == ["mean", "sd", "n", "within_spread", "p_value"]
    assert found["p_value"] == pytest.approx(expected.p_value)
    assert (found["mean"], found["sd"], found["n"]) == pytest.approx((expected.mean, expected.sd, 3))
    assert found["within_spread"] is False
    halved = paired_difference(rows("a", OURS) + rows("b", THEIRS), "a", "b", "F1")
    assert halved["mean"] == pytest.approx(found["mean"] / 2)
    assert halved["p_value"] == pytest.approx(found["p_value"])
    assert paired_difference(rows("a", OURS) + rows("b", THEIRS), "b", "a")["p_value"] == found["p_value"]
    assert json.loads(json.dumps(found)) == found


def test_only_folds_and_seeds_that_both_have_count():
    fewer = {place: value for place, value in OURS.items() if place not in [(0, 1), (2, 0), (2, 1)]}
    found = paired_difference(rows("a", fewer) + rows("b", THEIRS), "a", "b")
    assert found["n"] == 2
    assert found["p_value"] == pytest.approx(corrected_paired_test([0.1, 0.05], [59, 60], [31, 30]).p_value)


def test_folds_within_the_training_songs_do_not_count():
    both = rows("a", OURS) + rows("b", THEIRS)
    inside = rows("a", dict.fromkeys(OURS, 0.0), inner=0) + rows("b", dict.fromkeys(THEIRS, 1.0), inner=0)
    assert paired_difference(inside + both + inside, "a", "b") == paired_difference(both, "a", "b")


def test_seeds_of_a_published_split_cannot_be_tested():
    ours, theirs = {(0, 0): 0.7, (0, 1): 0.8}, {(0, 0): 0.5, (0, 1): 0.5}
    found = paired_difference(rows("a", ours) + rows("b", theirs), "a", "b")
    assert found["p_value"] is None
    assert (found["mean"], found["sd"], found["n"]) == pytest.approx((0.25, np.sqrt(0.005), 2))


def test_rows_without_numbers_of_songs_are_compared_without_a_test():
    found = paired_difference(rows("a", OURS, None) + rows("b", THEIRS, None), "a", "b")
    assert found.pop("p_value") is None
    with_sizes = paired_difference(rows("a", OURS) + rows("b", THEIRS), "a", "b")
    assert found == {key: with_sizes[key] for key in found}


def test_too_little_in_common():
    with pytest.raises(ValueError, match="'a' and 'b' need at least two folds or seeds in common"):
        paired_difference(rows("a", {(0, 0): 0.7}) + rows("b", THEIRS), "a", "b")
    with pytest.raises(ValueError, match="'a' and 'c' need"):
        paired_difference(rows("a", OURS), "a", "c")
