"""``skmer annotate``: a page on which people label or rate songs."""

import sys
import warnings
from pathlib import Path

from skmer.cli._common import CommandError, add_command, comma_separated, positive_number, shows_progress

__all__ = ["add_annotate"]

# of the parameters of write_annotation_page
_OPTIONS = {"labels": "--labels", "ratings": "--ratings", "limits": "--range", "seconds": "--seconds"}


def add_annotate(commands):
    """Add ``skmer annotate`` to the commands."""
    command = add_command(
        commands,
        "annotate",
        _annotate,
        "write a page on which people listen to songs and label or rate them",
        "FOLDER gets one page, index.html, which a browser opens from disk, without a server and the network. With "
        "--labels, a person chooses one for each song, is unsure, or skips it. With --ratings, sliders are moved while "
        "a song plays, two ratings also in their plane, and are taken twice a second of the song; what was not rated "
        "stays empty. Answers are kept in the browser under the person's name and saved as a table, one for each "
        "person: skmer agreement TABLE... tells how far they agree, and skmer train SONGS --labels TABLE learns from "
        "them, from several with the option repeated. Paths in a table are relative to SONGS. With --copy-songs, "
        "FOLDER can be sent to other people. Exit status: 0, or 2 for a wrong argument.",
    )
    command.add_argument("songs", metavar="SONGS", nargs="+", help="a folder of songs, or audio files")
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--labels", type=comma_separated, metavar="NAMES", help="labels to choose from, such as happy,sad,tense,calm"
    )
    what.add_argument(
        "--ratings", type=comma_separated, metavar="NAMES", help="what is rated over time, such as valence,arousal"
    )
    command.add_argument(
        "--range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="lowest and highest rating; default: -1 1",
    )
    command.add_argument(
        "--seconds", type=positive_number, metavar="S", help="seconds of each song that are played; default: all"
    )
    command.add_argument("--out", metavar="FOLDER", required=True, help="folder of the page")
    command.add_argument(
        "--copy-songs", action="store_true", help="copy the recordings into FOLDER/songs; none is ever replaced there"
    )
    command.add_argument("--force", action="store_true", help="replace an earlier page")
    command.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")


def _annotate(arguments):
    if arguments.range is not None and arguments.ratings is None:
        raise CommandError("--range is for ratings: leave it out, or give --ratings.")
    from skmer.audio.finding import describe_other_files
    from skmer.listening.annotation import SONGS, find_songs, write_annotation_page

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            files, _, home = find_songs(arguments.songs)
            page = write_annotation_page(
                arguments.songs,
                arguments.out,
                labels=arguments.labels,
                ratings=arguments.ratings,
                limits=arguments.range or (-1, 1),
                seconds=arguments.seconds,
                copy_songs=arguments.copy_songs,
                force=arguments.force,
                verbose=shows_progress(arguments),
            )
        except (OSError, ValueError) as error:
            # main formats the errors of the operating system
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise CommandError(_name_option(str(error))) from error
    if arguments.quiet:
        return 0
    remarks = [str(warning.message) for warning in caught]
    if others := describe_other_files(arguments.songs):
        remarks.append(f"files without an audio extension were left out: {', '.join(others)}.")
    for remark in remarks:
        print(f"skmer annotate: {remark}", file=sys.stderr)
    print(f"{len(files):,} {'song' if len(files) == 1 else 'songs'}; paths in saved tables start from {home}")
    if arguments.copy_songs:
        print(f"Songs: {Path(arguments.out) / SONGS}")
    print(f"Page: {page}")
    return 0


def _name_option(message):
    """Return a message that begins with a parameter with the option of that parameter instead."""
    word, separator, rest = message.partition(" ")
    name = word.removesuffix(":")
    return f"{_OPTIONS[name]}{word[len(name) :]}{separator}{rest}" if name in _OPTIONS else message
