"""Reading the tables of the collections, and checking their columns."""

import codecs
import csv
import io
import re
from contextlib import suppress

import numpy as np

from skmer.datasets._base import read_file

# tabs and line breaks are allowed: published files have them within fields
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f]")
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_IN_EXCEL = ", which Excel calls 'CSV UTF-8'"


class Table(dict):
    """Columns of stripped strings by name.

    `lines` are the lines of the file on which the rows begin, `unread` the names of its other columns;
    `unended` tells that its last line has no newline, as in a file that was cut short.
    """

    def __init__(self, columns, lines, unread, unended):
        super().__init__(columns)
        self.lines = lines
        self.unread = unread
        self.unended = unended


def read_table(path, columns, source, optional=(), older_encoding=None, any_case=False):
    """Read the named columns of a CSV file, as a dict of lists of stripped strings.

    Fields end at commas; where the header has the columns only so, at semicolons or tabs, as spreadsheets write them.

    A column that has had several names is given as a tuple of them and read under the first.
    Those in `optional` are left out where they are missing. Other columns are allowed and left
    out. Blank lines are skipped. A file that is no UTF-8 is read in `older_encoding`, where one is given.
    With `any_case`, a name of the header may differ in case.
    """
    text = read_text(path, source, older_encoding)
    like = str.casefold if any_case else str
    spellings = {names[0]: names for names in (name if isinstance(name, tuple) else (name,) for name in columns)}
    separator = _separator(text, spellings.values(), like)
    rows = _read_rows(path, text, source, separator)
    if not rows:
        raise ValueError(f"{path} is empty. {source}")
    titles = [name.strip() for name in rows[0][1]]
    header = [like(name) for name in titles]
    missing = _missing(spellings.values(), header)
    if missing:
        raise ValueError(f"{path} lacks the columns {missing}; its header is {titles}. {source}")
    spellings.update((name, (name,)) for name in optional if name in header)
    places = {name: [i for i, title in enumerate(header) if title in names] for name, names in spellings.items()}
    twice = [name for name, found in places.items() if len(found) > 1]
    if twice:
        raise ValueError(f"{path} has the columns {twice} more than once: keep one of each. {source}")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header, but no row. {source}")
    for line, row in rows[1:]:
        if len(row) != len(header):
            fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
            quotes = "" if separator == "," else f" Fields end at {separator!r} here: one that holds it needs quotes."
            raise ValueError(f"{path}, line {line}: {fields}, but the header has {len(header)}.{quotes}")
    cells = {name: [row[found[0]].strip() for _, row in rows[1:]] for name, found in places.items()}
    read = {found[0] for found in places.values()}
    unread = [name for i, name in enumerate(titles) if i not in read]
    return Table(cells, [line for line, _ in rows[1:]], unread, is_unended(text))


def read_text(path, source, older_encoding=None):
    """Give the text of a table."""
    content = read_file(path, source)
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            raise ValueError(f"{path} is text in {encoding}: save it again as UTF-8{_IN_EXCEL}. {source}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        with suppress(UnicodeDecodeError, TypeError):
            return content.decode(older_encoding)
        line = len((content[: error.start] + b".").splitlines())
        raise ValueError(
            f"{path} is no text in UTF-8 (line {line}: {error.reason}): save it again as UTF-8{_IN_EXCEL}. {source}"
        ) from error


def is_unended(text):
    """Tell whether the last line of a text has no newline at its end."""
    return not text.endswith(("\n", "\r"))


def refuse_control(text, where):
    """Refuse a control character, which damage leaves in a table."""
    found = _CONTROL.search(text)
    if found:
        raise ValueError(f"{where}: there is a control character, {found[0]!r}: the file is damaged, get it again.")


def _missing(names_of_columns, header):
    return [" or ".join(names) for names in names_of_columns if not set(names) & set(header)]


def _separator(text, names_of_columns, like):
    """Tell what ends a field: a comma, unless only another separator finds all columns in the header."""
    first = next((line for line in text.splitlines() if line.strip(",; \t")), "")
    for separator in ",;\t":
        with suppress(csv.Error):
            header = [like(name.strip()) for row in csv.reader([first], delimiter=separator) for name in row]
            if not _missing(names_of_columns, header):
                return separator
    return ","


def _read_rows(path, text, source, separator):
    """Give each row that is not blank, after the line on which it begins."""
    rows, line = [], 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            if any(row):
                refuse_control("".join(row), f"{path}, line {line}")
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: no CSV ({error}); look at its quotes. {source}") from error
    return rows


def to_numbers(values, dtype, path, column, lines):
    """Convert a column to an array; the error names the file, the line, the column and the value."""
    kind = "a whole number" if dtype is int else "a number"
    for line, value in zip(lines, values, strict=True):
        try:
            # Python also reads digits of other scripts, and underscores between digits
            valid = value.isascii() and "_" not in value and np.isfinite(dtype(value))
        # TypeError: a whole number too large for any integer type
        except (ValueError, TypeError):
            valid = False
        if not valid:
            raise ValueError(f"{path}, line {line}: {column} must be {kind}, got {value!r}.")
    return np.array([dtype(value) for value in values])


def to_ratings(values, scale, path, column, lines):
    """Convert a column to an array of ratings on a scale from its lowest to its highest value."""
    ratings = to_numbers(values, float, path, column, lines)
    for line, rating, value in zip(lines, ratings, values, strict=True):
        if not scale[0] <= rating <= scale[1]:
            raise ValueError(
                f"{path}, line {line}: {column} must lie between {scale[0]} and {scale[1]}, got {value!r}."
            )
    return ratings


def check_unique(values, path, column, lines):
    """Refuse a column in which a value stands twice."""
    seen: dict = {}
    for line, value in zip(lines, values, strict=True):
        if value in seen:
            raise ValueError(
                f"{path}, line {line}: {column} {value!r} stands in more than one row (also line {seen[value]}); "
                "each song needs one row."
            )
        seen[value] = line


def check_filled(values, path, column, lines, reason):
    """Refuse a column with an empty cell; `reason` says why it is needed."""
    for line, value in zip(lines, values, strict=True):
        if not value:
            raise ValueError(f"{path}, line {line}: the {column} is missing; {reason}.")


def check_file_names(names, song_ids, path, lines):
    """Refuse a row whose file name is not that of its song: parts of two rows would be mixed."""
    for line, name, song in zip(lines, names, song_ids, strict=True):
        if name != f"{song}.mp3":
            raise ValueError(f"{path}, line {line}: the file of song {song} must be {song}.mp3, got {name!r}.")
