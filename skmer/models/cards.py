"""card_markdown: what there is to know of a model before it is used, for people to read."""

import json
import shlex
from datetime import UTC, datetime

import numpy as np

from skmer._io import format_names, markdown_table
from skmer.model_selection._fits import versions
from skmer.models.pipelines import SYSTEMS, changed_parameters

__all__ = [
    "about_groups",
    "about_model",
    "about_songs",
    "card_markdown",
    "class_counts",
    "heard",
    "steps_in_words",
    "usage_of",
]

_RESUMED = "in the last run, which took up what an earlier one had made"
_TRUST = (
    "Opening the model runs whatever code the file holds, as every pickle does: open it only if you trust where it "
    "comes from."
)
_LIMITS = [
    "It is meant for sorting and studying music like the songs that it was trained on; on other music, recordings and "
    "listeners the figures above do not hold.",
    "A label is what some listeners said of a whole song, and what the model says is a guess at that, not at what a "
    "person feels: no decision about a person should rest on it.",
]


def usage_of(system, name):
    """Give the commands, as lines for a shell, that a model of a system serves, by the name of its file."""
    # a name that begins with a dash would be taken for an option
    model = shlex.quote(f"./{name}" if name.startswith("-") else name)
    lines = [f"skmer predict {model} FOLDER --out emotions.csv"]
    if system in ("sssl", "cross-entropy"):
        lines += [f"skmer timeline {model} SONG --out emotion.png", f"skmer label-noise {model} SONGS --out report"]
    return lines


def about_model(pipeline, system):
    """Give a card's entries on a fitted pipeline."""
    classes = pipeline[-1].classes_.tolist()
    return {
        "title": f"A model of the emotion of songs: {', '.join(map(str, classes))}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "system": system,
        "what": SYSTEMS[system],
        "classes": classes,
        "parameters": changed_parameters(pipeline),
        "versions": versions(),
        "limits": _LIMITS,
    }


def about_songs(used, songs):
    """Give a card's entries on the songs that were used, of those that were given."""
    return {
        "n_songs": len(used.target),
        "songs_per_class": dict(zip(*_per_class(used.target), strict=True)),
        "labels_from": songs.get("labels_from", "given in Python"),
        "groups": about_groups(used.groups),
        "left_out": [str(path) for path in songs.get("left_out", [])],
        "why_out": songs.get("why_out", "not audio by extension"),
        "songs": used.names,
    }


def about_groups(groups):
    """Say whether songs belong together."""
    if groups is None:
        return "Each song is a group of its own: if several are by one artist, folds do not keep them apart."
    return f"The songs are of {len(np.unique(groups)):,} groups, such as artists, which folds keep apart."


def heard(reader, counts):
    """Say how much of each song was heard."""
    counts = [count for count in counts if count is not None]
    longest = getattr(reader, "max_duration", None)
    much = "Whole songs were used" if longest is None else f"The first {longest:g} s of each song were used"
    if not any(counts):
        return f"{much}."
    return f"{much}: {sum(counts):,} segments of {reader.duration:g} s."


def class_counts(target):
    """Write the classes with their numbers of songs."""
    return ", ".join(f"{name} {count}" for name, count in zip(*_per_class(target), strict=True))


def steps_in_words(changed):
    """Write the steps of a pipeline with what `changed_parameters` gives."""
    steps = []
    for step, values in changed.items():
        steps.append(f"{step}({', '.join(f'{name}={value!r}' for name, value in values.items())})" if values else step)
    return ", ".join(steps)


def _per_class(target):
    names, counts = np.unique(target, return_counts=True)
    return [str(name) for name in names], counts.tolist()


def card_markdown(card):
    """Write a card as Markdown.

    Parameters
    ----------
    card : dict
        That of a `TrainedModel`.

    Returns
    -------
    str
        The page.

    See Also
    --------
    train_model : Makes a model with its card.

    Examples
    --------
    >>> from skmer.datasets import make_songs
    >>> from skmer.models import card_markdown, train_model
    >>> trained = train_model(make_songs(8, duration=3, random_state=0), "log-mel", n_splits=0)
    >>> print(card_markdown(trained.card).splitlines()[0])
    # A model of the emotion of songs: Q1, Q2, Q3, Q4
    """
    data = card["data"]
    parts = [
        f"# {_in_a_line(card['title'])}",
        f"Made by `skmer train` {card['versions']['skmer']}, {card['date']} UTC. System: **{card['system']}**, "
        f"{card['what']}.",
        "## Songs",
        markdown_table(["class", "songs"], [*_cells(data["songs_per_class"].items()), ("all", data["n_songs"])]),
        " ".join([f"Labels: {_in_a_line(data['labels_from'])}.", data["groups"], data["used"]]),
        _left_out(data),
        "## How well it does",
        _estimate(card["estimate"]),
        "## How it was made",
        f"Fitted on all {data['n_songs']:,} songs; seed {card['seed']}, device {card['device']}, "
        f"{card['seconds']:,.0f} s {_RESUMED if card['resumed'] else 'in all'}. "
        "Parameters that differ from the defaults of their classes:",
        _parameters(card["parameters"]),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in card["versions"].items()) + ".",
        _list("Remarks of the training:", card["remarks"]),
        "## Use",
        "```\n" + "\n".join(card.get("usage") or usage_of(card["system"], "MODEL")) + "\n```",
        "In Python, `joblib.load(path).predict(list_of_audio_files)`. " + _TRUST,
        "## Limits",
        " ".join(_LIMITS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _left_out(data):
    unreadable = _list(
        "Songs with a label that could not be used and were left out:",
        [f"{_code(name)}: {_in_a_line(reason)}" for name, reason in data["unreadable"].items()],
    )
    others = data["left_out"]
    files = "1 file was" if len(others) == 1 else f"{len(others):,} files were"
    unopened = (
        f"{files} left out, {_in_a_line(data['why_out'])}: {_in_a_line(format_names(others, most=5))}."
        if others
        else ""
    )
    return "\n\n".join(filter(None, (unreadable, unopened)))


def _list(head, lines):
    return "\n".join([head, "", *(f"- {_in_a_line(line)}" for line in lines)]) if lines else ""


def _estimate(estimate):
    if estimate is None:
        return (
            "It was not estimated (`--n-splits 0`): nothing is known of how well it does on songs that it has not seen."
        )
    told = f"{estimate['protocol']}; mean ± standard deviation over folds, each by a model that had not seen its songs."
    return "\n\n".join([told, estimate["table"], estimate["sentence"]])


def _parameters(changed):
    rows = [
        (f"{step}: {name}", f"`{json.dumps(value, default=str)}`")
        for step, values in changed.items()
        for name, value in values.items()
    ]
    return markdown_table(["parameter", "value"], _cells(rows)) if rows else "none."


def _in_a_line(text):
    return " ".join(str(text).splitlines())


def _cells(rows):
    """Write rows so that no cell ends its column or its line."""
    return [[_in_a_line(cell).replace("|", "\\|") for cell in row] for row in rows]


def _code(text):
    text = _in_a_line(text)
    return f"`` {text} ``" if "`" in text else f"`{text}`"
