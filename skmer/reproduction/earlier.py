"""The table that stands where a new one is to be written: none of other settings, and no longer one, is replaced."""

import json
from pathlib import Path

from skmer.reproduction.comparisons import EMBEDDING, STACK
from skmer.reproduction.settings import Settings

__all__ = [
    "changed_settings",
    "check_counts",
    "check_rows",
    "check_settings",
    "read_earlier",
    "refuse_lack",
    "refuse_other",
]

_FOLDS = ("stratified", "grouped")
# settings of single rows, by how these begin
_OF_ROWS = {"embedding": EMBEDDING, "stack": STACK}


def changed_settings(had, settings, indifferent=("device",)):
    """Name the settings of a new table that an earlier one has otherwise.

    Parameters
    ----------
    had, settings : dict
        Of the earlier table, as it was read, and of the new one.
    indifferent : collection of str, default=("device",)
        Those that may differ.

    Returns
    -------
    list of str
        In their order.

    Examples
    --------
    >>> from skmer.reproduction.earlier import changed_settings
    >>> changed_settings({"epochs": 9, "stack": [1, 3]}, {"epochs": 5, "stack": (1, 3), "device": "cpu"})
    ['epochs']
    """
    now = json.loads(json.dumps(settings))
    return [key for key, value in now.items() if key not in indifferent and (key not in had or had[key] != value)]


def refuse_other(path, other, shared="folds"):
    """Refuse to put a table in the place of one of other settings.

    Parameters
    ----------
    path : str or Path
        The table's file.
    other : list of str
        What differs; nothing is refused if there is nothing.
    shared : str or None, default="folds"
        What of a table can be shared with others; None is nothing.

    Raises
    ------
    ValueError
        If something differs; the message names it.

    Examples
    --------
    >>> from skmer.reproduction.earlier import refuse_other
    >>> refuse_other("t.json", ["songs"], None)
    Traceback (most recent call last):
    ...
    ValueError: t.json: this table has other settings (songs). Name another folder for the results (--out).
    """
    if other:
        told = ", ".join(dict.fromkeys(other))
        raise ValueError(f"{path}: this table has other settings ({told}). Name {_elsewhere(shared)}")


def refuse_lack(path, had, has, shared="folds"):
    """Refuse to shorten a table.

    Parameters
    ----------
    path : str or Path
        The table's file.
    had, has : iterable of str
        What the rows of the earlier and of the new table are, in words.
    shared : str, default="folds"
        What of a table can be shared with others.

    Raises
    ------
    ValueError
        If the new table lacks something; the message names the first.

    Examples
    --------
    >>> from skmer.reproduction.earlier import refuse_lack
    >>> refuse_lack("t.json", ["SVM (fold 0)", "SVM (fold 1)"], ["SVM (fold 0)"])
    Traceback (most recent call last):
    ...
    ValueError: t.json: this table has what the new one would lack, such as SVM (fold 1). Run both together, or ...
    """
    has = set(has)
    for row in [row for row in had if row not in has][:1]:
        raise ValueError(
            f"{path}: this table has what the new one would lack, such as {row}. Run both together, or name "
            f"{_elsewhere(shared)}"
        )


def _elsewhere(shared):
    with_it = f", and share finished {shared} through --store" if shared else ""
    return f"another folder for the results (--out){with_it}."


def read_earlier(path, parts=("settings", "experiments")):
    """Read a table that was written before.

    Parameters
    ----------
    path : str or Path
        Its JSON file.
    parts : sequence of str, default=("settings", "experiments")
        What such a table holds.

    Returns
    -------
    dict or None
        None if there is no such file.

    Raises
    ------
    ValueError
        If the file is no table.

    Examples
    --------
    >>> from skmer.reproduction.earlier import read_earlier
    >>> read_earlier("no-such-folder/table3-pmemo-stratified.json") is None
    True
    """
    try:
        before = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path}: this is no table of skmer reproduce ({error}). Move it away.") from error
    found = [before.get(part) for part in parts] if isinstance(before, dict) else [None]
    experiments = before.get("experiments", {}).values() if all(isinstance(part, dict) for part in found) else [None]
    if not all(isinstance(e, dict) and "protocol" in e and "rows" in e for e in experiments):
        raise ValueError(f"{path}: this is no table of skmer reproduce. Move it away.")
    return before


def check_settings(path, before, settings, n_splits, threshold):
    """Refuse, before any work, to put a table of other settings in the place of one that took hours.

    Parameters
    ----------
    path : str or Path
        The table's file.
    before : dict
        What `read_earlier` gave.
    settings : Settings
        Of the new table. The device, what no row of the earlier table is touched by (a deep
        embedding, the stack) and, for a table of durations, the duration do not count.
    n_splits : int
        Folds of the new table; a published split has its own.
    threshold : str, float or None
        How its ratings become classes.

    Raises
    ------
    ValueError
        If something differs; the message names it.

    Examples
    --------
    >>> from skmer.reproduction import Settings
    >>> from skmer.reproduction.earlier import check_settings
    >>> before = {"table": "table3", "settings": Settings(epochs=9).to_dict(), "experiments": {}}
    >>> check_settings("t.json", before, Settings(), 10, None)
    Traceback (most recent call last):
    ...
    ValueError: t.json: this table has other settings (epochs). Name another folder for the results (--out), and ...
    """
    indifferent = {"device", "duration"} if before.get("table") == "table2" else {"device"}
    rows = [row["name"] for experiment in before["experiments"].values() for row in experiment["rows"]]
    # the new table may well have such a row: it grows by that
    indifferent |= {key for key, name in _OF_ROWS.items() if not any(row.startswith(name) for row in rows)}
    # a table of an earlier version lacks what there was no choice of
    had = {**Settings().to_dict(), **before["settings"]}
    other = changed_settings(had, settings.to_dict(), indifferent)
    for protocol in (experiment["protocol"] for experiment in before["experiments"].values()):
        other += ["n_splits"] * (protocol["folds"] in _FOLDS and protocol["n_splits"] != n_splits)
        other += ["threshold"] * (protocol["threshold"] != threshold)
    refuse_other(path, other)


def check_rows(path, before, table):
    """Refuse to shorten a table; what was trained for the new one is kept with the finished folds.

    Parameters
    ----------
    path : str or Path
        The table's file.
    before, table : dict
        What `read_earlier` and `run_table` gave.

    Raises
    ------
    ValueError
        If the new table is of other songs, or lacks a task, system or seed of the earlier one.

    Examples
    --------
    >>> from skmer.reproduction.earlier import check_rows
    >>> before, table = ({"experiments": {"label": {"rows": [{"name": n, "seed": 0} for n in x]}}} for x in ("ab", "a"))
    >>> check_rows("t.json", before, table)
    Traceback (most recent call last):
    ...
    ValueError: t.json: this table has what the new one would lack, such as 'b' (label, seed 0). Run both together, ...
    """
    refuse_other(path, _other_songs(before, table))
    refuse_lack(path, _rows(before), _rows(table))


def _rows(table):
    return [
        f"{row['name']!r} ({task}, seed {row['seed']})"
        for task, experiment in table["experiments"].items()
        for row in experiment["rows"]
    ]


def check_counts(path, before, table):
    """Refuse to put other counts in the place of those of an earlier Table 1.

    Parameters
    ----------
    path : str or Path
        The table's file.
    before, table : dict
        What `read_earlier` and `run_counts` gave.

    Raises
    ------
    ValueError
        If the songs, the source of the durations or the length that is used differ, or durations are lost.

    Examples
    --------
    >>> from skmer.reproduction.earlier import check_counts
    >>> before, table = ({"source": "", "max_duration": 30, "counts": dict.fromkeys(keys)} for keys in ("123", "12"))
    >>> check_counts("t.json", before, table)
    Traceback (most recent call last):
    ...
    ValueError: t.json: this table has other settings (durations). Name another folder for the results (--out).
    """
    other = _other_songs(before, table)
    other += [key for key in ("source", "max_duration") if before.get(key) != table[key]]
    # counts have no folds to share
    lost = ["durations"] * (not before["counts"].keys() <= table["counts"].keys())
    refuse_other(path, other + lost, None)


def _other_songs(before, table):
    # a table of an earlier version does not know its songs
    return ["songs"] * ("songs" in before and before["songs"] != table.get("songs"))
