"""Tables in which several people labelled or rated the same songs: one label, or one mean, for each song.

A song is a list of the rows of a table that are about it. A row without a name in the column ``rater`` is nobody's, as
the labels that a page of doubtful labels found and nobody has decided on.
"""

from collections import Counter

import numpy as np

from skmer._io import format_names, is_missing
from skmer.datasets._published import count
from skmer.datasets._tables import number, read_cell
from skmer.datasets.dynamic_ratings import DynamicRatings

__all__ = ["UNDECIDED", "labels_of_songs", "mean_ratings", "ratings_over_time"]

UNDECIDED = ("unsure", "skipped", "left out")
_UNSURE = "unsure"
_USUAL_STEP = 500  # milliseconds


def labels_of_songs(table, songs):
    """Return the label of each song, None for those without one, and sentences on how labels were found.

    It is the label that most people chose. Who is unsure or skips a song chooses none; a row that is nobody's, or whose
    rater was unsure, counts only where nobody has chosen.
    """
    raters, decisions = ([cell.strip() for cell in _column(table, name)] for name in ("rater", "decision"))
    labels, tied, open_, doubtful, nameless = [], [], [], [], []
    unused = Counter(decision.casefold() for decision in decisions)
    for rows in songs:
        _check_repeated(table, rows, raters, decisions)
        chosen: dict[bool, list] = {True: [], False: []}
        for row in rows:
            decision, label = decisions[row].casefold(), table["label"][row]
            if not is_missing(label) and decision not in UNDECIDED[1:]:
                chosen[raters[row] != "" and decision != _UNSURE].append(label)
        votes = Counter(chosen[True] or chosen[False]).most_common()
        name = str(table["path"][rows[0]])
        if not votes:
            open_.append(name)
        elif len(votes) > 1 and votes[0][1] == votes[1][1]:
            tied.append(name)
            votes = []
        elif chosen[True] and any(decisions[row] and not raters[row] for row in rows):
            nameless.append(name)
        elif not chosen[True] and any(decisions[row].casefold() == _UNSURE for row in rows):
            doubtful.append(name)
            unused[_UNSURE] -= sum(decisions[row].casefold() == _UNSURE for row in rows)
        labels.append(str(votes[0][0]) if votes else None)
    remarks = _describe_people(raters, "The label of a song is the one that most of {} chose.")
    if undecided := [f"{unused[word]:,} {word}" for word in UNDECIDED if unused[word]]:
        one = sum(unused[word] for word in UNDECIDED) == 1
        remarks.append(f"{' and '.join(undecided)} {'is' if one else 'are'} not taken as an answer.")
    for names, text in (
        (tied, "left out, because as many people chose another label"),
        (open_, "left out, because nobody has chosen a label"),
        (doubtful, "used with a label of which the rater was unsure"),
        (nameless, "used without the answers of a rater who gave no name"),
    ):
        if names:
            remarks.append(f"{count(len(names), 'song is', 'songs are')} {text}: {format_names(names, most=5)}.")
    return labels, remarks


def _check_repeated(table, rows, raters, decisions):
    """Raise ValueError if a person labelled a song twice, or it has several labels that are nobody's."""
    seen: dict = {}
    for row in rows:
        first = seen.setdefault(raters[row], row)
        if first == row:
            continue
        # an undecided song is in the table of each rater, with the same label
        same = table["label"][row] == table["label"][first] and not decisions[row] and "rater" in table
        if raters[row] or not same or _file(table, row) == _file(table, first):
            raise _repeated(table, row, first, raters[row], "labelled")


def _file(table, row):
    return table.where[row].rpartition(", line ")[0]


def _repeated(table, row, first, rater, done):
    if rater:
        text = f"{rater} has {done} {table['path'][row]} already ({table.where[first]}): keep one of them."
    else:
        several = ", or fill the column rater" if "rater" in table else ""
        text = f"{table['path'][row]} is the same song as in {table.where[first]}: list each song once{several}."
    return ValueError(f"{table.where[row]}: {text}")


def mean_ratings(table, values, songs):
    """Return the mean ratings of each song, NaN where a target has none, and sentences on how they were found.

    They are the mean of the people's ratings, each of which is the person's mean over time.
    """
    raters = [cell.strip() for cell in _column(table, "rater")]
    means = np.full((len(songs), values.shape[1]), np.nan)
    several_times = False
    for i, rows in enumerate(songs):
        by_rater: dict[str, list] = {}
        for row in rows:
            by_rater.setdefault(raters[row], []).append(row)
        for rater, own in by_rater.items():
            if len(own) > 1:
                _times(table, own, rater)
                several_times = True
        means[i] = _mean(np.array([_mean(values[own]) for own in by_rater.values()]))
    over = "over time, and then " if several_times else ""
    remarks = _describe_people(raters, f"The ratings of a song are means {over}over {{}}.")
    if several_times and not remarks:
        remarks = ["The ratings of a song are means over time."]
    missing = np.isnan(means)
    some = [str(table["path"][songs[i][0]]) for i in np.flatnonzero(missing.any(axis=1) & ~missing.all(axis=1))]
    if some:
        are = count(len(some), "song is", "songs are")
        remarks.append(f"{are} left out, because nobody has rated all targets: {format_names(some, most=5)}.")
    return means, remarks


def ratings_over_time(table, values, songs):
    """Return the `DynamicRatings` of each song, with the ratings of each person.

    A rating at a time is that of the stretch that ends there, as in published collections.
    """
    raters = [cell.strip() for cell in _column(table, "rater")]
    curves = []
    for rows in songs:
        by_rater: dict[str, dict] = {}
        of_rater: dict[str, list] = {}
        for row in rows:
            of_rater.setdefault(raters[row], []).append(row)
        for rater, own in of_rater.items():
            by_rater[rater] = dict(zip(_times(table, own, rater), values[own], strict=True))
        curves.append(list(by_rater.values()))
    ends = [np.array(sorted(set().union(*people)), dtype=float) for people in curves]
    steps = np.concatenate([np.diff(own) for own in ends])
    step = np.median(steps) if len(steps) else _USUAL_STEP
    return [_dynamic(own, people, step, values.shape[1]) for own, people in zip(ends, curves, strict=True)]


def _dynamic(ends, people, step, n_targets):
    nothing = np.full(n_targets, np.nan)
    listeners = np.array([[curve.get(time, nothing) for time in ends] for curve in people])
    starts = ends - step
    # where ratings are closer than usual, a stretch begins at the one before
    starts[1:] = np.maximum(starts[1:], ends[:-1])
    spread = np.ma.masked_invalid(listeners)
    deviation = spread.std(axis=0, ddof=1).filled(np.nan) if len(people) > 1 else np.full(listeners.shape[1:], np.nan)
    return DynamicRatings(starts / 1000, ends / 1000, _mean(listeners), deviation, len(people), listeners)


def _times(table, rows, rater):
    """Return the times of a person's ratings of a song in milliseconds; raise ValueError if one is there twice."""
    if "time" not in table:
        raise _repeated(table, rows[1], rows[0], rater, "rated")
    first: dict[int, int] = {}
    for row in rows:
        time = round(1000 * read_cell(number, "time", str(table["time"][row]), table.where[row]))
        if time in first:
            who = f"{rater} has rated" if rater else "there is a rating of"
            raise ValueError(
                f"{table.where[row]}: {who} {table['path'][row]} at this time already ({table.where[first[time]]}): "
                "keep one of them."
            )
        first[time] = row
    return list(first)


def _mean(values):
    """Return means over the first axis of the values that are known, NaN where none is."""
    known = np.isfinite(values)
    n = known.sum(axis=0)
    return np.divide(np.where(known, values, 0).sum(axis=0), n, out=np.full(n.shape, np.nan), where=n > 0)


def _column(table, name):
    return table[name].tolist() if name in table else [""] * len(table.where)


def _describe_people(raters, sentence):
    people = sorted({rater for rater in raters if rater})
    return [sentence.format(f"{len(people)} people ({format_names(people, most=5)})")] if len(people) > 1 else []
