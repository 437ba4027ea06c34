import pickle
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skmer import EmotionTagger, NoisyStudentTagger, SongSequence
from skmer.tagging.net import TagNet
from skmer.tagging.noisy_student import percentile_thresholds, pseudo_labels
from tests.tagging.tiny import CRNN, QUICK, planted_songs


class Oracle(ClassifierMixin, BaseEstimator):
    """A teacher that knows: the first two features are the tags; between -0.5 and 0.5 it is not confident."""

    def fit(self, X, y):
        self.classes_, self.seen_ = [np.array([0, 1])] * 2, []
        return self

    def predict_proba(self, X):
        self.seen_.append(np.array(X))
        first = np.asarray(X)[:, :2]
        return np.where(np.abs(first) < 0.5, 0.5, np.where(first > 0, 0.99, 0.01))


def draw(rng, n):
    X = rng.normal(size=(n, 8))
    return X, (X[:, :2] > 0).astype(int)


@pytest.fixture(scope="module")
def labelled():
    return draw(np.random.default_rng(0), 24)


@pytest.fixture(scope="module")
def unlabelled():
    return draw(np.random.default_rng(1), 100)[0]


def of_oracle(**params):
    return NoisyStudentTagger(
        Oracle(), thresholds="probability", negative_below=0.1, positive_above=0.9, **{**QUICK, **params}
    )


@pytest.fixture(scope="module")
def student(labelled, unlabelled):
    """A student of the default teacher."""
    return NoisyStudentTagger(**QUICK).fit(*labelled, unlabelled=unlabelled)


@pytest.fixture(scope="module")
def teacher(labelled):
    return EmotionTagger(**QUICK).fit(*labelled)


@pytest.fixture(scope="module")
def of_songs():
    """Songs, their tags, and a student of 20 labelled and 10 unlabelled ones."""
    X, y = planted_songs(np.random.default_rng(0), 30)
    return X, y, NoisyStudentTagger(max_epochs=2, **CRNN).fit(X[:20], y[:20], unlabelled=X[20:])


# ---- pseudo-labels -----------------------------------------------------------------------------------


def test_percentiles_of_absent_and_present_tags():
    y = np.array([[1, 0, 0], [1, 0, 0]])
    probabilities = np.array([[0.2, 0.1, 0.3], [0.6, 0.9, 0.5]])
    # absent: .1, .3, .5, .9; present: .2, .6
    assert percentile_thresholds(y, probabilities, 0, 100) == (0.1, 0.6)
    np.testing.assert_allclose(percentile_thresholds(y, probabilities, 50, 50), (0.4, 0.4))
    np.testing.assert_allclose(percentile_thresholds(y, probabilities, 5, 95), (0.1 + 0.15 * 0.2, 0.2 + 0.95 * 0.4))
    for value, kind in ((0, "absent"), (1, "present")):
        with pytest.raises(ValueError, match=f"thresholds='percentile' requires .* got only {kind} ones"):
            percentile_thresholds(np.full((3, 2), value), np.full((3, 2), 0.5))


@given(arrays(np.float64, (4, 3), elements=st.floats(0, 1)), st.floats(0, 1), st.floats(0, 1))
def test_pseudo_labels_are_confident_beyond_the_thresholds(probabilities, a, b):
    low, high = min(a, b), max(a, b)
    labels = pseudo_labels(probabilities, low, high)
    assert labels.dtype == np.int8
    np.testing.assert_array_equal(labels == 1, probabilities > high)
    np.testing.assert_array_equal(labels == 0, probabilities < low)
    assert ((labels == -1) == ((probabilities >= low) & (probabilities <= high))).all()


# ---- training ----------------------------------------------------------------------------------------


def test_unlabelled_songs_help_if_the_teacher_knows(rng, labelled):
    unlabelled, (X_test, y_test) = draw(rng, 300)[0], draw(rng, 200)
    alone = EmotionTagger(**{**QUICK, "max_epochs": 10}).fit(*labelled)
    student = of_oracle(max_epochs=10).fit(*labelled, unlabelled=unlabelled)
    assert student.score(X_test, y_test) > 0.97 > alone.score(X_test, y_test) + 0.05


def test_pseudo_labels_are_the_teachers_confident_predictions(of_songs):
    X, y, student = of_songs
    held = student.validation_songs_
    teacher, row = student.teacher_, student.iterations_[0]
    low, high = percentile_thresholds(y[held], teacher.predict_proba(X[held]), 5, 95)
    assert (row["negative_below"], row["positive_above"]) == (low, high)
    expected = pseudo_labels(teacher.predict_proba(X[20:]), low, high)
    np.testing.assert_array_equal(student.pseudo_tags_, expected)
    assert row["positive"] == np.mean(expected == 1)
    assert row["negative"] == np.mean(expected == 0)
    assert row["masked"] == np.mean(expected == -1)
    assert student.net_.module_.stochastic_trunk
    assert not teacher.net_.module_.stochastic_trunk


def test_excluded_entries_and_noise(labelled, unlabelled, monkeypatch):
    loaded, augmented = [], []
    load, augment = TagNet.load_rows, TagNet.augment

    def watched_load(net, bank, targets, weights=None):
        loaded.append((len(bank), np.array(targets), np.array(weights)))
        load(net, bank, targets, weights)

    def watched_augment(net, x):
        assert net.module_.training
        augmented.append((net.noise, len(x)))
        return augment(net, x)

    monkeypatch.setattr(TagNet, "load_rows", watched_load)
    monkeypatch.setattr(TagNet, "augment", watched_augment)
    student = of_oracle(noise=5.0).fit(*labelled, unlabelled=unlabelled)
    held = student.validation_songs_
    n_train = len(labelled[0]) - len(held)
    ((n, targets, weights),) = loaded
    assert n == n_train + 100
    assert weights[:n_train].all()
    np.testing.assert_array_equal(targets[:n_train], np.delete(labelled[1], held, 0))
    excluded = student.pseudo_tags_ == -1
    assert 0.2 < excluded.mean() < 0.6
    np.testing.assert_array_equal(weights[n_train:] == 0, excluded)
    np.testing.assert_array_equal(targets[n_train:], student.pseudo_tags_ == 1)
    assert augmented[0][0] == 5.0
    assert sum(n for _, n in augmented) == len(student.history_) * (n_train + 100)
    # the teacher sees songs as they are, and no training songs
    judged, pseudo = student.teacher_.seen_
    np.testing.assert_array_equal(judged, labelled[0][held])
    np.testing.assert_array_equal(pseudo, unlabelled)


def test_a_student_is_the_teacher_of_the_next(labelled, unlabelled, student):
    third = NoisyStudentTagger(n_iterations=3, **QUICK).fit(*labelled, unlabelled=unlabelled)
    rows = third.iterations_
    assert len(rows) == 3
    for before, after in pairwise(rows):
        assert after["teacher_roc_auc"] == pytest.approx(before["valid_roc_auc"])
    assert student.iterations_ == rows[:1]
    assert student.teacher_.get_params() == third.teacher_.get_params()


# ---- teachers ---------------------------------------------------------------------------------------


def test_the_default_teacher_is_the_student_without_its_noise(student):
    teacher = student.teacher_
    assert type(teacher) is EmotionTagger
    assert (teacher.noise, teacher.mask_range, teacher.max_epochs, teacher.callbacks) == (0.0, None, 4, None)
    assert NoisyStudentTagger()._default_teacher(0).mask_range == (20, 60)
    assert teacher.validation_songs_ is None


def test_a_fitted_teacher_is_used_as_it_is(labelled, unlabelled, teacher):
    before = teacher.predict_proba(unlabelled)
    student = NoisyStudentTagger(teacher, **QUICK).fit(*labelled, unlabelled=unlabelled)
    assert student.teacher_ is teacher
    np.testing.assert_array_equal(teacher.predict_proba(unlabelled), before)
    # a clone's teacher is not fitted, unless it is frozen
    assert clone(student).fit(*labelled, unlabelled=unlabelled).teacher_ is not teacher
    frozen = clone(NoisyStudentTagger(FrozenEstimator(teacher), **QUICK)).fit(*labelled, unlabelled=unlabelled)
    np.testing.assert_array_equal(frozen.teacher_.predict_proba(unlabelled), before)
    np.testing.assert_array_equal(frozen.pseudo_tags_, student.pseudo_tags_)


def test_an_unfitted_teacher_is_cloned(labelled, unlabelled):
    teacher = EmotionTagger(**{**QUICK, "random_state": None})
    found = [NoisyStudentTagger(teacher, **QUICK).fit(*labelled, unlabelled=unlabelled) for _ in range(2)]
    assert not hasattr(teacher, "net_")
    assert teacher.random_state is None
    # the student's random_state determines the teacher, too
    np.testing.assert_array_equal(*[student.teacher_.predict_proba(unlabelled) for student in found])
    again = pickle.loads(pickle.dumps(found[0]))
    for student in (found[1], again):
        np.testing.assert_array_equal(student.decision_function(unlabelled), found[0].decision_function(unlabelled))


@pytest.mark.parametrize(
    "teacher",
    [
        OneVsRestClassifier(LogisticRegression()),
        RandomForestClassifier(n_estimators=10, random_state=0),
        Pipeline([("scale", StandardScaler()), ("tagger", EmotionTagger(**QUICK))]),
    ],
    ids=["one-vs-rest", "forest", "pipeline"],
)
def test_teachers_of_any_kind(teacher, labelled, unlabelled):
    student = NoisyStudentTagger(teacher, **QUICK).fit(*labelled, unlabelled=unlabelled)
    check_is_fitted(student.teacher_)
    confident = student.pseudo_tags_ >= 0
    assert confident.any()
    assert (student.pseudo_tags_ == (unlabelled[:, :2] > 0))[confident].mean() > 0.8


def test_teachers_of_one_tag(labelled, unlabelled):
    X, y = labelled
    student = NoisyStudentTagger(LogisticRegression(), **QUICK).fit(X, y[:, :1], unlabelled=unlabelled)
    assert student.pseudo_tags_.shape == (100, 1)
    confident = student.pseudo_tags_ >= 0
    assert (student.pseudo_tags_ == (unlabelled[:, :1] > 0))[confident].mean() > 0.9
    # a forest without positive songs is confident that the tag is absent
    forest = RandomForestClassifier(5).fit(X, np.zeros(24, int))
    student = of_oracle().set_params(teacher=forest)
    assert (student.fit(X, y[:, :1], unlabelled=unlabelled).pseudo_tags_ == 0).all()


def test_teachers_of_other_tags(labelled, unlabelled, teacher):
    X, y = labelled
    for of_two in (teacher, RandomForestClassifier(5).fit(X, y), OneVsRestClassifier(LogisticRegression()).fit(X, y)):
        with pytest.raises(ValueError, match="teacher predicts 2 tags, but y has 1: it must be fitted on the tags"):
            NoisyStudentTagger(of_two, **QUICK).fit(X, y[:, :1], unlabelled=unlabelled)
    named, turned = pd.DataFrame(y, columns=["calm", "dark"]), pd.DataFrame(y, columns=["dark", "calm"])
    of_names = EmotionTagger(**QUICK).fit(X, named)
    for given_teacher in (of_names, FrozenEstimator(Pipeline([("tagger", of_names)]))):
        with pytest.raises(ValueError, match="The tags of y are dark, calm, but those of teacher are calm, dark"):
            NoisyStudentTagger(given_teacher, **QUICK).fit(X, turned, unlabelled=unlabelled)
    # numbers are no names
    assert NoisyStudentTagger(of_names, **QUICK).fit(X, y, unlabelled=unlabelled).n_tags_ == 2
    for tagger in (EmotionTagger(**QUICK), NoisyStudentTagger(**QUICK)):
        with pytest.raises(ValueError, match="same order"):
            tagger.fit(X, named, X_val=X, y_val=turned)


def test_tables_keep_their_names_and_warnings_come_once(labelled, unlabelled):
    X = pd.DataFrame(labelled[0], columns=list("abcdefgh"), index=range(7, 31))
    others = pd.DataFrame(unlabelled, columns=X.columns)
    y = pd.DataFrame(labelled[1], columns=["calm", "dark"]).assign(epic=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        student = NoisyStudentTagger(n_iterations=2, **QUICK).fit(X, y, unlabelled=others)
    assert sorted(str(warning.message) for warning in caught) == [
        "Tags without training songs, which cannot be learnt: epic.",
        "Tags without validation songs, which predict assigns to no song: epic.",
    ]
    assert student.teacher_.tags_.tolist() == student.tags_.tolist() == ["calm", "dark", "epic"]
    assert student.teacher_.feature_names_in_.tolist() == list("abcdefgh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forest = RandomForestClassifier(5, random_state=0)
        student = NoisyStudentTagger(forest, **QUICK).fit(X, y[["calm", "dark"]], unlabelled=others)
        assert student.teacher_.feature_names_in_.tolist() == list("abcdefgh")
        # one that was fitted to an array gets arrays
        nameless = FrozenEstimator(clone(forest).fit(*labelled))
        halves = {"thresholds": "probability", "negative_below": 0.5, "positive_above": 0.5}
        NoisyStudentTagger(nameless, **halves, **QUICK).fit(X, y[["calm", "dark"]], unlabelled=others)
    with pytest.warns(UserWarning, match="Tags without training songs, which cannot be learnt: epic") as caught:
        NoisyStudentTagger(clone(forest), **QUICK).fit(X, y, unlabelled=others)
    assert len(caught) == 2


# ---- validation songs, and edges ---------------------------------------------------------------------


def test_given_validation_songs_judge_teacher_and_student(labelled, unlabelled, rng):
    X_val, y_val = draw(rng, 30)
    student = of_oracle().fit(*labelled, X_val=X_val, y_val=y_val, unlabelled=unlabelled)
    assert student.validation_songs_ is None
    np.testing.assert_array_equal(student.teacher_.seen_[0], X_val)


def test_stochastic_depth_is_for_the_crnn_alone():
    assert NoisyStudentTagger(**QUICK)._network_params() == {}
    assert NoisyStudentTagger(stochastic=0.3)._network_params() == {"stochastic": 0.3}
    crnn = NoisyStudentTagger(backbone_params={"width": 8, "stochastic": 0.5})
    assert crnn._network_params() == {"stochastic": 0.5, "width": 8}


def test_a_student_of_labelled_songs_alone(labelled, unlabelled):
    for nothing in (None, np.empty((0, 8))):
        with pytest.warns(UserWarning, match="no unlabelled songs") as caught:
            student = of_oracle().fit(*labelled, unlabelled=nothing)
        assert caught[0].filename == __file__
        assert student.pseudo_tags_.shape == (0, 2)
        assert np.isnan(student.iterations_[0]["masked"])
    doubtful = of_oracle().set_params(negative_below=0, positive_above=1)
    with pytest.warns(UserWarning, match="no confident predictions") as caught:
        doubtful.fit(*labelled, unlabelled=unlabelled)
    assert caught[0].filename == __file__
    assert (doubtful.pseudo_tags_ == -1).all()


@pytest.mark.parametrize(
    ("params", "convert", "message"),
    [
        ({"thresholds": "probability"}, None, "positive_above=95 and negative_below=5 must be probabilities"),
        ({"positive_above": 0, "negative_below": 100}, None, "The teacher's thresholds overlap"),
        ({"teacher": StandardScaler()}, None, "The 'teacher' parameter"),
        ({"teacher": FrozenEstimator(EmotionTagger())}, None, "not fitted"),
        ({"teacher": LogisticRegression()}, None, "teacher is a LogisticRegression, which takes one label per song"),
        ({"stochastic": 1.0}, None, "The 'stochastic' parameter"),
        ({}, iter, "unlabelled must hold songs as X does .*, got iterator"),
        ({}, lambda X: 5, "unlabelled must hold songs as X does .*, got int"),
        ({}, lambda X: {"a": X}, "unlabelled must hold songs as X does .*, got dict"),
        ({}, csr_array, "Invalid unlabelled: Sparse data"),
        ({}, lambda X: X[:, :3], "Invalid unlabelled: X has 3 features"),
        ({}, lambda X: np.where(X > 2, np.nan, X), "nlabelled"),
        ({}, lambda X: ["a.wav"], "nlabelled"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_invalid_parameters_and_songs(labelled, unlabelled, params, convert, message):
    given_songs = unlabelled if convert is None else convert(unlabelled)
    with pytest.raises(ValueError, match=message):
        NoisyStudentTagger(**{**QUICK, **params}).fit(*labelled, unlabelled=given_songs)


def test_unlabelled_songs_of_another_shape(of_songs, rng):
    X, y, _ = of_songs
    others = SongSequence([rng.normal(size=(8, 316))], window=(8, 8))
    with pytest.raises(ValueError, match="Invalid unlabelled: X has segments of shape"):
        NoisyStudentTagger(max_epochs=1, **CRNN).fit(X[:12], y[:12], unlabelled=others)


def test_no_teacher_is_trained_in_vain(labelled, unlabelled):
    X, y = labelled

    class Untouchable(Oracle):
        def fit(self, X, y):
            raise AssertionError("trained in vain")

        def __sklearn_is_fitted__(self):
            return False

    for teacher in (Oracle().fit(X, y), Untouchable()):
        with pytest.raises(ValueError, match="No tag has both positive and negative validation songs"):
            NoisyStudentTagger(teacher, **QUICK).fit(X, y, X_val=X, y_val=0 * y, unlabelled=unlabelled)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_later_iteration_that_fails_leaves_nothing_fitted(labelled, unlabelled, error, monkeypatch):
    student = of_oracle(n_iterations=2, max_epochs=1)
    train, calls = NoisyStudentTagger._train, []

    def failing(self, *args):
        calls.append(self)
        if len(calls) == 2:
            assert hasattr(self, "net_")
            raise error("enough")
        train(self, *args)

    monkeypatch.setattr(NoisyStudentTagger, "_train", failing)
    with pytest.raises(error, match="enough"):
        student.fit(*labelled, unlabelled=unlabelled)
    assert len(calls) == 2
    assert not [name for name in vars(student) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        student.predict(unlabelled)


# ---- metadata routing -----------------------------------------------------------------------------------


@pytest.fixture
def routed():
    steps = [("scale", StandardScaler()), ("tagger", of_oracle(max_epochs=1))]
    with sklearn.config_context(enable_metadata_routing=True):
        yield Pipeline(steps, transform_input=["unlabelled"])


def test_a_routed_pipeline(labelled, unlabelled, routed):
    X, y = labelled
    pipeline = routed.fit(X, y, unlabelled=unlabelled)
    np.testing.assert_array_equal(pipeline[-1].teacher_.seen_[-1], pipeline[0].transform(unlabelled))
    assert pipeline.score(X, y) == pipeline[-1].score(pipeline[0].transform(X), y)
    weights = np.arange(len(X)) % 3
    pipeline[-1].set_score_request(sample_weight=True)
    expected = roc_auc_score(y, pipeline.decision_function(X), sample_weight=weights)
    assert pipeline.score(X, y, sample_weight=weights) == pytest.approx(expected, abs=1e-12)
    assert expected != pipeline.score(X, y)


def test_routed_pipelines_are_cross_validated_and_searched(labelled, unlabelled, routed):
    X, y = labelled
    # scikit-learn splits metadata of X's length like X; the notes say how to avoid it
    for n, learnt in ((100, 100), (24, 12), (23, 23)):
        params = {"unlabelled": unlabelled[:n]}
        found = cross_validate(routed, X, y, cv=KFold(2), params=params, error_score="raise", return_estimator=True)
        assert [len(fitted[-1].pseudo_tags_) for fitted in found["estimator"]] == [learnt, learnt]
    search = GridSearchCV(routed, {"tagger__noise": [0.0, 0.1]}, cv=KFold(2), error_score="raise")
    search.fit(X, y, unlabelled=unlabelled)
    assert len(search.best_estimator_[-1].pseudo_tags_) == 100
    assert search.score(X, y) == search.best_estimator_.score(X, y)
