import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support, roc_auc_score

from skmer.model_selection import TAG_SCORES, best_thresholds, best_weight, tag_scores
from skmer.model_selection.tag_metrics import macro_roc_auc, roc_auc_per_tag

pytestmark = pytest.mark.filterwarnings("error")


def column(*values):
    return np.array(values)[:, None]


def random_case(rng, n_songs=60, n_tags=5, n_values=8):
    """Scores with many ties; every tag has positive and negative songs."""
    y = rng.random((n_songs, n_tags)) < 0.3
    y[0], y[1] = True, False
    return y, rng.integers(0, n_values, y.shape) / n_values


@pytest.fixture
def case(rng):
    return random_case(rng)


# ---- tag_scores ------------------------------------------------------------------------------------


def test_one_tag_by_hand():
    # from the highest score down: 1 0 1 0; of the 4 pairs 3 are in order; precisions at hits 1 and 2/3
    scores = tag_scores(column(1, 0, 1, 0), column(0.9, 0.6, 0.4, 0.1), thresholds=[0.5])
    assert scores["ROC-AUC"] == 0.75
    assert scores["PR-AUC"] == pytest.approx((1 + 2 / 3) / 2)
    # assigned to songs 0 and 1: one hit, one false, one missed
    assert (scores["F-score"], scores["TPR"], scores["TNR"]) == (0.5, 0.5, 0.5)


def test_ties_by_hand():
    # scores 2 | 1 1 1 | 0, tags 0 | 1 1 0 | 0: a hit wins over one, ties with one, loses to one
    scores = tag_scores(column(0, 1, 1, 0, 0), column(2, 1, 1, 1, 0))
    assert scores["ROC-AUC"] == pytest.approx(1.5 / 3)
    # both hits come at once, at precision 2/4, whatever their order among equals
    assert scores["PR-AUC"] == pytest.approx(0.5)


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


@pytest.mark.parametrize(("threshold", "expected"), [(0.5, (1, 1, 1)), ([np.inf], (0, 1, 0))])
def test_a_song_is_assigned_a_tag_from_the_threshold_on(threshold, expected):
    scores = tag_scores(column(1, 0), column(0.5, 0.25), thresholds=threshold)
    assert (scores["TPR"], scores["TNR"], scores["F-score"]) == expected


def test_without_thresholds_there_are_no_decisions():
    scores = tag_scores(column(1, 0), column(1, 0))
    assert list(scores) == ["ROC-AUC", "PR-AUC", "per_tag", "names"]
    assert list(scores["per_tag"]) == ["ROC-AUC", "PR-AUC"]
    assert scores["names"] == ["tag 0"]


@pytest.mark.parametrize("seed", range(2))
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


def test_mediaeval_counts_a_tag_without_songs_as_zero(rng):
    y, scores = random_case(rng, n_tags=3)
    y[:, 1] = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = average_precision_score(y, scores, average="macro")
    with pytest.warns(UserWarning, match="Tags without songs in y_true: sad"):
        ours = tag_scores(y, scores, names=["calm", "sad", "happy"])
    assert ours["PR-AUC"] == pytest.approx(theirs * 3 / 2)
    assert ours["ROC-AUC"] == pytest.approx(tag_scores(y[:, [0, 2]], scores[:, [0, 2]])["ROC-AUC"])


def test_tags_without_positive_or_negative_songs_are_named_and_left_out():
    y = np.array([[1, 0, 1, 0], [0, 0, 1, 0]])
    names = ["calm", "sad", "loud", "odd"]
    with pytest.warns(UserWarning, match="Tags with") as record:
        result = tag_scores(y, np.array([[2, 0, 0, 1], [1, 0, 1, 0]]), thresholds=1.5, names=names)
    first, second = (str(warning.message) for warning in record)
    assert first.startswith("Tags without songs in y_true: sad, odd. Their metrics are NaN")
    assert second.startswith("Tags with every song in y_true: loud.")
    # the caller's line, not one of ours
    assert {warning.filename for warning in record} == {__file__}
    for name in TAG_SCORES:
        np.testing.assert_array_equal(result["per_tag"][name], [1, np.nan, np.nan, np.nan])
        assert result[name] == 1


def test_long_lists_of_tags_are_shortened():
    y = np.zeros((2, 15), dtype=int)
    y[0, 0] = 1
    with pytest.warns(UserWarning, match=r"tag 11, tag 12 and 2 more\. Their"):
        tag_scores(y, np.ones(y.shape))


# ---- best_thresholds -------------------------------------------------------------------------------


def test_the_threshold_of_the_best_f_score_by_hand():
    # assigned to 1, 2, 3, 4 songs: F = 2/3, 1/2, 4/5, 2/3
    assert best_thresholds(column(1, 0, 1, 0), column(0.875, 0.75, 0.5, 0.25)).tolist() == [0.375]
    # songs of equal scores are on one side: F = 4/5 with both at 3, 2/3 without
    assert best_thresholds(column(1, 1, 0, 0), column(5, 3, 3, 1)).tolist() == [2]
    # each tag has its own
    y, scores = np.array([[1, 0], [0, 1], [0, 0]]), np.array([[3, 1], [1, 9], [0, 3]])
    assert best_thresholds(y, scores).tolist() == [2, 6]
    # every song is assigned a tag that every song has
    assert best_thresholds(column(1, 1), column(0.5, 0.25)).tolist() == [0.25]


def test_the_lowest_of_several_best_thresholds():
    # assigned to 1, 2, 3, 4 songs: F = 2/3, 1/2, 2/5, 2/3
    y, scores = column(1, 0, 0, 1), column(8, 6, 4, 2)
    assert best_thresholds(y, scores).tolist() == [2]
    # one more negative song makes the highest the best
    assert best_thresholds(np.vstack([y, [[0]]]), column(8, 6, 4, 2, 3)).tolist() == [7]


def test_a_tag_without_songs_has_an_infinite_threshold():
    with pytest.warns(UserWarning, match="Tags without songs in y_true: sad. Their thresholds are infinite"):
        thresholds = best_thresholds([[1, 0], [0, 0]], [[1, 1], [0, 0]], names=["calm", "sad"])
    assert thresholds.tolist() == [0.5, np.inf]


def test_adjacent_and_large_scores():
    low, high = 1.0, np.nextafter(1.0, 2)
    assert best_thresholds(column(0, 1), column(low, high)).tolist() == [high]
    assert best_thresholds(column(0, 1), column(1.5e308, 1.7e308)).tolist() == [pytest.approx(1.6e308)]
    assert best_thresholds(column(0, 1), column(0, 5e-324)).tolist() == [5e-324]


def test_no_threshold_is_better(case):
    y, scores = case
    thresholds = best_thresholds(y, scores)
    reached = tag_scores(y, scores, thresholds)["per_tag"]["F-score"]
    for k in range(y.shape[1]):
        others = [f1_score(y[:, k], scores[:, k] >= value) for value in np.unique(scores[:, k])]
        assert reached[k] == pytest.approx(max(others))
    # at the midpoint, "above" and "at least" give the same decisions
    between = thresholds > scores.min(0)
    assert between.any()
    assert ((scores > thresholds) == (scores >= thresholds))[:, between].all()


# ---- ROC-AUC -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_values", [1, 5, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_roc_auc_is_that_of_scikit_learn(rng, n_values, weighted):
    y, scores = random_case(rng, n_values=n_values)
    weights = np.r_[1, 1, rng.integers(3, size=58) * rng.random(58)] if weighted else None
    expected = [roc_auc_score(y[:, k], scores[:, k], sample_weight=weights) for k in range(5)]
    np.testing.assert_allclose(roc_auc_per_tag(y, scores, weights), expected, rtol=0, atol=1e-12)
    assert macro_roc_auc(y, scores, weights) == pytest.approx(np.mean(expected), abs=1e-12)
    assert macro_roc_auc(y.astype(float), scores, weights) == macro_roc_auc(y, scores, weights)


def test_integer_weights_repeat_songs_and_zeros_drop_them(rng):
    y, scores = random_case(rng)
    weights = rng.integers(4, size=60)
    again = np.repeat(np.arange(60), weights)
    np.testing.assert_allclose(
        roc_auc_per_tag(y, scores, weights), roc_auc_per_tag(y[again], scores[again]), rtol=0, atol=1e-12
    )
    y, scores = np.array([[1, 1], [0, 0], [0, 1]]), np.array([[3, 1], [1, 2], [2, 3]])
    np.testing.assert_array_equal(roc_auc_per_tag(y, scores, np.array([1, 0, 1])), [1, np.nan])
    assert np.isnan(macro_roc_auc(y, scores, np.array([1, 0, 0])))


# ---- best_weight -------------------------------------------------------------------------------------

# the first song ranks above the third from 0.25 on, the second up to 0.5; at both ends two songs tie
Y, FIRST, SECOND = column(1, 1, 0), column(4, 0, 1), column(0, 2, 1)


def roc_auc_of_sum(y, first, second, weight):
    return macro_roc_auc(y, weight * first + (1 - weight) * second)


@pytest.mark.parametrize(
    ("n_weights", "weight"),
    [
        (2, 0),  # 0 and 1 are equally good and equally near: the smaller
        (3, 0.5),  # ROC-AUCs 1/2, 3/4 by the tie, 1/2
        (5, 0.5),  # 0.25 and 0.5 have a tie each: the nearer
        (9, 0.375),  # the only one between
        (101, 0.49),
    ],
)
def test_the_weight_by_hand(n_weights, weight):
    assert best_weight(Y, FIRST, SECOND, n_weights=n_weights) == weight
    assert best_weight(Y, SECOND, FIRST, n_weights=n_weights) == (1 - weight if n_weights > 2 else 0)


def test_of_two_equally_near_weights_the_smaller():
    # the first tag is in order below 0.25, the second above 0.75, and between neither
    y = np.array([[1, 1], [0, 0]])
    first, second = np.array([[0, 1], [3, 0]]), np.array([[1, 0], [0, 3]])
    assert best_weight(y, first, second, n_weights=9) == 0.125
    assert best_weight(y, second, first, n_weights=9) == 0.125


def test_uninformative_and_perfect_taggers():
    y, truth = column(1, 1, 0, 0), column(2.0, 1.0, -1.0, -2.0)
    assert best_weight(y, truth, -truth, n_weights=9) == 0.625
    assert best_weight(y, -truth, truth, n_weights=9) == 0.375
    assert best_weight(y, truth, np.zeros((4, 1)), n_weights=9) == 0.5
    assert best_weight(y, truth, truth, n_weights=4) == pytest.approx(1 / 3)
    # large wrong logits are weighted down to nothing
    assert best_weight(y, truth, -1000 * truth, n_weights=9) == 1
    assert best_weight(y, -1000 * truth, truth, n_weights=9) == 0
    assert best_weight(Y, FIRST * 1e307, SECOND * 1e307, n_weights=9) == 0.375


def test_weights_are_exact_decimals():
    # above the third song from 0.345 on and up to 0.355: 0.35, which is no multiple of 0.01 in binary
    first, second = column(1, 0, 0.5), column(0, 1, 0.5)
    first[0], second[1] = 0.5 + 0.5 * 0.655 / 0.345, 0.5 + 0.5 * 0.355 / 0.645
    assert str(best_weight(column(1, 1, 0), first, second)) == "0.35"


def test_it_maximises_the_mean_over_tags(rng):
    # nine tags of the first against one of the second
    truth = rng.random((200, 10)) < 0.5
    noise = rng.normal(size=(2, 200, 10))
    first, second = truth + noise[0], truth + noise[1]
    first[:, 9] = noise[0][:, 9] / 10
    second[:, :9] = noise[1][:, :9] / 10
    weight = best_weight(truth, first, second, n_weights=11)
    assert 0.5 < weight < 1
    alone = max(macro_roc_auc(truth, scores) for scores in (first, second))
    assert roc_auc_of_sum(truth, first, second, weight) > alone + 0.01


def test_tags_without_positive_or_negative_songs_do_not_count(rng):
    y = rng.random((30, 2)) < 0.5
    first, second = rng.normal(size=(2, 30, 2))
    wider = [np.column_stack([values, rng.normal(size=(30, 2))]) for values in (first, second)]
    assert best_weight(np.column_stack([y, np.zeros(30), np.ones(30)]), *wider, n_weights=11) == best_weight(
        y, first, second, n_weights=11
    )


# ---- invariance ------------------------------------------------------------------------------------


@st.composite
def cases(draw, n_tags=2):
    n = draw(st.integers(2, 9))
    values = st.lists(st.lists(st.integers(-8, 8), min_size=n_tags, max_size=n_tags), min_size=n, max_size=n)
    y = np.array([[draw(st.booleans()) for _ in range(n_tags)] for _ in range(n)])
    y[0], y[1] = True, False
    return y, np.array(draw(values)), np.array(draw(values))


@settings(deadline=None, max_examples=15)
@given(
    cases(),
    st.sampled_from([np.exp, lambda s: s**3, lambda s: 7 * s - 100.0, lambda s: 1 / (1 + np.exp(-s))]),
    st.randoms(use_true_random=False),
)
def test_only_the_order_of_scores_counts_and_not_that_of_songs(case, mapping, random):
    y, scores, _ = case
    mapped = mapping(scores.astype(float))
    order = random.sample(range(len(y)), len(y))
    expected = tag_scores(y, scores, best_thresholds(y, scores))
    for truth, other in ((y, mapped), (y[order], scores[order])):
        result = tag_scores(truth, other, best_thresholds(truth, other))
        assert [result[name] for name in TAG_SCORES] == pytest.approx([expected[name] for name in TAG_SCORES])
    assert tag_scores(~y, -scores)["ROC-AUC"] == pytest.approx(expected["ROC-AUC"])


@settings(deadline=None, max_examples=8)
@given(cases(), st.randoms(use_true_random=False), st.integers(-50, 50), st.sampled_from([0.25, 2, 8]))
def test_the_best_weight_is_the_best(case, random, shift, factor):
    y, first, second = case
    # eighths of integers are exact, so that ties are
    weight = best_weight(*case, n_weights=9)
    reached = roc_auc_of_sum(*case, weight)
    for k in range(9):
        other = roc_auc_of_sum(*case, k / 8)
        assert reached >= other - 1e-12
        # among equally good ones the nearest to the middle
        assert abs(k / 8 - 0.5) >= abs(weight - 0.5) or other < reached - 1e-12
    swapped = best_weight(y, second, first, n_weights=9)
    if swapped != 1 - weight:
        # both were good and equally near
        assert swapped == weight
        assert reached == pytest.approx(roc_auc_of_sum(*case, 1 - weight))
    order = random.sample(range(len(y)), len(y))
    assert best_weight(y[order], first[order], second[order], n_weights=9) == weight
    # both scaled, or one tag of one tagger shifted
    assert best_weight(y, factor * first, factor * second, n_weights=9) == weight
    assert best_weight(y, first + np.array([shift, 0]), second + np.array([0, shift]), n_weights=9) == weight


# ---- input validation ------------------------------------------------------------------------------


def test_lists_tables_and_types_are_alike_and_left_as_they_are(case):
    y, scores = case
    before = y.copy(), scores.copy()
    expected = tag_scores(y, scores, 0.5)
    for other in (y.tolist(), y.astype(float), y.astype(np.uint8), pd.DataFrame(y)):
        assert tag_scores(other, scores, 0.5)["PR-AUC"] == expected["PR-AUC"]
    frame = pd.DataFrame(scores, index=range(7, 67))
    assert tag_scores(y, frame, pd.Series([0.5] * 5))["F-score"] == expected["F-score"]
    assert tag_scores(y, scores.astype(np.float32), 0.5)["TNR"] == expected["TNR"]
    weight = best_weight(y, scores, scores[::-1], n_weights=3)
    assert type(weight) is float
    assert best_weight(pd.DataFrame(y), scores.tolist(), scores[::-1].astype(np.float32), n_weights=3) == weight
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(scores, before[1])


TAGS = [[1, 0], [0, 1]]


def weigh(y, scores):
    return best_weight(y, scores, scores)


@pytest.mark.parametrize("function", [tag_scores, best_thresholds, weigh])
@pytest.mark.parametrize(
    ("y", "scores", "message"),
    [
        ([1, 0], TAGS, r"y_true must be a non-empty array of shape \(n_songs, n_tags\), got shape \(2,\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), r"got shape \(0, 2\)"),
        (TAGS, [1, 0], r"(scores|first) must be a non-empty array of shape \(n_songs, n_tags\)"),
        (TAGS, [[1, 0]], r"(scores|first) has shape \(1, 2\), but y_true has shape \(2, 2\)"),
        ([[1], [0, 1]], TAGS, "y_true has rows of unequal lengths"),
        ([[2, 0], [0, 1]], TAGS, "y_true must hold only 0 and 1"),
        ([[np.nan, 0], [0, 1]], TAGS, "y_true must hold only 0 and 1"),
        ([["a", "b"], ["b", "a"]], TAGS, "y_true must hold numbers"),
        (TAGS, [[1, np.nan], [0, 1]], "must be finite, but 1 of its values are not; .* song 0 for tag 1"),
        (TAGS, [[1, 0], [np.inf, 1]], "song 1 for tag 0"),
    ],
)
def test_invalid_tags_and_scores(function, y, scores, message):
    with pytest.raises(ValueError, match=message):
        function(y, scores)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tag_scores(TAGS, TAGS, [0.5] * 3), r"have shape \(n_tags,\) = \(2,\), got \(3,\)"),
        (lambda: tag_scores(TAGS, TAGS, [0.5, np.nan]), "NaN: an infinite threshold assigns a tag to no song"),
        (lambda: tag_scores(TAGS, TAGS, names=["one"]), "names has 1 entries, but y_true has 2 tags"),
        (lambda: tag_scores(np.zeros((3, 2)), np.ones((3, 2))), "No tag in y_true has both"),
        (lambda: best_weight(np.ones((3, 2)), np.ones((3, 2)), np.ones((3, 2))), "No tag in y_true has both"),
        (lambda: best_weight(TAGS, TAGS, [[1, 0]]), r"second has shape \(1, 2\)"),
        (lambda: best_weight(TAGS, TAGS, TAGS, 1), "n_weights must be an integer of at least 2, got 1"),
        (lambda: best_weight(TAGS, TAGS, TAGS, 10.0), "n_weights must be an integer"),
    ],
)
def test_invalid_parameters(call, message):
    with pytest.raises(ValueError, match=message):
        call()
