import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skmer.tagging._pseudo_tags import confident_tags, percentile_thresholds

PROBABILITIES = arrays(np.float64, (4, 3), elements=st.floats(0, 1))


def test_percentiles_are_those_of_each_kind_of_entry():
    y = np.array([[1, 0, 0], [1, 0, 0]])
    probabilities = np.array([[0.2, 0.1, 0.3], [0.6, 0.9, 0.5]])
    # without the tag: .1, .3, .5, .9; with it: .2, .6
    assert percentile_thresholds(y, probabilities, 0, 100) == (0.1, 0.6)
    np.testing.assert_allclose(percentile_thresholds(y, probabilities, 50, 50), (0.4, 0.4))
    np.testing.assert_allclose(percentile_thresholds(y, probabilities, 5, 95), (0.1 + 0.15 * 0.2, 0.2 + 0.95 * 0.4))


def test_the_thresholds_themselves_are_not_sure():
    probabilities = np.array([[0.1, 0.1 + 1e-12, 1e-6, 1e-6 - 1e-12, 0.05]])
    np.testing.assert_array_equal(confident_tags(probabilities, 1e-6, 0.1), [[-1, 1, -1, 0, -1]])


@given(PROBABILITIES, st.floats(0, 1), st.floats(0, 1))
def test_every_entry_is_what_its_probability_says(probabilities, a, b):
    low, high = min(a, b), max(a, b)
    tags = confident_tags(probabilities, low, high)
    assert tags.dtype == np.int8
    np.testing.assert_array_equal(tags == 1, probabilities > high)
    np.testing.assert_array_equal(tags == 0, probabilities < low)


@pytest.mark.parametrize(("value", "words"), [(0, "have no tag"), (1, "have every tag")])
def test_one_kind_of_entries_has_no_percentiles_of_the_other(value, words):
    with pytest.raises(ValueError, match=f"validation songs {words}, so that there are no percentiles"):
        percentile_thresholds(np.full((3, 2), value), np.full((3, 2), 0.5))
