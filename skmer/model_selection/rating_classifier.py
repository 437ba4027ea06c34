"""RatingClassifier: a classifier of low and high ratings with a learnt threshold; rating_scorer: scores of it."""

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.pipeline import Pipeline
from sklearn.utils import Bunch, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, get_routing_for_object, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skmer.datasets.ratings import fit_threshold, ratings_to_classes

__all__ = ["RatingClassifier", "rating_scorer"]


def _has(name):
    """Return a check whether the classifier has a method."""

    def check(self):
        getattr(getattr(self, "classifier_", self.classifier), name)
        return True

    return check


class RatingClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Classify songs by ratings, split into low and high at a threshold of the training songs.

    `fit` and `score` take ratings. `fit` learns the threshold from them, such as their median, and fits a classifier
    to the resulting classes; `score` applies the same threshold. In cross-validation, the threshold of each fold is
    therefore that of its training songs, as in a `Protocol`.

    Parameters
    ----------
    classifier : estimator
        The classifier, or a pipeline that ends in one. It gets X as it is: paths, waveforms, songs or rows.
    threshold : {"median", "midpoint"} or float, default="median"
        Threshold between low and high ratings of each dimension, see `skmer.datasets.ratings.fit_threshold`.

    Attributes
    ----------
    threshold_ : float or ndarray of shape (2,)
        The threshold of the training songs; for two dimensions, one for each.
    classifier_ : estimator
        The fitted classifier. It predicts the same classes without this estimator.
    classes_ : ndarray of shape (n_classes,)
        The classes of the training songs, sorted: "high" and "low" for one dimension, "Q1" to "Q4" for two.
    n_features_in_ : int
        Number of features, if the classifier has it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if the classifier has them.

    See Also
    --------
    rating_scorer : Other metrics than the accuracy.
    Protocol : Folds, and the same threshold in `run_experiment`.
    skmer.datasets.ratings.ratings_to_classes : The same for a known threshold.

    Notes
    -----
    scikit-learn stratifies folds by classes, of which there are none before the fit: ``cv=10`` means consecutive folds
    that are not stratified. Pass folds, such as ``cv=Protocol(n_splits=10, threshold="median").split(ratings)``.

    The default scoring of scikit-learn's tools is `score`. ``scoring="accuracy"`` would compare ratings with classes,
    for which scikit-learn warns and gives NaN: other metrics need `rating_scorer`.

    Accuracies with different thresholds are those of different classes: do not choose a threshold by accuracy.

    Further arguments of `fit` are passed to that of the classifier. With metadata routing, the classifier must request
    them, and `score` requests `sample_weight` of its own.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_score
    >>> from skmer.model_selection import Protocol, RatingClassifier
    >>> rng = np.random.default_rng(0)
    >>> ratings = rng.uniform(1, 9, size=60)
    >>> X = ratings[:, None] + rng.normal(size=(60, 3))
    >>> model = RatingClassifier(LogisticRegression(), threshold="median").fit(X, ratings)
    >>> round(model.threshold_, 2), model.classes_.tolist()
    (5.34, ['high', 'low'])
    >>> folds = Protocol(n_splits=5, threshold="median").split(ratings)
    >>> scores = cross_val_score(model, X, ratings, cv=folds)
    >>> print(scores.mean().round(2))
    0.88
    """

    def __init__(self, classifier, threshold="median"):
        self.classifier = classifier
        self.threshold = threshold

    def fit(self, X, y, **params):
        """Learn the threshold, and fit the classifier to the classes.

        Parameters
        ----------
        X : sequence of n_songs, or array-like of shape (n_songs, n_features)
            Songs, as the classifier takes them.
        y : array-like of shape (n_songs,) or (n_songs, 2)
            Ratings of one dimension, or of valence and arousal in this order.
        **params : dict
            Further arguments of the `fit` of the classifier, such as `sample_weight`.

        Returns
        -------
        self : RatingClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If `y` are not finite ratings, or `threshold` is invalid.
        """
        y = _check_ratings(y)
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
        else:
            routed = Bunch(classifier=Bunch(fit=params))
        self.threshold_ = fit_threshold(y, self.threshold)
        classes = ratings_to_classes(y, self.threshold_)
        self.classifier_ = clone(self.classifier).fit(X, classes, **routed.classifier.fit)
        self.classes_ = self.classifier_.classes_
        for name in ("n_features_in_", "feature_names_in_"):
            # those of a former fit
            if hasattr(self, name):
                delattr(self, name)
            if hasattr(self.classifier_, name):
                setattr(self, name, getattr(self.classifier_, name))
        return self

    def to_classes(self, y):
        """Convert ratings to classes at the threshold of the training songs.

        Parameters
        ----------
        y : array-like of shape (n_songs,) or (n_songs, 2)
            Ratings.

        Returns
        -------
        ndarray of shape (n_songs,)
            "low" or "high", or "Q1" to "Q4".

        Raises
        ------
        ValueError
            If `y` are not finite ratings of as many dimensions as those of the training songs.
        """
        check_is_fitted(self)
        return ratings_to_classes(_check_ratings(y), self.threshold_)

    @available_if(_has("predict"))
    def predict(self, X):
        """Predict the class of each song.

        Parameters
        ----------
        X : sequence of n_songs, or array-like of shape (n_songs, n_features)
            Songs, as the classifier takes them.

        Returns
        -------
        ndarray of shape (n_songs,)
            Classes.
        """
        check_is_fitted(self)
        return self.classifier_.predict(X)

    @available_if(_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : sequence of n_songs, or array-like of shape (n_songs, n_features)
            Songs, as the classifier takes them.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            Probabilities, in the order of `classes_`.
        """
        check_is_fitted(self)
        return self.classifier_.predict_proba(X)

    @available_if(_has("decision_function"))
    def decision_function(self, X):
        """Compute the decision function of the classifier.

        Parameters
        ----------
        X : sequence of n_songs, or array-like of shape (n_songs, n_features)
            Songs, as the classifier takes them.

        Returns
        -------
        ndarray of shape (n_songs,) or (n_songs, n_classes)
            Values of the classifier.
        """
        check_is_fitted(self)
        return self.classifier_.decision_function(X)

    def score(self, X, y, sample_weight=None):
        """Compute the accuracy, given ratings.

        Parameters
        ----------
        X : sequence of n_songs, or array-like of shape (n_songs, n_features)
            Songs, as the classifier takes them.
        y : array-like of shape (n_songs,) or (n_songs, 2)
            Ratings, which are converted to classes at the threshold of the training songs.
        sample_weight : array-like of shape (n_songs,), default=None
            Weights of the songs.

        Returns
        -------
        float
            Share of the songs whose class is predicted.
        """
        return accuracy_score(self.to_classes(y), self.predict(X), sample_weight=sample_weight)

    def get_metadata_routing(self):
        """Return the routing of further arguments: those of `fit` go to the classifier.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The routing.
        """
        mapping = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(classifier=self.classifier, method_mapping=mapping)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.classifier)
        tags.input_tags = inner.input_tags
        tags.non_deterministic = inner.non_deterministic
        tags.target_tags.multi_output = True
        return tags


def rating_scorer(scoring):
    """Return a scorer that compares the predictions of a `RatingClassifier` with classes, given ratings.

    Parameters
    ----------
    scoring : str or callable
        Name of a scorer of scikit-learn, such as ``"f1_macro"``, or a scorer of classes, such as
        ``make_scorer(f1_score, pos_label="high")``.

    Returns
    -------
    callable
        A scorer ``(estimator, X, y)`` for ratings `y`, whose classes are those at the threshold of the estimator: a
        fitted `RatingClassifier`, a pipeline that ends in one, or a search over them.

    Raises
    ------
    ValueError
        If `scoring` is unknown.

    See Also
    --------
    RatingClassifier : Its `score` is the accuracy.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> from skmer.model_selection import RatingClassifier, rating_scorer
    >>> rng = np.random.default_rng(0)
    >>> ratings = rng.uniform(1, 9, size=60)
    >>> X = ratings[:, None] + rng.normal(size=(60, 3))
    >>> scoring = {name: rating_scorer(name) for name in ("balanced_accuracy", "roc_auc")}
    >>> scores = cross_validate(RatingClassifier(LogisticRegression()), X, ratings, scoring=scoring)
    >>> print(scores["test_balanced_accuracy"].mean().round(2), scores["test_roc_auc"].mean().round(2))
    0.91 0.98
    """
    if not isinstance(scoring, str) and not callable(scoring):
        raise ValueError(f"scoring must be the name of a scorer or a scorer, got {scoring!r}.")
    return _RatingScorer(get_scorer(scoring))


class _RatingScorer:
    """A scorer of classes, for ratings."""

    def __init__(self, scorer):
        self.scorer = scorer

    def __repr__(self):
        return f"rating_scorer({self.scorer!r})"

    def __call__(self, estimator, X, y, **params):
        return self.scorer(estimator, X, _find(estimator).to_classes(y), **params)

    def get_metadata_routing(self):
        # a plain function requests nothing
        return get_routing_for_object(self.scorer)


def _find(estimator):
    """Return the RatingClassifier in a pipeline, a search or a frozen estimator."""
    if isinstance(estimator, RatingClassifier):
        return estimator
    if isinstance(estimator, Pipeline):
        return _find(estimator.steps[-1][1])
    if isinstance(estimator, FrozenEstimator):
        return _find(estimator.estimator)
    if hasattr(estimator, "best_estimator_"):
        return _find(estimator.best_estimator_)
    raise ValueError(
        "A rating_scorer needs a RatingClassifier, a pipeline that ends in one, or a search over these, got "
        f"{estimator!r}."
    )


def _check_ratings(y):
    """Return ratings as an array, with an error that says so if they are labels."""
    try:
        if np.asarray(y).dtype.kind not in "USb":
            return np.asarray(y, dtype=np.float64)
    except (TypeError, ValueError):
        pass
    raise ValueError(
        "y must hold ratings, of shape (n_songs,) or (n_songs, 2): with labels, use the classifier without "
        "RatingClassifier."
    )
