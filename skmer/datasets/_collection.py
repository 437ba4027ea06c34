"""Collection: description of a collection of songs for experiments and commands."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature

UNGROUPED = "Each song is a group of its own: if several are by one artist, folds do not keep them together."


@dataclass(frozen=True)
class Collection:
    """Description of a collection for experiments: its loader, its tasks and its default protocol.

    Parameters
    ----------
    name : str
        Name on the command line and in `COLLECTIONS`.
    title : str
        Name in reports.
    loader : callable
        Loader, called with `data_home` and `check_audio`, and with `task` and `threshold` if it has these parameters.
    tasks : tuple of str
        Classification tasks, in the order of tables.
    threshold : {"median", "midpoint"} or float, default=None
        Rule that divides ratings into classes by default; None for collections without ratings.
    folds : str, default="grouped"
        Protocol by default, as `folds` of `Protocol`: the paper's for its own collections, otherwise grouped.
    group : str, default="artist"
        What the songs of one group have in common.
    unit : str, default="song"
        What has a label: a song, or a clip.
    anywhere : bool, default=False
        Whether the collection has no place below ``$SKMER_DATA``, so that `data_home` is needed.

    Examples
    --------
    >>> from skmer.datasets import COLLECTIONS
    >>> COLLECTIONS["pmemo"].tasks
    ('valence', 'arousal')
    """

    name: str
    title: str
    loader: Callable
    tasks: tuple
    threshold: str | float | None = None
    folds: str = "grouped"
    group: str = "artist"
    unit: str = "song"
    anywhere: bool = False

    def load(self, data_home=None, task=None, threshold=None, check_audio=True):
        """Load the songs for a task.

        Parameters
        ----------
        data_home : str or Path, default=None
            Folder of the collection; None is its folder below ``$SKMER_DATA``.
        task : str, default=None
            One of `tasks`; None is the first.
        threshold : str or float, default=None
            Rule that divides ratings into classes; None is the collection's.
        check_audio : bool, default=True
            Whether every song must have its audio file.

        Returns
        -------
        Bunch
            The result of the loader.

        Raises
        ------
        ValueError
            If the collection does not have the task, has no ratings to divide by a threshold, or needs `data_home`.
        """
        task = self.tasks[0] if task is None else task
        if task not in self.tasks:
            raise ValueError(f"{self.title} has the tasks {', '.join(self.tasks)}; got {task!r}.")
        if threshold is not None and self.threshold is None:
            raise ValueError(f"{self.title} has classes, not ratings: there is nothing to divide by a threshold.")
        if data_home is None and self.anywhere:
            raise ValueError(f"{self.title} can be anywhere: pass data_home (--data-home on the command line).")
        asked = {"task": task, "threshold": self.threshold if threshold is None else threshold}
        known = signature(self.loader).parameters
        return self.loader(
            data_home, check_audio=check_audio, **{name: value for name, value in asked.items() if name in known}
        )
