"""compare_systems and summary_table: cross-validate several estimators on the same folds."""

import re

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_consistent_length
from tqdm.auto import tqdm

from skmer._io import markdown_table
from skmer._parallel import parallel_map
from skmer.model_selection.scores import emotion_scores

__all__ = ["compare_systems", "summary_table"]


def _fit_and_score(estimator, X, y, train, test, collect):
    estimator = clone(estimator).fit(_safe_indexing(X, train), y[train])
    scores = emotion_scores(y[test], estimator.predict(_safe_indexing(X, test)))
    if collect is not None:
        scores.update(collect(estimator, train, test))
    return scores


def compare_systems(systems, X, y, *, groups=None, cv=10, collect=None, n_jobs=None, verbose=0):
    """Cross-validate several systems on the same folds.

    Parameters
    ----------
    systems : dict of str to estimator
        The systems, by name.
    X : SongSequence or sequence
        Songs, as the systems take them.
    y : array-like of shape (n_songs,)
        Labels.
    groups : array-like of shape (n_songs,), default=None
        Passed to the splitter, for example to keep the songs of an artist together. They are not passed
        to the cross-fitting of `SSSLClassifier`; scikit-learn's `cross_validate` with metadata
        routing does that.
    cv : int, splitter or iterable, default=10
        Folds.
    collect : callable, default=None
        Called as ``collect(estimator, train, test)`` after each fit; returns a dict of
        further values.
    n_jobs : int, default=None
        Number of processes over systems and folds.
    verbose : int, default=0
        1 shows a progress bar with the time left.

    Returns
    -------
    dict of str to dict of str to ndarray
        For each system, the values of each score over the folds: those of `emotion_scores`
        and those returned by `collect`.

    See Also
    --------
    run_experiment : Keeps finished fits on disk, and takes protocols and seeds.
    sklearn.model_selection.cross_validate : For one system.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.svm import SVC
    >>> from skmer.model_selection import compare_systems
    >>> X, y = load_iris(return_X_y=True)
    >>> results = compare_systems({"dummy": DummyClassifier(), "SVM": SVC()}, X, y, cv=5)
    >>> bool(results["SVM"]["accuracy"].mean() > results["dummy"]["accuracy"].mean())
    True
    """
    check_consistent_length(X, y, groups)
    y = np.asarray(y)
    folds = list(check_cv(cv, y, classifier=True).split(np.zeros(len(y)), y, groups))
    # fold by fold, so that the time left is that of all systems from the start
    tasks = [(name, train, test) for train, test in folds for name in systems]
    arguments = ((systems[name], X, y, train, test, collect) for name, train, test in tasks)
    done = parallel_map(_fit_and_score, arguments, n_jobs)
    bar = tqdm(done, total=len(tasks), desc="cross-validation", unit="fit", disable=not verbose)
    results: dict = {name: [] for name in systems}
    for (name, _, _), scores in zip(tasks, bar, strict=True):
        results[name].append(scores)
    return {name: {key: np.array([fold[key] for fold in rows]) for key in rows[0]} for name, rows in results.items()}


def summary_table(results, scores=("accuracy", "macro-F1", "balanced accuracy")):
    """Format the scores of systems as a table of mean ± standard deviation over folds.

    Parameters
    ----------
    results : dict
        Scores by system, as `compare_systems` returns them.
    scores : sequence of str, default=("accuracy", "macro-F1", "balanced accuracy")
        The columns.

    Returns
    -------
    str
        A Markdown table.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.model_selection import summary_table
    >>> print(summary_table({"dummy": {"accuracy": np.array([0.25, 0.35])}}, ["accuracy"]))
    | system |    accuracy |
    |--------|------------:|
    | dummy  | .300 ± .050 |
    """
    rows = [["system", *scores]]
    for name, values in results.items():
        cells = [f"{values[s].mean():.3f} ± {values[s].std():.3f}" if s in values else "" for s in scores]
        rows.append([name, *(re.sub(r"\b0\.", ".", cell) for cell in cells)])
    return markdown_table(rows[0], rows[1:])
