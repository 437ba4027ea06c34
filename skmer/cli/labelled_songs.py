"""Songs with labels on a command line: a folder, and where the label of each of its songs is."""

import os
import sys
from pathlib import Path

from skmer.cli._common import CommandError

__all__ = ["LABELLED_SONGS", "add_songs", "load_songs"]

FOLDERS = "folders"
LABELLED_SONGS = (
    "SONGS is a folder. By default it contains a folder for each class, with songs in it or in its subfolders; with "
    "--artists, each class folder contains a folder for each artist. With --labels FILE.csv the labels are in a UTF-8 "
    "table whose first line is path,label or path,label,group (separated by commas, semicolons or tabs); paths are "
    "relative to SONGS, and songs of one group, such as an artist, are kept together. Songs that are not in the table, "
    "and files that are not audio by extension, are left out and counted on standard error."
)


def add_songs(command):
    """Add the options of the songs, their labels and their artists to a command."""
    command.add_argument("songs", metavar="SONGS", help="folder of the songs")
    command.add_argument(
        "--labels",
        metavar="FILE.csv",
        default=FOLDERS,
        help=f'a table path,label[,group], or the word "{FOLDERS}": a folder for each class (%(default)s)',
    )
    command.add_argument("--artists", action="store_true", help="class folders contain a folder for each artist")


def load_songs(arguments):
    """Load the songs that the arguments of `add_songs` name; no audio file is opened.

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
        songs = _by_folders(home, arguments) if arguments.labels == FOLDERS else _by_table(home, arguments)
    except (OSError, TypeError, ValueError) as error:
        raise CommandError(str(error)) from error
    songs.names = [_below(path, home) for path in songs.data]
    songs.left_out = [_below(path, home) for path in songs.left_out]
    songs.remarks = []
    if songs.left_out:
        files = "1 file is" if len(songs.left_out) == 1 else f"{len(songs.left_out):,} files are"
        songs.remarks = [f"{files} left out, {songs.why_out}: {format_names(songs.left_out, most=3)}."]
    if not getattr(arguments, "quiet", False):
        for remark in songs.remarks:
            print(f"skmer {arguments.command}: {remark}", file=sys.stderr)
    return songs


def _by_folders(home, arguments):
    from skmer.datasets import load_folder

    songs = load_folder(home, groups="parent" if arguments.artists else None, check_audio=False)
    songs.labels_from = "the folders that the songs are in" + (", with a folder for each artist" * arguments.artists)
    songs.why_out = "not audio by extension"
    return songs


def _by_table(home, arguments):
    from skmer.audio import find_audio_files
    from skmer.datasets import load_csv

    table = arguments.labels
    if arguments.artists:
        raise CommandError(f"--artists is for folders. {table} has the artists in a column group: leave --artists out.")
    if os.path.isdir(table) or not os.path.exists(table):
        wrong = "is a folder" if os.path.isdir(table) else "does not exist"
        raise CommandError(f'--labels: {table} {wrong}. It must be a CSV file, or the word "{FOLDERS}".')
    songs = load_csv(table, data_home=home)
    songs.labels_from = f"the table {Path(table).name}"
    used = {os.path.realpath(path) for path in songs.data}
    inside = [path for path, error in find_audio_files([os.path.abspath(home)]) if error is None]
    songs.left_out = [path for path in inside if os.path.realpath(path) not in used]
    songs.why_out = f"not in {table}"
    return songs


def _below(path, home):
    """Return the path of a song relative to the folder, or its absolute path if it is not inside the folder."""
    inside = os.path.relpath(path, os.path.abspath(home))
    return path if inside.startswith(os.pardir) else Path(inside).as_posix()
