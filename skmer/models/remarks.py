"""collect_remarks: what is warned of during a fit, in this process and in joblib's workers, as plain sentences."""

import warnings
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib

__all__ = ["collect_remarks"]


@contextmanager
def collect_remarks():
    """Give a list that has, after the block, each warning once, in order of the alphabet.

    The order in which workers warn is not the same twice, and the remarks must not tell how many there were.
    """
    remarks: list[str] = []
    with TemporaryDirectory(prefix="skmer-remarks-", ignore_cleanup_errors=True) as folder:
        workers = joblib.parallel_config(backend="loky", initializer=_write_down, initargs=(folder,))
        with warnings.catch_warnings(record=True) as caught, workers:
            warnings.simplefilter("default", UserWarning)
            yield remarks
        told = {_in_a_line(warning.message) for warning in caught}
        for file in Path(folder).glob("*"):
            told.add(file.read_text(encoding="utf-8"))
    remarks.extend(sorted(told))


def _write_down(folder):
    """Have a worker write what it warns of into files, in place of standard error."""
    warnings.simplefilter("default", UserWarning)

    def write(message, category, filename, lineno, file=None, line=None):
        text = _in_a_line(message)
        (Path(folder) / joblib.hash(text)).write_text(text, encoding="utf-8")

    warnings.showwarning = write


def _in_a_line(message):
    return " ".join(str(message).split())
