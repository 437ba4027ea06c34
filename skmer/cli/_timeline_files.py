"""The emotion or the ratings of one song over time in the formats of other programs."""

import json
import re
from dataclasses import replace
from pathlib import Path

from skmer._version import __version__

__all__ = ["on_grid", "song_suffixes", "song_texts"]

_JAMS_VERSION = "0.3.5"  # of the package with whose schema the files were compared


def on_grid(prediction, seconds):
    """Return a prediction on a grid of cells of this many seconds; None leaves its segments."""
    if seconds is None or prediction.answer is None:
        return prediction
    return replace(prediction, answer=prediction.answer.every(seconds))


def song_suffixes(format, names):
    """Return how the names of a song's files end, of which Sonic Visualiser needs one a class or target."""
    if format == "sonic-visualiser":
        return ["-" + re.sub(r"[^\w.+-]+", "_", str(name)) + ".csv" for name in names]
    return [{"jams": ".jams", "audacity": ".txt", None: "-emotion.png"}[format]]


def song_texts(format, prediction, model, limits=None):
    """Return the texts of a song's files, in the order of `song_suffixes`.

    `prediction` is a `FilePrediction` of segments or of cells of a grid; those without a segment are left out. `limits`
    are the lowest and highest ratings of the training, of shape (2, n_targets).
    """
    import numpy as np

    song = prediction.answer
    names, values = _names_and_values(song)
    heard = ~np.isnan(values).any(axis=1)
    starts, ends, values = song.starts[heard], song.ends[heard], values[heard]
    if format == "sonic-visualiser":
        # without a header, which could be read as a row
        times = (starts + ends) / 2
        return [
            "".join(f"{time:.6f},{_no_sign(value):.6f}\n" for time, value in zip(times, column, strict=True))
            for column in values.T
        ]
    if format == "audacity":
        return ["".join(f"{start:.6f}\t{end:.6f}\t{_one_line(name)}\n" for start, end, name in song.stretches())]
    return [_jams(prediction, names, starts, ends, values, Path(model).name, limits)]


def _names_and_values(song):
    if hasattr(song, "probabilities"):
        return [str(name) for name in song.classes], song.probabilities
    return list(song.names), song.values


def _one_line(name):
    # tabs and line breaks would end the label
    return " ".join(str(name).split())


def _no_sign(value):
    """Return a number with six decimals, and no negative zero."""
    return round(float(value), 6) + 0.0


def _jams(prediction, names, starts, ends, values, model, limits):
    song = prediction.answer
    heard = _no_sign(song.ends.max())
    parts = _class_parts if hasattr(song, "probabilities") else _rating_parts
    annotations = [
        {
            "namespace": namespace,
            "annotation_metadata": {
                "annotation_tools": f"skmer {__version__}",
                "annotator": {"model": model},
                "annotation_rules": rules,
                "data_source": "model",
            },
            "time": 0.0,
            "duration": heard,
            "data": data,
            "sandbox": sandbox,
        }
        for namespace, rules, data, sandbox in parts(song, names, starts, ends, values, heard, limits)
    ]
    file = {"title": Path(prediction.file).stem, "duration": heard, "jams_version": _JAMS_VERSION}
    sandbox = {"file": prediction.file, "warnings": list(prediction.warnings)}
    return json.dumps({"file_metadata": file, "annotations": annotations, "sandbox": sandbox}, indent=1) + "\n"


def _observation(start, end, value, confidence=None):
    start = _no_sign(start)
    return {"time": start, "duration": _no_sign(end - start), "value": value, "confidence": confidence}


def _class_parts(song, names, starts, ends, rows, heard, limits):
    data = [
        _observation(start, end, name, _no_sign(probability))
        for start, end, row in zip(starts, ends, rows, strict=True)
        for name, probability in zip(names, row, strict=True)
    ]
    yield "tag_open", "each class over time; the confidence is its probability", data, {"classes": names}
    if song.label is not None:
        data = [_observation(0, heard, str(song.label))]
        yield "tag_open", "the class of the whole song", data, {"classes": names}


def _rating_parts(song, names, starts, ends, rows, heard, limits):
    places = {name.casefold(): i for i, name in reversed(list(enumerate(names)))}
    plane = [places[name] for name in ("valence", "arousal") if name in places]
    plane = plane if len(plane) == 2 else []
    others = [i for i in range(len(names)) if i not in plane]
    for namespace, columns in (("mood_thayer", plane), ("vector", others)):
        if not columns:
            continue
        sandbox = {"targets": [names[i] for i in columns]}
        if limits is not None:
            sandbox["range"] = [[_no_sign(limit[i]) for limit in limits] for i in columns]
        data = [
            _observation(start, end, [_no_sign(row[i]) for i in columns])
            for start, end, row in zip(starts, ends, rows, strict=True)
        ]
        yield namespace, "ratings over time", data, sandbox
        if song.ratings is not None:
            of_song = [_no_sign(song.ratings[names[i]]) for i in columns]
            yield namespace, "ratings of the whole song", [_observation(0, heard, of_song)], sandbox
