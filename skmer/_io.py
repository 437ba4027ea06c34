"""Reading and writing files: atomic writes, digests, CSV, Markdown tables."""

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

__all__ = [
    "atomic_folder",
    "atomic_write",
    "atomic_write_text",
    "csv_writer",
    "file_digest",
    "format_names",
    "is_partial",
    "markdown_table",
]

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)
_RECENT = 2_000_000_000  # nanoseconds
_digests: dict = {}


def format_names(names, most=12):
    """Write names with commas between, as many as a line should have, and how many more there are.

    Parameters
    ----------
    names : sequence
        Of anything that has a text.
    most : int, default=12
        How many are written.

    Returns
    -------
    str
        Without a full stop.

    Examples
    --------
    >>> from skmer._io import format_names
    >>> format_names(["calm", "dark", "epic"], most=2)
    'calm, dark and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def markdown_table(header, rows):
    """Write rows as a Markdown table that also reads as plain text.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : sequence of sequence
        Cells; the first column is left-aligned, the others right.

    Returns
    -------
    str
        Without a newline at the end.

    Examples
    --------
    >>> from skmer._io import markdown_table
    >>> print(markdown_table(["system", "accuracy"], [["SVM", "50.0"]]))
    | system | accuracy |
    |--------|---------:|
    | SVM    |     50.0 |
    """
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row):
        first, *others = zip(row, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def atomic_write_text(path, text):
    """Write a text file whole or not at all.

    Parameters
    ----------
    path : str or Path
        Its folder is made where it is missing; a file that is there is replaced, as `atomic_write` does.
    text : str
        Written in UTF-8.

    Returns
    -------
    Path
        The file.

    See Also
    --------
    atomic_write : For what is not one text.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer._io import atomic_write_text
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     atomic_write_text(pathlib.Path(folder) / "a" / "b.txt", "whole").read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


@contextmanager
def atomic_write(path, keep_part=False):
    """Write a file whole or not at all: give another path for the time of the writing.

    When the block ends well, what stands at the other path takes the place of `path`. When it
    does not, `path` is as it was.

    Parameters
    ----------
    path : str or Path
        A file that is there is replaced, and its permissions are kept. Where it is a link, the
        file that it leads to is replaced, and the link stays one. A device or a pipe, such as
        ``/dev/null``, is written as it is.
    keep_part : bool or callable, default=False
        Whether a file that has something in it is kept when the block or the renaming fails: without
        the leading dot, and a note on the exception names it. Otherwise it is removed. A callable is
        called in that case, without arguments: it gives the words of the note before the path, or an
        empty text where nothing is to be kept.

    Yields
    ------
    Path
        An empty file beside `path`, to be written over. Its name ends in ``.part``: a function that
        tells the format by the ending must be told the format.

    Raises
    ------
    OSError
        Before the block is run: if `path` is a folder, there is no folder for it, or nothing can be
        written there. After the block: if the file cannot be renamed.

    See Also
    --------
    atomic_folder : The same for a folder.
    is_partial : Tells what a killed process has left.

    Notes
    -----
    The other path is ``.<name>.<eight hexadecimal digits>.part``, where no file was before. Only
    a process that was killed leaves one behind. It may be deleted.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer._io import atomic_write
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "songs.csv"
    ...     with atomic_write(path) as part:
    ...         length = part.write_text("song,emotion")
    ...         path.exists()
    ...     path.read_text()
    False
    'song,emotion'
    """
    if Path(path).exists() and not Path(path).is_file():
        if Path(path).is_dir():
            raise IsADirectoryError(f"{path}: this is a folder, but must be a file.")
        yield Path(path)
        return
    whole = _through_links(path)
    part = _make_beside(whole, lambda part: part.touch(exist_ok=False))
    try:
        yield part
        _keep_mode(whole, part)
        os.replace(part, whole)
    except BaseException as error:
        words = keep_part() if callable(keep_part) else keep_part and "What was finished is in"
        if words and part.is_file() and part.stat().st_size:
            # what is kept on purpose is not hidden
            shown = part.with_name(part.name.removeprefix("."))
            with suppress(OSError):
                part = part.rename(shown)
            error.add_note(f"{words} {part}.")
        else:
            # the error that is on its way says more
            with suppress(OSError):
                part.unlink()
        raise


@contextmanager
def atomic_folder(path):
    """Write a folder whole or not at all: give another folder for the time of the writing.

    When the block ends well, the other folder takes the place of `path`. When it does not,
    `path` is as it was, and the other folder is removed.

    Parameters
    ----------
    path : str or Path
        A folder that is there is replaced with everything in it, once the block has ended well: check
        before, and at the end of the block again, that nothing in it is to stay. Its permissions are
        kept. Where it is a link, the folder that it leads to is replaced, and the link stays one.

    Yields
    ------
    Path
        An empty folder beside `path`.

    Raises
    ------
    OSError
        Before the block is run: if `path` is a file, a folder on which a disk or volume is mounted,
        or a folder that the process is in; or if there is no folder for it, or nothing can be made
        there. After the block: if the folder cannot be renamed. What was written is then kept, and
        a note on the exception names it.

    Warns
    -----
    UserWarning
        If the earlier folder has been replaced but cannot be removed.

    See Also
    --------
    atomic_write : The same for a file.
    is_partial : Tells what a killed process has left.

    Notes
    -----
    The other folder is ``.<name>.<eight hexadecimal digits>.part``, where nothing was before. Only a
    process that was killed leaves one behind. It may be deleted. An earlier folder is first renamed to the same
    name with ``.old`` in place of ``.part`` and removed last. Where a process was killed between the two, an
    ``.old`` is left: it may be deleted if `path` is there, and is to be renamed to `path` if not.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer._io import atomic_folder
    >>> with tempfile.TemporaryDirectory() as home:
    ...     path = pathlib.Path(home) / "report"
    ...     for page in ("first", "second"):
    ...         with atomic_folder(path) as part:
    ...             length = (part / page).write_text("...")
    ...     [page.name for page in path.iterdir()], [folder.name for folder in path.parent.iterdir()]
    (['second'], ['report'])
    """
    whole = _through_links(path)
    there = _check_replaceable(path, whole)
    part = _make_beside(whole, Path.mkdir)
    old = part.with_suffix(".old")
    finished = False
    try:
        yield part
        finished = True
        # a folder that came meanwhile is not replaced: the renaming fails
        if there and _check_replaceable(path, whole):
            _keep_mode(whole, part)
            os.replace(whole, old)
        os.replace(part, whole)
    except BaseException as error:
        _put_back(old, whole, error)
        if finished and part.is_dir():
            error.add_note(f"What was finished is in {part}.")
        else:
            shutil.rmtree(part, ignore_errors=True)
        raise
    if old.exists():
        try:
            shutil.rmtree(old)
        except OSError as error:
            # 3: the line that ends the block
            warnings.warn(
                f"{path} is replaced, but what it was before could not be removed ({error}): delete {old}.",
                UserWarning,
                stacklevel=3,
            )


def is_partial(name):
    """Tell whether a name is that of a part, of `atomic_write` or `atomic_folder`.

    Parameters
    ----------
    name : str
        Of a file or folder, without the path.

    Returns
    -------
    bool
        If true, a process is writing it, or was killed while it did. In the second case it may be
        deleted.

    Examples
    --------
    >>> from skmer._io import is_partial
    >>> is_partial(".report.0f3a91c2.part"), is_partial("report.part")
    (True, False)
    """
    return _PART.fullmatch(name) is not None


def _through_links(path):
    whole = Path(os.path.realpath(path))
    if whole.is_symlink():
        raise OSError(f"{path}: this is a link that leads back to itself.")
    return whole


def _make_beside(whole, make):
    """Make a part of `whole` under a name that nothing has."""
    while True:
        # a name may have 255 bytes: 60 characters of up to four each, and 15 more
        part = whole.with_name(f".{whole.name[:60]}.{secrets.token_hex(4)}.part")
        try:
            make(part)
        except FileExistsError:
            continue
        except OSError as error:
            where = f"nothing can be written into the folder {whole.parent}"
            raise type(error)(f"{whole}: {where} ({error.strerror}).") from error
        return part


def _keep_mode(whole, part):
    # some file systems have no permissions to set
    with suppress(OSError):
        shutil.copymode(whole, part)


def _check_replaceable(path, whole):
    """Tell whether there is a folder at a path; refuse what could not be replaced by one."""
    if not whole.exists():
        return False
    if not whole.is_dir():
        raise NotADirectoryError(f"{path}: this is a file, but must be a folder.")
    if os.path.ismount(whole):
        raise OSError(f"{path}: this folder cannot be replaced, for a disk is mounted on it. Name a folder in it.")
    with suppress(FileNotFoundError):
        here = Path.cwd()
        if whole == here or whole in here.parents:
            raise OSError(f"{path}: you are in this folder, which would be replaced. Go elsewhere, or name another.")
    return True


def _put_back(old, whole, error):
    if old.exists():
        try:
            # fails where something else has come in the place
            os.replace(old, whole)
        except OSError:
            error.add_note(f"The earlier folder is {old}.")


def file_digest(path):
    """Digest a file, and read it again only when it was changed.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).

    Raises
    ------
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmer._io import file_digest
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "network.pt")
    ...     _ = path.write_bytes(b"weights")
    ...     file_digest(path)[:8]
    '9a129038'
    """
    place, found = os.path.abspath(path), os.stat(path)
    state = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    if place in _digests and _digests[place][0] == state:
        return _digests[place][1]
    with open(place, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # what was written a moment ago may be written again before the clock of the disk moves on
    if time.time_ns() - found.st_mtime_ns > _RECENT:
        _digests[place] = (state, digest)
    return digest


def csv_writer(stream):
    r"""Give a ``csv.writer`` whose rows end in ``\n``, with quotes around cells that hold ``\n`` or ``\r``.

    Before Python 3.13, a ``csv.writer`` quotes only those line breaks that its rows end in, and a bare ``\r`` splits
    the row for those that read it. `stream` is a text stream that translates no line breaks (``newline=""``).
    """
    return csv.writer(_UnixLines(stream), lineterminator="\r\n")


class _UnixLines:
    r"""Takes rows that end in ``\r\n``, and writes them with ``\n``."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, row):
        return self._stream.write(row.removesuffix("\r\n") + "\n")
