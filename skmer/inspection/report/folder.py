"""The report's folder: its files, when it may be replaced, and its tables."""

import hashlib
import os
import re
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from skmer._io import atomic_folder, csv_writer, format_names, open_text

__all__ = [
    "FILES",
    "atomic_report",
    "check_folder",
    "digest_mark",
    "segment_writer",
    "write_relabel",
    "write_stretches",
]


class _Files(NamedTuple):
    page: str = "index.html"
    pictures: str = "pictures"
    relabel: str = "relabel.csv"
    stretches: str = "stretches.csv"
    segments: str = "segments.csv"


FILES = _Files()
_MARK = '<meta name="relabel-sha256" content="{}">'
_OF_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}  # written by file managers

_FIGURES = ("expected_wrong", "heard", "heard_probability", "label_probability")
_STRETCH_COLUMNS = (
    *("file", "label", "start", "end", "clean_probability"),
    *("heard", "heard_probability", "label_probability", "label_leads"),
)
_SEGMENT_COLUMNS = ("file", "label", "start", "end", "clean_probability", "label_probability", "loss")


def check_folder(out, force):
    """Check, before any work is done, that the report's folder can be written.

    An empty folder is valid. An earlier report may be replaced if `force` is true, unless its ``relabel.csv`` has been
    edited.
    """
    out = Path(out)
    if out.is_dir():
        others = _other_files(out)
        if others:
            raise FileExistsError(
                f"{out}: this folder contains files that do not belong to a report ({format_names(others, most=3)}). "
                "Name an empty or a new folder."
            )
        if any(out.iterdir()):
            _check_report(out, force)
    elif out.exists():
        raise FileExistsError(f"{out}: this is a file. Name a folder.")
    parent = Path(os.path.realpath(out)).parent
    if not parent.is_dir():
        raise FileNotFoundError(f"{out}: the folder {parent} does not exist. Create it first.")
    if not os.access(parent, os.W_OK):
        raise PermissionError(f"{out}: the folder {parent} cannot be written. Check the permissions.")


def _other_files(out):
    """Return the names of files in the folder and its subfolder of pictures that do not belong to a report."""
    others = [path.name for path in out.iterdir() if not _is_own(path)]
    pictures = out / FILES.pictures
    if pictures.is_dir():
        names = (path.name for path in pictures.iterdir() if path.name not in _OF_SYSTEMS)
        others += [f"{FILES.pictures}/{name}" for name in names if not re.fullmatch(r"\d+\.png", name)]
    return sorted(others)


def _is_own(path):
    return path.name == FILES.pictures if path.is_dir() else path.name in _OF_SYSTEMS.union(FILES)


def digest_mark(relabel):
    """Return the element of the page by which a later run detects that the table of songs was edited."""
    return _MARK.format(hashlib.sha256(Path(relabel).read_bytes()).hexdigest())


def _check_report(out, force):
    if not force:
        raise FileExistsError(f"{out}: a report exists already. Name another folder, or replace it with --force.")
    table, unchanged = out / FILES.relabel, False
    with suppress(OSError):
        unchanged = digest_mark(table).encode() in (out / FILES.page).read_bytes()
    if os.path.lexists(table) and not unchanged:
        raise FileExistsError(
            f"{table}: this table was changed since it was written, and the changes would be lost. Move it away first."
        )


@contextmanager
def atomic_report(out, force):
    """Write the report's folder atomically, after `check_folder` before and after the block."""
    check_folder(out, force)
    with atomic_folder(out) as part:
        yield part
        check_folder(out, force)


def write_relabel(path, songs, unknown=(), grouped=False):
    """Write a line for each song, for `skmer.datasets.load_csv`: its label, to be edited, and the predicted emotion.

    Songs are in the order of the page: first those with distrusted stretches. `unknown` has the name, label and group
    of songs whose label is none of the model's classes; they come last, without figures. `grouped` adds the column of
    groups.
    """
    with open_text(path) as stream:
        writer = csv_writer(stream)
        writer.writerow(["path", "label", *["group"] * grouped, "old_label", *_FIGURES])
        for song in sorted(songs, key=lambda song: not song.stretches):
            whole = song.whole
            probabilities = [f"{p:.6f}" for p in (whole.heard_probability, whole.label_probability)]
            figures = [f"{song.expected_wrong:.6f}", whole.heard, *probabilities]
            writer.writerow([song.name, song.label, *[song.group] * grouped, song.label, *figures])
        for name, label, group in unknown:
            writer.writerow([name, label, *[group] * grouped, label, *[""] * len(_FIGURES)])


def write_stretches(path, songs):
    """Write a line for each distrusted stretch, song by song: times with three decimals, probabilities with six."""
    with open_text(path) as stream:
        writer = csv_writer(stream)
        writer.writerow(_STRETCH_COLUMNS)
        for song in songs:
            for stretch in song.stretches:
                start, end, clean, heard, heard_probability, label_probability, _ = stretch
                line = [song.name, song.label, round(start, 3), round(end, 3), f"{clean:.6f}", heard]
                probabilities = [f"{heard_probability:.6f}", f"{label_probability:.6f}"]
                writer.writerow([*line, *probabilities, "yes" if stretch.label_leads else "no"])


def segment_writer(stream, classes):
    """Return a function of a song's name and `LabelTrust` that writes a line for each segment."""
    writer = csv_writer(stream)
    writer.writerow([*_SEGMENT_COLUMNS, *(f"p_{name}" for name in classes)])
    return partial(_write_segments, writer)


def _write_segments(writer, name, trust):
    times = zip(trust.starts.tolist(), trust.ends.tolist(), strict=True)
    of_label = trust.probabilities[:, trust.classes == trust.label][:, 0]
    figures = zip(trust.clean_probability, of_label, trust.losses, strict=True)
    for (start, end), own, row in zip(times, figures, trust.probabilities, strict=True):
        line = [name, trust.label, round(start, 3), round(end, 3), *(f"{value:.6f}" for value in own)]
        writer.writerow([*line, *(f"{p:.6f}" for p in row)])
