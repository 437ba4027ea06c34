"""The folder of a page: when it may be written, and writing it at once."""

import os
from contextlib import contextmanager
from pathlib import Path

from skmer._io import atomic_folder, format_names

__all__ = ["PAGE", "atomic_page", "check_page_folder"]

PAGE = "index.html"
_OF_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # written by file managers


def check_page_folder(out, force, own=(PAGE,), check_replaced=None, folders=()):
    """Check, before any work is done, that a folder of files `own`, and of `folders`, can be written.

    An empty folder is valid, and an earlier one with `force`, unless `check_replaced`, which is called with it, raises.
    """
    out = Path(out)
    if out.is_dir():
        files = _OF_SYSTEMS.union(own)
        others = sorted(path.name for path in out.iterdir() if path.name not in (folders if path.is_dir() else files))
        if others:
            raise FileExistsError(
                f"{out}: this folder contains files that do not belong to such a page "
                f"({format_names(others, most=3)}). Name an empty or a new folder."
            )
        if any(out.iterdir()):
            if not force:
                raise FileExistsError(f"{out}: a page exists already. Name another folder, or replace it with --force.")
            if check_replaced is not None:
                check_replaced(out)
    elif out.exists():
        raise FileExistsError(f"{out}: this is a file. Name a folder.")
    parent = Path(os.path.realpath(out)).parent
    if not parent.is_dir():
        raise FileNotFoundError(f"{out}: the folder {parent} does not exist. Create it first.")
    if not os.access(parent, os.W_OK):
        raise PermissionError(f"{out}: the folder {parent} cannot be written. Check the permissions.")


@contextmanager
def atomic_page(check, out):
    """Write a folder atomically, after `check` before and after the block."""
    check()
    with atomic_folder(out) as part:
        yield part
        check()
