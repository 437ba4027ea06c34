"""Scorers in scikit-learn's cross-validation and grid search."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate

from skmer.metrics import (
    ccc_scorer,
    concordance_correlation_coefficient,
    pearson_correlation_coefficient,
    pearson_scorer,
    target_scorers,
)


@pytest.fixture
def data(rng):
    X = rng.random((40, 3))
    return X, X @ rng.random((3, 2)) + 0.2 * rng.random((40, 2))


@pytest.mark.parametrize("n_targets", [1, 2])
def test_scorers_are_the_scores_of_the_test_songs(data, n_targets):
    X, y = data
    y = y[:, 0] if n_targets == 1 else y
    model = Ridge().fit(X, y)
    assert ccc_scorer(model, X, y) == concordance_correlation_coefficient(y, model.predict(X))
    assert pearson_scorer(model, X, y) == pearson_correlation_coefficient(y, model.predict(X))
    made = make_scorer(concordance_correlation_coefficient)
    np.testing.assert_array_equal(
        cross_val_score(Ridge(), X, y, scoring=ccc_scorer), cross_val_score(Ridge(), X, y, scoring=made)
    )


def test_a_scorer_of_each_target(data):
    X, y = data
    scorers = target_scorers(["valence", "arousal"], "rmse")
    scores = cross_validate(Ridge(), X, y, scoring=scorers)
    own = [cross_val_score(Ridge(), X, y[:, k], scoring="neg_root_mean_squared_error") for k in range(2)]
    np.testing.assert_allclose([scores["test_valence"], scores["test_arousal"]], own)


def test_a_grid_search_may_look_at_one_target_only(data):
    X, y = data
    scoring = {"both": ccc_scorer, **target_scorers(["valence", "arousal"])}
    search = GridSearchCV(Ridge(), {"alpha": [1e3, 1e-3]}, scoring=scoring, refit="valence").fit(X, y)
    assert search.best_params_ == {"alpha": 1e-3}
    found = search.cv_results_
    np.testing.assert_allclose((found["mean_test_valence"] + found["mean_test_arousal"]) / 2, found["mean_test_both"])


def test_one_target_of_songs_without_columns(data):
    X, y = data
    model = Ridge().fit(X, y[:, 1])
    assert target_scorers("arousal")["arousal"](model, X, y[:, 1]) == ccc_scorer(model, X, y[:, 1])


def test_scorers_can_be_pickled(data):
    X, y = data
    scorers = pickle.loads(pickle.dumps(target_scorers(["valence", "arousal"])))
    model = Ridge().fit(X, y)
    assert scorers["arousal"](model, X, y) == concordance_correlation_coefficient(y[:, 1], model.predict(X)[:, 1])


def test_errors(data):
    X, y = data
    with pytest.raises(ValueError, match="names must be distinct"):
        target_scorers(["valence", "valence"])
    with pytest.raises(ValueError, match="score must be one of"):
        target_scorers(["valence"], "accuracy")
    scorer = target_scorers(["a", "b", "c"])["a"]
    with pytest.raises(ValueError, match=r"y_true has shape \(40, 2\), but the scorers are those of 3 targets"):
        scorer(Ridge().fit(X, y), X, y)
