"""Which differences stand: the test by hand, and what is said of it."""

import numpy as np
import pytest
from scipy import stats

from skmer.model_selection import DUMMY, holm
from skmer.reproduction import differences, differences_markdown
from skmer.reproduction.systems import SSSL

OURS = [0.7, 0.8, 0.72, 0.75]
WORSE = [0.5, 0.6, 0.5, 0.56]
NEAR = [0.71, 0.77, 0.73, 0.74]


def rows(name, figures, seeds=(0,), n_test=25):
    return [
        {
            "name": name, "fold": fold, "inner": None, "seed": seed, "n_train": 100 - n_test, "n_test": n_test,
            "scores": {"accuracy": figure, "macro-F1": figure / 2},
        }
        for fold, figure in enumerate(figures) for seed in seeds
    ]  # fmt: skip


def by_hand(figures):
    d = np.subtract(figures, OURS)
    t = d.mean() / (d.std(ddof=1) * np.sqrt(1 / 4 + 25 / 75))
    return 2 * stats.t.sf(abs(t), 3)


def test_p_values_by_hand():
    experiment = {"rows": rows(SSSL, OURS) + rows("worse", WORSE) + rows("near", NEAR) + rows(DUMMY, WORSE)}
    worse, near = differences(experiment)
    assert (worse["system"], near["system"]) == ("worse", "near")
    assert [worse["p_value"], near["p_value"]] == pytest.approx(holm([by_hand(WORSE), by_hand(NEAR)]).tolist())
    assert worse["macro-F1"]["mean"] == pytest.approx(worse["accuracy"]["mean"] / 2)
    assert worse["p_value"] < 0.05 < near["p_value"]


def test_what_is_said():
    text = differences_markdown({"rows": rows(SSSL, OURS) + rows("worse", WORSE) + rows("near", NEAR)})
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert lines[0][0] == "Less Proposed (SSSL), mean ± standard deviation over folds:"
    assert lines[2] == ["system", "accuracy", "macro-F1", "folds", "p", "difference"]
    assert [lines[4][0], lines[4][3], lines[4][5]] == ["worse", "4", "shown"]
    assert [lines[5][0], lines[5][5]] == ["near", "not shown, within the spread"]


def test_seeds_of_one_split_are_not_tested():
    text = differences_markdown({"rows": rows(SSSL, [0.5], (0, 1)) + rows("other", [0.6], (0, 1))})
    assert "judged on the same songs and so cannot be tested" in text
    assert text.splitlines()[2].split("|")[1:-1][-1].strip() == "seeds"


def test_folds_that_differ_by_the_same_amount_are_not_tested():
    [found] = differences({"rows": rows(SSSL, [0.5, 0.5]) + rows("other", [0.75, 0.75])})
    assert found["p_value"] is None


def test_a_system_with_a_fold_alone_is_left_out():
    experiment = {"rows": rows(SSSL, OURS) + rows("once", [0.6])}
    assert differences(experiment) == []
    assert differences_markdown(experiment) == ""


def test_rows_of_inner_folds_are_passed_over():
    inner = [{**row, "inner": 0} for row in rows("worse", WORSE)]
    assert differences({"rows": rows(SSSL, OURS) + inner}) == []
