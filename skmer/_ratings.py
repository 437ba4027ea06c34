"""Ratings as the y of regressors: of songs, or over time, an array of the segments' ratings for each song."""

from typing import NamedTuple

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from skmer._inputs import column_names, depth, label_array, unwrap
from skmer._validation import check_songs
from skmer.songs import SongSequence

__all__ = ["RatingScoreMixin", "Ratings", "check_ratings", "is_over_time", "is_rated", "ratings_of_songs"]


def is_over_time(y):
    """Return whether ratings are an array (n_segments, n_targets) for each song, rather than a row."""
    return _songs_over_time(y) is not None


def _songs_over_time(y):
    """Return ratings over time as a sequence of the songs' arrays, or None if they are not over time."""
    if isinstance(y, SongSequence):
        return y
    y = unwrap(y, "y")
    if isinstance(y, np.ndarray) and y.dtype == object:
        y = list(y)
    return y if isinstance(y, list | tuple | np.ndarray) and depth(y) == 3 else None


def is_rated(ratings):
    """Return which rows of ratings, (n, n_targets), are not NaN."""
    return ~np.isnan(ratings).any(axis=1)


class Ratings(NamedTuple):
    """Checked ratings: an array (n_songs, n_targets), or, over time, a list with (n_segments, n_targets) of each song.

    A row has NaN in all columns or in none. ``names`` are those of the targets, or None, and ``one_dimension`` tells
    whether they were given as an array (n_songs,).
    """

    values: np.ndarray | list
    names: list | None = None
    one_dimension: bool = False


def check_ratings(y, songs, estimator):
    """Return the ratings of songs as `Ratings`."""
    name = type(estimator).__name__
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    if (over_time := _songs_over_time(y)) is not None:
        names = _names_over_time(y)
        return Ratings(_check_over_time(over_time, songs), None if names is None else [str(one) for one in names])
    names = column_names(y)
    # polars names a series "" if it has no name
    if names is None and getattr(y, "name", None) not in (None, ""):
        names = [y.name]
    values = y if column_names(y) is not None else unwrap(y, "y")
    if isinstance(values, list | tuple) and {depth(row) for row in values} == {1} and len(set(map(len, values))) > 1:
        raise ValueError(
            "y has rows of unequal lengths: give a row of ratings for each song, or, for ratings over time, an array "
            "of shape (n_segments, n_targets) for each."
        )
    values = check_array(values, dtype=np.float64, ensure_2d=False, ensure_all_finite="allow-nan", input_name="y")
    if values.ndim > 2 or values.shape[1:] == (0,):
        raise ValueError(f"y must have shape (n_songs,) or (n_songs, n_targets), got {values.shape}.")
    if len(values) != len(songs):
        raise ValueError(f"X has {len(songs)} songs but y has {len(values)} rows of ratings: pass one row per song.")
    rows = values.reshape(len(values), -1)
    _check_rows_whole(rows, "y")
    return Ratings(rows, None if names is None else [str(one) for one in names], values.ndim == 1)


def _names_over_time(y):
    """Return the names of the targets of ratings over time, or None; raise if they differ between songs."""
    if isinstance(y, SongSequence):
        return y.names
    each = [column_names(own) for own in y]
    if (other := next((i for i, names in enumerate(each) if names != each[0]), None)) is not None:
        raise ValueError(
            f"y[{other}] has the columns {each[other]}, but y[0] has {each[0]}: give all the same columns."
        )
    return each[0]


def _check_over_time(y, songs):
    if len(y) != len(songs):
        raise ValueError(f"X has {len(songs)} songs but y has the ratings of {len(y)}: pass an array for each song.")
    out = []
    for i, (own, n_segments) in enumerate(zip(y, songs.n_segments, strict=True)):
        where = f"y[{i}]"
        own = check_array(own, dtype=np.float64, ensure_all_finite="allow-nan", input_name=where, ensure_min_samples=0)
        if len(own) != n_segments or own.shape[1] != np.shape(y[0])[1]:
            raise ValueError(
                f"{where} has shape {own.shape} for the {n_segments} segments of song {i}: give a row of "
                f"{np.shape(y[0])[1]} ratings for each segment, such as that of DynamicRatings.over."
            )
        _check_rows_whole(own, where)
        out.append(own)
    return out


def _check_rows_whole(values, name):
    missing = np.isnan(values)
    some = missing.any(axis=1) & ~missing.all(axis=1)
    if some.any():
        raise ValueError(
            f"Row {some.argmax()} of {name} has NaN for some targets only: a song or segment without ratings has NaN "
            "for all of them. Fit a regressor for each target, or leave the row out."
        )


def ratings_of_songs(ratings):
    """Return ratings over time as the mean of each song, (n_songs, n_targets); NaN if nothing was rated."""
    if isinstance(ratings, np.ndarray):
        return ratings
    rated = [own[is_rated(own)] for own in ratings]
    return np.array([own.mean(axis=0) if len(own) else np.full(own.shape[1], np.nan) for own in rated])


class RatingScoreMixin(RegressorMixin):
    """R² as the score of a regressor that has `transform` for segments, beside `predict`."""

    def score(self, X, y, sample_weight=None):
        """Return R² of the predictions, its mean over targets.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, ...) or array-like (n_samples, n_features)
            Segments of each song.
        y : array-like of shape (n_songs,) or (n_songs, n_targets), or list of ndarray (n_segments, n_targets)
            Ratings of each song, which are compared with `predict`; or of each segment, which are compared with
            `transform`, the segments of all songs together. Songs and segments without ratings, NaN, are left out.
        sample_weight : array-like of shape (n_songs,), default=None
            Weight of each song, or of each of its segments.

        Returns
        -------
        float
            R².
        """
        check_is_fitted(self)
        songs, _ = check_songs(self, X, reset=False)
        wanted = check_ratings(y, songs, self).values
        if sample_weight is not None:
            sample_weight = _check_sample_weight(label_array(sample_weight, "sample_weight")[()], songs)
        if isinstance(wanted, list):
            wanted, predicted = np.concatenate(wanted), np.concatenate(list(self.transform(songs)))
            sample_weight = None if sample_weight is None else np.repeat(sample_weight, songs.n_segments)
        else:
            predicted = self.predict(songs).reshape(len(songs), -1)
        rated = is_rated(wanted)
        weights = None if sample_weight is None else sample_weight[rated]
        return r2_score(wanted[rated], predicted[rated], sample_weight=weights)
