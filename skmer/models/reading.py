"""Every song is read once before any training, into a cache on disk, so that all broken ones are known at the start."""

import errno
import os
import warnings

import joblib
from tqdm.auto import tqdm

from skmer._errors import format_error
from skmer._io import format_names

__all__ = ["UnreadableSongs", "read_songs"]

_SHOWN = 50
_WAVEFORM = "The waveform at position 0 of X"
# of the disk or the system, and so no fault of a song
_NOT_THE_SONGS = (errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EROFS)


class UnreadableSongs(ValueError):
    """Songs cannot be used; the message names each with the reason.

    Parameters
    ----------
    reasons : dict of str to str
        Why, by song.
    n_songs : int
        How many were tried.
    classes : sequence of str, default=()
        The classes of which no song can be used.

    Attributes
    ----------
    reasons, classes
        As given.
    """

    def __init__(self, reasons, n_songs, classes=()):
        self.reasons, self.classes = reasons, tuple(classes)
        lines = [f"  {' '.join(name.splitlines())}: {reason}" for name, reason in list(reasons.items())[:_SHOWN]]
        if len(reasons) > _SHOWN:
            lines.append(f"  and {len(reasons) - _SHOWN:,} more")
        head = f"{len(reasons):,} of {n_songs:,} songs cannot be used"
        if classes:
            which = "class" if len(classes) == 1 else "classes"
            head += f", among them all of the {which} {format_names([repr(name) for name in classes])}"
        super().__init__("\n".join([f"{head}:", *lines]))


def read_songs(reader, songs, names, n_jobs=None, verbose=0):
    """Read each song by the first step of a pipeline, whatever is wrong with some of them.

    Parameters
    ----------
    reader : SegmentTransformer or DescriptorTransformer
        With a cache in `memory`, which keeps what it makes of a file.
    songs : sequence of str or ndarray
        Paths or waveforms.
    names : sequence of str
        What messages call them, each another one.
    n_jobs : int, default=None
        Threads.
    verbose : int, default=0
        1 shows progress with the time left.

    Returns
    -------
    counts : list of int or None
        Segments of each song; None where it cannot be used, 0 where the reader makes none.
    reasons : dict of str to str
        Why songs cannot be used, by name.

    Raises
    ------
    OSError
        If the cache cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import SegmentTransformer
    >>> from skmer.models.reading import read_songs
    >>> read_songs(SegmentTransformer(duration=1), [np.ones(50000), np.ones(9)], ["long", "short"])
    ([2, None], {'short': 'it lasts 0.00 s, shorter than one segment of duration=1 s. ...'})
    """
    parallel = joblib.Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
    with warnings.catch_warnings():
        # what is doubtful about songs is said where they are learnt from
        warnings.simplefilter("ignore", UserWarning)
        made = parallel(joblib.delayed(_read)(reader, song) for song in songs)
        bar = tqdm(made, total=len(songs), desc="Reading", unit="song", disable=not verbose)
        found = list(bar)
    reasons = {
        # a waveform is read alone, and its place among others is in its name
        name: format_error(error, song if isinstance(song, str | os.PathLike) else _WAVEFORM)
        for (_, error), name, song in zip(found, names, songs, strict=True)
        if error is not None
    }
    return [count for count, _ in found], reasons


def _read(reader, song):
    """Give the number of segments, or None and what went wrong."""
    try:
        made = reader.transform([song])
    except MemoryError:
        raise
    except (OSError, ValueError) as error:
        if _of_the_cache(error, reader):
            raise OSError(
                f"what is made of the songs cannot be kept ({error}). Make room, or name another place."
            ) from error
        return None, error
    # whatever a broken file does to a decoder, the others are still to be read
    except Exception as error:
        return None, error
    return int(made.n_segments[0]) if hasattr(made, "n_segments") else 0, None


def _of_the_cache(error, reader):
    """Tell whether it was not the song that failed."""
    if isinstance(error, OSError):
        within = reader.memory is not None and str(error.filename or "").startswith(str(reader.memory))
        return within or error.errno in _NOT_THE_SONGS
    # as the transformers raise it
    return isinstance(error.__cause__, OSError) and str(error).startswith("memory=")
