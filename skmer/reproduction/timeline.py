"""Figure 2: the probability of each class over time, for a song that is not in the training set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skmer.datasets import COLLECTIONS
from skmer.inspection import SongEmotion
from skmer.model_selection import Protocol
from skmer.reproduction.published import FIGURE_2_SONG

__all__ = ["Timeline", "run_timeline"]


@dataclass(frozen=True)
class Timeline:
    """The emotion of a song over time, predicted by a network that was not trained on its fold.

    Parameters
    ----------
    song : str
        File name.
    target : str
        The song's label.
    emotion : SongEmotion
        The prediction.
    description : str
        The protocol, fold and seed.
    task : str
        The task, such as "quadrant".

    Examples
    --------
    >>> from skmer.reproduction import Timeline
    >>> Timeline("a.mp3", "Q1", None, "").target
    'Q1'
    """

    song: str
    target: str
    emotion: SongEmotion
    description: str
    task: str = ""


def run_timeline(
    dataset,
    settings,
    *,
    data_home=None,
    task=None,
    song=None,
    folds_kind=None,
    n_splits=10,
    threshold=None,
    seed=0,
    n_jobs=None,
    verbose=0,
):
    """Train a network on the folds without a song, and predict the song's emotion over time.

    Parameters
    ----------
    dataset : str
        Name of a collection, such as "4q"; see ``skmer reproduce figure2 --help``.
    settings : Settings
        Settings of the network and the segments.
    data_home : str or Path, default=None
        Folder of the collection.
    task : str, default=None
        By default the quadrants where the collection has them, else its first task.
    song : str, default=None
        File name, with or without extension. By default the paper's song where the collection has it, else the song of
        the first fold's test songs whose leading class changes most often.
    folds_kind : str, default=None
        ``folds`` of the `skmer.model_selection.Protocol`; by default the collection's.
    n_splits : int, default=10
        Number of folds.
    threshold : {"median", "midpoint"} or float, default=None
        How ratings become classes; by default the collection's.
    seed : int, default=0
        Seed of the network.
    n_jobs : int, default=None
        Number of threads that read songs.
    verbose : int, default=0
        1 shows progress.

    Returns
    -------
    Timeline
        The prediction, with the protocol, fold and seed of the network.

    Raises
    ------
    ValueError
        If there is no such song, or more than one.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition", Fig. 2.

    Examples
    --------
    >>> from skmer.reproduction import Settings, run_timeline
    >>> run_timeline("4q", Settings(), data_home="~/4Q").target  # doctest: +SKIP
    'Q1'
    """
    collection = COLLECTIONS[dataset]
    if task is None:
        task = "quadrant" if "quadrant" in collection.tasks else collection.tasks[0]
    songs = collection.load(data_home, task, threshold)
    protocol = Protocol(folds_kind or collection.folds, n_splits, songs.get("threshold"))
    folds = protocol.split(songs.target, songs.groups, songs.get("splits"))
    if song is None and FIGURE_2_SONG.get(dataset) in {Path(path).stem for path in songs.data}:
        song = FIGURE_2_SONG[dataset]
    chosen = _find_song(songs.data, song)
    fold = 0 if chosen is None else next((k for k, (_, test) in enumerate(folds) if chosen in test), None)
    if fold is None:
        raise ValueError(f"{Path(songs.data[chosen]).name} is not among the test songs of {protocol.describe()}.")
    train, test = folds[fold]
    labels, _ = protocol.labels(songs.target, train)
    segments = settings.segments(n_jobs=n_jobs, verbose=verbose).transform(songs.data)
    network = settings.network(cv="insample", random_state=seed, verbose=verbose).fit(segments[train], labels[train])
    why = ""
    if chosen is None:
        why = "; of its test songs the one whose leading class changes most"
        leading = [rows.argmax(axis=1) for rows in network.transform(segments[test])]
        chosen = int(test[np.argmax([np.count_nonzero(np.diff(row)) for row in leading])])
    probabilities = network.transform(segments[[chosen]])[0]
    starts = np.arange(len(probabilities), dtype=np.float64) * settings.segments().hop
    label = network.classes_[probabilities.mean(axis=0).argmax()]
    emotion = SongEmotion(label, network.classes_, starts, starts + settings.duration, probabilities)
    description = f"{protocol.describe()}; fold {fold} of {len(folds)}, counted from 0, trained on {len(train)} songs, "
    description += f"seed {seed}{why}"
    return Timeline(Path(songs.data[chosen]).name, str(labels[chosen]), emotion, description, task)


def _find_song(paths, song):
    """Return the position of a song by its path or file name, with or without extension; None for None."""
    if song is None:
        return None
    found = [i for i, path in enumerate(paths) if song in (path, Path(path).name, Path(path).stem)]
    if len(found) != 1:
        raise ValueError(f"song must name one song of the collection; {song!r} names {len(found)} of {len(paths)}.")
    return found[0]
