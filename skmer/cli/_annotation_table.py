"""AnnotationTable: the cells of a table, or of several with one header, whose columns are not known beforehand."""

import os
import re
from copy import copy
from pathlib import Path

import numpy as np

from skmer.cli._common import CommandError
from skmer.datasets._raters import UNDECIDED
from skmer.datasets._tables import between, is_missing, read_cells

__all__ = ["AnnotationTable", "divided"]

# columns of the tables that pages of annotations save, beside the path, the labels or ratings, and the rater
_OF_PAGES = ("when", "decision", "old_label", "group")
SOURCE = "ANNOTATIONS must be a CSV file of ratings, of means with deviations, or of votes: see skmer agreement -h."
_number = between(-np.inf, np.inf)


class AnnotationTable:
    """The cells of tables by column."""

    def __init__(self, paths):
        self.path = " and ".join(paths)
        real = [os.path.realpath(path) for path in paths]
        if twice := [path for i, path in enumerate(paths) if real[i] in real[:i]]:
            raise CommandError(f"{twice[0]}: this table is given twice. Give it once.")
        self.titles, rows = read_cells(Path(paths[0]), SOURCE)
        self._places = [(paths[0], line) for line, _ in rows]
        for path in paths[1:]:
            titles, more = read_cells(Path(path), SOURCE)
            if titles != self.titles:
                raise CommandError(
                    f"{path} has the header {titles}, but {paths[0]} has {self.titles}: all tables must have the same."
                )
            rows += more
            self._places += [(path, line) for line, _ in more]
        self.columns = dict(zip(self.titles, zip(*(fields for _, fields in rows), strict=True), strict=True))

    def __len__(self):
        return len(self._places)

    def error(self, row, text):
        path, line = self._places[row]
        return CommandError(f"{path}, line {line}: {text}")

    def line(self, row, other):
        """Return where a row is, for an error in another one."""
        path, line = self._places[row]
        return f"line {line}" if path == self._places[other][0] else f"line {line} of {path}"

    def of_page(self):
        """Return the columns of the song and those without ratings in a table of `skmer annotate`, or None."""
        titles = {title.casefold(): title for title in self.titles}
        if not {"path", "rater"} <= titles.keys() or not {"time", "when"} & titles.keys():
            return None
        song = [titles[name] for name in ("path", "time") if name in titles]
        return song, [titles[name] for name in _OF_PAGES if name in titles]

    def undecided(self):
        """Return phrases with the numbers of answers of a page that choose no label."""
        decision = self.first(["decision"])
        found = [cell.casefold() for cell in self.columns[decision]] if decision else []
        return [f"{found.count(word):,} {word}" for word in UNDECIDED if word in found]

    def answered(self):
        """Return the table of a page without the rows that nobody has decided on, and without labels of the unsure."""
        rater, decision, label = (self.first([name]) for name in ("rater", "decision", "label"))
        if decision is None or label is None:
            return self
        rows = [row for row in range(len(self)) if self.columns[rater][row] or self.columns[decision][row]]
        found = copy(self)
        found._places = [self._places[row] for row in rows]
        found.columns = {name: [cells[row] for row in rows] for name, cells in self.columns.items()}
        decided = [cell.casefold() not in UNDECIDED for cell in found.columns[decision]]
        found.columns[label] = [
            cell if is_one else "" for cell, is_one in zip(found.columns[label], decided, strict=True)
        ]
        return found

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
        values = np.full(len(self), np.nan)
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
                f"{what} is on {self.line(first[songs[row]], row)} already. {divided(song)}",
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
