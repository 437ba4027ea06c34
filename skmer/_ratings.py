"""Ratings as the y of regressors: of songs, or over time, an array of the segments' ratings for each song."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_array

from skmer._inputs import column_names, depth, unwrap
from skmer.songs import SongSequence

__all__ = ["Ratings", "check_ratings", "is_over_time", "ratings_of_songs"]


def is_over_time(y):
    """Return whether ratings are an array (n_segments, n_targets) for each song, rather than a row."""
    if isinstance(y, SongSequence):
        return True
    if isinstance(y, np.ndarray) and y.dtype == object and y.ndim == 1:
        return bool(len(y)) and depth(y[0]) == 2
    return isinstance(y, list | tuple | np.ndarray) and depth(y) == 3


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
    if is_over_time(y):
        names = None if isinstance(y, SongSequence) else column_names(y[0])
        return Ratings(_check_over_time(y, songs), None if names is None else [str(one) for one in names])
    names = column_names(y)
    names = [getattr(y, "name", None)] if names is None and getattr(y, "name", None) is not None else names
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
            "for all of them. Fit a regressor for each target, as with MultiOutputRegressor, or leave the row out."
        )


def ratings_of_songs(ratings):
    """Return ratings over time as the mean of each song, (n_songs, n_targets); NaN if nothing was rated."""
    if isinstance(ratings, np.ndarray):
        return ratings
    rated = [own[~np.isnan(own).any(axis=1)] for own in ratings]
    return np.array([own.mean(axis=0) if len(own) else np.full(own.shape[1], np.nan) for own in rated])
