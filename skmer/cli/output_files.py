"""Files that a command writes: never half of one under its name, never over another unasked."""

import os
from contextlib import contextmanager
from pathlib import Path

from skmer._io import atomic_write

__all__ = ["OutputError", "check_output", "written_whole"]


class OutputError(Exception):
    """An output file cannot or must not be written; the message says why."""


def check_output(path, force, inputs=()):
    """Refuse, before any work is done, a file that could not or should not be written in the end.

    What the command reads (`inputs`) is never written over, whatever `force` says.
    """
    path = Path(path)
    if path.is_file() and any(os.path.exists(name) and path.samefile(name) for name in inputs):
        raise OutputError(f"{path}: this file is read by the same command. Name another one.")
    if path.is_dir():
        raise OutputError(f"{path}: this is a folder. Name a file in it.")
    if path.is_file() and not force:
        raise OutputError(f"{path}: this file exists already. Name another one, or pass --force to replace it.")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise OutputError(f"{path}: there is no folder {folder}. Make it first.")
    if not os.access(folder if not path.exists() else path, os.W_OK):
        raise OutputError(f"{path}: it cannot be written. Check the permissions.")


@contextmanager
def written_whole(path, force, keep_part=False):
    """Give a temporary path beside `path`, which takes its name if nothing goes wrong, as `atomic_write` does.

    What must not be written over is refused before the block, and once more after it. `keep_part` is that
    of `atomic_write`: True, or a function that gives the words before the path of what is kept.
    """
    check_output(path, force)
    with atomic_write(path, keep_part) as part:
        yield part
        check_output(path, force)
