"""Calibrate the probabilities of a model by the predictions for the test songs of its estimate."""

import numpy as np
from scipy.special import softmax

from skmer.model_selection import EstimatorSystem
from skmer.pipelines.calibration import (
    CalibratedSVC,
    calibration_error,
    fit_temperature,
    log_loss,
)

__all__ = ["CalibratedSystem", "calibration_of", "set_temperature"]


class CalibratedSystem(EstimatorSystem):
    """An `EstimatorSystem` whose results have the logits of the test songs, if its last step is a `CalibratedSVC`."""

    def _result(self, estimator, songs):
        svm = estimator[-1]
        if not isinstance(svm, CalibratedSVC):
            return super()._result(estimator, songs)
        rows, classes = estimator[:-1].transform(songs), svm.classes_.tolist()
        return {
            "predictions": {"": svm.predict(rows).tolist()},
            "logits": svm.logits(rows).tolist(),
            "classes": classes,
        }


def calibration_of(experiment, name, y, folds):
    """Return the temperature that suits the out-of-fold logits of a system, and how well, as a dict for JSON; or None.

    The scores of the songs of each fold are those with the temperature of the other folds.
    """
    classes, columns = np.unique(y, return_inverse=True)
    rows = [row for row in experiment.rows if row["name"] == name and row["inner"] is None]
    # groups can leave a class out of the training songs of a fold
    rows = [row for row in rows if row.get("classes") == classes.tolist()]
    if len(rows) < 2:
        return None
    parts = [(np.array(row["logits"]), columns[folds[row["fold"]][1]]) for row in rows]
    probabilities = []
    for i, (logits, _) in enumerate(parts):
        others = [part for k, part in enumerate(parts) if k != i]
        probabilities.append(softmax(logits / _temperature(others), axis=1))
    found, right = np.concatenate(probabilities), np.concatenate([own for _, own in parts])
    shares = np.bincount(right, minlength=len(classes)) / len(right)
    of_shares = np.tile(shares, (len(right), 1))
    scores = {
        "temperature": _temperature(parts),
        "n_songs": len(right),
        "log_loss": log_loss(found, right),
        "log_loss_of_shares": log_loss(of_shares, right),
        "calibration_error": calibration_error(found, right),
    }
    sentence = (
        f"Probabilities of the {len(right):,} songs, each by a model trained without it: log loss "
        f"{scores['log_loss']:.3f} (the shares of the classes have {scores['log_loss_of_shares']:.3f}), calibration "
        f"error {scores['calibration_error']:.3f}, with one temperature for all songs, {scores['temperature']:.2f}."
    )
    return {**scores, "sentence": sentence}


def _temperature(parts):
    logits, columns = zip(*parts, strict=True)
    return fit_temperature(np.concatenate(logits), np.concatenate(columns))


def set_temperature(pipeline, estimate):
    """Set the temperature of a fitted pipeline to that of its estimate, if there is one."""
    found = None if estimate is None else estimate.get("calibration")
    if found is not None and isinstance(pipeline[-1], CalibratedSVC):
        pipeline[-1].temperature_ = found["temperature"]
