"""The report's two tables: stretches to be labelled again, and every segment."""

import csv
from functools import partial

__all__ = ["RELABEL_COLUMNS", "filled_in", "open_table", "segment_writer", "write_relabel"]

RELABEL_COLUMNS = ("file", "label", "start", "end", "clean_probability", "heard", "heard_probability", "new_label")
_SEGMENT_COLUMNS = ("file", "label", "start", "end", "clean_probability", "loss")


def open_table(path, mode):
    """Open a table; file names in it go out and in as the bytes that they are."""
    return open(path, mode, encoding="utf-8", errors="surrogateescape", newline="")


def write_relabel(path, songs):
    """Write a line for each distrusted stretch, song by song, with an empty column for a new label.

    Times have three decimals, probabilities six.
    """
    with open_table(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(RELABEL_COLUMNS)
        for song in songs:
            for start, end, clean, heard, heard_probability in song.stretches:
                times = [round(start, 3), round(end, 3)]
                row = [song.name, song.label, *times, f"{clean:.6f}", heard, f"{heard_probability:.6f}", ""]
                writer.writerow(row)


def filled_in(path):
    """Count the lines of a table of `write_relabel` that somebody has given a new label."""
    with open_table(path, "r") as stream:
        return sum(bool((row.get("new_label") or "").strip()) for row in csv.DictReader(stream))


def segment_writer(stream, classes):
    """Give a function of a song's name and `LabelTrust` that writes a line for each segment."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*_SEGMENT_COLUMNS, *(f"p_{name}" for name in classes)])
    return partial(_write_segments, writer)


def _write_segments(writer, name, trust):
    times = zip(trust.starts.tolist(), trust.ends.tolist(), strict=True)
    figures = zip(trust.clean_probability, trust.losses, strict=True)
    for (start, end), (clean, loss), row in zip(times, figures, trust.probabilities, strict=True):
        line = [name, trust.label, round(start, 3), round(end, 3), f"{clean:.6f}", f"{loss:.6f}"]
        writer.writerow([*line, *(f"{p:.6f}" for p in row)])
