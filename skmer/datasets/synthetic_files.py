"""write_songs: synthetic songs as audio files, in a folder for each label and composer."""

import csv
import io
import os
import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from skmer._io import atomic_folder, atomic_write, atomic_write_text, is_partial
from skmer.datasets._paths import check_flag, check_folder, list_folder, path_kind, to_path
from skmer.datasets._tables import matching, read_table, text

__all__ = ["write_songs"]

SONGS, PLANTED = "songs", "planted.csv"
_COLUMNS = {
    "file": matching(r"[\w-]+/[\w-]+/song-[0-9]+\.wav", "a song"),
    "start": matching("[0-9]+", "seconds"),
    "end": matching("[0-9]+", "seconds"),
    "emotion": text,
}


def write_songs(songs, folder, force=False, verbose=0):
    """Write the songs of `make_songs` as 16-bit WAV files, with a table of the emotion of each second.

    A song is written to ``folder/songs/<emotion>/<composer>/song-<number>.wav``, the layout that `load_folder`
    with ``groups="parent"`` reads. ``folder/planted.csv`` has a row for each stretch of a song that expresses one
    emotion, with the columns ``file`` (path below ``folder/songs``), ``start`` and ``end`` (seconds) and ``emotion``.

    Parameters
    ----------
    songs : :class:`~sklearn.utils.Bunch`
        Result of `make_songs`. Its `data` may be any iterable of waveforms; with a generator, only one song at
        a time is in memory.
    folder : str or path-like
        Output folder, created if it does not exist.
    force : bool, default=False
        Whether the folder may be non-empty. Songs of an earlier call, which are those in its ``planted.csv``,
        are then replaced; nothing else is removed.
    verbose : int, default=0
        If above 0, a progress bar is shown.

    Returns
    -------
    list of str
        Absolute paths of the files, in the order of the songs.

    Raises
    ------
    FileExistsError
        If the folder is not empty and `force` is not set; if ``folder/songs`` or
        ``folder/planted.csv`` is a link, or has contents that no earlier call wrote.
    OSError
        If something cannot be written, or ``folder/songs`` is the current folder of the process.
    TypeError
        If `folder` is not a str or path-like, or `force` is not a bool.
    ValueError
        If `folder` is a file.

    See Also
    --------
    make_songs : Generate the songs.
    load_folder : Load them.

    Notes
    -----
    The songs appear in the folder after the last of them is written, and songs of an earlier call are kept until
    then. A ``.part`` folder that is left by a killed process may be deleted and is ignored.
    Samples are rounded to 16 bits, in steps of 3e-5.

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
    from tqdm import tqdm

    check_flag(force, "force")
    home = _check_home(folder, force)
    names = _names(songs)
    table = home / PLANTED
    home.mkdir(parents=True, exist_ok=True)
    before = table.read_bytes() if table.exists() else None
    replaced = False
    try:
        with atomic_folder(home / SONGS) as part:
            with tqdm(songs.data, "Writing", total=len(names), unit="song", disable=not verbose) as data:
                for name, y in zip(names, data, strict=True):
                    _write(part / name, y, songs.sr)
            # the folder may have been written to in the meantime
            _check_home(folder, force)
            atomic_write_text(table, _planted(names, songs.segment_target))
            replaced = True
    except BaseException:
        if replaced:
            _restore(table, before)
        raise
    return [str(home / SONGS / name) for name in names]


def _names(songs):
    width = len(str(len(songs.target) - 1))
    pairs = zip(_folder_names(songs.target), _folder_names(songs.groups), strict=True)
    return [f"{emotion}/{composer}/song-{i:0{width}}.wav" for i, (emotion, composer) in enumerate(pairs)]


def _folder_names(texts):
    return [re.sub(r"\W+", "-", str(text)) for text in texts]


def _write(path, y, sr):
    import soundfile

    # through memory, so that a full disk raises an OSError
    wav = io.BytesIO()
    soundfile.write(wav, y, sr, subtype="PCM_16", format="WAV")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav.getvalue())


def _planted(names, segment_target):
    table = io.StringIO()
    lines = csv.writer(table, lineterminator="\n")
    lines.writerow(_COLUMNS)
    for name, seconds in zip(names, segment_target, strict=True):
        edges = [0, *(np.flatnonzero(seconds[1:] != seconds[:-1]) + 1).tolist(), len(seconds)]
        lines.writerows((name, start, end, seconds[start]) for start, end in pairwise(edges))
    return table.getvalue()


def _restore(table, before):
    if before is None:
        table.unlink(missing_ok=True)
        return
    with atomic_write(table) as part:
        part.write_bytes(before)


def _check_home(folder, force):
    """Return the path of a folder; raise an error if writing would replace anything but songs of an earlier call."""
    home = to_path(folder, "folder")
    if path_kind(home) == "nothing":
        return home
    check_folder(home, home, "The songs are written into it.")
    inside = [path.name for path in list_folder(home) if not is_partial(path.name)]
    if inside and not force:
        raise FileExistsError(
            f"{home} is not empty: it contains {inside[0]}. Choose another folder, or pass force=True (--force on the "
            "command line) to replace the songs of an earlier call."
        )
    songs, table = home / SONGS, home / PLANTED
    for path, kind in ((songs, "a folder"), (table, "a file")):
        found = "a link" if path.is_symlink() else path_kind(path)
        if found not in ("nothing", kind):
            raise FileExistsError(
                f"{path} is {found}, and would be replaced by {kind}: move it away, or choose another folder."
            )
    ours = _paths_of(songs, table) if table.exists() else set()
    foreign = sorted(path for path in _inside(songs) if path.is_symlink() or path not in ours)
    if foreign:
        raise FileExistsError(
            f"{songs} contains paths that are not in {PLANTED}, such as {foreign[0]}: move them away, or choose "
            "another folder."
        )
    return home


def _inside(folder):
    """Return the paths of everything below a folder, if it exists."""

    def fail(error):
        raise error

    if folder.exists():
        for here, folders, files in os.walk(folder, onerror=fail):
            yield from (Path(here, name) for name in [*folders, *files])


def _paths_of(songs, table):
    """Return the paths of the songs of an earlier call and of their folders; raise an error for another table."""
    foreign = FileExistsError(
        f"{table} was not written by write_songs, and would be replaced: move it away, or choose another folder."
    )
    try:
        rows = read_table(table, _COLUMNS, "It must be written by write_songs.")
    except ValueError as error:
        raise foreign from error
    if rows.unread:
        raise foreign
    files = {songs / name for name in rows["file"]}
    return files | {above for path in files for above in (path.parent, path.parent.parent)}
