"""Tasks of a collection: the check of the parameters, and the target from ratings."""

from numbers import Real

import numpy as np

from skmer.datasets.ratings import THRESHOLD_RULES, fit_threshold, ratings_to_classes

CLASS_TASKS = ("quadrant", "valence", "arousal")
TASKS = (*CLASS_TASKS, "dimensional")


def check_quadrant_task(task, name):
    """Raise ValueError for a task that a collection with quadrants but no ratings does not have."""
    if not isinstance(task, str) or task not in CLASS_TASKS:
        extra = f" {name} has quadrants, but no ratings." if isinstance(task, str) and task == "dimensional" else ""
        raise ValueError(f"task must be one of {list(CLASS_TASKS)}, got {task!r}.{extra}")


def check_rating_task(task, threshold, scale, name):
    """Raise ValueError for a task or a threshold that a collection with ratings on a scale cannot have."""
    if not isinstance(task, str) or task not in TASKS:
        raise ValueError(f"task must be one of {list(TASKS)}, got {task!r}.")
    if not _is_number(threshold):
        if not isinstance(threshold, str) or threshold not in THRESHOLD_RULES:
            raise ValueError(f"threshold must be a number or one of {list(THRESHOLD_RULES)}, got {threshold!r}.")
    elif not scale[0] < threshold <= scale[1]:
        raise ValueError(
            f"threshold must be above {scale[0]} and at most {scale[1]}, the scale of {name}, got {threshold!r}: all "
            "songs would be in one class."
        )


def target_from_ratings(valence, arousal, task, threshold):
    """Return the target of rated songs: classes if `threshold` is a number and the task is not "dimensional".

    Otherwise ratings, of shape (n_songs,) or (n_songs, 2) with valence first: "median" and "midpoint" depend on the
    training songs, so that experiments apply them within folds.
    """
    both = np.column_stack([valence, arousal])
    ratings = {"valence": both[:, 0], "arousal": both[:, 1]}.get(task, both)
    if task == "dimensional" or not _is_number(threshold):
        return ratings
    return ratings_to_classes(ratings, fit_threshold(ratings, threshold))


def _is_number(threshold):
    return isinstance(threshold, Real) and not isinstance(threshold, bool)
