"""The table of ratings as Markdown and CSV, beside figures of the literature."""

import csv
import io
import json

import numpy as np

from skmer._io import markdown_table
from skmer.reproduction.differences import format_number, mean_and_deviation, paired_tests
from skmer.reproduction.published import RATINGS, RATINGS_SOURCES
from skmer.reproduction.ratings.scores import CURVE_SCORES, SONG_SCORES
from skmer.reproduction.ratings.songs import TARGETS, plural
from skmer.reproduction.ratings.systems import DESCRIPTORS, DUMMY, NETWORKS, PLAIN

__all__ = ["ratings_csv", "ratings_differences", "ratings_markdown", "ratings_rows"]

_POOLED = tuple(score for score in CURVE_SCORES if "pooled" in score)
_OF_SONGS = tuple(score for score in CURVE_SCORES if "mean of songs" in score)
_TESTED = tuple(f"R² {target}" for target in TARGETS)
_TESTED_OVER_TIME = tuple(f"{score} {target}" for score in ("R², pooled", "CCC, mean of songs") for target in TARGETS)
_ARTISTS = (
    "Splits of the literature are others. Random ones, and that of MediaEval 2013, have the same artists in training "
    "and test songs, which can raise R²: two of three songs in random tenths of PMEmo are by an artist of the other "
    "songs, more than half in those of EiM, and 65 of the 125 evaluation songs of MediaEval 2013. Here, songs are "
    "grouped by artist where the collection names artists, unless another protocol is chosen."
)
_SETTINGS = {
    "backbone": "backbone {}",
    "epochs": "{} epochs",
    "warmup_epochs": "{} of them warm-up",
    "duration": "segments of {:g} s",
    "max_duration": "the first {:g} s of each recording",
    "params": "other parameters {}",
    "device": "device {}",
}


def ratings_rows(part, scores=SONG_SCORES):
    """Summarise the rows of a table, or of its part over time: one dict for each system.

    It has ``row``, ``seconds``, and for each score ``"mean"``, ``"sd"`` and ``"n"`` over folds, and ``"pooled"``, the
    mean over seeds of the score of all folds' test songs together; None where the score is undefined.
    """
    found = []
    for name in dict.fromkeys(row["name"] for row in part["rows"]):
        own = [row for row in part["rows"] if row["name"] == name]
        seconds = [row["seconds"] for row in own if row.get("seconds") is not None]
        summary = {"row": name, "seconds": float(np.mean(seconds)) if seconds else None}
        for score in scores:
            known = [row for row in own if row["scores"][score] is not None]
            pooled = [row["scores"][score] for row in part["pooled"] if row["name"] == name]
            summary[score] = {**mean_and_deviation(known, score), "pooled": _mean(pooled)} if known else None
        found.append(summary)
    return found


def ratings_differences(table, scores=_TESTED, part=None):
    """Return the tests of each network against descriptors and the network on inherited ratings, by score.

    `part` is the part over time of the table, if it is meant: in it, smoothed curves and constants are also compared
    with the curves of the same network.
    """
    part = table if part is None else part
    names = [name for name in dict.fromkeys(row["name"] for row in part["rows"]) if name != DUMMY]
    pairs = [
        (name, other)
        for other in names
        if other.startswith(DESCRIPTORS) or other == PLAIN
        for name in names
        if name in NETWORKS and name != other
    ]
    # a smoothed curve, and the mean of a song, beside the curve of the same network
    pairs += [(name, other) for other in names for name in names if name.startswith(f"{other}, ")]
    rows = [
        {**row, "seed": seed}
        for row in part["rows"]
        # a row without a seed is the same for every seed
        for seed in (table["protocol"]["seeds"] if row["seed"] is None else [row["seed"]])
    ]
    return {
        score: paired_tests([row for row in rows if row["scores"][score] is not None], pairs, score) for score in scores
    }


def ratings_markdown(table):
    """Format the table as Markdown."""
    unit, part = f"{table['unit']}s", table["over_time"]
    rows = ratings_rows(table)
    blocks = [_heading(table), f"### Ratings of whole {unit}", _figures(rows, SONG_SCORES)]
    if len(table["protocol"]["folds"]) > 1:
        blocks += [
            f"Pooled over the test {unit} of all folds, which is steadier where a fold has few; the literature reports "
            "R² of one test set, as above:",
            _pooled(rows, SONG_SCORES, table["attainable"]),
        ]
    blocks += [_limit(table["attainable"], unit), _literature(table), _differences(table, _TESTED)]
    if part is not None:
        rows = ratings_rows(part, CURVE_SCORES)
        blocks += ["### Ratings over time", _about_time(table, part)]
        blocks += ["Pooled over the segments of a fold's test songs:", _figures(rows, _POOLED, _short(", pooled"))]
        blocks += ["Mean of the songs of a fold:", _figures(rows, _OF_SONGS, _short(", mean of songs"))]
        if len(table["protocol"]["folds"]) > 1:
            blocks += [
                "Pooled over the segments of the test songs of all folds:",
                _pooled(rows, _POOLED, part["attainable"], ", pooled"),
            ]
        blocks += [_limit(part["attainable"], "segments"), _differences(table, _TESTED_OVER_TIME, part)]
    return "\n\n".join(block for block in blocks if block)


def ratings_csv(table):
    """Format the table as CSV, with a line for each row and score; also of the literature, and what is attainable."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["ratings", "row", "score", "mean", "sd", "n", "pooled"])
    for kind, part, scores in (("songs", table, SONG_SCORES), ("over time", table["over_time"], CURVE_SCORES)):
        if part is None:
            continue
        for row in ratings_rows(part, scores):
            for score in scores:
                figure = row[score] or dict.fromkeys(("mean", "sd", "n", "pooled"))
                writer.writerow([kind, row["row"], score, *(figure[key] for key in ("mean", "sd", "n", "pooled"))])
        for score, value in (part["attainable"] or {"scores": {}})["scores"].items():
            writer.writerow([kind, "attainable", score, None, None, None, value])
    for model, figures in RATINGS.get(table["dataset"], {}).items():
        for target, figure in zip(TARGETS, figures, strict=True):
            writer.writerow(["songs", f"{model} (literature)", f"R² {target}", figure, None, None, None])
    return stream.getvalue()


def _mean(values):
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None


def _heading(table):
    unit, n, n_groups = table["unit"], table["n_songs"], table["n_groups"]
    groups = "" if n == n_groups else f" of {n_groups:,} {plural(table['group'])}"
    low, high = table["scale"]
    songs = f"{table['title']}: {n:,} {unit}s{groups}, rated from {low:g} to {high:g}."
    lines = [" ".join([songs, *table["notes"]]), f"{_settings(table)} {_protocol(table)}"]
    return "\n".join([*lines, f"A {unit} has the mean rating of its segments. Times of a fit are without features."])


def _settings(table):
    settings = {**table["settings"], "params": json.dumps(table["settings"]["params"])}
    del settings["delay"]
    shown = [key for key in settings if settings[key] not in (None, "{}")]
    return ", ".join(_SETTINGS.get(key, key + " {}").format(settings[key]) for key in shown) + "."


def _protocol(table):
    protocol = table["protocol"]
    folds, seeds, text = protocol["folds"], protocol["seeds"], protocol["description"]
    text = text[0].upper() + text[1:]
    if len(folds) < protocol["n_folds"]:
        text += f"; only fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}, counted from 0"
    text += f"; seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    if len(folds) > 1:
        return f"{text}; mean ± standard deviation over folds{', of the means over seeds' * (len(seeds) > 1)}."
    return f"{text}; mean ± standard deviation over seeds." if len(seeds) > 1 else f"{text}."


def _short(ending):
    return lambda score: score.replace(ending, "")


def _figures(rows, scores, title=str):
    seconds = any(row["seconds"] is not None for row in rows)
    cells = [
        [row["row"], *(_figure(row[score]) for score in scores)]
        + ["" if row["seconds"] is None else f"{row['seconds']:.3g}"] * seconds
        for row in rows
    ]
    return markdown_table(["system", *map(title, scores), *["s per fit"] * seconds], cells)


def _figure(figure):
    if figure is None:
        return "–"
    mean = format_number(figure["mean"], 3)
    return mean if figure["sd"] is None else f"{mean} ± {format_number(figure['sd'], 3)}"


def _pooled(rows, scores, limit, ending=""):
    """Return the scores of all folds' test songs together, and what is attainable."""
    cells = [
        [row["row"], *("–" if row[s] is None or row[s]["pooled"] is None else format_number(row[s]["pooled"], 3)
                       for s in scores)]
        for row in rows
    ]  # fmt: skip
    if limit is not None:
        values = [limit["scores"].get(score.replace(ending, "")) for score in scores]
        cells.append(["attainable", *("" if value is None else format_number(value, 3) for value in values)])
    return markdown_table(["system", *map(_short(ending), scores)], cells)


def _limit(limit, of):
    if limit is None:
        return (
            f"How far a perfect model could go is unknown: the deviations of the raters of {of} are not in the files."
        )
    shown = ", ".join(
        f"{score} {format_number(value, 3)}"
        for score, value in limit["scores"].items()
        if value is not None and score.startswith("R²")
    )
    return (
        "Attainable: the scores of a model that knows what all listeners would say, since the mean of a few raters has "
        f"an error: {shown}; {limit['note']}."
    )


def _literature(table):
    figures = RATINGS.get(table["dataset"])
    if not figures:
        return f"No figures of the literature for ratings of {table['title']} are kept here."
    cells = [[name, *(format_number(value, 3) for value in values)] for name, values in figures.items()]
    sources = "\n".join(f"{name}: {RATINGS_SOURCES[name]}." for name in figures)
    header = ["literature", *(f"R² {target}" for target in TARGETS)]
    return f"{markdown_table(header, cells)}\n\n{sources}\n{_ARTISTS}"


def _about_time(table, part):
    low, high = part["scale"]
    text = (
        f"Ratings of {part['n_rated']:,} of {part['n_segments']:,} segments of {part['n_rated_songs']:,} "
        f"{table['unit']}s, from {low:g} to {high:g}, given {table['settings']['delay']:g} s later than the music, "
        "since listeners react late. Pooled over all segments, differences between songs count most; the mean of songs "
        "is of the course within each, where a constant has a CCC and a correlation r of 0. A row that is constant in "
        "each song has its mean prediction; the dummy is the mean of the training songs' ratings over time."
    )
    if part["scale"] != table["scale"]:
        text += (
            f" Whole {table['unit']}s are rated from {table['scale'][0]:g} to {table['scale'][1]:g}: predictions are "
            "converted linearly."
        )
    return text


def _differences(table, scores, part=None):
    if len(table["protocol"]["folds"]) < 2:
        return ""
    tests = ratings_differences(table, scores, part)
    by_pair: dict = {}
    for score, pairs in tests.items():
        for pair in pairs:
            shown = f"{format_number(pair['mean'], 3, '+')} ± {format_number(pair['sd'], 3)}"
            p_value = "" if pair["adjusted"] is None else format_number(pair["adjusted"], 3)
            by_pair.setdefault((pair["row"], pair["less"]), {})[score] = [shown, p_value]
    if not by_pair:
        return ""
    cells = [
        [*pair, *(cell for score in scores for cell in own.get(score, ["–", ""]))] for pair, own in by_pair.items()
    ]
    header = ["row", "minus", *(title for score in scores for title in (score, "p"))]
    text = (
        "Differences, mean ± standard deviation over folds, with p-values by Nadeau and Bengio's paired t-test, which "
        "is corrected for the songs that folds share, and adjusted by Holm for the pairs of a column."
    )
    return f"{text}\n\n{markdown_table(header, cells)}"
