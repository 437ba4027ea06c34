"""What the tables of ``skmer reproduce`` share: their folder, their files, and errors in sentences."""

import json
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

from skmer.cli._common import CommandError

__all__ = ["in_sentences", "make_out", "write_results"]


def make_out(folder):
    """Make the folder of the results, and give its path."""
    out = Path(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise CommandError(f"{out}: this is a file. Name a folder for the results.") from error
    except OSError as error:
        raise CommandError(
            f"{out}: this folder cannot be made ({error.strerror}). Name another one with --out."
        ) from error
    return out


@contextmanager
def in_sentences():
    """Say warnings and what the user can mend in a sentence each."""
    from skmer.audio import AudioError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    except AudioError as error:
        raise CommandError(str(error), 1) from error
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError) as error:
        raise CommandError(str(error)) from error


def _show_warning(message, *_):
    print(f"skmer reproduce: warning: {message}", file=sys.stderr)


def write_results(path, table, text, csv=None):
    """Write a table as JSON, Markdown and, where it has it, CSV; say where."""
    from skmer._io import atomic_write_text

    written = [
        atomic_write_text(path, json.dumps(table, ensure_ascii=False) + "\n"),
        atomic_write_text(path.with_suffix(".md"), text + "\n"),
    ]
    if csv is not None:
        written.append(atomic_write_text(path.with_suffix(".csv"), csv))
    print("Written: " + ", ".join(map(str, written)) + "\n")
