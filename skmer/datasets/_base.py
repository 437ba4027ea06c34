"""What the loaders share: finding the data, reading its tables, checking its audio."""

import csv
import os
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


def read_table(path, columns, source):
    """Read the named columns of a CSV file, as a dict of lists of stripped strings.

    Other columns are allowed and left out. Blank lines are skipped.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The annotations {path} are missing. {source}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(reader.line_num, row) for reader in [csv.reader(file)] for row in reader if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV file in UTF-8 ({error}). {source}") from error
    if not rows:
        raise ValueError(f"{path} is empty. {source}")
    header = [name.strip() for name in rows[0][1]]
    missing = [name for name in columns if name not in header]
    if missing:
        raise ValueError(f"{path} lacks the columns {missing}; its header is {header}. {source}")
    twice = [name for name in columns if header.count(name) > 1]
    if twice:
        raise ValueError(f"{path} has the columns {twice} more than once: keep one of each. {source}")
    if len(rows) == 1:
        raise ValueError(f"{path} has a header, but no row. {source}")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(row)} fields, but the header has {len(header)}.")
    return {name: [row[header.index(name)].strip() for _, row in rows[1:]] for name in columns}


def to_numbers(values, dtype, path, column):
    """Convert a column to an array; the error names the file, the column and the value."""
    for row, value in enumerate(values, start=1):
        try:
            valid = np.isfinite(dtype(value))
        # TypeError: a whole number too large for any integer type
        except (ValueError, TypeError):
            valid = False
        if not valid:
            raise ValueError(f"{path}, row {row}: {column} must be a finite {dtype.__name__}, got {value!r}.")
    return np.array([dtype(value) for value in values])


def check_unique(values, path, column):
    """Refuse a column in which a value stands twice."""
    seen = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{path}: {column} {value!r} stands in more than one row; each song needs one row.")
        seen.add(value)


def check_audio_files(paths, table, source):
    """Refuse songs without audio, and audio files beside them that no song names.

    Files whose names begin with a dot are the operating system's and are passed over.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(_some(missing, f"of the songs in {table} have no audio file") + f" {source}")
    known = set(paths)
    present = (path for folder in sorted({path.parent for path in paths}) for path in sorted(folder.iterdir()))
    extra = [path for path in present if path.is_file() and path not in known and not path.name.startswith(".")]
    if extra:
        raise ValueError(
            _some(extra, f"files beside the audio have no row in {table}")
            + " Move them away, or pass check_audio=False to leave them out."
        )


def _some(paths, what):
    """Say how many paths there are of a kind, and name the first three."""
    names = ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")
    return f"{len(paths)} {what}: {names}."
