"""load_emotify: real recordings with the emotions that listeners felt."""

from collections.abc import Mapping
from functools import partial
from pathlib import PureWindowsPath

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import check_audio_files, check_counts, check_flag, describe, resolve_data_home
from skmer.datasets._collection import Collection
from skmer.datasets._tables import check_filled, check_unique, read_table, to_numbers, to_ratings

__all__ = ["load_emotify"]

N_PUBLISHED = 400
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
SOURCE = (
    "Emotify (Aljanaki et al. 2016) is not downloaded by skmer: its authors offer it at Utrecht University; "
    "the folder must hold labels.csv and audio/."
)
DESCR = """Emotify: emotion induced by music
400 excerpts of recordings of the label Magnatune, 100 each of classical, rock, electronic and pop
music. 11 to 59 listeners a song told in a game which of nine emotions of the Geneva Emotional
Music Scale (GEMS) they felt; `ratings` are the shares of listeners. `target` is the emotion of the
largest share; 57 songs have a tie (`tied`), broken by the order of `emotion_names`.
The emotions are induced (felt by the listener), not perceived (expressed by the
music), and there is neither valence nor arousal. Songs of one artist are alike: split by `groups`.
Licence: CC BY-NC-SA (Magnatune); name artist, album and title where a recording is played.
Source: A. Aljanaki, F. Wiering, R. C. Veltkamp, "Studying emotion induced by music through a
crowdsourcing game", Information Processing & Management 52(1), 2016, pp. 115-128."""


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
        Only the songs whose dominant emotion is one of these are given; ``None`` gives all.
    check_audio : bool, default=True
        Whether every song must have its audio file, and every file beside them a song. Turn it
        off to read the labels alone.

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
        If a file or a folder may not be read.
    TypeError
        If a path is no path, or `check_audio` neither True nor False.
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
    home = resolve_data_home(data_home, "emotify", SOURCE, ["labels.csv"])
    path = home / "labels.csv"
    columns = ["track_id", "file", "genre", *EMOTIONS, "dominant", "dominant_tied", "artist"]
    table = read_table(path, columns, SOURCE)
    track_id, ratings, tied = _check_labels(table, path)
    order = np.argsort(track_id)
    files = [home / table["file"][i] for i in order]
    if check_audio:
        check_audio_files(files, path, SOURCE)
    check_counts([(path, len(files), N_PUBLISHED, table.unended)])
    target = np.array(table["dominant"])[order]
    kept = np.isin(target, wanted)
    if not kept.any():
        raise ValueError(f"No song in {path} has one of the dominant emotions {wanted}.")
    return Bunch(
        data=[str(file) for file, keep in zip(files, kept, strict=True) if keep],
        target=target[kept],
        groups=np.array(table["artist"])[order][kept],
        ratings=ratings[order][kept],
        emotion_names=list(EMOTIONS),
        genre=np.array(table["genre"])[order][kept],
        tied=tied[order][kept],
        track_id=track_id[order][kept],
        DESCR=describe(DESCR, kept.sum(), N_PUBLISHED),
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


def _check_labels(table, path):
    """Give track numbers, ratings and ties; refuse what labels.csv cannot mean."""
    lines = table.lines
    track_id = to_numbers(table["track_id"], int, path, "track_id", lines)
    check_unique(track_id.tolist(), path, "track_id", lines)
    check_filled(table["file"], path, "file", lines, "it names the audio")
    check_unique(table["file"], path, "file", lines)
    check_filled(table["artist"], path, "artist", lines, "songs are grouped by it")
    ratings = np.column_stack([to_ratings(table[name], (0, 1), path, name, lines) for name in EMOTIONS])
    columns = (table["file"], table["dominant"], table["dominant_tied"])
    for line, shares, file, dominant, tied in zip(lines, ratings, *columns, strict=True):
        where = f"{path}, line {line}"
        # both kinds of slashes and drives, whatever system this is
        if PureWindowsPath(file).anchor or ".." in PureWindowsPath(file).parts:
            raise ValueError(f"{where}: file must be a path within the folder of labels.csv, got {file!r}.")
        if dominant not in EMOTIONS:
            raise ValueError(f"{where}: dominant must be one of {list(EMOTIONS)}, got {dominant!r}.")
        share = shares[EMOTIONS.index(dominant)]
        if share < shares.max():
            raise ValueError(
                f"{where}: {dominant!r} is called dominant with a share of {share:g}, but another share is larger, "
                f"{shares.max():g}."
            )
        if tied not in ("0", "1"):
            raise ValueError(f"{where}: dominant_tied must be 0 or 1, got {tied!r}.")
    return track_id, ratings, np.array(table["dominant_tied"]) == "1"


# the other emotions have too few songs
COLLECTION = Collection(
    "emotify",
    "Emotify, its four commonest emotions",
    partial(load_emotify, emotions=["calmness", "joyful_activation", "nostalgia", "tension"]),
    ("emotion",),
)
