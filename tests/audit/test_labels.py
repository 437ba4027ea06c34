"""Dummies that know the group, and what the parts of splits share, by hand."""

import numpy as np
import pytest
from sklearn.utils import Bunch

from skmer.audit import accuracy_by_group, shared_between_parts
from skmer.audit.collection import Copy, _labels, group_recordings
from skmer.audit.labels import label_group_information


def test_the_dummy_that_knows_the_group_by_hand():
    # A: both others say x; B: the other one says the wrong label; C has no other song: x, the commonest of the others
    y, groups = ["x", "x", "x", "x", "y", "y"], ["A", "A", "A", "B", "B", "C"]
    assert accuracy_by_group(y, groups) == (3 / 6, 4 / 6)


def test_a_tie_in_a_group_is_decided_by_all_songs():
    # of group A without its third song, x and y are tied: among all others x is commonest
    y, groups = ["x", "y", "x", "x", "x"], ["A", "A", "A", "B", "B"]
    informed, _ = accuracy_by_group(y, groups)
    # songs 0 and 2 see a tie (x), song 1 sees x twice, songs 3 and 4 see x
    assert informed == 4 / 5


def test_groups_that_say_nothing_help_nobody():
    rng = np.random.default_rng(0)
    y, groups = rng.integers(0, 2, 2000), rng.integers(0, 50, 2000)
    informed, dummy = accuracy_by_group(y, groups)
    assert informed == pytest.approx(dummy, abs=0.05)
    assert label_group_information(y, groups) == pytest.approx(0, abs=0.01)
    assert label_group_information(groups, groups) == pytest.approx(1)


def test_shared_groups_are_counted_for_both_parts():
    parts = {"train": [0, 1, 2], "validation": [3], "test": [4, 5]}
    groups = ["A", "B", "C", "D", "A", "E"]
    assert shared_between_parts(parts, groups) == {("train", "test"): 1, ("test", "train"): 1}


def test_copies_and_groups_are_joined():
    copies = [Copy(0, 3, True), Copy(3, 4, False, 0.1, 0.0, 9.0)]
    assert group_recordings(6, copies).tolist() == [0, 1, 2, 0, 0, 3]
    assert group_recordings(6, []).tolist() == list(range(6))
    # the copy of an artist's song joins the two artists
    assert len(set(group_recordings(6, copies, ["A", "A", "B", "C", "C", "B"]).tolist())) == 2


def test_ratings_are_no_labels_and_tags_are_one():
    songs = Bunch(target=np.array([0.5, 0.25]))
    assert _labels(songs.target) is None
    assert _labels(np.array([[0, 1], [1, 1]])).tolist() == ["0 1", "1 1"]
    assert _labels(np.array([[0.5, 1.5], [1.0, 1.0]])) is None
