"""Tables of the second paper as Markdown and CSV, compared with the published figures."""

import csv
import io
import json

import numpy as np

from skmer._io import format_names, markdown_table
from skmer.model_selection import TAG_SCORES
from skmer.reproduction.differences import format_number, mean_and_deviation, paired_tests
from skmer.reproduction.mirable.songs import SHARE, VALIDATION
from skmer.reproduction.mirable.systems import ROWS
from skmer.reproduction.published import MIRABLE_DATASET, MIRABLE_TABLE_1, MIRABLE_TABLE_2, MIRABLE_WEIGHT_OF_SHORT

__all__ = ["mirable_csv", "mirable_markdown", "mirable_rows"]

_LEGEND = (
    "dummy: the share of the labelled songs that have a tag. logistic-regression: a model for each tag, on mean, "
    "deviation and change of each mel band over the whole song. baseline: MediaEval's network. The other rows are the "
    "paper's."
)
# the steps of the paper, and each row compared with the simplest one
_STEPS = (
    ("long-hpcp", "long-normal"),
    ("short-hpcp", "short-normal"),
    ("long-hpcp-noisy", "long-hpcp"),
    ("short-hpcp-noisy", "short-hpcp"),
    ("ensemble", "short-normal"),
    ("ensemble", "long-hpcp-noisy"),
)
_PAIRS = (*_STEPS, *((n, "logistic-regression") for n in dict.fromkeys(n for step in _STEPS for n in step[::-1])))


def mirable_rows(table):
    """Return mean, deviation and n of each row's scores over folds (or seeds of one fold) beside the paper's.

    Each has ``row``, ``paper`` (empty where the paper has no figures), ``seconds``, ``weights`` of the ensemble and
    ``pseudo_labels`` of a student.
    """
    found = []
    for name in dict.fromkeys(row["name"] for row in table["rows"]):
        own = [row for row in table["rows"] if row["name"] == name]
        seconds = [row["seconds"] for row in own if "seconds" in row]
        published = (*MIRABLE_TABLE_1.get(name, ()), *MIRABLE_TABLE_2.get(name, ()))
        found.append(
            {
                "row": name,
                **{score: mean_and_deviation(own, score) for score in TAG_SCORES},
                "paper": dict(zip(TAG_SCORES, published, strict=False)) if table["dataset"] == MIRABLE_DATASET else {},
                "seconds": float(np.mean(seconds)) if seconds else None,
                "weights": [row["weight"] for row in own if "weight" in row],
                "pseudo_labels": [row["pseudo_labels"] for row in own if "pseudo_labels" in row],
            }
        )
    return found


def mirable_markdown(table):
    """Format the tables as Markdown."""
    rows = mirable_rows(table)
    # rows without a seed have no deviation over seeds
    spread = any(row[TAG_SCORES[0]]["sd"] is not None for row in rows)
    blocks = [_heading(table), "### Table 1", _figures(rows, TAG_SCORES[:3], spread)]
    blocks += [text for text in (_differences(table), _ensemble(rows), _students(rows), _left_out(table)) if text]
    names = {"TPR": "mean TPR", "TNR": "mean TNR"}
    return "\n\n".join([*blocks, "### Table 2", _figures(rows, TAG_SCORES[3:], spread, names)])


def mirable_csv(table):
    """Format the tables as CSV, with a line for each row and score."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["row", "score", "mean", "sd", "n", "paper", "difference"])
    for row in mirable_rows(table):
        for score in TAG_SCORES:
            figure, theirs = row[score], row["paper"].get(score)
            difference = None if theirs is None else round(figure["mean"] - theirs, 6)
            writer.writerow([row["row"], score, figure["mean"], figure["sd"], figure["n"], theirs, difference])
    return stream.getvalue()


def mirable_differences(table):
    """Compare the rows of each step of the paper, and each row with the simplest one, by macro ROC-AUC."""
    if len(table["parts"]) < 2:
        return []
    parts = {part["fold"]: part for part in table["parts"]}
    rows = [
        {
            **row,
            "seed": seed,
            # folds also share unlabelled and validation songs
            "n_train": sum(parts[row["fold"]][part] for part in ("labelled", "unlabelled", "validation")),
            "n_test": parts[row["fold"]]["test"],
        }
        for row in table["rows"]
        # a row without a seed is the same for every seed
        for seed in (table["protocol"]["seeds"] if row["seed"] is None else [row["seed"]])
    ]
    return paired_tests(rows, _PAIRS, TAG_SCORES[0])


def _heading(table):
    songs = (
        f"{table['title']}: {table['n_songs']:,} {table['unit']}s of {table['n_artists']:,} artists, "
        f"{len(table['tags'])} tags."
    )
    if table["dataset"] == "emotify":
        songs += f" An emotion is a tag where at least {100 * SHARE:.0f} % of the listeners felt it."
    lines = [" ".join([songs, *table["notes"]]), _protocol(table), _unlabelled(table), _settings(table), _LEGEND]
    return "\n".join(lines)


def _protocol(table):
    protocol, parts = table["protocol"], table["parts"]
    counts = "/".join(_range([part[which] for part in parts]) for which in ("labelled", "validation", "test"))
    if protocol["split"] is not None:
        text = f"The published split-{protocol['split']}"
    else:
        text = (
            f"{protocol['n_folds']} folds, the songs of an artist in one fold; {100 * VALIDATION:.0f} % of "
            "the training songs are used for validation"
        )
        if len(protocol["folds"]) < protocol["n_folds"]:
            text += f"; only fold{'s' * (len(parts) > 1)} {', '.join(map(str, protocol['folds']))}, counted from 0"
    seeds = protocol["seeds"]
    text += f": {counts} labelled training, validation and test {table['unit']}s. "
    text += f"Seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    if len(parts) > 1:
        return f"{text}; mean ± standard deviation over folds{', of the means over seeds' * (len(seeds) > 1)}."
    return f"{text}; mean ± standard deviation over seeds." if len(seeds) > 1 else f"{text}."


def _range(counts):
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,}–{max(counts):,}"


def _unlabelled(table):
    hidden = [part["hidden"] for part in table["parts"]]
    others = [part["unlabelled"] - part["hidden"] for part in table["parts"]]
    unit, share = table["unit"], 100 * table["protocol"]["hide"]
    kinds = []
    if max(others):
        kinds.append(f"{_range(others)} {unit}s in the audio folder that are not in the split")
    if max(hidden):
        kinds.append(
            f"{_range(hidden)} training {unit}s, {share:.0f} % of them by artist, whose tags are hidden from every row"
        )
    if not any(row["name"] in ROWS and ROWS[row["name"]].kind == "student" for row in table["rows"]):
        return " ".join(["No row uses songs without tags.", *(f"Not used: {kind}." for kind in kinds)])
    text = f"Students are also trained on songs without tags: {' and '.join(kinds)}."
    if max(hidden) and table["dataset"] == MIRABLE_DATASET:
        text += " Fewer tracks are labelled than in the paper, so that figures cannot be compared with the paper's."
    return text


def _settings(table):
    s = table["settings"]
    long, short = (f"{s[key]:g} s" if s[key] else paper for key, paper in (("long", "185.76 s"), ("short", "9.29 s")))
    shown = [
        f"Long: the first {long}; short: chunks of {short}",
        f"batches of {s['batch_long']} and {s['batch_short']}",
        f"{s['epochs']} epochs at most",
        f"device {s['device']}",
    ]
    what = {"backbone_params": "recurrent networks", "params": "taggers", "noisy_params": "students"}
    shown += [f"{name} with {json.dumps(s[key])}" for key, name in what.items() if s[key]]
    return ", ".join(shown) + "." + _looped(table)


def _looped(table):
    counts = [part["looped"] for part in table["parts"] if part.get("looped")]
    if not counts or not max(one["songs"] for one in counts):
        return ""
    songs, of = (_range([one[key] for one in counts]) for key in ("songs", "of"))
    return f" {songs} of {of} {table['unit']}s are shorter than the long input and are repeated to fill it."


def _figures(rows, scores, spread, names=None):
    with_paper = any(row["paper"] for row in rows)
    header = ["row"]
    for score in scores:
        header += [(names or {}).get(score, score)] + ["paper"] * with_paper
    cells = []
    for row in rows:
        line = [row["row"]]
        for score in scores:
            line.append(_figure(row[score], spread))
            if with_paper:
                line.append(format_number(row["paper"][score], 4) if score in row["paper"] else "–")
        cells.append(line)
    if scores[0] == TAG_SCORES[0] and any(row["seconds"] is not None for row in rows):
        header.append("s per fit")
        for line, row in zip(cells, rows, strict=True):
            line.append("" if row["seconds"] is None else f"{row['seconds']:.3g}")
    return markdown_table(header, cells)


def _figure(figure, spread):
    if not spread:
        return format_number(figure["mean"], 4)
    return format_number(figure["mean"], 3) + ("" if figure["sd"] is None else f" ± {format_number(figure['sd'], 3)}")


def _differences(table):
    found = mirable_differences(table)
    if not found:
        return ""
    cells = [
        [
            pair["row"],
            pair["less"],
            f"{format_number(pair['mean'], 3, '+')} ± {format_number(pair['sd'], 3)}",
            str(pair["n"]),
        ]
        + ["" if p is None else format_number(p, 3) for p in (pair["p_value"], pair["adjusted"])]
        for pair in found
    ]
    return (
        "Differences in ROC-AUC, mean ± standard deviation over folds, with p-values by Nadeau and Bengio's paired "
        "t-test, which is corrected for the songs that folds share, and adjusted by Holm for all of these pairs.\n\n"
        + markdown_table(["row", "minus", TAG_SCORES[0], "folds", "p", "p (Holm)"], cells)
    )


def _ensemble(rows):
    weights = [weight for row in rows for weight in row["weights"]]
    if not weights:
        return ""
    shown = ", ".join(f"{weight:.2f}" for weight in weights)
    return (
        "Ensemble: α times the logits of short-normal plus 1 − α times those of long-hpcp-noisy; α is chosen on the "
        f"validation songs: {shown} (the paper's: {MIRABLE_WEIGHT_OF_SHORT})."
    )


def _students(rows):
    lines = []
    for row in rows:
        runs = row["pseudo_labels"]
        for k in range(max(map(len, runs), default=0)):
            own = [run[k] for run in runs]
            mean = {key: float(np.mean([one[key] for one in own])) for key in own[0]}
            name = row["row"] + (f", iteration {k + 1}" if max(map(len, runs)) > 1 else "")
            shares = [f"{100 * mean[key]:.1f} %" for key in ("positive", "negative", "masked")]
            lines.append(
                [name, f"{mean['positive_above']:.3g}", f"{mean['negative_below']:.3g}", *shares]
                + [format_number(mean[key], 3) for key in ("teacher_roc_auc", "valid_roc_auc")]
            )
    if not lines:
        return ""
    header = ["student", "positive above", "negative below", "positive", "negative", "masked"]
    header += ["ROC-AUC of teacher", "of student"]
    return (
        "Pseudo-labels of the students: thresholds as probabilities, shares of the entries (song and tag) of the songs "
        "without tags, and ROC-AUC on the validation songs.\n\n" + markdown_table(header, lines)
    )


def _left_out(table):
    lines = []
    for part, what in (
        ("labelled", "no labelled song has, so that they cannot be learnt"),
        ("validation", "no validation song has, so that no song is assigned them"),
        ("test", "no test song has, so that they are not in the means"),
    ):
        for counts in table["parts"]:
            tags = counts[f"tags_not_in_{part}"]
            if tags:
                fold = f" of fold {counts['fold']}" if table["protocol"]["n_folds"] > 1 else ""
                lines.append(f"Tags that {what}{fold}: {format_names(tags)}.")
    return "\n".join(lines)
