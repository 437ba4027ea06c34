"""Write the tables of Mirable as Markdown and CSV."""

import csv
import io
import json

import numpy as np

from skmer._io import format_names, markdown_table
from skmer.model_selection.tag_metrics import TAG_SCORES
from skmer.reproduction.mirable.paper import WEIGHT_OF_SHORT
from skmer.reproduction.mirable.parts import VALIDATION
from skmer.reproduction.mirable.rows import ROWS
from skmer.reproduction.mirable.songs import SHARE
from skmer.reproduction.mirable.steps import steps_markdown
from skmer.reproduction.mirable.summary import mirable_rows

__all__ = ["mirable_csv", "mirable_markdown"]

_LEGEND = (
    "dummy: the share of the labelled songs that have a tag. logistic-regression: one for each tag, on mean, deviation "
    "and change of each mel band over the whole song. baseline: MediaEval's network. The others are the paper's."
)


def mirable_markdown(table):
    """Write the tables for people.

    Parameters
    ----------
    table : dict
        What `skmer.reproduction.mirable.run_plan` gives.

    Returns
    -------
    str
        Markdown: which songs, the settings, Table 1 and Table 2 with the paper's figures beside, mean ± standard
        deviation over folds, the weight of the ensemble, what students believed, and which tags were left out.

    Examples
    --------
    >>> from skmer.model_selection import TAG_SCORES
    >>> from skmer.reproduction.mirable import MirableSettings, mirable_markdown
    >>> row = {"name": "baseline", "fold": 0, "seed": 0, "scores": dict.fromkeys(TAG_SCORES, 0.5)}
    >>> part = {"fold": 0, "labelled": 9, "unlabelled": 0, "hidden": 0, "validation": 3, "test": 4}
    >>> part |= {f"tags_not_in_{which}": [] for which in ("labelled", "validation", "test")}
    >>> protocol = {"split": 0, "n_folds": 1, "folds": [0], "seeds": [0], "hide": 0.0}
    >>> table = {"dataset": "mtg_jamendo", "title": "MTG-Jamendo", "unit": "track", "n_songs": 16, "n_artists": 5,
    ...          "tags": ["sad"], "notes": [], "settings": MirableSettings().to_dict(), "protocol": protocol,
    ...          "parts": [part], "rows": [row]}
    >>> print(mirable_markdown(table).splitlines()[-1])
    | baseline | .5000 |       – | .5000 |       – |
    """
    rows = mirable_rows(table)
    # over seeds, rows without one have none
    spread = any(row[TAG_SCORES[0]]["sd"] is not None for row in rows)
    blocks = [
        _heading(table),
        "### Table 1",
        _figures(rows, TAG_SCORES[:3], spread),
    ]
    for lines in (steps_markdown(table), _ensemble(rows), _students(rows), _left_out(table)):
        blocks += [lines] if lines else []
    names = {"TPR": "mean TPR", "TNR": "mean TNR"}
    blocks += ["### Table 2", _figures(rows, TAG_SCORES[3:], spread, names)]
    return "\n\n".join(blocks)


def _heading(table):
    songs = (
        f"{table['title']}: {table['n_songs']:,} {table['unit']}s of {table['n_artists']:,} artists, "
        f"{len(table['tags'])} tags."
    )
    if table["dataset"] == "emotify":
        songs += f" An emotion is a tag where at least {SHARE:g} of the listeners felt it."
    lines = [" ".join([songs, *table["notes"]]), _protocol(table), _unlabelled(table), _settings(table), _LEGEND]
    return "\n".join(lines)


def _protocol(table):
    protocol, parts = table["protocol"], table["parts"]
    counts = "/".join(_range([part[which] for part in parts]) for which in ("labelled", "validation", "test"))
    if protocol["split"] is not None:
        text = f"The published split-{protocol['split']}"
    else:
        text = (
            f"{protocol['n_folds']} folds, an artist's songs always on one side; of the training songs "
            f"{100 * VALIDATION:.0f} % are for validation"
        )
        if len(protocol["folds"]) < protocol["n_folds"]:
            text += f"; only fold{'s' * (len(parts) > 1)} {', '.join(map(str, protocol['folds']))}, counted from 0"
    seeds = protocol["seeds"]
    text += f": {counts} labelled training, validation and test {table['unit']}s. "
    text += f"Seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    if len(parts) > 1:
        return f"{text}; mean ± standard deviation over folds{', each the mean of its seeds' * (len(seeds) > 1)}."
    return f"{text}; mean ± standard deviation over seeds." if len(seeds) > 1 else f"{text}."


def _range(counts):
    return f"{min(counts):,}" if min(counts) == max(counts) else f"{min(counts):,}–{max(counts):,}"


def _unlabelled(table):
    hidden, others = (
        [part["hidden"] for part in table["parts"]],
        [part["unlabelled"] - part["hidden"] for part in table["parts"]],
    )
    unit, share = table["unit"], 100 * table["protocol"]["hide"]
    told = []
    if max(others):
        told.append(f"{_range(others)} {unit}s below the audio folder that the split does not name")
    if max(hidden):
        told.append(
            f"{_range(hidden)} training {unit}s, {share:.0f} % of them by artist, whose tags are hidden from every row"
        )
    if not any(name in ROWS and ROWS[name].kind == "student" for name in (row["name"] for row in table["rows"])):
        return " ".join(["No row hears songs without tags.", *(f"Left out: {one}." for one in told)])
    text = f"The students hear, without tags, {' and '.join(told)}."
    if max(hidden) and table["dataset"] == "mtg_jamendo":
        text += " With fewer labelled tracks than the paper's, no figure can be compared with its own."
    return text


def _settings(table):
    s = table["settings"]
    long, short = (f"{s[key]:g} s" if s[key] else paper for key, paper in (("long", "185.76 s"), ("short", "9.29 s")))
    said = [
        f"Long: the first {long}; short: chunks of {short}",
        f"batches of {s['batch_long']} and {s['batch_short']}",
        f"{s['epochs']} epochs at most",
        f"device {s['device']}",
    ]
    for key, what in (
        ("backbone_params", "recurrent networks"),
        ("params", "taggers"),
        ("noisy_params", "students"),
    ):
        said += [f"{what} with {json.dumps(s[key])}"] if s[key] else []
    return ", ".join(said) + "." + _begun_again(table)


def _begun_again(table):
    counts = [part["looped"] for part in table["parts"] if part.get("looped")]
    if not counts or not max(one["songs"] for one in counts):
        return ""
    songs, of = (_range([one[key] for one in counts]) for key in ("songs", "of"))
    return f" {songs} of {of} {table['unit']}s are shorter than the long input and begun again until it is full."


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
                line.append(_number(row["paper"][score], 4) if score in row["paper"] else "–")
        cells.append(line)
    if scores[0] == TAG_SCORES[0] and any(row["seconds"] is not None for row in rows):
        header.append("s a fit")
        for line, row in zip(cells, rows, strict=True):
            line.append("" if row["seconds"] is None else f"{row['seconds']:.3g}")
    return markdown_table(header, cells)


def _figure(figure, spread):
    if not spread:
        return _number(figure["mean"], 4)
    return _number(figure["mean"], 3) + ("" if figure["sd"] is None else f" ± {_number(figure['sd'], 3)}")


def _number(value, digits):
    return f"{value:.{digits}f}".removeprefix("0")


def _ensemble(rows):
    weights = [weight for row in rows for weight in row["weights"]]
    if not weights:
        return ""
    told = ", ".join(f"{weight:.2f}" for weight in weights)
    return (
        f"Ensemble: α of short-normal, 1 − α of long-hpcp-noisy, on logits; chosen on validation {told} "
        f"(the paper's: {WEIGHT_OF_SHORT})."
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
                + [_number(mean[key], 3) for key in ("teacher_roc_auc", "valid_roc_auc")]
            )
    if not lines:
        return ""
    header = ["student", "positive above", "negative below", "positive", "negative", "masked"]
    header += ["teacher's ROC-AUC", "its own"]
    return (
        "What the students believe of their teachers: thresholds as probabilities, shares of the entries (song and "
        "tag) of the songs without tags, and the ROC-AUC on validation songs.\n\n" + markdown_table(header, lines)
    )


def _left_out(table):
    told = []
    for which, what in (
        ("labelled", "no labelled song has, so that they cannot be learnt"),
        ("validation", "no validation song has, so that they are given to no song"),
        ("test", "no test song has, which are left out of the means"),
    ):
        for part in table["parts"]:
            tags = part[f"tags_not_in_{which}"]
            if tags:
                fold = f" of fold {part['fold']}" if table["protocol"]["n_folds"] > 1 else ""
                told.append(f"Tags that {what}{fold}: {format_names(tags)}.")
    return "\n".join(told)


def mirable_csv(table):
    """Write the tables for programs: a line for each row and figure.

    Parameters
    ----------
    table : dict
        What `skmer.reproduction.mirable.run_plan` gives.

    Returns
    -------
    str
        CSV; the paper's figures beside ours where it has them.

    Examples
    --------
    >>> from skmer.reproduction.mirable import mirable_csv
    >>> mirable_csv({"dataset": "emotify", "rows": []}).strip()
    'row,score,mean,sd,n,paper,difference'
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["row", "score", "mean", "sd", "n", "paper", "difference"])
    for row in mirable_rows(table):
        for score in TAG_SCORES:
            figure, theirs = row[score], row["paper"].get(score)
            difference = None if theirs is None else round(figure["mean"] - theirs, 6)
            writer.writerow([row["row"], score, figure["mean"], figure["sd"], figure["n"], theirs, difference])
    return stream.getvalue()
