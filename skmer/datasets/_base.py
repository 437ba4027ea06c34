"""What the loaders share: finding the data, reading its tables, checking its audio."""

import csv
import io
import os
from contextlib import suppress
from numbers import Real
from pathlib import Path

import numpy as np


def resolve_data_home(data_home, name, source):
    """Give the folder of a collection: `data_home`, or `$SKMER_DATA/name`.

    `source` says in words where the collection comes from; errors quote it.
    """
    if data_home is None:
        root = os.environ.get("SKMER_DATA")
        if not root:
            raise ValueError(
                f"Nothing says where {name} is: pass data_home, or set the environment variable SKMER_DATA "
                f"to the folder above {name}. {source}"
            )
        data_home = Path(root) / name
    folder = Path(data_home).expanduser().absolute()
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}. {source}")
    return folder


class Table(dict):
    """Columns of stripped strings by name; `lines` are the lines of the file on which the rows begin."""

    def __init__(self, columns, lines):
        super().__init__(columns)
        self.lines = lines


def read_table(path, columns, source, optional=(), older_encoding=None):
    """Read the named columns of a CSV file, as a dict of lists of stripped strings.

    A column that has had several names is given as a tuple of them and read under the first.
    Those in `optional` are left out where they are missing. Other columns are allowed and left
    out. Blank lines are skipped. A file that is no UTF-8 is read in `older_encoding`, where one is given.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The annotations {path} are missing. {source}")
    rows = _read_rows(path, source, older_encoding)
    if not rows:
        raise ValueError(f"{path} is empty. {source}")
    header = [name.strip() for name in rows[0][1]]
    spellings = {names[0]: names for names in (name if isinstance(name, tuple) else (name,) for name in columns)}
    missing = [" or ".join(names) for names in spellings.values() if not set(names) & set(header)]
    if missing:
        raise ValueError(f"{path} lacks the columns {missing}; its header is {header}. {source}")
    spellings.update((name, (name,)) for name in optional if name in header)
    places = {name: [i for i, title in enumerate(header) if title in names] for name, names in spellings.items()}
    twice = [name for name, found in places.items() if len(found) > 1]
    if twice:
        raise ValueError(f"{path} has the columns {twice} more than once: keep one of each. {source}")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header, but no row. {source}")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(row)} fields, but the header has {len(header)}.")
    cells = {name: [row[found[0]].strip() for _, row in rows[1:]] for name, found in places.items()}
    return Table(cells, [line for line, _ in rows[1:]])


def _read_text(path, source, older_encoding):
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        with suppress(UnicodeDecodeError, TypeError):
            return content.decode(older_encoding)
        raise ValueError(f"{path} is no CSV file in UTF-8 ({error}). {source}") from error


def _read_rows(path, source, older_encoding):
    """Give each row that is not blank, after the line on which it begins."""
    rows, line = [], 1
    reader = csv.reader(io.StringIO(_read_text(path, source, older_encoding), newline=""), strict=True)
    try:
        for row in reader:
            if any(row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: no CSV ({error}); look at its quotes. {source}") from error
    return rows


def _place(path, row, lines):
    """Say where a row stands, counted from 0: by its line where `lines` are given."""
    return f"{path}, row {row + 1}" if lines is None else f"{path}, line {lines[row]}"


def to_numbers(values, dtype, path, column, lines=None):
    """Convert a column to an array; the error names the file, the column and the value."""
    for row, value in enumerate(values):
        try:
            valid = np.isfinite(dtype(value))
        # TypeError: a whole number too large for any integer type
        except (ValueError, TypeError):
            valid = False
        if not valid:
            where = _place(path, row, lines)
            raise ValueError(f"{where}: {column} must be a finite {dtype.__name__}, got {value!r}.")
    return np.array([dtype(value) for value in values])


def to_ratings(values, scale, path, column, lines=None):
    """Convert a column to an array of ratings on a scale from its lowest to its highest value."""
    ratings = to_numbers(values, float, path, column, lines)
    for row, rating in enumerate(ratings):
        if not scale[0] <= rating <= scale[1]:
            where = _place(path, row, lines)
            raise ValueError(f"{where}: {column} must lie between {scale[0]} and {scale[1]}, got {values[row]!r}.")
    return ratings


def check_unique(values, path, column, lines=None):
    """Refuse a column in which a value stands twice."""
    seen: dict = {}
    for row, value in enumerate(values):
        if value in seen:
            where = path if lines is None else f"{path}, line {lines[row]}"
            again = "" if lines is None else f" (also line {lines[seen[value]]})"
            raise ValueError(
                f"{where}: {column} {value!r} stands in more than one row{again}; each song needs one row."
            )
        seen[value] = row


def check_filled(values, path, column, lines, reason):
    """Refuse a column with an empty cell; `reason` says why it is needed."""
    for row, value in enumerate(values):
        if not value:
            raise ValueError(f"{_place(path, row, lines)}: the {column} is missing; {reason}.")


def check_file_names(names, song_ids, path, lines):
    """Refuse a row whose file name is not that of its song: parts of two rows would be mixed."""
    for row, (name, song) in enumerate(zip(names, song_ids, strict=True)):
        if name != f"{song}.mp3":
            raise ValueError(f"{_place(path, row, lines)}: the file of song {song} must be {song}.mp3, got {name!r}.")


def check_threshold(threshold, scale, name):
    """Refuse a number that no rating of the collection could stand on both sides of."""
    if isinstance(threshold, Real) and not isinstance(threshold, bool) and not scale[0] < threshold <= scale[1]:
        raise ValueError(
            f"threshold must be above {scale[0]} and at most {scale[1]}, as {name} is rated, got {threshold!r}."
        )


def check_audio_files(paths, table, source, is_spare=lambda path: False):
    """Refuse songs without audio, and audio files beside them that no song names.

    Files whose names begin with a dot are the operating system's and are passed over. Those
    that `is_spare` accepts belong to the collection without having a label; they are returned.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(_some(missing, f"of the songs in {table} have no audio file") + f" {source}")
    known = set(paths)
    present = (path for folder in sorted({path.parent for path in paths}) for path in sorted(folder.iterdir()))
    extra = [path for path in present if path.is_file() and path not in known and not path.name.startswith(".")]
    unknown = [path for path in extra if not is_spare(path)]
    if unknown:
        raise ValueError(
            _some(unknown, f"files beside the audio have no row in {table}")
            + " Move them away, or pass check_audio=False to leave them out."
        )
    return extra


def _some(paths, what):
    """Say how many paths there are of a kind, and name the first three."""
    names = ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")
    return f"{len(paths)} {what}: {names}."
