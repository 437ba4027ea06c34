import pickle
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
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
from skmer.tagging._pseudo_tags import confident_tags, percentile_thresholds
from skmer.tagging._teachers import default_teacher
from skmer.tagging.net import TagNet
from tests.tagging.test_tagger import planted_songs

QUICK = {"backbone": "mlp", "mask_range": None, "max_epochs": 4, "random_state": 0}
CRNN = {"backbone_params": {"width": 4, "n_hidden": 8}, "mask_range": (2, 6), "lr": 1e-2, "random_state": 0}


class Oracle(ClassifierMixin, BaseEstimator):
    """A teacher that knows: the first two features are the tags; between -0.5 and 0.5 it is not sure."""

    def fit(self, X, y):
        self.classes_, self.heard_ = [np.array([0, 1])] * 2, []
        return self

    def predict_proba(self, X):
        self.heard_.append(np.array(X))
        first = np.asarray(X)[:, :2]
        return np.where(np.abs(first) < 0.5, 0.5, np.where(first > 0, 0.99, 0.01))


def draw(rng, n):
    X = rng.normal(size=(n, 8))
    return X, (X[:, :2] > 0).astype(int)


@pytest.fixture
def labelled(rng):
    return draw(rng, 24)


@pytest.fixture
def unlabelled(rng):
    return draw(rng, 300)[0]


def sure_of_an_oracle(**params):
    return NoisyStudentTagger(
        Oracle(), thresholds="probability", negative_below=0.1, positive_above=0.9, **{**QUICK, **params}
    )


# ---- what it learns ---------------------------------------------------------------------------------


def test_songs_without_tags_help_by_a_teacher_that_knows(rng, labelled, unlabelled):
    X_test, y_test = draw(rng, 200)
    alone = EmotionTagger(**{**QUICK, "max_epochs": 10}).fit(*labelled)
    student = sure_of_an_oracle(max_epochs=10).fit(*labelled, unlabelled=unlabelled)
    assert student.score(X_test, y_test) > 0.97 > alone.score(X_test, y_test) + 0.05


def test_a_planted_band_and_pitch_class_are_learnt_from_chunks(rng):
    X, y = planted_songs(rng, 120)
    student = NoisyStudentTagger(max_epochs=20, patience=20, **CRNN).fit(X[:40], y[:40], unlabelled=X[40:80])
    assert student.score(X[80:], y[80:]) > 0.85
    assert student.pseudo_tags_.shape == (40, 2)
    sure = student.pseudo_tags_ >= 0
    assert (student.pseudo_tags_ == y[40:80])[sure].mean() > 0.9
    assert student.net_.module_.stochastic_trunk
    assert not student.teacher_.net_.module_.stochastic_trunk


def test_pseudo_tags_are_what_the_teacher_is_sure_of_on_songs_as_they_are(rng):
    X, y = planted_songs(rng, 60)
    student = NoisyStudentTagger(max_epochs=2, **CRNN).fit(X[:40], y[:40], unlabelled=X[40:])
    held = student.validation_songs_
    teacher, row = student.teacher_, student.iterations_[0]
    low, high = percentile_thresholds(y[held], teacher.predict_proba(X[held]), 5, 95)
    assert (row["negative_below"], row["positive_above"]) == (low, high)
    expected = confident_tags(teacher.predict_proba(X[40:]), low, high)
    np.testing.assert_array_equal(student.pseudo_tags_, expected)
    assert row["positive"] == np.mean(expected == 1)
    assert row["negative"] == np.mean(expected == 0)
    assert row["masked"] == np.mean(expected == -1)


def test_the_teacher_hears_no_noise_and_never_the_songs_to_learn_from(labelled, unlabelled):
    student = sure_of_an_oracle(noise=5.0).fit(*labelled, unlabelled=unlabelled)
    judged, pseudo = student.teacher_.heard_
    np.testing.assert_array_equal(judged, labelled[0][student.validation_songs_])
    np.testing.assert_array_equal(pseudo, unlabelled)


def test_masked_entries_have_no_gradient_and_all_others_have(labelled, unlabelled, monkeypatch):
    seen = {}
    load = TagNet.load_rows

    def watched(net, bank, targets, weights=None):
        load(net, bank, targets, weights)
        if weights is None:
            return
        kept = []

        def keep(_module, _inputs, logits):
            logits.retain_grad()
            kept.append(logits)

        hook = net.module_.register_forward_hook(keep)
        net.batch_loss(torch.arange(len(bank))).backward()
        hook.remove()
        seen.update(gradient=kept[0].grad.numpy(), weights=np.array(weights), song=bank.song)

    monkeypatch.setattr(TagNet, "load_rows", watched)
    student = sure_of_an_oracle().fit(*labelled, unlabelled=unlabelled)
    masked = student.pseudo_tags_ == -1
    assert 0.2 < masked.mean() < 0.6
    n_labelled = len(labelled[0]) - len(student.validation_songs_)
    assert len(seen["gradient"]) == n_labelled + len(unlabelled)
    np.testing.assert_array_equal(seen["gradient"][n_labelled:] == 0, masked)
    assert (seen["gradient"][:n_labelled] != 0).all()


def test_the_student_trains_on_all_songs_with_noise(labelled, unlabelled, monkeypatch):
    rows = []
    augment = TagNet.augment

    def counted(net, x):
        assert net.module_.training
        rows.append((net.noise, len(x)))
        return augment(net, x)

    monkeypatch.setattr(TagNet, "augment", counted)
    student = NoisyStudentTagger(**{**QUICK, "noise": 0.25}).fit(*labelled, unlabelled=unlabelled)
    n_labelled = len(labelled[0]) - len(student.validation_songs_)
    epochs = [len(student.teacher_.history_), len(student.history_)]
    assert sum(n for noise, n in rows if noise == 0) == epochs[0] * n_labelled
    assert sum(n for noise, n in rows if noise == 0.25) == epochs[1] * (n_labelled + len(unlabelled))


# ---- teachers ---------------------------------------------------------------------------------------


def test_the_default_teacher_is_the_student_without_its_noise(labelled, unlabelled):
    student = NoisyStudentTagger(**QUICK, noise=0.3, callbacks=[]).fit(*labelled, unlabelled=unlabelled)
    teacher = student.teacher_
    assert type(teacher) is EmotionTagger
    assert (teacher.noise, teacher.mask_range, teacher.max_epochs) == (0.0, None, 4)
    assert default_teacher(NoisyStudentTagger(), 0).mask_range == (20, 60)
    assert teacher.validation_songs_ is None
    assert [row["epoch"] for row in teacher.history_][-1] <= 4


def test_a_fitted_teacher_is_used_as_it_is(labelled, unlabelled):
    teacher = EmotionTagger(**QUICK).fit(*labelled)
    before = teacher.predict_proba(unlabelled)
    student = NoisyStudentTagger(teacher, **QUICK).fit(*labelled, unlabelled=unlabelled)
    assert student.teacher_ is teacher
    np.testing.assert_array_equal(teacher.predict_proba(unlabelled), before)
    # a clone's teacher is not fitted, unless it is frozen
    assert clone(student).fit(*labelled, unlabelled=unlabelled).teacher_ is not teacher
    frozen = clone(NoisyStudentTagger(FrozenEstimator(teacher), **QUICK)).fit(*labelled, unlabelled=unlabelled)
    np.testing.assert_array_equal(frozen.teacher_.predict_proba(unlabelled), before)
    np.testing.assert_array_equal(frozen.pseudo_tags_, student.pseudo_tags_)


def test_a_teacher_that_is_not_fitted_is_left_so(labelled, unlabelled):
    teacher = EmotionTagger(**{**QUICK, "random_state": None})
    found = [NoisyStudentTagger(teacher, **QUICK).fit(*labelled, unlabelled=unlabelled) for _ in range(2)]
    assert not hasattr(teacher, "net_")
    assert teacher.random_state is None
    # the student's random_state decides the teacher, too
    np.testing.assert_array_equal(*[student.teacher_.predict_proba(unlabelled) for student in found])


@pytest.mark.parametrize(
    "teacher",
    [
        OneVsRestClassifier(LogisticRegression()),
        RandomForestClassifier(n_estimators=20, random_state=0),
        Pipeline([("scale", StandardScaler()), ("tagger", EmotionTagger(**QUICK))]),
    ],
    ids=["one-vs-rest", "forest", "pipeline"],
)
def test_any_tagger_may_teach(teacher, labelled, unlabelled):
    student = NoisyStudentTagger(teacher, **QUICK).fit(*labelled, unlabelled=unlabelled)
    check_is_fitted(student.teacher_)
    sure = student.pseudo_tags_ >= 0
    assert sure.any()
    assert (student.pseudo_tags_ == (unlabelled[:, :2] > 0))[sure].mean() > 0.8


def test_a_student_teaches_the_next(labelled, unlabelled):
    student = NoisyStudentTagger(n_iterations=3, **QUICK).fit(*labelled, unlabelled=unlabelled)
    rows = student.iterations_
    assert len(rows) == 3
    for before, after in pairwise(rows):
        assert after["teacher_roc_auc"] == pytest.approx(before["valid_roc_auc"])
    first = NoisyStudentTagger(**QUICK).fit(*labelled, unlabelled=unlabelled)
    assert first.iterations_ == rows[:1]
    assert student.teacher_.get_params() == first.teacher_.get_params()


# ---- contracts ----------------------------------------------------------------------------------------


def test_random_state_decides_and_pickles_keep(labelled, unlabelled):
    a, b = (NoisyStudentTagger(**QUICK).fit(*labelled, unlabelled=unlabelled) for _ in range(2))
    np.testing.assert_array_equal(a.decision_function(unlabelled), b.decision_function(unlabelled))
    again = pickle.loads(pickle.dumps(a))
    np.testing.assert_array_equal(a.decision_function(unlabelled), again.decision_function(unlabelled))


def test_songs_without_tags_pass_the_steps_of_a_pipeline(labelled, unlabelled):
    with sklearn.config_context(enable_metadata_routing=True):
        steps = [("scale", StandardScaler()), ("tagger", sure_of_an_oracle())]
        pipeline = Pipeline(steps, transform_input=["unlabelled"]).fit(*labelled, unlabelled=unlabelled)
    expected = pipeline[0].transform(unlabelled)
    np.testing.assert_array_equal(pipeline[-1].teacher_.heard_[-1], expected)


def test_given_validation_songs_judge_teacher_and_student(labelled, unlabelled, rng):
    X_val, y_val = draw(rng, 30)
    student = sure_of_an_oracle().fit(*labelled, X_val=X_val, y_val=y_val, unlabelled=unlabelled)
    assert student.validation_songs_ is None
    np.testing.assert_array_equal(student.teacher_.heard_[0], X_val)


def test_other_backbones_get_no_stochastic_depth(labelled, unlabelled):
    student = NoisyStudentTagger(**QUICK)
    assert student._network_params() == {}
    crnn = NoisyStudentTagger(backbone_params={"width": 8, "stochastic": 0.5})
    assert crnn._network_params() == {"stochastic": 0.5, "width": 8}
    assert NoisyStudentTagger(stochastic=0.3)._network_params() == {"stochastic": 0.3}


def test_without_songs_that_have_no_tags_it_says_so(labelled):
    for nothing in (None, np.empty((0, 8))):
        with pytest.warns(UserWarning, match="no songs without tags"):
            student = NoisyStudentTagger(**QUICK).fit(*labelled, unlabelled=nothing)
        assert student.pseudo_tags_.shape == (0, 2)
        assert np.isnan(student.iterations_[0]["masked"])


def test_a_teacher_that_is_sure_of_nothing_is_told(labelled, unlabelled):
    student = NoisyStudentTagger(Oracle(), thresholds="probability", negative_below=0, positive_above=1, **QUICK)
    with pytest.warns(UserWarning, match="sure of nothing"):
        student.fit(*labelled, unlabelled=unlabelled)
    assert (student.pseudo_tags_ == -1).all()


def test_what_does_not_fit_is_refused_in_words(labelled, unlabelled):
    three_tags = EmotionTagger(**QUICK).fit(labelled[0], labelled[1][:, :1].repeat(3, 1))
    cases = [
        ({"thresholds": "probability"}, {}, "positive_above=95 and negative_below=5 must be probabilities"),
        ({"positive_above": 0, "negative_below": 100}, {}, "both at once"),
        ({"teacher": StandardScaler()}, {}, "The 'teacher' parameter"),
        ({"teacher": three_tags}, {}, "gives 3 tags where"),
        ({"teacher": FrozenEstimator(EmotionTagger())}, {}, "not fitted"),
        (
            {"teacher": LogisticRegression()},
            {},
            "teacher is a LogisticRegression, which takes one label a song, .* wrap",
        ),
        ({"stochastic": 1.0}, {}, "The 'stochastic' parameter"),
        ({}, {"unlabelled": (row for row in unlabelled)}, "unlabelled is a generator, but must hold songs as X does"),
        ({}, {"unlabelled": 5}, "unlabelled is a int, but must hold songs as X does"),
        ({}, {"unlabelled": {"a": unlabelled}}, "unlabelled is a dict, but must hold songs as X does"),
        ({}, {"unlabelled": csr_array(unlabelled)}, "Of unlabelled: Sparse data"),
        ({}, {"unlabelled": unlabelled[:, :3]}, "Of unlabelled: X has 3 features"),
        ({}, {"unlabelled": np.where(unlabelled > 3, np.nan, unlabelled)}, "nlabelled"),
        ({}, {"unlabelled": ["a.wav"]}, "nlabelled"),
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for params, given, words in cases:
            with pytest.raises(ValueError, match=words):
                NoisyStudentTagger(**{**QUICK, **params}).fit(*labelled, **{"unlabelled": unlabelled, **given})


def test_one_tag_may_be_taught_by_scikit_learn(labelled, unlabelled):
    X, y = labelled
    student = NoisyStudentTagger(LogisticRegression(), **QUICK).fit(X, y[:, :1], unlabelled=unlabelled)
    assert student.pseudo_tags_.shape == (300, 1)
    assert (student.pseudo_tags_ == (unlabelled[:, :1] > 0))[student.pseudo_tags_ >= 0].mean() > 0.9


def test_validation_tags_in_another_order_are_refused(labelled, unlabelled):
    X, y = labelled
    y, y_val = pd.DataFrame(y, columns=["calm", "dark"]), pd.DataFrame(y, columns=["dark", "calm"])
    for tagger in (EmotionTagger(**QUICK), NoisyStudentTagger(**QUICK)):
        with pytest.raises(ValueError, match="same order"):
            tagger.fit(X, y, X_val=X, y_val=y_val)


def test_songs_of_another_shape_are_refused(rng):
    X, y = planted_songs(rng, 12)
    others = SongSequence([rng.normal(size=(8, 316))], window=(8, 8))
    with pytest.raises(ValueError, match="Of unlabelled: X has segments of shape"):
        NoisyStudentTagger(max_epochs=1, validation_fraction=0.5, **CRNN).fit(X, y, unlabelled=others)


# ---- metadata routing -----------------------------------------------------------------------------------


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def routed(**params):
    steps = [("scale", StandardScaler()), ("tagger", sure_of_an_oracle(max_epochs=2, **params))]
    return Pipeline(steps, transform_input=["unlabelled"])


@pytest.mark.usefixtures("routing")
def test_a_routed_pipeline_is_scored(labelled, unlabelled):
    X, y = labelled
    pipeline = routed().fit(X, y, unlabelled=unlabelled)
    assert pipeline.score(X, y) == pipeline[-1].score(pipeline[0].transform(X), y)
    weights = np.arange(len(X)) % 3
    pipeline[-1].set_score_request(sample_weight=True)
    expected = roc_auc_score(y, pipeline.decision_function(X), sample_weight=weights)
    assert pipeline.score(X, y, sample_weight=weights) == pytest.approx(expected, abs=1e-12)
    assert expected != pipeline.score(X, y)


@pytest.mark.usefixtures("routing")
def test_routed_pipelines_are_cross_validated_and_searched(labelled, unlabelled):
    X, y = labelled
    found = cross_validate(
        routed(), X, y, cv=KFold(2), params={"unlabelled": unlabelled}, error_score="raise", return_estimator=True
    )
    assert (found["test_score"] > 0.5).all()
    assert [len(fitted[-1].pseudo_tags_) for fitted in found["estimator"]] == [300, 300]
    search = GridSearchCV(routed(), {"tagger__noise": [0.0, 0.1]}, cv=KFold(2), error_score="raise")
    search.fit(X, y, unlabelled=unlabelled)
    assert len(search.best_estimator_[-1].pseudo_tags_) == 300
    assert search.score(X, y) == search.best_estimator_.score(X, y)


@pytest.mark.usefixtures("routing")
def test_as_many_songs_without_tags_as_X_has_songs_are_split_like_X(labelled, unlabelled):
    # what scikit-learn does with metadata of X's length; the notes say how to avoid it
    X, y = labelled
    for n, learnt in ((24, 12), (23, 23), (25, 25)):
        found = cross_validate(
            routed(), X, y, cv=KFold(2), params={"unlabelled": unlabelled[:n]}, return_estimator=True
        )
        assert [len(fitted[-1].pseudo_tags_) for fitted in found["estimator"]] == [learnt, learnt]


# ---- what teachers know -----------------------------------------------------------------------------------


def test_a_fitted_teacher_of_tags_in_another_order_is_refused(labelled, unlabelled):
    X, y = labelled
    named, turned = pd.DataFrame(y, columns=["calm", "dark"]), pd.DataFrame(y, columns=["dark", "calm"])
    teacher = EmotionTagger(**QUICK).fit(X, named)
    for given in (teacher, FrozenEstimator(teacher), FrozenEstimator(Pipeline([("tagger", teacher)]))):
        with pytest.raises(ValueError, match="The tags of y are dark, calm, but those of teacher calm, dark"):
            NoisyStudentTagger(given, **QUICK).fit(X, turned, unlabelled=unlabelled)
    # numbers are no names
    assert NoisyStudentTagger(teacher, **QUICK).fit(X, y, unlabelled=unlabelled).n_tags_ == 2


def test_a_teacher_of_two_tags_does_not_teach_one(labelled, unlabelled):
    X, y = labelled
    for teacher in (EmotionTagger(**QUICK), RandomForestClassifier(5), OneVsRestClassifier(LogisticRegression())):
        with pytest.raises(ValueError, match="teacher gives 2 tags where y has 1: it must know the tags of y"):
            NoisyStudentTagger(teacher.fit(X, y), **QUICK).fit(X, y[:, :1], unlabelled=unlabelled)


@pytest.mark.filterwarnings("ignore:Tags that no")
def test_a_forest_that_knows_no_song_with_its_only_tag_is_sure_of_its_absence(labelled, unlabelled):
    X, y = labelled
    forest = RandomForestClassifier(5).fit(X, np.zeros(24, int))
    student = NoisyStudentTagger(forest, thresholds="probability", negative_below=0.1, positive_above=0.9, **QUICK)
    assert (student.fit(X, y[:, :1], unlabelled=unlabelled).pseudo_tags_ == 0).all()


def test_tables_keep_their_names_and_warnings_come_once(labelled, unlabelled):
    X = pd.DataFrame(labelled[0], columns=list("abcdefgh"), index=range(7, 31))
    others = pd.DataFrame(unlabelled, columns=X.columns)
    y = pd.DataFrame(labelled[1], columns=["calm", "dark"]).assign(epic=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        student = NoisyStudentTagger(n_iterations=2, **QUICK).fit(X, y, unlabelled=others)
    assert sorted(str(warning.message) for warning in caught) == [
        "Tags that no training song has, which cannot be learnt: epic.",
        "Tags that no validation song has, which predict gives to no song: epic.",
    ]
    assert student.teacher_.tags_.tolist() == student.tags_.tolist() == ["calm", "dark", "epic"]
    assert student.teacher_.feature_names_in_.tolist() == list("abcdefgh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        forest = RandomForestClassifier(5, random_state=0)
        student = NoisyStudentTagger(forest, **QUICK).fit(X, y[["calm", "dark"]], unlabelled=others)
        assert student.teacher_.feature_names_in_.tolist() == list("abcdefgh")
        # one that was fitted on an array is given arrays
        nameless = FrozenEstimator(clone(forest).fit(*labelled))
        halves = {"thresholds": "probability", "negative_below": 0.5, "positive_above": 0.5}
        NoisyStudentTagger(nameless, **halves, **QUICK).fit(X, y[["calm", "dark"]], unlabelled=others)
    with pytest.warns(UserWarning, match="no training song has, which cannot be learnt: epic") as caught:
        NoisyStudentTagger(clone(forest), **QUICK).fit(X, y, unlabelled=others)
    assert len(caught) == 2


def test_no_teacher_is_trained_where_no_epoch_could_be_judged(labelled, unlabelled):
    X, y = labelled

    class Vain(Oracle):
        def fit(self, X, y):
            raise AssertionError("trained in vain")

        def __sklearn_is_fitted__(self):
            return False

    for teacher in (Oracle().fit(X, y), Vain()):
        with pytest.raises(ValueError, match="No tag has both validation songs with it and without it"):
            NoisyStudentTagger(teacher, **QUICK).fit(X, y, X_val=X, y_val=0 * y, unlabelled=unlabelled)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_later_iteration_that_fails_leaves_nothing_fitted(labelled, unlabelled, error, monkeypatch):
    student = NoisyStudentTagger(n_iterations=2, **QUICK).fit(*labelled, unlabelled=unlabelled)
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
