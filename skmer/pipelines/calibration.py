"""An SVM with probabilities that agree with its predictions, calibrated on songs that the model has not seen."""

import warnings
from numbers import Integral

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, check_cv
from sklearn.svm import SVC
from sklearn.utils import _safe_indexing, indexable
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import check_is_fitted

from skmer._pipeline_steps import fit_with_groups
from skmer._validation import as_label_array

__all__ = ["UNCALIBRATED", "CalibratedSVC", "calibrate", "calibration_error", "fit_temperature", "log_loss"]

UNCALIBRATED = 1.5
"""Temperature without calibration: cautious, as on collections of music (benchmarks/calibration.py)."""

_BINS = 10  # of the calibration error
_FIRST = 1e-9  # by which the logit of the predicted class is above the others at least
_LOG_BETA = (-4.0, 4.0)  # bounds of the logarithm of the inverse temperature


def fit_temperature(logits, y, sample_weight=None):
    """Return the temperature T with the least log loss of ``softmax(logits / T)``.

    `logits` has shape (n_songs, n_classes), and `y` the column of each song's class. The probability of n songs that
    are all right is limited as by Laplace's rule of succession: the next song is wrong with a probability of
    1 / (n + 2).
    """
    n, n_classes = logits.shape
    doubt = 1 / ((n if sample_weight is None else np.sum(sample_weight)) + 2)
    targets = np.full(logits.shape, doubt / (n_classes - 1))
    targets[np.arange(n), y] = 1 - doubt

    def loss(log_beta):
        return -np.average(
            (targets * log_softmax(np.exp(log_beta) * logits, axis=1)).sum(axis=1), weights=sample_weight
        )

    found = minimize_scalar(loss, bounds=_LOG_BETA, method="bounded", options={"xatol": 1e-8})
    return float(np.exp(-found.x))


def log_loss(probabilities, y):
    """Return the mean negative logarithm of the probability of each song's class, whose column is in `y`."""
    return float(-np.log(probabilities[np.arange(len(y)), y]).mean())


def calibration_error(probabilities, y):
    """Return how far the largest probability is from the share of right predictions, in ten bins of songs.

    The bins are of equal numbers of songs, sorted by the largest probability, and at least ten songs large.
    """
    right, largest = probabilities.argmax(axis=1) == y, probabilities.max(axis=1)
    bins = np.array_split(np.argsort(largest, kind="stable"), min(_BINS, max(len(y) // 10, 1)))
    return float(sum(len(own) * abs(largest[own].mean() - right[own].mean()) for own in bins) / len(y))


def _split(y, units, n_splits, seed=None):
    """Return folds that are stratified by class, with the songs of a unit in one fold."""
    shuffle = {"shuffle": seed is not None, "random_state": seed}
    alone = len(np.unique(units)) == len(y)
    splitter = (StratifiedKFold if alone else StratifiedGroupKFold)(n_splits, **shuffle)
    with warnings.catch_warnings():
        # groups can leave a class out of a fold
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(len(y)), y, units))


class CalibratedSVC(SVC):
    """Support vector classification with calibrated probabilities, the largest of which is that of the prediction.

    `predict` is that of `sklearn.svm.SVC`. The logit of a class is the sum of its margins in the binary
    classifications of its songs and those of each other class, times 2 / n_classes. Where the votes that decide
    `predict` are for another class than that of the largest logit, the logits of the two change places. The
    probabilities are the softmax of the logits divided by one temperature, which is fitted on predictions for songs
    outside the training.

    Parameters
    ----------
    C : float, default=1.0
        This and the other parameters but `cv` are those of `sklearn.svm.SVC`.
    kernel : str or callable, default="rbf"
        As in `sklearn.svm.SVC`.
    degree : int, default=3
        As in `sklearn.svm.SVC`.
    gamma : {"scale", "auto"} or float, default="scale"
        As in `sklearn.svm.SVC`.
    coef0 : float, default=0.0
        As in `sklearn.svm.SVC`.
    shrinking : bool, default=True
        As in `sklearn.svm.SVC`.
    tol : float, default=1e-3
        As in `sklearn.svm.SVC`.
    cache_size : float, default=200
        As in `sklearn.svm.SVC`.
    class_weight : dict or "balanced", default=None
        As in `sklearn.svm.SVC`.
    verbose : bool, default=False
        As in `sklearn.svm.SVC`.
    max_iter : int, default=-1
        As in `sklearn.svm.SVC`.
    decision_function_shape : {"ovo", "ovr"}, default="ovr"
        As in `sklearn.svm.SVC`; the probabilities do not depend on it.
    break_ties : bool, default=False
        As in `sklearn.svm.SVC`.
    random_state : int, RandomState instance or None, default=None
        Not used: `sklearn.svm.SVC` is random only if it estimates probabilities by itself.
    cv : int, splitter, iterable or None, default=5
        Folds in `fit` by which the temperature is fitted; a number is lowered where a class has fewer songs, or groups.
        None does not calibrate: the temperature is 1.5 until `calibrate` replaces it. That is right where the features
        of the training songs are too good, because a step before was trained on their labels.

    Attributes
    ----------
    temperature_ : float
        The temperature.
    classes_ : ndarray of shape (n_classes,)
        The classes; the other attributes are those of `sklearn.svm.SVC`.

    See Also
    --------
    calibrate : Fits the temperature of a whole pipeline.
    skmer.models.train_model : Fits it on the folds of its estimate.

    Notes
    -----
    The temperature minimises the log loss over all out-of-fold predictions. With groups, the songs of a group are in
    one fold; they are passed to `fit`, or to that of a pipeline with scikit-learn's metadata routing.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmer.pipelines import CalibratedSVC
    >>> X, y = load_iris(return_X_y=True)
    >>> svm = CalibratedSVC().fit(X, y)
    >>> bool((svm.predict_proba(X).argmax(axis=1) == svm.predict(X)).all())
    True
    """

    __metadata_request__fit = {"groups": True}  # noqa: RUF012
    _parameter_constraints: dict = {  # noqa: RUF012
        **{name: rule for name, rule in SVC._parameter_constraints.items() if name != "probability"},
        "cv": ["cv_object"],
    }

    def __init__(
        self,
        *,
        C=1.0,
        kernel="rbf",
        degree=3,
        gamma="scale",
        coef0=0.0,
        shrinking=True,
        tol=1e-3,
        cache_size=200,
        class_weight=None,
        verbose=False,
        max_iter=-1,
        decision_function_shape="ovr",
        break_ties=False,
        random_state=None,
        cv=5,
    ):
        # without probability, which scikit-learn deprecates
        super().__init__(
            C=C, kernel=kernel, degree=degree, gamma=gamma, coef0=coef0, shrinking=shrinking, tol=tol,
            cache_size=cache_size, class_weight=class_weight, verbose=verbose, max_iter=max_iter,
            decision_function_shape=decision_function_shape, break_ties=break_ties, random_state=random_state,
        )  # fmt: skip
        self.cv = cv

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit the SVM, and the temperature by cross-validation.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_songs, n_features)
            Features of the songs, or with ``kernel="precomputed"`` the kernel.
        y : array-like of shape (n_songs,)
            Classes.
        sample_weight : array-like of shape (n_songs,), default=None
            Weight of each song.
        groups : array-like of shape (n_songs,), default=None
            Group of each song, such as its artist; songs of a group are in one fold.

        Returns
        -------
        CalibratedSVC
            The fitted SVM.
        """
        super().fit(X, y, sample_weight)
        self.temperature_ = UNCALIBRATED
        if self.cv is not None:
            weights = None if sample_weight is None else np.asarray(sample_weight, dtype=float)
            self._calibrate(X, as_label_array(y), weights, groups)
        return self

    def _calibrate(self, X, y, weights, groups):
        X, columns = indexable(X, y, groups)[0], np.searchsorted(self.classes_, y)
        plain = clone(self).set_params(cv=None)
        found, tested = [], []
        for train, test in self._folds(columns, weights, None if groups is None else as_label_array(groups)):
            if len(np.unique(columns[train])) < len(self.classes_):
                # groups can leave a class out of a fold
                continue
            inside, labels = _safe_split(plain, X, y, train)
            plain.fit(inside, labels, None if weights is None else weights[train])
            found.append(plain.logits(_safe_split(plain, X, y, test, train)[0]))
            tested.append(test)
        if found:
            used = np.concatenate(tested)
            own = None if weights is None else weights[used]
            self.temperature_ = fit_temperature(np.concatenate(found), columns[used], own)

    def _folds(self, columns, weights, groups):
        """Return (train, test) pairs of songs; none where a class has one song, or group, only."""
        weighted = np.ones(len(columns), dtype=bool) if weights is None else weights > 0
        if not isinstance(self.cv, Integral):
            folds = check_cv(self.cv, columns, classifier=True).split(columns, columns, groups)
            pairs = ((np.arange(len(columns))[train], np.arange(len(columns))[test]) for train, test in folds)
            return [(train[weighted[train]], test[weighted[test]]) for train, test in pairs]
        songs = np.flatnonzero(weighted)
        units = songs if groups is None else np.unique(groups[songs], return_inverse=True)[1]
        sizes = [len(np.unique(units[columns[songs] == k])) for k in np.unique(columns)]
        n_splits = min(int(self.cv), *sizes)
        if n_splits < 2:
            return []
        return [(songs[train], songs[test]) for train, test in _split(columns[songs], units, n_splits)]

    def logits(self, X):
        """Return the logits, whose softmax with the temperature 1 are not calibrated.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_songs, n_features)
            Features of songs.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            The logits.
        """
        check_is_fitted(self)
        predicted, rows = np.searchsorted(self.classes_, self.predict(X)), np.arange(len(self.classes_))
        # the margins of the pairs of classes; positive for the second of two, and for the first of each pair of many
        margins = self._decision_function(X)
        if margins.ndim == 1:
            logits = np.column_stack([-margins, margins])
        else:
            first, second = np.triu_indices(len(rows), 1)
            logits = margins @ ((rows == first[:, None]) * 1.0 - (rows == second[:, None])) * 2 / len(rows)
        songs, largest = np.arange(len(logits)), logits.argmax(axis=1)
        before = logits[songs, predicted].copy()
        logits[songs, predicted] = logits[songs, largest] + _FIRST
        logits[songs[largest != predicted], largest[largest != predicted]] = before[largest != predicted]
        return logits

    def predict_proba(self, X):
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_songs, n_features)
            Features of songs.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            Probabilities, the largest of which is that of the class of `predict`.
        """
        return softmax(self.logits(X) / self.temperature_, axis=1)

    def predict_log_proba(self, X):
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_songs, n_features)
            Features of songs.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            Logarithms of the probabilities.
        """
        return log_softmax(self.logits(X) / self.temperature_, axis=1)


def calibrate(pipeline, X, y, groups=None, cv=5):
    """Calibrate the probabilities of a fitted pipeline on songs outside the training, by cross-validation.

    The pipeline itself is not fitted again: clones of it are trained on the songs of all folds but one, and the
    temperature is fitted on their predictions for the songs of that fold, of all folds together. `train_model` does
    the same with the folds of its estimate.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted, with a `CalibratedSVC` as its last step, such as that of `make_sssl_pipeline`.
    X : sequence of n_songs
        Songs, as the pipeline takes them.
    y : array-like of shape (n_songs,)
        Classes.
    groups : array-like of shape (n_songs,), default=None
        Group of each song, such as its artist; songs of a group are in one fold, here and in cross-fitting.
    cv : int, default=5
        Number of folds.

    Returns
    -------
    Pipeline
        The pipeline itself, with another ``temperature_`` of its last step.

    Raises
    ------
    ValueError
        If the last step is another one, or no fold has training songs of each class.

    Examples
    --------
    >>> from skmer import DescriptorTransformer
    >>> from skmer.datasets import make_songs
    >>> from skmer.pipelines import CalibratedSVC, calibrate
    >>> from sklearn.pipeline import make_pipeline
    >>> songs = make_songs(8, duration=2, sr=22050, random_state=0)
    >>> pipe = make_pipeline(DescriptorTransformer(["dynamics"]), CalibratedSVC(cv=None)).fit(songs.data, songs.target)
    >>> pipe[-1].temperature_
    1.5
    >>> calibrate(pipe, songs.data, songs.target, cv=2)[-1].temperature_ == 1.5
    False
    """
    svm = pipeline[-1] if hasattr(pipeline, "steps") else pipeline
    if not isinstance(svm, CalibratedSVC):
        raise ValueError(f"The last step of the pipeline must be a CalibratedSVC, got {type(svm).__name__}.")
    check_is_fitted(svm)
    y = as_label_array(y)
    groups = None if groups is None else as_label_array(groups)
    found, columns = [], []
    for train, test in _split(y, np.arange(len(y)) if groups is None else groups, cv, seed=0):
        other = clone(pipeline)
        with config_context(enable_metadata_routing=True):
            fit_with_groups(other, _safe_indexing(X, train), y[train], None if groups is None else groups[train])
        if np.array_equal(other.classes_, svm.classes_):
            found.append(pipeline_logits(other, _safe_indexing(X, test)))
            columns.append(np.searchsorted(svm.classes_, y[test]))
    if not found:
        raise ValueError("No fold has training songs of each class: add songs, or use fewer folds, with cv.")
    svm.temperature_ = fit_temperature(np.concatenate(found), np.concatenate(columns))
    return pipeline


def pipeline_logits(pipeline, X):
    """Return the logits of songs by a fitted pipeline with a `CalibratedSVC` as its last step."""
    return pipeline[-1].logits(pipeline[:-1].transform(X))
