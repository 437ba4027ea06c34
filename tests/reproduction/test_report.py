"""The report: every statement follows from the table, the paper's figures are at their places."""

import csv
import io
import json

import numpy as np
import pytest
from scipy import stats

from skmer.model_selection import DUMMY, holm
from skmer.reproduction import Settings, table_csv, table_markdown, table_rows
from skmer.reproduction.report import differences_markdown
from skmer.reproduction.systems import SSSL

SETTINGS = Settings(backbone="small", epochs=9, warmup_epochs=4, device="cpu").to_dict()


def row(name, fold=0, accuracy=0.75, seed=0, **more):
    scores = {"accuracy": accuracy, "F1": 0.5, "macro-F1": accuracy / 2, "balanced accuracy": 0.3}
    own = {"name": name, "fold": fold, "inner": None, "seed": seed, "seconds": 7.4, "scores": scores}
    return {**own, "n_train": 8, "n_test": 2, **more}


def experiment(rows, folds=(0,), n_folds=1, seeds=(0,), description="the split"):
    protocol = {"description": description, "seeds": list(seeds)}
    return {"rows": rows, "folds": list(folds), "n_folds": n_folds, "protocol": protocol}


def table(experiments, settings=SETTINGS, **changed):
    if not isinstance(experiments, dict) or "rows" in experiments:
        experiments = {"valence": experiments}
    plain = {"table": "table3", "dataset": "emopia", "title": "EMOPIA", "n_songs": 10, "group": "song", "n_groups": 4}
    return {**plain, "settings": settings, "date": "", "experiments": experiments, **changed}


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def by_name(made):
    return {row["system"]: row for row in table_rows(made)}


def test_figures_by_hand():
    rows = [row("SVM", 0, 0.5), row("SVM", 1, 0.7), row(DUMMY, 0, 0.25), row(DUMMY, 1, 0.25)]
    lines = table_markdown(table(experiment(rows, (0, 1), 2))).splitlines()
    assert cells(lines[-4]) == ["system", "accuracy", "F1", "macro-F1", "balanced accuracy", "s per fit"]
    assert cells(lines[-2]) == ["SVM", "60.0 ± 14.1", "50.0 ± 0.0", "30.0 ± 7.1", "30.0 ± 0.0", "7.4"]
    assert cells(lines[-1]) == [DUMMY, "25.0 ± 0.0", "50.0 ± 0.0", "12.5 ± 0.0", "30.0 ± 0.0", ""]


def test_the_papers_figures_are_beside_ours():
    made = table(experiment([row("Proposed (SSSL)"), row("Proposed (SSSL), mean probability")]), dataset="4q")
    found = by_name(made)
    assert found["Proposed (SSSL)"]["paper"] == {"accuracy": 77.2, "F1": 78.37}
    assert found["Proposed (SSSL)"]["difference"] == {"accuracy": pytest.approx(-2.2), "F1": pytest.approx(-28.37)}
    assert found["Proposed (SSSL), mean probability"]["paper"] == {}
    assert found["2-Stage (paper only)"]["paper"] == {"accuracy": 67.11, "F1": 67.11}
    lines = table_markdown(made).splitlines()
    assert cells(lines[-6])[-3:] == ["paper: acc. / F1", "difference", "s per fit"]
    assert cells(lines[-4])[-3:] == ["77.20 / 78.37", "-2.2 / -28.4", "7.4"]
    assert cells(lines[-2]) == ["2-Stage (paper only)", "", "", "", "", "67.11 / 67.11", "", ""]
    text = table_markdown(table({"quadrant": experiment([row("SVM")])}, dataset="4q"))
    assert "72.00 / –" in text
    assert "– / 76.41" in text
    assert "paper" not in table_markdown(table(experiment([row("Proposed (SSSL)")]), Settings(recipe=None).to_dict()))


def test_rows_of_the_ablations_and_of_table_2():
    names = [DUMMY, "log-mel statistics + SVM", "Proposed* (lambda = 0)"]
    found = by_name(table(experiment([row(name) for name in names]), table="ablations", dataset="pmemo"))
    assert found["Proposed* (lambda = 0)"]["paper"] == {"accuracy": 79.01, "F1": 82.01}
    assert found[DUMMY]["paper"] == found["log-mel statistics + SVM"]["difference"] == {}
    assert found["Proposed (paper only)"]["paper"]["accuracy"] == 83.19
    rows = [row("1 s"), row("1 s, mean probability"), row("0.5 s"), row("1 s", inner=0, accuracy=0.1)]
    found = by_name(table({"arousal": experiment(rows)}, table="table2", dataset="pmemo"))
    assert found["1 s"]["paper"] == {"accuracy": 85.42, "F1": 86.61}
    assert found["1 s"]["accuracy"]["mean"] == 0.75  # inner folds do not count
    assert found["1 s, mean probability"]["paper"] == found["0.5 s"]["paper"] == {}
    assert [name for name in found if "paper only" in name] == [f"{d} s (paper only)" for d in (2, 3, 4, 5)]


def test_seconds_choices_and_tasks():
    rows = [row("a", seconds=1.0), row("a", 1, seconds=4.0), row(DUMMY, seconds=0.0)]
    rows += [row("best", fold, choice=choice) for fold, choice in enumerate(["1 s", "3 s", "1 s"])]
    made = table({"valence": experiment(rows, range(3), 3), "arousal": experiment([row("a", accuracy=0.9)])})
    found = [r for r in table_rows(made) if r["task"] == "valence"]
    assert [r["seconds"] for r in found] == [2.5, None, pytest.approx(7.4)]
    assert found[2]["choices"] == ["1 s", "3 s", "1 s"]
    assert [r["accuracy"]["mean"] for r in table_rows(made) if r["task"] == "arousal"] == [0.9]
    text = table_markdown({**made, "table": "table2"})
    assert "| 2 × 1 s, 1 × 3 s |" in text
    text = table_markdown(table({task: experiment([row("x")]) for task in ("quadrant", "arousal", "emotion")}))
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "### Four quadrants", "### Arousal", "### Emotion"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"group": "artist"}, "EMOPIA: 10 songs of 4 artists. "),
        ({"unit": "clip", "n_songs": 1078, "n_groups": 387}, "EMOPIA: 1,078 clips of 387 songs. "),
        ({"n_groups": 10, "group": "artist"}, "EMOPIA: 10 songs, not grouped. "),
    ],
)
def test_songs_and_groups(changed, expected):
    assert table_markdown(table(experiment([row("SVM")]), **changed)).startswith(expected)


@pytest.mark.parametrize(
    ("kind", "settings", "expected"),
    [
        (
            "table3",
            SETTINGS,
            "backbone small, recipe paper, 9 epochs, 4 of them warm-up, segments of 3 s, the first 30 s of each "
            "recording, device cpu.",
        ),
        (
            "table3",
            Settings(recipe=None, cross_fit=4, params={"lr": 0.1}).to_dict(),
            "backbone vgg16, recipe none, 30 epochs, 5 of them warm-up, segments of 3 s, the first 30 s of each "
            'recording, cross-fitted in 4 folds, other parameters {"lr": 0.1}, device auto.',
        ),
        (
            "table2",
            {**SETTINGS, "max_duration": None},
            "backbone small, recipe paper, 9 epochs, 4 of them warm-up, device cpu.",
        ),
        (
            "table3",
            {**SETTINGS, "embedding": {"embedding": "net.pt", "sr": 8000.0, "window": 0.25, "digest": "ab"}},
            "device cpu, deep embedding net.pt (windows of 0.25 s at 8000 Hz).",
        ),
    ],
)
def test_settings(kind, settings, expected):
    first = table_markdown(table(experiment([row("x")]), settings, table=kind)).splitlines()[0]
    assert first.endswith(expected)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (experiment([row("x")]), "the split; seed 0."),
        (
            experiment([row("x", seed=3), row("x", seed=4)], seeds=[3, 4]),
            "the split; seeds 3, 4. Mean ± standard deviation over seeds.",
        ),
        (
            experiment([row("x", f, seed=s) for f in (0, 2) for s in (0, 1)], (0, 2), 10, (0, 1)),
            "the split; only folds 0, 2 of 10, counted from 0; seeds 0, 1. "
            "Mean ± standard deviation over folds, of the means over seeds.",
        ),
        (experiment([row("x", 3)], (3,), 10), "the split; only fold 3 of 10, counted from 0; seed 0."),
        (experiment([row("x", n_test=1)]), "the split; seed 0; 1 of the 10 not in the split."),
    ],
)
def test_the_protocol(made, expected):
    assert table_markdown(table(made)).splitlines()[5] == expected


OURS, WORSE, NEAR = [0.7, 0.8, 0.72, 0.75], [0.5, 0.6, 0.5, 0.56], [0.71, 0.77, 0.73, 0.74]


def rows_of(name, figures, seeds=(0,), **more):
    return [row(name, fold, figure, seed, **more) for fold, figure in enumerate(figures) for seed in seeds]


def test_differences_from_ours():
    made = experiment(rows_of(SSSL, OURS) + rows_of("worse", WORSE) + rows_of("near", NEAR) + rows_of(DUMMY, WORSE))
    heading, figures = differences_markdown(made)
    assert heading == "Difference from Proposed (SSSL), mean ± standard deviation over folds:"
    header, _, worse, near = map(cells, figures.splitlines())
    assert header == ["system", "accuracy", "macro-F1", "folds", "p", "difference"]

    def by_hand(figures):
        d = np.subtract(figures, OURS)
        t = d.mean() / (d.std(ddof=1) * np.sqrt(1 / 4 + 2 / 8))
        return 2 * stats.t.sf(abs(t), 3)

    p_values = holm([by_hand(WORSE), by_hand(NEAR)])
    assert worse == ["worse", "-20.2 ± 1.3", "-10.1 ± 0.6", "4", f"{p_values[0]:.3f}", "significant"]
    assert near[4:] == [f"{p_values[1]:.3f}", "not significant, within the spread"]
    assert table_markdown(table(made)).endswith("A difference is significant where p ≤ 0.05.")


def test_seeds_of_one_split_are_not_tested():
    heading, figures = differences_markdown(experiment(rows_of(SSSL, [0.5], (0, 1)) + rows_of("b", [0.6], (0, 1))))
    assert "not tested, because all seeds have the same test songs" in heading
    assert cells(figures.splitlines()[0])[-1] == "seeds"
    # a single fold, or inner folds, are no difference
    for others in (rows_of("once", [0.6]), rows_of("worse", WORSE, inner=0)):
        assert differences_markdown(experiment(rows_of(SSSL, OURS) + others)) == []


def test_csv_has_a_line_for_each_score():
    rows = [row("Proposed (SSSL)", 0, 0.5), row("Proposed (SSSL)", 1, 0.7)]
    lines = list(csv.DictReader(io.StringIO(table_csv(table(experiment(rows, (0, 1), 2), dataset="4q")))))
    assert [line["score"] for line in lines[:4]] == ["accuracy", "F1", "macro-F1", "balanced accuracy"]
    first = lines[0]
    assert (first["task"], first["system"], first["n"], first["paper"]) == ("valence", "Proposed (SSSL)", "2", "77.2")
    assert float(first["mean"]) == pytest.approx(0.6)
    assert float(first["sd"]) == pytest.approx(0.02**0.5)
    assert float(first["difference"]) == pytest.approx(-17.2)
    assert lines[2]["paper"] == lines[2]["difference"] == ""
    alone = [line for line in lines if line["system"] == "2-Stage (paper only)"]
    assert [(line["mean"], line["n"], line["paper"]) for line in alone[:3]] == [("", "", "67.11")] * 2 + [("", "", "")]


def test_a_table_that_went_through_json_reads_the_same():
    made = table(experiment([row("Proposed (SSSL)", 0, 0.5), row("x")]), dataset="4q")
    again = json.loads(json.dumps(made))
    assert table_markdown(again) == table_markdown(made)
    assert table_csv(again) == table_csv(made)
