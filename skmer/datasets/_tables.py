"""Reading of tables, given the columns and a function for each that converts and checks a cell."""

import codecs
import csv
import io
import re
from contextlib import suppress

import numpy as np

from skmer._io import is_missing
from skmer.datasets._paths import read_file

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
    """Columns by name, as arrays.

    `where` has the file and the line of each row, for errors; `files` has the path of each file, its number of rows
    and whether its last line lacks a newline, as in a truncated file; `unread` has the names of the other columns.
    """

    def __init__(self, columns, where, files, unread=()):
        super().__init__(columns)
        self.where = where
        self.files = files
        self.unread = unread

    def __str__(self):
        return " and ".join(str(path) for path, *_ in self.files)

    def take(self, rows):
        """Return the rows at some positions."""
        columns = {name: column[rows] for name, column in self.items()}
        return Table(columns, [self.where[i] for i in rows], self.files, self.unread)

    def sort(self, key):
        """Return the rows in the order of a column."""
        return self.take(np.argsort(self[key]))

    def match(self, other, key):
        """Return the rows that match those of another table, in its order, by the values of a column."""
        row_of = {value: i for i, value in enumerate(self[key].tolist())}
        for value, where in zip(other[key].tolist(), other.where, strict=True):
            if value not in row_of:
                raise ValueError(f"{where}: {key} {value!r} has no row in {self}: get both tables again.")
        return self.take([row_of[value] for value in other[key].tolist()])


def read_table(
    paths,
    columns,
    source,
    *,
    unique=(),
    optional=(),
    check_row=None,
    encoding=None,
    any_case=False,
    tags=False,
    same_columns=False,
):
    """Read columns of a CSV file, or of several with the same columns, as a `Table`.

    `columns` maps names to functions that convert a stripped cell, or raise ValueError with a message such as "must be
    a number", which follows the name. A key may be a tuple of alternative names; the column is returned under the
    first. `optional` columns may be missing, values of columns in `unique` must differ, and `check_row` raises
    ValueError if the cells of a row, a dict, are inconsistent. `encoding` is used if a file is not UTF-8; `source` is a
    sentence on where to get the file. Fields are separated by commas, or by semicolons or tabs if only these yield a
    header with all columns. With `any_case`, names in the header may differ in case. With `tags`, fields are separated
    by tabs, quotes have no meaning, and the last column contains all further fields of the row. With `same_columns`, an
    optional column must be in all files or in none.
    """
    paths = paths if isinstance(paths, list) else [paths]
    tables = [_read_file(path, columns, source, optional, check_row, encoding, any_case, tags) for path in paths]
    for path, other in zip(paths, tables, strict=True):
        if same_columns and (odd := sorted({*other} ^ {*tables[0]})):
            raise ValueError(
                f"{path} and {paths[0]} differ in the columns {odd}: all tables must have the same. {source}"
            )
    # an optional column may be in one file only
    shared = [name for name in tables[0] if all(name in table for table in tables)]
    stacked = {name: np.concatenate([table[name] for table in tables]) for name in shared}
    table = Table(
        stacked,
        [where for table in tables for where in table.where],
        [file for table in tables for file in table.files],
        tables[0].unread,
    )
    for name in unique:
        _check_unique(table, name)
    return table


def _read_file(path, columns, source, optional, check_row, encoding, any_case, tags):
    text = _read_text(path, source, encoding)
    fold = str.casefold if any_case else str
    spellings = {names[0]: names for names in (key if isinstance(key, tuple) else (key,) for key in columns)}
    readers = dict(zip(spellings, columns.values(), strict=True))
    needed = [names for name, names in spellings.items() if name not in optional]
    separator = "\t" if tags else _find_separator(text, needed, fold)
    rows = _read_rows(path, text, source, separator, csv.QUOTE_NONE if tags else csv.QUOTE_MINIMAL)
    if not rows:
        raise ValueError(f"{path} is empty. {source}")
    titles = [title.strip() for title in rows[0][1]]
    header = [fold(title) for title in titles]
    if missing := _find_missing(needed, header):
        raise ValueError(f"{path} has no columns {missing}; its header is {titles}. {source}")
    places = {name: [i for i, title in enumerate(header) if title in names] for name, names in spellings.items()}
    if twice := [name for name, found in places.items() if len(found) > 1]:
        raise ValueError(f"{path} has the columns {twice} more than once: keep one of each. {source}")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header, but no row. {source}")
    place = {name: found[0] for name, found in places.items() if found}
    where, converted = [], []
    for line, fields in rows[1:]:
        where.append(f"{path}, line {line}")
        fields = [field.strip() for field in fields]
        if tags:
            fields = [*fields[: len(header) - 1], "\t".join(fields[len(header) - 1 :])][: len(fields)]
        if len(fields) != len(header):
            found = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
            quotes = "" if separator == "," or tags else f" A field that contains {separator!r} needs quotes."
            raise ValueError(f"{where[-1]}: {found}, but the header has {len(header)}.{quotes}")
        row = {name: read_cell(readers[name], name, fields[i], where[-1]) for name, i in place.items()}
        if check_row is not None:
            try:
                check_row(row)
            except ValueError as error:
                raise ValueError(f"{where[-1]}: {error}") from None
        converted.append(row)
    unread = [title for i, title in enumerate(titles) if i not in place.values()]
    unended = not text.endswith(("\n", "\r"))
    cells = {name: np.array([row[name] for row in converted]) for name in place}
    return Table(cells, where, [(path, len(where), unended)], unread)


def read_cells(path, source, padded=False):
    """Read a CSV file with unknown columns: return their names, and the line and the stripped cells of each row.

    Fields are separated by whichever of commas, semicolons and tabs divides the header into most columns. With
    `padded`, the last cells of a row may be missing, and are returned as empty.
    """
    text = _read_text(path, source, None)
    first = next((line for line in text.splitlines() if line.strip(",; \t")), "")
    separator = max(",;\t", key=lambda mark: len(first.split(mark)))
    rows = [
        (line, [field.strip() for field in fields])
        for line, fields in _read_rows(path, text, source, separator, csv.QUOTE_MINIMAL)
    ]
    if len(rows) < 2:
        raise ValueError(f"{path} {'has a header, but no row' if rows else 'is empty'}. {source}")
    # the first column of a table that pandas wrote has no name
    titles = [title or f"column {k}" for k, title in enumerate(rows[0][1], 1)]
    if len(set(titles)) < len(titles):
        raise ValueError(f"{path} has several columns of the same name; its header is {titles}. {source}")
    for line, fields in rows[1:]:
        if padded:
            fields += [""] * (len(titles) - len(fields))
        if len(fields) != len(titles):
            raise ValueError(f"{path}, line {line}: {len(fields)} fields, but the header has {len(titles)}.")
    return titles, rows[1:]


def read_cell(reader, name, cell, where):
    """Convert a cell; an error names the column `name` and the place."""
    try:
        return reader(cell)
    except ValueError as error:
        raise ValueError(f"{where}: {name} {error}") from None


def _read_text(path, source, encoding):
    content = read_file(path, source)
    for mark, found in _MARKS:
        if content.startswith(mark):
            raise ValueError(f"{path} is text in {found}: save it again as UTF-8{_IN_EXCEL}. {source}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if encoding is not None:
            with suppress(UnicodeDecodeError):
                return content.decode(encoding)
        line = len((content[: error.start] + b".").splitlines())
        raise ValueError(
            f"{path} is not UTF-8 text (line {line}: {error.reason}): save it again as UTF-8{_IN_EXCEL}. {source}"
        ) from error


def _find_missing(columns, header):
    return [" or ".join(names) for names in columns if not set(names) & set(header)]


def _find_separator(text, columns, fold):
    """Return a comma, unless only another separator gives a header with all columns."""
    first = next((line for line in text.splitlines() if line.strip(",; \t")), "")
    for separator in ",;\t":
        with suppress(csv.Error):
            header = [fold(name.strip()) for row in csv.reader([first], delimiter=separator) for name in row]
            if not _find_missing(columns, header):
                return separator
    return ","


def _read_rows(path, text, source, separator, quoting):
    """Return the rows that are not blank, each with the line on which it begins."""
    rows, line = [], 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=quoting, strict=True)
    try:
        for row in reader:
            if any(map(str.strip, row)):
                if found := _CONTROL.search("".join(row)):
                    raise ValueError(
                        f"{path}, line {line}: control character {found[0]!r}: the file is damaged, get it again."
                    )
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: not valid CSV ({error}); check its quotes. {source}") from error
    return rows


def _check_unique(table, name):
    seen: dict = {}
    for value, where in zip(table[name].tolist(), table.where, strict=True):
        if value in seen:
            raise ValueError(
                f"{where}: {name} {value!r} is in more than one row (also {seen[value]}); each song needs one row."
            )
        seen[value] = where


def file_name_check(number, file):
    """Return a check that the column `file` of a row is the number in the column `number`, with .mp3."""

    def check(row):
        if row[file] != f"{row[number]}.mp3":
            raise ValueError(f"the file of song {row[number]} must be {row[number]}.mp3, got {row[file]!r}.")

    return check


def text(cell):
    """Return a cell unchanged."""
    return cell


def required(reason):
    """Return a reader of a cell that must not be empty; `reason` says why."""

    def read(cell):
        if not cell:
            raise ValueError(f"is missing; {reason}.")
        return cell

    return read


def filled(reason):
    """Return a reader of a cell that must not be empty, or a word that programs write for an empty cell."""

    def read(cell):
        if cell and is_missing(cell):
            raise ValueError(f"is missing: {cell!r} is what programs write for an empty cell; {reason}.")
        return required(reason)(cell)

    return read


def one_of(values):
    """Return a reader of a cell that has one of some values."""

    def read(cell):
        if cell not in values:
            raise ValueError(f"must be one of {list(values)}, got {cell!r}.")
        return cell

    return read


def matching(pattern, form):
    """Return a reader of a cell that matches a regular expression; `form` describes it in errors."""

    def read(cell):
        if not re.fullmatch(pattern, cell):
            raise ValueError(f"must be {form}, got {cell!r}.")
        return cell

    return read


def whole_number(cell):
    """Return a whole number."""
    return _to_number(cell, int, "a whole number")


def number(cell):
    """Return a number."""
    return _to_number(cell, float, "a number")


def seconds(cell):
    """Return a number above 0."""
    found = number(cell)
    if found <= 0:
        raise ValueError(f"must be seconds above 0, got {cell!r}.")
    return found


def between(low, high):
    """Return a reader of a number from `low` to `high`."""

    def read(cell):
        found = number(cell)
        if not low <= found <= high:
            raise ValueError(f"must lie between {low} and {high}, got {cell!r}.")
        return found

    return read


def maybe(reader):
    """Return a reader of a cell that may be missing, which is NaN."""

    def read(cell):
        return np.nan if is_missing(cell) else reader(cell)

    return read


def _to_number(cell, dtype, kind):
    try:
        number = dtype(cell)
        # Python also reads digits of other scripts, and underscores between digits
        valid = cell.isascii() and "_" not in cell and np.isfinite(number)
    # TypeError: a whole number too large for any integer type
    except (ValueError, TypeError):
        valid = False
    if not valid:
        raise ValueError(f"must be {kind}, got {cell!r}.")
    return number
