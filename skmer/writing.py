"""Writing for people: Markdown tables, names in a line, and text files that are whole or not there."""

import os
from pathlib import Path

__all__ = ["markdown_table", "name_some", "write_whole"]


def name_some(names, most=12):
    """Write names with commas between, as many as a line should have, and how many more there are.

    Parameters
    ----------
    names : sequence
        Of anything that has a text.
    most : int, default=12
        How many are written.

    Returns
    -------
    str
        Without a full stop.

    Examples
    --------
    >>> from skmer.writing import name_some
    >>> name_some(["calm", "dark", "epic"], most=2)
    'calm, dark and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more


def markdown_table(header, rows):
    """Write rows as a Markdown table that also reads as plain text.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    rows : sequence of sequence
        Cells; the first column is left-aligned, the others right.

    Returns
    -------
    str
        Without a newline at the end.

    Examples
    --------
    >>> from skmer.writing import markdown_table
    >>> print(markdown_table(["system", "accuracy"], [["SVM", "50.0"]]))
    | system | accuracy |
    |--------|---------:|
    | SVM    |     50.0 |
    """
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row):
        first, *others = zip(row, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([line(cells[0]), rule, *map(line, cells[1:])])


def write_whole(path, text):
    """Write a text file whole or not at all.

    Parameters
    ----------
    path : str or Path
        Its folder is made where it is missing; a file that is there is replaced.
    text : str
        Written in UTF-8.

    Returns
    -------
    Path
        The file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from skmer.writing import write_whole
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(pathlib.Path(folder) / "a" / "b.txt", "whole").read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path
