"""format_error: the message of an error in one line, for lists of songs that failed."""

import os

__all__ = ["format_error"]


def format_error(error, song=None):
    """Return the message of an error in one line, without the song's name at its beginning.

    `song` is the path of the song, or its name in the message. The type of an error that is neither a ValueError nor
    an OSError precedes the message.
    """
    text = str(error)
    names = [] if song is None else [os.fspath(song), os.path.normpath(song), os.path.abspath(song)]
    for name in names:
        text = text.removeprefix(f"{name}: ")
    text = " ".join(text.split()) or "no reason was given"
    return text if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {text}"
