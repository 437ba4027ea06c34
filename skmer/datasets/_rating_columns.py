"""The columns of a table of songs that hold ratings."""

from contextlib import suppress

import numpy as np

from skmer._io import format_names
from skmer.datasets._tables import is_missing, number, read_cells

__all__ = ["check_targets", "columns_of_numbers", "find_rating_columns", "rated_rows", "rating_values"]

_NAMES = ("valence", "arousal", "dominance")
_OTHERS = ("path", "group", "rater", "time")
# more different whole numbers than a collection has classes, such as ratings from 0 to 100
_MOST_CLASSES = 20


def find_rating_columns(path):
    """Find the columns of ratings in a table: return their names, and whether they are ratings rather than classes.

    `path` may be a list of tables with the same columns. If there is a column ``label``, it is that column, or none if
    a label is text. Its numbers are classes if they are few whole numbers. Without it, they are those of ``valence``,
    ``arousal`` and ``dominance`` that hold numbers.
    """
    columns = _columns(path)
    title = _by_name(columns).get("label")
    if title is None:
        numeric = _by_name(columns_of_numbers(path))
        return [numeric[name] for name in _NAMES if name in numeric], True
    found = _numbers(columns[title])
    if found is None:
        return [], False
    return [title], len(found) > _MOST_CLASSES or any(value != round(value) for value in found)


def columns_of_numbers(path):
    """Return the names of the columns of a table that hold numbers only, apart from those of songs and raters."""
    columns = _columns(path).items()
    return [title for title, cells in columns if title.casefold() not in _OTHERS and _numbers(cells)]


def check_targets(targets, paths):
    """Return the names of columns that are to be learnt as they are in the header of tables, by their lower case."""
    targets = [targets] if isinstance(targets, str) else list(targets)
    folded = [str(name).casefold() for name in targets]
    if not targets or len(set(folded)) < len(folded) or {"path", "group"} & set(folded):
        raise ValueError(f"targets must be different names of columns other than path and group, got {targets!r}.")
    columns = _columns(paths)
    path = " and ".join(map(str, paths))
    titles = _by_name(columns)
    for name, key in zip(targets, folded, strict=True):
        others = format_names(columns_of_numbers(paths)) or "none"
        if key not in titles:
            raise ValueError(f"{path} has no column {name!r}; its columns of numbers are: {others}.")
        if not any(map(_is_number, columns[titles[key]])):
            raise ValueError(f"{path}: the column {name!r} holds no numbers; its columns of numbers are: {others}.")
    return {key: titles[key] for key in folded}


def rated_rows(table, names):
    """Return the ratings of a table, (n_rows, n_targets), and the rows that have them.

    Raise ValueError if a row has some of its ratings only.
    """
    values = rating_values(table, names)
    missing = np.isnan(values)
    for row in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1)):
        lacking = format_names([name for name, is_nan in zip(names, missing[row], strict=True) if is_nan])
        raise ValueError(
            f"{table.where[row]}: {lacking} is missing, but the song has other ratings: fill it, or empty all of "
            f"{', '.join(names)} to leave the song out."
        )
    rated = np.flatnonzero(~missing.any(axis=1))
    if not len(rated):
        raise ValueError(f"{table} has no ratings: {', '.join(names)} is empty in all rows.")
    return values[rated], rated


def rating_values(table, names):
    """Return the ratings of a table, (n_rows, n_targets), NaN where they are missing."""
    return np.column_stack([np.asarray(table[name], dtype=np.float64) for name in names])


def _columns(paths):
    """Return the cells of each column of a table, or of several, by the titles of the first."""
    paths = paths if isinstance(paths, list) else [paths]
    found: dict[str, list] = {}
    for path in paths:
        titles, rows = read_cells(path, "")
        known = _by_name(found) if found else {title.casefold(): title for title in titles}
        for i, title in enumerate(titles):
            if title.casefold() in known:
                found.setdefault(known[title.casefold()], []).extend(cells[i] for _, cells in rows)
    return found


def _by_name(titles):
    return {title.casefold(): title for title in titles}


def _numbers(cells):
    """Return the different numbers in cells, of which some may be empty; None if one is anything else, or all are."""
    filled = [cell for cell in cells if not is_missing(cell)]
    return {number(cell) for cell in filled} if filled and all(map(_is_number, filled)) else None


def _is_number(cell):
    with suppress(ValueError):
        number(cell)
        return True
    return False
