"""csv_writer: a csv.writer for cells that may hold line breaks of any kind, such as names of files."""

import csv

__all__ = ["csv_writer"]


def csv_writer(stream):
    r"""Give a ``csv.writer`` whose rows end in ``\n``, with quotes around cells that hold ``\n`` or ``\r``.

    Before Python 3.13, a ``csv.writer`` quotes only those line breaks that its rows end in, and a bare ``\r`` splits
    the row for those that read it. `stream` is a text stream that translates no line breaks (``newline=""``).
    """
    return csv.writer(_UnixLines(stream), lineterminator="\r\n")


class _UnixLines:
    r"""Takes rows that end in ``\r\n``, and writes them with ``\n``."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, row):
        return self._stream.write(row.removesuffix("\r\n") + "\n")
