"""AudioError, and the message of any error as one line of text."""

import os

__all__ = ["AudioError", "ResourceError", "format_error"]


class AudioError(ValueError):
    """Raised if a recording cannot be used; the message names the file, the reason and a remedy.

    It is a `ValueError`, like scikit-learn's errors about invalid input.

    See Also
    --------
    skmer.read_audio : Reads a recording.

    Examples
    --------
    >>> from skmer import AudioError, read_audio
    >>> try:
    ...     read_audio("no-such-song.mp3")
    ... except AudioError as error:
    ...     print(error)
    no-such-song.mp3: there is no such file. Check the path.
    """


class ResourceError(OSError):
    """Raised if the system, rather than a recording, is at fault; the message is shown without the error number."""

    def __str__(self):
        return str(self.strerror)


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
