"""Predictions as lines of text: CSV or JSON, one a file or one a segment."""

import json
from functools import partial

from skmer._io import csv_writer

__all__ = ["FORMATS", "make_line_writer"]

FORMATS = ("csv", "jsonl")


def make_line_writer(stream, format, classes, per):
    """Give a function that writes a `FilePrediction` to a text stream and flushes it.

    There is a line for each song, each segment or each song with its tags, as `per` says: "song", "segment" or
    "tagged song". A CSV header is written at once. Probabilities have six decimals, times three.
    """
    lines, first, last = _LINES[per]
    if format == "jsonl":
        return partial(_write_json, stream, lines)
    writer = csv_writer(stream)
    writer.writerow([*first, *(f"p_{name}" for name in classes), *last, "warning", "error"])
    stream.flush()
    return partial(_write_csv, stream, writer, lines, len(classes))


def _file_lines(prediction):
    song = prediction.answer
    line = {"file": prediction.file, "emotion": None, "probabilities": None, "seconds": None, "n_segments": None}
    if song is None or not len(song.starts):
        return [line if song is None else {**line, "emotion": _plain(song.label)}]
    return [
        {
            "file": prediction.file,
            "emotion": _plain(song.label),
            "probabilities": _named(song.classes, song.mean_probabilities),
            "seconds": round(float(song.ends[-1]), 3),
            "n_segments": len(song.probabilities),
        }
    ]


def _segment_lines(prediction):
    song = prediction.answer
    if song is None:
        return [{"file": prediction.file, "start": None, "end": None, "leading_emotion": None, "probabilities": None}]
    return [
        {
            "file": prediction.file,
            "start": round(float(start), 3),
            "end": round(float(end), 3),
            "leading_emotion": _plain(leading),
            "probabilities": _named(song.classes, row),
        }
        for start, end, leading, row in zip(song.starts, song.ends, song.leading, song.probabilities, strict=True)
    ]


def _tag_lines(prediction):
    song = prediction.answer
    line = {"file": prediction.file, "tags": None, "probabilities": None}
    if song is None:
        return [line]
    probabilities = None if song.probabilities is None else _named(song.names, song.probabilities)
    return [{**line, "tags": song.tags, "probabilities": probabilities}]


# the columns before and after the probabilities
_LINES = {
    "song": (_file_lines, ("file", "emotion"), ("seconds", "n_segments")),
    "segment": (_segment_lines, ("file", "start", "end", "leading_emotion"), ()),
    "tagged song": (_tag_lines, ("file", "tags"), ()),
}


def _plain(label):
    """Turn NumPy's scalars into Python's."""
    return label.item() if hasattr(label, "item") else label


def _named(classes, row):
    return {str(name): round(float(p), 6) for name, p in zip(classes, row, strict=True)}


def _with_remarks(prediction, lines):
    warning = " ".join(prediction.warnings) or None
    return ({**line, "warning": warning, "error": prediction.error} for line in lines(prediction))


def _write_json(stream, lines, prediction):
    for line in _with_remarks(prediction, lines):
        # ASCII: file names may hold bytes that are no text, and line separators of Unicode
        stream.write(json.dumps(line, default=str) + "\n")
    stream.flush()


def _write_csv(stream, writer, lines, n_classes, prediction):
    for line in _with_remarks(prediction, lines):
        row = []
        for key, value in line.items():
            if key == "probabilities":
                row += [""] * n_classes if value is None else [f"{p:.6f}" for p in value.values()]
            elif key == "tags":
                row.append("" if value is None else ";".join(map(str, value)))
            else:
                row.append("" if value is None else value)
        writer.writerow(row)
    stream.flush()
