"""load_emopia: clips of pop piano with the quadrant of Russell's plane that they express."""

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._paths import check_flag
from skmer.datasets._published import Published
from skmer.datasets._tables import matching, one_of, seconds, text
from skmer.datasets._tasks import check_quadrant_task
from skmer.datasets.ratings import QUADRANTS, quadrants_to_classes

__all__ = ["load_emopia"]

SPLITS = ("split_cls_repo", "split_zip")
PARTS = {"train": "train", "validation": "val", "test": "test"}
EMOPIA = Published(
    folder="emopia",
    files=("labels.csv",),
    n_songs=1078,
    unit="clip",
    source="EMOPIA (Hung et al. 2021) is not downloaded by skmer: its authors publish it on Zenodo; the folder must "
    "hold labels.csv, one row a clip with the columns that the documentation of load_emopia lists, and the clips as "
    "audio/<clip> with the extension .flac, .wav or .mp3.",
    descr="""EMOPIA: perceived emotion in pop piano music
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
dataset for emotion recognition and emotion-based music generation", Proceedings of ISMIR, 2021.""",
)


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
        Classes in `target`: the four quadrants, or the low and the high half of a dimension.
    check_audio : bool, default=True
        Whether every clip must have its audio file, and every file in ``audio`` a row in ``labels.csv``.
        With False, only the labels are read; `data` then has the path of a FLAC file for a clip without audio.

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
            Annotator of each clip: "A" to "D".
        durations : ndarray of shape (n_clips,)
            Length of each clip, in seconds.
        DESCR : str
            Description of the data, with its licence and source.

    Raises
    ------
    FileNotFoundError
        If the folder, ``labels.csv`` or an audio file is missing.
    PermissionError
        If a file or a folder cannot be read.
    TypeError
        If a path is not a str or path-like, or `check_audio` is not a bool.
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
    home = EMOPIA.find(data_home)
    clips = EMOPIA.read_table(
        home / "labels.csv",
        {
            "clip": text,
            # clips name files: no separator of folders may be in them
            "song_id": matching("[A-Za-z0-9_-]+", "letters, digits, _ and -"),
            "quadrant": one_of(QUADRANTS),
            "arousal_high": text,
            "valence_high": text,
            "annotator": text,
            **dict.fromkeys(SPLITS, one_of(("", *PARTS.values()))),
            "duration_s": seconds,
        },
        unique=["clip"],
        check_row=_check_row,
    )
    files = [EMOPIA.find_audio(home / "audio", clip) for clip in clips["clip"]]
    if check_audio:
        EMOPIA.check_audio(files, clips)
    EMOPIA.check_size(clips)
    return Bunch(
        data=[str(file) for file in files],
        target=quadrants_to_classes(clips["quadrant"], task),
        groups=clips["song_id"],
        splits={name: {part: np.flatnonzero(clips[name] == value) for part, value in PARTS.items()} for name in SPLITS},
        quadrant=clips["quadrant"],
        song_id=clips["song_id"],
        clip=clips["clip"],
        annotator=clips["annotator"],
        durations=clips["duration_s"],
        DESCR=EMOPIA.describe(len(files)),
    )


def _check_row(row):
    """Raise ValueError if a clip has another quadrant or song in its name than in its row, or another half."""
    begin = f"{row['quadrant']}_{row['song_id']}_"
    number = row["clip"].removeprefix(begin)
    if not row["clip"].startswith(begin) or not (number.isascii() and number.isdecimal()):
        raise ValueError(f"clip must be {begin!r}, for its quadrant and song, and a number, got {row['clip']!r}.")
    for dimension in ("arousal", "valence"):
        high = row[f"{dimension}_high"]
        expected = "1" if quadrants_to_classes([row["quadrant"]], dimension)[0] == "high" else "0"
        if high != expected:
            raise ValueError(f"{dimension}_high must be {expected!r} for {row['quadrant']}, got {high!r}.")


COLLECTION = Collection("emopia", "EMOPIA", load_emopia, ("quadrant", "arousal", "valence"), group="song", unit="clip")
