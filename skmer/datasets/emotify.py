"""load_emotify: real recordings with the emotions that listeners felt."""

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import check_audio_files, check_unique, read_table, resolve_data_home, to_numbers

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
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, `emotions` is empty or holds an unknown name,
        or ``labels.csv`` is not as expected.

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
    home = resolve_data_home(data_home, "emotify", SOURCE)
    path = home / "labels.csv"
    columns = ["track_id", "file", "genre", *EMOTIONS, "dominant", "dominant_tied", "artist"]
    table = read_table(path, columns, SOURCE)
    track_id, ratings, tied = _check_labels(table, path)
    order = np.argsort(track_id)
    files = [home / table["file"][i] for i in order]
    if check_audio:
        check_audio_files(files, path, SOURCE)
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
        DESCR=DESCR,
    )


def _check_emotions(emotions):
    if emotions is None:
        return list(EMOTIONS)
    wanted = [emotions] if isinstance(emotions, str) else list(emotions)
    unknown = [emotion for emotion in wanted if emotion not in EMOTIONS]
    if unknown or not wanted or isinstance(emotions, str):
        raise ValueError(f"emotions must be a list of some of {list(EMOTIONS)}, or None, got {emotions!r}.")
    return wanted


def _check_labels(table, path):
    """Give track numbers, ratings and ties; refuse what labels.csv cannot mean."""
    track_id = to_numbers(table["track_id"], int, path, "track_id")
    check_unique(track_id.tolist(), path, "track_id")
    check_unique(table["file"], path, "file")
    ratings = np.column_stack([to_numbers(table[name], float, path, name) for name in EMOTIONS])
    if ratings.min() < 0 or ratings.max() > 1:
        raise ValueError(f"{path}: the emotions must be shares of listeners, between 0 and 1.")
    tied = to_numbers(table["dominant_tied"], int, path, "dominant_tied") != 0
    for row, (emotion, artist) in enumerate(zip(table["dominant"], table["artist"], strict=True)):
        if emotion not in EMOTIONS:
            raise ValueError(f"{path}, row {row + 1}: dominant must be one of {list(EMOTIONS)}, got {emotion!r}.")
        if ratings[row, EMOTIONS.index(emotion)] < ratings[row].max():
            raise ValueError(f"{path}, row {row + 1}: {emotion!r} is called dominant, but another share is larger.")
        if not artist:
            raise ValueError(f"{path}, row {row + 1}: the artist is missing; songs are grouped by it.")
    return track_id, ratings, tied
