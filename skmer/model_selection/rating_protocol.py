"""RatingProtocol: what run_experiment does with ratings rather than classes."""

from dataclasses import asdict, dataclass, replace

import numpy as np
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedGroupKFold

from skmer.metrics import concordance_correlation_coefficient

__all__ = ["RATING_SCORES", "RatingProtocol"]

RATING_SCORES = {
    "R²": r2_score,
    "CCC": concordance_correlation_coefficient,
    "RMSE": root_mean_squared_error,
}


@dataclass(frozen=True)
class RatingProtocol:
    """Folds of songs with ratings, and the scores of predicted ratings: used as a `Protocol` by `run_experiment`.

    `targets` are the names of the columns of y. The scores of a fold are ``"R²"`` and ``"CCC"``, the means over
    targets, and those of each target, such as ``"R² of valence"``.
    """

    targets: tuple
    n_splits: int = 5
    fold_seed: int = 0

    _dummy = "dummy (mean rating)"

    def split(self, y, groups=None, splits=None):
        """Return (train, test) pairs, of about equal size; songs of a group are in one fold."""
        songs = np.arange(len(y))
        if groups is None:
            folds = KFold(self.n_splits, shuffle=True, random_state=self.fold_seed)
            return list(folds.split(songs))
        # with one class, these are folds of equal size by a seed, which those of GroupKFold are not
        folds = StratifiedGroupKFold(self.n_splits, shuffle=True, random_state=self.fold_seed)
        return list(folds.split(songs, np.zeros(len(y)), groups))

    def labels(self, y, train):
        """Return the ratings, and None in place of a threshold."""
        return y, None

    def _inside(self, n_splits, groups):
        """Return the protocol of folds within training songs."""
        return replace(self, n_splits=n_splits)

    def _check_training(self, labels, fold):
        """Check the training ratings of a fold: those of any songs can be learnt."""

    def _guess(self, labels):
        """Return the prediction of a dummy that is trained on ratings: their mean."""
        return labels.mean(axis=0).tolist()

    def _scores(self, y, predicted):
        """Return the scores of predicted ratings by name."""
        y, predicted = (np.asarray(values, dtype=np.float64).reshape(len(y), -1) for values in (y, predicted))
        of_targets = {
            f"{score} of {target}": float(function(y[:, k], predicted[:, k]))
            for k, target in enumerate(self.targets)
            for score, function in RATING_SCORES.items()
        }
        # a mean of RMSEs would be of different scales
        means = {score: [of_targets[f"{score} of {name}"] for name in self.targets] for score in ("R²", "CCC")}
        return {**{score: float(np.mean(values)) for score, values in means.items()}, **of_targets}

    def describe(self):
        """Describe the protocol in one line."""
        return f"{self.n_splits} folds, the songs of a group in one fold"

    def to_dict(self):
        """Return the settings as plain values."""
        return asdict(self)
