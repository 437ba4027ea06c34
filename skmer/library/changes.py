"""Changes of fields of audio files, and how they are undone."""

import json
import os
from dataclasses import dataclass

__all__ = ["Change", "UndoFile", "plan_changes", "read_undo", "restore"]

_KEYS = {"file", "field", "old", "new", "had_tags"}


@dataclass(frozen=True)
class Change:
    """What is done with a field of a file.

    Parameters
    ----------
    file, field : str
        The file, and the name of the field.
    old, new : list of str or None
        Values that are there, and those to be; None where the field is absent.
    action : {"write", "restore", "keep", "same", "abstain"}
        Whether the field is written, restored or kept although other values are to be, has these values already, or
        gets none because the model does not name any.
    """

    file: str
    field: str
    old: list[str] | None
    new: list[str] | None
    action: str


def plan_changes(file, tags, wanted, replace=False):
    """Return a `Change` for each field.

    Parameters
    ----------
    file : str
        The file as given.
    tags : return value of `open_tags`
        Its tags.
    wanted : dict of str to (list of str or None)
        Values by field; None for no value, which removes nothing.
    replace : bool, default=False
        Whether other values that are there are replaced.

    Returns
    -------
    list of Change
    """
    changes = []
    for field, new in wanted.items():
        old = tags.get(field)
        if new is None:
            action = "abstain"
        elif old == new:
            action = "same"
        else:
            action = "write" if old is None or replace else "keep"
        changes.append(Change(file, field, old, new, action))
    return changes


class UndoFile:
    """File of JSON lines with the values before each change; it is created before the first one.

    Parameters
    ----------
    path : str or Path
        The file, which must not exist.
    """

    def __init__(self, path):
        self.path = path
        self.started = False

    def apply(self, changes, tags):
        """Record the changes of a file, and then write them into the file."""
        changes = [change for change in changes if change.action == "write"]
        if not changes:
            return
        with open(self.path, "a" if self.started else "x", encoding="ascii", newline="") as stream:
            self.started = True
            for change in changes:
                line = {
                    "file": os.path.abspath(change.file),
                    "field": change.field,
                    "old": change.old,
                    "new": change.new,
                    "had_tags": tags.exists,
                }
                stream.write(json.dumps(line) + "\n")
            stream.flush()
            # after a power failure, no file may have changed without its old values being known
            os.fsync(stream.fileno())
        for change in changes:
            tags.set(change.field, change.new)
        tags.save()


def read_undo(path):
    """Return the lines of an undo file, by audio file.

    Parameters
    ----------
    path : str or Path
        File of an `UndoFile`.

    Returns
    -------
    dict of str to list of dict
        Lines in their order. A last line that is not complete is left out: its file has not been changed.

    Raises
    ------
    ValueError
        If it is no undo file.
    """
    with open(path, encoding="utf-8", errors="replace", newline="\n") as stream:
        *lines, _ = stream.read().split("\n")
    found: dict = {}
    for number, text in enumerate(lines, 1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or not line.keys() >= _KEYS or not _is_valid(line):
            raise ValueError(f"{path}, line {number}: this is not a line of an undo file of skmer tag.")
        found.setdefault(line["file"], []).append(line)
    if not found:
        raise ValueError(f"{path}: this undo file has no lines.")
    return found


def _is_valid(line):
    values = all(
        line[key] is None or (isinstance(line[key], list) and all(isinstance(text, str) for text in line[key]))
        for key in ("old", "new")
    )
    return values and isinstance(line["file"], str) and isinstance(line["field"], str)


def restore(file, tags, lines):
    """Restore the old values of a file, where it has those that were written.

    Parameters
    ----------
    file : str
        The file.
    tags : return value of `open_tags`
        Its tags.
    lines : list of dict
        Its lines of the undo file.

    Returns
    -------
    list of Change
        A field that was changed since has the action "keep".
    """
    changes = []
    for line in reversed(lines):
        field, old, current = line["field"], line["old"], tags.get(line["field"])
        if current == old:
            action = "same"
        else:
            action = "restore" if current == line["new"] else "keep"
        if action == "restore":
            tags.set(field, old)
        changes.append(Change(file, field, current, old, action))
    if any(change.action == "restore" for change in changes):
        tags.save(is_new=not all(line["had_tags"] for line in lines))
    return changes
