"""What is printed: every statement follows from the table."""

import csv
import io
import json

import pytest

from skmer.model_selection import DUMMY
from skmer.reproduction import Settings, table_csv, table_markdown

SETTINGS = Settings(backbone="small", epochs=9, warmup_epochs=4, device="cpu").to_dict()


def row(name, fold=0, accuracy=0.75, seed=0, **more):
    scores = {"accuracy": accuracy, "F1": 0.5, "macro-F1": 0.4, "balanced accuracy": 0.3}
    songs = {"n_train": 8, "n_test": 2}
    return {"name": name, "fold": fold, "inner": None, "seed": seed, "seconds": 7.4, "scores": scores, **songs, **more}


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


def test_figures_by_hand():
    rows = [row("SVM", 0, 0.5), row("SVM", 1, 0.7), row(DUMMY, 0, 0.25), row(DUMMY, 1, 0.25)]
    lines = table_markdown(table(experiment(rows, (0, 1), 2))).splitlines()
    assert cells(lines[-4]) == ["system", "accuracy", "F1", "macro-F1", "balanced accuracy", "s a fit"]
    assert cells(lines[-2]) == ["SVM", "60.0 ± 14.1", "50.0 ± 0.0", "40.0 ± 0.0", "30.0 ± 0.0", "7.4"]
    assert cells(lines[-1]) == [DUMMY, "25.0 ± 0.0", "50.0 ± 0.0", "40.0 ± 0.0", "30.0 ± 0.0", ""]


def test_the_papers_figures_stand_beside_ours():
    lines = table_markdown(table(experiment([row("Proposed (SSSL)")]), dataset="4q")).splitlines()
    assert cells(lines[-5])[-3:] == ["paper: acc. / F1", "difference", "s a fit"]
    assert cells(lines[-3])[-3:] == ["77.20 / 78.37", "-2.2 / -28.4", "7.4"]
    assert cells(lines[-2]) == ["2-Stage (paper only)", "", "", "", "", "67.11 / 67.11", "", ""]
    assert "the difference is ours less the paper's" in lines[1]
    text = table_markdown(table({"quadrant": experiment([row("SVM")])}, dataset="4q"))
    assert "72.00 / –" in text
    assert "– / 76.41" in text


def test_no_statement_about_the_paper_where_it_says_nothing():
    text = table_markdown(table(experiment([row("Proposed (SSSL)")]), Settings(recipe=None).to_dict()))
    assert "paper" not in text


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
            "backbone small, recipe paper, 9 epochs, 4 of them to warm up, segments of 3 s, the first 30 s of each "
            "recording, device cpu.",
        ),
        (
            "table3",
            Settings(recipe=None, cross_fit=4, params={"lr": 0.1}).to_dict(),
            "backbone vgg16, recipe skmer, 30 epochs, 5 of them to warm up, segments of 3 s, the first 30 s of each "
            'recording, cross-fitted in 4 folds, further parameters {"lr": 0.1}, device auto.',
        ),
        (
            "table2",
            {**SETTINGS, "max_duration": None},
            "backbone small, recipe paper, 9 epochs, 4 of them to warm up, device cpu.",
        ),
    ],
)
def test_settings_in_words(kind, settings, expected):
    first = table_markdown(table(experiment([row("x")]), settings, table=kind)).splitlines()[0]
    assert first.endswith("songs. " + expected)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (experiment([row("x")]), "the split; seed 0."),
        (
            experiment([row("x", seed=3), row("x", seed=4)], seeds=[3, 4]),
            "the split; seeds 3, 4. Mean ± standard deviation over seeds.",
        ),
        (
            experiment([row("x"), row("x", 1)], (0, 1), 2),
            "the split; seed 0. Mean ± standard deviation over folds.",
        ),
        (
            experiment([row("x", f, seed=s) for f in (0, 2) for s in (0, 1)], (0, 2), 10, (0, 1)),
            "the split; only folds 0, 2 of 10, counted from 0; seeds 0, 1. "
            "Mean ± standard deviation over folds, each the mean of its seeds.",
        ),
        (experiment([row("x", 3)], (3,), 10), "the split; only fold 3 of 10, counted from 0; seed 0."),
        (experiment([row("x", n_test=1)]), "the split; seed 0; 1 of the 10 in no part of the split."),
    ],
)
def test_the_protocol_in_words(made, expected):
    assert table_markdown(table(made)).splitlines()[5] == expected


def test_tasks_have_their_headings():
    text = table_markdown(table({task: experiment([row("x")]) for task in ("quadrant", "arousal", "emotion")}))
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "### Four quadrants", "### Arousal", "### Emotion"
    ]  # fmt: skip


def test_choices_are_counted():
    rows = [row("best", fold, choice=choice) for fold, choice in enumerate(["1 s", "3 s", "1 s"])]
    lines = table_markdown(table(experiment(rows, range(3), 3), table="table2")).splitlines()
    assert cells(lines[-3])[5] == "choices"
    assert cells(lines[-1])[5] == "2 × 1 s, 1 × 3 s"


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
