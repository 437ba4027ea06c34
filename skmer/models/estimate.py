"""Estimate the accuracy of pipelines by cross-validation, compare it with a dummy, and choose the best of several."""

import warnings

import numpy as np
from sklearn import config_context
from sklearn.base import clone

from skmer._pipeline_steps import leaf_steps
from skmer.model_selection import (
    Protocol,
    best_on_test_folds,
    chosen_inside_folds,
    corrected_paired_test,
    holm,
    run_experiment,
)
from skmer.models.calibration import CalibratedSystem, calibration_of
from skmer.models.confusion import confusion_of

__all__ = ["CHOSEN", "INNER_SPLITS", "choose_folds", "choose_inner_folds", "estimate", "stratified_folds"]

CHOSEN = "chosen inside the folds"
INNER_SPLITS = 3
_ALPHA = 0.05


def choose_folds(y, groups, n_splits):
    """Return the number of folds that the smallest class allows, and a remark if it is lower than `n_splits`.

    Raise ValueError if a class has only one song, or one group.
    """
    if n_splits == 0:
        return 0, None
    y = np.asarray(y)
    sizes = _class_sizes(y, groups, np.arange(len(y)))
    smallest = min(sizes, key=sizes.__getitem__)
    what = "song" if groups is None else "group"
    if sizes[smallest] < 2:
        raise ValueError(
            f"The class {smallest!r} has {'1 song' if groups is None else 'songs of 1 group'} only, but needs 2 to "
            "be in training and test songs: add songs, leave the class out, or train without an estimate (n_splits=0)."
        )
    if n_splits <= sizes[smallest]:
        return n_splits, None
    n = sizes[smallest]
    return n, (
        f"n_splits={n_splits} is lowered to {n}, the number of {what}s of the class {smallest!r}: for more folds, "
        "leave the class out (skmer train --min-songs), or add to it."
    )


def choose_inner_folds(y, groups, folds):
    """Return the number of folds within the training songs of each fold that the smallest class allows, 3 or 2.

    Raise ValueError if a class has fewer than 2 songs, or groups, in the training songs of a fold.
    """
    y = np.asarray(y)
    sizes = [_class_sizes(y, groups, train) for train, _ in folds]
    n, smallest = min((n, name) for own in sizes for name, n in own.items())
    if n < 2:
        what = "song" if groups is None else "group"
        raise ValueError(
            f"The class {smallest!r} has {n} {what}{'s' * (n != 1)} in the training songs of a fold, but needs 2 for "
            "the choice within them: add songs, leave the class out, or train one system by its name."
        )
    return min(n, INNER_SPLITS)


def _class_sizes(y, groups, songs):
    """Return the number of songs, or groups, of each class of y among some songs."""
    units = np.arange(len(y)) if groups is None else np.asarray(groups)
    return {name: len(np.unique(units[songs][y[songs] == name])) for name in np.unique(y).tolist()}


def stratified_folds(y, groups, n_splits, seed):
    """Return the (train, test) pairs of the estimate; none for 0 folds."""
    if n_splits == 0:
        return []
    with warnings.catch_warnings():
        # n_splits suits the smallest class; groups can still leave a class out of a fold, which the scores show
        warnings.simplefilter("ignore", UserWarning)
        protocol = Protocol("stratified" if groups is None else "grouped", n_splits, fold_seed=seed)
        return list(protocol.split(np.asarray(y), groups))


def estimate(task, pipelines, songs, n_splits, seed, store, n_jobs=None, verbose=0, inner_splits=None):
    """Cross-validate pipelines on `TrainingSongs`, and choose among several; finished fits are kept in `store`.

    `task` has the scores, `pipelines` is a dict by name, and `inner_splits` the number of folds within the training
    songs of each fold, by which one of several pipelines is chosen there. Return a dict that JSON can hold:
    ``"protocol"``, ``"n_splits"``, ``"n_found"`` (fits that an earlier run had finished), ``"folds"`` (scores of each
    fold, by system), ``"mean"``, ``"sd"``, ``"test"`` (against the dummy), ``"table"`` and ``"sentence"``; of classes,
    also ``"calibration"`` and ``"confusion"``, from `calibration_of` and `confusion_of`.

    With several pipelines, there is also ``"choice"``, and the test is that of the pipelines that were chosen inside
    the folds, because the highest of several means is too optimistic.
    """
    y, groups, protocol = songs.target, songs.groups, task.protocol(songs.groups, n_splits, seed)
    dummy = protocol._dummy
    pipelines = {name: clone(pipeline) for name, pipeline in pipelines.items()}
    for pipeline in pipelines.values():
        if network := dict(leaf_steps(pipeline)).get("sssl"):
            network.set_params(verbose=verbose if n_jobs in (None, 1) else 0)
    # groups reach the cross-fitting by scikit-learn's metadata routing
    with warnings.catch_warnings(), config_context(enable_metadata_routing=True):
        warnings.simplefilter("ignore", UserWarning)
        experiment = run_experiment(
            {name: CalibratedSystem(pipeline) for name, pipeline in pipelines.items()}, songs.data, y,
            protocol=protocol, groups=groups, inner_splits=inner_splits, seeds=[seed],
            store=store, n_jobs=n_jobs, verbose=verbose,
        )  # fmt: skip
    scores = {which: experiment.scores(which) for which in (dummy, *pipelines)}
    [judged, *others] = pipelines
    subject = "The model"
    if others:
        inside = chosen_inside_folds(experiment, list(pipelines), task.score, label=CHOSEN)
        scores[CHOSEN] = {score: np.array([row["scores"][score] for row in inside]) for score in task.scores}
        judged, subject = CHOSEN, "The system chosen inside the folds"
    test = _test(task, scores, judged, dummy, experiment)
    how = "each song its own group" if groups is None else "the songs of a group in one fold"
    found = {
        "protocol": f"{n_splits} {task.kind_of_folds}, {how}",
        "n_splits": n_splits,
        "n_found": experiment.n_found,
        "folds": {which: {score: own[score].tolist() for score in task.scores} for which, own in scores.items()},
        "mean": {which: {score: float(own[score].mean()) for score in task.scores} for which, own in scores.items()},
        "sd": {which: {score: float(own[score].std()) for score in task.scores} for which, own in scores.items()},
        "test": test,
        "table": task.table(scores),
        "sentence": _test_sentence(task, test, n_splits, subject) + task.remark(scores[dummy], y),
    }
    if others:
        found["choice"] = _choose(task, experiment, scores, list(pipelines), inside, inner_splits)
    if not task.ratings:
        name, folds = found["choice"]["chosen"] if others else judged, task.folds(songs, n_splits, seed)
        found["calibration"] = calibration_of(experiment, name, y, folds)
        found["confusion"] = confusion_of(experiment, name, y, folds)
    return found


def _choose(task, experiment, scores, names, inside, inner_splits):
    """Return which system has the highest mean score, and how clearly, as a dict that JSON can hold."""
    best = best_on_test_folds(experiment, names, task.score)
    tests = {name: _test(task, scores, best, name, experiment) for name in names if name != best}
    computed = [name for name in tests if tests[name]["p_value"] is not None]
    for name, p in zip(computed, holm([tests[name]["p_value"] for name in computed]) if computed else [], strict=True):
        tests[name] = {**tests[name], "p_value": float(p), "better": bool(p <= _ALPHA) and tests[name]["better"]}
    counts = {name: sum(row["choice"] == name for row in inside) for name in names}
    choice = {"chosen": best, "candidates": names, "tests": tests, "inner_splits": inner_splits, "times_chosen": counts}
    return {**choice, "sentence": _choice_sentence(task, choice, scores, len(inside))}


def _choice_sentence(task, choice, scores, n_splits):
    """Return which system was chosen, the differences from the others, and how often each was chosen, as sentences."""
    best, tests = choice["chosen"], choice["tests"]
    means = {name: _short(f"{scores[name][task.score].mean():.3f}") for name in choice["candidates"]}
    tied = [name for name in tests if abs(tests[name]["difference"]) < 1e-12]
    found = f"Chosen: {best}, with the highest {task.mean_words} ({means[best]})."
    if tied:
        found = f"Chosen: {best}, which is as accurate as {' and '.join(tied)} ({means[best]}) and simpler."
    for name, test in tests.items():
        found += f" {name} has {means[name]}: a difference of {_short(format(test['difference'], '+.3f'))}, "
        if test["p_value"] is None:
            found += "the same on every fold, so that a paired test cannot be computed."
        else:
            verdict = "is significant" if test["better"] else "is not significant"
            found += f"which {verdict} by a corrected paired test over {n_splits} folds ({_format_p(test['p_value'])})."
    often = " and ".join(f"{name} in {n}" for name, n in choice["times_chosen"].items())
    return (
        f"{found} Inside the {n_splits} folds, by {choice['inner_splits']} folds within their training songs, the "
        f"choice was {often}. {task.choice_words}"
    )


def _test(task, scores, one, other, experiment):
    """Test the difference of the scores of two systems on the test folds."""
    first = experiment.names[0]
    sizes = [
        (row["n_train"], row["n_test"]) for row in experiment.rows if row["name"] == first and row["inner"] is None
    ]
    differences = scores[one][task.score] - scores[other][task.score]
    found = corrected_paired_test(differences, *map(list, zip(*sizes, strict=True)))
    p = None if np.isnan(found.p_value) else found.p_value
    return {"difference": found.mean, "p_value": p, "better": p is not None and p <= _ALPHA and found.mean > 0}


def _test_sentence(task, test, n_splits, subject):
    """Return whether the score differs significantly from the dummy's, as a sentence."""
    gain = _short(f"{test['difference']:+.3f}")
    if test["p_value"] is None:
        return (
            f"The {task.words} differs from the dummy's by {gain} on every fold, so that a paired test cannot be "
            "computed: the songs are too few."
        )
    how = f"by a corrected paired test over {n_splits} folds ({task.words} {gain}, {_format_p(test['p_value'])})"
    if test["better"]:
        return f"{subject} is significantly better than the dummy {how}."
    if test["p_value"] <= _ALPHA:
        return f"{subject} is significantly worse than the dummy {how}: do not use it."
    return f"{subject} does not differ significantly from the dummy {how}: it may be no better than the dummy."


def _format_p(p):
    return "p < .001" if p < 0.001 else _short(f"p = {p:.3f}")


def _short(number):
    """Return a formatted number without the zero before its point."""
    return number.replace("0.", ".", 1)
