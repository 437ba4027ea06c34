"""The teacher of a noisy student: the one that is given, or one like the student."""

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skmer.classifiers._any_tagger import fit_tagger, refuse_what_does_not_tag, seeded_clone, tag_probabilities
from skmer.classifiers.tagger import EmotionTagger

__all__ = ["default_teacher", "fitted_teacher", "judge"]

# what makes training harder for the student; the teacher has the defaults of its own class
_HARDER = ("mask_range", "noise")


def default_teacher(student, seed):
    """Give an `EmotionTagger` with the student's parameters but for its masks and its noise."""
    own = student.get_params(deep=False)
    shared = {name: own[name] for name in EmotionTagger().get_params() if name in own and name not in _HARDER}
    if student.mask_range is None:
        shared["mask_range"] = None
    return EmotionTagger(**{**shared, "callbacks": None, "random_state": seed})


def fitted_teacher(student, X, y, X_val, y_val, seed):
    """Give the student's teacher: fitted on X and y, unless it is fitted already."""
    if student.teacher is None:
        return fit_tagger(default_teacher(student, seed), X, y, X_val, y_val)
    refuse_what_does_not_tag("teacher", student.teacher)
    if _is_fitted(student.teacher):
        return student.teacher
    return fit_tagger(seeded_clone(student.teacher, seed), X, y, X_val, y_val)


def _is_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True


def judge(teacher, X, n_tags):
    """Give a teacher's probabilities, (n_songs, n_tags); refuse a teacher of other tags."""
    found = tag_probabilities(teacher, X)
    if n_tags == 1:
        # to scikit-learn a single column is two classes
        found = found.reshape(len(found), -1)[:, -1:]
    if found.ndim != 2 or found.shape[1] != n_tags:
        got = f"{found.shape[1]} tags" if found.ndim == 2 else f"answers of shape {found.shape}"
        raise ValueError(f"teacher gives {got} where y has {n_tags}: it must know the tags of y, in its order.")
    if not np.isfinite(found).all():
        raise ValueError("teacher gives probabilities that are not finite: train it anew, or use another one.")
    return found
