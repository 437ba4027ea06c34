"""Rows of the tables: means and deviations by hand, the paper's figures at their places."""

import pytest

from skmer.model_selection import DUMMY
from skmer.reproduction import table_rows
from skmer.reproduction.summary import mean_and_deviation


def row(name, fold, accuracy, seed=0, inner=None, seconds=1.0, **more):
    scores = {"accuracy": accuracy, "F1": accuracy / 2, "macro-F1": 0.1, "balanced accuracy": 0.2}
    return {"name": name, "fold": fold, "inner": inner, "seed": seed, "seconds": seconds, "scores": scores, **more}


def table(rows, table="table3", dataset="pmemo", task="valence"):
    return {"table": table, "dataset": dataset, "experiments": {task: {"rows": rows}}}


def by_name(rows):
    return {r["system"]: r for r in rows}


def test_the_deviation_is_that_of_a_sample():
    found = mean_and_deviation([row("a", fold, x) for fold, x in enumerate([0.2, 0.4, 0.9])], "accuracy")
    # squares of -.3, -.1, .4 sum to .26; half of it is .13
    assert found == {"mean": pytest.approx(0.5), "sd": pytest.approx(0.13**0.5), "n": 3}


def test_seeds_are_averaged_within_their_fold_first():
    rows = [row("a", 0, 0.5, seed=0), row("a", 0, 0.7, seed=1), row("a", 1, 0.4, seed=0), row("a", 1, 0.4, seed=1)]
    found = mean_and_deviation(rows, "accuracy")
    assert found == {"mean": pytest.approx(0.5), "sd": pytest.approx(0.02**0.5), "n": 2}


def test_a_single_fold_is_summarised_over_its_seeds_and_a_single_figure_has_no_deviation():
    found = mean_and_deviation([row("a", 3, 0.5, seed=0), row("a", 3, 0.7, seed=1)], "accuracy")
    assert found == {"mean": pytest.approx(0.6), "sd": pytest.approx(0.02**0.5), "n": 2}
    assert mean_and_deviation([row("a", 3, 0.5)], "accuracy") == {"mean": 0.5, "sd": None, "n": 1}


def test_the_difference_is_ours_less_the_papers_in_percent():
    found = by_name(table_rows(table([row("Proposed (SSSL)", 0, 0.8), row("Proposed (SSSL)", 1, 0.9)])))
    ours = found["Proposed (SSSL)"]
    assert ours["paper"] == {"accuracy": 83.19, "F1": 82.31}
    assert ours["difference"] == {"accuracy": pytest.approx(85 - 83.19), "F1": pytest.approx(42.5 - 82.31)}
    assert list(found) == ["Proposed (SSSL)", "SVM (paper only)", "2-Stage (paper only)", "Proposed* (paper only)"]


def test_the_ablation_without_kl_is_the_papers_and_others_are_compared_with_nothing():
    names = [DUMMY, "log-mel statistics + SVM", "Proposed* (lambda = 0)", "Proposed (SSSL), mean probability"]
    found = by_name(table_rows(table([row(name, 0, 0.5) for name in names], table="ablations")))
    assert found["Proposed* (lambda = 0)"]["paper"] == {"accuracy": 79.01, "F1": 82.01}
    for name in (names[0], names[1], names[3]):
        assert found[name]["paper"] == found[name]["difference"] == {}
    assert found["Proposed (paper only)"]["paper"]["accuracy"] == 83.19


def test_a_figure_that_the_paper_does_not_report_is_left_out():
    found = by_name(table_rows(table([row("Proposed (SSSL)", 0, 0.5)], dataset="4q", task="quadrant")))
    assert found["Audio Embedding (paper only)"]["paper"] == {"accuracy": 72.0}
    assert found["SVM (paper only)"]["paper"] == {"F1": 76.41}


def test_rows_that_are_the_papers_alone_have_no_figure_of_ours():
    alone = by_name(table_rows(table([row("x", 0, 0.5)])))["2-Stage (paper only)"]
    assert alone == {
        "task": "valence", "system": "2-Stage (paper only)", "paper": {"accuracy": 79.01, "F1": 83.2}, "difference": {}
    }  # fmt: skip


@pytest.mark.parametrize(("dataset", "task"), [("emopia", "valence"), ("pmemo", "quadrant"), ("eim", "valence")])
def test_what_the_paper_did_not_run_has_no_row_of_its(dataset, task):
    [only] = table_rows(table([row("Proposed (SSSL)", 0, 0.5)], dataset=dataset, task=task))
    assert only["paper"] == only["difference"] == {}


def test_durations_are_compared_with_table_2():
    rows = [row("1 s", 0, 0.8), row("1 s, mean probability", 0, 0.7), row("0.5 s", 0, 0.6)]
    found = by_name(table_rows(table(rows, table="table2", task="arousal")))
    assert found["1 s"]["paper"] == {"accuracy": 85.42, "F1": 86.61}
    assert found["1 s, mean probability"]["paper"] == found["0.5 s"]["paper"] == {}
    assert [name for name in found if "paper only" in name] == [f"{d} s (paper only)" for d in (2, 3, 4, 5)]


def test_inner_folds_do_not_count():
    found = by_name(table_rows(table([row("a", 0, 0.5), row("a", 0, 0.9, inner=0), row("b", 0, 0.1, inner=1)])))
    assert found["a"]["accuracy"]["mean"] == 0.5
    assert "b" not in found


def test_seconds_and_choices():
    rows = [row("a", 0, 0.5, seconds=1.0), row("a", 1, 0.5, seconds=4.0), row(DUMMY, 0, 0.5, seconds=0.0)]
    rows += [row("best", fold, 0.5, choice=choice) for fold, choice in enumerate(["1 s", "2 s", "1 s"])]
    found = by_name(table_rows(table(rows)))
    assert (found["a"]["seconds"], found[DUMMY]["seconds"]) == (2.5, None)
    assert found["best"]["choices"] == ["1 s", "2 s", "1 s"]
    assert "choices" not in found["a"]


def test_tasks_are_kept_apart():
    both = table([row("Proposed (SSSL)", 0, 0.5)])
    both["experiments"]["arousal"] = {"rows": [row("Proposed (SSSL)", 0, 0.9)]}
    ours = [r for r in table_rows(both) if r["system"] == "Proposed (SSSL)"]
    assert [(r["task"], r["accuracy"]["mean"], r["paper"]["accuracy"]) for r in ours] == [
        ("valence", 0.5, 83.19), ("arousal", 0.9, 85.42)
    ]  # fmt: skip
