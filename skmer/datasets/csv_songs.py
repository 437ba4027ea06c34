"""load_csv: one's own songs, named with their labels in a table."""

import os
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import check_filled, read_table

__all__ = ["load_csv"]

LAYOUT = "load_csv expects a CSV file whose first line is path,label or path,label,group."
DESCR = """Songs from a table
{n_songs} songs of {n_classes} classes, as {path} names them. {groups}
Licence and source: those of your songs."""


def load_csv(path, data_home=None, check_audio=True):
    """Load one's own songs from a CSV file that names each with its label.

    The file begins with a header that names the columns ``path``, ``label`` and, if songs belong
    together, as those of an artist do, ``group``, in any order; other columns are not read.

    Parameters
    ----------
    path : str or path-like
        The CSV file, in UTF-8.
    data_home : str or path-like, default=None
        The folder that the paths of the songs start from; ``None`` is the folder of the CSV file.
        An absolute path stands for itself.
    check_audio : bool, default=True
        Whether every song must have its audio file. Files that the table does not name are
        never an error: it need not name all songs of a folder.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of the file.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,)
            The label of each song, a string even if it is a number: labels are classes.
        groups : ndarray of shape (n_songs,)
            The group of each song; without a column ``group`` its path, as each song is then a
            group of its own.
        target_names : list of str
            The classes, sorted.
        DESCR : str
            Description of the data.

    Raises
    ------
    FileNotFoundError
        If the CSV file or an audio file is missing.
    ValueError
        If the CSV file lacks a column, or a line lacks a field or names a song again.

    See Also
    --------
    load_folder : Songs sorted into a folder for each class.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmer.datasets import load_csv
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "songs.csv"
    ...     _ = table.write_text("path,label,group\\na.mp3,calm,Ana\\nb.mp3,tense,Bo\\n")
    ...     songs = load_csv(table, check_audio=False)
    >>> songs.target.tolist(), songs.groups.tolist()
    (['calm', 'tense'], ['Ana', 'Bo'])
    """
    path = Path(path).expanduser().absolute()
    home = path.parent if data_home is None else Path(data_home).expanduser().absolute()
    table = read_table(path, ["path", "label"], LAYOUT, optional=["group"])
    check_filled(table["path"], path, "path", table.lines, "it names the song")
    check_filled(table["label"], path, "label", table.lines, "each song needs one")
    files = [home / name for name in table["path"]]
    _check_files(files, path, table.lines, check_audio)
    if "group" in table:
        check_filled(table["group"], path, "group", table.lines, "fill it, or leave out the column")
    names = sorted(set(table["label"]))
    alone = "Each song is a group of its own: if several are by one artist, folds do not keep them apart."
    told = "Songs of one group belong together." if "group" in table else alone
    return Bunch(
        data=[str(file) for file in files],
        target=np.array(table["label"]),
        groups=np.array(table.get("group", table["path"])),
        target_names=names,
        DESCR=DESCR.format(n_songs=len(files), n_classes=len(names), path=path, groups=told),
    )


def _check_files(files, path, lines, check_audio):
    seen: dict = {}
    for file, line in zip(files, lines, strict=True):
        # the same file under another spelling, or through a link, is the same song
        real = os.path.realpath(file)
        if real in seen:
            raise ValueError(f"{path}, line {line}: {file} is the song of line {seen[real]} again; name each once.")
        seen[real] = line
        if check_audio and not file.is_file():
            raise FileNotFoundError(f"{path}, line {line}: there is no audio file {file}; paths start from its folder.")
