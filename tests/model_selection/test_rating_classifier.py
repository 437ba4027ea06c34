"""RatingClassifier and rating_scorer: thresholds by hand, and the same results as a Protocol."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags

from skmer.aggregation import SpectrogramStatistics
from skmer.datasets.ratings import ratings_to_classes
from skmer.model_selection import EstimatorSystem, Protocol, RatingClassifier, rating_scorer, run_experiment
from tests.model_selection.tiny import tiny_network, tiny_segments, tiny_songs

RNG = np.random.default_rng(0)
RATINGS = RNG.uniform(1, 9, size=(40, 2))
X = np.column_stack([RATINGS + RNG.normal(scale=2, size=(40, 2)), RNG.normal(size=(40, 2))])
VALENCE = RATINGS[:, 0]
SVM = make_pipeline(StandardScaler(), SVC())
NEIGHBOUR = LogisticRegression()


class Recorder(ClassifierMixin, BaseEstimator):
    """Keep what `fit` gets, and predict the first class."""

    def fit(self, X, y, sample_weight=None, groups=None):
        self.classes_ = np.unique(y)
        self.seen_ = X, y, sample_weight, groups
        return self

    def predict(self, X):
        return np.repeat(self.classes_[:1], len(X))


def test_one_dimension_by_hand():
    paths = ["a.mp3", "b.mp3", "c.mp3", "d.mp3", "e.mp3"]
    model = RatingClassifier(Recorder()).fit(paths, [1, 9, 3, 5, 4])
    assert model.threshold_ == 4
    seen, classes, *_ = model.classifier_.seen_
    assert seen is paths
    # a rating equal to the threshold is high
    assert classes.tolist() == ["low", "high", "low", "high", "high"]
    assert model.classes_.tolist() == ["high", "low"]
    # 4 is the threshold of the training songs; that of these would be 3.5
    assert model.to_classes([3, 3.9, 4, 2]).tolist() == ["low", "low", "high", "low"]
    assert model.score(["f.mp3", "g.mp3", "h.mp3", "i.mp3"], [3, 3.9, 4, 2]) == 0.25
    assert model.score(["f.mp3", "g.mp3", "h.mp3", "i.mp3"], [3, 3.9, 4, 2], sample_weight=[1, 1, 6, 0]) == 0.75


def test_two_dimensions_by_hand():
    ratings = [[0.1, 0.9], [0.2, 0.1], [0.6, 0.3], [0.9, 0.5]]
    model = RatingClassifier(Recorder(), threshold="midpoint").fit(X[:4], ratings)
    np.testing.assert_allclose(model.threshold_, [0.5, 0.5])
    assert model.classifier_.seen_[1].tolist() == ["Q2", "Q3", "Q4", "Q1"]
    assert model.score(X[:2], [[0.5, 0.5], [0.4, 0.5]]) == 0.5
    with pytest.raises(ValueError, match="need one threshold per dimension"):
        model.score(X[:2], [0.5, 0.4])
    assert RatingClassifier(Recorder(), threshold=0.55).fit(X[:4], ratings).threshold_.tolist() == [0.55, 0.55]


@pytest.mark.parametrize("threshold", ["median", "midpoint", 5])
@pytest.mark.parametrize("y", [VALENCE, RATINGS], ids=["one", "two"])
@pytest.mark.filterwarnings("ignore:The class")
def test_the_same_as_a_protocol(y, threshold):
    protocol = Protocol(n_splits=4, threshold=threshold)
    rows = run_experiment({"svm": EstimatorSystem(SVM)}, X, y, protocol=protocol).rows
    folds = protocol.split(y)
    models = cross_validate(RatingClassifier(SVM, threshold), X, y, cv=folds, return_estimator=True)
    of_svm = [row for row in rows if row["name"] == "svm"]
    assert models["test_score"].tolist() == [row["scores"]["accuracy"] for row in of_svm]
    for model, row in zip(models["estimator"], of_svm, strict=True):
        assert np.asarray(model.threshold_).tolist() == row["threshold"]
    macro = cross_val_score(RatingClassifier(SVM, threshold), X, y, cv=folds, scoring=rating_scorer("f1_macro"))
    by_hand = []
    for (train, test), row in zip(folds, of_svm, strict=True):
        classes = ratings_to_classes(y, row["threshold"])
        by_hand.append(
            f1_score(classes[test], clone(SVM).fit(X[train], classes[train]).predict(X[test]), average="macro")
        )
    np.testing.assert_allclose(macro, by_hand)


def test_an_outlier_among_the_test_songs_moves_no_threshold():
    y = np.append(np.arange(1.0, 10), 1000)
    folds = [(np.arange(9), np.array([9]))]
    scores = cross_validate(RatingClassifier(SVC(), "midpoint"), y[:, None], y, cv=folds, return_estimator=True)
    assert scores["estimator"][0].threshold_ == 5


@pytest.mark.parametrize("place", ["in a pipeline", "around a pipeline"])
def test_songs_in_a_search(place):
    songs, _, groups = tiny_songs(16)
    ratings = np.linspace(0, 1, 16)[np.argsort(np.arange(16) % 2, kind="stable").argsort()]
    steps = [tiny_segments(), SpectrogramStatistics(), StandardScaler()]
    if place == "in a pipeline":
        model, name = make_pipeline(*steps, RatingClassifier(SVC())), "ratingclassifier__classifier__C"
    else:
        model, name = RatingClassifier(make_pipeline(*steps, SVC())), "classifier__svc__C"
    search = GridSearchCV(model, {name: [0.1, 10]}, cv=GroupKFold(2)).fit(songs, ratings, groups=groups)
    assert search.best_params_[name] in (0.1, 10)
    classes = ratings_to_classes(ratings, np.median(ratings))
    assert search.score(songs, ratings) == accuracy_score(classes, search.predict(songs))
    # a scorer finds the threshold in a search, in a pipeline and in a frozen estimator
    for estimator in (search, search.best_estimator_, FrozenEstimator(search.best_estimator_)):
        assert rating_scorer("accuracy")(estimator, songs, ratings) == search.score(songs, ratings)
    inside = GridSearchCV(model, {name: [0.1, 10]}, cv=2, scoring=rating_scorer("balanced_accuracy"))
    assert cross_val_score(inside, songs, ratings, groups=groups, cv=GroupKFold(2)).shape == (2,)


def test_the_network_reads_segments():
    songs, _, _ = tiny_songs(8)
    segments = tiny_segments().transform(songs)
    model = RatingClassifier(tiny_network(random_state=0)).fit(segments, np.arange(8.0))
    assert model.predict_proba(segments).shape == (8, 2)
    assert 0 <= model.score(segments, np.arange(8.0)) <= 1


def test_tables():
    table = pd.DataFrame(X, columns=list("abcd"))
    model = RatingClassifier(NEIGHBOUR).fit(table, pd.Series(VALENCE, dtype=object))
    assert model.feature_names_in_.tolist() == list("abcd")
    assert model.n_features_in_ == 4
    assert model.predict_proba(table).shape == (40, 2)
    assert (model.decision_function(table) > 0).tolist() == (model.predict(table) == "low").tolist()
    model.set_params(classifier=Recorder()).fit(X, RATINGS.tolist())
    assert not hasattr(model, "n_features_in_")
    assert not hasattr(model, "predict_proba")


def test_probabilities_for_scorers():
    model = RatingClassifier(NEIGHBOUR).fit(X, VALENCE)
    classes = model.to_classes(VALENCE)
    for name in ("roc_auc", "neg_log_loss", "matthews_corrcoef"):
        assert rating_scorer(name)(model, X, VALENCE) == get_scorer(name)(model, X, classes)
    f1 = rating_scorer(make_scorer(f1_score, pos_label="high"))
    assert f1(model, X, VALENCE) == f1_score(classes, model.predict(X), pos_label="high")
    assert "f1_score" in repr(f1)


def test_a_scorer_of_scikit_learn_does_not_pass_silently():
    with pytest.raises(ValueError, match=r"mix of continuous|Classification metrics|unknown|invalid"):
        cross_val_score(RatingClassifier(SVC()), X, VALENCE, scoring="accuracy", error_score="raise")


def test_an_estimator_like_others():
    model = RatingClassifier(SVC(C=2), threshold=3.0)
    assert is_classifier(model)
    assert model.get_params()["classifier__C"] == 2
    copy = clone(model.fit(X, VALENCE))
    assert not hasattr(copy, "threshold_")
    assert (copy.threshold, copy.classifier.C) == (3.0, 2)
    assert not hasattr(model.classifier, "classes_")
    assert get_tags(RatingClassifier(SVC(kernel="precomputed"))).input_tags.pairwise
    with pytest.raises(sklearn.exceptions.NotFittedError):
        copy.predict(X)
    with pytest.raises(sklearn.exceptions.NotFittedError):
        copy.score(X, VALENCE)
    assert cross_val_predict(RatingClassifier(DummyClassifier()), X, VALENCE, cv=4).shape == (40,)


def test_arguments_of_fit_without_routing():
    weights, groups = np.arange(40), np.repeat(np.arange(4), 10)
    model = RatingClassifier(Recorder()).fit(X, VALENCE, sample_weight=weights, groups=groups)
    assert model.classifier_.seen_[2] is weights
    assert model.classifier_.seen_[3] is groups
    scores = cross_validate(
        RatingClassifier(Recorder()), X, VALENCE, cv=4, params={"sample_weight": weights}, return_estimator=True
    )
    assert scores["estimator"][0].classifier_.seen_[2].tolist() == weights[10:].tolist()
    # a search inside, which needs groups
    search = GridSearchCV(SVC(), {"C": [1, 2]}, cv=GroupKFold(4))
    assert RatingClassifier(search).fit(X, VALENCE, groups=groups).classifier_.best_params_["C"] in (1, 2)


def test_metadata_routing():
    weights, groups = np.arange(40), np.repeat(np.arange(4), 10)
    with sklearn.config_context(enable_metadata_routing=True):
        told = Recorder().set_fit_request(sample_weight=True, groups=False)
        model = RatingClassifier(told).set_score_request(sample_weight=True)
        scores = cross_validate(
            make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model),
            X,
            VALENCE,
            cv=GroupKFold(4),
            params={"sample_weight": weights, "groups": groups},
            return_estimator=True,
        )
        train, test = next(GroupKFold(4).split(X, groups=groups))
        fitted = scores["estimator"][0][-1]
        assert fitted.classifier_.seen_[2].tolist() == weights[train].tolist()
        assert fitted.classifier_.seen_[3] is None
        assert scores["test_score"][0] == fitted.score(X[test], VALENCE[test], sample_weight=weights[test])
        assert scores["test_score"][0] != fitted.score(X[test], VALENCE[test])
        scorer = rating_scorer(get_scorer("accuracy").set_score_request(sample_weight=True))
        weighted = cross_val_score(
            model, X, VALENCE, cv=GroupKFold(4), scoring=scorer, params={"sample_weight": weights, "groups": groups}
        )
        np.testing.assert_allclose(weighted, scores["test_score"])
        with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError):
            RatingClassifier(Recorder()).fit(X, VALENCE, sample_weight=weights)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["low", "high"] * 20, "y must hold ratings.* with labels, use the classifier without"),
        (["1", "2"] * 20, "y must hold ratings"),
        ([True, False] * 20, "y must hold ratings"),
        ([None, 1.0] * 20, "Ratings must be finite numbers, but 20 of 40"),
        (RATINGS[:, :1], r"Ratings must have shape \(n_songs,\) or \(n_songs, 2\), got \(40, 1\)"),
        (np.append(VALENCE[1:], np.nan), "Ratings must be finite numbers, but 1 of 40 songs"),
    ],
)
def test_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        RatingClassifier(SVC()).fit(X, y)


def test_what_else_is_refused():
    with pytest.raises(ValueError, match="threshold must be a number or one of"):
        RatingClassifier(SVC(), "mean").fit(X, VALENCE)
    with pytest.raises(ValueError, match="scoring must be the name of a scorer or a scorer, got None"):
        rating_scorer(None)
    with pytest.raises(ValueError, match="'acuracy' is not a valid"):
        rating_scorer("acuracy")
    with pytest.raises(ValueError, match=r"A rating_scorer needs a RatingClassifier.*got SVC\(\)"):
        rating_scorer("accuracy")(SVC(), X, VALENCE)
