"""Choose among systems: by the test-fold score (optimistic) or by nested cross-validation."""

from statistics import fmean

__all__ = ["best_on_test_folds", "chosen_inside_folds"]


def best_on_test_folds(experiment, names, score="accuracy"):
    """Return the system with the best mean score over the test folds, which is how the paper chooses the duration.

    The system is chosen and scored on the same songs, so its score is optimistic. The bias grows with the number of
    candidates and the noise of their scores.

    Parameters
    ----------
    experiment : Experiment
        Returned by `run_experiment`.
    names : sequence of str
        Candidates among the names of the experiment; of equally good ones, the first is taken.
    score : str, default="accuracy"
        The score that decides.

    Returns
    -------
    str
        Name of the best system.

    Raises
    ------
    ValueError
        If a name or the score is not in the experiment.

    See Also
    --------
    chosen_inside_folds : Nested cross-validation: chooses without the test songs.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition", Table 2.

    Examples
    --------
    >>> from skmer.model_selection import Experiment, best_on_test_folds
    >>> rows = [
    ...     {"name": name, "fold": 0, "inner": None, "scores": {"accuracy": accuracy}}
    ...     for name, accuracy in [("1 s", 0.7), ("3 s", 0.8)]
    ... ]
    >>> best_on_test_folds(Experiment({}, rows, [0], 1), ["1 s", "3 s"])
    '3 s'
    """
    _check(experiment, names, score)
    return _best({name: experiment.scores(name)[score] for name in names})


def chosen_inside_folds(experiment, names, score="accuracy", label="chosen inside the folds"):
    """Choose a system for each fold by nested cross-validation, and return its rows on the test songs.

    Systems are compared on folds within the training songs, so the scores of the returned rows are not optimistic.

    Parameters
    ----------
    experiment : Experiment
        Returned by `run_experiment` with `inner_splits`.
    names : sequence of str
        Candidates among the names of the experiment; of equally good ones, the first is taken.
    score : str, default="accuracy"
        The score that decides.
    label : str, default="chosen inside the folds"
        Name of the returned rows.

    Returns
    -------
    list of dict
        A row for each fold and seed, as in the experiment, with the name of the chosen system as ``"choice"``.

    Raises
    ------
    ValueError
        If the experiment has no inner folds, or a name or the score is not in it.

    Examples
    --------
    >>> from skmer.model_selection import Experiment, chosen_inside_folds
    >>> rows = [
    ...     {"name": name, "fold": 0, "inner": inner, "seed": 0, "scores": {"accuracy": accuracy}}
    ...     for name, inner, accuracy in [("1 s", None, 0.9), ("1 s", 0, 0.6), ("3 s", None, 0.8), ("3 s", 0, 0.7)]
    ... ]
    >>> [row] = chosen_inside_folds(Experiment({}, rows, [0], 1), ["1 s", "3 s"])
    >>> row["choice"], row["scores"]["accuracy"]
    ('3 s', 0.8)
    """
    _check(experiment, names, score)
    chosen = []
    for row in experiment.rows:
        if row["name"] != names[0] or row["inner"] is not None:
            continue
        candidates = {name: _rows(experiment, name, row["fold"], row["seed"]) for name in names}
        inner = {
            name: [r["scores"][score] for r in rows if r["inner"] is not None] for name, rows in candidates.items()
        }
        if not all(inner.values()):
            raise ValueError("experiment has no folds within the training songs: run it with inner_splits.")
        best = _best(inner)
        [test] = [r for r in candidates[best] if r["inner"] is None]
        chosen.append({**test, "name": label, "choice": best})
    return chosen


def _best(scores):
    """Return the first name with the largest mean; differences by rounding are ties."""
    return max(scores, key=lambda name: round(fmean(scores[name]), 12))


def _check(experiment, names, score):
    unknown = [name for name in names if name not in experiment.names]
    if unknown or not len(names):
        raise ValueError(f"names must be some of {experiment.names}, got {list(names)}.")
    if score not in experiment.rows[0]["scores"]:
        raise ValueError(f"score must be one of {list(experiment.rows[0]['scores'])}, got {score!r}.")


def _rows(experiment, name, fold, seed):
    return [r for r in experiment.rows if (r["name"], r["fold"], r["seed"]) == (name, fold, seed)]
