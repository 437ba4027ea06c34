"""Scores of ratings over time: pooled and by song, with seconds that were not rated."""

import numpy as np
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import r2_score

from skmer.metrics import concordance_correlation_coefficient as ccc
from skmer.metrics import curve_score
from skmer.metrics import pearson_correlation_coefficient as pearson

pytestmark = pytest.mark.filterwarnings("error")
NAN = float("nan")


def test_both_averages_by_hand():
    true, pred = [[0, 1], [3, 4, 5]], [[0, 1], [5, 4, 3]]
    assert curve_score(true, pred, average="pooled") == pytest.approx(ccc([0, 1, 3, 4, 5], [0, 1, 5, 4, 3]))
    # 1 and -1, whatever the lengths of the songs
    assert curve_score(true, pred, average="songs") == pytest.approx(0)
    # absolute errors 0 0 | 2 0 2
    assert curve_score(true, pred, "mae", average="pooled") == pytest.approx(4 / 5)
    assert curve_score(true, pred, "mae", average="songs") == pytest.approx(2 / 3)
    assert curve_score(true, pred, "rmse", average="songs") == pytest.approx(np.sqrt(8 / 3) / 2)


def test_right_means_without_a_course():
    true, pred = [[0, 1], [8, 9]], [[0.5, 0.5], [8.5, 8.5]]
    assert curve_score(true, pred, "r2", average="pooled") > 0.98
    assert curve_score(true, pred, "r2", average="songs") == curve_score(true, pred, average="songs") == 0


def test_seconds_that_were_not_rated_are_left_out():
    true, pred = [[NAN, 0, 1, NAN], [2, NAN, 4, 1]], [[9, 0, 2, NAN], [2, 7, 3, 1]]
    for average in ("pooled", "songs"):
        without = curve_score([[0, 1], [2, 4, 1]], [[0, 2], [2, 3, 1]], average=average)
        assert curve_score(true, pred, average=average) == without


def test_targets_have_their_own_seconds():
    true = [np.array([[0, NAN], [1, 5], [2, 6]])]
    pred = [np.array([[0, 0], [1, 6], [2, 5]])]
    for average in ("pooled", "songs"):
        assert curve_score(true, pred, average=average, multioutput="raw_values").tolist() == pytest.approx([1, -1])
        assert curve_score(true, pred, average=average) == pytest.approx(0)


def test_songs_of_constant_truth_are_left_out_of_the_mean_and_counted():
    true, pred = [[1, 1, 1], [0, 1, 2], [4, NAN]], [[0, 1, 2], [0, 1, 2], [4, 4]]
    for score in ("ccc", "pearson", "r2"):
        with pytest.warns(UndefinedMetricWarning, match=r"left out of the mean: 2 of 3\."):
            assert curve_score(true, pred, score, average="songs") == pytest.approx(1)
    # errors are defined for them
    assert curve_score(true, pred, "mae", average="songs") == pytest.approx((2 / 3) / 3)


def test_no_song_is_left():
    with pytest.warns(UndefinedMetricWarning, match="2 of 2"):
        assert np.isnan(curve_score([[1, 1], [NAN]], [[1, 2], [1]], average="songs"))
    with pytest.warns(UndefinedMetricWarning, match="No segment is rated"):
        assert np.isnan(curve_score([[NAN], [NAN]], [[1], [1]], average="pooled"))


def test_a_function_is_a_score():
    true, pred = [[0, 1], [3, 4]], [[1, 1], [3, 5]]

    def largest_error(t, p):
        return abs(t - p).max() if t[0] < 3 else NAN

    assert curve_score(true, pred, r2_score, average="pooled") == r2_score([0, 1, 3, 4], [1, 1, 3, 5])
    assert curve_score(true, pred, pearson, average="songs") == curve_score(true, pred, "pearson", average="songs")
    with pytest.warns(UndefinedMetricWarning, match="1 of 2"):
        assert curve_score(true, pred, largest_error, average="songs") == 1


@pytest.mark.parametrize(
    ("true", "pred", "options", "message"),
    [
        ([[1, 2]], [[1, 2], [3]], {}, "y_true has 1 songs and y_pred 2"),
        ([], [], {}, "at least 1"),
        ([[1, 2], [1, 2]], [[1, 2], [1]], {}, r"Song 1: y_true has shape \(2,\) and y_pred \(1,\)"),
        ([[1, 2], [[1, 2]]], [[1, 2], [[1, 2]]], {}, "Song 1 has 2 targets, but those before have 1"),
        ([[1, 2]], [[1, NAN]], {}, "Song 0: y_true must be finite or NaN"),
        ([[1, np.inf]], [[1, 2]], {}, "Song 0: y_true must be finite or NaN"),
        ([["a"]], [[1]], {}, "Song 0: ratings must be numbers"),
        ([[1, 2]], [[1, 2]], {"average": "macro"}, "average must be 'pooled' or 'songs'"),
        ([[1, 2]], [[1, 2]], {"score": "f1"}, "score must be one of"),
    ],
)
def test_errors(true, pred, options, message):
    with pytest.raises(ValueError, match=message):
        curve_score(true, pred, **{"average": "pooled", **options})
