"""Songs with labels on a command line: a folder, and where the label of each of its songs stands."""

import os
import sys
from pathlib import Path

from skmer.cli._common import CommandError

__all__ = ["LABELLED_SONGS", "add_songs", "load_songs"]

FOLDERS = "folders"
LABELLED_SONGS = (
    "SONGS is a folder. By default it has a folder for each class with the songs in it, also in folders of their own; "
    "with --artists, a folder for each artist in each class folder. With --labels FILE.csv the labels stand in a table "
    "whose first line is path,label or path,label,group (also with ; or tabs between, as Excel may write it; text in "
    "UTF-8); paths begin at SONGS, and songs of one group, such as an "
    "artist's, are kept together. Songs of SONGS that the table does not name, and files that are no audio by their "
    "ending, are left out and counted on standard error."
)


def add_songs(command):
    """Add the songs, and where their labels and artists stand, to a command."""
    command.add_argument("songs", metavar="SONGS", help="folder of the songs")
    command.add_argument(
        "--labels",
        metavar="FILE.csv",
        default=FOLDERS,
        help=f'a table path,label[,group], or the word "{FOLDERS}": a folder for each class (%(default)s)',
    )
    command.add_argument("--artists", action="store_true", help="a class folder has a folder for each artist")


def load_songs(arguments):
    """Load the songs that the arguments of `add_songs` name; no audio file is opened.

    Gives a Bunch with ``data`` (absolute paths), ``target``, ``target_names``, ``groups`` (of each song its own, where
    nothing says who made it), ``names`` (paths below SONGS, with /), ``left_out`` (such names of files that were not
    taken), ``why_out`` and ``labels_from`` (words) and ``remarks`` (sentences). The remarks are told on standard error
    too, unless the arguments say ``quiet``. What is wrong ends the command with a sentence.
    """
    home = Path(arguments.songs)
    if not home.is_dir():
        wrong = "this is a file" if home.exists() else "there is no such folder"
        raise CommandError(f"{arguments.songs}: {wrong}. SONGS must be the folder of the songs.")
    try:
        songs = _by_folders(home, arguments) if arguments.labels == FOLDERS else _by_table(home, arguments)
    except (OSError, TypeError, ValueError) as error:
        # by the shell's name
        raise CommandError(str(error).replace("paths start from data_home", "paths start from SONGS")) from error
    songs.names = [_below(path, home) for path in songs.data]
    songs.left_out = [_below(path, home) for path in songs.left_out]
    songs.remarks = [_left_out(songs.left_out, songs.why_out)] if songs.left_out else []
    if not getattr(arguments, "quiet", False):
        for remark in songs.remarks:
            print(f"skmer {arguments.command}: {remark}", file=sys.stderr)
    return songs


def _by_folders(home, arguments):
    from skmer.datasets import load_folder

    songs = load_folder(home, check_audio=False)
    if arguments.artists:
        songs.groups = _artists(home, songs.data)
    songs.labels_from = "the folders that the songs lie in" + (", with a folder for each artist" * arguments.artists)
    songs.why_out = "no audio by the ending"
    return songs


def _by_table(home, arguments):
    from skmer.audio import find_audio_files
    from skmer.datasets import load_csv

    table = arguments.labels
    if arguments.artists:
        raise CommandError(
            f"--artists is for folders. {table} names the artists itself, in a column group: leave it out."
        )
    if not os.path.exists(table):
        raise CommandError(f'--labels: there is no table {table}. It must be a CSV file, or the word "{FOLDERS}".')
    if os.path.isdir(table):
        raise CommandError(f'--labels: {table} is a folder. It must be a CSV file, or the word "{FOLDERS}".')
    songs = load_csv(table, data_home=home)
    songs.labels_from = f"the table {Path(table).name}"
    taken = {os.path.realpath(path) for path in songs.data}
    inside = [path for path, error in find_audio_files([os.path.abspath(home)]) if error is None]
    songs.left_out = [path for path in inside if os.path.realpath(path) not in taken]
    songs.why_out = f"not in {table}"
    return songs


def _artists(home, paths):
    import numpy as np

    artists = []
    for path in paths:
        name = _below(path, home)
        parts = name.split("/")
        if len(parts) != 3:
            raise ValueError(
                f"--artists: {name} in {home} does not lie at CLASS/ARTIST/SONG: move it there, or leave --artists out."
            )
        artists.append(parts[1])
    return np.array(artists)


def _below(path, home):
    """Name a song as it lies below the folder; one from elsewhere by its whole path."""
    inside = os.path.relpath(path, os.path.abspath(home))
    return path if inside.startswith(os.pardir) else Path(inside).as_posix()


def _left_out(names, why):
    from skmer._io import format_names

    files = "1 file is" if len(names) == 1 else f"{len(names):,} files are"
    return f"{files} left out, {why}: {format_names(names, most=3)}."
