"""Files that a command writes: never half of one under its name, never over another unasked."""

import os
from contextlib import contextmanager
from pathlib import Path

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
    """Give a temporary path beside `path`, and rename it to `path` if nothing goes wrong.

    What something that goes wrong leaves is removed, or with `keep_part` kept for its
    finished lines and named on the exception (a note of ``add_note``). A device or pipe,
    such as /dev/null, is written as it is.
    """
    check_output(path, force)
    if Path(path).exists() and not Path(path).is_file():
        yield Path(path)
        return
    # through a link, so that the link stays one
    whole = Path(os.path.realpath(path))
    part = whole.with_name(f"{whole.name}.{os.getpid()}.part")
    try:
        yield part
        check_output(path, force)
        os.replace(part, whole)
    except BaseException as error:
        if keep_part and part.is_file() and part.stat().st_size:
            error.add_note(f"What was finished is in {part}.")
        else:
            part.unlink(missing_ok=True)
        raise
