"""RatingProtocol: folds of equal size, scores by hand, and experiments on ratings."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from skmer.model_selection import EstimatorSystem, run_experiment
from skmer.model_selection.rating_protocol import RatingProtocol

NAMES = ("valence", "arousal")


def test_scores_computed_by_hand():
    y, predicted = [[0, 1], [2, 1], [4, 4]], [[1, 2], [2, 2], [3, 2]]
    scores = RatingProtocol(NAMES)._scores(y, predicted)
    assert scores == pytest.approx({
        "R² of valence": 1 - 2 / 8,
        "CCC of valence": 2 * (4 / 3) / (8 / 3 + 2 / 3),
        "RMSE of valence": np.sqrt(2 / 3),
        "R² of arousal": 1 - 6 / 6,  # a constant, the mean
        "CCC of arousal": 0,
        "RMSE of arousal": np.sqrt(2),
        "R²": 0.375,
        "CCC": 0.4,
    })  # fmt: skip


def test_one_rating_may_be_a_column_or_a_list():
    protocol = RatingProtocol(("arousal",))
    assert protocol._scores([[0.0], [1.0]], [0.0, 1.0])["R²"] == 1
    assert protocol._guess(np.array([[0.0], [1.0]])) == [0.5]


def test_groups_stay_together_in_folds_of_about_equal_size():
    groups = np.repeat(np.arange(12), 5)
    found = [RatingProtocol(NAMES, 4, seed).split(np.zeros((60, 2)), groups) for seed in (0, 0, 1)]
    for folds in found:
        assert [len(test) for _, test in folds] == [15] * 4
        assert sorted(np.concatenate([test for _, test in folds])) == list(range(60))
        assert all(not {*groups[train]} & {*groups[test]} for train, test in folds)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(*found[:2], strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(*found[1:], strict=True))


def test_an_experiment_scores_out_of_fold_predictions(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    y = X @ [[1, 0], [0, -1]] - 1  # a rating of -1 is a rating
    system = {"line": EstimatorSystem(LinearRegression())}
    how = {"protocol": RatingProtocol(NAMES, 3), "inner_splits": 2, "store": tmp_path}
    runs = [run_experiment(system, X, y, **how) for _ in range(2)]
    assert [experiment.n_found for experiment in runs] == [0, 9]
    assert runs[0].names == ["dummy (mean rating)", "line"]
    np.testing.assert_allclose(runs[1].scores("line")["R²"], 1)
    assert (runs[1].scores("dummy (mean rating)")["R²"] <= 0).all()
    assert runs[0].protocol["targets"] == NAMES
