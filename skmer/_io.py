"""Reading and writing files: atomic writes, file digests, CSV, Markdown tables."""

import csv
import hashlib
import os
import re
import secrets
import shutil
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

__all__ = [
    "atomic_folder",
    "atomic_write",
    "atomic_write_text",
    "audio_link",
    "csv_writer",
    "file_digest",
    "format_names",
    "is_missing",
    "is_partial",
    "markdown_table",
    "open_text",
]

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)
_RECENT = 2_000_000_000  # nanoseconds
_EMPTY = {"nan", "-nan", "na", "n/a", "#n/a", "#na", "<na>", "nat", "null", "(null)"}
_digests: dict = {}


def format_names(names, most=12):
    """Return the first names, separated by commas, and the number of those left out."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def is_missing(cell):
    """Return whether a cell of a table is empty, or a word that programs write for an empty cell."""
    return not cell or cell.casefold() in _EMPTY or cell == "None"


def markdown_table(header, rows):
    """Return rows as an aligned Markdown table; the first column is left-aligned, the others are right-aligned."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row):
        first, *others = zip(row, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def atomic_write_text(path, text):
    """Write a text file atomically, in UTF-8, and return its path; a missing folder is created."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


@contextmanager
def atomic_write(path, keep_part=False):
    """Write a file atomically: yield a temporary file beside it, which replaces `path` when the block succeeds.

    If the block fails, `path` is unchanged. Permissions of a replaced file are kept, links are followed, and a
    device or pipe such as ``/dev/null`` is yielded itself. The temporary file is ``.<name>.<8 hex digits>.part``; it
    remains only if the process is killed.

    With `keep_part`, a temporary file with content is kept after a failure, under a visible name that is added to the
    exception as a note. A callable `keep_part` returns the beginning of that note, or an empty text to keep nothing.
    """
    if Path(path).exists() and not Path(path).is_file():
        if Path(path).is_dir():
            raise IsADirectoryError(f"{path}: this is a folder, but must be a file.")
        yield Path(path)
        return
    target = _resolve_links(path)
    part = _make_part(target, lambda part: part.touch(exist_ok=False))
    try:
        yield part
        _copy_mode(target, part)
        os.replace(part, target)
    except BaseException as error:
        note = keep_part() if callable(keep_part) else keep_part and "What was finished is in"
        if note and part.is_file() and part.stat().st_size:
            visible = part.with_name(part.name.removeprefix("."))
            with suppress(OSError):
                part = part.rename(visible)
            error.add_note(f"{note} {part}.")
        else:
            with suppress(OSError):
                part.unlink()
        raise


@contextmanager
def atomic_folder(path):
    """Write a folder atomically: yield a temporary folder beside it, which replaces `path` when the block succeeds.

    If the block fails, `path` is unchanged. If only the renaming fails, the finished folder is kept, and a note with
    its name is added to the exception. The temporary folder is ``.<name>.<8 hex digits>.part``; a replaced folder is
    first renamed to the same name with ``.old`` and then removed. A killed process may leave either behind: an ``.old``
    may be deleted if `path` exists; otherwise, rename it to `path`.
    """
    target = _resolve_links(path)
    exists = _check_replaceable(path, target)
    part = _make_part(target, Path.mkdir)
    old = part.with_suffix(".old")
    finished = False
    try:
        yield part
        finished = True
        # a folder made in the meantime is not replaced: the renaming fails
        if exists and _check_replaceable(path, target):
            _copy_mode(target, part)
            os.replace(target, old)
        os.replace(part, target)
    except BaseException as error:
        _restore(old, target, error)
        if finished and part.is_dir():
            error.add_note(f"What was finished is in {part}.")
        else:
            shutil.rmtree(part, ignore_errors=True)
        raise
    if old.exists():
        try:
            shutil.rmtree(old)
        except OSError as error:
            # stacklevel=3 is the end of the with block
            warnings.warn(
                f"{path} is replaced, but its earlier version could not be removed ({error}): delete {old}.",
                UserWarning,
                stacklevel=3,
            )


def is_partial(name):
    """Return whether a file name is that of a temporary file of `atomic_write` or folder of `atomic_folder`."""
    return _PART.fullmatch(name) is not None


def _resolve_links(path):
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(f"{path}: this link refers to itself.")
    return target


def _make_part(target, make):
    """Make a temporary file or folder beside `target`, under an unused name."""
    while True:
        # a name may have 255 bytes: 60 characters of up to four each, and 15 more
        part = target.with_name(f".{target.name[:60]}.{secrets.token_hex(4)}.part")
        try:
            make(part)
        except FileExistsError:
            continue
        except OSError as error:
            where = f"the folder {target.parent} cannot be written to"
            raise type(error)(f"{target}: {where} ({error.strerror}).") from error
        return part


def _copy_mode(target, part):
    # fails where `target` is new, or the file system has no permissions
    with suppress(OSError):
        shutil.copymode(target, part)


def _check_replaceable(path, target):
    """Return whether a folder is at a path; raise if it cannot be replaced by another one."""
    if not target.exists():
        return False
    if not target.is_dir():
        raise NotADirectoryError(f"{path}: this is a file, but must be a folder.")
    if os.path.ismount(target):
        raise OSError(f"{path}: this folder is a mount point, which cannot be replaced. Choose a folder inside it.")
    with suppress(FileNotFoundError):
        here = Path.cwd()
        if target == here or target in here.parents:
            raise OSError(f"{path}: this is the current folder or contains it. Choose a folder elsewhere.")
    return True


def _restore(old, target, error):
    if old.exists():
        try:
            os.replace(old, target)
        except OSError:
            error.add_note(f"The earlier folder is {old}.")


def file_digest(path):
    """Return the SHA-256 of a file in hexadecimal digits; an unchanged file is read once in a process."""
    place, found = os.path.abspath(path), os.stat(path)
    state = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    if place in _digests and _digests[place][0] == state:
        return _digests[place][1]
    with open(place, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # a recent file may change again within the resolution of its time stamp
    if time.time_ns() - found.st_mtime_ns > _RECENT:
        _digests[place] = (state, digest)
    return digest


def audio_link(file, folder):
    """Return the URL of an audio file for a page in `folder`: relative, so that both can be moved together."""
    path, folder = os.path.abspath(file), os.path.abspath(folder)
    try:
        path = os.path.relpath(path, folder)
    except ValueError:  # another drive of Windows
        return "file:///" + quote(os.fsencode(path.replace(os.sep, "/")), safe="/:")
    # only / is kept: a colon would be read as the end of a scheme
    return quote(os.fsencode(path.replace(os.sep, "/")))


def open_text(path):
    """Open a text file for writing; file names that are not valid text are written as their bytes."""
    return open(path, "w", encoding="utf-8", errors="surrogateescape", newline="")


def csv_writer(stream):
    r"""Return a ``csv.writer`` whose rows end in ``\n`` and whose cells with ``\n`` or ``\r`` are quoted.

    Before Python 3.13, a ``csv.writer`` quotes only the line breaks that end its rows. `stream` is a text stream opened
    with ``newline=""``.
    """
    return csv.writer(_UnixLines(stream), lineterminator="\r\n")


class _UnixLines:
    r"""Stream that writes rows ending in ``\r\n`` with ``\n``."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, row):
        return self._stream.write(row.removesuffix("\r\n") + "\n")
