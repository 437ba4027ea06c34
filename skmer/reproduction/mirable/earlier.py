"""The table that stands where a new one is to be written: none of other settings, and no longer one, is replaced."""

from skmer.reproduction.earlier import changed_settings, refuse_lack, refuse_other

__all__ = ["check_earlier", "check_longer"]

_COUNTS = ("fold", "labelled", "unlabelled", "validation", "test")


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
    refuse_other(path, changed_settings(before["settings"], settings.to_dict()), "rows")


def check_longer(path, before, planned):
    """Refuse, before any training, to shorten a table or to put one of other songs in its place.

    Parameters
    ----------
    path : Path
        The table's file.
    before : dict
        The earlier table.
    planned : dict
        What `MirablePlan.outline` gives of the new one.

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
    ValueError: t.json: this table has what the new one would lack, such as b (fold 0, seed 0). Run both together, ...
    """
    other = [key for key in ("songs", "tags") if before.get(key) != planned.get(key)]
    had, has = (
        {part["fold"]: [part[key] for key in _COUNTS] for part in t.get("parts", [])} for t in (before, planned)
    )
    other += ["parts"] * any(had[fold] != has[fold] for fold in had.keys() & has.keys())
    refuse_other(path, other, "rows")
    refuse_lack(path, _rows(before), _rows(planned), "rows")


def _rows(table):
    return [
        f"{row['name']} (fold {row['fold']}" + (")" if row["seed"] is None else f", seed {row['seed']})")
        for row in table["rows"]
    ]
