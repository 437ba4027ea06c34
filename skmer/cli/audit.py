"""``skmer audit``: find what would flatter or spoil results on a collection of songs."""

import os
import sys
from pathlib import Path

from skmer.cli._common import CommandError, add_command, n_jobs
from skmer.cli.labelled_songs import LABELLED_SONGS, add_songs, load_songs

__all__ = ["add_audit"]


def add_audit(commands):
    """Add ``skmer audit`` to the commands."""
    command = add_command(
        commands,
        "audit",
        _audit,
        "find copies, contradictory labels, shared artists and damaged recordings in a collection",
        f"{LABELLED_SONGS} With --collection NAME, SONGS is a published collection in its own layout, with its labels, "
        "artists and splits. DIR will contain index.html, a page on which copies can be listened to; songs.csv, a line "
        "for each song with its duration, level, format and recording; copies.csv, a line for each pair of songs with "
        "the same recording. Exit status: 0, or 1 if a song cannot be read, 2 for a wrong argument.",
    )
    add_songs(command)
    command.add_argument("--collection", metavar="NAME", help="a published collection, such as emotify")
    command.add_argument("--task", metavar="TASK", help="task of the collection; default: its first")
    command.add_argument("--out", metavar="DIR", required=True, help="folder of the audit, which is created")
    command.add_argument("--force", action="store_true", help="replace an earlier audit in DIR")
    command.add_argument(
        "--n-jobs", type=n_jobs, default=1, metavar="N", help="threads that read songs; -1: all processors; default: 1"
    )
    command.add_argument("-q", "--quiet", action="store_true", help="print no progress and summary")


def _audit(arguments):
    from skmer.audit.report import check_audit_folder

    try:
        check_audit_folder(arguments.out, arguments.force)
    except OSError as error:
        raise CommandError(str(error)) from error
    if Path(os.path.realpath(arguments.out)).is_relative_to(os.path.realpath(arguments.songs)):
        raise CommandError(f"{arguments.out}: this is inside {arguments.songs}. Name a folder outside.")
    songs = load_songs(arguments) if arguments.collection is None else _load_collection(arguments)
    from skmer.audit import audit_songs, write_audit
    from skmer.audit.findings import findings

    verbose = not arguments.quiet and sys.stderr.isatty()
    audit = audit_songs(songs, n_jobs=arguments.n_jobs, verbose=verbose)
    page = write_audit(audit, arguments.out, force=arguments.force)
    if not arguments.quiet:
        for sentence in findings(audit) or ["No copies, no contradictions and no damaged recordings were found."]:
            print(sentence)
        print(f"Page: {page}")
    return 1 if audit.unreadable else 0


def _load_collection(arguments):
    from skmer.datasets import COLLECTIONS

    if arguments.collection not in COLLECTIONS:
        raise CommandError(f"--collection {arguments.collection}: choose from {', '.join(COLLECTIONS)}.")
    collection = COLLECTIONS[arguments.collection]
    task = arguments.task or collection.tasks[0]
    try:
        songs = collection.load(arguments.songs, task, check_audio=False)
    except (OSError, ValueError) as error:
        raise CommandError(str(error)) from error
    home = os.path.abspath(arguments.songs)
    songs.names = [Path(os.path.relpath(path, home)).as_posix() for path in songs.data]
    return songs
