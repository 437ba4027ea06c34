"""The lines of ``skmer predict`` and ``skmer timeline``: a song, or a segment, as CSV or JSON."""

import json
import math
from functools import partial

from skmer._io import csv_writer

__all__ = ["line_writer"]


def line_writer(stream, format, names, per):
    """Return a function that writes the lines of a `FilePrediction` to a text stream, as CSV or JSON.

    `per` is "song of segments", "song", "segment", "rated song", "rated segment" or "tagged song". A CSV header is
    written at once. Probabilities and ratings have six decimals, times three.
    """
    lines, first, last = _LINES[per]
    if format == "jsonl":
        return partial(_write_json, stream, lines)
    writer = csv_writer(stream)
    prefix = "" if per.startswith("rated") else "p_"
    means = [f"segment_mean_{name}" for name in names] if per == "song of segments" else []
    writer.writerow([*first, *(f"{prefix}{name}" for name in names), *means, *last, "warning", "error"])
    stream.flush()
    return partial(_write_csv, stream, writer, lines, len(names))


def _song_lines(prediction, has_means=False):
    song = prediction.answer
    has_probabilities = song is not None and song.song_probabilities is not None
    has_segments = song is not None and len(song.starts) > 0
    means = _by_name(song.classes, song.mean_probabilities) if has_segments else None
    return [
        {
            "file": prediction.file,
            "emotion": None if song is None else _to_python(song.label),
            "probabilities": _by_name(song.classes, song.song_probabilities) if has_probabilities else None,
            **({"segment_means": means} if has_means else {}),
            "seconds": round(float(song.ends[-1]), 3) if has_segments else None,
            "n_segments": len(song.probabilities) if has_segments else None,
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
            "leading_emotion": None if math.isnan(row[0]) else _to_python(leading),
            "probabilities": _by_name(song.classes, row),
        }
        for start, end, leading, row in zip(song.starts, song.ends, song.leading, song.probabilities, strict=True)
    ]


def _rating_lines(prediction):
    song = prediction.answer
    has_segments = song is not None and len(song.starts) > 0
    return [
        {
            "file": prediction.file,
            "ratings": None if song is None else _by_name(song.ratings, song.ratings.values()),
            "seconds": round(float(song.ends[-1]), 3) if has_segments else None,
            "n_segments": len(song.values) if has_segments else None,
        }
    ]


def _segment_rating_lines(prediction):
    song = prediction.answer
    if song is None:
        return [{"file": prediction.file, "start": None, "end": None, "ratings": None}]
    return [
        {
            "file": prediction.file,
            "start": round(float(start), 3),
            "end": round(float(end), 3),
            "ratings": _by_name(song.names, row),
        }
        for start, end, row in zip(song.starts, song.ends, song.values, strict=True)
    ]


def _tag_lines(prediction):
    song = prediction.answer
    has_probabilities = song is not None and song.probabilities is not None
    return [
        {
            "file": prediction.file,
            "tags": None if song is None else song.tags,
            "probabilities": _by_name(song.names, song.probabilities) if has_probabilities else None,
        }
    ]


# the columns before and after the probabilities or ratings
_LINES = {
    "song of segments": (partial(_song_lines, has_means=True), ("file", "emotion"), ("seconds", "n_segments")),
    "song": (_song_lines, ("file", "emotion"), ("seconds", "n_segments")),
    "segment": (_segment_lines, ("file", "start", "end", "leading_emotion"), ()),
    "rated song": (_rating_lines, ("file",), ("seconds", "n_segments")),
    "rated segment": (_segment_rating_lines, ("file", "start", "end"), ()),
    "tagged song": (_tag_lines, ("file", "tags"), ()),
}


def _to_python(label):
    return label.item() if hasattr(label, "item") else label


def _by_name(names, row):
    # no negative zero; NaN, of a cell without a segment, is no JSON
    numbers = [None if math.isnan(value) else round(float(value), 6) + 0.0 for value in row]
    return {str(name): number for name, number in zip(names, numbers, strict=True)}


def _with_remarks(prediction, lines):
    warning = " ".join(prediction.warnings) or None
    return ({**line, "warning": warning, "error": prediction.error} for line in lines(prediction))


def _write_json(stream, lines, prediction):
    for line in _with_remarks(prediction, lines):
        # ASCII: file names may hold bytes that are not valid text, and line separators of Unicode
        stream.write(json.dumps(line, default=str) + "\n")
    stream.flush()


def _write_csv(stream, writer, lines, n_names, prediction):
    for line in _with_remarks(prediction, lines):
        row = []
        for key, value in line.items():
            if key in ("probabilities", "segment_means", "ratings"):
                row += [""] * n_names if value is None else ["" if n is None else f"{n:.6f}" for n in value.values()]
            elif key == "tags":
                row.append("" if value is None else ";".join(map(str, value)))
            else:
                row.append("" if value is None else value)
        writer.writerow(row)
    stream.flush()
