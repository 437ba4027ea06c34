"""write_songs: synthetic songs as audio files, in folders that say what they are labelled as and who composed them."""

import os
import re
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np

from skmer.datasets._base import check_flag, check_folder, kind_of, list_folder, to_path
from skmer.datasets._tables import read_table

__all__ = ["check_free", "write_songs"]

SONGS, PLANTED = "songs", "planted.csv"
_COLUMNS = ("file", "start", "end", "emotion")
_NAME = re.compile(r"[\w-]+/[\w-]+/song-\d+\.wav")


def write_songs(songs, folder, force=False):
    """Write the songs of `make_songs` as 16-bit wav files, with a table of what their seconds truly express.

    A song becomes ``folder/songs/<emotion>/<composer>/song-<number>.wav``, which is what
    `load_folder` with ``groups="parent"`` reads. ``folder/planted.csv`` has a line for each
    stretch of a song that expresses one emotion: the columns ``file`` (below
    ``folder/songs``), ``start`` and ``end`` (seconds) and ``emotion``.

    Parameters
    ----------
    songs : :class:`~sklearn.utils.Bunch`
        What `make_songs` gave.
    folder : str or path-like
        Made where it is missing.
    force : bool, default=False
        Whether the folder may have something in it. Songs of an earlier call, which its
        ``planted.csv`` names, are then replaced; nothing else is removed.

    Returns
    -------
    list of str
        Absolute paths of the files, in the order of the songs.

    Raises
    ------
    FileExistsError
        If the folder is not empty and `force` is not set, or ``folder/songs`` has files in it that
        no earlier call wrote.
    TypeError
        If `folder` is no path, or `force` neither True nor False.
    ValueError
        If `folder` is no folder.

    See Also
    --------
    make_songs : Makes the songs.
    load_folder : Reads them.

    Notes
    -----
    The songs are there all together or not at all: they get their place once the last of them is written.
    A sample is rounded to the nearest of 65,536 steps, 3e-5 apart.

    Examples
    --------
    >>> import tempfile
    >>> from skmer.datasets import load_folder, make_songs, write_songs
    >>> songs = make_songs(8, duration=2, sr=11264, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = write_songs(songs, folder)
    ...     loaded = load_folder(f"{folder}/songs", groups="parent")
    >>> len(paths), sorted(set(loaded.target.tolist()))
    (8, ['Q1', 'Q2', 'Q3', 'Q4'])
    """
    import soundfile

    check_flag(force, "force")
    home, earlier = check_free(folder, force)
    names = _names(songs)
    home.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".songs-", dir=home))
    try:
        for name, y in zip(names, songs.data, strict=True):
            path = made / SONGS / name
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, y, songs.sr, subtype="PCM_16", format="WAV")
        (made / PLANTED).write_text(_planted(names, songs.segment_target), encoding="utf-8")
        _remove(home / SONGS, earlier)
        os.replace(made / PLANTED, home / PLANTED)
        os.replace(made / SONGS, home / SONGS)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return [str(home / SONGS / name) for name in names]


def _names(songs):
    width = len(str(len(songs.data) - 1))
    pairs = zip(_words(songs.target), _words(songs.groups), strict=True)
    return [f"{emotion}/{composer}/song-{i:0{width}}.wav" for i, (emotion, composer) in enumerate(pairs)]


def _words(texts):
    return [re.sub(r"\W+", "-", str(text)) for text in texts]


def _planted(names, segment_target):
    lines = [",".join(_COLUMNS)]
    for name, seconds in zip(names, segment_target, strict=True):
        edges = [0, *(np.flatnonzero(seconds[1:] != seconds[:-1]) + 1).tolist(), len(seconds)]
        lines += [f"{name},{start},{end},{seconds[start]}" for start, end in pairwise(edges)]
    return "\n".join(lines) + "\n"


def check_free(folder, force):
    """Give the path of a folder and the songs that an earlier call wrote there; refuse one that must stay as it is."""
    home = to_path(folder, "folder")
    if kind_of(home) == "nothing":
        return home, []
    check_folder(home, home, "The songs are written into it.")
    inside = [path.name for path in list_folder(home)]
    if inside and not force:
        raise FileExistsError(
            f"{home} is not empty; it has {inside[0]} in it. Name another folder, or pass force=True (--force on the "
            "command line), which replaces the songs of an earlier call."
        )
    if SONGS not in inside:
        return home, []
    earlier = _earlier(home / PLANTED) if PLANTED in inside else []
    known = {str(home / SONGS / name) for name in earlier}
    found = [os.path.join(here, name) for here, _, files in os.walk(home / SONGS) for name in files]
    strangers = sorted(path for path in found if path not in known)
    if strangers:
        raise FileExistsError(
            f"{home / SONGS} has files that are not among the songs of its {PLANTED}, such as {strangers[0]}: move "
            "them away, or name another folder."
        )
    return home, earlier


def _earlier(planted):
    table = read_table(planted, list(_COLUMNS), "It must be the table that write_songs wrote.")
    return [name for name in dict.fromkeys(table["file"]) if _NAME.fullmatch(name)]


def _remove(folder, names):
    for name in names:
        (folder / name).unlink(missing_ok=True)
    # what is left are empty folders
    for here, _, _ in os.walk(folder, topdown=False):
        os.rmdir(here)
