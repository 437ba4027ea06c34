"""load_csv: your own songs, from a table of paths and labels."""

import os
import re

from sklearn.utils import Bunch

from skmer.audio.finding import AUDIO_SUFFIXES
from skmer.datasets._collection import UNGROUPED, Collection
from skmer.datasets._paths import check_flag, check_folder, path_kind, to_path
from skmer.datasets._published import similar_file
from skmer.datasets._tables import filled, read_table, required

__all__ = ["load_csv"]

LAYOUT = "The first line of the table must be path,label or path,label,group."
DESCR = """Songs from a table
{n_songs} songs of {n_classes} classes, listed in {path}. {groups}{unread}
Licence and source: those of your songs."""


def load_csv(path, data_home=None, check_audio=True):
    """Load your own songs from a CSV file of their paths and labels.

    The file begins with a header with the columns ``path``, ``label`` and, if songs belong together, for instance
    those of an artist, ``group``, in any order and case; other columns are not read, and `DESCR` lists them. Fields
    are separated by commas, or by semicolons or tabs as in files of some spreadsheets; the header determines which.

    Parameters
    ----------
    path : str or path-like
        The CSV file, in UTF-8, which Excel calls "CSV UTF-8".
    data_home : str or path-like, default=None
        Folder to which the paths of the songs are relative; ``None`` is the folder of the CSV file.
    check_audio : bool, default=True
        Whether every song must have its audio file. Files that are not in the table are no error.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of the file.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,)
            The class of each song, as a string even if it is a number.
        groups : ndarray of shape (n_songs,)
            The group of each song; without a column ``group``, the path of each song.
        target_names : list of str
            The classes, sorted.
        DESCR : str
            Description of the data.

    Raises
    ------
    FileNotFoundError
        If the CSV file, `data_home` or an audio file is missing.
    PermissionError
        If a file or a folder cannot be read.
    TypeError
        If a path is not a str or path-like, or `check_audio` is not a bool.
    ValueError
        If the CSV file lacks a column, has one called ``groups``, or has only one class; or if a line
        lacks a field, has a song that is in the table already or is not an audio file by extension, or
        a label that differs from another only in case or blanks.

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
    home = path.parent
    if data_home is not None:
        home = to_path(data_home, "data_home")
        check_folder(home, f"data_home={str(home)!r}", "The paths of the songs start from it.")
    table = read_table(
        path,
        {
            "path": required("it names the song"),
            "label": filled("each song needs one"),
            "group": filled("fill it, or leave out the column"),
        },
        LAYOUT,
        optional=["group"],
        any_case=True,
    )
    for name in table.unread:
        if name.casefold() == "groups":
            raise ValueError(f"{path}: the column {name!r} would not be read: name it 'group', or remove it.")
    _check_labels(table)
    files = [home / name for name in table["path"]]
    _check_files(files, table, home if check_audio else None)
    names = sorted(set(table["label"].tolist()))
    if len(names) < 2:
        raise ValueError(f"{path} has 1 class, {names[0]!r}; at least two are needed.")
    groups = "Songs of one group belong together." if "group" in table else UNGROUPED
    unread = f"\nColumns that were not read: {', '.join(map(repr, table.unread))}." if table.unread else ""
    return Bunch(
        data=[str(file) for file in files],
        target=table["label"],
        groups=table.get("group", table["path"]),
        target_names=names,
        DESCR=DESCR.format(n_songs=len(files), n_classes=len(names), path=path, groups=groups, unread=unread),
    )


def _check_labels(table):
    """Raise ValueError for labels that differ only in case or blanks: they would be two classes."""
    seen: dict = {}
    for label, where in zip(table["label"].tolist(), table.where, strict=True):
        # zero-width spaces, which editors do not show
        look = re.sub("[\u200b-\u200d\u2060\ufeff]", "", label).strip().casefold()
        first, line = seen.setdefault(look, (label, where))
        if first != label:
            raise ValueError(
                f"{where}: the label {label!r} differs from {first!r} ({line}) only in case or blanks: spell both the "
                "same."
            )


def _check_files(files, table, home):
    """Raise an error for songs that are not audio files by extension, or are in the table twice.

    With `home`, the folder that the paths start from, songs without a file are an error too.
    """
    seen: dict = {}
    for file, where in zip(files, table.where, strict=True):
        if file.suffix.lower() not in AUDIO_SUFFIXES:
            raise ValueError(f"{where}: {file} is not an audio file by its extension, such as .mp3 or .flac.")
        # the same file under another spelling, or through a link, is the same song
        real = os.path.realpath(file)
        if real in seen:
            raise ValueError(f"{where}: {file} is the same song as in {seen[real]}: list each song once.")
        seen[real] = where
        if home is not None:
            _check_exists(file, where, home)


def _check_exists(file, where, home):
    try:
        kind = path_kind(file)
    except (ValueError, PermissionError) as error:
        raise type(error)(f"{where}: {error}") from error
    if kind == "nothing":
        windows = os.sep == "/" and "\\" in str(file)
        slash = " Folders are separated by / on this system, not by a backslash." * windows
        raise FileNotFoundError(
            f"{where}: no such audio file: {file}; paths start from {home}.{slash}{similar_file([file])}"
        )
    if kind != "a file":
        raise ValueError(f"{where}: {file} is {kind}, but must be an audio file.")


COLLECTION = Collection("csv", "Your table", load_csv, ("label",), group="group", anywhere=True)
