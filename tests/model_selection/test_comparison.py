import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.svm import SVC

from skmer.model_selection import SCORES, compare_systems, summary_table

X, Y = load_iris(return_X_y=True)


def test_each_system_has_what_scikit_learn_gives_it_alone():
    results = compare_systems({"dummy": DummyClassifier(), "SVM": SVC()}, X, Y, cv=3)
    assert list(results) == ["dummy", "SVM"]
    assert tuple(results["SVM"]) == SCORES
    for score, name in [("accuracy", "accuracy"), ("macro-F1", "f1_macro"), ("balanced accuracy", "balanced_accuracy")]:
        expected = cross_val_score(SVC(), X, Y, cv=3, scoring=name)
        np.testing.assert_allclose(results["SVM"][score], expected)


def test_processes_and_series_change_nothing():
    expected = compare_systems({"SVM": SVC()}, X, Y, cv=3)
    for found in (
        compare_systems({"SVM": SVC()}, X, Y, cv=3, n_jobs=2),
        compare_systems({"SVM": SVC()}, X, pd.Series(Y, index=range(1000, 1150)), cv=3),
    ):
        assert {key: value.tolist() for key, value in found["SVM"].items()} == {
            key: value.tolist() for key, value in expected["SVM"].items()
        }


def test_further_figures_and_groups():
    seen = []
    groups = np.arange(150) % 5

    def collect(estimator, train, test):
        seen.append((set(groups[train]), set(groups[test])))
        return {"support vectors": len(estimator.support_)}

    results = compare_systems({"SVM": SVC()}, X, Y, groups=groups, cv=GroupKFold(5), collect=collect)
    assert len(seen) == 5
    assert not any(train & test for train, test in seen)
    assert results["SVM"]["support vectors"].shape == (5,)


def test_the_given_estimator_is_not_fitted():
    svm = SVC()
    compare_systems({"SVM": svm}, X, Y, cv=2)
    assert not hasattr(svm, "support_")


def test_lengths_that_differ():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare_systems({"SVM": SVC()}, X, Y[:-1])


def test_the_table():
    results = {
        "a": {"accuracy": np.array([1.0, 1.0]), "macro-F1": np.array([0.1, 0.3])},
        "longer": {"accuracy": np.array([0.0, 0.5])},
    }
    assert summary_table(results, ["accuracy", "macro-F1"]).splitlines() == [
        "| system |     accuracy |    macro-F1 |",
        "|--------|-------------:|------------:|",
        "| a      | 1.000 ± .000 | .200 ± .100 |",
        "| longer |  .250 ± .250 |             |",
    ]
