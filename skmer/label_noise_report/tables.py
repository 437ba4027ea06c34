"""The report's three tables: songs to be labelled again, distrusted stretches, and every segment."""

import csv
from functools import partial

__all__ = ["TO_EDIT", "changed_lines", "open_table", "segment_writer", "write_relabel", "write_stretches"]

TO_EDIT = ("label", "old_label")
_FIGURES = ("expected_wrong", "heard", "heard_probability", "label_probability")
_STRETCH_COLUMNS = (
    *("file", "label", "start", "end", "clean_probability"),
    *("heard", "heard_probability", "label_probability", "label_leads"),
)
_SEGMENT_COLUMNS = ("file", "label", "start", "end", "clean_probability", "label_probability", "loss")


def open_table(path, mode):
    """Open a table; file names in it go out and in as the bytes that they are."""
    return open(path, mode, encoding="utf-8", errors="surrogateescape", newline="")


def write_relabel(path, songs, unknown=(), grouped=False):
    """Write a line for each song, which `skmer.datasets.load_csv` reads: its label, to be edited, and what is heard.

    The songs stand as on the page: first those with distrusted stretches. `unknown` are name, label and group of songs
    whose label the model does not know; they come last, without figures. With `grouped` there is a column for groups.
    """
    with open_table(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "label", *["group"] * grouped, "old_label", *_FIGURES])
        for song in sorted(songs, key=lambda song: not song.stretches):
            whole = song.whole
            probabilities = [f"{p:.6f}" for p in (whole.heard_probability, whole.label_probability)]
            figures = [f"{song.expected_wrong:.6f}", whole.heard, *probabilities]
            writer.writerow([song.name, song.label, *[song.group] * grouped, song.label, *figures])
        for name, label, group in unknown:
            writer.writerow([name, label, *[group] * grouped, label, *[""] * len(_FIGURES)])


def changed_lines(relabel, segments):
    """Count the lines of a table of `write_relabel` that somebody has changed or taken away.

    The songs of `segments`, a table of `segment_writer`, are those that had a line. None where the table has no longer
    the columns that tell.
    """
    with open_table(relabel, "r") as stream:
        reader = csv.DictReader(stream)
        if not {"path", *TO_EDIT} <= set(reader.fieldnames or ()):
            return None
        rows = list(reader)
    changed = sum(len({(row[name] or "").strip() for name in TO_EDIT}) == 2 for row in rows)
    return changed + len(_songs_of(segments) - {row["path"] for row in rows})


def _songs_of(segments):
    if not segments.is_file():
        return set()
    with open_table(segments, "r") as stream:
        return {row.get("file") for row in csv.DictReader(stream)}


def write_stretches(path, songs):
    """Write a line for each distrusted stretch, song by song.

    Times have three decimals, probabilities six.
    """
    with open_table(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_STRETCH_COLUMNS)
        for song in songs:
            for stretch in song.stretches:
                start, end, clean, heard, heard_probability, label_probability = stretch
                line = [song.name, song.label, round(start, 3), round(end, 3), f"{clean:.6f}", heard]
                probabilities = [f"{heard_probability:.6f}", f"{label_probability:.6f}"]
                writer.writerow([*line, *probabilities, "yes" if stretch.label_leads else "no"])


def segment_writer(stream, classes):
    """Give a function of a song's name and `LabelTrust` that writes a line for each segment."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*_SEGMENT_COLUMNS, *(f"p_{name}" for name in classes)])
    return partial(_write_segments, writer)


def _write_segments(writer, name, trust):
    times = zip(trust.starts.tolist(), trust.ends.tolist(), strict=True)
    of_label = trust.probabilities[:, trust.classes == trust.label][:, 0]
    figures = zip(trust.clean_probability, of_label, trust.losses, strict=True)
    for (start, end), own, row in zip(times, figures, trust.probabilities, strict=True):
        line = [name, trust.label, round(start, 3), round(end, 3), *(f"{value:.6f}" for value in own)]
        writer.writerow([*line, *(f"{p:.6f}" for p in row)])
