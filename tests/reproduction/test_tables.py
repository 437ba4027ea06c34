"""run_table on a dozen tiny songs: what is learnt from which songs, and what stands in the table."""

import json
from collections import Counter
from statistics import mean

import numpy as np
import pytest

from skmer.datasets import COLLECTIONS
from skmer.model_selection import DUMMY, Protocol
from skmer.reproduction import Settings, run_table, table_markdown
from skmer.reproduction.systems import ABLATION, CROSS_ENTROPY, SPECTROGRAM_SVM, SSSL
from skmer.reproduction.tables import BEST, CHOSEN, _check_tasks
from tests.reproduction.tiny import N_SONGS, write_collection

TINY = {"backbone": "small", "epochs": 2, "warmup_epochs": 1, "params": {"backbone_params": {"width": 4}}}
SETTINGS = Settings(**TINY, duration=0.5, max_duration=2.0, device="cpu")


@pytest.fixture
def run(tmp_path):
    """Run a table of a collection under `tmp_path`, which is written where it is not there yet."""

    def run(table, dataset, settings=SETTINGS, **options):
        home = tmp_path / ("songs.csv" if dataset == "csv" else dataset)
        if not home.exists():
            write_collection(dataset, tmp_path)
        return run_table(table, dataset, settings, data_home=home, n_splits=2, **options)

    return run


def outer(table, task, name):
    return [r for r in table["experiments"][task]["rows"] if r["name"] == name and r["inner"] is None]


def test_a_table_has_all_that_is_needed_to_judge_it(run, tmp_path):
    table = run("table3", "emopia", tasks=["quadrant"], systems=["log-mel"])
    assert {key: table[key] for key in ("table", "dataset", "title", "unit", "n_songs", "group", "n_groups")} == {
        "table": "table3", "dataset": "emopia", "title": "EMOPIA", "unit": "clip", "n_songs": 12, "group": "song",
        "n_groups": 6,
    }  # fmt: skip
    assert table["settings"] == SETTINGS.to_dict()
    assert json.loads(json.dumps(table)) == table
    experiment = table["experiments"]["quadrant"]
    assert (experiment["folds"], experiment["n_folds"], experiment["protocol"]["folds"]) == ([0, 1], 2, "grouped")
    for row in experiment["rows"]:
        assert row["n_train"] + row["n_test"] == N_SONGS


def test_thresholds_are_medians_of_the_training_songs_alone(run, tmp_path):
    table = run("table3", "pmemo", systems=["log-mel"])
    for task in ("valence", "arousal"):
        ratings = COLLECTIONS["pmemo"].load(tmp_path / "pmemo", task).target
        folds = Protocol("stratified", 2, "median").split(ratings)
        found = [row["threshold"] for row in outer(table, task, SPECTROGRAM_SVM)]
        assert found == pytest.approx([np.median(ratings[train]) for train, _ in folds])
        assert np.median(ratings) not in found


def test_a_number_as_threshold_is_told(run):
    table = run("table3", "pmemo", tasks=["valence"], systems=["log-mel"], threshold=0.5)
    assert table["experiments"]["valence"]["protocol"]["threshold"] == 0.5
    assert "ratings are split at 0.5" in table_markdown(table)


def test_a_threshold_beyond_all_ratings(run):
    with pytest.raises(ValueError, match=r"All 12 songs are 'low' in valence at the threshold 0\.99: there is only"):
        run("table3", "pmemo", threshold=0.99)


def test_the_papers_protocol_of_a_collection_is_the_default_and_others_can_be_asked_for(run):
    for dataset, kind, expected in [
        ("pmemo", None, "stratified"), ("pmemo", "grouped", "grouped"), ("emopia", None, "grouped"),
        ("emopia", "split_cls_repo", "split_cls_repo"), ("eim", "mediaeval2013", "mediaeval2013"),
    ]:  # fmt: skip
        table = run("table3", dataset, tasks=["valence"], systems=["log-mel"], folds_kind=kind)
        assert table["experiments"]["valence"]["protocol"]["folds"] == expected
    assert table["experiments"]["valence"]["n_folds"] == 1


def test_songs_of_no_part_of_a_published_split_are_told(run):
    table = run("table3", "emopia", tasks=["arousal"], systems=["log-mel"], folds_kind="split_cls_repo")
    [row] = outer(table, "arousal", SPECTROGRAM_SVM)
    assert (row["n_train"], row["n_test"]) == (7, 4)
    assert "1 of the 12 not in the split" in table_markdown(table)


def test_table_3_has_every_system_on_every_fold_and_seed(run, tmp_path):
    table = run("table3", "csv", seeds=(0, 5))
    rows = table["experiments"]["label"]["rows"]
    names = Counter(row["name"] for row in rows)
    expected = [DUMMY, SPECTROGRAM_SVM]
    for name in (CROSS_ENTROPY, ABLATION, SSSL):
        expected += [name, f"{name}, mean probability"]
    expected += [f"{CROSS_ENTROPY}, majority vote", f"{CROSS_ENTROPY}, longest run"]
    assert names == dict.fromkeys(expected, 4)
    assert {(row["fold"], row["seed"]) for row in rows} == {(0, 0), (0, 5), (1, 0), (1, 5)}


def test_figures_are_those_of_the_kept_predictions(run, tmp_path):
    table = run("table3", "csv", systems=["log-mel"], store=tmp_path / "folds")
    songs = COLLECTIONS["csv"].load(tmp_path / "songs.csv")
    for fold, (_, test) in enumerate(Protocol("stratified", 2).split(songs.target, songs.groups)):
        [path] = (tmp_path / "folds" / "csv" / "label").glob(f"*fold{fold}*.json")
        predicted = np.array(json.loads(path.read_text())["predictions"][""])
        [row] = [r for r in outer(table, "label", SPECTROGRAM_SVM) if r["fold"] == fold]
        assert row["scores"]["accuracy"] == pytest.approx((predicted == songs.target[test]).mean())


def test_the_ablations_take_up_what_table_3_trained_and_show_more_of_it(run, tmp_path):
    table = run("table3", "folder", store=tmp_path / "folds")
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("folds/**/*.json")}
    assert len(kept) == 8
    ablations = run("ablations", "folder", store=tmp_path / "folds")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(tmp_path.glob("folds/**/*.json"))) == 8 + 2 * 3
    names = [row["name"] for row in ablations["experiments"]["label"]["rows"]]
    for name in (f"{SSSL}, theta = 0.3", f"{SSSL}, theta = 0.7", 'padding="zero"', "whole clip as one segment"):
        assert names.count(name) == 2
        assert name not in [row["name"] for row in table["experiments"]["label"]["rows"]]
    assert outer(table, "label", SSSL) == outer(ablations, "label", SSSL)


def test_durations_are_chosen_on_the_test_folds_and_inside_the_training_songs(run, tmp_path):
    table = run("table2", "pmemo", tasks=["valence"], durations=[0.5, 1], inner_splits=2)
    for task in table["experiments"]:
        rows = table["experiments"][task]["rows"]
        accuracy = {
            name: [r["scores"]["accuracy"] for r in outer(table, task, name)] for name in ("0.5 s", "1 s", BEST, CHOSEN)
        }
        assert accuracy[BEST] == max(accuracy["0.5 s"], accuracy["1 s"], key=mean)
        for row in outer(table, task, CHOSEN):
            inside = {
                name: mean(
                    r["scores"]["accuracy"]
                    for r in rows
                    if (r["name"], r["fold"]) == (name, row["fold"]) and r["inner"] is not None
                )
                for name in ("0.5 s", "1 s")
            }
            assert inside[row["choice"]] == max(inside.values())
            [same] = [r for r in outer(table, task, row["choice"]) if r["fold"] == row["fold"]]
            assert row["scores"] == same["scores"]
        inner = [r for r in rows if r["inner"] is not None and r["name"] == "1 s"]
        assert [r["n_train"] + r["n_test"] for r in inner] == [6] * 4
        # a threshold of each inner training part
        assert len({r["threshold"] for r in inner}) > 2
    assert not any("theta" in row["name"] for row in rows)


def test_one_duration_leaves_nothing_to_choose(run):
    table = run("table2", "csv", durations=[0.5])
    names = {row["name"] for row in table["experiments"]["label"]["rows"]}
    assert names == {DUMMY, "0.5 s", "0.5 s, mean probability"}


def test_cross_fitted_features_are_a_further_row(run):
    settings = Settings(**TINY, duration=0.5, max_duration=2.0, device="cpu", cross_fit=2)
    table = run("table3", "csv", settings, systems=["Proposed (SSSL)"])
    names = {row["name"] for row in table["experiments"]["label"]["rows"]}
    assert names == {DUMMY, SSSL, f"{SSSL}, cross-fitted", f"{SSSL}, mean probability"}


def test_parts_are_the_whole(run, tmp_path):
    options = {"tasks": ["arousal"], "systems": ["log-mel", "Proposed (SSSL)"]}
    whole = run("table3", "pmemo", **options, store=tmp_path / "whole")
    for folds in ([1], [0], None):
        parts = run("table3", "pmemo", **options, folds=folds, store=tmp_path / "parts")
    assert _timeless(parts) == _timeless(whole)
    assert len(list(tmp_path.glob("parts/**/*.json"))) == len(list(tmp_path.glob("whole/**/*.json"))) == 4


def _timeless(table):
    table = json.loads(json.dumps(table))
    for part in (table, *table["experiments"].values()):
        del part["date"]
    for experiment in table["experiments"].values():
        for row in experiment["rows"]:
            del row["seconds"]
    return table


def test_which_tasks():
    pmemo, four_q, folder = (COLLECTIONS[name] for name in ("pmemo", "4q", "folder"))
    assert _check_tasks(four_q, None, "table3") == ["valence", "arousal", "quadrant"]
    assert _check_tasks(four_q, None, "table2") == ["valence", "arousal"]
    assert _check_tasks(four_q, ["quadrant"], "table2") == ["quadrant"]
    assert _check_tasks(folder, None, "table2") == ["label"]
    for wrong in (["mood"], ["valence", "mood"], []):
        with pytest.raises(ValueError, match="PMEmo has the tasks valence, arousal; got"):
            _check_tasks(pmemo, wrong, "table3")


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ("table9", {}, r"table must be one of \['table2', 'table3', 'ablations'\], got 'table9'"),
        (
            "table3",
            {"systems": ["SVM"]},
            r"No system has a name that begins with 'SVM'. The names are: descriptors \+ SVM; ",
        ),
        ("table3", {"folds": [2]}, r"folds must be some of 0 to 1, got \[2\]"),
        ("table3", {"folds_kind": "nope"}, "There is no protocol 'nope': choose one of stratified, grouped"),
        ("table3", {"threshold": "median"}, "there is nothing to divide by a threshold"),
    ],
)
def test_wrong_wishes(run, table, options, message):
    with pytest.raises(ValueError, match=message):
        run(table, "csv", **options)
