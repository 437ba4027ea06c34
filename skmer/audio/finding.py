"""Finding audio files in folders, by their extensions."""

import os

from skmer._errors import AudioError

__all__ = ["AUDIO_SUFFIXES", "describe_other_files", "find_audio_files"]

AUDIO_SUFFIXES = frozenset(
    [
        *(".wav", ".wave", ".bwf", ".w64", ".rf64", ".flac", ".mp3", ".mp2", ".mpga", ".ogg", ".oga", ".opus", ".spx"),
        *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".voc", ".sph", ".nist"),
        *(".m4a", ".m4b", ".m4r", ".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".aac", ".ac3", ".eac3", ".dts", ".amr"),
        *(".wma", ".asf", ".wmv", ".mka", ".mkv", ".webm", ".weba", ".avi", ".flv", ".ra", ".rm"),
        *(".ape", ".wv", ".tta", ".tak", ".mpc", ".mp+", ".mpp", ".ofr", ".shn", ".dsf", ".dff", ".mp1", ".ogv"),
    ]
)
"""Extensions, in lower case, of the files that are taken from a folder."""


def find_audio_files(paths):
    """Return the audio files among paths of files and folders, in a reproducible order.

    A path that is not a folder is returned unchanged, so that reading it reports any problem.
    A folder is searched with all its subfolders, and files are selected by extension
    (`AUDIO_SUFFIXES`, in upper or lower case) without opening them. Names that begin with a
    dot are skipped.

    Parameters
    ----------
    paths : iterable of str or Path
        Files and folders.

    Returns
    -------
    list of (str, AudioError or None)
        Each file in the order of `paths`, sorted by name within a folder, files of a
        folder before its subfolders. The second item is None, or the error of a folder that
        contains no audio or cannot be opened.

    See Also
    --------
    skmer.read_audio : Reads one file.

    Notes
    -----
    Symbolic links are followed, except to a folder that contains the link.

    Examples
    --------
    >>> from skmer.audio import find_audio_files
    >>> find_audio_files(["b.wav", "a.txt"])
    [('b.wav', None), ('a.txt', None)]
    """
    found = []
    for path in map(os.fspath, paths):
        if not os.path.isdir(path):
            found.append((path, None))
            continue
        inside = [(file, error) for file, error in _walk(path, ()) if error is not None or _is_audio(file)]
        if not inside:
            reason = "this folder and its subfolders contain no audio file. Check the path, or pass the files."
            inside = [(path, AudioError(f"{path}: {reason}"))]
        found += inside
    return found


def describe_other_files(paths):
    """Return a phrase for each extension of the files in folders that `find_audio_files` passes over."""
    found: dict = {}
    for folder in map(os.fspath, paths):
        if os.path.isdir(folder):
            for path, error in _walk(folder, ()):
                if error is None and not _is_audio(path):
                    found.setdefault(os.path.splitext(path)[1].lower() or "without an extension", []).append(path)
    return [f"{len(files):,} {suffix} ({'such as ' * (len(files) > 1)}{files[0]})" for suffix, files in found.items()]


def _is_audio(path):
    return os.path.splitext(path)[1].lower() in AUDIO_SUFFIXES


def _walk(folder, above):
    """Yield each file in a folder and below, and the error of each folder that cannot be opened."""
    try:
        here = os.stat(folder)
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        reason = f"the folder cannot be opened ({error.strerror}). Check its permissions."
        yield folder, AudioError(f"{folder}: {reason}")
        return
    above = (*above, (here.st_dev, here.st_ino))
    folders = []
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            folders.append(path)
        else:
            yield path, None
    for path in folders:
        status = _status(path)
        if status is None or (status.st_dev, status.st_ino) not in above:
            yield from _walk(path, above)


def _status(path):
    try:
        return os.stat(path)
    except OSError:
        return None
