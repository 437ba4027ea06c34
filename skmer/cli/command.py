"""What the commands share: how one is added and ends early, ``--n-jobs``, progress, text files."""

import argparse
import sys

__all__ = ["Stop", "add_command", "n_jobs_argument", "open_text", "shows_progress"]


def add_command(commands, name, run, summary, details):
    """Add a command to the parser's ``commands``; ``run`` takes its arguments and returns the exit status."""
    command = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=details, allow_abbrev=False
    )
    command.set_defaults(run=run)
    return command


def n_jobs_argument(text):
    """Read a number of jobs, a whole number that is not 0, as the ``type`` of an argument."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value == 0:
        raise argparse.ArgumentTypeError(f"it must be a positive whole number, or -1 for all processors, not {text!r}")
    return value


def open_text(path):
    """Open a file for text that may hold file names: they go out as the bytes that they came in as."""
    return open(path, "w", encoding="utf-8", errors="surrogateescape", newline="")


def shows_progress(arguments):
    """Give the `verbose` of a computation: 1 where standard error is watched and nobody asked for quiet, else 0."""
    return int(sys.stderr.isatty() and not arguments.quiet)


class Stop(Exception):
    """Ends the command with a sentence for the user and an exit status."""

    def __init__(self, message, status=2):
        super().__init__(message)
        self.status = status
