"""Choose among systems, such as one for each duration: on the test folds, or honestly."""

from statistics import mean

__all__ = ["best_on_test_folds", "chosen_inside_folds"]


def best_on_test_folds(experiment, names, score="accuracy"):
    """Find the system with the best mean over the test folds: the paper's choice of the duration.

    The same songs choose and judge, so its figures are optimistic: the more candidates there
    are and the noisier their figures, the more so.

    Parameters
    ----------
    experiment : Experiment
        What `run_experiment` gave.
    names : sequence of str
        Candidates, among the names of the experiment; the first of equals is taken.
    score : str, default="accuracy"
        The figure that decides.

    Returns
    -------
    str
        Name of the best.

    Raises
    ------
    ValueError
        If a name or the score is not in the experiment.

    See Also
    --------
    chosen_inside_folds : The choice without a look at test songs.

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
    return max(names, key=lambda name: experiment.scores(name)[score].mean())


def chosen_inside_folds(experiment, names, score="accuracy", label="chosen inside the folds"):
    """Choose a system for each fold by folds within its training songs, and take its test figures.

    Parameters
    ----------
    experiment : Experiment
        What `run_experiment` gave with `inner_splits`.
    names : sequence of str
        Candidates, among the names of the experiment; the first of equals is taken.
    score : str, default="accuracy"
        The figure that decides.
    label : str, default="chosen inside the folds"
        Name of the rows.

    Returns
    -------
    list of dict
        A row for each fold and seed, as in the experiment, with the ``"choice"``.

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
        place = row["fold"], row["seed"]
        candidates = {name: _at(experiment, name, place) for name in names}
        inner = {
            name: [r["scores"][score] for r in rows if r["inner"] is not None] for name, rows in candidates.items()
        }
        if not all(inner.values()):
            raise ValueError("The experiment has no folds within the training songs: run it with inner_splits.")
        best = max(names, key=lambda name: mean(inner[name]))
        [test] = [r for r in candidates[best] if r["inner"] is None]
        chosen.append({**test, "name": label, "choice": best})
    return chosen


def _check(experiment, names, score):
    unknown = [name for name in names if name not in experiment.names]
    if unknown or not len(names):
        raise ValueError(f"names must be some of {experiment.names}, got {list(names)}.")
    if score not in experiment.rows[0]["scores"]:
        raise ValueError(f"score must be one of {list(experiment.rows[0]['scores'])}, got {score!r}.")


def _at(experiment, name, place):
    return [row for row in experiment.rows if row["name"] == name and (row["fold"], row["seed"]) == place]
