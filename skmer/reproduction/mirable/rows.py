"""The rows of the tables: what each hears, and which others it needs."""

from dataclasses import dataclass

__all__ = ["ROWS", "Row", "check_rows", "with_needed"]


@dataclass(frozen=True)
class Row:
    """A system of the tables.

    Parameters
    ----------
    kind : {"dummy", "linear", "baseline", "network", "student", "ensemble"}
        How it learns.
    length : {"long", "short"} or None
        Its input: the beginning of each song, or all of the song in short chunks.
    hpcp : bool, default=False
        Whether pitch class profiles stand beside the spectrogram.
    needs : tuple of str, default=()
        Rows that must be there before: a student's teacher, an ensemble's members.
    cost : float, default=0.0
        Rough work, for the time left.

    Examples
    --------
    >>> from skmer.reproduction.mirable import ROWS
    >>> ROWS["long-hpcp-noisy"].needs
    ('long-hpcp',)
    """

    kind: str
    length: str | None = None
    hpcp: bool = False
    needs: tuple[str, ...] = ()
    cost: float = 0.0

    @property
    def seeded(self):
        """Whether a seed has a say in it."""
        return self.kind not in ("dummy", "linear")


ROWS = {
    "dummy": Row("dummy"),
    "logistic-regression": Row("linear", "short", cost=0.05),
    "baseline": Row("baseline", "long", cost=0.7),
    "long-normal": Row("network", "long", cost=0.7),
    "long-hpcp": Row("network", "long", hpcp=True, cost=1.0),
    "long-hpcp-noisy": Row("student", "long", hpcp=True, needs=("long-hpcp",), cost=2.0),
    "short-normal": Row("network", "short", cost=0.7),
    "short-hpcp": Row("network", "short", hpcp=True, cost=1.0),
    "short-hpcp-noisy": Row("student", "short", hpcp=True, needs=("short-hpcp",), cost=2.0),
    "ensemble": Row("ensemble", needs=("short-normal", "long-hpcp-noisy")),
}


def check_rows(names):
    """Refuse names that no row has.

    Parameters
    ----------
    names : list of str or None
        What was asked for; None is all.

    Returns
    -------
    list of str
        In the order of the tables.

    Raises
    ------
    ValueError
        If a name is unknown, or there is none.

    Examples
    --------
    >>> from skmer.reproduction.mirable.rows import check_rows
    >>> check_rows(["ensemble", "baseline"])
    ['baseline', 'ensemble']
    """
    if names is None:
        return list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown or not names:
        raise ValueError(f"rows must be some of {', '.join(ROWS)}; got {', '.join(names) or 'none'}.")
    return [name for name in ROWS if name in names]


def with_needed(names):
    """Add to rows those that they need.

    Parameters
    ----------
    names : list of str
        Of `ROWS`.

    Returns
    -------
    list of str
        In the order of the tables, in which no row stands before one that it needs.

    Examples
    --------
    >>> from skmer.reproduction.mirable.rows import with_needed
    >>> with_needed(["ensemble"])
    ['long-hpcp', 'long-hpcp-noisy', 'short-normal', 'ensemble']
    """
    wanted = set(names)
    while more := {need for name in wanted for need in ROWS[name].needs} - wanted:
        wanted |= more
    return [name for name in ROWS if name in wanted]
