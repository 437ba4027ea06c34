"""load_csv: your own songs, from a table of paths and labels or ratings."""

import os
import re

import numpy as np
from sklearn.utils import Bunch

from skmer.audio.finding import AUDIO_SUFFIXES
from skmer.datasets._collection import UNGROUPED, Collection
from skmer.datasets._paths import check_flag, check_folder, path_kind, to_path
from skmer.datasets._published import similar_file
from skmer.datasets._raters import UNDECIDED, labels_of_songs, mean_ratings, ratings_over_time
from skmer.datasets._rating_columns import check_targets, rated_rows, rating_values
from skmer.datasets._tables import filled, maybe, number, read_table, required, text

__all__ = ["load_csv"]

LAYOUT = "The first line of the table must be path,label or path,label,group."
RATED_LAYOUT = "The first line of the table must name the columns path, those of the ratings, and possibly group."
DESCR = """Songs from a table
{n_songs} songs {what}, listed in {path}.{without} {groups}{remarks}{unread}
Licence and source: those of your songs."""


def load_csv(path, data_home=None, check_audio=True, targets=None, dynamic=False):
    """Load your own songs from a CSV file of their paths and labels, or ratings.

    The file begins with a header with the columns ``path``, ``label`` and, if songs belong together, for instance
    those of an artist, ``group``, in any order and case; other columns are not read, and `DESCR` lists them. Fields
    are separated by commas, or by semicolons or tabs as in files of some spreadsheets; the header determines which.

    With a column ``rater``, several people may have labelled or rated a song, as on the pages of `skmer annotate`:
    their tables are read together. The label is the one that most of them chose; a song for which as many chose another
    one is left out, as is one that nobody has labelled: those who were unsure or skipped it, by the column
    ``decision``, chose none. Ratings are means over people, and before that over time if there is a column ``time``.

    Parameters
    ----------
    path : str, path-like, or sequence of them
        The CSV file, in UTF-8, which Excel calls "CSV UTF-8"; or several with the same columns, such as one of each
        rater.
    data_home : str or path-like, default=None
        Folder to which the paths of the songs are relative; ``None`` is the folder of the CSV file.
    check_audio : bool, default=True
        Whether every song must have its audio file. Files that are not in the table are no error.
    targets : str or sequence of str, default=None
        Columns of numbers, such as ``["valence", "arousal"]``, in any case. They are the target in place of the column
        ``label``, which is not needed then. Rows in which all of them are empty, or have a word for an empty cell such
        as ``NaN``, are left out.
    dynamic : bool, default=False
        With `targets` and a column ``time``, whether the ratings over time are returned too.

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
        undecided : list of str
            Without `targets`, the absolute paths of the songs that were left out, because no label has most votes.
        dynamic : list of DynamicRatings
            With `dynamic`, the ratings of each song over time, with those of each person in `listeners`. A rating with
            the time t, in seconds, is that of the stretch, such as half a second, that ends at t.
        remarks : list of str
            Sentences on how the answers of several people became one, and on what was left out.
        DESCR : str
            Description of the data.

    Raises
    ------
    FileNotFoundError
        If the CSV file, `data_home` or an audio file is missing.
    PermissionError
        If a file or a folder cannot be read.
    TypeError
        If a path is not a str or path-like, or `check_audio` or `dynamic` is not a bool.
    ValueError
        If the CSV file lacks a column, has one called ``groups``, or has only one class; if several files have
        different columns, or are in different folders and `data_home` is None; or if a line lacks a field, has a song
        that is in the table already (of the same rater, at the same time) or is not an audio file by extension, or
        a label that differs from another only in case or blanks. With `targets`, if a column does not hold numbers, or
        a line has some of its ratings only, unless there are columns ``rater`` or ``time``.

    See Also
    --------
    load_folder : Songs sorted into a folder for each class.
    skmer.listening.write_annotation_page : A page on which people label or rate songs.

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

    Labels of three people:

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "songs.csv"
    ...     lines = ["path,label,rater", "a.mp3,calm,Ann", "a.mp3,calm,Bob", "a.mp3,sad,Cleo", "b.mp3,sad,Ann"]
    ...     _ = table.write_text("\\n".join(lines))
    ...     songs = load_csv(table, check_audio=False)
    >>> songs.target.tolist(), songs.remarks
    (['calm', 'sad'], ['The label of a song is the one that most of 3 people (Ann, Bob, Cleo) chose.'])
    """
    paths = _to_paths(path)
    check_flag(check_audio, "check_audio")
    check_flag(dynamic, "dynamic")
    home = paths[0].parent
    if data_home is not None:
        home = to_path(data_home, "data_home")
        check_folder(home, f"data_home={str(home)!r}", "The paths of the songs start from it.")
    elif any(other.parent != home for other in paths):
        raise ValueError("The tables are in different folders: pass data_home, the folder that their paths start from.")
    titles = {} if targets is None else check_targets(targets, paths)
    table = _read(paths, titles)
    if dynamic and not (titles and "time" in table):
        raise ValueError("dynamic=True is for ratings over time: pass targets, and a table with a column 'time'.")
    songs = _rows_of_songs(table, home)
    _check_songs(songs, table, home)
    what = _ratings(table, songs, titles, dynamic) if titles else _classes(table, songs)
    used, left_out = what.pop("used"), what.pop("left_out")
    first = [songs[i][0] for i in used]
    _check_files(first, table, home, check_audio)
    files = [str(home / table["path"][rows[0]]) for rows in songs]
    out = {"unrated" if titles else "undecided": [files[i] for i in left_out]}
    groups = "Songs of one group belong together." if "group" in table else UNGROUPED
    unread = f"\nColumns that were not read: {', '.join(map(repr, table.unread))}." if table.unread else ""
    names = what["target_names"]
    kind = f"with {', '.join(names)}" if titles else f"of {len(names)} classes"
    without = f" {len(left_out)} more have no ratings." if titles and left_out else ""
    remarks = "".join(f"\n{remark}" for remark in what["remarks"])
    return Bunch(
        data=[files[i] for i in used],
        groups=table.get("group", table["path"])[first],
        **what,
        **out,
        DESCR=DESCR.format(
            n_songs=len(used), what=kind, path=table, without=without, groups=groups, remarks=remarks, unread=unread
        ),
    )


def _to_paths(path):
    if isinstance(path, str | os.PathLike) or not hasattr(path, "__iter__"):
        return [to_path(path, "path")]
    paths = [to_path(one, "path") for one in path]
    if not paths or len(set(paths)) < len(paths):
        raise ValueError("path must be a table, or different tables, " + (f"got {paths}." if paths else "got none."))
    return paths


def _read(paths, titles):
    labels = dict.fromkeys(titles, maybe(number)) if titles else {"label": text}
    people = ["rater", *(["time"] if titles else ["decision"])]
    table = read_table(
        paths,
        {
            **{"path": required("it names the song"), **labels, "group": filled("fill it, or leave out the column")},
            **dict.fromkeys(people, text),
        },
        RATED_LAYOUT if titles else LAYOUT,
        optional=["group", *people],
        check_row=None if titles else _check_label,
        any_case=True,
        same_columns=True,
    )
    for name in table.unread:
        if name.casefold() == "groups":
            raise ValueError(f"{table}: the column {name!r} would not be read: name it 'group', or remove it.")
    if not titles:
        _check_labels(table)
    return table


def _check_label(row):
    """Raise ValueError for a missing label, unless the rater was unsure or skipped the song."""
    if row.get("decision", "").casefold() not in UNDECIDED:
        try:
            filled("each song needs one")(row["label"])
        except ValueError as error:
            raise ValueError(f"label {error}") from None


def _rows_of_songs(table, home):
    """Return the rows of each song; the same file under another spelling, or through a link, is the same song."""
    real: dict = {}
    songs: dict = {}
    for row, name in enumerate(table["path"].tolist()):
        if name not in real:
            real[name] = os.path.realpath(home / name)
        songs.setdefault(real[name], []).append(row)
    return list(songs.values())


def _classes(table, songs):
    labels, remarks = labels_of_songs(table, songs)
    used = [i for i, label in enumerate(labels) if label is not None]
    target = np.array([labels[i] for i in used], dtype=str)
    names = sorted(set(target.tolist()))
    if len(names) < 2:
        found = f"1 class, {names[0]!r}" if names else "no label that most raters chose"
        has = "has" if len(table.files) == 1 else "have"
        raise ValueError(f"{table} {has} {found}; at least two {'are' if names else 'classes are'} needed.")
    left_out = sorted({*range(len(songs))} - {*used})
    return {"target": target, "target_names": names, "used": used, "left_out": left_out, "remarks": remarks}


def _ratings(table, songs, titles, dynamic):
    if "rater" in table or "time" in table:
        values = rating_values(table, list(titles))
        means, remarks = mean_ratings(table, values, songs)
        used = np.flatnonzero(~np.isnan(means).any(axis=1)).tolist()
        if not used:
            raise ValueError(f"{table} has no song with ratings of {', '.join(titles)}.")
        means = means[used]
    else:
        # each song has one row
        means, rated = rated_rows(table, list(titles))
        of_row = {rows[0]: i for i, rows in enumerate(songs)}
        used, remarks = [of_row[row] for row in rated.tolist()], []
    left_out = sorted({*range(len(songs))} - {*used})
    found = {"target": means, "target_names": list(titles.values()), "used": used, "left_out": left_out}
    if dynamic:
        found["dynamic"] = ratings_over_time(table, values, [songs[i] for i in used])
    return {**found, "remarks": remarks}


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


def _check_songs(songs, table, home):
    """Raise an error for songs that are in the table twice, although it has no raters and times, or in two groups."""
    for rows in songs:
        where = table.where[rows[0]]
        if len(rows) > 1 and not {"rater", "time"} & {*table}:
            again, path = table.where[rows[1]], home / table["path"][rows[1]]
            raise ValueError(f"{again}: {path} is the same song as in {where}: list each song once.")
        groups = table["group"][rows].tolist() if "group" in table else [None]
        if other := next((i for i, group in enumerate(groups) if group != groups[0]), None):
            raise ValueError(
                f"{table.where[rows[other]]}: the song is of the group {groups[other]!r} here, but of {groups[0]!r} in "
                f"{where}."
            )


def _check_files(rows, table, home, check_audio):
    """Raise an error for songs that are not audio files by extension and, with `check_audio`, for those without one."""
    for row in rows:
        file, where = home / table["path"][row], table.where[row]
        if file.suffix.lower() not in AUDIO_SUFFIXES:
            raise ValueError(f"{where}: {file} is not an audio file by its extension, such as .mp3 or .flac.")
        if check_audio:
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
