"""format_error: why a song failed, in one line, for lists that name the song beside."""

import os

__all__ = ["format_error"]


def format_error(error, song=None):
    """Give the words of an error in one line, without the song's own name at their beginning.

    `song` is the path by which it was read, or what the error calls it. The kind of an error that was not
    written for users stands before its words.
    """
    text = str(error)
    names = [] if song is None else [os.fspath(song), os.path.normpath(song), os.path.abspath(song)]
    for name in names:
        text = text.removeprefix(f"{name}: ")
    text = " ".join(text.split()) or "no reason was given"
    return text if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {text}"
