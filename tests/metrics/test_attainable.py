"""Scores of a perfect model: by hand, and against simulated listeners."""

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import r2_score

from skmer.metrics import (
    attainable_accuracy,
    attainable_scores,
    concordance_correlation_coefficient,
    pearson_correlation_coefficient,
)

pytestmark = pytest.mark.filterwarnings("error")


def test_ratings_by_hand():
    # variance of the means 5/3, of a mean (1 + 4 + 1 + 4) / 4 / 5 = 1/2: reliability 0.7
    scores = attainable_scores([1, 2, 3, 4], [1, 2, 1, 2], 5)
    assert scores == pytest.approx({"R2": 0.7, "CCC": 1.4 / 1.7, "Pearson": np.sqrt(0.7)})


def test_numbers_of_raters_by_song_and_by_target():
    means, deviations = np.array([[1.0, 3], [2, 2], [4, 1]]), np.ones((3, 2))
    counts = np.array([[2, 4], [4, 4], [4, 2]])
    by_target = attainable_scores(means, deviations, counts)["R2"]
    for k in range(2):
        own = attainable_scores(means[:, k], deviations[:, k], counts[:, k])["R2"]
        assert by_target[k] == pytest.approx(own)
        assert own == pytest.approx(1 - (1 / 2 + 1 / 4 + 1 / 4) / 3 / means[:, k].var(ddof=1))


def test_a_song_with_one_rater_has_the_variance_of_the_others():
    # variances 1 (2 raters) and 4 (4 raters): (1 * 1 + 3 * 4) / 4 = 13/4 for the third song
    scores = attainable_scores([1, 5, 9], [1, 2, np.nan], [2, 4, 1])
    assert scores["R2"] == pytest.approx(1 - (1 / 2 + 4 / 4 + 13 / 4) / 3 / 16)


def test_limits():
    assert attainable_scores([1, 2], [0, 0], 3) == {"R2": 1, "CCC": 1, "Pearson": 1}
    assert attainable_scores([1, 1.1], [2, 2], 3) == {"R2": 0, "CCC": 0, "Pearson": 0}
    with pytest.warns(UndefinedMetricWarning, match="all songs are equal"):
        assert np.isnan(attainable_scores([1, 1], [2, 2], 3)["R2"])


def test_a_model_that_knows_all_listeners_has_these_scores(rng):
    truth = rng.normal(size=4000)
    n_raters = 6
    ratings = truth + rng.normal(scale=1.5, size=(n_raters, len(truth)))
    label = ratings.mean(axis=0)
    scores = attainable_scores(label, ratings.std(axis=0, ddof=1), n_raters)
    assert scores["R2"] == pytest.approx(1 / (1 + 1.5**2 / n_raters), abs=0.02)
    assert scores["R2"] == pytest.approx(r2_score(label, truth), abs=0.02)
    assert scores["CCC"] == pytest.approx(concordance_correlation_coefficient(label, truth), abs=0.02)
    assert scores["Pearson"] == pytest.approx(pearson_correlation_coefficient(label, truth), abs=0.02)


@pytest.mark.parametrize(
    ("means", "deviations", "n_raters", "message"),
    [
        ([1, 2], [1], 3, "deviations has shape"),
        ([1, 2], [1, 1], [3, 3, 3], "n_raters has shape"),
        ([1, 2], [1, 1], [3, 0], "at least 1 for every song"),
        ([1, 2], [1, 1], 1, "No song has two raters"),
        ([1, 2], [1, np.nan], 3, "that of song 1 is nan"),
        ([1, 2], [1, -1], 3, "that of song 1 is -1"),
        ([1], [1], 3, "At least two songs"),
    ],
)
def test_errors(means, deviations, n_raters, message):
    with pytest.raises(ValueError, match=message):
        attainable_scores(means, deviations, n_raters)


def test_accuracy_by_hand():
    # three raters at 2/3: at least two of them choose the class with 8/27 + 3 * 4/27 = 20/27
    right = 20 / 27
    found = attainable_accuracy([[2 / 3, 1 / 3]], 3, n_panels=40_000, random_state=0)
    assert found["model"] == pytest.approx(right, abs=0.01)
    assert found["panel"] == pytest.approx(right**2 + (1 - right) ** 2, abs=0.01)


def test_classes_that_do_not_exclude_each_other_by_hand():
    # one rater: both or none is a tie; the first class only with 1/2 * 3/4, the second only with 1/8
    right = 3 / 8 + (1 / 8 + 3 / 8) / 2
    found = attainable_accuracy([[0.5, 0.25]], 1, exclusive=False, n_panels=40_000, random_state=0)
    assert found["model"] == pytest.approx(right, abs=0.01)
    assert found["panel"] == pytest.approx(right**2 + (1 - right) ** 2, abs=0.01)


def test_accuracy_is_the_mean_over_songs():
    # certain; a tie of two, which a model can only guess
    found = attainable_accuracy([[1, 0, 0], [0, 0.5, 0.5]], [1, 8], n_panels=20_000, random_state=0)
    assert found == pytest.approx({"model": 0.75, "panel": 0.75}, abs=0.01)


def test_shares_of_few_raters_promise_too_much(rng):
    shares = rng.dirichlet(np.ones(4), 1000)
    excess = []
    for n_raters in (5, 21):
        observed = np.array([rng.multinomial(n_raters, p) for p in shares]) / n_raters
        found = [attainable_accuracy(p, n_raters, n_panels=50, random_state=0)["model"] for p in (observed, shares)]
        excess.append(found[0] - found[1])
    assert excess == pytest.approx([0.06, 0.015], abs=0.02)
    assert excess[0] > excess[1] > 0


@pytest.mark.parametrize(
    ("shares", "n_raters", "options", "message"),
    [
        ([[0.5, 0.25]], 3, {}, "sum to 1"),
        ([[0.5, 1.25]], 3, {"exclusive": False}, "between 0 and 1"),
        ([[0.5, 0.5]], 0, {}, "n_raters must be whole numbers of at least 1"),
        ([[0.5, 0.5]], 1.5, {}, "n_raters must be whole numbers"),
        ([[0.5, 0.5]], [3, 3], {}, "one or 1"),
        ([[0.5, 0.5]], 3, {"n_panels": 1}, "n_panels"),
    ],
)
def test_errors_of_accuracy(shares, n_raters, options, message):
    with pytest.raises(ValueError, match=message):
        attainable_accuracy(shares, n_raters, **options)
