import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmer.model_selection import best_weight, tag_scores
from skmer.tagging.net import macro_roc_auc

pytestmark = pytest.mark.filterwarnings("error")


def column(*values):
    return np.array(values)[:, None]


def figure(y, first, second, weight):
    return macro_roc_auc(y, weight * first + (1 - weight) * second)


# ---- by hand ---------------------------------------------------------------------------------------

# the first song is above the third from 0.25 on, the second up to 0.5; at both ends of that two songs tie
Y, FIRST, SECOND = column(1, 1, 0), column(4, 0, 1), column(0, 2, 1)


@pytest.mark.parametrize(
    ("n_weights", "weight"),
    [
        (2, 0),  # 0 and 1 are equally good and equally near: the smaller
        (3, 0.5),  # figures 1/2, 3/4 by the tie, 1/2
        (5, 0.5),  # 0.25 and 0.5 have a tie each: the nearer
        (9, 0.375),  # the only one between
        (101, 0.49),
        (1001, 0.499),
    ],
)
def test_the_weight_by_hand(n_weights, weight):
    assert best_weight(Y, FIRST, SECOND, n_weights=n_weights) == weight
    assert best_weight(Y, SECOND, FIRST, n_weights=n_weights) == (1 - weight if n_weights > 2 else 0)


def test_the_figures_behind_it():
    figures = [figure(Y, FIRST, SECOND, weight) for weight in (0, 0.25, 0.375, 0.5, 1)]
    assert figures == [0.5, 0.75, 1, 0.75, 0.5]
    assert tag_scores(Y, 0.375 * FIRST + 0.625 * SECOND)["ROC-AUC"] == 1


def test_of_two_equally_near_the_smaller():
    # the first tag is in order below 0.25, the second above 0.75, and between neither
    y = np.array([[1, 1], [0, 0]])
    first, second = np.array([[0, 1], [3, 0]]), np.array([[1, 0], [0, 3]])
    assert best_weight(y, first, second, n_weights=9) == 0.125
    assert best_weight(y, first, second) == 0.24
    assert best_weight(y, second, first) == 0.24


def test_one_that_knows_nothing_or_all():
    y, truth = column(1, 1, 0, 0), column(2.0, 1.0, -1.0, -2.0)
    assert best_weight(y, truth, -truth) == 0.51
    assert best_weight(y, -truth, truth) == 0.49
    # any weight will do, 0 excepted
    assert best_weight(y, truth, np.zeros((4, 1))) == 0.5
    # a loud one that is wrong is silenced
    assert best_weight(y, truth, -1000 * truth) == 1
    assert best_weight(y, -1000 * truth, truth) == 0


def test_alike_taggers_count_alike(rng):
    y, logits = rng.random((30, 4)) < 0.4, rng.normal(size=(30, 4))
    y[:2] = [[True], [False]]
    assert best_weight(y, logits, logits) == 0.5
    assert best_weight(y, logits, logits, n_weights=2) == 0
    # 1/3 and 2/3 are equally near
    assert best_weight(y, logits, logits, n_weights=4) == pytest.approx(1 / 3)


def test_weights_are_written_as_one_would():
    # above the third song from 0.345 on and up to 0.355: 0.35, which is no multiple of 0.01 in binary
    first, second = column(1, 0, 0.5), column(0, 1, 0.5)
    first[0], second[1] = 0.5 + 0.5 * 0.655 / 0.345, 0.5 + 0.5 * 0.355 / 0.645
    assert str(best_weight(column(1, 1, 0), first, second)) == "0.35"


def test_it_is_the_mean_over_tags(rng):
    # nine tags of the first against one of the second
    truth = rng.random((200, 10)) < 0.5
    noise = rng.normal(size=(2, 200, 10))
    first, second = truth + noise[0], truth + noise[1]
    first[:, 9] = noise[0][:, 9] / 10
    second[:, :9] = noise[1][:, :9] / 10
    weight = best_weight(truth, first, second)
    assert 0.5 < weight < 1
    assert figure(truth, first, second, weight) > max(macro_roc_auc(truth, s) for s in (first, second)) + 0.01


@pytest.mark.parametrize("n_values", [2, 5, 1000])
def test_it_is_the_best_by_the_figure_that_taggers_stop_by(rng, n_values):
    y = rng.random((25, 4)) < 0.3
    y[:2] = [[True], [False]]
    first, second = rng.integers(n_values, size=(2, 25, 4)) / 8 + y * 0.2
    figures = np.array([figure(y, first, second, k / 16) for k in range(17)])
    weight = best_weight(y, first, second, n_weights=17)
    good = np.flatnonzero(np.isclose(figures, figures.max(), rtol=0, atol=1e-12)) / 16
    assert weight in good
    assert abs(weight - 0.5) == np.abs(good - 0.5).min()


def test_tags_of_one_kind_are_left_out(rng):
    y = rng.random((30, 2)) < 0.5
    first, second = rng.normal(size=(2, 30, 2))
    wider = [np.column_stack([values, rng.normal(size=(30, 2))]) for values in (first, second)]
    assert best_weight(np.column_stack([y, np.zeros(30), np.ones(30)]), *wider) == best_weight(y, first, second)


# ---- invariants ------------------------------------------------------------------------------------


@st.composite
def cases(draw, n_tags=2):
    n = draw(st.integers(2, 9))
    values = st.lists(st.lists(st.integers(-8, 8), min_size=n_tags, max_size=n_tags), min_size=n, max_size=n)
    y = [[draw(st.booleans()) for _ in range(n_tags)] for _ in range(n)]
    y[0][0], y[1][0] = True, False  # the first tag can be judged
    return np.array(y), np.array(draw(values)), np.array(draw(values))


@settings(deadline=None, max_examples=30)
@given(cases())
def test_never_worse_than_any_other_weight(case):
    weight = best_weight(*case, n_weights=17)
    reached = figure(*case, weight)
    for k in range(0, 17, 2):
        other = figure(*case, k / 16)
        assert reached >= other - 1e-12
        # of equally good ones the nearest to the middle
        assert abs(k / 16 - 0.5) >= abs(weight - 0.5) or other < reached - 1e-12


@settings(deadline=None, max_examples=30)
@given(cases())
def test_swapping_gives_the_rest(case):
    y, first, second = case
    # sixteenths of whole numbers are exact, so that ties are
    weight, swapped = best_weight(y, first, second, n_weights=17), best_weight(y, second, first, n_weights=17)
    if swapped != 1 - weight:
        # both were good and equally near
        assert swapped == weight
        assert figure(*case, weight) == pytest.approx(figure(*case, 1 - weight))


@settings(deadline=None, max_examples=30)
@given(cases(), st.randoms(use_true_random=False), st.integers(-50, 50), st.sampled_from([0.25, 2, 8]))
def test_what_does_not_count(case, random, shift, factor):
    y, first, second = case
    weight = best_weight(*case, n_weights=17)
    order = list(range(len(y)))
    random.shuffle(order)
    assert best_weight(y[order], first[order], second[order], n_weights=17) == weight
    # both louder, or one tag of one tagger up or down
    assert best_weight(y, factor * first, factor * second, n_weights=17) == weight
    assert best_weight(y, first + np.array([shift, 0]), second + np.array([0, shift]), n_weights=17) == weight


# ---- what is taken ---------------------------------------------------------------------------------


def test_lists_tables_and_types_are_alike():
    for convert in (np.ndarray.tolist, pd.DataFrame, lambda values: values.astype(np.float32)):
        assert best_weight(convert(Y), convert(FIRST), convert(SECOND)) == 0.49
    assert best_weight(Y == 1, FIRST, SECOND) == 0.49
    assert type(best_weight(Y, FIRST, SECOND)) is float


def test_inputs_are_left_as_they_are(rng):
    y, first, second = rng.random((9, 2)) < 0.5, *rng.normal(size=(2, 9, 2))
    before = y.copy(), first.copy(), second.copy()
    best_weight(y, first, second, n_weights=3)
    for old, new in zip(before, (y, first, second), strict=True):
        np.testing.assert_array_equal(old, new)


def test_large_logits():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert best_weight(Y, FIRST * 1e307, SECOND * 1e307) == 0.49


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], [[1], [0]], [[1], [0]]), r"y_true must have the shape \(n_songs, n_tags\), both above 0, not \(2,\)"),
        ((np.zeros((0, 2)),) * 3, r"not \(0, 2\)"),
        (([[2], [0]], [[1], [0]], [[1], [0]]), "y_true must hold 0 and 1"),
        (([[1], [0, 1]], [[1], [0]], [[1], [0]]), "y_true has rows of unequal lengths"),
        (([["a"], ["b"]], [[1], [0]], [[1], [0]]), "y_true must hold numbers"),
        (([[1], [0]], [1, 0], [[1], [0]]), r"first must have the shape \(n_songs, n_tags\)"),
        (([[1], [0]], [[1], [0]], [[1, 1], [0, 0]]), r"second has the shape \(2, 2\), y_true has \(2, 1\)"),
        (([[1], [0]], [[1]], [[1], [0]]), r"first has the shape \(1, 1\), y_true has \(2, 1\)"),
        (
            ([[1], [0]], [[1], [0]], [[1], [np.nan]]),
            "second must be finite, but 1 of its values are not, .* song 1 for",
        ),
        (([[1], [0]], [[-np.inf], [0]], [[1], [0]]), "first must be finite, .* song 0 for tag 0"),
        (([[1], [1]], [[1], [0]], [[1], [0]]), "No tag can be judged"),
        (([[1], [0]], [[1], [0]], [[1], [0]], 1), "n_weights must be a whole number, at least 2, not 1"),
        (([[1], [0]], [[1], [0]], [[1], [0]], 10.0), "n_weights must be a whole number"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        best_weight(*arguments)
