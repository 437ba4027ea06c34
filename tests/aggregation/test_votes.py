from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from skmer import SongSequence
from skmer.aggregation import LongestRun, MajorityVote

VOTES = [MajorityVote(), LongestRun()]
both = pytest.mark.parametrize("vote", VOTES, ids=["majority", "longest run"])
CLASSES = ["calm", "happy", "tense"]
# a segment that is for each class by far, or hardly
SURE = dict(zip("CHT", np.eye(3) * 0.8 + 0.1 * (1 - np.eye(3)), strict=True))
HARDLY = dict(zip("cht", np.eye(3) * 0.04 + 0.32, strict=True))
SEGMENT = SURE | HARDLY | {"=": np.full(3, 1 / 3)}


def song(letters):
    return np.array([SEGMENT[letter] for letter in letters])


def fitted(vote):
    return clone(vote).fit([song("C")] * 3, CLASSES)


def predict(vote, *songs):
    return fitted(vote).predict([song(letters) for letters in songs]).tolist()


def test_a_planted_run_decides_against_the_majority():
    # calm has six segments, never two in a row; happy three together
    planted = "CTCTCHHHCTCTC"
    assert predict(MajorityVote(), planted) == ["calm"]
    assert predict(LongestRun(), planted) == ["happy"]
    shares = fitted(LongestRun()).decision_function([song(planted)])
    np.testing.assert_allclose(shares, [[1 / 13, 3 / 13, 1 / 13]])
    np.testing.assert_allclose(fitted(MajorityVote()).predict_proba([song(planted)]), [[6 / 13, 3 / 13, 4 / 13]])


def test_sureness_does_not_count_where_numbers_decide():
    assert predict(MajorityVote(), "CChhh") == ["happy"]
    assert predict(LongestRun(), "CChhh") == ["happy"]


def test_ties_of_the_majority_go_to_the_mean_then_to_the_first_class():
    assert predict(MajorityVote(), "cT", "Ct", "TC", "TTHH", "tHhT") == ["tense", "calm", "calm", "happy", "happy"]


def test_ties_of_runs_go_to_the_number_then_to_the_mean_then_to_the_first_class():
    assert predict(LongestRun(), "CCTTHT") == ["tense"]  # three of it in all
    assert predict(LongestRun(), "CCTTHt") == ["tense"]
    assert predict(LongestRun(), "ccTT", "CCtt") == ["tense", "calm"]
    assert predict(LongestRun(), "TTHH") == ["happy"]


@both
def test_a_segment_between_classes_is_for_the_first(vote):
    assert predict(vote, "=", "==T") == ["calm", "calm"]
    assert predict(vote, "=TT") == ["tense"]


@both
def test_a_song_of_one_segment(vote):
    assert predict(vote, "T", "h") == ["tense", "happy"]


def test_a_run_ends_with_the_song():
    songs = [song("CHHT"), song("TTHH"), song("HCC")]
    np.testing.assert_allclose(
        fitted(LongestRun()).decision_function(songs) * [[4], [4], [3]], [[1, 2, 1], [0, 2, 2], [2, 1, 0]]
    )


@both
def test_plain_rows_are_songs_of_one_segment(vote, rng):
    rows = rng.dirichlet(np.ones(3), 20)
    y = np.resize(CLASSES, 20)
    expected = np.array(CLASSES)[rows.argmax(axis=1)]
    assert clone(vote).fit(rows, y).predict(rows).tolist() == expected.tolist()
    assert clone(vote).fit(rows[:, None], y).predict(list(rows[:, None])).tolist() == expected.tolist()


def by_loop(song):
    """Segments, longest run and mean of each class, as one would write it for one song."""
    winners = song.argmax(axis=1).tolist()
    runs = [(winner, len(list(group))) for winner, group in groupby(winners)]
    longest = [max((length for winner, length in runs if winner == k), default=0) for k in range(song.shape[1])]
    return np.array([winners.count(k) for k in range(song.shape[1])]), np.array(longest), song.mean(axis=0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_equals_a_loop_song_by_song(lengths, n_classes, seed):
    songs = [np.random.default_rng([seed, i]).dirichlet(np.ones(n_classes), n) for i, n in enumerate(lengths)]
    y = np.arange(n_classes)
    some = [np.eye(n_classes)] * n_classes
    majority, run = MajorityVote().fit(some, y), LongestRun().fit(some, y)
    counts, longest, means = (np.array(values) for values in zip(*map(by_loop, songs), strict=True))
    np.testing.assert_allclose(majority.predict_proba(songs), counts / np.array(lengths)[:, None])
    shares = longest / np.array(lengths)[:, None]
    np.testing.assert_allclose(
        run.decision_function(songs), shares[:, 1] - shares[:, 0] if n_classes == 2 else shares, atol=1e-15
    )
    for i in range(len(songs)):
        assert majority.predict(songs)[i] == max(y, key=lambda k: (counts[i, k], means[i, k], -k))
        assert run.predict(songs)[i] == max(y, key=lambda k: (longest[i, k], counts[i, k], means[i, k], -k))


@settings(max_examples=30, deadline=None)
@given(st.data(), st.integers(1, 10))
def test_the_order_of_segments_never_changes_the_majority(data, n):
    # few values, whose sums depend on the order in the last digit, so that ties abound
    values = data.draw(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.7]), min_size=3 * n, max_size=3 * n))
    segments = np.reshape(values, (n, 3))
    permuted = segments[data.draw(st.permutations(range(n)))]
    vote = fitted(MajorityVote())
    assert vote.predict([segments]) == vote.predict([permuted])
    assert vote.predict_proba([segments]).tolist() == vote.predict_proba([permuted]).tolist()


@both
@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    order=st.permutations(range(4)),
    seed=st.integers(0, 2**32 - 1),
)
def test_relabelling_commutes_and_so_does_playing_backwards(vote, lengths, order, seed):
    songs = [np.random.default_rng([seed, i]).dirichlet(np.ones(4), n) for i, n in enumerate(lengths)]
    y, some = np.array(["a", "b", "c", "d"]), [np.eye(4)] * 4
    # column k of the old is column order[k] of the new
    relabelled = [segments[:, np.argsort(order)] for segments in songs]
    old = clone(vote).fit(some, y).predict(songs)
    assert clone(vote).fit(some, y).predict(relabelled).tolist() == [y[order[list(y).index(o)]] for o in old]
    assert clone(vote).fit(some, y).predict([segments[::-1] for segments in songs]).tolist() == old.tolist()
    # other names in the same order
    assert clone(vote).fit(some, [10, 20, 30, 40]).predict(songs).tolist() == [10 * (1 + list(y).index(o)) for o in old]


class Probabilities(ClassifierMixin, TransformerMixin, BaseEstimator):
    """In place of a network: segments are its probabilities already."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def transform(self, X):
        return SongSequence(list(X), names=[str(label) for label in self.classes_])


@both
def test_behind_a_classifier_of_segments(vote):
    X, y = [song(letters * 3) for letters in ("CHC", "HTH", "TCT", "CTC", "HCH", "THT")], CLASSES * 2
    pipe = make_pipeline(Probabilities(), clone(vote)).fit(X, y)
    assert pipe.classes_.tolist() == CLASSES
    assert pipe.predict(X).tolist() == y
    assert cross_val_predict(pipe, SongSequence(X), y, cv=2).tolist() == y


@both
def test_scikit_learn_scores_it(vote):
    y = np.array(["high", "low"] * 10)
    songs = [np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6]])[:, :: 1 if label == "high" else -1] for label in y]
    assert cross_val_score(clone(vote), songs, y, cv=2, scoring="roc_auc").tolist() == [1.0, 1.0]
    assert clone(vote).fit(songs, y).score(songs, y) == 1.0


@both
def test_columns_that_are_not_the_labels_are_refused(vote):
    songs = [song("CH"), song("T"), song("CC")]
    with pytest.raises(ValueError, match="X has 3 columns but y has 2 labels, 'calm', 'happy'"):
        clone(vote).fit(songs, ["calm", "happy", "calm"])
    with pytest.raises(ValueError, match="are named 'calm', 'tense', 'happy', but the labels of y in sorted order"):
        clone(vote).fit(SongSequence(songs, names=["calm", "tense", "happy"]), CLASSES)
    named = clone(vote).fit(SongSequence(songs, names=CLASSES), CLASSES)
    with pytest.raises(ValueError, match="rename and reorder the columns"):
        named.predict(SongSequence(songs, names=["Q1", "Q2", "Q3"]))
    assert len(named.predict(songs)) == 3
    assert clone(vote).fit(SongSequence(songs, names=["1", "2", "3"]), [3, 2, 1]).classes_.tolist() == [1, 2, 3]


@both
def test_columns_of_a_data_frame_are_names_too(vote):
    pandas = pytest.importorskip("pandas")
    rows = pandas.DataFrame(np.eye(3), columns=CLASSES)
    assert clone(vote).fit(rows, CLASSES).predict(rows).tolist() == CLASSES
    with pytest.raises(ValueError, match="are named 'tense', 'happy', 'calm'"):
        clone(vote).fit(rows[CLASSES[::-1]], CLASSES)


@both
def test_refusals(vote):
    songs = [song("CH"), song("T"), song("CC")]
    with pytest.raises(ValueError, match=r"put a classifier such as SSSLClassifier before it"):
        clone(vote).fit([np.zeros((2, 4, 5))] * 3, CLASSES)
    with pytest.raises(ValueError, match="X has 3 songs but y has 2 labels"):
        clone(vote).fit(songs, ["calm", "happy"])
    with pytest.raises(ValueError, match="one class only, 'calm'"):
        clone(vote).fit(songs, ["calm"] * 3)
    with pytest.raises(ValueError, match="no label for song 1"):
        clone(vote).fit(songs, np.array(["calm", None, "tense"], dtype=object))
    with pytest.raises(ValueError, match="target y is None"):
        clone(vote).fit(songs, None)
    broken = [song("CH"), np.array([[0.5, np.nan, 0.5]])]
    with pytest.raises(ValueError, match="Song 1 has NaN"):
        fitted(vote).predict(broken)
    for nothing in ([], (), np.empty((0, 3)), SongSequence(songs)[:0]):
        with pytest.raises(ValueError, match="X holds no song: at least one is needed"):
            fitted(vote).predict(nothing)
        with pytest.raises(ValueError, match="X holds no song"):
            clone(vote).fit(nothing, [])
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3"):
        fitted(vote).predict([np.zeros((2, 2))])


@both
def test_a_fit_that_fails_leaves_no_old_labels(vote):
    vote = fitted(vote)
    with pytest.raises(ValueError, match="columns but y has"):
        vote.fit([np.eye(2)] * 3, CLASSES)
    assert not hasattr(vote, "classes_")


# these fit on any number of features with any number of labels, which are not probabilities of those labels
NEED_OTHER_FEATURES = [
    "check_estimators_overwrite_params", "check_estimators_fit_returns_self", "check_readonly_memmap_input",
    "check_n_features_in_after_fitting", "check_positive_only_tag_during_fit", "check_estimators_dtypes",
    "check_dtype_object", "check_pipeline_consistency", "check_estimators_nan_inf", "check_estimators_pickle",
    "check_classifiers_classes", "check_classifiers_train", "check_fit2d_1feature",
]  # fmt: skip


@both
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_where_columns_are_classes(vote):
    expected = dict.fromkeys(NEED_OTHER_FEATURES, "its columns are not the labels")
    results = check_estimator(clone(vote), expected_failed_checks=expected)
    assert sum(result["status"] == "passed" for result in results) >= 38
