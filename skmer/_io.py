"""Writing for people: Markdown tables, names in a line, and files and folders that are whole or not there."""

import os
import re
import secrets
import shutil
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["is_leftover", "markdown_table", "name_some", "whole_file", "whole_folder", "write_whole"]

_PART = re.compile(r"\..+\.[0-9a-f]{8}\.part", re.DOTALL)


def name_some(names, most=12):
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
    >>> from skmer._io import name_some
    >>> name_some(["calm", "dark", "epic"], most=2)
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


def write_whole(path, text):
    """Write a text file whole or not at all.

    Parameters
    ----------
    path : str or Path
        Its folder is made where it is missing; a file that is there is replaced, as `whole_file` does.
    text : str
        Written in UTF-8.

    Returns
    -------
    Path
        The file.

    See Also
    --------
    whole_file : For what is not one text.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer._io import write_whole
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(pathlib.Path(folder) / "a" / "b.txt", "whole").read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


@contextmanager
def whole_file(path, keep_part=False):
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
    whole_folder : The same for a folder.
    is_leftover : Tells what a killed process has left.

    Notes
    -----
    The other path is ``.<name>.<eight hexadecimal digits>.part``, where no file was before. Only
    a process that was killed leaves one behind. It may be deleted.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer._io import whole_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "songs.csv"
    ...     with whole_file(path) as part:
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
def whole_folder(path):
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
    whole_file : The same for a file.
    is_leftover : Tells what a killed process has left.

    Notes
    -----
    The other folder is ``.<name>.<eight hexadecimal digits>.part``, where nothing was before. Only a
    process that was killed leaves one behind. It may be deleted. An earlier folder is first renamed to the same
    name with ``.old`` in place of ``.part`` and removed last. Where a process was killed between the two, an
    ``.old`` is left: it may be deleted if `path` is there, and is to be renamed to `path` if not.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer._io import whole_folder
    >>> with tempfile.TemporaryDirectory() as home:
    ...     path = pathlib.Path(home) / "report"
    ...     for page in ("first", "second"):
    ...         with whole_folder(path) as part:
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


def is_leftover(name):
    """Tell whether a name is that of a part, of `whole_file` or `whole_folder`.

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
    >>> from skmer._io import is_leftover
    >>> is_leftover(".report.0f3a91c2.part"), is_leftover("report.part")
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
