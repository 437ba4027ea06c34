import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support, roc_auc_score

from skmer.model_selection import TAG_SCORES, best_thresholds, tag_scores

pytestmark = pytest.mark.filterwarnings("error")


def column(*values):
    return np.array(values)[:, None]


def random_case(rng, n_songs=60, n_tags=5, n_values=8):
    """Scores with many ties; every tag has songs with and without it."""
    y = rng.random((n_songs, n_tags)) < 0.3
    y[0], y[1] = True, False
    return y, rng.integers(0, n_values, y.shape) / n_values


# ---- by hand ---------------------------------------------------------------------------------------


def test_one_tag_by_hand():
    # from the highest score down: 1 0 1 0; of the 4 pairs 3 are in order; precisions at hits 1 and 2/3
    scores = tag_scores(column(1, 0, 1, 0), column(0.9, 0.6, 0.4, 0.1), thresholds=[0.5])
    assert scores["ROC-AUC"] == 0.75
    assert scores["PR-AUC"] == pytest.approx((1 + 2 / 3) / 2)
    # given to songs 0 and 1: one hit, one false, one missed
    assert (scores["F-score"], scores["TPR"], scores["TNR"]) == (0.5, 0.5, 0.5)


def test_ties_by_hand():
    # scores 2 | 1 1 1 | 0, tags 0 | 1 1 0 | 0: a hit wins over one, ties with one, loses to one
    scores = tag_scores(column(0, 1, 1, 0, 0), column(2, 1, 1, 1, 0))
    assert scores["ROC-AUC"] == pytest.approx(1.5 / 3)
    # both hits come at once, at precision 2/4, whatever their order among equals
    assert scores["PR-AUC"] == pytest.approx(0.5)
    # all alike: no knowledge, and a precision of the tag's share
    same = tag_scores(column(0, 1, 1, 0, 0), np.zeros((5, 1)))
    assert same["ROC-AUC"] == 0.5
    assert same["PR-AUC"] == pytest.approx(2 / 5)


def test_macro_averages_are_means_over_tags():
    y = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    scores = np.array([[4, 1], [3, 4], [2, 2], [1, 3]])
    result = tag_scores(y, scores, thresholds=[2.5, 1.5], names=["right", "wrong"])
    assert result["per_tag"]["ROC-AUC"].tolist() == [1, 0]
    assert result["per_tag"]["TPR"].tolist() == [1, 0.5]
    assert result["per_tag"]["TNR"].tolist() == [1, 0]
    assert result["per_tag"]["F-score"].tolist() == [1, pytest.approx(2 / 5)]
    assert [result[name] for name in ("ROC-AUC", "TPR", "TNR")] == [0.5, 0.75, 0.5]
    # not the F-score of the mean precision and recall
    assert result["F-score"] == pytest.approx((1 + 2 / 5) / 2)
    assert result["names"] == ["right", "wrong"]
    assert all(type(result[name]) is float for name in TAG_SCORES)


def test_a_score_at_the_threshold_is_given_the_tag():
    scores = tag_scores(column(1, 0), column(0.5, 0.25), thresholds=0.5)
    assert (scores["TPR"], scores["TNR"], scores["F-score"]) == (1, 1, 1)


def test_infinity_gives_a_tag_to_no_song():
    scores = tag_scores(column(1, 0), column(0.5, 0.25), thresholds=[np.inf])
    assert (scores["TPR"], scores["TNR"], scores["F-score"]) == (0, 1, 0)


def test_without_thresholds_there_are_no_decisions():
    scores = tag_scores(column(1, 0), column(1, 0))
    assert list(scores) == ["ROC-AUC", "PR-AUC", "per_tag", "names"]
    assert list(scores["per_tag"]) == ["ROC-AUC", "PR-AUC"]
    assert scores["names"] == ["tag 0"]


# ---- as MediaEval and scikit-learn count ----------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_macro_averages_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    y, scores = random_case(rng)
    thresholds = rng.random(y.shape[1])
    result = tag_scores(y, scores, thresholds)
    assert result["ROC-AUC"] == pytest.approx(roc_auc_score(y, scores, average="macro"))
    assert result["PR-AUC"] == pytest.approx(average_precision_score(y, scores, average="macro"))
    _, recall, f_score, _ = precision_recall_fscore_support(y, scores >= thresholds, average="macro", zero_division=0)
    assert result["F-score"] == pytest.approx(f_score)
    assert result["TPR"] == pytest.approx(recall)
    right = (~y & (scores < thresholds)).sum(0)
    assert result["TNR"] == pytest.approx(np.mean(right / (~y).sum(0)))


def test_what_mediaeval_makes_of_a_tag_without_songs(rng):
    y, scores = random_case(rng, n_tags=3)
    y[:, 1] = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert average_precision_score(y, scores, average=None)[1] == 0
        theirs = average_precision_score(y, scores, average="macro")
    with pytest.warns(UserWarning, match="Tags without songs in y_true: sad"):
        ours = tag_scores(y, scores, names=["calm", "sad", "happy"])
    assert ours["PR-AUC"] == pytest.approx(theirs * 3 / 2)
    assert ours["ROC-AUC"] == pytest.approx(tag_scores(y[:, [0, 2]], scores[:, [0, 2]])["ROC-AUC"])


# ---- tags that cannot be judged ------------------------------------------------------------------


def test_tags_of_one_kind_are_named_and_left_out():
    y = np.array([[1, 0, 1, 0], [0, 0, 1, 0]])
    names = ["calm", "sad", "loud", "odd"]
    with pytest.warns(UserWarning, match="Tags with") as record:
        result = tag_scores(y, np.array([[2, 0, 0, 1], [1, 0, 1, 0]]), thresholds=1.5, names=names)
    first, second = (str(warning.message) for warning in record)
    assert first.startswith("Tags without songs in y_true: sad, odd. Their figures are NaN")
    assert second.startswith("Tags with every song in y_true: loud.")
    # the line that called, not one of ours
    assert {warning.filename for warning in record} == {__file__}
    for name in TAG_SCORES:
        np.testing.assert_array_equal(result["per_tag"][name], [1, np.nan, np.nan, np.nan])
        assert result[name] == 1


def test_of_many_tags_some_are_named():
    y = np.zeros((2, 15), dtype=int)
    y[0, 0] = 1
    with pytest.warns(UserWarning, match=r"tag 11, tag 12 and 2 more\. Their"):
        tag_scores(y, np.ones(y.shape))


@pytest.mark.parametrize("value", [0, 1])
def test_no_tag_to_judge(value):
    with pytest.raises(ValueError, match="No tag can be judged"):
        tag_scores(np.full((3, 2), value), np.ones((3, 2)))


# ---- thresholds ------------------------------------------------------------------------------------


def test_the_threshold_of_the_best_f_score_by_hand():
    # given to 1, 2, 3, 4 songs: F = 2/3, 1/2, 4/5, 2/3
    assert best_thresholds(column(1, 0, 1, 0), column(0.875, 0.75, 0.5, 0.25)).tolist() == [0.375]


def test_of_equal_f_scores_the_lowest_threshold():
    # given to 1, 2, 3, 4 songs: F = 2/3, 1/2, 2/5, 2/3
    y, scores = column(1, 0, 0, 1), column(8, 6, 4, 2)
    assert best_thresholds(y, scores).tolist() == [2]
    # and one more song without the tag decides for the highest, in the middle
    assert best_thresholds(np.vstack([y, [[0]]]), column(8, 6, 4, 2, 3)).tolist() == [7]


def test_songs_of_equal_scores_are_on_one_side():
    # the two at 3 can only be taken together: F = 4/5 with both, 2/3 without
    assert best_thresholds(column(1, 1, 0, 0), column(5, 3, 3, 1)).tolist() == [2]


def test_each_tag_has_its_own_threshold():
    y, scores = np.array([[1, 0], [0, 1], [0, 0]]), np.array([[3, 1], [1, 9], [0, 3]])
    assert best_thresholds(y, scores).tolist() == [2, 6]


def test_a_tag_without_songs_is_given_to_none():
    with pytest.warns(UserWarning, match="Tags without songs in y_true: sad. Their thresholds are infinite"):
        thresholds = best_thresholds([[1, 0], [0, 0]], [[1, 1], [0, 0]], names=["calm", "sad"])
    assert thresholds.tolist() == [0.5, np.inf]


def test_a_tag_of_every_song_is_given_to_every_song():
    assert best_thresholds(column(1, 1), column(0.5, 0.25)).tolist() == [0.25]


def test_neighbouring_and_large_numbers():
    low, high = 1.0, np.nextafter(1.0, 2)
    assert best_thresholds(column(0, 1), column(low, high)).tolist() == [high]
    assert best_thresholds(column(0, 1), column(1.5e308, 1.7e308)).tolist() == [pytest.approx(1.6e308)]
    assert best_thresholds(column(0, 1), column(0, 5e-324)).tolist() == [5e-324]


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better(seed):
    y, scores = random_case(np.random.default_rng(seed))
    thresholds = best_thresholds(y, scores)
    reached = tag_scores(y, scores, thresholds)["per_tag"]["F-score"]
    for k in range(y.shape[1]):
        others = [f1_score(y[:, k], scores[:, k] >= value) for value in np.unique(scores[:, k])]
        assert reached[k] == pytest.approx(max(others))


def test_above_and_at_least_decide_alike_in_the_middle():
    rng = np.random.default_rng(3)
    y, scores = rng.random((50, 4)) < 0.2, rng.random((50, 4))
    thresholds = best_thresholds(y, scores)
    assert ((scores > thresholds) == (scores >= thresholds)).all()


# ---- invariance ------------------------------------------------------------------------------------

cases = st.integers(2, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda y: len(set(y)) == 2),
        st.lists(st.integers(-4, 4), min_size=n, max_size=n),
    )
)


@settings(deadline=None, max_examples=60)
@given(cases, st.sampled_from([np.exp, lambda s: s**3, lambda s: 7 * s - 100.0, lambda s: 1 / (1 + np.exp(-s))]))
def test_only_the_order_of_scores_counts(case, mapping):
    y, scores = column(*case[0]), column(*case[1]).astype(float)
    mapped = mapping(scores)
    result = tag_scores(y, scores, best_thresholds(y, scores))
    other = tag_scores(y, mapped, best_thresholds(y, mapped))
    assert [result[name] for name in TAG_SCORES] == pytest.approx([other[name] for name in TAG_SCORES])
    turned = tag_scores(~y, -scores)
    assert turned["ROC-AUC"] == pytest.approx(result["ROC-AUC"])


@settings(deadline=None, max_examples=30)
@given(cases, st.randoms(use_true_random=False))
def test_the_order_of_songs_does_not_count(case, random):
    y, scores = column(*case[0]), column(*case[1])
    order = list(range(len(y)))
    random.shuffle(order)
    thresholds = best_thresholds(y, scores)
    np.testing.assert_array_equal(best_thresholds(y[order], scores[order]), thresholds)
    result, other = tag_scores(y, scores, thresholds), tag_scores(y[order], scores[order], thresholds)
    assert [result[name] for name in TAG_SCORES] == pytest.approx([other[name] for name in TAG_SCORES])


# ---- what is taken ---------------------------------------------------------------------------------


def test_lists_tables_and_types_are_alike(rng):
    y, scores = random_case(rng)
    expected = tag_scores(y, scores, 0.5)
    for other in (y.tolist(), y.astype(float), y.astype(np.uint8), pd.DataFrame(y)):
        assert tag_scores(other, scores, 0.5)["PR-AUC"] == expected["PR-AUC"]
    frame = pd.DataFrame(scores, index=range(7, 67))
    assert tag_scores(y, frame, pd.Series([0.5] * 5))["F-score"] == expected["F-score"]
    assert tag_scores(y, scores.astype(np.float32), 0.5)["TNR"] == expected["TNR"]


def test_inputs_are_left_as_they_are(rng):
    y, scores = random_case(rng)
    before = y.copy(), scores.copy()
    tag_scores(y, scores, best_thresholds(y, scores))
    assert (y == before[0]).all()
    assert (scores == before[1]).all()


Y = [[1, 0], [0, 1]]


@pytest.mark.parametrize("function", [tag_scores, best_thresholds])
@pytest.mark.parametrize(
    ("y", "scores", "message"),
    [
        ([1, 0], [[1], [0]], r"y_true must have the shape \(n_songs, n_tags\), both above 0, not \(2,\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), r"not \(0, 2\)"),
        (Y, [1, 0], r"scores must have the shape \(n_songs, n_tags\)"),
        (Y, [[1, 0]], r"scores has the shape \(1, 2\), y_true has \(2, 2\)"),
        ([[2, 0], [0, 1]], Y, "y_true must hold 0 and 1"),
        ([[np.nan, 0], [0, 1]], Y, "y_true must hold 0 and 1"),
        ([["a", "b"], ["b", "a"]], Y, "y_true must hold numbers"),
        (
            Y,
            [[1, np.nan], [0, 1]],
            "scores must be finite, but 1 of its values are not, .* song 0 for tag 1",
        ),
        (Y, [[1, 0], [np.inf, 1]], "song 1 for tag 0"),
    ],
)
def test_refusals(function, y, scores, message):
    with pytest.raises(ValueError, match=message):
        function(y, scores)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thresholds": [0.5] * 3}, r"have the shape \(n_tags,\) = \(2,\), not \(3,\)"),
        ({"thresholds": [0.5, np.nan]}, "not NaN: infinity gives a tag to no song"),
        ({"names": ["one"]}, "names has 1 entries, but y_true has 2 tags"),
    ],
)
def test_refusals_of_the_rest(arguments, message):
    with pytest.raises(ValueError, match=message):
        tag_scores(Y, Y, **arguments)
