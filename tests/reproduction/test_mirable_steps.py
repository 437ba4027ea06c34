"""What each step of the paper changes, by a paired test."""

import numpy as np
import pytest

from skmer.model_selection import corrected_paired_test, holm
from skmer.reproduction.mirable import mirable_markdown, step_differences
from tests.reproduction.tiny_mirable import make_table


def table_of(figures, seeds=(0,)):
    """Give a table of rows by name, each with the ROC-AUC of its folds; in one in capitals no seed has a say."""
    parts = [{"fold": k, "labelled": 50, "unlabelled": 20, "validation": 10, "test": 20} for k in range(4)]
    rows = [
        {"name": name.lower(), "fold": k, "seed": seed, "scores": {"ROC-AUC": figure}}
        for name, own in figures.items()
        for k, figure in enumerate(own)
        for seed in ([None] if name.isupper() else seeds)
    ]
    return {"rows": rows, "parts": parts, "protocol": {"seeds": list(seeds)}}


SHORT, HPCP, LINEAR = [0.60, 0.70, 0.65, 0.62], [0.66, 0.72, 0.70, 0.63], [0.61, 0.68, 0.60, 0.62]


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_pairs_are_tested_and_adjusted_together(seeds):
    table = table_of({"LOGISTIC-REGRESSION": LINEAR, "short-normal": SHORT, "short-hpcp": HPCP}, seeds)
    found = step_differences(table)
    pairs = [("short-hpcp", "short-normal"), ("short-normal", "logistic-regression"),
             ("short-hpcp", "logistic-regression")]  # fmt: skip
    assert [(pair["row"], pair["less"]) for pair in found] == pairs
    # all songs but the test ones are what folds share
    tests = [
        corrected_paired_test(np.subtract(a, b), 80, 20) for a, b in [(HPCP, SHORT), (SHORT, LINEAR), (HPCP, LINEAR)]
    ]
    np.testing.assert_allclose([pair["mean"] for pair in found], [test.mean for test in tests])
    np.testing.assert_allclose([pair["p_value"] for pair in found], [test.p_value for test in tests])
    np.testing.assert_allclose([pair["adjusted"] for pair in found], holm([test.p_value for test in tests]))


def test_one_fold_is_not_compared():
    rows = ("baseline", "long-hpcp-noisy", "ensemble")
    assert step_differences(make_table(rows=rows)) == []
    assert "Nadeau" not in mirable_markdown(make_table(rows=rows))


def test_the_report_has_them():
    text = mirable_markdown(make_table("emotify", folds=(0, 1, 2)))
    assert "| ensemble | long-hpcp-noisy | +.000 ± .000 |" in text
