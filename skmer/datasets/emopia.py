"""load_emopia: clips of pop piano with the quadrant of Russell's plane that they express."""

import re

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import check_audio_files, check_counts, check_flag, describe, kind_of, resolve_data_home
from skmer.datasets._collection import Collection
from skmer.datasets._tables import check_unique, read_table, to_numbers
from skmer.datasets._tasks import check_quadrant_task
from skmer.datasets.ratings import QUADRANTS, quadrants_to_classes

__all__ = ["load_emopia"]

N_PUBLISHED = 1078
EXTENSIONS = (".flac", ".wav", ".mp3")
SPLITS = ("split_cls_repo", "split_zip")
PARTS = {"train": "train", "validation": "val", "test": "test"}
COLUMNS = [
    "clip", "song_id", "quadrant", "arousal_high", "valence_high", "annotator", *SPLITS, "duration_s",
]  # fmt: skip
SOURCE = (
    "EMOPIA (Hung et al. 2021) is not downloaded by skmer: its authors publish it on Zenodo; the folder must hold "
    "labels.csv, one row a clip with the columns that the documentation of load_emopia lists, and the clips as "
    "audio/<clip> with the ending .flac, .wav or .mp3."
)
DESCR = """EMOPIA: perceived emotion in pop piano music
1,078 clips of 387 piano performances of pop songs, 18 to 110 seconds each, 12 hours in all. One of
four annotators gave each clip the quadrant of Russell's plane that it expresses: Q1 (high valence, high
arousal) 250 clips, Q2 (low, high) 265, Q3 (low, low) 253, Q4 (high valence, low arousal) 310. There are
no ratings: valence and arousal are "low" or "high" by quadrant.
Clips of one song are alike, though 72 songs have clips in several quadrants: split by `groups`.
`splits` are the two published ones: "split_cls_repo", with which the authors report
classification (767/198/86 clips, 27 in none), and "split_zip", that of the published archive (876/114/88).
The level of a clip carries arousal: never normalise it clip by clip.
Licence: CC BY-NC-SA 4.0.
Source: H.-T. Hung, J. Ching, S. Doh, N. Kim, J. Nam, Y.-H. Yang, "EMOPIA: a multi-modal pop piano
dataset for emotion recognition and emotion-based music generation", Proceedings of ISMIR, 2021."""


def load_emopia(data_home=None, task="quadrant", check_audio=True):
    """Load EMOPIA: 1,078 clips of pop piano with the quadrant that they express.

    Nothing is downloaded. The folder is expected to hold ``labels.csv``, with one row a clip and the columns
    ``clip``, ``song_id``, ``quadrant``, ``arousal_high`` and ``valence_high`` (0 or 1), ``annotator``,
    ``split_cls_repo`` and ``split_zip`` ("train", "val", "test" or empty) and ``duration_s``, and
    the audio as ``audio/<clip>.flac``, ``.wav`` or ``.mp3``: the original recordings, or the
    published MIDI files made audible.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/emopia``.
    task : {"quadrant", "valence", "arousal"}, default="quadrant"
        What `target` tells apart: the four quadrants, or the low and the high half of a dimension.
    check_audio : bool, default=True
        Whether every clip must have its audio file, and every file beside them a clip. Turn it
        off to read the labels alone; `data` then names a FLAC file where there is none.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Clips are in the order of ``labels.csv``.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_clips,)
            "Q1" to "Q4", or "low" and "high".
        groups : ndarray of shape (n_clips,)
            The song of each clip.
        splits : dict of str to dict of str to ndarray
            The positions of the clips in "train", "validation" and "test" of "split_cls_repo" and "split_zip".
        quadrant : ndarray of shape (n_clips,)
            The quadrant of each clip, whatever the task.
        song_id : ndarray of shape (n_clips,)
            The song of each clip, as in `groups`.
        clip : ndarray of shape (n_clips,)
            Name of each clip in the collection: its quadrant, its song and a number.
        annotator : ndarray of shape (n_clips,)
            Who labelled each clip: "A" to "D".
        durations : ndarray of shape (n_clips,)
            Length of each clip in seconds.
        DESCR : str
            Description of the data, with its licence and source.

    Raises
    ------
    FileNotFoundError
        If the folder, ``labels.csv`` or an audio file is missing.
    PermissionError
        If a file or a folder may not be read.
    TypeError
        If a path is no path, or `check_audio` neither True nor False.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, `task` is unknown, ``labels.csv`` is not as
        expected, or a clip has two audio files.

    Warns
    -----
    UserWarning
        If the annotations do not hold the 1,078 published clips: they may be cut short.

    See Also
    --------
    load_four_q : Recordings of many genres with quadrants.
    load_emotify : Recordings with the emotions that listeners felt.

    References
    ----------
    .. [1] H.-T. Hung, J. Ching, S. Doh, N. Kim, J. Nam and Y.-H. Yang, "EMOPIA: a multi-modal pop piano
       dataset for emotion recognition and emotion-based music generation", Proceedings of ISMIR, 2021.

    Examples
    --------
    >>> from skmer.datasets import load_emopia
    >>> songs = load_emopia("~/emopia", task="valence")  # doctest: +SKIP
    >>> len(songs.splits["split_cls_repo"]["train"])  # doctest: +SKIP
    767
    """
    check_quadrant_task(task, "EMOPIA")
    check_flag(check_audio, "check_audio")
    home = resolve_data_home(data_home, "emopia", SOURCE, ["labels.csv"])
    path = home / "labels.csv"
    table = read_table(path, COLUMNS, SOURCE)
    durations = _check_labels(table, path)
    quadrant, song_id = np.array(table["quadrant"]), np.array(table["song_id"])
    target = quadrants_to_classes(quadrant, task)
    files = [_find_audio(home / "audio", clip) for clip in table["clip"]]
    if check_audio:
        check_audio_files(files, path, SOURCE)
    check_counts([(path, len(files), N_PUBLISHED, table.unended)], "clip")
    return Bunch(
        data=[str(file) for file in files],
        target=target,
        groups=song_id,
        splits={name: _positions(np.array(table[name])) for name in SPLITS},
        quadrant=quadrant,
        song_id=song_id,
        clip=np.array(table["clip"]),
        annotator=np.array(table["annotator"]),
        durations=durations,
        DESCR=describe(DESCR, len(files), N_PUBLISHED, "clip"),
    )


def _check_labels(table, path):
    """Give the durations; refuse what labels.csv cannot mean."""
    for line, *cells in zip(table.lines, *(table[name] for name in COLUMNS), strict=True):
        _check_row(dict(zip(COLUMNS, cells, strict=True)), f"{path}, line {line}")
    check_unique(table["clip"], path, "clip", table.lines)
    durations = to_numbers(table["duration_s"], float, path, "duration_s", table.lines)
    for i in np.flatnonzero(durations <= 0):
        value = table["duration_s"][i]
        raise ValueError(f"{path}, line {table.lines[i]}: duration_s must be positive seconds, got {value!r}.")
    return durations


def _check_row(row, where):
    quadrant = row["quadrant"]
    if quadrant not in QUADRANTS:
        raise ValueError(f"{where}: quadrant must be one of {list(QUADRANTS)}, got {quadrant!r}.")
    # clips name files: nothing that leads out of their folder may stand in them
    if not re.fullmatch(r"[\w-]+", row["song_id"], re.ASCII):
        raise ValueError(f"{where}: song_id must be letters, digits, _ and -, got {row['song_id']!r}.")
    begin = f"{quadrant}_{row['song_id']}_"
    if not row["clip"].startswith(begin) or not re.fullmatch("[0-9]+", row["clip"].removeprefix(begin)):
        raise ValueError(
            f"{where}: clip must be {begin!r}, for its quadrant and song, and a number, got {row['clip']!r}."
        )
    for dimension in ("arousal", "valence"):
        high = row[f"{dimension}_high"]
        expected = "1" if quadrants_to_classes([quadrant], dimension)[0] == "high" else "0"
        if high != expected:
            raise ValueError(f"{where}: {dimension}_high must be {expected!r} for {quadrant}, got {high!r}.")
    for name in SPLITS:
        if row[name] not in ("", *PARTS.values()):
            raise ValueError(f"{where}: {name} must be 'train', 'val', 'test' or empty, got {row[name]!r}.")


def _find_audio(folder, clip):
    """Give the audio of a clip, whichever ending it has."""
    named = [folder / (clip + ending) for ending in EXTENSIONS]
    present = [path for path in named if kind_of(path) == "a file"]
    if len(present) > 1:
        raise ValueError(
            f"The clip {clip} has {len(present)} audio files, {', '.join(map(str, present))}: keep one of them."
        )
    return present[0] if present else named[0]


def _positions(parts):
    return {name: np.flatnonzero(parts == part) for name, part in PARTS.items()}


COLLECTION = Collection("emopia", "EMOPIA", load_emopia, ("quadrant", "arousal", "valence"), group="song", unit="clip")
