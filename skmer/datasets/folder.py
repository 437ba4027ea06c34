"""load_folder: your own songs, in a folder for each class."""

import os
import warnings
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skmer._io import format_names
from skmer.audio.finding import AUDIO_SUFFIXES
from skmer.datasets._collection import UNGROUPED, Collection
from skmer.datasets._paths import check_flag, check_folder, list_folder, path_kind, to_path
from skmer.datasets._published import count

__all__ = ["load_folder"]

LAYOUT = "There must be a folder for each class, with its songs in it"
DESCR = """Songs from a folder of class folders
{n_songs} songs of {n_classes} classes from {home}.
The class of a song is the name of its class folder. {groups}
Licence and source: those of your songs."""
GROUPS = {
    None: UNGROUPED,
    "parent": "Songs in folders of the same name form a group.",
}


def load_folder(data_home, groups=None, check_audio=True):
    """Load your own songs from a folder with a folder for each class.

    The names of the folders in `data_home` are the classes. Songs are found anywhere below them by their
    extensions, such as ``.mp3`` or ``.flac``; no file is opened.

    Parameters
    ----------
    data_home : str or path-like
        The folder above the class folders.
    groups : {None, "parent"}, default=None
        With ``None``, each song is a group of its own. With "parent", for songs at
        ``<class>/<artist>/<song>``, the songs of an artist are a group, also across classes.
    check_audio : bool, default=True
        Whether a file that is not an audio file by extension, or a broken link to a song, is an error.
        With False, files such as covers and playlists are left out, and `left_out` lists them.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of their
        classes, and of their paths within a class.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,)
            The class of each song.
        groups : ndarray of shape (n_songs,)
            The path of each song within `data_home`, or the name of its parent folder.
        target_names : list of str
            The classes, sorted.
        left_out : list of str
            Absolute paths of files that are not audio files by extension.
        DESCR : str
            Description of the data.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or a song is a broken link.
    PermissionError
        If a folder cannot be read.
    TypeError
        If `data_home` is not a str or path-like, or `check_audio` is not a bool.
    ValueError
        If there are fewer than two class folders, one of them has no song, a song is in none of them
        or in two places, a song is not in the folder of an artist although `groups` is "parent", or a file
        is not an audio file.

    See Also
    --------
    load_csv : Songs and labels from a table.

    Notes
    -----
    Files and folders whose names begin with a dot are ignored. Links are followed, except a link to a
    folder above it.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmer.datasets import load_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("calm/a.mp3", "tense/b.mp3", "tense/c.mp3"):
    ...         (Path(folder) / name).parent.mkdir(exist_ok=True)
    ...         (Path(folder) / name).touch()
    ...     songs = load_folder(folder)
    >>> songs.target.tolist()
    ['calm', 'tense', 'tense']
    >>> [Path(path).name for path in songs.data]
    ['a.mp3', 'b.mp3', 'c.mp3']
    """
    # a list or an array is not hashable
    if groups is not None and not (isinstance(groups, str) and groups in GROUPS):
        raise ValueError(f'groups must be None or "parent", got {groups!r}.')
    check_flag(check_audio, "check_audio")
    home = to_path(data_home, "data_home")
    check_folder(home, home, f"{LAYOUT}.")
    inside = _list_visible(home)
    classes = [path for path in inside if path_kind(path) == "a folder"]
    left_out = [path for path in inside if path not in classes]
    unlabelled = [path for path in left_out if _is_audio(path)]
    if unlabelled:
        raise ValueError(f"{unlabelled[0]} is not in a class folder, so that its class is unknown. {LAYOUT}.")
    if len(classes) < 2:
        raise ValueError(f"{home} has {count(len(classes), 'class folder')}; at least two are needed. {LAYOUT}.")
    songs = []
    for folder in classes:
        below = list(_walk(folder))
        left_out += [path for path in below if not _is_audio(path)]
        songs.append([path for path in below if _is_audio(path)])
        if not songs[-1]:
            raise ValueError(f"{folder} has no audio file in it or below: add songs, or move it away.")
    if left_out and check_audio:
        kind = path_kind(left_out[0])
        example = f"{left_out[0]}" if kind == "a file" else f"{left_out[0]} ({kind})"
        raise ValueError(
            f"{count(len(left_out), 'file is not an audio file', 'files are not audio files')} by extension, such as "
            f"{example}. Move such files away, or pass check_audio=False to leave them out."
        )
    data = [path for folder in songs for path in folder]
    _check_songs(data, check_audio)
    names = [path.name for path in classes]
    return Bunch(
        data=[str(path) for path in data],
        target=np.repeat(names, [len(folder) for folder in songs]),
        groups=np.array([_group(path, home, groups) for path in data]),
        target_names=names,
        left_out=[str(path) for path in left_out],
        DESCR=DESCR.format(n_songs=len(data), n_classes=len(names), home=home, groups=GROUPS[groups]),
    )


def _is_audio(path):
    return path.suffix.lower() in AUDIO_SUFFIXES


def _list_visible(folder):
    return [path for path in list_folder(folder) if not path.name.startswith(".")]


def _walk(folder):
    """Return the files in a folder and below, sorted by name, files of a folder before its subfolders."""
    # each folder with the real paths of those above it: a link to one of these would be followed forever
    waiting = [(folder, frozenset([os.path.realpath(folder)]))]
    while waiting:
        here, above = waiting.pop()
        inside = _list_visible(here)
        folders = [path for path in inside if path_kind(path) == "a folder"]
        known = set(folders)
        yield from (path for path in inside if path not in known)
        for path in reversed(folders):
            real = os.path.realpath(path)
            if real not in above:
                waiting.append((path, above | {real}))


def _check_songs(data, check_audio):
    seen: dict = {}
    for path in data:
        kind = path_kind(path)
        if check_audio and kind == "a broken link":
            raise FileNotFoundError(f"{path} is a link to a file that does not exist: repair or remove it.")
        if kind != "a file" and (check_audio or "link" not in kind):
            raise ValueError(f"{path} is {kind}, not an audio file: remove it.")
        # with links, a file can be in two folders
        first = seen.setdefault(os.path.realpath(path), path)
        if first is not path:
            raise ValueError(f"{path} is the same file as {first}: keep one of them.")


def _group(path, home, groups):
    parts = path.relative_to(home).parts
    if groups is None:
        return "/".join(parts)
    if len(parts) != 3:
        raise ValueError(
            f'{path} is not at <class>/<artist>/<song> in {home}, as groups="parent" (--artists on the command line) '
            "expects: move it there."
        )
    return parts[1]


def _load_for_experiments(data_home, check_audio=True):
    """Load a folder of songs, and warn of the other files in it, such as covers and playlists."""
    songs = load_folder(data_home, check_audio=False)
    _check_songs(map(Path, songs.data), check_audio)
    if songs.left_out:
        home = Path(data_home).expanduser().absolute()
        names = format_names([Path(path).relative_to(home).as_posix() for path in songs.left_out], most=3)
        files = count(len(songs.left_out), "file is", "files are")
        # 3: the line that calls Collection.load
        warnings.warn(f"{files} left out, not audio by extension: {names}.", UserWarning, stacklevel=3)
    return songs


COLLECTION = Collection("folder", "Your folder", _load_for_experiments, ("label",), group="group", anywhere=True)
