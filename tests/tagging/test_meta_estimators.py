"""Taggers in scikit-learn's cross-validation and meta-estimators, with tags and with labels of two classes."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer, make_scorer, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier

from skmer import EmotionTagger, LongShortEnsemble, NoisyStudentTagger, SongSequence
from tests.tagging.tiny import QUICK

TAGGER = EmotionTagger(**{**QUICK, "lr": 0.05, "max_epochs": 3})
TAGGERS = [
    TAGGER,
    NoisyStudentTagger(**TAGGER.get_params(), thresholds="probability", positive_above=0.9, negative_below=0.1),
    LongShortEnsemble(TAGGER, LogisticRegression(), weight=0.5, random_state=0),
]
METHODS = ("predict", "predict_proba", "decision_function")

pytestmark = pytest.mark.filterwarnings("ignore:There are no unlabelled songs", "ignore:A column-vector y was passed")

each_tagger = pytest.mark.parametrize("tagger", TAGGERS, ids=lambda tagger: type(tagger).__name__)


def of_tags(tagger):
    """Return a tagger of several tags, which the ensemble's logistic regression is not."""
    if isinstance(tagger, LongShortEnsemble):
        return clone(tagger).set_params(long=OneVsRestClassifier(tagger.long))
    return tagger


@pytest.fixture(scope="module")
def rows():
    """Rows of 4 features, of which the first three determine a tag each, and labels by the first."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    y = (X[:, :3] + 0.3 * rng.normal(size=(60, 3)) > 0).astype(int)
    return X, y, np.where(y[:, 0], "tense", "calm")


@pytest.fixture(scope="module")
def songs(rows):
    """The rows as songs of one or two segments."""
    return SongSequence([np.repeat(row[None], 1 + i % 2, 0) for i, row in enumerate(rows[0])])


def by_hand(tagger, X, y, splits):
    """Fit to each fold's training songs, and return what each method predicts of the others."""
    splits = list(splits)
    fitted = [clone(tagger).fit(X[train], y[train]) for train, _ in splits]
    order = np.argsort(np.concatenate([test for _, test in splits]))
    return {
        method: np.concatenate([getattr(one, method)(X[test]) for one, (_, test) in zip(fitted, splits, strict=True)])[
            order
        ]
        for method in METHODS
    }


# ---- labels of two classes ---------------------------------------------------------------------------


@each_tagger
def test_of_labels_a_tagger_is_a_binary_classifier(rows, tagger):
    X, y, labels = rows
    fitted = clone(tagger).fit(X, labels)
    assert fitted.classes_.tolist() == ["calm", "tense"]
    assert fitted.tags_.tolist() == ["tense"]
    assert fitted.thresholds_.tolist() == [0.5]
    logits, probabilities = fitted.decision_function(X), fitted.predict_proba(X)
    assert logits.shape == (60,)
    np.testing.assert_array_equal(probabilities, expit(np.column_stack([-logits, logits])))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[probabilities.argmax(axis=1)])
    np.testing.assert_array_equal(fitted.predict(X) == "tense", logits > 0)
    assert accuracy_score(labels, fitted.predict(X)) > 0.75
    assert fitted.score(X, labels) == pytest.approx(roc_auc_score(y[:, 0], logits), abs=1e-12)
    assert fitted.score(X, pd.Series(labels)) == fitted.score(X, labels.tolist()) == fitted.score(X, labels)
    # the network is that of a column, whose decisions are made at a threshold
    column = clone(tagger).fit(X, y[:, :1])
    assert column.classes_.tolist() == [[0, 1]]
    np.testing.assert_array_equal(column.decision_function(X)[:, 0], logits)
    np.testing.assert_array_equal(column.predict(X), column.predict_proba(X) >= column.thresholds_)


@pytest.mark.parametrize(("labels", "kind"), [([2, 1], "i"), ([-1.0, 1.0], "f"), ([False, True], "b")])
def test_labels_of_any_kind(rows, labels, kind):
    X, y, _ = rows
    given = np.array(labels)[y[:, 0]]
    fitted = clone(TAGGER).fit(X[:40], given[:40], X_val=X[40:], y_val=given[40:])
    assert fitted.classes_.tolist() == sorted(labels)
    assert fitted.predict(X).dtype.kind == kind
    assert fitted.validation_songs_ is None
    assert roc_auc_score(given == max(labels), fitted.decision_function(X)) > 0.75


def test_members_and_teachers_get_labels_too(rows):
    X, _, labels = rows
    linear = LogisticRegression()
    ensemble = LongShortEnsemble(FrozenEstimator(linear.fit(X, labels)), clone(TAGGER), weight=1.0, random_state=0)
    np.testing.assert_allclose(ensemble.fit(X, labels).decision_function(X), linear.decision_function(X), atol=1e-12)
    assert ensemble.long_.classes_.tolist() == [0, 1]
    student = NoisyStudentTagger(FrozenEstimator(linear), **TAGGER.get_params())
    student.fit(X[:40], labels[:40], unlabelled=X[40:], X_val=X[:40], y_val=labels[:40])
    assert student.pseudo_tags_.shape == (20, 1)
    assert student.iterations_[0]["teacher_roc_auc"] == pytest.approx(
        roc_auc_score(labels[:40] == "tense", linear.decision_function(X[:40]))
    )
    others = np.where(labels == "calm", "happy", "calm")
    with pytest.raises(ValueError, match=r"tags of y are tense, but those of short are happy"):
        LongShortEnsemble(FrozenEstimator(linear.fit(X, others)), TAGGER).fit(X, labels)


@each_tagger
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.arange(60) % 3, r"^Only binary classification is supported for labels, got 3 classes: pass a column of 0"),
        (np.linspace(1, 9, 60), "^Unknown label type: continuous, expected classes"),
        (["calm"] * 60, "^y has one class only, 'calm'"),
        (["calm", None, "tense"] * 20, "^y has no label for song 1"),
        (["calm", "tense"] * 29, "^X has 60 songs but y has 58 labels"),
        (pd.Series([["calm"], ["calm", "tense"]] * 30), "MultiLabelBinarizer"),
    ],
)
def test_labels_that_are_refused(rows, tagger, y, message):
    with pytest.raises(ValueError, match=message):
        clone(tagger).fit(rows[0], y)


def test_later_labels_that_are_refused(rows):
    X, y, labels = rows
    fitted = clone(TAGGER).fit(X, labels)
    for wrong, message in [
        (y[:, 0], "y must hold the classes of y in fit, calm, tense, got [01] for song 0"),
        (np.where(labels == "calm", None, labels), "y has no label for song"),
        (labels[:5], "X has 60 songs but y has 5 labels"),
        (labels[:, None], r"y must have shape \(n_songs,\) as y of fit, one label per song, got \(60, 1\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            fitted.score(X, wrong)
    with pytest.raises(ValueError, match=r"y_val must hold the classes .* got sad for song 0"):
        fitted.fit(X, labels, X_val=X[:2], y_val=["sad", "calm"])
    with pytest.raises(ValueError, match=r"y_val must have shape \(n_songs, n_tags\).* got shape \(60,\)"):
        fitted.fit(X, y, X_val=X, y_val=labels)


# ---- cross-validation --------------------------------------------------------------------------------


@each_tagger
@pytest.mark.parametrize("n_tags", [1, 2, 3])
def test_cross_val_predict_of_tags(rows, tagger, n_tags):
    X, y, _ = rows
    tagger, y, folds = of_tags(tagger), y[:, :n_tags], KFold(2)
    for method, expected in by_hand(tagger, X, y, folds.split(X)).items():
        assert expected.shape == (60, n_tags)
        np.testing.assert_array_equal(cross_val_predict(tagger, X, y, cv=folds, method=method), expected)


@each_tagger
def test_cross_val_predict_of_labels(rows, tagger):
    X, _, labels = rows
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    for method, expected in by_hand(tagger, X, labels, folds.split(X, labels)).items():
        np.testing.assert_array_equal(cross_val_predict(tagger, X, labels, cv=folds, method=method), expected)


def test_cross_val_predict_of_songs(rows, songs):
    _, y, _ = rows
    folds = KFold(2, shuffle=True, random_state=0)
    for method, expected in by_hand(TAGGER, songs, y, folds.split(y)).items():
        np.testing.assert_array_equal(cross_val_predict(TAGGER, songs, y, cv=folds, method=method), expected)


@pytest.mark.parametrize("n_tags", [1, 2, 3])
def test_scorers_of_probabilities_and_decisions(rows, n_tags):
    X, y, _ = rows
    fitted = clone(TAGGER).fit(X, y[:, :n_tags])
    expected = roc_auc_score(y[:, :n_tags], fitted.decision_function(X))
    assert expected > 0.8
    for scorer in (get_scorer("roc_auc"), make_scorer(roc_auc_score, response_method="predict_proba")):
        assert scorer(fitted, X, y[:, :n_tags]) == pytest.approx(expected, abs=1e-12)


# ---- meta-estimators ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n_tags", [2, 3])
@pytest.mark.parametrize("kind", ["rows", "songs"])
def test_stacking(rows, songs, n_tags, kind):
    y, X = rows[1][:, :n_tags], rows[0] if kind == "rows" else songs
    taggers = [("one", TAGGER), ("other", clone(TAGGER).set_params(random_state=1))]
    final = OneVsRestClassifier(LogisticRegression())
    stack = StackingClassifier(taggers, final, cv=KFold(2), stack_method="decision_function").fit(X, y)
    decisions = np.hstack([clone(tagger).fit(X, y).decision_function(X) for _, tagger in taggers])
    np.testing.assert_array_equal(stack.transform(X), decisions)
    out_of_fold = np.hstack([by_hand(tagger, X, y, KFold(2).split(y))["decision_function"] for _, tagger in taggers])
    np.testing.assert_array_equal(stack.predict(X), final.fit(out_of_fold, y).predict(decisions))
    np.testing.assert_array_equal(stack.decision_function(X), final.decision_function(decisions))
    # a tagger may be the final estimator as well
    stack = stack.set_params(final_estimator=TAGGER).fit(X, y)
    np.testing.assert_array_equal(stack.predict(X), clone(TAGGER).fit(out_of_fold, y).predict(decisions))


def test_stacking_of_probabilities(rows):
    """Of two tags, scikit-learn leaves out the first; the guide must say so as long as this holds."""
    X, y, labels = rows
    for given, kept in ((y, [0, 1, 2]), (y[:, :2], [1]), (labels, [1])):
        final = LogisticRegression() if given is labels else OneVsRestClassifier(LogisticRegression())
        stack = StackingClassifier([("one", TAGGER)], final, cv=KFold(2)).fit(X, given)
        encoded = (given == "tense").astype(int) if given is labels else given
        probabilities = clone(TAGGER).fit(X, encoded).predict_proba(X)
        np.testing.assert_array_equal(stack.transform(X), probabilities[:, kept])
        assert stack.predict(X).shape == given.shape


@each_tagger
def test_classifier_chain(rows, tagger):
    X, y, _ = rows
    chain = ClassifierChain(tagger, order=[1, 0]).fit(X, y[:, :2])
    first = clone(tagger).fit(X, y[:, 1])
    second = clone(tagger).fit(np.column_stack([X, y[:, 1]]), y[:, 0])
    with_first = np.column_stack([X, first.predict(X)])
    for method in METHODS:
        columns = [getattr(second, method)(with_first), getattr(first, method)(X)]
        expected = np.stack([column if column.ndim == 1 else column[:, 1] for column in columns], 1)
        np.testing.assert_array_equal(getattr(chain, method)(X), expected)


def test_classifier_chain_of_out_of_fold_probabilities(rows):
    X, y, _ = rows
    chain = ClassifierChain(TAGGER, cv=KFold(2), chain_method="predict_proba").fit(X, y[:, :2])
    out_of_fold = by_hand(TAGGER, X, y[:, 0], KFold(2).split(X))["predict_proba"][:, 1]
    first = clone(TAGGER).fit(X, y[:, 0])
    second = clone(TAGGER).fit(np.column_stack([X, out_of_fold]), y[:, 1])
    expected = second.predict(np.column_stack([X, first.predict_proba(X)[:, 1]]))
    np.testing.assert_array_equal(chain.predict(X), np.stack([first.predict(X), expected], 1))


@each_tagger
@pytest.mark.parametrize("meta", [MultiOutputClassifier, OneVsRestClassifier])
def test_a_tagger_for_each_tag(rows, songs, tagger, meta):
    _, y, _ = rows
    X = rows[0] if isinstance(tagger, LongShortEnsemble) else songs
    fitted = meta(tagger).fit(X, y[:, :2])
    alone = [clone(tagger).fit(X, y[:, k]) for k in range(2)]
    np.testing.assert_array_equal(fitted.predict(X), np.stack([one.predict(X) for one in alone], 1))
    probabilities = np.stack([one.predict_proba(X)[:, 1] for one in alone], 1)
    found = fitted.predict_proba(X)
    if meta is MultiOutputClassifier:
        found = np.stack([columns[:, 1] for columns in found], 1)
    np.testing.assert_array_equal(found, probabilities)


def test_one_vs_rest_of_three_classes(rows):
    X, y, _ = rows
    labels = np.array(["calm", "happy", "tense"])[y[:, 0] + y[:, 1]]
    fitted = OneVsRestClassifier(TAGGER).fit(X, labels)
    decisions = [clone(TAGGER).fit(X, (labels == one).astype(int)).decision_function(X) for one in fitted.classes_]
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[np.argmax(decisions, axis=0)])


@pytest.mark.parametrize("ensemble", [True, False])
def test_calibration(rows, songs, ensemble):
    _, y, labels = rows
    calibrated = CalibratedClassifierCV(TAGGER, cv=2, ensemble=ensemble)
    fitted = clone(calibrated).fit(songs, labels)
    assert fitted.classes_.tolist() == ["calm", "tense"]
    # Platt's sigmoid is monotonic
    of_one = fitted.calibrated_classifiers_[0]
    order = np.argsort(of_one.estimator.decision_function(songs))
    assert (np.diff(of_one.predict_proba(songs)[order, 1]) >= 0).all()
    assert accuracy_score(labels, fitted.predict(songs)) > 0.75
    of_each = OneVsRestClassifier(calibrated).fit(songs, y[:, :2]).predict_proba(songs)
    np.testing.assert_allclose(of_each[:, 0], fitted.predict_proba(songs)[:, 1], atol=1e-12)


def test_voting(rows):
    X, _, labels = rows
    taggers = [("one", TAGGER), ("other", clone(TAGGER).set_params(random_state=1))]
    alone = [clone(tagger).fit(X, labels) for _, tagger in taggers]
    soft = VotingClassifier(taggers, voting="soft").fit(X, labels)
    np.testing.assert_allclose(soft.predict_proba(X), np.mean([one.predict_proba(X) for one in alone], axis=0))
    # of two votes that differ, the first class wins
    hard = VotingClassifier(taggers).fit(X, labels).predict(X)
    np.testing.assert_array_equal(hard == "tense", np.all([one.predict(X) == "tense" for one in alone], axis=0))
