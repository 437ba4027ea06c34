"""Reading of ratings over time: from samples in rows or columns to the DynamicRatings of each song.

A curve is a dict of the values at some times, which are whole milliseconds, because ratings of two files are joined by
them. The value at a time is taken for the stretch that ends there: in PMEmo, whose first 15 s are left out, the first
label is 15.5 s and the last one the last half second within the recording, and EiM has a label at 45 s, the very end of
its excerpts.
"""

import re
import warnings

import numpy as np

from skmer.datasets._paths import path_kind
from skmer.datasets._published import count, first_three
from skmer.datasets._tables import between, maybe, read_cell, read_cells, whole_number
from skmer.datasets.dynamic_ratings import DynamicRatings

# means of ratings at the end of the scale may be beyond it by rounding
_ROUNDING = 1e-6
_USUAL_STEP = 500
_ENOUGH_SONGS = 30


any_number = between(-np.inf, np.inf)
deviation = maybe(between(0, np.inf))


def rating(low, high):
    """Return a reader of a rating on a scale, NaN if it is missing."""

    def read(cell):
        number = any_number(cell)
        inside = min(max(number, low), high)
        return inside if abs(inside - number) < _ROUNDING else between(low, high)(cell)

    return maybe(read)


def is_there(path):
    """Return whether a file or a folder exists, of whatever kind: reading it tells what is wrong with it."""
    return path_kind(path) != "nothing"


def curves_in_rows(table, column, song="musicId", time="frameTime"):
    """Return the curve of each song in a table with a row for each time, in seconds."""
    curves: dict = {}
    for number, seconds, value, where in zip(table[song], table[time], table[column], table.where, strict=True):
        curve, at = curves.setdefault(int(number), {}), round(1000 * seconds)
        if at in curve:
            raise ValueError(f"{where}: {song} {number} has two rows at {time} {seconds:g}: get the table again.")
        curve[at] = value
    return curves


def curves_in_columns(path, source, read, song="song_id"):
    """Return the curve of each song in a table with a row for each song, and columns such as sample_15000ms."""
    titles, rows = read_cells(path, source, padded=True)
    if song not in titles:
        raise ValueError(f"{path} has no column {song}; its header begins with {titles[:4]}. {source}")
    times, place, curves = _times(path, titles, source), titles.index(song), {}
    for line, cells in rows:
        where = f"{path}, line {line}"
        number = read_cell(whole_number, song, cells[place], where)
        if number in curves:
            raise ValueError(f"{where}: {song} {number} is in more than one row; each song needs one row.")
        curves[number] = _curve(titles, cells, times, read, where)
    return curves


def curves_of_raters(path, source):
    """Return the curves of single raters in a table with a row for each; a rater without any value is left out."""
    titles, rows = read_cells(path, source, padded=True)
    times = _times(path, titles, source)
    curves = [_curve(titles, cells, times, maybe(any_number), f"{path}, line {line}") for line, cells in rows]
    return [curve for curve in curves if curve]


def _times(path, titles, source):
    """Return the position of each column with ratings, and its time in milliseconds."""
    found = [(i, match) for i, title in enumerate(titles) if (match := re.fullmatch(r"sample_([0-9]+)ms", title))]
    if not found:
        raise ValueError(f"{path} has no column such as sample_15000ms; its header begins with {titles[:4]}. {source}")
    return [(i, int(match[1])) for i, match in found]


def _curve(titles, cells, times, read, where):
    curve = {time: read_cell(read, titles[i], cells[i], where) for i, time in times if cells[i]}
    return {time: value for time, value in curve.items() if not np.isnan(value)}


def spread(curves):
    """Return the standard deviation over raters at each time, with n - 1; NaN where fewer than two rated."""
    times = sorted(set().union(*curves))
    values = np.array([[curve.get(time, np.nan) for time in times] for curve in curves]).reshape(len(curves), -1)
    return dict(zip(times, np.ma.masked_invalid(values).std(axis=0, ddof=1).filled(np.nan).tolist(), strict=True))


def join_curves(songs, means, deviations=None, n_listeners=None):
    """Return the DynamicRatings of each song, in order, from curves by song.

    `means` has one dict of curves for valence and one for arousal, as has `deviations`, which may be None. A time
    counts if both dimensions were rated.
    """
    valence, arousal = means
    means = [(valence.get(song, {}), arousal.get(song, {})) for song in songs]
    times = [np.array(sorted(t for t in v if t in a and np.isfinite(v[t] + a[t])), dtype=float) for v, a in means]
    steps = np.concatenate([np.diff(own) for own in times]) if times else np.empty(0)
    step = np.median(steps) if len(steps) else _USUAL_STEP
    found = []
    for i, (song, ends, curves) in enumerate(zip(songs, times, means, strict=True)):
        starts = ends - step
        # where ratings are closer than usual, a stretch begins at the one before
        starts[1:] = np.maximum(starts[1:], ends[:-1])
        spreads = None if deviations is None else [curves_of.get(song, {}) for curves_of in deviations]
        found.append(
            DynamicRatings(
                starts / 1000,
                ends / 1000,
                _columns(ends, curves),
                None if spreads is None else _columns(ends, spreads),
                None if n_listeners is None else n_listeners[i],
            )
        )
    return found


def _columns(times, curves):
    return np.array([[curve.get(time, np.nan) for curve in curves] for time in times]).reshape(len(times), len(curves))


def warn_of_odd_ratings(dynamic, valence, arousal, table, paths):
    """Warn of songs without ratings over time, and if these name the dimensions unlike the ratings of whole songs."""
    names = " and ".join(str(path) for path in paths)
    without = [i for i, ratings in enumerate(dynamic) if not len(ratings.ends)]
    if without:
        warnings.warn(
            f"{len(without):,} of the {count(len(dynamic), 'song')} in {table} have no ratings over time in {names}, "
            f"at position {first_three(without)}: their DynamicRatings are empty.",
            UserWarning,
            # the line that calls the loader
            stacklevel=3,
        )
    over_time = np.array([ratings.mean.mean(axis=0) for ratings in dynamic if len(ratings.ends)])
    if len(over_time) < _ENOUGH_SONGS:
        return
    rated = np.array([len(ratings.ends) > 0 for ratings in dynamic])
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.corrcoef(over_time.T, np.array([valence[rated], arousal[rated]]))[:2, 2:]
    if r[0, 1] + r[1, 0] > r[0, 0] + r[1, 1]:
        warnings.warn(
            f"{names} name valence what {table} calls arousal, and the reverse: over {len(over_time):,} songs, the "
            f"mean of `dynamic` for valence has a correlation of {r[0, 0]:.2f} with `valence` and of {r[0, 1]:.2f} "
            "with `arousal`. The names are those of the files: decide which to trust.",
            UserWarning,
            stacklevel=3,
        )
