"""The teacher of a noisy student: the one that is given, or one like the student."""

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skmer.tagging._tags_in import refuse_other_names
from skmer.tagging.any_tagger import fit_tagger, names_in, refuse_what_does_not_tag, seeded_clone
from skmer.tagging.tagger import EmotionTagger

__all__ = ["default_teacher", "fitted_teacher"]

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
        refuse_other_names({"y": student.tags_, "teacher": names_in(student.teacher)})
        return student.teacher
    return fit_tagger(seeded_clone(student.teacher, seed), X, y, X_val, y_val, "teacher")


def _is_fitted(estimator):
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return False
    return True
