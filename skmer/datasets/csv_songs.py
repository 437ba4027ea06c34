"""load_csv: one's own songs, named with their labels in a table."""

import os
import re

import numpy as np
from sklearn.utils import Bunch

from skmer.audio.files import AUDIO_SUFFIXES
from skmer.datasets._base import beside, check_flag, check_folder, kind_of, to_path
from skmer.datasets._collection import Collection
from skmer.datasets._tables import check_filled, read_table

__all__ = ["load_csv"]

LAYOUT = "The first line of the table must be path,label or path,label,group."
DESCR = """Songs from a table
{n_songs} songs of {n_classes} classes, as {path} names them. {groups}{unread}
Licence and source: those of your songs."""


def load_csv(path, data_home=None, check_audio=True):
    """Load one's own songs from a CSV file that names each with its label.

    The file begins with a header that names the columns ``path``, ``label`` and, if songs belong
    together, as those of an artist do, ``group``, in any order and case; other columns are not read, and `DESCR` names
    them. Fields end at commas, or at semicolons or tabs, as some spreadsheets write them: the header tells.

    Parameters
    ----------
    path : str or path-like
        The CSV file, in UTF-8, which Excel calls "CSV UTF-8".
    data_home : str or path-like, default=None
        The folder that the paths of the songs start from; ``None`` is the folder of the CSV file.
        It must be there. An absolute path stands for itself.
    check_audio : bool, default=True
        Whether every song must have its audio file. Files that the table does not name are
        never an error: it need not name all songs of a folder.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of the file.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,)
            The label of each song, a string even if it is a number: labels are classes.
        groups : ndarray of shape (n_songs,)
            The group of each song; without a column ``group`` its path, as each song is then a
            group of its own.
        target_names : list of str
            The classes, sorted.
        DESCR : str
            Description of the data.

    Raises
    ------
    FileNotFoundError
        If the CSV file, `data_home` or an audio file is missing.
    PermissionError
        If a file or a folder may not be read.
    TypeError
        If a path is no path, or `check_audio` neither True nor False.
    ValueError
        If the CSV file lacks a column, has one that is all but called ``group``, or has one class
        only, or a line lacks a field, names a song again or one that is no audio by its ending, or
        spells a label in another way than a line before.

    See Also
    --------
    load_folder : Songs sorted into a folder for each class.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmer.datasets import load_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "songs.csv"
    ...     _ = table.write_text("path,label,group\\na.mp3,calm,Ana\\nb.mp3,tense,Bo\\n")
    ...     songs = load_csv(table, check_audio=False)
    >>> songs.target.tolist(), songs.groups.tolist()
    (['calm', 'tense'], ['Ana', 'Bo'])
    """
    path = to_path(path, "path")
    check_flag(check_audio, "check_audio")
    home, start = path.parent, "its folder"
    if data_home is not None:
        home, start = to_path(data_home, "data_home"), "data_home"
        check_folder(home, f"data_home={str(home)!r}", "The paths of the songs start from it.")
    table = read_table(path, ["path", "label"], LAYOUT, optional=["group"], any_case=True)
    _check_columns(table.unread, path)
    check_filled(table["path"], path, "path", table.lines, "it names the song")
    check_filled(table["label"], path, "label", table.lines, "each song needs one")
    _check_labels(table["label"], path, table.lines)
    files = [home / name for name in table["path"]]
    _check_files(files, path, table.lines, start if check_audio else None)
    if "group" in table:
        check_filled(table["group"], path, "group", table.lines, "fill it, or leave out the column")
    names = sorted(set(table["label"]))
    if len(names) < 2:
        raise ValueError(f"{path} has 1 class, {names[0]!r}; at least two are needed.")
    alone = "Each song is a group of its own: if several are by one artist, folds do not keep them apart."
    told = "Songs of one group belong together." if "group" in table else alone
    unread = f"\nColumns that were not read: {', '.join(map(repr, table.unread))}." if table.unread else ""
    return Bunch(
        data=[str(file) for file in files],
        target=np.array(table["label"]),
        groups=np.array(table.get("group", table["path"])),
        target_names=names,
        DESCR=DESCR.format(n_songs=len(files), n_classes=len(names), path=path, groups=told, unread=unread),
    )


def _check_columns(unread, path):
    """Refuse a column that was surely meant to be the groups."""
    for name in unread:
        if name.casefold() == "groups":
            raise ValueError(f"{path}: the column {name!r} would not be read: name it 'group', or take it away.")


def _check_labels(labels, path, lines):
    """Refuse labels that look like one another: they would be two classes."""
    seen: dict = {}
    for label, line in zip(labels, lines, strict=True):
        # blanks without width, which no editor shows
        look = re.sub("[\u200b-\u200d\u2060\ufeff]", "", label).strip().casefold()
        first, where = seen.setdefault(look, (label, line))
        if first != label:
            raise ValueError(
                f"{path}, line {line}: the label {label!r} differs from {first!r} of line {where} only in case or "
                "blanks: spell both in one way."
            )


def _check_files(files, path, lines, start):
    """Refuse songs that are no audio by their ending or stand twice; with `start`, also those without a file.

    `start` is what the error calls the folder that the paths start from.
    """
    seen: dict = {}
    for file, line in zip(files, lines, strict=True):
        where = f"{path}, line {line}"
        if file.suffix.lower() not in AUDIO_SUFFIXES:
            raise ValueError(f"{where}: {file} is no audio by its ending, such as .mp3 or .flac.")
        # the same file under another spelling, or through a link, is the same song
        real = os.path.realpath(file)
        if real in seen:
            raise ValueError(f"{where}: {file} is the song of line {seen[real]} again; name each once.")
        seen[real] = line
        if start is not None:
            _check_there(file, where, start)


def _check_there(file, where, start):
    try:
        kind = kind_of(file)
    except (ValueError, PermissionError) as error:
        raise type(error)(f"{where}: {error}") from error
    if kind == "nothing":
        windows = os.sep == "/" and "\\" in str(file)
        slash = " Folders are separated by / on this system, not by a backslash." * windows
        raise FileNotFoundError(
            f"{where}: there is no audio file {file}; paths start from {start}.{slash}{beside([file])}"
        )
    if kind != "a file":
        raise ValueError(f"{where}: {file} is {kind}, but must be an audio file.")


COLLECTION = Collection("csv", "Your table", load_csv, ("label",), group="group", anywhere=True)
