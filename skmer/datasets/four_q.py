"""load_four_q: clips of recordings with the quadrant of Russell's plane that they express."""

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._paths import check_flag, is_file
from skmer.datasets._published import Published
from skmer.datasets._tables import matching, one_of, text
from skmer.datasets._tasks import check_quadrant_task
from skmer.datasets.ratings import QUADRANTS, quadrants_to_classes

__all__ = ["load_four_q"]

ANNOTATIONS, METADATA = "panda_dataset_taffc_annotations.csv", "panda_dataset_taffc_metadata.csv"
FOUR_Q = Published(
    folder="4Q",
    files=(ANNOTATIONS, METADATA),
    n_songs=900,
    source="4Q (Panda et al. 2018) is not downloaded by skmer: its authors offer it on the site of their group at the "
    f"University of Coimbra (CISUC); the folder must hold {ANNOTATIONS}, {METADATA} and the audio in Q1/ to Q4/.",
    descr="""4Q: emotion quadrants of recorded music
900 clips of about 30 seconds of commercial recordings of many genres, 225 in each quadrant of
Russell's plane: Q1 is high valence and high arousal, Q2 low valence and high arousal, Q3 low and low, Q4
high valence and low arousal. The quadrants come from the mood words that editors of AllMusic gave
the songs; listeners then confirmed them. There are no ratings: valence and arousal are "low"
or "high" by quadrant.
Songs of one artist are alike: split by `groups`. 661 artists; three songs of the published table
name none, and each of them is a group of its own.
Terms: for research; the rights to the recordings stay with their owners.
Source: R. Panda, R. Malheiro, R. P. Paiva, "Novel audio features for music emotion recognition", IEEE
Transactions on Affective Computing 11(4), 2020 (online 2018), pp. 614-626.""",
)


def load_four_q(data_home=None, task="quadrant", check_audio=True):
    """Load 4Q: 900 clips with the quadrant of Russell's plane that they express.

    Nothing is downloaded. The folder is expected as its authors publish it:
    ``panda_dataset_taffc_annotations.csv`` with the columns ``Song`` and ``Quadrant``,
    ``panda_dataset_taffc_metadata.csv`` with ``Song``, ``Artist``, ``Title`` and ``Quadrant``, and
    each clip in the folder of its quadrant, such as ``Q3/MT0000004637.mp3``. The two tables must agree.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/4Q``.
    task : {"quadrant", "valence", "arousal"}, default="quadrant"
        Classes in `target`: the four quadrants, or the low and the high half of a dimension.
    check_audio : bool, default=True
        Whether every song must have its audio file in the folder of its quadrant, and every file there
        a row in the tables. With False, only the annotations are read.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of `song_id`.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,)
            "Q1" to "Q4", or "low" and "high".
        groups : ndarray of shape (n_songs,)
            The artist of each song; the song itself if the artist is not known.
        quadrant : ndarray of shape (n_songs,)
            The quadrant of each song, whatever the task.
        song_id : ndarray of shape (n_songs,)
            Name of each song in the collection, such as "MT0000004637".
        artist : ndarray of shape (n_songs,)
            The artist of each song; "" if not known.
        title : ndarray of shape (n_songs,)
            The title of each song.
        DESCR : str
            Description of the data, with its terms and source.

    Raises
    ------
    FileNotFoundError
        If the folder, one of the tables or an audio file is missing.
    PermissionError
        If a file or a folder cannot be read.
    TypeError
        If a path is not a str or path-like, or `check_audio` is not a bool.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, `task` is unknown, a table is not as expected,
        the tables disagree, or audio lies in the folder of another quadrant.

    Warns
    -----
    UserWarning
        If the annotations do not hold the 900 published songs: they may be cut short.

    See Also
    --------
    load_emopia : Piano clips with quadrants and published splits.
    load_emotify : Recordings with the emotions that listeners felt.

    References
    ----------
    .. [1] R. Panda, R. Malheiro and R. P. Paiva, "Novel audio features for music emotion recognition",
       IEEE Transactions on Affective Computing 11(4), 2020 (online 2018).

    Examples
    --------
    >>> from skmer.datasets import load_four_q
    >>> songs = load_four_q("~/4Q", task="arousal")  # doctest: +SKIP
    >>> songs.target[:2]  # doctest: +SKIP
    array(['low', 'high'], dtype='<U4')
    """
    check_quadrant_task(task, "4Q")
    check_flag(check_audio, "check_audio")
    home = FOUR_Q.find(data_home)
    columns = {"Song": matching("MT[0-9]+", "MT and digits"), "Quadrant": one_of(QUADRANTS)}
    # published in the encoding of Windows
    labels, songs = (
        FOUR_Q.read_table(home / name, {**columns, **more}, unique=["Song"], encoding="cp1252")
        for name, more in ((ANNOTATIONS, {}), (METADATA, {"Artist": text, "Title": text}))
    )
    songs.match(labels, "Song")
    songs = songs.sort("Song")
    _check_agreement(labels.match(songs, "Song"), songs)
    files = [home / folder / f"{song}.mp3" for song, folder in zip(songs["Song"], songs["Quadrant"], strict=True)]
    if check_audio:
        _check_folders(files, labels)
        FOUR_Q.check_audio(files, labels)
    FOUR_Q.check_size(labels)
    return Bunch(
        data=[str(file) for file in files],
        target=quadrants_to_classes(songs["Quadrant"], task),
        groups=np.where(songs["Artist"] == "", songs["Song"], songs["Artist"]),
        quadrant=songs["Quadrant"],
        song_id=songs["Song"],
        artist=songs["Artist"],
        title=songs["Title"],
        DESCR=FOUR_Q.describe(len(files)),
    )


def _check_agreement(labels, songs):
    """Raise ValueError if two tables of the same songs have different quadrants."""
    for i in np.flatnonzero(labels["Quadrant"] != songs["Quadrant"]):
        raise ValueError(
            f"{labels.where[i]}: {labels['Song'][i]} is in {labels['Quadrant'][i]}, but in {songs['Quadrant'][i]} by "
            f"{songs.where[i]}. The two tables must agree; get them again."
        )


def _check_folders(files, labels):
    """Raise ValueError if audio lies in the folder of another quadrant than the song's."""
    for file in files:
        for wrong in (file.parent.parent / folder / file.name for folder in QUADRANTS):
            if wrong != file and is_file(wrong):
                raise ValueError(
                    f"{wrong} lies in the folder of {wrong.parent.name}, but {file.stem} is in {file.parent.name} by "
                    f"{labels}. Move it to {file.parent}, unless it is there already."
                )


COLLECTION = Collection("4q", "4Q", load_four_q, ("valence", "arousal", "quadrant"), folds="stratified")
