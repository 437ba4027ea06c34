import numpy as np
import pytest
from scipy.special import logit
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skmer import EmotionTagger
from skmer.tagging._taggers import check_is_tagger, fit_tagger, tag_logits, tag_names, tag_probabilities
from tests.tagging.tiny import QUICK

pytestmark = [
    pytest.mark.filterwarnings("ignore:A column-vector y was passed"),
    pytest.mark.filterwarnings("ignore:Label not"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


class Constant(ClassifierMixin, BaseEstimator):
    """A tagger of given probabilities and classes."""

    def __init__(self, probabilities=None, classes_=None):
        self.probabilities = probabilities
        self.classes_ = classes_

    def predict_proba(self, X):
        return self.probabilities


TAGGERS = [
    LogisticRegression(),
    OneVsRestClassifier(LogisticRegression()),
    OneVsRestClassifier(DecisionTreeClassifier(max_depth=2)),
    MultiOutputClassifier(LogisticRegression()),
    ClassifierChain(LogisticRegression()),
    RidgeClassifier(),
    DecisionTreeClassifier(max_depth=2),
    RandomForestClassifier(5, random_state=0),
    KNeighborsClassifier(),
    MLPClassifier((4,), solver="lbfgs", random_state=0, max_iter=50),
    GridSearchCV(DecisionTreeClassifier(), {"max_depth": [1, 2]}, cv=2),
    EmotionTagger(**{**QUICK, "lr": 0.05}),
]


def draw(rng, n_tags):
    X = rng.normal(size=(80, 4))
    return X, (X[:, :n_tags] > 0).astype(int)


@pytest.mark.parametrize("n_tags", [1, 2])
@pytest.mark.parametrize("tagger", TAGGERS, ids=lambda tagger: type(tagger).__name__)
def test_every_tagger_gives_a_column_for_each_tag(rng, tagger, n_tags):
    if n_tags > 1 and isinstance(tagger, LogisticRegression):
        pytest.skip("one label per song")
    X, y = draw(rng, n_tags)
    fitted = FrozenEstimator(make_pipeline(StandardScaler(), clone(tagger)).fit(X, y))
    for compute, middle in ((tag_logits, 0), (tag_probabilities, 0.5)):
        found = compute(fitted, X, "it", range(n_tags))
        assert found.shape == (80, n_tags)
        assert found.dtype == np.float64
        assert ((found > middle) == y).mean() > 0.75
        np.testing.assert_array_equal(compute(fitted, X), found)
    got, other = ("1 tag", 2) if n_tags == 1 else ("2 tags", 1)
    with pytest.raises(ValueError, match=f"^it predicts {got}, but y has {other}: it must be fitted on the tags of y"):
        tag_logits(fitted, X, "it", range(other))


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("tagger", [*TAGGERS[6:9], RidgeClassifier(), OneVsRestClassifier(LogisticRegression())])
def test_a_single_tag_of_all_or_no_songs_has_extreme_probabilities(rng, tagger, value):
    X, _ = draw(rng, 1)
    fitted = tagger.fit(X, np.full((80, 1), value))
    np.testing.assert_array_equal(tag_probabilities(fitted, X).round(11), np.full((80, 1), value))
    np.testing.assert_allclose(tag_logits(fitted, X), np.full((80, 1), (2 * value - 1) * logit(1 - 1e-12)), rtol=1e-4)


def test_a_tag_of_all_or_no_songs_among_others(rng):
    X, y = draw(rng, 3)
    y[:, 0], y[:, 2] = 0, 1
    found = tag_probabilities(RandomForestClassifier(5, random_state=0).fit(X, y), X)
    assert (found[:, 0] == 0).all()
    assert (found[:, 2] == 1).all()
    assert ((found[:, 1] > 0.5) == y[:, 1]).mean() > 0.9


def test_columns_are_identified_by_classes():
    rows = np.array([[0.75, 0.25], [0.5, 0.5]])
    of_tags = Constant(rows, [np.array([0, 1])] * 2)
    np.testing.assert_array_equal(tag_probabilities(of_tags, rows), rows)
    np.testing.assert_array_equal(tag_probabilities(Constant(rows, np.array([0, 1])), rows), rows[:, 1:])
    np.testing.assert_array_equal(tag_probabilities(Constant(rows, np.array([1, 0])), rows), rows[:, :1])
    for classes in ([np.array([0])], [np.array([1])], [np.array([0, 1])]):
        probabilities = [rows[:, : len(classes[0])]]
        expected = rows[:, 1:] if len(classes[0]) == 2 else np.full((2, 1), classes[0][0])
        np.testing.assert_array_equal(tag_probabilities(Constant(probabilities, classes), rows), expected)


def test_invalid_predictions():
    rows = np.array([[0.5, 0.5], [0.5, np.nan]])
    with pytest.raises(ValueError, match=r"^teacher predicts NaN or infinity for song 1 and tag dark: "):
        tag_probabilities(Constant(rows, [np.array([0, 1])] * 2), rows, "teacher", ["calm", "dark"])
    with pytest.raises(ValueError, match=r"^teacher predicts scores of shape \(2, 2, 1\), but y has 2"):
        tag_probabilities(Constant(rows[..., None], None), rows, "teacher", ["calm", "dark"])


@pytest.mark.parametrize("tagger", [Ridge(), make_pipeline(StandardScaler(), Ridge()), StandardScaler()])
def test_what_is_no_classifier(tagger):
    with pytest.raises(ValueError, match=r"long must be a multi-label classifier .* got (Ridge|StandardScaler)"):
        check_is_tagger("long", tagger)


def test_classifiers_of_one_label(rng):
    X, y = draw(rng, 2)
    for tagger in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
        message = "^long is a LogisticRegression, which takes one label per song .* in sklearn.multiclass.OneVsRest"
        with pytest.raises(ValueError, match=message):
            fit_tagger(tagger, X, y, X, y, "long")
    with pytest.raises(ValueError, match="NaN"):
        fit_tagger(RandomForestClassifier(2), X, np.where(y, np.nan, 0.0), X, y)


def test_names_of_tags_are_found_within(rng):
    pandas = pytest.importorskip("pandas")
    X, y = draw(rng, 2)
    named = pandas.DataFrame(y, columns=["calm", "dark"])
    search = GridSearchCV(EmotionTagger("mlp", mask_range=None, max_epochs=1), {"lr": [0.1]}, cv=2).fit(X, named)
    assert tag_names(FrozenEstimator(make_pipeline(StandardScaler(), search))).tolist() == ["calm", "dark"]
    assert tag_names(TAGGERS[0]).tolist() == []
