"""The collections by the names of the command line, and what each can be asked."""

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from skmer import datasets
from skmer._io import format_names
from skmer.model_selection.fold_store import song_names

__all__ = ["COLLECTIONS", "Collection", "songs_digest"]

_COMMONEST = ["calmness", "joyful_activation", "nostalgia", "tension"]  # the commonest: the others have too few songs


@dataclass(frozen=True)
class Collection:
    """A collection as experiments need it.

    Parameters
    ----------
    title : str
        Its name for people.
    loader : callable
        Called with `data_home` and `check_audio`, and with `task` and `threshold` where it
        has them.
    tasks : tuple of str
        What can be told apart, in the order of tables.
    threshold : str or None
        How ratings become classes by default; None where there are only classes.
    folds : str
        Protocol by default: the paper's for its own collections, else grouped.
    group : str
        What a group is.
    unit : str
        What the collection calls that which has a label.

    Examples
    --------
    >>> from skmer.reproduction import COLLECTIONS
    >>> COLLECTIONS["pmemo"].tasks
    ('valence', 'arousal')
    """

    title: str
    loader: Callable
    tasks: tuple
    threshold: str | float | None = None
    folds: str = "grouped"
    group: str = "artist"
    unit: str = "song"

    def load(self, data_home=None, task=None, threshold=None, check_audio=True):
        """Load the songs for a task.

        Parameters
        ----------
        data_home : str or Path, default=None
            Folder of the collection; your own songs have no other place than the one given.
        task : str, default=None
            One of `tasks`; by default the first.
        threshold : str or float, default=None
            How ratings become classes; by default the collection's.
        check_audio : bool, default=True
            Whether the audio must be there.

        Returns
        -------
        Bunch
            What the loader gives.

        Raises
        ------
        ValueError
            If the collection does not have the task, a threshold has nothing to divide, or
            nothing says where your own songs are.
        """
        task = self.tasks[0] if task is None else task
        if task not in self.tasks:
            raise ValueError(f"{self.title} has the tasks {', '.join(self.tasks)}; got {task!r}.")
        if threshold is not None and self.threshold is None:
            raise ValueError(f"{self.title} has classes, not ratings: there is nothing to divide by a threshold.")
        if data_home is None and self.tasks == ("label",):
            raise ValueError(f"{self.title} can be anywhere: pass data_home (in the command --data-home).")
        asked = {"check_audio": check_audio}
        if self.tasks[0] not in ("emotion", "label"):
            asked["task"] = task
        if self.threshold is not None:
            asked["threshold"] = self.threshold if threshold is None else threshold
        return self.loader(data_home, **asked)


def _load_own_folder(data_home, check_audio=True):
    """Load one's own songs; covers and lists beside them are passed over, and named in a warning."""
    songs = datasets.load_folder(data_home, check_audio=False)
    gone = [path for path in songs.data if check_audio and not Path(path).exists()]
    if gone:
        raise FileNotFoundError(f"{gone[0]} is a link to a file that does not exist: mend it, or take it away.")
    if songs.left_out:
        home = Path(data_home).expanduser().absolute()
        names = format_names([Path(path).relative_to(home).as_posix() for path in songs.left_out], most=3)
        files = "1 file is" if len(songs.left_out) == 1 else f"{len(songs.left_out):,} files are"
        warnings.warn(f"{files} left out, no audio by the ending: {names}.", UserWarning, stacklevel=3)
    return songs


_HALVES = ("valence", "arousal")
_ALL = ("valence", "arousal", "quadrant")

COLLECTIONS = {
    "pmemo": Collection("PMEmo", datasets.load_pmemo, _HALVES, "median", "stratified"),
    "4q": Collection("4Q", datasets.load_four_q, _ALL, None, "stratified"),
    "eim": Collection("EiM (emoMusic)", datasets.load_eim, ("quadrant", *_HALVES), "median", "stratified"),
    "deam": Collection("DEAM", datasets.load_deam, _ALL, "median", group="song"),
    "emopia": Collection("EMOPIA", datasets.load_emopia, ("quadrant", "arousal", "valence"), group="song", unit="clip"),
    "emotify": Collection(
        "Emotify, its four commonest emotions", partial(datasets.load_emotify, emotions=_COMMONEST), ("emotion",)
    ),
    "folder": Collection("Your folder", _load_own_folder, ("label",), group="group"),
    "csv": Collection("Your table", datasets.load_csv, ("label",), group="group"),
}


def songs_digest(paths):
    """Digest the names and sizes of songs, by which a table knows whether another is of the same.

    Parameters
    ----------
    paths : list of str
        The songs.

    Returns
    -------
    str
        16 hexadecimal digits, whatever folder the collection lies in.

    Examples
    --------
    >>> from skmer.reproduction.collections import songs_digest
    >>> songs_digest(["a/b/c.mp3"]) == songs_digest(["d/b/c.mp3"]) != songs_digest(["d/e/c.mp3"])
    True
    """
    return hashlib.sha256("\n".join(sorted(song_names(paths))).encode()).hexdigest()[:16]
