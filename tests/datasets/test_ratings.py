import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skmer.datasets.ratings import QUADRANTS, fit_threshold, quadrants_to_classes, ratings_to_classes

# eighths, so that ratings tie often and every sum is exact
RATINGS = st.integers(-80, 80).map(lambda eighths: eighths / 8)
ONE = st.lists(RATINGS, min_size=1, max_size=20)
TWO = st.integers(1, 20).flatmap(lambda n: arrays(np.float64, (n, 2), elements=RATINGS))


def test_median_and_midpoint_by_hand():
    ratings = [1.0, 2.0, 3.0, 10.0]
    assert fit_threshold(ratings) == fit_threshold(ratings, "median") == 2.5
    assert fit_threshold(ratings, "midpoint") == 5.5
    assert fit_threshold(ratings, 0.25) == fit_threshold(ratings, np.float32(0.25)) == 0.25
    assert fit_threshold(ratings, 4) == 4.0
    assert ratings_to_classes(ratings, 2.5).tolist() == ["low", "low", "high", "high"]
    assert ratings_to_classes(ratings, 5.5).tolist() == ["low", "low", "low", "high"]


def test_each_dimension_has_its_own_threshold():
    ratings = [[0.0, 10.0], [1.0, 30.0], [5.0, 20.0]]
    assert fit_threshold(ratings).tolist() == [1.0, 20.0]
    assert fit_threshold(ratings, "midpoint").tolist() == [2.5, 20.0]
    assert fit_threshold(ratings, 3).tolist() == [3.0, 3.0]


def test_a_tie_with_the_threshold_is_high():
    assert ratings_to_classes([0.5, np.nextafter(0.5, 0)], 0.5).tolist() == ["high", "low"]
    assert ratings_to_classes([[0.5, 0.5], [0.4, 0.5], [0.5, 0.4]], [0.5, 0.5]).tolist() == ["Q1", "Q2", "Q4"]


def test_one_number_holds_for_both_dimensions():
    ratings = [[0.9, 0.1], [0.1, 0.9]]
    assert ratings_to_classes(ratings, 0.5).tolist() == ratings_to_classes(ratings, [0.5, 0.5]).tolist() == ["Q4", "Q2"]


def test_quadrants_of_russells_plane():
    valence = dict(zip(QUADRANTS, quadrants_to_classes(QUADRANTS, "valence").tolist(), strict=True))
    arousal = dict(zip(QUADRANTS, quadrants_to_classes(QUADRANTS, "arousal").tolist(), strict=True))
    assert valence == {"Q1": "high", "Q2": "low", "Q3": "low", "Q4": "high"}
    assert arousal == {"Q1": "high", "Q2": "high", "Q3": "low", "Q4": "low"}
    assert quadrants_to_classes(QUADRANTS, "quadrant").tolist() == list(QUADRANTS)


@given(ONE)
def test_at_least_half_the_songs_are_at_or_above_the_median(ratings):
    high = ratings_to_classes(ratings, fit_threshold(ratings)) == "high"
    assert 2 * high.sum() >= len(ratings)
    assert 2 * (~high).sum() <= len(ratings)


@given(ONE, st.randoms(use_true_random=False), st.sampled_from(["median", "midpoint"]))
def test_a_threshold_lies_among_the_ratings_in_whatever_order(ratings, random, rule):
    threshold = fit_threshold(ratings, rule)
    assert min(ratings) <= threshold <= max(ratings)
    random.shuffle(ratings)
    assert fit_threshold(ratings, rule) == threshold


@given(ONE, RATINGS)
def test_classes_follow_the_order_of_the_ratings(ratings, threshold):
    classes = ratings_to_classes(ratings, threshold)
    lows = [r for r, c in zip(ratings, classes, strict=True) if c == "low"]
    highs = [r for r, c in zip(ratings, classes, strict=True) if c == "high"]
    assert max(lows, default=-np.inf) < threshold <= min(highs, default=np.inf)


@given(TWO, st.sampled_from(["median", "midpoint", 0.5]))
def test_quadrants_and_halves_say_the_same(ratings, rule):
    threshold = fit_threshold(ratings, rule)
    quadrants = ratings_to_classes(ratings, threshold)
    for column, task in enumerate(["valence", "arousal"]):
        alone = fit_threshold(ratings[:, column], rule)
        assert alone == threshold[column]
        assert ratings_to_classes(ratings[:, column], alone).tolist() == quadrants_to_classes(quadrants, task).tolist()


@pytest.mark.parametrize("threshold", ["mean", True, np.nan, np.inf, None, [0.5, 0.5], np.array([0.1, 0.2])])
def test_what_is_no_rule(threshold):
    with pytest.raises(ValueError, match="threshold must be a number or one of"):
        fit_threshold([0.0, 1.0], threshold)


@pytest.mark.parametrize("ratings", [[], 3.0, [[1.0]], [[1.0, 2.0, 3.0]], [[[1.0, 2.0]]]])
def test_shapes_that_are_no_ratings(ratings):
    for work in (fit_threshold, lambda r: ratings_to_classes(r, 0.5)):
        with pytest.raises(ValueError, match=r"Ratings must have shape \(n_songs,\) or \(n_songs, 2\)"):
            work(ratings)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_songs_without_a_rating_are_counted_and_named(value):
    message = r"Ratings must be finite numbers, but 2 of 4 songs .* the first at position 1: leave them out"
    for ratings in ([0.1, value, 0.2, value], [[0.1, 0.1], [0.1, value], [0.2, 0.2], [value, value]]):
        with pytest.raises(ValueError, match=message):
            fit_threshold(ratings)
        with pytest.raises(ValueError, match=message):
            ratings_to_classes(ratings, 0.5)


@pytest.mark.parametrize("threshold", [np.nan, [0.5, np.inf], "median", None])
def test_thresholds_that_would_make_every_song_low(threshold):
    ratings = [[0.1, 0.2]] if isinstance(threshold, list) else [0.1]
    with pytest.raises(ValueError, match="threshold must be finite"):
        ratings_to_classes(ratings, threshold)


def test_thresholds_of_another_shape():
    for ratings, threshold in [([0.1, 0.2], [0.5, 0.5]), ([[0.1, 0.2]], [0.5]), ([[0.1, 0.2]], [0.5] * 3)]:
        with pytest.raises(ValueError, match="need one threshold per dimension"):
            ratings_to_classes(ratings, threshold)


def test_quadrants_and_tasks_that_are_none():
    with pytest.raises(ValueError, match=r"Quadrants must be some of .*Q4'\], got \['None', 'Q5'\]"):
        quadrants_to_classes(["Q1", "Q5", None], "valence")
    with pytest.raises(ValueError, match="task must be 'quadrant', 'valence' or 'arousal', got 'mood'"):
        quadrants_to_classes(["Q1"], "mood")
    with pytest.raises(ValueError, match=r"shape \(n_songs,\), got \(1, 2\)"):
        quadrants_to_classes([["Q1", "Q2"]], "valence")
