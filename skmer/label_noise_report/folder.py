"""The report's folder: whole or not there, and never over anything else."""

import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

from skmer.label_noise_report.tables import changed_lines
from skmer.writing import name_some

__all__ = ["PAGE", "PICTURES", "RELABEL", "SEGMENTS", "STRETCHES", "check_folder", "folder_written_whole"]

PAGE, PICTURES = "index.html", "pictures"
RELABEL, STRETCHES, SEGMENTS = "relabel.csv", "stretches.csv", "segments.csv"
_OURS = {PAGE, PICTURES, RELABEL, STRETCHES, SEGMENTS}
_OF_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # what file managers leave behind


def check_folder(out, force):
    """Refuse, before any work is done, a folder that could not or should not be written in the end.

    An empty folder will do. An earlier report is replaced where `force` is true, but not one
    in whose table somebody has changed a label.
    """
    out = Path(out)
    if out.is_dir():
        others = _others(out)
        if others:
            raise FileExistsError(
                f"{out}: this folder holds other things than a report ({name_some(others, most=3)}). "
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
    others = [path.name for path in out.iterdir() if path.name not in _OURS | _OF_SYSTEMS]
    pictures = out / PICTURES
    if pictures.is_dir():
        ours = re.compile(r"\d+\.png")
        inside = (path.name for path in pictures.iterdir() if path.name not in _OF_SYSTEMS)
        others += [f"{PICTURES}/{name}" for name in inside if not ours.fullmatch(name)]
    return sorted(others)


def _check_report(out, force):
    if not force:
        raise FileExistsError(f"{out}: there is a report already. Name another folder, or ask to replace it (--force).")
    table = out / RELABEL
    n = changed_lines(table, out / SEGMENTS) if table.is_file() else 0
    if n is None:
        raise FileExistsError(f"{table}: somebody has changed the columns of this table. Move it away first.")
    if n:
        songs = "1 song of this table has" if n == 1 else f"{n} songs of this table have"
        raise FileExistsError(f"{table}: {songs} another label by now, or no line, which would be lost. Move it first.")


@contextmanager
def folder_written_whole(out, force):
    """Give a temporary folder beside `out`, which takes its name if nothing goes wrong, and is removed otherwise."""
    check_folder(out, force)
    # through a link, so that the link stays one
    whole = Path(os.path.realpath(out))
    part, old = (whole.with_name(f".{whole.name}.{os.getpid()}.{kind}") for kind in ("part", "old"))
    try:
        part.mkdir()
        yield part
        check_folder(out, force)
        if whole.exists():
            os.rename(whole, old)
        os.rename(part, whole)
    finally:
        if old.exists() and not whole.exists():
            os.rename(old, whole)
        for path in (part, old):
            shutil.rmtree(path, ignore_errors=True)
