"""card_markdown: what there is to know of a model before it is used, for people to read."""

import json

from skmer.writing import markdown_table, name_some

__all__ = ["card_markdown", "usage_of"]

_TRUST = (
    "Opening the model runs whatever code the file holds, as every pickle does: open it only if you trust where it "
    "comes from."
)
LIMITS = [
    "It is meant for sorting and studying music like the songs that it was trained on; on other music, recordings and "
    "listeners the figures above do not hold.",
    "A label is what some listeners said of a whole song, and what the model says is a guess at that, not at what a "
    "person feels: no decision about a person should rest on it.",
]


def usage_of(system, model):
    """Give the commands that a model serves.

    Parameters
    ----------
    system : str
        One of `SYSTEMS`.
    model : str
        Name of its file.

    Returns
    -------
    list of str
        Lines for a shell.

    Examples
    --------
    >>> from skmer.trained_models.cards import usage_of
    >>> usage_of("descriptors", "model.joblib")
    ['skmer predict model.joblib FOLDER --out emotions.csv']
    """
    lines = [f"skmer predict {model} FOLDER --out emotions.csv"]
    if system in ("sssl", "cross-entropy"):
        lines += [f"skmer timeline {model} SONG --out emotion.png", f"skmer label-noise {model} SONGS --out report"]
    return lines


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
    >>> from skmer.trained_models import card_markdown, train_model
    >>> trained = train_model(make_songs(8, duration=3, random_state=0), "log-mel", n_splits=0)
    >>> print(card_markdown(trained.card).splitlines()[0])
    # A model of the emotion of songs: Q1, Q2, Q3, Q4
    """
    data = card["data"]
    parts = [
        f"# {card['title']}",
        f"Made by `skmer train` {card['versions']['skmer']}, {card['date']} UTC. System: **{card['system']}**, "
        f"{card['what']}.",
        "## Songs",
        markdown_table(["class", "songs"], [*data["songs_per_class"].items(), ("all", data["n_songs"])]),
        " ".join([f"Labels: {data['labels_from']}.", data["groups"], data["used"]]),
        _left_out(data),
        "## How well it does",
        _estimate(card["estimate"]),
        "## How it was made",
        f"Fitted on all {data['n_songs']:,} songs; seed {card['seed']}, device {card['device']}, "
        f"{card['seconds']:,.0f} s in all. Parameters that differ from the defaults of their classes:",
        _parameters(card["parameters"]),
        "Versions: " + ", ".join(f"{name} {version}" for name, version in card["versions"].items()) + ".",
        _list("Remarks of the training:", card["remarks"]),
        "## Use",
        "```\n" + "\n".join(card["usage"]) + "\n```",
        "In Python, `joblib.load(path).predict(list_of_audio_files)`. " + _TRUST,
        "## Limits",
        " ".join(LIMITS),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _left_out(data):
    unreadable = _list(
        "Songs with a label that could not be used and were left out:",
        [f"`{name}`: {reason}" for name, reason in data["unreadable"].items()],
    )
    others = data["left_out"]
    files = "1 file was" if len(others) == 1 else f"{len(others):,} files were"
    unopened = f"{files} left out, {data['why_out']}: {name_some(others, most=5)}." if others else ""
    return "\n\n".join(filter(None, (unreadable, unopened)))


def _list(head, lines):
    return "\n".join([head, "", *(f"- {line}" for line in lines)]) if lines else ""


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
    return markdown_table(["parameter", "value"], rows) if rows else "none."
