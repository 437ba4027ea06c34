"""The label-noise task on scikit-learn's digits: its data, the systems compared, and one run of one system."""

import warnings

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from skorch.callbacks import Callback
from threadpoolctl import threadpool_limits

from skmer import SSSLClassifier
from skmer.songs import SongSequence
from skmer.training.data import SegmentBank, Standardizer

NOISES = {
    "symmetric-40": ("symmetric", 0.4),
    "symmetric-60": ("symmetric", 0.6),
    "asymmetric-30": ("asymmetric", 0.3),
}

# the same network, epochs and batch for all: 64-256-256-10
COMMON = {"backbone": "mlp", "backbone_params": {"hidden": [256, 256]}, "batch_size": 64}


def plant_noise(y, kind, share, n_classes=10, seed=0):
    """Change the labels of an exact share of the rows.

    Parameters
    ----------
    y : ndarray of shape (n,) of int
        True classes, 0 to n_classes - 1.
    kind : {"symmetric", "asymmetric"}
        Whether labels change to any other class with equal probability, or to the next one, y + 1 modulo n_classes.
    share : float
        Share of the rows whose label is changed; their number is rounded.
    n_classes : int, default=10
        Number of classes.
    seed : int, default=0
        Seed of the choice of rows and labels.

    Returns
    -------
    labels : ndarray of shape (n,)
        Noisy labels.
    noisy : ndarray of shape (n,) of bool
        The rows whose label is wrong.
    """
    rng = np.random.default_rng(seed)
    noisy = np.zeros(len(y), dtype=bool)
    noisy[rng.permutation(len(y))[: round(share * len(y))]] = True
    step = rng.integers(1, n_classes, len(y)) if kind == "symmetric" else np.ones(len(y), dtype=int)
    return np.where(noisy, (y + step) % n_classes, y), noisy


def noisy_digits(noise, seed, validation=False):
    """Return the digits (pixels / 16), split 70/30 by class, with noise in the labels of the training part only.

    With `validation` the test part is dropped, and the training part is split 70/30 once more.

    Returns
    -------
    X_train, labels, noisy, X_test, y_test : ndarray
        `labels` has wrong labels where `noisy` is true; `y_test` has the true labels.
    """
    X, y = load_digits(return_X_y=True)
    X = X / 16
    for _ in range(1 + validation):
        X, X_test, y, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    labels, noisy = plant_noise(y, *NOISES[noise], seed=seed)
    return X, labels, noisy, X_test, y_test


class TestEpochs(Callback):
    """Record the test accuracy after every epoch, of the weights that prediction would use then.

    It serves the row "stopped at its best test epoch" only: in practice test labels are not available.
    """

    __test__ = False  # not a test case of pytest

    def __init__(self, X_train, X_test, y_test):
        self.X_train, self.X_test, self.y_test = X_train, X_test, y_test

    def on_train_begin(self, net, **kwargs):
        """Standardise the test rows as the classifier does."""
        standardizer = Standardizer.fit(SongSequence([self.X_train]))
        self.bank_ = SegmentBank(SongSequence([self.X_test]), standardizer, net.device)
        self.accuracies_ = []

    def on_epoch_end(self, net, **kwargs):
        """Predict the test rows."""
        logits = net.row_outputs(self.bank_)
        self.accuracies_.append(float((logits.argmax(1).cpu().numpy() == self.y_test).mean()))


def run_plain(params, X, labels, noisy, X_test, y_test):
    """Fit with plain cross-entropy; return the accuracy of the last and of the best test epoch."""
    epochs = TestEpochs(X, X_test, y_test)
    classifier = SSSLClassifier(**params, noise_model=None, callbacks=[epochs]).fit(X, labels)
    best = int(np.argmax(epochs.accuracies_))
    return {
        "accuracy": float(classifier.score(X_test, y_test)),
        "oracle_accuracy": epochs.accuracies_[best],
        "oracle_epoch": best + 1,
    }


def run_cleanlab(params, X, labels, noisy, X_test, y_test):
    """Fit cleanlab with the plain network: out-of-fold probabilities, pruning, a last fit on the remaining rows."""
    from cleanlab.classification import CleanLearning

    learner = CleanLearning(
        SSSLClassifier(**params, noise_model=None),
        seed=params["random_state"],
        cv_n_folds=5,
        find_label_issues_kwargs={"n_jobs": 1},
    )
    issues = learner.find_label_issues(X, labels)
    learner.fit(X, labels, label_issues=issues)
    return {
        "accuracy": float((learner.predict(X_test) == y_test).mean()),
        "roc_auc": float(roc_auc_score(noisy, 1 - issues["label_quality"].to_numpy())),
    }


def run_sssl(params, X, labels, noisy, X_test, y_test, recipe=None):
    """Fit SSSL with its defaults or a recipe, and with the parameters `params`."""
    make = SSSLClassifier if recipe is None else (lambda **kw: SSSLClassifier.from_recipe(recipe, **kw))
    classifier = make(**params).fit(X, labels)
    return {
        "accuracy": float(classifier.score(X_test, y_test)),
        "roc_auc": float(roc_auc_score(noisy, 1 - classifier.clean_probability_)),
        "roc_auc_of_loss": float(roc_auc_score(noisy, classifier.split_.loss)),
        "clean_share": float((classifier.clean_probability_ > classifier.clean_threshold).mean()),
    }


RUNNERS = {"plain": run_plain, "cleanlab": run_cleanlab, "sssl": run_sssl}


def run_job(job):
    """Run one system on one noisy data set.

    Parameters
    ----------
    job : dict
        ``runner`` (a name in `RUNNERS`), ``params`` of the classifier, ``recipe`` or None, ``noise``, ``seed``,
        ``epochs`` and ``validation``.

    Returns
    -------
    dict
        Scores, and the distinct ``warnings`` of the fits.
    """
    data = noisy_digits(job["noise"], job["seed"], job["validation"])
    params = {**COMMON, "max_epochs": job["epochs"], "random_state": job["seed"], **job["params"]}
    extra = {} if job["recipe"] is None else {"recipe": job["recipe"]}
    # sums depend on the number of threads in their last digits
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always")
        result = RUNNERS[job["runner"]](params, *data, **extra)
    result["warnings"] = sorted({f"{w.category.__name__}: {w.message}" for w in caught})
    return result
