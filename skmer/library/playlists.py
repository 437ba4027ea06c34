"""Playlists of files, with relative paths."""

import os
import re
from pathlib import Path

from skmer._io import atomic_write, open_text

__all__ = ["playlist_names", "write_playlist"]

# characters that a file system does not allow
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


def playlist_names(moods):
    """Return the name of the playlist of each mood, without those that differ by case only.

    Parameters
    ----------
    moods : iterable of str
        Names of moods.

    Returns
    -------
    dict of str to str
        Name of the file by mood.

    Examples
    --------
    >>> from skmer.library.playlists import playlist_names
    >>> playlist_names(["calm", "Calm", "dark/cold"])
    {'calm': 'calm.m3u8', 'Calm': 'Calm-2.m3u8', 'dark/cold': 'dark_cold.m3u8'}
    """
    names: dict = {}
    used: set = set()
    for mood in moods:
        # a name that begins with a dot is hidden, and one that ends with a dot or space is shortened by Windows
        stem = _FORBIDDEN.sub("_", mood).strip(" .")[:60] or "_"
        number, name = 1, stem
        while name.casefold() in used:
            number += 1
            name = f"{stem}-{number}"
        used.add(name.casefold())
        names[mood] = f"{name}.m3u8"
    return names


def write_playlist(path, files):
    """Write a playlist atomically, with paths relative to its folder.

    Parameters
    ----------
    path : str or Path
        The playlist, in UTF-8.
    files : iterable of str
        Audio files; one that is repeated is listed once.

    Raises
    ------
    ValueError
        If the name of a file has a line break, which no playlist can hold.
    """
    folder = os.path.realpath(Path(path).parent)
    lines = list(dict.fromkeys(_relative(file, folder) for file in files))
    with atomic_write(path) as part, open_text(part) as stream:
        stream.write("".join(f"{line}\n" for line in ["#EXTM3U", *lines]))


def _relative(file, folder):
    file = os.path.abspath(file)
    if "\n" in file or "\r" in file:
        raise ValueError(f"{file!r}: a playlist cannot name a file with a line break. Rename it.")
    try:
        line = os.path.relpath(file, folder).replace(os.sep, "/")
    except ValueError:  # another drive of Windows
        return file
    # a line that begins with # is a comment
    return f"./{line}" if line.startswith("#") else line
