"""Scores of predicted song labels."""

import warnings

from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

__all__ = ["SCORES", "emotion_scores"]

SCORES = ("accuracy", "F1", "macro-F1", "balanced accuracy")


def emotion_scores(y, predicted):
    """Compute the scores of predicted song labels.

    Parameters
    ----------
    y : array-like of shape (n_songs,)
        True labels.
    predicted : array-like of shape (n_songs,)
        Predicted labels.

    Returns
    -------
    dict of str to float
        ``"accuracy"``; ``"F1"``, as the paper seems to use it: that of the class "high" where the
        labels are "low" and "high", the macro average otherwise; ``"macro-F1"``; and
        ``"balanced accuracy"``, the mean recall of the classes in `y`. Macro
        averages are over the classes of `y` and `predicted`, so that a class which is only
        predicted counts as 0.

    Notes
    -----
    The paper does not state which F1 it reports. Its pairs of accuracy and F1 for low and high
    valence and arousal agree with the F1 of the high class after a split at the median.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    section 3.2.

    Examples
    --------
    >>> from skmer.model_selection import emotion_scores
    >>> scores = emotion_scores(["low", "low", "high", "high"], ["low", "high", "high", "high"])
    >>> scores["accuracy"], round(scores["F1"], 3), round(scores["macro-F1"], 3)
    (0.75, 0.8, 0.733)
    """
    binary = set(y) | set(predicted) <= {"low", "high"}
    with warnings.catch_warnings():
        # a fold can lack the test songs of a class
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true")
        warnings.filterwarnings("ignore", "A single label was found")
        macro = float(f1_score(y, predicted, average="macro", zero_division=0))
        high = float(f1_score(y, predicted, pos_label="high", zero_division=0)) if binary else macro
        return {
            "accuracy": float(accuracy_score(y, predicted)),
            "F1": high,
            "macro-F1": macro,
            "balanced accuracy": float(balanced_accuracy_score(y, predicted)),
        }
