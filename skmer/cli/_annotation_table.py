"""AnnotationTable: the cells of a table whose columns are not known beforehand."""

import re
from pathlib import Path

import numpy as np

from skmer.cli._common import CommandError
from skmer.datasets._tables import between, is_missing, read_cells

__all__ = ["AnnotationTable", "divided"]

SOURCE = "ANNOTATIONS must be a CSV file of ratings, of means with deviations, or of votes: see skmer agreement -h."
_number = between(-np.inf, np.inf)


class AnnotationTable:
    """The cells of a table by column."""

    def __init__(self, path):
        self.path = path
        self.titles, rows = read_cells(Path(path), SOURCE)
        self.lines = [line for line, _ in rows]
        self.columns = dict(zip(self.titles, zip(*(fields for _, fields in rows), strict=True), strict=True))

    def error(self, row, text):
        return CommandError(f"{self.path}, line {self.lines[row]}: {text}")

    def check(self, names, option):
        """Return names of columns as they are in the header, whatever their case."""
        found = []
        for name in names:
            same = [title for title in self.titles if title == name]
            same = same or [title for title in self.titles if title.casefold() == name.casefold()]
            if len(same) != 1:
                raise CommandError(f"{option} {name}: {self.path} has no such column; its header is {self.titles}.")
            found += same
        return found

    def first(self, names):
        """Return the first column with one of some names, whatever their case, or None."""
        titles = {title.casefold(): title for title in reversed(self.titles)}
        return next((titles[name] for name in names if name in titles), None)

    def is_numeric(self, name):
        """Return whether the first cell that is not missing is a number."""
        row, first = next(((k, cell) for k, cell in enumerate(self.columns[name]) if not is_missing(cell)), (0, ""))
        if re.fullmatch(r"[-+]?\d+,\d+", first):
            raise self.error(row, f"{name} must have a decimal point, got {first!r}.")
        return is_number(first)

    def all_numbers(self, name):
        return all(is_missing(cell) or is_number(cell) for cell in self.columns[name])

    def numbers(self, name, needed=False):
        """Return a column as numbers, NaN where a cell is missing."""
        values = np.full(len(self.lines), np.nan)
        for row, cell in enumerate(self.columns[name]):
            if not is_missing(cell):
                try:
                    values[row] = _number(cell)
                except ValueError as error:
                    raise self.error(row, f"{name} {error}") from None
            elif needed:
                raise self.error(row, f"{name} is missing.")
        return values

    def songs(self, columns):
        """Return a number for the song of each row."""
        known: dict[tuple, int] = {}
        keys = list(zip(*(self.columns[name] for name in columns), strict=True))
        for row, key in enumerate(keys):
            if is_missing(key[0]):
                raise self.error(row, f"{columns[0]} is missing; it names the song.")
        return np.array([known.setdefault(key, len(known)) for key in keys])

    def check_one_row(self, song):
        """Raise CommandError if a song has several rows."""
        songs = self.songs(song)
        first = np.unique(songs, return_index=True)[1]
        twice = np.setdiff1d(np.arange(len(songs)), first)
        if len(twice):
            row = twice[0]
            what = ", ".join(f"{name} {self.columns[name][row]}" for name in song)
            raise self.error(
                row,
                f"{what} is on line {self.lines[first[songs[row]]]} already. {divided(song)}",
            )


def divided(song):
    """Return the advice for songs that have several rows."""
    return f"If another column divides the song, such as a time, name it too: --song {','.join(song)},COLUMN."


def is_number(cell):
    try:
        _number(cell)
    except ValueError:
        return False
    return True
