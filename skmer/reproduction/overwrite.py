"""Check that a table is not replaced by one with other settings, other songs or fewer rows."""

import hashlib
import json
from pathlib import Path

from skmer.model_selection._fits import song_keys
from skmer.reproduction.ratings.systems import RatingSettings
from skmer.reproduction.systems import EMBEDDING, STACK, Settings

__all__ = ["check_overwrite", "songs_digest"]

_FOLDS = ("stratified", "grouped")
# settings of a single row, and the beginning of the name of that row
_OF_ROWS = {"embedding": EMBEDDING, "stack": STACK}


def check_overwrite(path, new):
    """Raise ValueError if the table `new` must not replace the file at `path`.

    `new` may be a table without results; its rows are compared by name, task, fold and seed.
    """
    compare, shared = _COMPARISONS.get(new["table"], (_compare_experiments, "folds"))
    try:
        before = json.loads(Path(path).read_text(encoding="utf-8"))
        changed, missing = compare(before, json.loads(json.dumps(new)))
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a table of skmer reproduce ({error!r}). Move it away.") from error
    elsewhere = "choose another folder for the results (--out)"
    elsewhere += f" and share finished {shared} through --store." if shared else "."
    if changed:
        names = ", ".join(dict.fromkeys(changed))
        raise ValueError(f"{path} contains a table with other settings ({names}). To keep it, {elsewhere}")
    if missing:
        raise ValueError(
            f"{path} contains rows missing from the new table, such as {missing[0]}. Run them together, or {elsewhere}"
        )


def _compare_counts(before, new):
    changed = _other_songs(before, new)
    changed += [key for key in ("source", "max_duration") if before.get(key) != new[key]]
    return changed + ["durations"] * (not before["counts"].keys() <= new["counts"].keys()), []


def _compare_experiments(before, new):
    ignored = {"device", "duration"} if new["table"] == "table2" else {"device"}
    names = [row["name"] for experiment in before["experiments"].values() for row in experiment["rows"]]
    # a row that has settings of its own may be added
    ignored |= {key for key, row in _OF_ROWS.items() if not any(name.startswith(row) for name in names)}
    # a table of an earlier version lacks settings that could not be chosen then
    changed = _other_settings({**Settings().to_dict(), **before["settings"]}, new["settings"], ignored)
    for task, experiment in before["experiments"].items():
        had, has = experiment["protocol"], new["experiments"].get(task, experiment)["protocol"]
        changed += ["n_splits"] * (had["folds"] in _FOLDS and had["n_splits"] != has["n_splits"])
        changed += ["threshold"] * (had["threshold"] != has["threshold"])

    def rows(table):
        return [
            f"{row['name']!r} ({task}, seed {row['seed']})"
            for task, experiment in table["experiments"].items()
            for row in experiment["rows"]
        ]

    return changed + _other_songs(before, new), _lacking(rows(before), rows(new))


def _compare_taggers(before, new):
    changed = _other_settings(before["settings"], new["settings"], {"device"})
    changed += [key for key in ("songs", "tags") if before.get(key) != new[key]]
    counts = ("labelled", "unlabelled", "validation", "test")
    had, has = ({part["fold"]: [part[key] for key in counts] for part in t.get("parts", [])} for t in (before, new))
    changed += ["parts"] * any(had[fold] != has[fold] for fold in had.keys() & has.keys())

    def rows(table):
        return [
            f"{row['name']} (fold {row['fold']}" + (")" if row["seed"] is None else f", seed {row['seed']})")
            for row in table["rows"]
        ]

    return changed, _lacking(rows(before), rows(new))


def _compare_ratings(before, new):
    # listeners' delay is of ratings over time only
    ignored = {"device"} if before["over_time"] and new["over_time"] else {"device", "delay"}
    changed = _other_settings({**RatingSettings().to_dict(), **before["settings"]}, new["settings"], ignored)
    changed += ["n_splits"] * (before["protocol"]["n_folds"] != new["protocol"]["n_folds"])

    def rows(table):
        return [
            f"{row['name']!r} ({kind}fold {row['fold']}" + (")" if row["seed"] is None else f", seed {row['seed']})")
            for kind, part in (("", table), ("over time, ", table["over_time"] or {"rows": []}))
            for row in part["rows"]
        ]

    return changed + _other_songs(before, new), _lacking(rows(before), rows(new))


_COMPARISONS = {
    "table1": (_compare_counts, None),
    "mirable": (_compare_taggers, "rows"),
    "ratings": (_compare_ratings, "folds"),
}


def _other_settings(had, has, ignored):
    return [key for key in has if key not in ignored and (key not in had or had[key] != has[key])]


def _other_songs(before, new):
    # a table of an earlier version has no digest of its songs
    return ["songs"] * ("songs" in before and before["songs"] != new["songs"])


def _lacking(had, has):
    has = set(has)
    return [row for row in had if row not in has]


def songs_digest(paths):
    """Return a digest of the songs that does not depend on the folder of the collection."""
    return hashlib.sha256("\n".join(sorted(song_keys(paths))).encode()).hexdigest()[:16]
