import numpy as np
import pytest
from scipy.special import logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skmer import EmotionTagger
from skmer.tagging.any_tagger import fit_tagger, names_in
from skmer.tagging.tag_answers import tag_logits, tag_probabilities

pytestmark = [
    pytest.mark.filterwarnings("ignore:A column-vector y was passed"),
    pytest.mark.filterwarnings("ignore:Label not"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


class Says(ClassifierMixin, BaseEstimator):
    """A tagger of given probabilities and classes."""

    def __init__(self, probabilities=None, classes=None):
        self.probabilities = probabilities
        self.classes = classes

    def fit(self, X, y):
        return self

    @property
    def classes_(self):
        return self.classes

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
    RandomForestClassifier(9, random_state=0),
    KNeighborsClassifier(),
    MLPClassifier((4,), solver="lbfgs", random_state=0),
    GridSearchCV(OneVsRestClassifier(LogisticRegression()), {"estimator__C": [0.1, 1]}, cv=2),
    EmotionTagger("mlp", mask_range=None, max_epochs=8, lr=0.05, random_state=0),
]


def draw(rng, n_tags):
    X = rng.normal(size=(80, 4))
    return X, (X[:, :n_tags] > 0).astype(int)


@pytest.mark.parametrize("n_tags", [1, 2, 3])
@pytest.mark.parametrize("tagger", TAGGERS, ids=lambda tagger: type(tagger).__name__)
def test_whatever_it_is_it_gives_a_column_a_tag(rng, tagger, n_tags):
    if n_tags > 1 and isinstance(tagger, LogisticRegression):
        pytest.skip("one label a song")
    X, y = draw(rng, n_tags)
    for wrapped in (tagger, make_pipeline(StandardScaler(), tagger)):
        fitted = FrozenEstimator(wrapped.fit(X, y))
        for give, middle in ((tag_logits, 0), (tag_probabilities, 0.5)):
            found = give(fitted, X, "it", range(n_tags))
            assert found.shape == (80, n_tags)
            assert found.dtype == np.float64
            assert ((found > middle) == y).mean() > 0.75
            np.testing.assert_array_equal(give(fitted, X), found)
        for others in {1, 2, 3} - {n_tags}:
            words = "1 tag" if n_tags == 1 else f"{n_tags} tags"
            with pytest.raises(ValueError, match=f"^it gives {words} where y has {others}: it must know the tags of y"):
                tag_logits(fitted, X, "it", range(others))


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("tagger", [*TAGGERS[6:9], RidgeClassifier(), OneVsRestClassifier(LogisticRegression())])
def test_the_only_tag_that_no_song_or_every_song_has_is_as_sure(rng, tagger, value):
    X, _ = draw(rng, 1)
    fitted = tagger.fit(X, np.full((80, 1), value))
    np.testing.assert_array_equal(tag_probabilities(fitted, X).round(11), np.full((80, 1), value))
    np.testing.assert_allclose(tag_logits(fitted, X), np.full((80, 1), (2 * value - 1) * logit(1 - 1e-12)), rtol=1e-4)


def test_a_tag_of_one_kind_among_others(rng):
    X, y = draw(rng, 3)
    y[:, 0], y[:, 2] = 0, 1
    found = tag_probabilities(RandomForestClassifier(5, random_state=0).fit(X, y), X)
    assert (found[:, 0] == 0).all()
    assert (found[:, 2] == 1).all()
    assert ((found[:, 1] > 0.5) == y[:, 1]).mean() > 0.9


def test_columns_are_told_by_classes_alone():
    rows = np.array([[0.75, 0.25], [0.5, 0.5]])
    of_tags = Says(rows, [np.array([0, 1])] * 2)
    np.testing.assert_array_equal(tag_probabilities(of_tags, rows), rows)
    np.testing.assert_array_equal(tag_probabilities(Says(rows, np.array([0, 1])), rows), rows[:, 1:])
    np.testing.assert_array_equal(tag_probabilities(Says(rows, np.array([1, 0])), rows), rows[:, :1])
    for one in ([np.array([0])], [np.array([1])], [np.array([0, 1])]):
        probabilities = [rows[:, : len(one[0])]]
        expected = rows[:, 1:] if len(one[0]) == 2 else np.full((2, 1), one[0][0])
        np.testing.assert_array_equal(tag_probabilities(Says(probabilities, one), rows), expected)


def test_what_is_not_finite_is_refused_by_name():
    rows = np.array([[0.5, 0.5], [0.5, np.nan]])
    with pytest.raises(ValueError, match=r"^teacher gives a value that is not finite for song 1 and tag dark: "):
        tag_probabilities(Says(rows, [np.array([0, 1])] * 2), rows, "teacher", ["calm", "dark"])
    with pytest.raises(ValueError, match=r"^teacher gives scores of shape \(2, 2, 1\) where y has 2"):
        tag_probabilities(Says(rows[..., None], None), rows, "teacher", ["calm", "dark"])


def test_one_label_a_song_is_refused_by_name(rng):
    X, y = draw(rng, 2)
    for tagger in (LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())):
        words = "^long is a LogisticRegression, which takes one label a song, .* in sklearn.multiclass.OneVsRest"
        with pytest.raises(ValueError, match=words):
            fit_tagger(tagger, X, y, X, y, "long")
    with pytest.raises(ValueError, match="NaN"):
        fit_tagger(RandomForestClassifier(2), X, np.where(y, np.nan, 0.0), X, y)


def test_names_are_found_within(rng):
    pandas = pytest.importorskip("pandas")
    X, y = draw(rng, 2)
    named = pandas.DataFrame(y, columns=["calm", "dark"])
    search = GridSearchCV(EmotionTagger("mlp", mask_range=None, max_epochs=1), {"lr": [0.1]}, cv=2).fit(X, named)
    assert names_in(FrozenEstimator(make_pipeline(StandardScaler(), search))).tolist() == ["calm", "dark"]
    assert names_in(TAGGERS[0]).tolist() == []
