"""Tables of annotations on a command line: single ratings, means with deviations, or votes for classes."""

import operator
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmer._io import format_names
from skmer.cli._annotation_table import AnnotationTable, divided
from skmer.cli._common import CommandError
from skmer.datasets._tables import is_missing
from skmer.metrics import RaterAgreement, attainable_accuracy

__all__ = ["FORMS", "read_annotations"]

FORMS = ("ratings", "means", "votes")
_THINGS = ("song", "music", "track", "clip", "piece", "item", "file")
_SONGS = (*(name for thing in _THINGS for name in (thing, f"{thing}_id", f"{thing}id")), "filename", "path", "id")
_PEOPLE = ("rater", "annotator", "listener", "participant", "worker", "subject", "user")
_RATERS = tuple(name for person in _PEOPLE for name in (person, f"{person}_id", f"{person}id"))
_COUNTS = ("n", *(f"{much}{person}s" for much in ("n_", "") for person in (*_PEOPLE, "rating", "vote")), "count")
_OPTIONS = {
    "rater": ("ratings",),
    "repeated": ("ratings",),
    "level": ("ratings",),
    "mean": ("means",),
    "std": ("means",),
    "ddof": ("means",),
    "n": ("means", "votes"),
}
_MEAN, _DEVIATION = "mean|avg|average", "std|sd|stdev|deviation"


@dataclass
class Target:
    """What one row of the result is about; `accuracy` is the result of `attainable_accuracy`."""

    name: str
    level: str
    n_raters: np.ndarray
    agreement: RaterAgreement | None = None
    accuracy: dict | None = None


@dataclass
class Annotations:
    """The targets of a table, and phrases on how it was read."""

    form: str
    targets: list
    taken: str
    ignored: list


def read_annotations(arguments):
    """Read the tables that the arguments of ``skmer agreement`` name."""
    cells = AnnotationTable(arguments.annotations)
    rater = cells.check([arguments.rater], "--rater")[0] if arguments.rater else cells.first(_RATERS)
    form = arguments.form or _detect(cells, arguments, rater)
    for option, forms in _OPTIONS.items():
        if getattr(arguments, option) is not None and form not in forms:
            raise CommandError(
                f"--{option} is for {' and '.join(forms)}, but {cells.path} is read as {form}: leave it out, or pass "
                f"--form {forms[0]}."
            )
    if form == "ratings" and rater is None:
        raise CommandError(f"{cells.path} has no column of raters: name it with --rater; its header is {cells.titles}.")
    of_page = cells.of_page() if form == "ratings" else None
    if arguments.song:
        song = cells.check(arguments.song, "--song")
    elif of_page:
        song = of_page[0][: 1 if arguments.repeated else None]
    else:
        song = [cells.first(_SONGS) or next((title for title in cells.titles if title != rater), cells.titles[0])]
    return {"ratings": _read_ratings, "means": _read_means, "votes": _read_votes}[form](cells, arguments, song, rater)


def _detect(cells, arguments, rater):
    if rater is not None:
        return "ratings"
    if arguments.mean or arguments.std:
        return "means"
    means, deviations = _by_target(cells, _MEAN), _by_target(cells, _DEVIATION)
    if set(means) & set(deviations):
        return "means"
    if means:
        raise CommandError(
            f"{cells.path} has means ({', '.join(means.values())}), but no standard deviations: how far raters agree "
            "cannot be told from means alone. Name the columns with --mean and --std, or use the single ratings."
        )
    return "votes"


def _by_target(cells, kind):
    """Return the columns such as valence_mean, mean_valence and Valence(mean), by the name of the target."""
    found = {}
    for title in cells.titles:
        match = re.fullmatch(rf"(?i)(?:{kind})[ _.](.+)|(.+?)[ _.]?(?:\((?:{kind})\)|(?<=[ _.])(?:{kind}))", title)
        if match:
            found[(match[1] or match[2]).strip(" _.").casefold()] = title
    return found


# Single ratings


def _read_ratings(cells, arguments, song, rater):
    n_rows = len(cells)
    if cells.of_page():
        cells = cells.answered()
        if not len(cells):
            raise CommandError(f"{cells.path}: nobody has decided on any of these songs.")
    songs = cells.songs(song)
    raters = cells.columns[rater]
    # on a page somebody may be called NA, which programs write for an empty cell
    of_page = cells.of_page()
    is_nobody = operator.not_ if of_page else is_missing
    missing = next((row for row, cell in enumerate(raters) if is_nobody(cell)), None)
    if missing is not None:
        raise cells.error(missing, f"{rater} is missing; it names the rater.")
    groups = _group_rows(cells, songs, raters, arguments.repeated, song, rater)
    wanted = cells.check(arguments.columns or [], "--columns")
    targets, ignored = [], []
    # the other columns of a page are ratings, or none, whatever is in them
    used = {*song, rater, *(of_page[0] + of_page[1] if of_page else [])}
    for name in wanted or [title for title in cells.titles if title not in used]:
        level = arguments.level or ("interval" if cells.is_numeric(name) else "nominal")
        units, values = _read_values(cells, name, level, songs, groups)
        reason = "empty" if of_page and not len(values) else None if of_page else _not_a_rating(units, values, level)
        if not wanted and reason:
            ignored.append(f"{name} ({reason})")
        else:
            targets.append(_rated(cells, name, level, units, values))
    if not targets:
        raise CommandError(
            f"{cells.path} has no column of ratings beside {', '.join([*song, rater])}: name them with --columns. "
            f"Ignored: {', '.join(ignored) or 'none'}."
        )
    ignored += cells.undecided() if of_page else []
    ignored += [f"{n_rows - len(cells):,} that nobody has decided on"] * (len(cells) < n_rows)
    names = ", ".join(target.name for target in targets)
    return Annotations("ratings", targets, _taken(f"ratings of {names}", song, f"the rater in {rater}"), ignored)


def _group_rows(cells, songs, raters, repeated, song, rater):
    """Return a number for the song and the rater of each row; only with ``--repeated mean`` it may occur twice."""
    first: dict[tuple, int] = {}
    groups = np.empty(len(songs), dtype=int)
    for row, key in enumerate(zip(songs.tolist(), raters, strict=True)):
        groups[row] = first.setdefault(key, row)
        if groups[row] != row and not repeated:
            what = ", ".join(f"{name} {cells.columns[name][row]}" for name in song)
            raise cells.error(
                row,
                f"{rater} {raters[row]} has rated {what} already, on {cells.line(groups[row], row)}. "
                f"{divided(song)} To take the mean of each rater, pass --repeated mean.",
            )
    return groups


def _read_values(cells, name, level, songs, groups):
    """Return the songs and values of a column, numbers or objects, with one value for each song and rater."""
    if level != "nominal":
        numbers = cells.numbers(name)
        present = ~np.isnan(numbers)
        own, place = np.unique(groups[present], return_inverse=True)
        return songs[own], np.bincount(place, numbers[present]) / np.maximum(np.bincount(place), 1)
    present = np.array([not is_missing(cell) for cell in cells.columns[name]])
    if len(np.unique(groups[present])) < present.sum():
        raise CommandError(f"--repeated mean is for numbers, but {name} has classes: leave it out of --columns.")
    return songs[present], np.array(cells.columns[name], dtype=object)[present]


def _not_a_rating(units, values, level):
    """Return why a column is no rating, or None."""
    if not len(values):
        return "empty"
    if level == "nominal" and len(set(values)) == len(values) > 1:
        return "another text in each row"
    first: dict[int, Any] = {}
    if all(first.setdefault(unit, value) == value for unit, value in zip(units.tolist(), values, strict=True)):
        return "the same for every rater of a song"
    return None


def _rated(cells, name, level, units, values):
    if len(np.unique(units)) < 2:
        raise CommandError(f"{cells.path}: {name} has ratings of fewer than two songs.")
    try:
        agreement = RaterAgreement.from_ratings(_stack(units, values), level)
    except ValueError as error:
        raise CommandError(f"{cells.path}: {name}: {error}") from error
    accuracy = attainable_accuracy(agreement.means, agreement.n_raters, random_state=0) if level == "nominal" else None
    return Target(name, level, agreement.n_raters, agreement, accuracy)


def _stack(units, values):
    """Return ratings of shape (most raters of a song, n_songs): nothing depends on who rated."""
    _, units = np.unique(units, return_inverse=True)
    order = np.argsort(units, kind="stable")
    counts = np.bincount(units)
    place = np.arange(len(units)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((counts.max(), len(counts)), None, dtype=object)
    table[place, units[order]] = values[order]
    return table


# Means with deviations


def _read_means(cells, arguments, song, rater):
    cells.check_one_row(song)
    by_mean, by_deviation = _by_target(cells, _MEAN), _by_target(cells, _DEVIATION)
    if arguments.mean or arguments.std:
        if arguments.columns:
            raise CommandError("--columns and --mean both name the targets: leave --columns out.")
        means, deviations = (cells.check(getattr(arguments, name) or [], f"--{name}") for name in ("mean", "std"))
        if len(means) != len(deviations):
            raise CommandError(
                f"--mean names {len(means)} columns and --std {len(deviations)}: give a pair per target."
            )
        names = {title: target for target, title in by_mean.items()}
        pairs = {names.get(mean, mean): (mean, deviation) for mean, deviation in zip(means, deviations, strict=True)}
    else:
        pairs = {name: (by_mean[name], by_deviation[name]) for name in by_mean if name in by_deviation}
        wanted = [name.casefold() for name in arguments.columns or pairs]
        if unknown := [name for name in wanted if name not in pairs]:
            raise CommandError(f"--columns {','.join(unknown)}: {cells.path} has no mean and deviation of it.")
        pairs = {name: pairs[name] for name in wanted}
    if not pairs:
        raise CommandError(
            f"{cells.path} has no pair of columns such as valence_mean and valence_std: see --mean, --std."
        )
    targets, used = [], [*song]
    for name, (mean, deviation) in pairs.items():
        counts, count_name = _read_counts(cells, arguments, name)
        if counts is None:
            raise _no_counts(cells)
        targets.append(_summarised(cells, name, mean, deviation, counts, count_name, arguments.ddof))
        used += [mean, deviation, count_name]
    taken = _taken(f"means and deviations of {', '.join(pairs)}", song, _describe_count(cells, used[-1]))
    return Annotations("means", targets, taken, [title for title in cells.titles if title not in used])


def _summarised(cells, name, mean, deviation, counts, count_name, ddof):
    means, deviations = cells.numbers(mean), cells.numbers(deviation)
    rated = ~np.isnan(means)
    for row in np.flatnonzero(rated):
        if not counts[row] >= 1:
            raise cells.error(row, f"{count_name} must be at least 1 where {mean} is given.")
        if counts[row] > 1 and not deviations[row] >= 0:
            raise cells.error(
                row, f"{deviation} must be a number of at least 0, got {cells.columns[deviation][row]!r}."
            )
    if rated.sum() < 2:
        raise CommandError(f"{cells.path}: {mean} has fewer than two songs.")
    means, deviations, counts = means[rated], deviations[rated], counts[rated]
    if ddof == 0:
        deviations = deviations * np.sqrt(counts / np.maximum(counts - 1, 1))
    try:
        return Target(name, "interval", counts, RaterAgreement.from_moments(means, deviations, counts))
    except ValueError as error:
        raise CommandError(f"{cells.path}: {name}: {error}") from error


def _read_counts(cells, arguments, target=None):
    """Return the number of raters of each row, and its column or the number itself; None if there is none."""
    if arguments.n is not None and arguments.n not in cells.titles and arguments.n.isdecimal():
        if int(arguments.n) < 1:
            raise CommandError(f"--n {arguments.n}: the number of raters must be at least 1.")
        return np.full(len(cells), float(arguments.n)), arguments.n
    if arguments.n is not None:
        [name] = cells.check([arguments.n], "--n")
    else:
        own = () if target is None else (f"{target}_n", f"n_{target}", f"{target}_count", f"{target}(n)")
        name = cells.first((*own, *_COUNTS))
    return (None, None) if name is None else (cells.numbers(name), name)


def _no_counts(cells):
    return CommandError(
        f"{cells.path} has no column with the number of raters, such as n or n_raters; its header is {cells.titles}. "
        "Name it, or give the number: --n COLUMN or --n 10."
    )


def _describe_count(cells, name):
    return f"the number of raters {'in' if name in cells.titles else 'is'} {name}"


def _taken(what, song, other):
    return f"{what}; the song is in {' and '.join(song)}, {other}"


# Votes for classes


def _read_votes(cells, arguments, song, rater):
    cells.check_one_row(song)
    counts, count_name = _read_counts(cells, arguments)
    if arguments.columns:
        names = cells.check(arguments.columns, "--columns")
    else:
        names = _vote_columns(cells, [*song, count_name], counts)
    if len(names) < 2:
        raise CommandError(
            f"{cells.path} has neither a column of raters, nor pairs of means and deviations, nor two columns of votes "
            f"for classes; its header is {cells.titles}. Name the columns with the options of skmer agreement -h."
        )
    table = np.column_stack([cells.numbers(name, needed=True) for name in names])
    shares, counts = _to_shares(cells, table, counts, count_name, names)
    exclusive = bool((abs(shares.sum(axis=1) - 1) <= 0.01).all())
    if exclusive:
        shares = shares / shares.sum(axis=1, keepdims=True)
    if (counts < 2).all():
        raise CommandError(f"{cells.path}: no song has two raters.")
    accuracy = attainable_accuracy(shares, counts, exclusive=exclusive, random_state=0)
    together = RaterAgreement.from_counts(shares * counts[:, None]) if exclusive else None
    targets = [Target("(most frequent class)", "nominal", counts, together, accuracy)]
    for name, share in zip(names, shares.T, strict=True):
        deviations = np.sqrt(share * (1 - share) * counts / np.maximum(counts - 1, 1))
        targets.append(Target(name, "nominal", counts, RaterAgreement.from_moments(share, deviations, counts)))
    number = "the number of raters is their sum" if count_name is None else _describe_count(cells, count_name)
    kind = "one vote per rater" if exclusive else "a rater can vote for several classes or none"
    taken = _taken(f"votes for {format_names(names)} ({kind})", song, number)
    return Annotations("votes", targets, taken, [t for t in cells.titles if t not in (*song, count_name, *names)])


def _vote_columns(cells, used, counts):
    """Return the columns of shares, or without any those of counts; missing cells are found later."""
    numeric = {t: cells.numbers(t) for t in cells.titles if t not in used and cells.all_numbers(t)}
    most = np.inf if counts is None else counts
    shares, whole = [], []
    for title, column in numeric.items():
        present = ~np.isnan(column)
        if present.any() and (column[present] % 1).any():
            shares += [title] * bool(column[present].min() >= 0 and column[present].max() <= 1)
        elif present.any() and not ((column < 0) | (column > most)).any():
            whole.append(title)
    return shares or whole


def _to_shares(cells, table, counts, count_name, names):
    """Return the shares of the raters who voted for each class, and the number of raters as whole numbers."""
    if counts is None:
        if (table % 1).any():
            raise _no_counts(cells)
        if table.max() <= 1:
            raise CommandError(
                f"{cells.path} has only 0 and 1 for {format_names(names)}: one decision per song does not tell how far "
                "raters agree. Name other columns with --columns, or give the number of raters with --n."
            )
        counts = table.sum(axis=1)
        count_name = "the sum of the votes"
    for row in np.flatnonzero(~(counts >= 1) | (counts % 1 != 0)):
        raise cells.error(row, f"{count_name} must be a whole number of at least 1.")
    most = 1 if (table % 1).any() or table.max() <= 1 else None
    limits = np.full(len(table), most) if most else counts
    for row, column in np.argwhere((table < 0) | (table > limits[:, None])):
        limit = "1, as a share" if most else f"{count_name}, {limits[row]:g}"
        raise cells.error(row, f"{names[column]} must be from 0 to {limit}, got {cells.columns[names[column]][row]!r}.")
    return table if most else table / counts[:, None], counts.astype(int)
