"""The model card: what is known about a model before it is used."""

import json
import shlex
from datetime import UTC, datetime

import numpy as np

from skmer._io import format_names, markdown_table
from skmer._pipeline_steps import first_steps
from skmer.datasets._collection import UNGROUPED
from skmer.model_selection._fits import versions
from skmer.models.config import changed_parameters
from skmer.models.front_matter import front_matter
from skmer.models.storage.archive import is_pickle_name

__all__ = ["card_markdown", "format_steps", "groups_sentence", "make_card", "usage_commands"]

_RESUMED = "in the last run, which used the results of an earlier one"
_LIMITS = [
    "The model is meant for sorting and studying music like the songs that it was trained on; the scores above do not "
    "apply to other music, recordings and listeners.",
    "A label is the judgement of some listeners on a whole song, and a prediction is an estimate of that judgement, "
    "not of what a person feels: do not base decisions about a person on it.",
]


def usage_commands(card, name):
    """Return shell commands that use the model of a card, given the name of its file."""
    # a name that begins with a dash would be taken for an option
    model = shlex.quote(f"./{name}" if name.startswith("-") else name)
    ratings = "targets" in card
    lines = [f"skmer predict {model} FOLDER --out {'ratings' if ratings else 'emotions'}.csv"]
    if card["system"] in ("sssl", "cross-entropy", "plain"):
        lines.append(f"skmer timeline {model} SONG --out {'ratings' if ratings else 'emotion'}.png")
        labels = card.get("data", {}).get("label_options", "")
        lines += [] if ratings else [f"skmer label-noise {model} SONGS {labels}--cross-fit 5 --out report"]
    return lines


def make_card(task, pipeline, system, used, given, counts, unreadable, **more):
    """Return the card of a fitted pipeline as plain values.

    `task` is that of the songs, `used` are the `TrainingSongs` of the fit, `given` is the caller's Bunch, `counts` the
    number of segments of each song that is used, `unreadable` maps songs to errors, and `more` are further entries.
    """
    return {
        "title": f"Music emotion recognition model: {', '.join(task.predicts(pipeline))}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "system": system,
        "what": task.systems[system],
        **task.of_model(pipeline),
        "parameters": changed_parameters(pipeline),
        "versions": versions(),
        "limits": _LIMITS,
        "data": {
            "n_songs": len(used.target),
            **task.of_songs(used.target),
            "collection": given.get("collection"),
            "description": given.get("DESCR") if given.get("collection") else None,
            "labels_from": given.get("labels_from", "given in Python"),
            "label_options": given.get("label_options", ""),
            "label_remarks": list(given.get("remarks", [])),
            "groups": groups_sentence(used.groups),
            "left_out": [str(path) for path in given.get("left_out", [])],
            "why_out": given.get("why_out", "not audio by extension"),
            "songs": used.names,
            "used": _duration_sentence(dict(first_steps(pipeline)), counts),
            "unreadable": unreadable,
        },
        **more,
    }


def groups_sentence(groups):
    """Describe the groups of the songs."""
    if groups is None:
        return UNGROUPED
    return f"The songs are in {len(np.unique(groups)):,} groups, such as artists; folds keep each group together."


def format_steps(changed):
    """Format the steps of a pipeline with their `changed_parameters`."""
    steps = []
    for step, values in changed.items():
        steps.append(f"{step}({', '.join(f'{name}={value!r}' for name, value in values.items())})" if values else step)
    return ", ".join(steps)


def _duration_sentence(readers, counts):
    """Describe how much of each song was used by the steps that read songs, which are given by name."""
    longest = {name: getattr(reader, "max_duration", None) for name, reader in readers.items()}
    spans = {
        name: "whole songs" if seconds is None else f"the first {seconds:g} s of each song"
        for name, seconds in longest.items()
    }
    if len({*spans.values()}) == 1:
        span = next(iter(spans.values()))
    else:
        span = " and ".join(f"{span} by {name}" for name, span in spans.items())
    used = f"{span[0].upper()}{span[1:]} were used"
    if not any(counts):
        return f"{used}."
    [duration] = [reader.duration for reader in readers.values() if hasattr(reader, "duration")]
    return f"{used}: {sum(counts):,} segments of {duration:g} s."


def card_markdown(card):
    """Format a model card as Markdown, with a head in YAML as model hubs read it.

    Parameters
    ----------
    card : dict
        The attribute `card` of a `TrainedModel`.

    Returns
    -------
    str
        The page.

    See Also
    --------
    train_model : Returns a model with its card.

    Examples
    --------
    >>> from skmer.datasets import make_songs
    >>> from skmer.models import card_markdown, train_model
    >>> trained = train_model(make_songs(8, duration=3, random_state=0), "log-mel", n_splits=0)
    >>> lines = card_markdown(trained.card).splitlines()
    >>> print(lines[1])
    library_name: "skmer"
    >>> next(line for line in lines if line.startswith("# "))
    '# Music emotion recognition model: Q1, Q2, Q3, Q4'
    """
    data = card["data"]
    parts = [
        front_matter(card),
        f"# {_one_line(card['title'])}",
        f"Made by `skmer train` {card['versions']['skmer']}, {card['date']} UTC. System: **{card['system']}**, "
        f"{card['what']}.{_chosen_from(card['estimate'])}",
        "## Songs",
        _songs(data),
        " ".join(
            [
                f"Labels: {_one_line(data['labels_from'])}.",
                *map(_one_line, data.get("label_remarks", [])),
                data["groups"],
                data["used"],
            ]
        ),
        _collection(data),
        *_left_out(data),
        "## Estimated accuracy",
        *_estimate(card["estimate"]),
        "## Training",
        f"Fitted on all {data['n_songs']:,} songs; seed {card['seed']}, device {card['device']}, "
        f"{card['seconds']:,.0f} s {_RESUMED if card['resumed'] else 'in all'}. "
        "Parameters that differ from the defaults of their classes:",
        _parameters(card["parameters"]),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in card["versions"].items()) + ".",
        _list("Warnings during the training:", card["remarks"]),
        "## Use",
        "```\n" + "\n".join(card.get("usage") or usage_commands(card, "MODEL")) + "\n```",
        _loading(card.get("model", "MODEL")),
        "## Limits",
        " ".join(_LIMITS),
        *_licence(card),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _loading(name):
    """Describe how a model is loaded in Python, and whether this is safe."""
    if is_pickle_name(name):
        return (
            "In Python, `joblib.load(path).predict(list_of_audio_files)`. Loading the model executes code in the file, "
            "as with every pickle: load it only if you trust where it comes from."
        )
    return (
        "In Python, `skmer.load_model(path).predict(list_of_audio_files)`, or `.predict_file(audio_file)` for the "
        "probabilities and segments of one. The file cannot run code."
    )


def _songs(data):
    """Format the number of songs of each class, or how high they were rated."""
    if "ratings" not in data:
        return _table(["class", "songs"], [*data["songs_per_class"].items(), ("all", data["n_songs"])])
    rows = [(name, *(f"{value:.3g}" for value in of_songs.values())) for name, of_songs in data["ratings"].items()]
    header = [f"rating of {data['n_songs']:,} songs", "lowest", "highest", "mean", "standard deviation"]
    return _table(header, rows)


def _collection(data):
    """Quote the description of a published collection, which has its licence and source."""
    if not data.get("description"):
        return ""
    lines = [f"> {line}".rstrip() for line in data["description"].splitlines()]
    return "\n".join(["The songs are those of a published collection, which its loader describes so:", "", *lines])


def _left_out(data):
    yield _list(
        "Songs with a label that could not be used and were left out:",
        [f"{_code(name)}: {_one_line(reason)}" for name, reason in data["unreadable"].items()],
    )
    others = data["left_out"]
    if others:
        files = "1 file was" if len(others) == 1 else f"{len(others):,} files were"
        yield f"{files} left out, {_one_line(data['why_out'])}: {_one_line(format_names(others, most=5))}."


def _licence(card):
    if card.get("license"):
        yield "## Licence"
        of_songs = "That of the songs that the model was trained on: " if card["data"].get("collection") else ""
        yield f"{of_songs}{_one_line(card['license'])}."


def _list(head, lines):
    return "\n".join([head, "", *(f"- {_one_line(line)}" for line in lines)]) if lines else ""


def _estimate(estimate):
    if estimate is None:
        yield "It was not estimated (`--n-splits 0`): the accuracy on songs outside the training set is unknown."
        return
    how = "mean ± standard deviation over folds, each by a model trained without the songs of the fold"
    yield f"{estimate['protocol']}; {how}."
    yield estimate["table"]
    yield estimate["sentence"]
    if "choice" in estimate:
        yield estimate["choice"]["sentence"]
    if estimate.get("calibration"):
        yield estimate["calibration"]["sentence"]
    if estimate.get("confusion"):
        yield "The test songs of all folds by class:"
        yield estimate["confusion"]["table"]


def _chosen_from(estimate):
    """Name the systems among which the one of the model was chosen."""
    return f" Chosen among {', '.join(estimate['choice']['candidates'])}." if estimate and "choice" in estimate else ""


def _parameters(changed):
    rows = [
        (f"{step}: {name}", f"`{json.dumps(value, default=str)}`")
        for step, values in changed.items()
        for name, value in values.items()
    ]
    return _table(["parameter", "value"], rows) if rows else "none."


def _one_line(text):
    return " ".join(str(text).splitlines())


def _table(header, rows):
    """Format a table whose cells may hold line breaks and bars."""
    return markdown_table(header, [[_one_line(cell).replace("|", "\\|") for cell in row] for row in rows])


def _code(text):
    text = _one_line(text)
    return f"`` {text} ``" if "`" in text else f"`{text}`"
