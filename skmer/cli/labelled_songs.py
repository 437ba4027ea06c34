"""Songs with labels on a command line: a folder, and where the label of each of its songs is."""

import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from skmer.cli._common import CommandError

__all__ = ["FOLDERS", "LABELLED_SONGS", "NO_TARGETS", "add_songs", "load_songs", "tables_of", "without_rare_classes"]

FOLDERS = "folders"
NO_TARGETS = "none"
LABELLED_SONGS = (
    "SONGS is a folder. By default it contains a folder for each class, with songs in it or in its subfolders; with "
    "--artists, each class folder contains a folder for each artist. With --labels FILE.csv the labels are in a UTF-8 "
    "table whose first line is path,label or path,label,group (separated by commas, semicolons or tabs); paths are "
    "relative to SONGS, and songs of one group, such as an artist, are kept together. With a column rater, as in the "
    "tables of skmer annotate, the label is the one that most people chose; the tables of several people are given by "
    "--labels again. Songs that are not in the table, "
    "and files that are not audio by extension, are left out and counted on standard error."
)


def add_songs(command):
    """Add the options of the songs, their labels and their artists to a command."""
    command.add_argument("songs", metavar="SONGS", help="folder of the songs")
    command.add_argument(
        "--labels",
        metavar="FILE.csv",
        action="append",
        help=f'a table path,label[,group], given again for those of other raters; or the word "{FOLDERS}", which is '
        "the default: a folder for each class",
    )
    command.add_argument("--artists", action="store_true", help="class folders contain a folder for each artist")


def tables_of(arguments):
    """Return the tables of ``--labels``, none where folders are the labels."""
    return [] if arguments.labels in (None, [FOLDERS]) else arguments.labels


def load_songs(arguments):
    """Load the songs that the arguments of `add_songs` name; no audio file is opened.

    If the command has an argument ``targets``, columns of numbers in the table may be ratings.

    Return a Bunch with ``data`` (absolute paths), ``target``, ``target_names``, ``groups``, ``names`` (paths below
    SONGS, with /), ``left_out`` (such paths of files that are not used), ``why_out`` and ``labels_from`` (phrases) and
    ``remarks`` (sentences, which are also written to standard error unless the arguments have ``quiet``).
    """
    from skmer._io import format_names

    home = Path(arguments.songs)
    if not home.is_dir():
        wrong = "this is a file" if home.exists() else "no such folder"
        raise CommandError(f"{arguments.songs}: {wrong}. SONGS must be the folder of the songs.")
    try:
        songs = _by_table(home, arguments) if tables_of(arguments) else _by_folders(home, arguments)
    except (OSError, TypeError, ValueError) as error:
        raise CommandError(str(error)) from error
    songs.names = [_below(path, home) for path in songs.data]
    songs.left_out = [_below(path, home) for path in songs.left_out]
    songs.remarks = songs.get("remarks", [])
    # the remarks name those that the raters left without a label
    without = {_below(path, home) for path in songs.get("undecided", [])}
    others = [name for name in songs.left_out if name not in without]
    remarks = list(songs.remarks)
    why_out = songs.why_out.partition(", or without a label")[0]
    if others:
        files = "1 file is" if len(others) == 1 else f"{len(others):,} files are"
        remarks.append(f"{files} left out, {why_out}: {format_names(others, most=3)}.")
    if not getattr(arguments, "quiet", False):
        for remark in remarks:
            print(f"skmer {arguments.command}: {remark}", file=sys.stderr)
    return songs


def without_rare_classes(songs, arguments):
    """Return the songs without classes of fewer than ``--min-songs`` songs, or groups; name what is left out."""
    import numpy as np

    least, target = arguments.min_songs, np.asarray(songs.target)
    if target.dtype.kind == "f" or target.ndim > 1:
        raise CommandError("--min-songs is for classes, but the labels are ratings: leave it out.")
    grouped = len(set(songs.groups)) < len(songs.groups)
    units = np.asarray(songs.groups) if grouped else np.arange(len(target))
    rare = [name for name in np.unique(target) if len(np.unique(units[target == name])) < least]
    if not rare:
        return songs
    kept = np.flatnonzero(~np.isin(target, rare))
    if not len(kept):
        raise CommandError(f"--min-songs {least}: each class has fewer {'groups' if grouped else 'songs'}: lower it.")
    named = ", ".join(f"{name} ({np.sum(target == name)})" for name in rare)
    remark = f"Left out, since fewer than {least} {'groups' if grouped else 'songs'} have the label: {named}."
    songs.remarks = [*songs.remarks, remark]
    if not arguments.quiet:
        print(f"skmer {arguments.command}: {remark}", file=sys.stderr)
    songs.data, songs.names = ([values[i] for i in kept] for values in (songs.data, songs.names))
    songs.target, songs.groups = target[kept], np.asarray(songs.groups)[kept]
    return songs


def _by_folders(home, arguments):
    from skmer.datasets import load_folder

    if getattr(arguments, "targets", None) not in (None, NO_TARGETS):
        raise CommandError("--targets names columns of a table: give the table, --labels FILE.csv.")
    songs = load_folder(home, groups="parent" if arguments.artists else None, check_audio=False)
    songs.labels_from = "the folders that the songs are in" + (", with a folder for each artist" * arguments.artists)
    songs.label_options = "--artists " * bool(arguments.artists)
    songs.why_out = "not audio by extension"
    return songs


def _by_table(home, arguments):
    from skmer.audio import find_audio_files
    from skmer.datasets import load_csv

    tables = tables_of(arguments)
    shown = _join(tables)
    if arguments.artists:
        raise CommandError(f"--artists is for folders. {shown} has the artists in a column group: leave --artists out.")
    for table in tables:
        if os.path.isdir(table) or not os.path.exists(table):
            wrong = "is a folder" if os.path.isdir(table) else "does not exist"
            raise CommandError(f'--labels: {table} {wrong}. It must be a CSV file, or the word "{FOLDERS}".')
    targets, remarks = _find_targets(tables, arguments.targets) if hasattr(arguments, "targets") else (None, [])
    songs = load_csv(tables if len(tables) > 1 else tables[0], data_home=home, targets=targets)
    names = _join([Path(table).name for table in tables])
    songs.labels_from = f"the {'table' if len(tables) == 1 else 'tables'} {names}"
    songs.label_options = "".join(f"--labels {shlex.quote(table)} " for table in tables)
    songs.remarks = [*remarks, *songs.remarks, *_describe_changes(tables)]
    used = {os.path.realpath(path) for path in songs.data}
    inside = [path for path, error in find_audio_files([os.path.abspath(home)]) if error is None]
    songs.left_out = [path for path in inside if os.path.realpath(path) not in used]
    songs.why_out = f"not in {shown}"
    if without := songs.get("unrated") or songs.get("undecided"):
        found = {os.path.realpath(path) for path in inside}
        songs.left_out += [path for path in without if os.path.realpath(path) not in found]
        songs.why_out += f", or without {'ratings' if 'unrated' in songs else 'a label of most raters'} there"
    return songs


def _describe_changes(tables):
    """Yield how many labels of each table differ from those in its column old_label, as label-noise pages save it."""
    from skmer.datasets._tables import read_cells

    for table in tables:
        titles, rows = read_cells(Path(table), "")
        if not {"label", "old_label"} <= set(titles):
            continue
        lines = [dict(zip(titles, cells, strict=True)) for _, cells in rows]
        changed = [line for line in lines if line["label"] and line["label"] != line["old_label"]]
        people = sorted({line.get("rater", "") for line in changed} - {""})
        if changed:
            labels = "1 label was" if len(changed) == 1 else f"{len(changed):,} labels were"
            yield f"{labels} changed in {Path(table).name}" + f", by {_join(people)}" * bool(people) + "."


def _join(names):
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _find_targets(tables, given):
    """Return the columns of tables that are ratings, None for classes, and sentences on how this was decided."""
    from skmer._io import format_names
    from skmer.datasets._rating_columns import columns_of_numbers, find_rating_columns

    if given is not None:
        return (None if given == NO_TARGETS else [name.strip() for name in given.split(",")]), []
    columns, are_ratings = [], False
    paths, table = [Path(table) for table in tables], _join(tables)
    with suppress(OSError, ValueError):  # load_csv says what is wrong with the table
        columns, are_ratings = find_rating_columns(paths)
    if not columns:
        if are_ratings and (numbers := columns_of_numbers(paths)):
            raise CommandError(
                f"{table} has no column label. Its columns of numbers are {format_names(numbers)}: name those of the "
                f"ratings, such as --targets {numbers[0]}."
            )
        return None, []
    named = "Column " + columns[0] if len(columns) == 1 else f"Columns {', '.join(columns[:-1])} and {columns[-1]}"
    hold = "holds" if len(columns) == 1 else "hold"
    if not are_ratings:
        return None, [f"{named} holds few whole numbers: classes are learnt (--targets {columns[0]} for ratings)."]
    other = "--targets none for classes" if columns[0].casefold() == "label" else "--targets for other columns"
    return columns, [f"{named} {hold} numbers: ratings are learnt ({other})."]


def _below(path, home):
    """Return the path of a song relative to the folder, or its absolute path if it is not inside the folder."""
    inside = os.path.relpath(path, os.path.abspath(home))
    return path if inside.startswith(os.pardir) else Path(inside).as_posix()
