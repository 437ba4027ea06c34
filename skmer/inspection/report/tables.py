"""The report's three tables: songs to be labelled again, distrusted stretches, and every segment."""

from functools import partial

from skmer._io import csv_writer

__all__ = ["open_table", "segment_writer", "write_relabel", "write_stretches"]

_FIGURES = ("expected_wrong", "heard", "heard_probability", "label_probability")
_STRETCH_COLUMNS = (
    *("file", "label", "start", "end", "clean_probability"),
    *("heard", "heard_probability", "label_probability", "label_leads"),
)
_SEGMENT_COLUMNS = ("file", "label", "start", "end", "clean_probability", "label_probability", "loss")


def open_table(path):
    """Open a table to be written; file names in it go out as the bytes that they are."""
    return open(path, "w", encoding="utf-8", errors="surrogateescape", newline="")


def write_relabel(path, songs, unknown=(), grouped=False):
    """Write a line for each song, which `skmer.datasets.load_csv` reads: its label, to be edited, and what is heard.

    The songs stand as on the page: first those with distrusted stretches. `unknown` are name, label and group of songs
    whose label the model does not know; they come last, without figures. With `grouped` there is a column for groups.
    """
    with open_table(path) as stream:
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
    """Write a line for each distrusted stretch, song by song.

    Times have three decimals, probabilities six.
    """
    with open_table(path) as stream:
        writer = csv_writer(stream)
        writer.writerow(_STRETCH_COLUMNS)
        for song in songs:
            for stretch in song.stretches:
                start, end, clean, heard, heard_probability, label_probability, _ = stretch
                line = [song.name, song.label, round(start, 3), round(end, 3), f"{clean:.6f}", heard]
                probabilities = [f"{heard_probability:.6f}", f"{label_probability:.6f}"]
                writer.writerow([*line, *probabilities, "yes" if stretch.label_leads else "no"])


def segment_writer(stream, classes):
    """Give a function of a song's name and `LabelTrust` that writes a line for each segment."""
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
