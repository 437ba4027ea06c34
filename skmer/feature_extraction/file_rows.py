"""FileRows: rows of an array in a file, which is opened only when they are accessed."""

from pathlib import Path

import numpy as np

from skmer.songs import open_array

__all__ = ["FileRows", "fit_rows"]


def fit_rows(array, n_rows, fill=None):
    """Fit an array to a number of rows: cut it, repeat it, or append a constant row.

    Parameters
    ----------
    array : ndarray of shape (n, ...)
        At least one row.
    n_rows : int
        Number of rows of the result. Fewer than n are the first ones, as a view.
    fill : ndarray of shape (...), default=None
        Row that is appended where n is less. None repeats the array.

    Returns
    -------
    ndarray of shape (n_rows, ...)
        The rows, of the same type.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.feature_extraction import fit_rows
    >>> song = np.array([[1], [2], [3]])
    >>> fit_rows(song, 5).ravel(), fit_rows(song, 5, fill=[0]).ravel(), fit_rows(song, 2).ravel()
    (array([1, 2, 3, 1, 2]), array([1, 2, 3, 0, 0]), array([1, 2]))
    """
    missing = n_rows - len(array)
    if missing <= 0:
        return array[:n_rows]
    if fill is None:
        return np.asarray(array)[np.arange(n_rows) % len(array)]
    rest = np.broadcast_to(np.asarray(fill, dtype=array.dtype), (missing, *array.shape[1:]))
    return np.concatenate([array, rest])


class FileRows:
    """Rows of a ``.npy`` file, as one item of a `SongSequence`.

    The header is read at construction, the rows whenever the song is accessed, so that a
    collection larger than memory needs no open files.

    Parameters
    ----------
    path : str or Path
        A file with an array of shape (n, ...).
    n_rows : int, default=None
        Number of rows; None is n. See `fit_rows`.
    fill : ndarray of shape (...), default=None
        Value of rows beyond those of the file; None repeats the file's rows.
    n_columns : int, default=None
        Number of values of each row, from the first on; None is all.

    Attributes
    ----------
    path : Path
        As given.
    shape : tuple of int
        ``(n_rows, ...)``.
    ndim : int
        Number of dimensions.
    dtype : dtype
        Type of the values.

    Raises
    ------
    ValueError
        If the file is not a complete array of numbers with two or more dimensions and at
        least one row.
    FileNotFoundError
        If the file does not exist, at construction or when the song is accessed.

    See Also
    --------
    skmer.TaggingTransformer : Returns such items with `store`.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from skmer.feature_extraction import FileRows
    >>> from skmer.songs import SongSequence
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(folder + "/song.npy", np.zeros((100, 2)))
    ...     item = FileRows(folder + "/song.npy", n_rows=60)
    ...     SongSequence([item], window=(30, 30))[0].shape
    (2, 2, 30)
    """

    def __init__(self, path, n_rows=None, fill=None, n_columns=None):
        self.path = Path(path)
        array = open_array(self.path)
        if array.ndim < 2 or len(array) < 1 or array.dtype.kind not in "biuf":
            raise ValueError(
                f"{path}: expected an array of real numbers of shape (n, ...) with n of at least 1, "
                f"got shape {array.shape} and dtype {array.dtype}."
            )
        self.n_columns = n_columns
        array = array[:, :n_columns]
        self.n_rows = len(array) if n_rows is None else int(n_rows)
        self.fill = fill
        self.shape = (self.n_rows, *array.shape[1:])
        self.ndim, self.dtype = array.ndim, array.dtype

    def open(self):
        """Open the file.

        Returns
        -------
        ndarray of shape (n_rows, ...)
            Memory-mapped where the file has that many rows.
        """
        return fit_rows(open_array(self.path)[:, : self.n_columns], self.n_rows, self.fill)

    def __repr__(self):
        return f"FileRows({str(self.path)!r}, n_rows={self.n_rows})"
