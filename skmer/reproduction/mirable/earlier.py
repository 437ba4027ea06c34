"""The table that stands where a new one is to be written: none of other settings, and no longer one, is replaced."""

import json

__all__ = ["check_earlier", "check_longer"]

_ELSEWHERE = "Name another folder for the results (--out), and share finished rows through --store."


def check_earlier(path, before, settings):
    """Refuse, before any work, to put a table of other settings in the place of one that took hours.

    Parameters
    ----------
    path : Path
        The table's file.
    before : dict
        What `skmer.reproduction.earlier.read_earlier` gave.
    settings : MirableSettings
        Of the new table; the device does not count.

    Raises
    ------
    ValueError
        If something differs; the message names it.

    Examples
    --------
    >>> from skmer.reproduction.mirable import MirableSettings
    >>> from skmer.reproduction.mirable.earlier import check_earlier
    >>> check_earlier("t.json", {"settings": MirableSettings(epochs=9).to_dict()}, MirableSettings())
    Traceback (most recent call last):
    ...
    ValueError: t.json: this table has other settings (epochs). Name another folder for the results (--out), and ...
    """
    now = json.loads(json.dumps(settings.to_dict()))
    other = [key for key, value in now.items() if key != "device" and before["settings"].get(key) != value]
    if other:
        raise ValueError(f"{path}: this table has other settings ({', '.join(other)}). {_ELSEWHERE}")


def check_longer(path, before, table):
    """Refuse to shorten a table; what was trained for the new one is kept with the finished rows.

    Parameters
    ----------
    path : Path
        The table's file.
    before, table : dict
        The earlier and the new table.

    Raises
    ------
    ValueError
        If the new table is of other songs or parts, or lacks a row of the earlier one.

    Examples
    --------
    >>> from skmer.reproduction.mirable.earlier import check_longer
    >>> tables = ({"rows": [{"name": name, "fold": 0, "seed": 0} for name in names]} for names in (["a", "b"], ["a"]))
    >>> check_longer("t.json", *tables)
    Traceback (most recent call last):
    ...
    ValueError: t.json: this table has what the new one would lack, such as b (fold 0, seed 0). Name another folder ...
    """
    other = [key for key in ("songs", "tags") if before.get(key) != table.get(key)]
    counts = ("fold", "labelled", "unlabelled", "validation", "test")
    had, has = ({part["fold"]: [part[key] for key in counts] for part in t.get("parts", [])} for t in (before, table))
    other += ["parts"] * any(had[fold] != has[fold] for fold in had.keys() & has.keys())
    if other:
        raise ValueError(f"{path}: this table is of other {' and '.join(other)}. {_ELSEWHERE}")
    old, new = ([(row["name"], row["fold"], row["seed"]) for row in t["rows"]] for t in (before, table))
    for name, fold, seed in old:
        if (name, fold, seed) not in new:
            raise ValueError(
                f"{path}: this table has what the new one would lack, such as {name} (fold {fold}, seed {seed}). "
                f"{_ELSEWHERE}"
            )
