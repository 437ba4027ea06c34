"""load_emotify: real recordings with the emotions that listeners felt."""

from collections.abc import Mapping
from functools import partial
from pathlib import PureWindowsPath

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._paths import check_flag
from skmer.datasets._published import Published
from skmer.datasets._tables import between, one_of, required, text, whole_number

__all__ = ["load_emotify"]

EMOTIONS = (
    "amazement",
    "solemnity",
    "tenderness",
    "nostalgia",
    "calmness",
    "power",
    "joyful_activation",
    "tension",
    "sadness",
)
EMOTIFY = Published(
    folder="emotify",
    files=("labels.csv",),
    n_songs=400,
    source="Emotify (Aljanaki et al. 2016) is not downloaded by skmer: its authors offer it at Utrecht University; "
    "the folder must hold labels.csv and audio/.",
    descr="""Emotify: emotion induced by music
400 excerpts of recordings of the label Magnatune, 100 each of classical, rock, electronic and pop
music. 11 to 59 listeners per song reported in a game which of nine emotions of the Geneva Emotional
Music Scale (GEMS) they felt; `ratings` are the shares of listeners. `target` is the emotion of the
largest share; 57 songs have a tie (`tied`), broken by the order of `emotion_names`.
The emotions are induced (felt by the listener), not perceived (expressed by the
music), and there is neither valence nor arousal. Songs of one artist are alike: split by `groups`.
Licence: CC BY-NC-SA (Magnatune); name artist, album and title where a recording is played.
Source: A. Aljanaki, F. Wiering, R. C. Veltkamp, "Studying emotion induced by music through a
crowdsourcing game", Information Processing & Management 52(1), 2016, pp. 115-128.""",
)


def load_emotify(data_home=None, emotions=None, check_audio=True):
    """Load Emotify: 400 real recordings with the emotions that listeners felt.

    Nothing is downloaded. The folder is expected to hold ``labels.csv``, with the columns
    ``track_id``, ``file``, ``genre``, the nine emotions, ``dominant``, ``dominant_tied`` and
    ``artist``, and the audio files that its column ``file`` names.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/emotify``.
    emotions : list of str, default=None
        Emotions whose songs are loaded, by the dominant emotion; ``None`` loads all songs.
    check_audio : bool, default=True
        Whether every song must have its audio file, and every file beside them a row in ``labels.csv``.
        With False, only the labels are read.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of their tracks.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,)
            The dominant emotion of each song.
        groups : ndarray of shape (n_songs,)
            The artist of each song.
        ratings : ndarray of shape (n_songs, 9)
            Share of the listeners who felt each emotion.
        emotion_names : list of str
            Names of the columns of `ratings`.
        genre : ndarray of shape (n_songs,)
            "classical", "rock", "electronic" or "pop".
        tied : ndarray of shape (n_songs,)
            Whether another emotion has as large a share as the dominant one.
        track_id : ndarray of shape (n_songs,)
            Number of each song in the collection.
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
        If neither `data_home` nor ``SKMER_DATA`` is given, `emotions` is empty or holds an unknown name,
        or ``labels.csv`` is not as expected.

    Warns
    -----
    UserWarning
        If the annotations do not hold the 400 published songs: they may be cut short.

    See Also
    --------
    make_songs : Synthetic songs, which need no data.

    References
    ----------
    .. [1] A. Aljanaki, F. Wiering and R. C. Veltkamp, "Studying emotion induced by music through a
       crowdsourcing game", Information Processing & Management 52(1), 2016.

    Examples
    --------
    >>> from skmer.datasets import load_emotify
    >>> songs = load_emotify("~/emotify", emotions=["calmness", "tension"])  # doctest: +SKIP
    >>> songs.target[:2]  # doctest: +SKIP
    array(['calmness', 'calmness'], dtype='<U8')
    """
    wanted = _check_emotions(emotions)
    check_flag(check_audio, "check_audio")
    home = EMOTIFY.find(data_home)
    songs = EMOTIFY.read_table(
        home / "labels.csv",
        {
            "track_id": whole_number,
            "file": required("it names the audio"),
            "genre": text,
            **dict.fromkeys(EMOTIONS, between(0, 1)),
            "dominant": one_of(EMOTIONS),
            "dominant_tied": one_of(("0", "1")),
            "artist": required("songs are grouped by it"),
        },
        unique=["track_id", "file"],
        check_row=_check_row,
    ).sort("track_id")
    files = [home / file for file in songs["file"]]
    if check_audio:
        EMOTIFY.check_audio(files, songs)
    EMOTIFY.check_size(songs)
    kept = np.flatnonzero(np.isin(songs["dominant"], wanted))
    if not len(kept):
        raise ValueError(f"No song in {songs} has one of the dominant emotions {wanted}.")
    songs = songs.take(kept)
    return Bunch(
        data=[str(files[i]) for i in kept],
        target=songs["dominant"],
        groups=songs["artist"],
        ratings=np.column_stack([songs[name] for name in EMOTIONS]),
        emotion_names=list(EMOTIONS),
        genre=songs["genre"],
        tied=songs["dominant_tied"] == "1",
        track_id=songs["track_id"],
        DESCR=EMOTIFY.describe(len(kept)),
    )


def _check_emotions(emotions):
    if emotions is None:
        return list(EMOTIONS)
    try:
        wanted = [] if isinstance(emotions, str | Mapping) else list(emotions)
    except TypeError:
        wanted = []
    if not wanted or not all(isinstance(emotion, str) and emotion in EMOTIONS for emotion in wanted):
        raise ValueError(f"emotions must be a list of some of {list(EMOTIONS)}, or None, got {emotions!r}.")
    return wanted


def _check_row(row):
    """Raise ValueError if the audio is outside the folder, or another emotion has a larger share than the dominant."""
    # both kinds of slashes and drives, whatever system this is
    file = PureWindowsPath(row["file"])
    if file.anchor or ".." in file.parts:
        raise ValueError(f"file must be a path within the folder of labels.csv, got {row['file']!r}.")
    share, largest = row[row["dominant"]], max(row[name] for name in EMOTIONS)
    if share < largest:
        raise ValueError(
            f"the dominant emotion must have the largest share, {largest:g}, but {row['dominant']!r} has {share:g}."
        )


# the other emotions have too few songs
COLLECTION = Collection(
    "emotify",
    "Emotify, its four commonest emotions",
    partial(load_emotify, emotions=["calmness", "joyful_activation", "nostalgia", "tension"]),
    ("emotion",),
)
