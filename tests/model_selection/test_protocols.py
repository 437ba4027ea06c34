import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmer.model_selection import Protocol
from skmer.model_selection.protocols import check_labels

Y = np.array(["a", "b"] * 6)


def assert_partition(folds, n_songs):
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(n_songs))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(n_songs))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(0, 30), st.integers(0, 3))
def test_folds_are_a_partition_with_the_classes_shares(n_splits, more, seed):
    n = 6 * n_splits + more
    y = np.array(["a", "b", "b"])[np.arange(n) % 3]
    folds = Protocol(n_splits=n_splits, fold_seed=seed).split(y)
    assert len(folds) == n_splits
    assert_partition(folds, n)
    share = [(y[test] == "a").sum() for _, test in folds]
    assert max(share) - min(share) <= 1


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.lists(st.integers(1, 5), min_size=8, max_size=14), st.integers(0, 3))
def test_grouped_folds_never_divide_a_group(n_splits, sizes, seed):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    y = np.array(["a", "b"])[np.arange(len(groups)) % 2]
    folds = Protocol("grouped", n_splits, fold_seed=seed).split(y, groups)
    assert_partition(folds, len(y))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])


def test_the_seed_decides_the_folds():
    def tests(**kwargs):
        return [test.tolist() for _, test in Protocol(n_splits=3, **kwargs).split(Y)]

    assert tests() == tests() == tests(fold_seed=0)
    assert tests() != tests(fold_seed=1)


def test_groups_are_not_kept_together_by_the_papers_protocol():
    groups = np.repeat(np.arange(6), 2)
    with_groups, without = (Protocol(n_splits=3).split(Y, g) for g in (groups, None))
    assert [t.tolist() for _, t in with_groups] == [t.tolist() for _, t in without]


@pytest.mark.parametrize(("rule", "expected"), [("median", 3.0), ("midpoint", 3.0), (2.5, 2.5)])
def test_the_threshold_is_found_among_training_songs_only(rule, expected):
    y, train = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 3.5, 0.5]), np.arange(5)
    outlier = np.array([*y[:5], 1e6, -1e6])
    protocol = Protocol(threshold=rule)
    labels, threshold = protocol.labels(y, train)
    assert threshold == protocol.labels(outlier, train)[1] == expected
    assert labels.tolist()[:5] == protocol.labels(outlier, train)[0].tolist()[:5]
    assert protocol.labels(outlier, train)[0].tolist()[5:] == ["high", "low"]
    if rule == "midpoint":
        # had the outliers a say, it would move
        assert protocol.labels(outlier, np.arange(6))[1] > 1e5


def test_each_fold_has_its_own_threshold():
    y = np.random.default_rng(0).normal(size=30)
    protocol = Protocol(n_splits=5, threshold="median")
    thresholds = [protocol.labels(y, train)[1] for train, _ in protocol.split(y)]
    assert thresholds == [float(np.median(y[train])) for train, _ in protocol.split(y)]
    assert len(set(thresholds)) > 1


def test_valence_and_arousal_become_quadrants():
    y = np.array([[0.0, 9.0], [1.0, 8.0], [2.0, 1.0], [9.0, 9.0]])
    labels, threshold = Protocol(threshold="median").labels(y, [0, 1, 2])
    assert threshold == [1.0, 8.0]
    assert labels.tolist() == ["Q2", "Q1", "Q4", "Q1"]
    assert json.loads(json.dumps(threshold)) == threshold


def test_labels_are_given_back():
    for y in (Y, np.arange(12) % 3, Y == "a"):
        labels, threshold = Protocol().labels(y, [0, 1])
        assert threshold is None
        assert labels.tolist() == y.tolist()


def test_whole_numbers_are_ratings_where_there_is_a_threshold():
    y = np.array([1, 5, 9, 3])
    assert Protocol().labels(y, [0, 1])[0].tolist() == [1, 5, 9, 3]
    assert Protocol(threshold="median").labels(y, [0, 1, 2])[0].tolist() == ["low", "high", "high", "low"]
    assert Protocol(threshold=4).labels(Y, [0])[0].tolist() == Y.tolist()


def test_published_split():
    splits = {"70-15-15": {"test": [5, 1], "train": np.array([4, 0]), "validation": [2]}}
    [(train, test)] = Protocol("70-15-15").split(np.array(list("aabbab")), splits=splits)
    assert train.tolist() == [0, 2, 4]
    assert test.tolist() == [5, 1]
    assert train.dtype.kind == test.dtype.kind == "i"
    # a part may be empty; song 3 is in none, and is not used
    splits["70-15-15"]["validation"] = []
    assert Protocol("70-15-15").split(Y, splits=splits)[0][0].tolist() == [0, 4]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"test": [0]}, "must have a part 'test' and others"),
        ({"train": [0], "validation": [1]}, "must have a part 'test' and others"),
        ({"train": [0, 1], "test": [1, 2]}, "has a song twice"),
        ({"train": [0, 0], "test": [1]}, "has a song twice"),
        ({"train": [0], "test": [12]}, "a position outside 0 to 11"),
        ({"train": [-1], "test": [1]}, "a position outside 0 to 11"),
        ({"train": [0, 1], "test": []}, "2 training and 0 test songs"),
        ({"train": [], "test": [1]}, "0 training and 1 test songs"),
        ({"train": [0.0], "test": [1]}, "part 'train' of the split 's' must hold positions"),
        ({"train": np.arange(12) < 6, "test": np.arange(12) > 5}, "must hold positions"),
    ],
)
def test_published_splits_that_do_not_fit(parts, message):
    with pytest.raises(ValueError, match=message):
        Protocol("s").split(Y, splits={"s": parts})


def test_a_split_that_is_not_published():
    with pytest.raises(ValueError, match=r"There is no protocol 'artists': choose one of stratified, grouped"):
        Protocol("artists").split(Y)
    with pytest.raises(ValueError, match="choose one of stratified, grouped, 70"):
        Protocol("artists").split(Y, splits={"70": {}})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_splits": 1}, "n_splits must be a whole number, at least 2, got 1"),
        ({"n_splits": 2.5}, "n_splits must be"),
        ({"n_splits": "10"}, "n_splits must be"),
        ({"threshold": "mean"}, "threshold must be a number or one of"),
        ({"threshold": np.nan}, "threshold must be"),
        ({"threshold": True}, "threshold must be"),
        ({"threshold": [0.5, 0.5]}, "threshold must be"),
        ({"fold_seed": None}, "fold_seed must be a whole number"),
        ({"fold_seed": -1}, "fold_seed must be a whole number"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**settings)


def test_groups_that_do_not_fit():
    grouped = Protocol("grouped", 3)
    with pytest.raises(ValueError, match="folds='grouped' needs groups"):
        grouped.split(Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        grouped.split(Y, ["x"])
    with pytest.raises(ValueError, match="n_splits=3"):
        grouped.split(Y, [0] * 6 + [1] * 6)
    for missing in (None, np.nan):
        with pytest.raises(ValueError, match=r"groups must hold one value a song, .* song 1 has (None|nan)"):
            grouped.split(Y, ["x", missing, *"abcdefghij"])


def test_ratings_that_do_not_fit():
    with pytest.raises(ValueError, match="give the protocol a threshold, such as 'median'"):
        Protocol().split(np.linspace(0, 1, 20))
    with pytest.raises(ValueError, match="y must be finite, but that of song 3 is nan"):
        Protocol(threshold="median").split([0.0, 1.0, 2.0, np.nan])
    # a training position would be another song's
    with pytest.raises(ValueError, match="that of song 3 is nan"):
        Protocol(threshold="median").labels([0.0, 1.0, 2.0, np.nan], [2, 3])
    with pytest.raises(ValueError, match=r"Ratings must have shape .* or \(n_songs, 2\)"):
        Protocol(threshold="median").labels(np.ones((4, 3)), [0])
    with pytest.raises(ValueError, match=r"Labels must have shape \(n_songs,\), got \(12, 2\)"):
        Protocol().split(np.column_stack([Y, Y]))


@pytest.mark.parametrize("odd", [1, True, None, np.nan, pd.NA])
@pytest.mark.parametrize("kind", [list, pd.Series, lambda v: np.array([*v, "x"], dtype=object)[:-1]])
def test_labels_of_mixed_types_name_the_song(odd, kind):
    with pytest.raises(ValueError, match="y must hold one value a song, all of one type, but song 2 has"):
        check_labels(kind(["a", "b", odd, "a"]))


def test_labels_become_arrays_of_one_plain_type():
    texts = ["a", "b", "a"]
    for y in (texts, pd.Series(texts), pd.Series(texts, dtype="category"), pd.Series(texts, dtype="string")):
        assert check_labels(y).tolist() == texts
        assert check_labels(y).dtype.kind == "U"
    for y in ([1, 2.5], pd.Series([1, 2.5], dtype=object), pd.Series([1.0, 2.5], dtype="Float64")):
        assert check_labels(y).dtype.kind == "f"
    assert check_labels(np.array([3, 4], dtype=object)).dtype.kind == "i"
    assert check_labels(pd.DataFrame({"valence": [0.1, 0.2], "arousal": [0.3, 0.4]})).shape == (2, 2)


@pytest.mark.parametrize("y", [[b"a", b"b"], [1j, 2j], np.array(["2020-01-01"], dtype="datetime64[D]")])
def test_types_that_are_no_labels(y):
    with pytest.raises(ValueError, match="y must hold text, whole numbers or ratings"):
        check_labels(y)


def test_described_for_reports():
    assert Protocol().describe() == "10 stratified folds (the paper's protocol)"
    assert Protocol("grouped", 5, 0.5).describe() == (
        "5 stratified folds, the songs of a group in one fold; ratings are split at 0.5"
    )
    assert Protocol("70-15-15", threshold="midpoint").describe() == (
        "the published split 70-15-15, trained on all parts but its test songs; "
        "ratings are split at the midpoint of the training songs"
    )


def test_plain_values():
    protocol = Protocol("grouped", np.int64(5), np.float32(0.5), np.int64(3))
    assert json.loads(json.dumps(protocol.to_dict())) == {
        "folds": "grouped", "n_splits": 5, "threshold": 0.5, "fold_seed": 3,
    }  # fmt: skip
    assert Protocol(**protocol.to_dict()) == protocol


def test_a_class_that_no_fold_could_train_and_test_is_named():
    y = ["calm"] * 6 + ["tense"]
    with pytest.raises(ValueError, match=r"class 'tense' has 1 of the songs.*add songs, or leave the class out"):
        Protocol(n_splits=2).split(y)
    # two songs, but of one artist
    with pytest.raises(ValueError, match="class 'tense' has 1 of the groups"):
        Protocol("grouped", n_splits=2).split([*y, "tense"], groups=["a", "a", "b", "b", "c", "c", "d", "d"])


def test_more_folds_than_a_class_has_songs():
    with pytest.raises(ValueError, match="n_splits=10 is more than the 6 songs of the largest class: lower it"):
        Protocol().split(["calm"] * 6 + ["tense"] * 3)
    with pytest.warns(UserWarning, match="class 'tense' has 3 songs for 5 folds: some folds do not test it") as told:
        Protocol(n_splits=5).split(["calm"] * 6 + ["tense"] * 3)
    assert len(told) == 1


def test_settings_are_chosen_on_the_validation_part_without_the_test_songs():
    splits = {"s": {"train": np.arange(6), "validation": np.arange(6, 9), "test": np.arange(9, 12)}}
    protocol = Protocol("s:validation")
    [(train, test)] = protocol.split(Y, splits=splits)
    assert train.tolist() == list(range(6))
    assert test.tolist() == [6, 7, 8]
    assert protocol.describe() == "the published split s, tested on its validation songs"
    with pytest.raises(ValueError, match="There is no protocol 's:validation'"):
        protocol.split(Y, splits={"s": {"train": np.arange(6), "test": np.arange(9, 12)}})
