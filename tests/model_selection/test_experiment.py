import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import SongAggregator
from skmer.model_selection import (
    DUMMY,
    EstimatorSystem,
    Experiment,
    NetworkSystem,
    Protocol,
    Readout,
    run_experiment,
)
from tests.model_selection.tiny import RecordingSystem, tiny_network, tiny_segments, tiny_songs

ROWS = np.random.default_rng(0).normal(size=(12, 2))
Y = np.array(["a", "b"] * 6)
GROUPS = np.array([f"g{i // 2}" for i in range(12)])
THREE = Protocol(n_splits=3)
SVM = {"SVM": EstimatorSystem(SVC())}


def told(tmp_path, name="told", **kwargs):
    (tmp_path / name).mkdir(exist_ok=True)
    return RecordingSystem(tmp_path / name, **kwargs)


def run(system, store, X=ROWS, y=Y, **kwargs):
    systems = system if isinstance(system, dict) else {"told": system}
    return run_experiment(systems, X, y, **{"protocol": THREE, "store": store, **kwargs})


def figures(experiment):
    """The rows without what differs from run to run."""
    return [{key: row[key] for key in row if key not in ("seconds", "versions")} for row in experiment.rows]


def kept(store):
    return {path.name: path.stat().st_mtime_ns for path in Path(store).glob("*.json")}


def test_rows_by_hand(tmp_path):
    y = np.array(["a"] * 8 + ["b"] * 4)
    found = run(told(tmp_path), None, y=y, seeds=(1, 2))
    assert found.names == [DUMMY, "told"]
    assert (found.folds, found.n_folds) == ([0, 1, 2], 3)
    own = [row for row in found.rows if row["name"] == "told"]
    assert [(row["fold"], row["seed"], row["inner"]) for row in own] == [(f, s, None) for f in range(3) for s in (1, 2)]
    assert all(row["n_train"] + row["n_test"] == 12 for row in own)
    assert found.scores("told")["accuracy"].tolist() == [row["scores"]["accuracy"] for row in own]
    for (train, test), row in zip(THREE.split(y), own[::2], strict=True):
        assert row["scores"]["accuracy"] == np.mean(y[test] == y[train][0])
    assert found.protocol["seeds"] == [1, 2]
    assert found.protocol["description"] == THREE.describe()
    assert found.scores("nobody") == {}


def test_the_dummy_gives_the_commonest_training_class():
    y = np.array(["a", "b", "b"] * 4)
    splits = {"s": {"train": [0, 3, 6, 1], "test": [2, 4, 9]}}
    found = run(SVM, None, y=y, protocol=Protocol("s"), splits=splits)
    # "a" thrice among the training songs, once of three among the test songs, though "b" is commoner in all
    assert found.scores(DUMMY)["accuracy"].tolist() == [1 / 3]
    tie = {"s": {"train": [0, 1], "test": [2, 3, 5]}}
    assert run(SVM, None, y=y, protocol=Protocol("s"), splits=tie).scores(DUMMY)["accuracy"].tolist() == [1 / 3]


def test_a_kept_fold_is_not_run_again(tmp_path):
    system, store = told(tmp_path), tmp_path / "store"
    first = run(system, store)
    assert len(system.runs) == 3
    before = kept(store)
    again = run(system, store)
    assert len(system.runs) == 3
    assert kept(store) == before
    assert figures(again) == figures(first)
    assert [row["seconds"] for row in again.rows] == [row["seconds"] for row in first.rows]
    run(told(tmp_path, "other"), store)  # another object that says the same of itself
    assert kept(store) == before


def test_what_decides_a_fold_has_it_run_again(tmp_path):
    store = tmp_path / "store"
    run(told(tmp_path), store)

    def runs(system=None, **kwargs):
        name = f"told {len(list(tmp_path.iterdir()))}"
        system = system or told(tmp_path, name)
        run(system, store, **kwargs)
        return len(system.runs)

    assert runs() == 0
    assert runs(seeds=(1,)) == 3
    assert runs(seeds=(0, 1, 2)) == 3
    assert runs(told(tmp_path, "param", param=2)) == 3
    assert runs(groups=GROUPS) == 3
    assert runs(protocol=Protocol(n_splits=4)) == 4
    louder = ROWS.copy()
    louder[0] *= 2
    assert runs(X=louder) == 3


def test_labels_of_training_songs_decide_and_those_of_test_songs_only_judge(tmp_path):
    system, store = told(tmp_path), tmp_path / "store"
    published = {"protocol": Protocol("s"), "splits": {"s": {"train": list(range(8)), "test": list(range(8, 12))}}}
    first = run(system, store, **published)
    y = Y.copy()
    y[8:] = "b"
    second = run(system, store, y=y, **published)
    assert len(system.runs) == 1
    assert first.scores("told")["accuracy"].tolist() == [0.5]
    assert second.scores("told")["accuracy"].tolist() == [0.0]
    y[0] = "b"
    run(system, store, y=y, **published)
    assert len(system.runs) == 2


def test_another_size_of_a_file_has_its_folds_run_again(tmp_path):
    paths = [tmp_path / f"{i}.wav" for i in range(12)]
    for path in paths:
        path.write_bytes(b"1234")
    system, store = told(tmp_path), tmp_path / "store"
    run(system, store, X=paths)
    run(system, store, X=[str(path) for path in paths])
    assert len(system.runs) == 3
    paths[0].write_bytes(b"12345")
    run(system, store, X=paths)
    assert len(system.runs) == 6


def test_networks_in_two_processes_and_fold_by_fold(tmp_path):
    X, y, groups = tiny_songs()
    readouts = {"": Readout(), "mean": Readout("mean")}
    systems = {"net": NetworkSystem(tiny_segments(), tiny_network(), readouts), "told": told(tmp_path)}
    options = {"protocol": Protocol("grouped", 3), "groups": groups, "inner_splits": 2, "X": X, "y": y}
    alone = run(systems, tmp_path / "alone", **options)
    assert alone.names == [DUMMY, "net", "net, mean", "told"]
    both = run(systems, tmp_path / "both", n_jobs=2, folds=[0], **options)
    assert figures(both) == [row for row in figures(alone) if row["fold"] == 0]
    assert kept(tmp_path / "both").keys() <= kept(tmp_path / "alone").keys()

    parts = tmp_path / "parts"
    one = run(systems, parts, folds=[1], **options)
    assert (one.folds, one.n_folds) == ([1], 3)
    assert figures(one) == [row for row in figures(alone) if row["fold"] == 1]
    before = kept(parts)
    assert len(before) == 2 * 3
    assert figures(run(systems, parts, folds=np.array([2, 1, 2, 0]), **options)) == figures(alone)
    assert {name: kept(parts)[name] for name in before} == before


def test_inner_folds_never_hold_test_songs_of_the_outer_fold(tmp_path):
    ratings = np.random.default_rng(1).normal(size=12)
    for kind, groups in (("stratified", None), ("grouped", GROUPS)):
        system = told(tmp_path, kind)
        protocol = Protocol(kind, 3, "median")
        found = run(system, None, y=ratings, protocol=protocol, groups=groups, inner_splits=2)
        assert len(system.runs) == 3 * (1 + 2)
        outer = protocol.split(ratings, groups)
        for row, told_ in zip([r for r in found.rows if r["name"] == "told"], system.runs, strict=True):
            train, test = outer[row["fold"]]
            if row["inner"] is None:
                assert (told_["train"], told_["test"]) == (train.tolist(), test.tolist())
                continue
            assert sorted(told_["train"] + told_["test"]) == train.tolist()
            # the threshold inside is that of the songs that train inside
            assert row["threshold"] == np.median(ratings[told_["train"]])
            assert told_["y"] == np.where(ratings[told_["train"]] >= row["threshold"], "high", "low").tolist()
            if groups is not None:
                assert not set(groups[told_["train"]]) & set(groups[told_["test"]])


def test_an_outlier_among_the_test_songs_moves_no_threshold(tmp_path):
    ratings = np.linspace(0, 1, 12)
    published = {
        "protocol": Protocol("s", threshold="midpoint"),
        "splits": {"s": {"train": [0, 4, 8], "test": [1, 11]}},
    }
    system, store = told(tmp_path), tmp_path / "store"
    first = run(system, store, y=ratings, **published)
    ratings[11] = 1e9
    second = run(system, store, y=ratings, **published)
    assert figures(second) == figures(first)
    assert first.rows[0]["threshold"] == (ratings[0] + ratings[8]) / 2
    assert len(system.runs) == 1


def test_valence_and_arousal_in_one_experiment():
    ratings = np.random.default_rng(2).normal(size=(40, 2))
    X = np.random.default_rng(3).normal(size=(40, 2))
    found = run(SVM, None, X=X, y=ratings, protocol=Protocol(n_splits=2, threshold="median"))
    for (train, _), row in zip(Protocol(n_splits=2, threshold="median").split(ratings), found.rows, strict=False):
        assert row["threshold"] == np.median(ratings[train], axis=0).tolist()
    assert Experiment(**json.loads(json.dumps(found.to_dict()))) == found


def test_pandas_with_another_index_is_taken_by_position(tmp_path):
    index = np.arange(12)[::-1] + 5
    options = {"protocol": Protocol("grouped", 3)}
    plain = run(told(tmp_path, "plain"), tmp_path / "store", groups=GROUPS, **options)
    system = told(tmp_path, "pandas")
    series = {"y": pd.Series(Y, index=index), "groups": pd.Series(GROUPS, index=index)}
    assert figures(run(system, tmp_path / "store", X=ROWS, **series, **options)) == figures(plain)
    assert not system.runs
    objects = {"y": Y.astype(object), "groups": GROUPS.tolist()}
    assert figures(run(system, tmp_path / "store", **objects, **options)) == figures(plain)
    assert not system.runs


def test_seeds_and_folds_of_numpy_can_be_kept(tmp_path):
    found = run(told(tmp_path), tmp_path / "store", seeds=np.arange(2), folds=np.array([1]))
    json.dumps(found.to_dict())
    assert len(kept(tmp_path / "store")) == 2


def test_finished_folds_stay_when_a_system_fails(tmp_path):
    class Failing(RecordingSystem):
        def run(self, X, y, train, test, *args):
            if len(self.runs) == 2 and not (self.folder / "mended").exists():
                raise MemoryError
            return super().run(X, y, train, test, *args)

    system = Failing(told(tmp_path).folder)
    with pytest.raises(MemoryError):
        run(system, tmp_path / "store")
    assert len(kept(tmp_path / "store")) == 2
    (system.folder / "mended").touch()
    run(system, tmp_path / "store")
    assert len(system.runs) == 3


def test_rows_with_the_same_name(tmp_path):
    network = NetworkSystem(tiny_segments(), tiny_network(), {"mean": Readout("mean")})
    with pytest.raises(ValueError, match="Two systems or readouts would have the same name"):
        run({"net": network, "net, mean": told(tmp_path)}, None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": Y[:5]}, "inconsistent numbers of samples"),
        ({"groups": ["g"]}, "inconsistent numbers of samples"),
        ({"y": [0.1, np.nan] * 6, "protocol": Protocol(n_splits=3, threshold="median")}, "y must be finite"),
        ({"y": np.linspace(0, 1, 12)}, "give the protocol a threshold"),
        ({"y": ["a", None] * 6}, "y must hold one value a song, all of one type, but song 1 has None"),
        ({"y": ["a", 1] * 6}, "y must hold one value a song, all of one type, but song 1 has 1"),
        ({"groups": [None, *GROUPS[1:]]}, "groups must hold one value a song"),
        ({"groups": [np.nan, *range(11)]}, "groups must be finite"),
        ({"protocol": Protocol("grouped", 3)}, "folds='grouped' needs groups"),
        ({"protocol": Protocol("nowhere")}, "There is no protocol"),
        ({"folds": [3]}, r"folds must be some of 0 to 2, got \[3\]"),
        ({"folds": [-1]}, "folds must be some of 0 to 2"),
        ({"folds": []}, "folds must be some of 0 to 2"),
        ({"folds": [1.0]}, "folds must be a list of whole numbers"),
        ({"folds": "1"}, "folds must be a list of whole numbers"),
        ({"folds": 1}, "folds must be a list of whole numbers"),
        ({"seeds": ()}, "seeds must be different whole numbers, at least one"),
        ({"seeds": (0, 0)}, "seeds must be different whole numbers"),
        ({"seeds": (None,)}, "seeds must be a list of whole numbers"),
        ({"seeds": 3}, "seeds must be a list of whole numbers"),
        ({"inner_splits": 1}, "at least 2, got 1"),
        ({"system": {}}, "systems must contain at least one system"),
        ({"system": {DUMMY: SVM["SVM"]}}, "which is added automatically"),
        ({"system": {"SVM": SVC()}}, r"system 'SVM' must be an EstimatorSystem or NetworkSystem, got SVC\(\)"),
        ({"system": {"SVM": EstimatorSystem}}, "system 'SVM' must be"),
        ({"store": __file__}, "one of its parents is a file"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_runs(changed, message):
    with pytest.raises(ValueError, match=message):
        run(**{"system": SVM, "store": None, **changed})


def test_a_fold_with_one_training_class_is_refused_before_the_first_fit(tmp_path):
    system = told(tmp_path)
    X, y = np.zeros((20, 2)), np.array(["a"] * 5 + ["b"] * 11 + ["a", "b"] * 2)
    message = "Fold 0 of 0 to 0: its training songs are all of the class 'a', but two classes are needed"
    splits = {"sorted": {"train": np.arange(5), "test": np.arange(5, 20)}}
    with pytest.raises(ValueError, match=message):
        run(system, None, X=X, y=y, protocol=Protocol("sorted"), splits=splits)
    # the fold itself can be run
    groups = np.array(["x"] * 4 + ["y"] * 2 + ["z"] * 10 + ["t"] * 4)
    splits = {"published": {"train": np.arange(16), "test": np.arange(16, 20)}}
    with pytest.raises(
        ValueError, match=r"Fold 0 of 0 to 0, fold \d within its training songs: its training songs are"
    ):
        run(system, None, X=X, y=y, groups=groups, protocol=Protocol("published"), splits=splits, inner_splits=2)
    assert system.runs == []


@pytest.mark.parametrize("kind", ["network", "pipeline"])
def test_cross_fitting_that_is_impossible_in_a_fold_is_refused_before_the_first_fit(monkeypatch, kind):
    monkeypatch.setattr(type(tiny_network()), "fit", lambda *args, **kwargs: pytest.fail("trained"))
    X, y, _ = tiny_songs()
    network = tiny_network().set_params(cv=4)
    systems = {"net": NetworkSystem(tiny_segments(), network, {"": Readout(cross_fitted=True)})}
    if kind == "pipeline":
        systems = {"net": EstimatorSystem(make_pipeline(tiny_segments(), network, SongAggregator(), SVC()))}
    # a training fold has three songs of each class
    with pytest.raises(ValueError, match="Fold 0 of 0 to 1, system 'net': n_splits=4 cannot be greater"):
        run(systems, None, X=X, y=y, protocol=Protocol(n_splits=2))


def test_unlabelled_songs_are_not_tested(tmp_path):
    with pytest.raises(ValueError, match="y has -1 for song 2, which means unlabelled, but each song is tested"):
        run(told(tmp_path), None, y=np.array([0, 1, -1] * 4))
    # ratings of -1 are ratings
    assert run(told(tmp_path), None, y=np.array([0, 1, -1, -1] * 3), protocol=Protocol(n_splits=3, threshold=0)).rows
