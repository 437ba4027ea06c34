"""Estimate the accuracy of a pipeline by cross-validation, and compare it with that of a dummy classifier."""

import warnings

import numpy as np
from sklearn import config_context
from sklearn.base import clone

from skmer.model_selection import (
    DUMMY,
    EstimatorSystem,
    Protocol,
    corrected_paired_test,
    run_experiment,
    summary_table,
)

__all__ = ["choose_folds", "estimate", "stratified_folds"]

_SCORES = ("accuracy", "macro-F1", "balanced accuracy")
_ALPHA = 0.05


def choose_folds(y, groups, n_splits):
    """Return the number of folds that the smallest class allows, and a remark if it is lower than `n_splits`.

    Raise ValueError if a class has only one song, or one group.
    """
    if n_splits == 0:
        return 0, None
    y = np.asarray(y)
    groups_or_songs = np.arange(len(y)) if groups is None else np.asarray(groups)
    sizes = {name: len(np.unique(groups_or_songs[y == name])) for name in np.unique(y).tolist()}
    smallest = min(sizes, key=sizes.__getitem__)
    what = "song" if groups is None else "group"
    if sizes[smallest] < 2:
        raise ValueError(
            f"The class {smallest!r} has {'1 song' if groups is None else 'songs of 1 group'} only, but needs 2 to "
            "be in training and test songs: add songs, leave the class out, or train without an estimate (0 folds)."
        )
    if n_splits <= sizes[smallest]:
        return n_splits, None
    n = sizes[smallest]
    return n, f"n_splits={n_splits} is lowered to {n}, the number of {what}s of the class {smallest!r}."


def stratified_folds(y, groups, n_splits, seed):
    """Return the (train, test) pairs of the estimate; none for 0 folds."""
    if n_splits == 0:
        return []
    with warnings.catch_warnings():
        # n_splits suits the smallest class; groups can still leave a class out of a fold, which the scores show
        warnings.simplefilter("ignore", UserWarning)
        return list(_protocol(groups, n_splits, seed).split(np.asarray(y), groups))


def _protocol(groups, n_splits, seed):
    return Protocol("stratified" if groups is None else "grouped", n_splits, fold_seed=seed)


def estimate(pipeline, name, songs, n_splits, seed, store, n_jobs=None, verbose=0):
    """Cross-validate a pipeline on `TrainingSongs`; each finished fold is kept in the folder `store`.

    Return a dict that JSON can hold: ``"protocol"``, ``"n_splits"``, ``"n_found"`` (folds that an earlier run had
    finished), ``"folds"`` (scores of each fold, by system), ``"mean"``, ``"sd"``, ``"test"`` (of the accuracy, against
    the dummy), ``"table"`` and ``"sentence"``.
    """
    y, groups = songs.target, songs.groups
    pipeline = clone(pipeline)
    if "sssl" in pipeline.named_steps:
        pipeline.set_params(sssl__verbose=verbose if n_jobs in (None, 1) else 0)
    # groups reach the cross-fitting by scikit-learn's metadata routing
    with warnings.catch_warnings(), config_context(enable_metadata_routing=True):
        warnings.simplefilter("ignore", UserWarning)
        experiment = run_experiment(
            {name: EstimatorSystem(pipeline)}, songs.data, y, protocol=_protocol(groups, n_splits, seed), groups=groups,
            seeds=[seed], store=store, n_jobs=n_jobs, verbose=verbose,
        )  # fmt: skip
    scores = {which: experiment.scores(which) for which in (DUMMY, name)}
    test = _test(scores[name]["accuracy"] - scores[DUMMY]["accuracy"], experiment.rows)
    how = "each song its own group" if groups is None else "the songs of a group in one fold"
    return {
        "protocol": f"{n_splits} stratified folds, {how}",
        "n_splits": n_splits,
        "n_found": experiment.n_found,
        "folds": {which: {score: found[score].tolist() for score in _SCORES} for which, found in scores.items()},
        "mean": {which: {score: float(found[score].mean()) for score in _SCORES} for which, found in scores.items()},
        "sd": {which: {score: float(found[score].std()) for score in _SCORES} for which, found in scores.items()},
        "test": test,
        "table": summary_table(scores, _SCORES),
        "sentence": _test_sentence(test, n_splits) + _dummy_sentence(scores[DUMMY]["accuracy"], len(np.unique(y))),
    }


def _test(differences, rows):
    sizes = [(row["n_train"], row["n_test"]) for row in rows if row["name"] == DUMMY]
    found = corrected_paired_test(differences, *map(list, zip(*sizes, strict=True)))
    p = None if np.isnan(found.p_value) else found.p_value
    return {"difference": found.mean, "p_value": p, "better": p is not None and p <= _ALPHA and found.mean > 0}


def _test_sentence(test, n_splits):
    """Return whether the accuracy differs significantly from the dummy's, as a sentence."""
    gain = f"{test['difference']:+.3f}".replace("0.", ".", 1)
    if test["p_value"] is None:
        return (
            f"The accuracy differs from the dummy's by {gain} on every fold, so that a paired test cannot be computed: "
            "the songs are too few."
        )
    p = "p < .001" if test["p_value"] < 0.001 else f"p = {test['p_value']:.3f}".replace("0.", ".", 1)
    how = f"by a corrected paired test over {n_splits} folds (accuracy {gain}, {p})"
    if test["better"]:
        return f"The model is significantly better than the dummy {how}."
    if test["p_value"] <= _ALPHA:
        return f"The model is significantly worse than the dummy {how}: do not use it."
    return f"The model does not differ significantly from the dummy {how}: it may be no better than the dummy."


def _dummy_sentence(accuracy, n_classes):
    """Return a remark if the accuracy of the dummy is below chance, so that the comparison with it is too favourable.

    This happens in small folds, where the commonest training class is rare among the test songs.
    """
    if accuracy.mean() >= 1 / n_classes:
        return ""
    return f" The dummy's accuracy is below 1/{n_classes} here: look at the balanced accuracy too."
