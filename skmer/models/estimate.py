"""What a pipeline does on songs that it has not learnt from, beside the commonest class on the same folds."""

import warnings

import numpy as np
from sklearn.base import clone

from skmer.model_selection import (
    DUMMY,
    EstimatorSystem,
    Protocol,
    corrected_paired_test,
    run_experiment,
    summary_table,
)

__all__ = ["FIGURES", "PipelineSystem", "choose_folds", "estimate", "fit_pipeline", "stratified_folds"]

FIGURES = ("accuracy", "macro-F1", "balanced accuracy")
_RISK = 0.05


def fit_pipeline(pipeline, songs, y, groups=None):
    """Fit a pipeline; groups reach the network where it cross-fits.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted in place.
    songs : sequence of n_songs
        Paths or waveforms.
    y : array-like of shape (n_songs,)
        Labels.
    groups : array-like of shape (n_songs,), default=None
        Such as the artist of each song.

    Returns
    -------
    Pipeline
        The same.

    Examples
    --------
    >>> from skmer.datasets import make_songs
    >>> from skmer.models.estimate import fit_pipeline
    >>> from skmer.models.pipelines import make_pipeline_of
    >>> songs = make_songs(8, duration=4, random_state=0)
    >>> fit_pipeline(make_pipeline_of("log-mel"), songs.data, songs.target)["svm"].classes_.tolist()
    ['Q1', 'Q2', 'Q3', 'Q4']
    """
    crosses = groups is not None and pipeline.get_params().get("sssl__cv", "insample") != "insample"
    return pipeline.fit(songs, y, **({"sssl__groups": groups} if crosses else {}))


class PipelineSystem(EstimatorSystem):
    """A pipeline of `skmer.models` as `run_experiment` takes it.

    Parameters
    ----------
    estimator : Pipeline
        Of `make_pipeline_of`.

    Examples
    --------
    >>> from skmer.models.estimate import PipelineSystem
    >>> from skmer.models.pipelines import make_pipeline_of
    >>> PipelineSystem(make_pipeline_of("log-mel")).cost
    1.0
    """

    def prepare(self, X, n_jobs=None, verbose=0):
        """Do nothing: the songs were read before.

        Parameters
        ----------
        X, n_jobs, verbose : ignored
            For `run_experiment`'s sake.
        """

    def run(self, X, y, train, test, groups=None, seed=0, verbose=0):
        """Fit on the training songs and predict the test songs.

        Parameters
        ----------
        X : sequence of n_songs
            Songs.
        y : array-like of shape (n_songs,)
            Labels; those of test songs are not looked at.
        train, test : array of int
            Positions of songs.
        groups : array-like of shape (n_songs,), default=None
            Kept on one side in cross-fitting.
        seed : ignored
            It stands in the pipeline.
        verbose : int, default=0
            1 shows the epochs.

        Returns
        -------
        dict
            ``"predictions"``, labels of the test songs by name of the readout, here ``""``.
        """
        pipeline = clone(self.estimator)
        if "sssl" in pipeline.named_steps:
            pipeline.set_params(sssl__verbose=verbose)
        inside = None if groups is None else np.asarray(groups)[train]
        fit_pipeline(pipeline, [X[i] for i in train], np.asarray(y)[train], inside)
        return {"predictions": {"": pipeline.predict([X[i] for i in test]).tolist()}}


def choose_folds(y, groups, n_splits):
    """Give the number of folds that the smallest class allows, and a remark where that is fewer than wanted.

    Parameters
    ----------
    y : array-like of shape (n_songs,)
        Labels.
    groups : array-like of shape (n_songs,) or None
        Such as artists.
    n_splits : int
        Wanted; 0 for no estimate.

    Returns
    -------
    n_splits : int
        As many folds as can be.
    remark : str or None
        A sentence.

    Raises
    ------
    ValueError
        If a class has one song, or one group, only.

    Examples
    --------
    >>> from skmer.models.estimate import choose_folds
    >>> choose_folds(["a", "a", "a", "b", "b"], None, 5)
    (2, "n_splits=5 is lowered to 2, the number of songs of the class 'b'.")
    """
    if n_splits == 0:
        return 0, None
    y = np.asarray(y)
    own = np.arange(len(y)) if groups is None else np.asarray(groups)
    sizes = {name: len(np.unique(own[y == name])) for name in np.unique(y).tolist()}
    smallest = min(sizes, key=sizes.__getitem__)
    what = "song" if groups is None else "group"
    if sizes[smallest] < 2:
        raise ValueError(
            f"The class {smallest!r} has {'1 song' if groups is None else 'songs of 1 group'} only, so that no fold "
            "could both train and test it: add songs, leave the class out, or go without the estimate (n_splits=0)."
        )
    if n_splits <= sizes[smallest]:
        return n_splits, None
    n = sizes[smallest]
    return n, f"n_splits={n_splits} is lowered to {n}, the number of {what}s of the class {smallest!r}."


def stratified_folds(y, groups, n_splits, seed):
    """Give the (train, test) pairs of the estimate; none for 0 folds."""
    if n_splits == 0:
        return []
    with warnings.catch_warnings():
        # n_splits was chosen for the smallest class; groups can still be unlucky, which the figures show
        warnings.simplefilter("ignore", UserWarning)
        return list(_protocol(groups, n_splits, seed).split(np.asarray(y), groups))


def _protocol(groups, n_splits, seed):
    return Protocol("stratified" if groups is None else "grouped", n_splits, fold_seed=seed)


def estimate(pipeline, name, songs, y, groups, n_splits, seed, store, n_jobs=None, verbose=0):
    """Cross-validate a pipeline beside the commonest class; each finished fold is kept.

    Parameters
    ----------
    pipeline : Pipeline
        Not fitted.
    name : str
        What the table calls it.
    songs : sequence of n_songs
        Paths or waveforms.
    y : array-like of shape (n_songs,)
        Labels.
    groups : array-like of shape (n_songs,) or None
        Kept on one side.
    n_splits, seed : int
        Number of folds, and what decides them.
    store : Path
        Folder of the finished folds.
    n_jobs : int, default=None
        Processes over folds.
    verbose : int, default=0
        1 shows progress with the time left.

    Returns
    -------
    dict
        ``"protocol"``, ``"n_splits"``, ``"n_found"`` (folds that an earlier run had finished), ``"folds"`` (the
        figures of each fold, by system), ``"mean"``, ``"sd"``, ``"test"`` (of the accuracy, against the dummy),
        ``"table"`` and ``"sentence"``, as JSON can hold it.

    Raises
    ------
    ValueError
        If the songs cannot be divided so.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer.datasets import make_songs
    >>> from skmer.models.estimate import estimate
    >>> from skmer.models.pipelines import make_pipeline_of
    >>> songs = make_songs(12, duration=3, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = estimate(make_pipeline_of("log-mel"), "log-mel", songs.data, songs.target, None, 2, 0, folder)
    >>> found["protocol"], len(found["folds"]["log-mel"]["accuracy"])
    ('2 stratified folds, each song a group of its own', 2)
    """
    for train, _ in stratified_folds(y, groups, n_splits, seed):
        if len(np.unique(np.asarray(y)[train])) < 2:
            raise ValueError(
                "A fold has training songs of one class only: lower n_splits, or give songs of more groups."
            )
    protocol = _protocol(groups, n_splits, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        experiment = run_experiment(
            {name: PipelineSystem(pipeline)}, songs, y, protocol=protocol, groups=groups, seeds=[seed], store=store,
            n_jobs=n_jobs, verbose=verbose,
        )  # fmt: skip
    scores = {which: experiment.scores(which) for which in (DUMMY, name)}
    test = _test(scores[name]["accuracy"] - scores[DUMMY]["accuracy"], experiment.rows)
    how = "each song a group of its own" if groups is None else "the songs of a group always on one side"
    return {
        "protocol": f"{n_splits} stratified folds, {how}",
        "n_splits": n_splits,
        "n_found": experiment.n_found,
        "folds": {which: {figure: found[figure].tolist() for figure in FIGURES} for which, found in scores.items()},
        "mean": {which: {figure: float(found[figure].mean()) for figure in FIGURES} for which, found in scores.items()},
        "sd": {which: {figure: float(found[figure].std()) for figure in FIGURES} for which, found in scores.items()},
        "test": test,
        "table": summary_table(scores, FIGURES),
        "sentence": _sentence(test, n_splits) + _about_dummy(scores[DUMMY]["accuracy"], len(np.unique(y))),
    }


def _test(differences, rows):
    sizes = [(row["n_train"], row["n_test"]) for row in rows if row["name"] == DUMMY]
    found = corrected_paired_test(differences, *map(list, zip(*sizes, strict=True)))
    p = None if np.isnan(found.p_value) else found.p_value
    return {"difference": found.mean, "p_value": p, "better": p is not None and p <= _RISK and found.mean > 0}


def _sentence(test, n_splits):
    """Say whether the accuracy is told from the dummy's."""
    gain = f"{test['difference']:+.3f}".replace("0.", ".", 1)
    if test["p_value"] is None:
        return (
            f"Its accuracy differs from the dummy's by {gain} on every fold, of which a paired test can say nothing: "
            "the songs are too few."
        )
    p = "p < .001" if test["p_value"] < 0.001 else f"p = {test['p_value']:.3f}".replace("0.", ".", 1)
    told = f"over {n_splits} folds (accuracy {gain}, {p})"
    if test["better"]:
        return f"A corrected paired test tells the model from the dummy {told}."
    if test["p_value"] <= _RISK:
        return f"The model is worse than the dummy {told}: do not use it."
    return f"A corrected paired test does not tell the model from the dummy {told}: it may know no more than the dummy."


def _about_dummy(accuracy, n_classes):
    """Say where the dummy is worse than chance, which flatters what it is compared with.

    In small folds the class that is commonest in training is rare in the test.
    """
    if accuracy.mean() >= 1 / n_classes:
        return ""
    return f" The dummy is below 1/{n_classes} here: look at the balanced accuracy too."
