"""The songs of a fit of SSSLRegressor: their ratings, of songs or of segments, checked, and as rows of its net."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, check_cv
from sklearn.utils.validation import _check_sample_weight

from skmer._inputs import label_array
from skmer._ratings import check_ratings, is_rated, ratings_of_songs
from skmer._validation import check_songs
from skmer.metrics.distributions import are_shares
from skmer.sssl.data import CheckedSongs
from skmer.sssl.rating_net import RatingNet
from skmer.sssl.regression_loss import REGRESSION_PARAMS, SSSLRegressionLoss

__all__ = ["RatedSongs", "check_rated", "check_shares", "rating_folds"]


class RatedSongs(CheckedSongs):
    """Songs that a regressor is fitted to, and the ratings of all their segments in ``ratings``.

    It sets ``n_targets_`` and ``target_names_`` of the regressor.
    """

    net_class = RatingNet

    def __init__(self, regressor, X, y, groups=None, sample_weight=None):
        songs, _ = check_songs(regressor, X)
        ratings, names, self.one_dimension = check_ratings(y, songs, regressor)
        labelled, weights = check_rated(ratings, sample_weight)
        if regressor.loss == "cross_entropy":
            check_shares(ratings)
        super().__init__(regressor, songs, labelled, groups, weights)
        if self.songs.n_segments.sum() < 2:
            raise ValueError(f"{type(regressor).__name__} needs two segments (two samples) at least, got 1 sample.")
        of_songs_only = isinstance(ratings, np.ndarray)
        every = np.repeat(ratings, songs.n_segments, axis=0) if of_songs_only else np.concatenate(ratings)
        self.ratings = every[np.isin(np.repeat(np.arange(len(songs)), songs.n_segments), self.used)]
        if regressor.loss == "cross_entropy":
            self.ratings = self.ratings / self.ratings.sum(axis=1, keepdims=True)
        self.n_outputs = regressor.n_targets_ = every.shape[1]
        regressor.target_names_ = names or [f"target{i}" for i in range(every.shape[1])]

    def net_params(self, trained):
        """Return parameters of the net, where the songs in the mask `trained` are trained on."""
        ratings = self.of_segments(trained)
        rated = is_rated(ratings)
        ratings = ratings[rated]
        mean, scale, limits = np.zeros(self.n_outputs), np.ones(self.n_outputs), None
        if self.estimator.loss != "cross_entropy":
            weights = None
            if self.weights is not None:
                weights = np.repeat(self.weights[trained], self.songs.n_segments[trained])[rated]
            mean = np.average(ratings, axis=0, weights=weights)
            scale = np.sqrt(np.average(np.square(ratings - mean), axis=0, weights=weights))
            # all ratings are the same: they are exactly 0 to the net
            same = scale <= 1e-12 * np.abs(mean)
            mean[same], scale[same] = ratings[0, same], 1.0
            limits = np.stack([ratings.min(axis=0), ratings.max(axis=0)]) if self.estimator.clip else None
        loss = SSSLRegressionLoss(**{name: getattr(self.estimator, name) for name in REGRESSION_PARAMS})
        return {
            "target_mean": mean,
            "target_scale": scale,
            "target_range": limits,
            "preserve_mean": self.estimator.preserve_mean,
            "loss_after_split": loss,
        }

    def of_segments(self, songs):
        """Return the ratings of each segment of the songs in a mask."""
        return self.ratings[np.repeat(songs, self.songs.n_segments)]

    def load_rows(self, net, bank, trained):
        """Load the segments of the songs in the mask `trained` into a net."""
        ratings = self.of_segments(trained)
        rated = is_rated(ratings)
        weights = None if self.weights is None else self.weights[trained][bank.song]
        if weights is not None:
            weights = None if (weights == weights[0]).all() else weights / weights[rated].mean()
        # without a strategy, a segment without ratings has no target
        net.load_rows(bank, ratings, weights, used=rated if self.estimator.noise_model is None else None)


def check_rated(ratings, sample_weight):
    """Return which songs are rated, and the weight of each song or None; raise if no rated song has a weight."""
    labelled = is_rated(ratings_of_songs(ratings))
    if not labelled.any():
        raise ValueError("y is NaN, which means not rated, for all songs: pass the ratings of some of them.")
    if sample_weight is None:
        return labelled, None
    given = label_array(sample_weight, "sample_weight")
    if given.shape not in ((), (len(labelled),)):
        raise ValueError(f"sample_weight has shape {given.shape} for {len(labelled)} songs: pass one weight per song.")
    weights = _check_sample_weight(given[()], labelled, dtype=np.float64, ensure_non_negative=True)
    if not weights[labelled].any():
        raise ValueError("sample_weight is zero for all rated songs: give one of them a weight.")
    return labelled, weights


def check_shares(ratings):
    """Raise ValueError if ratings, of songs or over time, are not shares."""
    rows = ratings if isinstance(ratings, np.ndarray) else np.concatenate(ratings)
    rows = rows[is_rated(rows)]
    if rows.shape[1] < 2:
        raise ValueError("loss='cross_entropy' takes shares of two or more classes, but y has one column.")
    wrong = ~are_shares(rows)
    if wrong.any():
        row = rows[wrong.argmax()]
        raise ValueError(
            "loss='cross_entropy' takes shares: rows of y must be non-negative and have the sum 1, but one is "
            f"{np.round(row, 4).tolist()}, with the sum {row.sum():.4g}. Divide each row by its sum."
        )


def rating_folds(cv, n_songs, groups):
    """Return (train, test) pairs of a `cv`; an integer keeps groups together."""
    if isinstance(cv, Integral):
        folds = KFold(cv) if groups is None else GroupKFold(cv)
    else:
        folds = check_cv(cv)
    songs = np.arange(n_songs)
    return [(songs[train], songs[test]) for train, test in folds.split(np.zeros(n_songs), None, groups)]
