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
    ],
)
def test_wrong_segments(segments, message):
    with pytest.raises(ValueError, match=message):
        DynamicRatings(STARTS, ENDS, MEAN).over(*segments)
