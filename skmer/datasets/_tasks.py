"""The tasks that a collection can set: what its `target` holds."""

from numbers import Real

import numpy as np

from skmer.ratings import THRESHOLD_RULES, fit_threshold, quadrants_to_classes, ratings_to_classes

CLASS_TASKS = ("quadrant", "valence", "arousal")
TASKS = (*CLASS_TASKS, "dimensional")


def target_from_ratings(valence, arousal, task, threshold):
    """Give the target of a collection of rated songs.

    Classes where `threshold` is a number; ratings, of shape (n_songs,) or for quadrants (n_songs, 2)
    with valence first, where it is "median" or "midpoint": these depend on the training
    songs, so the experiment applies them inside its folds. "dimensional" gives the ratings always.
    """
    if task not in TASKS:
        raise ValueError(f"task must be one of {list(TASKS)}, got {task!r}.")
    is_number = isinstance(threshold, Real) and not isinstance(threshold, bool)
    if not is_number and threshold not in THRESHOLD_RULES:
        raise ValueError(f"threshold must be a number or one of {list(THRESHOLD_RULES)}, got {threshold!r}.")
    both = np.column_stack([valence, arousal])
    ratings = {"valence": both[:, 0], "arousal": both[:, 1]}.get(task, both)
    if task == "dimensional" or not is_number:
        return ratings
    return ratings_to_classes(ratings, fit_threshold(ratings, threshold))


def target_from_quadrants(quadrants, task, name):
    """Give the target of a collection of which only the quadrants are known; `name` is for the error."""
    if task not in CLASS_TASKS:
        extra = f" {name} has quadrants, but no ratings." if task == "dimensional" else ""
        raise ValueError(f"task must be one of {list(CLASS_TASKS)}, got {task!r}.{extra}")
    return quadrants_to_classes(quadrants, task)
