"""The report's folder: whole or not there, and never over anything else."""

import hashlib
import os
import re
from contextlib import contextmanager, suppress
from pathlib import Path

from skmer._io import atomic_folder, format_names

__all__ = [
    "PAGE",
    "PICTURES",
    "RELABEL",
    "SEGMENTS",
    "STRETCHES",
    "check_folder",
    "digest_mark",
    "folder_written_whole",
]

PAGE, PICTURES = "index.html", "pictures"
RELABEL, STRETCHES, SEGMENTS = "relabel.csv", "stretches.csv", "segments.csv"
_TABLES = {RELABEL, STRETCHES, SEGMENTS}
_MARK = '<meta name="relabel-sha256" content="{}">'
_OF_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # what file managers leave behind


def check_folder(out, force):
    """Refuse, before any work is done, a folder that could not or should not be written in the end.

    An empty folder will do. An earlier report is replaced where `force` is true, but not one
    whose ``relabel.csv`` is not byte for byte what was written: whatever it is by now, it may be somebody's work.
    """
    out = Path(out)
    if out.is_dir():
        others = _others(out)
        if others:
            raise FileExistsError(
                f"{out}: this folder holds other things than a report ({format_names(others, most=3)}). "
                "Name a folder of its own."
            )
        if any(out.iterdir()):
            _check_report(out, force)
    elif out.exists():
        raise FileExistsError(f"{out}: this is a file. Name a folder.")
    above = Path(os.path.realpath(out)).parent
    if not above.is_dir():
        raise FileNotFoundError(f"{out}: there is no folder {above}. Make it first.")
    if not os.access(above, os.W_OK):
        raise PermissionError(f"{out}: the folder {above} cannot be written. Check the permissions.")


def _others(out):
    """Name what is in a folder, and in its folder of pictures, and not a report's."""
    others = [path.name for path in out.iterdir() if not _is_own(path)]
    pictures = out / PICTURES
    if pictures.is_dir():
        ours = re.compile(r"\d+\.png")
        inside = (path.name for path in pictures.iterdir() if path.name not in _OF_SYSTEMS)
        others += [f"{PICTURES}/{name}" for name in inside if not ours.fullmatch(name)]
    return sorted(others)


def _is_own(path):
    files = {PAGE, *_TABLES, *_OF_SYSTEMS}
    return path.name == PICTURES if path.is_dir() else path.name in files


def digest_mark(relabel):
    """Give the element of the page by which a later run sees whether the table was edited since."""
    return _MARK.format(hashlib.sha256(Path(relabel).read_bytes()).hexdigest())


def _is_as_written(relabel, page):
    with suppress(OSError):
        return digest_mark(relabel).encode() in Path(page).read_bytes()
    return False


def _check_report(out, force):
    if not force:
        raise FileExistsError(f"{out}: there is a report already. Name another folder, or ask to replace it (--force).")
    table = out / RELABEL
    if os.path.lexists(table) and not _is_as_written(table, out / PAGE):
        raise FileExistsError(
            f"{table}: this table is no longer as it was written. Somebody may have edited it, and that would be lost. "
            "Move it away first."
        )


@contextmanager
def folder_written_whole(out, force):
    """Give a temporary folder beside `out`, which takes its name if nothing goes wrong, and is removed otherwise."""
    check_folder(out, force)
    with atomic_folder(out) as part:
        yield part
        # what somebody has put there meanwhile
        check_folder(out, force)
