"""write_audit: the page and the tables of an audit."""

import os
from pathlib import Path

import numpy as np

from skmer._io import atomic_folder, audio_link, csv_writer, open_text
from skmer.audit.findings import find_oddities, findings

__all__ = ["write_audit"]

_PAGE, _SONGS, _COPIES = "index.html", "songs.csv", "copies.csv"
_SONG_COLUMNS = (
    "path", "label", "group", "recording", "duration", "sample_rate", "channels", "format", "level", "peak", "clipped",
    "silent", "error",
)  # fmt: skip
_COPY_COLUMNS = ("first", "second", "same_bytes", "bit_error_rate", "offset", "overlap", "labels", "groups")


def write_audit(audit, out, force=False):
    """Write an audit as a page and two tables.

    Parameters
    ----------
    audit : Audit
        Returned by `audit_songs`.
    out : str or path-like
        Folder, which is created: ``index.html``, ``songs.csv`` (a line for each song: facts and number of its
        recording) and ``copies.csv`` (a line for each pair of songs with the same recording).
    force : bool, default=False
        Replace the files of an earlier audit.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    OSError
        If the folder cannot be written, or contains other files.

    Examples
    --------
    >>> import os, tempfile
    >>> from skmer.audit import audit_songs, write_audit
    >>> from skmer.datasets import load_folder, make_songs, write_songs
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = write_songs(make_songs(4, duration=8, random_state=0), folder)
    ...     page = write_audit(audit_songs(load_folder(f"{folder}/songs")), f"{folder}/audit")
    ...     sorted(os.listdir(page.parent))
    ['copies.csv', 'index.html', 'songs.csv']
    """
    out = Path(out)
    check_audit_folder(out, force)
    with atomic_folder(out) as part:
        check_audit_folder(out, force)
        _write_songs(audit, part / _SONGS)
        _write_copies(audit, part / _COPIES)
        with open_text(part / _PAGE) as file:
            file.write(_render(audit, out))
    return out / _PAGE


def check_audit_folder(out, force):
    """Raise OSError if an audit cannot be written to a folder."""
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out}: this is a file. Name a folder.")
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    others = sorted(names - {_PAGE, _SONGS, _COPIES})
    if others:
        raise FileExistsError(
            f"{out}: this folder contains files that do not belong to an audit, such as {others[0]}. Name an empty or "
            "a new folder."
        )
    if names and not force:
        raise FileExistsError(f"{out}: an audit exists already. Name another folder, or replace it with --force.")
    parent = Path(os.path.realpath(out)).parent
    if not parent.is_dir():
        raise FileNotFoundError(f"{out}: the folder {parent} does not exist. Create it first.")


def _value(values, i):
    return "" if values is None else str(values[i])


def _write_songs(audit, path):
    with open_text(path) as file:
        writer = csv_writer(file)
        writer.writerow(_SONG_COLUMNS)
        for i, facts in enumerate(audit.facts):
            numbers = [facts.level, facts.peak, facts.clipped, facts.silent]
            writer.writerow(
                [
                    audit.names[i],
                    _value(audit.target, i),
                    _value(audit.groups, i),
                    int(audit.recordings[i]),
                    _number(facts.duration, 3),
                    facts.sample_rate,
                    facts.channels,
                    facts.format,
                    *(_number(number, digits) for number, digits in zip(numbers, (2, 2, 6, 4), strict=True)),
                    facts.error,
                ]
            )


def _number(value, digits):
    return None if value is None else f"{value:.{digits}f}"


def _write_copies(audit, path):
    with open_text(path) as file:
        writer = csv_writer(file)
        writer.writerow(_COPY_COLUMNS)
        for copy in audit.copies:
            same = ["same" if _value(values, copy.first) == _value(values, copy.second) else "different"
                    for values in (audit.target, audit.groups)]  # fmt: skip
            writer.writerow(
                [
                    audit.names[copy.first],
                    audit.names[copy.second],
                    int(copy.same_bytes),
                    _number(copy.bit_error_rate, 3),
                    _number(copy.offset, 1),
                    _number(copy.overlap, 1),
                    *same,
                ]
            )


# ---- page --------------------------------------------------------------------------------------------


def _render(audit, folder):
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("skmer.audit"), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip
    sets = [np.flatnonzero(audit.recordings == number).tolist() for number in _repeated(audit.recordings)]
    return environment.get_template("audit.html").render(
        audit=audit,
        findings=findings(audit),
        oddities=find_oddities(audit),
        copies=sorted(sets, key=lambda own: own not in audit.contradictions),
        pairs=audit.copies,
        classes=_by_class(audit),
        links=[audio_link(path, folder) for path in audit.paths],
    )


def _repeated(numbers):
    values, count = np.unique(numbers, return_counts=True)
    return values[count > 1]


def _by_class(audit):
    """Return for each class its size and the median and extremes of duration and level."""
    rows = []
    labels = np.array(["all"] * len(audit.names) if audit.target is None else list(map(str, audit.target)))
    for label in np.unique(labels):
        known = [audit.facts[i] for i in np.flatnonzero(labels == label) if audit.facts[i].error is None]
        rates = sorted({facts.sample_rate for facts in known if facts.sample_rate})
        formats = sorted({facts.format for facts in known if facts.format})
        row = {"label": label, "n": int((labels == label).sum()), "rates": rates, "formats": formats}
        for name in ("duration", "level"):
            values = [getattr(facts, name) for facts in known if np.isfinite(getattr(facts, name))]
            row[name] = np.percentile(values, [0, 50, 100]).tolist() if values else None
        rows.append(row)
    return rows
