"""load_csv: your own songs, from a table of paths and labels or ratings."""

import os
import re

from sklearn.utils import Bunch

from skmer.audio.finding import AUDIO_SUFFIXES
from skmer.datasets._collection import UNGROUPED, Collection
from skmer.datasets._paths import check_flag, check_folder, path_kind, to_path
from skmer.datasets._published import similar_file
from skmer.datasets._rating_columns import check_targets, rated_rows
from skmer.datasets._tables import filled, maybe, number, read_table, required

__all__ = ["load_csv"]

LAYOUT = "The first line of the table must be path,label or path,label,group."
RATED_LAYOUT = "The first line of the table must name the columns path, those of the ratings, and possibly group."
DESCR = """Songs from a table
{n_songs} songs {what}, listed in {path}.{without} {groups}{unread}
Licence and source: those of your songs."""


def load_csv(path, data_home=None, check_audio=True, targets=None):
    """Load your own songs from a CSV file of their paths and labels, or ratings.

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
    targets : str or sequence of str, default=None
        Columns of numbers, such as ``["valence", "arousal"]``, in any case. They are the target in place of the column
        ``label``, which is not needed then. Rows in which all of them are empty, or have a word for an empty cell such
        as ``NaN``, are left out.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of the file.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,)
            The class of each song, as a string even if it is a number. With `targets`, the ratings, as floats of
            shape (n_songs, n_targets).
        groups : ndarray of shape (n_songs,)
            The group of each song; without a column ``group``, the path of each song.
        target_names : list of str
            The classes, sorted. With `targets`, their names as they are in the table.
        unrated : list of str
            With `targets`, the absolute paths of the songs that were left out.
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
        a label that differs from another only in case or blanks. With `targets`, if a column does not hold numbers, or
        a line has some of its ratings only.

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

    Ratings:

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "songs.csv"
    ...     _ = table.write_text("path,valence,arousal\\na.mp3,0.5,-0.2\\nb.mp3,-0.1,0.8\\n")
    ...     songs = load_csv(table, check_audio=False, targets=["valence", "arousal"])
    >>> songs.target.tolist(), songs.target_names
    ([[0.5, -0.2], [-0.1, 0.8]], ['valence', 'arousal'])
    """
    path = to_path(path, "path")
    check_flag(check_audio, "check_audio")
    home = path.parent
    if data_home is not None:
        home = to_path(data_home, "data_home")
        check_folder(home, f"data_home={str(home)!r}", "The paths of the songs start from it.")
    titles = {} if targets is None else check_targets(targets, path)
    labels = dict.fromkeys(titles, maybe(number)) if titles else {"label": filled("each song needs one")}
    table = read_table(
        path,
        {"path": required("it names the song"), **labels, "group": filled("fill it, or leave out the column")},
        RATED_LAYOUT if titles else LAYOUT,
        optional=["group"],
        any_case=True,
    )
    for name in table.unread:
        if name.casefold() == "groups":
            raise ValueError(f"{path}: the column {name!r} would not be read: name it 'group', or remove it.")
    ratings = {}
    if titles:
        values, rated = rated_rows(table, list(titles))
        unrated = [str(home / table["path"][i]) for i in sorted({*range(len(table.where))} - {*rated.tolist()})]
        ratings = {"target": values, "target_names": list(titles.values()), "unrated": unrated}
        table = table.take(rated)
    else:
        _check_labels(table)
    files = [home / name for name in table["path"]]
    _check_files(files, table, home if check_audio else None)
    labels = ratings or _classes(table, path)
    groups = "Songs of one group belong together." if "group" in table else UNGROUPED
    unread = f"\nColumns that were not read: {', '.join(map(repr, table.unread))}." if table.unread else ""
    what = f"with {', '.join(titles.values())}" if titles else f"of {len(labels['target_names'])} classes"
    without = f" {len(unrated)} more have no ratings." if titles and unrated else ""
    return Bunch(
        data=[str(file) for file in files],
        groups=table.get("group", table["path"]),
        **labels,
        DESCR=DESCR.format(n_songs=len(files), what=what, path=path, without=without, groups=groups, unread=unread),
    )


def _classes(table, path):
    names = sorted(set(table["label"].tolist()))
    if len(names) < 2:
        raise ValueError(f"{path} has 1 class, {names[0]!r}; at least two are needed.")
    return {"target": table["label"], "target_names": names}


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
