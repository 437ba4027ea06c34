import numpy as np
import pandas as pd
import pytest

from skmer.model_selection import SCORES, emotion_scores

pytestmark = pytest.mark.filterwarnings("error")


def test_halves_by_hand():
    # of "high": 2 hits, 1 false, 1 missed; of "low": none
    scores = emotion_scores(["high", "high", "high", "low"], ["high", "high", "low", "high"])
    assert tuple(scores) == SCORES
    assert scores["accuracy"] == 0.5
    assert scores["F1"] == pytest.approx(4 / 6)
    assert scores["macro-F1"] == scores["balanced accuracy"] == pytest.approx(1 / 3)
    assert all(type(value) is float for value in scores.values())


def test_f1_is_of_high_whatever_comes_first():
    y, predicted = ["low"] * 3 + ["high"], ["low", "low", "high", "low"]
    assert emotion_scores(y, predicted)["F1"] == 0.0
    assert emotion_scores(y[::-1], predicted[::-1])["F1"] == 0.0
    assert emotion_scores(y, predicted)["macro-F1"] == pytest.approx(0.5 * 4 / 6)


def test_other_classes_have_the_macro_average():
    # F1 of a: 2/3, of b: 2/4, of c: 0; recalls 1/2, 1, 0
    scores = emotion_scores(["a", "a", "b", "c"], ["a", "b", "b", "b"])
    assert scores["F1"] == scores["macro-F1"] == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert scores["balanced accuracy"] == pytest.approx(0.5)
    assert scores["accuracy"] == 0.5


def test_low_and_high_among_others_are_no_halves():
    scores = emotion_scores(["low", "high", "mid"], ["low", "high", "low"])
    assert scores["F1"] == scores["macro-F1"]


def test_a_class_without_test_songs():
    # b is only predicted: its F1 is 0 and counts, its recall is of no song and does not
    scores = emotion_scores(["a", "a"], ["a", "b"])
    assert scores["macro-F1"] == pytest.approx((2 / 3 + 0) / 2)
    assert scores["balanced accuracy"] == 0.5
    # a third class that is neither true nor predicted changes nothing
    assert emotion_scores(["a", "b"], ["a", "b"])["macro-F1"] == 1.0


def test_one_class_alone():
    assert emotion_scores(["high"] * 2, ["high"] * 2) == dict.fromkeys(SCORES, 1.0)
    # no song is high, and none was said to be
    assert emotion_scores(["low"] * 2, ["low"] * 2) == {**dict.fromkeys(SCORES, 1.0), "F1": 0.0}
    assert emotion_scores(["low"] * 2, ["high"] * 2) == dict.fromkeys(SCORES, 0.0)


def test_lists_arrays_and_series_are_alike():
    y, predicted = ["low", "high", "high"], ["high", "high", "low"]
    scores = emotion_scores(y, predicted)
    assert emotion_scores(np.array(y), np.array(predicted, dtype=object)) == scores
    assert emotion_scores(pd.Series(y, index=[7, 8, 9]), predicted) == scores
    assert emotion_scores([0, 1, 1], [1, 1, 0])["accuracy"] == scores["accuracy"]


def test_lengths_that_differ():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        emotion_scores(["a", "b"], ["a"])
