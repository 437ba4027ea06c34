"""load_deam: the MediaEval Database for Emotional Analysis in Music."""

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import check_audio_files, check_counts, check_flag, describe, kind_of, resolve_data_home
from skmer.datasets._collection import Collection
from skmer.datasets._tables import read_table, to_numbers, to_ratings
from skmer.datasets._tasks import check_rating_task, target_from_ratings

__all__ = ["load_deam"]

SCALE = (1, 9)
PUBLISHED = [
    f"annotations/annotations averaged per song/song_level/static_annotations_averaged_songs_{songs}.csv"
    for songs in ("1_2000", "2000_2058")
]
JOINED = "static_annotations.csv"
N_PUBLISHED = {PUBLISHED[0]: 1744, PUBLISHED[1]: 58, JOINED: 1802}
SOURCE = (
    "DEAM (Aljanaki et al. 2017) is not downloaded by skmer: its authors offer it at the University of Geneva; "
    f"the folder must hold '{PUBLISHED[0]}', its fellow of songs 2000 to 2058, and MEMD_audio/."
)
DESCR = """DEAM: MediaEval Database for Emotional Analysis in Music
1802 songs of free music: excerpts of 45 s, but for the 58 of the task of 2015 (numbers above 2000),
which are whole songs. Listeners rated the valence and the arousal of each on a scale from 1 to 9;
`valence` and `arousal` are the means.
The annotations name no artist, so that each song is a group of its own: folds by `groups` do not
keep artists apart, and a system may profit from knowing an artist.
The 744 songs with numbers up to 1000 are those of the Emotion in Music database, whose files name
all but the same ratings the other way round: what is called valence here is called arousal there.
`load_deam` and `load_eim` give each what its files say.
Terms: published for research; the songs are under Creative Commons licences of their own.
Source: A. Aljanaki, Y.-H. Yang, M. Soleymani, "Developing a benchmark for emotional analysis of
music", PLoS ONE 12(3), e0173392, 2017."""


def load_deam(data_home=None, task="quadrant", threshold="median", check_audio=True):
    """Load DEAM: 1802 songs and excerpts with mean ratings of valence and arousal.

    Nothing is downloaded. The folder is expected to hold, as published, the two files
    ``static_annotations_averaged_songs_1_2000.csv`` and ``..._2000_2058.csv`` under
    ``annotations/annotations averaged per song/song_level``, and ``MEMD_audio/<song_id>.mp3``.
    Where neither file is there, ``static_annotations.csv`` in the folder itself, with the rows
    of both, is read instead.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/DEAM``.
    task : {"quadrant", "valence", "arousal", "dimensional"}, default="quadrant"
        What `target` holds: classes, or the ratings of valence and arousal.
    threshold : {"median", "midpoint"} or float, default="median"
        The rating, in (1, 9], from which on a song counts as high; at the upper end only
        ratings of just this value do. With a number `target` holds classes. "median" and "midpoint"
        depend on the training songs: `target` then holds the ratings, from which `fit_threshold` and
        `ratings_to_classes` make classes within a fold.
    check_audio : bool, default=True
        Whether every song must have its audio file, and every file beside them a row in the
        annotations. Turn it off to read the annotations alone.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of their numbers.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,) or (n_songs, 2)
            Classes, or ratings from 1 to 9, valence first, as `task` and `threshold` say.
        groups : ndarray of shape (n_songs,)
            The number of each song: the annotations name no artist, so that folds by `groups` do
            not keep artists apart.
        valence, arousal : ndarray of shape (n_songs,)
            Mean ratings, from 1 to 9.
        song_id : ndarray of shape (n_songs,)
            Number of each song in the collection.
        task, threshold : str or float
            As given.
        DESCR : str
            Description of the data, with its terms and source.

    Raises
    ------
    FileNotFoundError
        If the folder, a file of annotations or an audio file is missing.
    PermissionError
        If a file or a folder may not be read.
    TypeError
        If a path is no path, or `check_audio` neither True nor False.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, a parameter has no meaning, or the
        annotations are not as expected.

    Warns
    -----
    UserWarning
        If the annotations do not hold the 1,802 published songs: they may be cut short.

    See Also
    --------
    load_eim : The songs up to number 1000, with artists and a published split.
    load_pmemo : Choruses of pop songs with ratings.

    References
    ----------
    .. [1] A. Aljanaki, Y.-H. Yang and M. Soleymani, "Developing a benchmark for emotional analysis
       of music", PLoS ONE 12(3), e0173392, 2017.

    Examples
    --------
    >>> from skmer.datasets import load_deam
    >>> songs = load_deam("~/DEAM", task="arousal", threshold=5)  # doctest: +SKIP
    >>> songs.target[:2]  # doctest: +SKIP
    array(['low', 'low'], dtype='<U4')
    """
    check_rating_task(task, threshold, SCALE, "DEAM")
    check_flag(check_audio, "check_audio")
    home = resolve_data_home(data_home, "DEAM", SOURCE, [*PUBLISHED, JOINED])
    names = PUBLISHED
    if all(kind_of(home / name) == "nothing" for name in names) and kind_of(home / JOINED) != "nothing":
        names = [JOINED]
    paths = [home / name for name in names]
    (song_id, valence, arousal), tables = _read_annotations(paths)
    files = [home / "MEMD_audio" / f"{song}.mp3" for song in song_id]
    if check_audio:
        check_audio_files(files, " and ".join(map(str, paths)), SOURCE)
    sizes = [(len(table.lines), N_PUBLISHED[name], table.unended) for name, table in zip(names, tables, strict=True)]
    check_counts([(path, *size) for path, size in zip(paths, sizes, strict=True)])
    return Bunch(
        data=[str(file) for file in files],
        target=target_from_ratings(valence, arousal, task, threshold),
        groups=song_id.copy(),
        valence=valence,
        arousal=arousal,
        song_id=song_id,
        task=task,
        threshold=threshold,
        DESCR=describe(DESCR, len(files), N_PUBLISHED[JOINED]),
    )


def _read_annotations(paths):
    """Give numbers and ratings from all the files, in the order of the numbers, and the files' tables."""
    parts, tables, seen = [], [], dict[int, str]()
    for path in paths:
        table = read_table(path, ["song_id", "valence_mean", "arousal_mean"], SOURCE)
        tables.append(table)
        song_id = to_numbers(table["song_id"], int, path, "song_id", table.lines)
        for song, line in zip(song_id.tolist(), table.lines, strict=True):
            if song in seen:
                raise ValueError(
                    f"{path}, line {line}: song_id {song} stands in more than one row (also {seen[song]}); "
                    "each song needs one row."
                )
            seen[song] = f"{path.name}, line {line}"
        names = ("valence_mean", "arousal_mean")
        parts.append((song_id, *(to_ratings(table[name], SCALE, path, name, table.lines) for name in names)))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[0])
    return [column[order] for column in columns], tables


COLLECTION = Collection("deam", "DEAM", load_deam, ("valence", "arousal", "quadrant"), "median", group="song")
