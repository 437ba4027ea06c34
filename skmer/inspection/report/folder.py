"""The report's folder: its files, when it may be replaced, and its tables."""

import hashlib
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from skmer._io import csv_writer, open_text
from skmer.listening.folder import PAGE, atomic_page, check_page_folder

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
    page: str = PAGE
    relabel: str = "relabel.csv"
    stretches: str = "stretches.csv"
    segments: str = "segments.csv"


FILES = _Files()
_MARK = '<meta name="relabel-sha256" content="{}">'

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
    check_page_folder(out, force, FILES, _check_unchanged)


def digest_mark(relabel):
    """Return the element of the page by which a later run detects that the table of songs was edited."""
    return _MARK.format(hashlib.sha256(Path(relabel).read_bytes()).hexdigest())


def _check_unchanged(out):
    table, unchanged = out / FILES.relabel, False
    with suppress(OSError):
        unchanged = digest_mark(table).encode() in (out / FILES.page).read_bytes()
    if os.path.lexists(table) and not unchanged:
        raise FileExistsError(
            f"{table}: this table was changed since it was written, and the changes would be lost. Move it away first."
        )


def atomic_report(out, force):
    """Write the report's folder atomically, after `check_folder` before and after the block."""
    return atomic_page(lambda: check_folder(out, force), out)


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
