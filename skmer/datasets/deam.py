"""load_deam: the MediaEval Database for Emotional Analysis in Music."""

from dataclasses import replace

from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._paths import check_flag, path_kind
from skmer.datasets._published import Published
from skmer.datasets._tables import between, whole_number
from skmer.datasets._tasks import check_rating_task, target_from_ratings

__all__ = ["load_deam"]

PUBLISHED = [
    f"annotations/annotations averaged per song/song_level/static_annotations_averaged_songs_{songs}.csv"
    for songs in ("1_2000", "2000_2058")
]
JOINED = "static_annotations.csv"
N_SONGS = (1744, 58)
DEAM = Published(
    folder="DEAM",
    files=(*PUBLISHED, JOINED),
    n_songs=N_SONGS,
    source="DEAM (Aljanaki et al. 2017) is not downloaded by skmer: its authors offer it at the University of Geneva; "
    f"the folder must hold '{PUBLISHED[0]}', its counterpart for songs 2000 to 2058, and MEMD_audio/.",
    descr="""DEAM: MediaEval Database for Emotional Analysis in Music
1802 songs of free music: excerpts of 45 s, except for the 58 of the task of 2015 (numbers above
2000), which are whole songs. Listeners rated the valence and the arousal of each on a scale from 1 to 9;
`valence` and `arousal` are the means.
The annotations name no artist, so that each song is a group of its own: folds by `groups` do not
keep artists apart, and a system may profit from knowing an artist.
The 744 songs with numbers up to 1000 are those of the Emotion in Music database, whose files contain
almost the same ratings with the dimensions exchanged: valence here is arousal there. `load_deam` and
`load_eim` name the dimensions as the files do.
Terms: published for research; the songs are under Creative Commons licences of their own.
Source: A. Aljanaki, Y.-H. Yang, M. Soleymani, "Developing a benchmark for emotional analysis of
music", PLoS ONE 12(3), e0173392, 2017.""",
)


def load_deam(data_home=None, task="quadrant", threshold="median", check_audio=True):
    """Load DEAM: 1802 songs and excerpts with mean ratings of valence and arousal.

    Nothing is downloaded. The folder is expected to hold, as published, the two files
    ``static_annotations_averaged_songs_1_2000.csv`` and ``..._2000_2058.csv`` under
    ``annotations/annotations averaged per song/song_level``, and ``MEMD_audio/<song_id>.mp3``.
    If neither exists, ``static_annotations.csv`` in the folder itself, with the rows of both, is read
    instead.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/DEAM``.
    task : {"quadrant", "valence", "arousal", "dimensional"}, default="quadrant"
        Contents of `target`: classes, or the ratings of valence and arousal.
    threshold : {"median", "midpoint"} or float, default="median"
        Lowest rating of the class "high", in (1, 9]. With a number, `target` holds classes. "median" and
        "midpoint" depend on the training songs: `target` then holds the ratings, which `fit_threshold`
        and `ratings_to_classes` convert to classes within a fold.
    check_audio : bool, default=True
        Whether every song must have its audio file, and every file beside them a row in the
        annotations. With False, only the annotations are read.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of their numbers.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,) or (n_songs, 2)
            Classes, or ratings from 1 to 9, valence first, depending on `task` and `threshold`.
        groups : ndarray of shape (n_songs,)
            The number of each song: the annotations have no artists, so that folds by `groups` do
            not keep artists apart.
        valence, arousal : ndarray of shape (n_songs,)
            Mean ratings, from 1 to 9.
        song_id : ndarray of shape (n_songs,)
            Number of each song in the collection.
        task, threshold : str or float
            Values of these parameters.
        DESCR : str
            Description of the data, with its terms and source.

    Raises
    ------
    FileNotFoundError
        If the folder, a file of annotations or an audio file is missing.
    PermissionError
        If a file or a folder cannot be read.
    TypeError
        If a path is not a str or path-like, or `check_audio` is not a bool.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, a parameter is invalid, or the annotations
        are not as expected.

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
    check_rating_task(task, threshold, (1, 9), "DEAM")
    check_flag(check_audio, "check_audio")
    home = DEAM.find(data_home)
    collection, paths = DEAM, [home / name for name in PUBLISHED]
    if all(path_kind(path) == "nothing" for path in paths) and path_kind(home / JOINED) != "nothing":
        collection, paths = replace(DEAM, n_songs=sum(N_SONGS)), [home / JOINED]
    songs = DEAM.read_table(
        paths,
        {"song_id": whole_number, "valence_mean": between(1, 9), "arousal_mean": between(1, 9)},
        unique=["song_id"],
    ).sort("song_id")
    files = [home / "MEMD_audio" / f"{n}.mp3" for n in songs["song_id"]]
    if check_audio:
        DEAM.check_audio(files, songs)
    collection.check_size(songs)
    return Bunch(
        data=[str(file) for file in files],
        target=target_from_ratings(songs["valence_mean"], songs["arousal_mean"], task, threshold),
        groups=songs["song_id"].copy(),
        valence=songs["valence_mean"],
        arousal=songs["arousal_mean"],
        song_id=songs["song_id"],
        task=task,
        threshold=threshold,
        DESCR=DEAM.describe(len(files)),
    )


COLLECTION = Collection("deam", "DEAM", load_deam, ("valence", "arousal", "quadrant"), "median", group="song")
