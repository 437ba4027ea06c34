"""DynamicRatings: means over segments, against values computed by hand."""

import numpy as np
import pytest

from skmer.datasets import DynamicRatings

STARTS, ENDS = np.array([0.0, 2.0, 6.0]), np.array([2.0, 4.0, 8.0])
MEAN = np.array([[0.2, -0.4], [0.6, 0.0], [1.0, 1.0]])


def test_a_stretch_counts_by_the_part_of_the_segment_that_it_covers():
    ratings = DynamicRatings(STARTS, ENDS, MEAN)
    # all of the first; one second of each; half a second and two; the unrated seconds do not count
    over = ratings.over([0, 1, 1.5, 3.5], [2, 3, 4, 6.5])
    expected = [[0.2, -0.4], [0.4, -0.2], [(0.1 + 1.2) / 2.5, -0.2 / 2.5], [0.8, 0.5]]
    np.testing.assert_allclose(over.mean, expected)
    assert over.starts.tolist() == [0, 1, 1.5, 3.5]
    assert over.ends.tolist() == [2, 3, 4, 6.5]


def test_a_segment_without_ratings_is_nan():
    assert np.isnan(DynamicRatings(STARTS, ENDS, MEAN).over([4, 8], [6, 9]).mean).all()


def test_listeners_react_late():
    ratings = DynamicRatings(STARTS, ENDS, MEAN)
    np.testing.assert_array_equal(ratings.over([0, 1], [2, 3], delay=1).mean, ratings.over([1, 2], [3, 4]).mean)


def test_the_deviation_is_that_of_the_listeners_means():
    listeners = np.array([[[0.0], [1.0]], [[1.0], [0.0]]])
    ratings = DynamicRatings(STARTS[:2], ENDS[:2], listeners.mean(axis=0), listeners.std(axis=0, ddof=1), 2, listeners)
    over = ratings.over([0, 0], [2, 4])
    # over both stretches the listeners agree
    np.testing.assert_allclose(over.deviation, [[0.5**0.5], [0]])
    np.testing.assert_allclose(over.listeners, [[[0], [0.5]], [[1], [0.5]]])


def test_without_listeners_the_deviation_is_a_mean():
    deviation = np.array([[0.1, 0.3], [0.3, 0.5], [0.0, 0.0]])
    over = DynamicRatings(STARTS, ENDS, MEAN, deviation, 30).over([1], [3])
    np.testing.assert_allclose(over.deviation, [[0.2, 0.4]])
    assert over.n_listeners == 30


def test_a_segment_must_be_rated_for_a_part_of_it():
    ratings = DynamicRatings(STARTS, ENDS, MEAN)
    # rated for 2 of 4 s, with a gap of 2 s in the middle; for 1 of 3 s
    over = [ratings.over([3, 7], [7, 10], min_coverage=share).mean[:, 0] for share in (0, 1 / 3, 0.4, 0.5, 0.51)]
    np.testing.assert_allclose(over, [[0.8, 1], [0.8, 1], [0.8, np.nan], [0.8, np.nan], [np.nan, np.nan]])


def test_a_segment_that_touches_a_stretch_by_rounding_is_not_rated():
    # 0.1 + 0.2 is above 0.3
    ratings = DynamicRatings(np.array([0.3]), np.array([1.0]), np.array([[1.0]]))
    assert np.isnan(ratings.over([0], [0.1], delay=0.2).mean).all()
    assert ratings.over([0.1 + 0.2], [1], min_coverage=1).mean.tolist() == [[1]]
    assert ratings.over([0.3 - 1e-9], [1], min_coverage=1).mean.tolist() == [[1]]


def test_a_stretch_with_nan_is_not_rated():
    mean = np.array([[0.2, -0.4], [0.6, np.nan], [1.0, 1.0]])
    over = DynamicRatings(STARTS, ENDS, mean).over([0, 1, 2], [2, 3, 4])
    np.testing.assert_allclose(over.mean, [[0.2, -0.4], [0.2, -0.4], [np.nan, np.nan]])


def test_a_song_without_ratings():
    nothing = DynamicRatings(np.empty(0), np.empty(0), np.empty((0, 2)), np.empty((0, 2)))
    over = nothing.over([0, 1], [3, 4])
    assert over.mean.shape == over.deviation.shape == (2, 2)
    assert np.isnan(over.mean).all()
    assert np.isnan(over.deviation).all()


def test_one_listener_has_no_deviation():
    ratings = DynamicRatings(STARTS[:2], ENDS[:2], MEAN[:2], np.array([[np.nan, 0.1], [0.3, 0.5]]), 1)
    # the mean of the deviations that are known
    np.testing.assert_allclose(ratings.over([0, 1], [2, 3]).deviation, [[np.nan, 0.1], [0.3, 0.3]])
    # the second listener rated the second stretch only
    listeners = np.array([[[0.0], [1.0]], [[np.nan], [0.0]]])
    over = DynamicRatings(STARTS[:2], ENDS[:2], np.array([[0.0], [0.5]]), None, 2, listeners).over([0, 0, 2], [2, 4, 4])
    np.testing.assert_allclose(over.deviation, [[np.nan], [0.5 / 2**0.5], [0.5**0.5]])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"starts": STARTS[:2]}, r"starts and ends must have the same shape .*\(2,\) and \(3,\)"),
        ({"ends": STARTS}, "must end after it starts"),
        ({"mean": MEAN[:, 0]}, r"mean must have shape \(3, n_targets\), got \(3,\)"),
        ({"deviation": MEAN[:, :1]}, r"axes of deviation must be \(3, 2\), got \(3, 1\)"),
        ({"listeners": np.zeros((4, 2, 2))}, r"axes of listeners must be \(3, 2\), got \(4, 2, 2\)"),
    ],
)
def test_shapes_must_match(changed, message):
    with pytest.raises(ValueError, match=message):
        DynamicRatings(**{"starts": STARTS, "ends": ENDS, "mean": MEAN, **changed})


@pytest.mark.parametrize(
    ("segments", "message"),
    [
        (([0], [0]), "each end after its start"),
        (([0], [1, 2]), "must be arrays of shape"),
        (([np.nan], [1]), "each end after its start"),
        (([0], [1], np.nan), "delay must be a finite number of seconds, got nan"),
        (([0], [1], "late"), "delay must be a finite number"),
        (([0], [1], 0, 1.5), "min_coverage must be a number from 0 to 1, got 1.5"),
        (([0], [1], 0, -0.1), "min_coverage must be a number from 0 to 1"),
        (([0], [1], 0, None), "min_coverage must be a number from 0 to 1, got None"),
    ],
)
def test_wrong_segments(segments, message):
    with pytest.raises(ValueError, match=message):
        DynamicRatings(STARTS, ENDS, MEAN).over(*segments)
