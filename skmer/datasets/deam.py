"""load_deam: the MediaEval Database for Emotional Analysis in Music."""

from dataclasses import replace

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._dynamic import (
    curves_in_columns,
    curves_of_raters,
    deviation,
    is_there,
    join_curves,
    rating,
    spread,
    warn_of_odd_ratings,
)
from skmer.datasets._paths import check_flag
from skmer.datasets._published import Published
from skmer.datasets._tables import between, whole_number
from skmer.datasets._tasks import check_rating_task, target_from_ratings

__all__ = ["load_deam"]

PUBLISHED = [
    f"annotations/annotations averaged per song/song_level/static_annotations_averaged_songs_{songs}.csv"
    for songs in ("1_2000", "2000_2058")
]
JOINED = "static_annotations.csv"
RATERS = [
    f"annotations/annotations per each rater/song_level/static_annotations_songs_{songs}.csv"
    for songs in ("1_2000", "2000_2058")
]
DYNAMIC, DYNAMIC_RATERS = (
    [f"annotations/annotations {kind}/dynamic (per second annotations)/{name}" for name in ("valence", "arousal")]
    for kind in ("averaged per song", "per each rater")
)
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
`valence` and `arousal` are the means. They also rated it while they listened, from -1 to 1: with
dynamic=True, `dynamic` has the means of every half second from 15 s on.
The annotations name no artist, so that each song is a group of its own: folds by `groups` do not
keep artists apart, and a system may profit from knowing an artist.
The 744 songs with numbers up to 1000 are those of the Emotion in Music database, whose files contain
almost the same ratings with the dimensions exchanged: valence here is arousal there. `load_deam` and
`load_eim` name the dimensions as the files do.
Terms: published for research; the songs are under Creative Commons licences of their own.
Source: A. Aljanaki, Y.-H. Yang, M. Soleymani, "Developing a benchmark for emotional analysis of
music", PLoS ONE 12(3), e0173392, 2017.""",
)


def load_deam(data_home=None, task="quadrant", threshold="median", check_audio=True, dynamic=False):
    """Load DEAM: 1802 songs and excerpts with mean ratings of valence and arousal.

    Nothing is downloaded. The folder is expected to hold, as published, the two files
    ``static_annotations_averaged_songs_1_2000.csv`` and ``..._2000_2058.csv`` under
    ``annotations/annotations averaged per song/song_level``, and ``MEMD_audio/<song_id>.mp3``.
    If neither exists, ``static_annotations.csv`` in the folder itself, with the rows of both, is read
    instead. Numbers of raters are counted in ``static_annotations_songs_1_2000.csv`` and ``..._2000_2058.csv`` under
    ``annotations/annotations per each rater/song_level`` if they are there. With `dynamic`, the folder must also hold
    ``valence.csv`` and ``arousal.csv`` under
    ``annotations/annotations averaged per song/dynamic (per second annotations)``. Their deviations are computed from
    the files ``valence/<song_id>.csv`` and ``arousal/<song_id>.csv`` under
    ``annotations/annotations per each rater/dynamic (per second annotations)`` if these folders are there.

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
    dynamic : bool, default=False
        Whether the ratings over time are read too.

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
        valence_std, arousal_std : ndarray of shape (n_songs,) or None
            Standard deviations over the listeners, divided by n rather than n - 1; None if a table has none.
        n_raters : ndarray of shape (n_songs,) or None
            Number of listeners who rated each song, 0 for a song that their tables do not list; None without these.
        dynamic : list of DynamicRatings
            With `dynamic`: the ratings of each song over time, valence first, **from -1 to 1**; empty for a song
            without any. A rating with the published time t is that of the half second that ends at t. Deviations
            are divided by n - 1; the number of listeners is the smaller one of the two dimensions.
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
        If a path is not a str or path-like, or `check_audio` or `dynamic` is not a bool.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, a parameter is invalid, or the annotations
        are not as expected.

    Warns
    -----
    UserWarning
        If the annotations do not hold the 1,802 published songs: they may be cut short; if songs have no ratings
        over time; and if these name the dimensions unlike the other ratings do.

    See Also
    --------
    load_eim : The songs up to number 1000, with artists and a published split.
    load_pmemo : Choruses of pop songs with ratings.
    segment_ratings : Computes the ratings of segments from those over time.

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
    check_flag(dynamic, "dynamic")
    home = DEAM.find(data_home)
    collection, paths = DEAM, [home / name for name in PUBLISHED]
    if not any(map(is_there, paths)) and is_there(home / JOINED):
        collection, paths = replace(DEAM, n_songs=sum(N_SONGS)), [home / JOINED]
    songs = DEAM.read_table(
        paths,
        {
            "song_id": whole_number,
            "valence_mean": between(1, 9),
            "arousal_mean": between(1, 9),
            "valence_std": deviation,
            "arousal_std": deviation,
        },
        unique=["song_id"],
        optional=["valence_std", "arousal_std"],
    ).sort("song_id")
    files = [home / "MEMD_audio" / f"{n}.mp3" for n in songs["song_id"]]
    if check_audio:
        DEAM.check_audio(files, songs)
    collection.check_size(songs)
    more = {}
    if dynamic:
        more["dynamic"] = _read_dynamic(home, songs["song_id"].tolist())
        paths = [home / f"{name}.csv" for name in DYNAMIC]
        warn_of_odd_ratings(more["dynamic"], songs["valence_mean"], songs["arousal_mean"], songs, paths)
    return Bunch(
        data=[str(file) for file in files],
        target=target_from_ratings(songs["valence_mean"], songs["arousal_mean"], task, threshold),
        groups=songs["song_id"].copy(),
        valence=songs["valence_mean"],
        arousal=songs["arousal_mean"],
        valence_std=songs.get("valence_std"),
        arousal_std=songs.get("arousal_std"),
        n_raters=_count_raters([home / name for name in RATERS], songs["song_id"]),
        song_id=songs["song_id"],
        task=task,
        threshold=threshold,
        DESCR=DEAM.describe(len(files)),
        **more,
    )


def _count_raters(paths, songs):
    """Return the number of rows of each song in the tables of single ratings, or None without these."""
    paths = [path for path in paths if is_there(path)]
    if not paths:
        return None
    # SongId, whose case differs from table to table in public copies
    rows = DEAM.read_table(paths, {"songid": whole_number}, any_case=True)["songid"]
    return np.array([np.count_nonzero(rows == song) for song in songs])


def _read_dynamic(home, songs):
    """Return the ratings over time of songs by their numbers."""
    means = [curves_in_columns(home / f"{name}.csv", DEAM.source, rating(-1, 1)) for name in DYNAMIC]
    folders = [home / name for name in DYNAMIC_RATERS]
    if not any(map(is_there, folders)):
        return join_curves(songs, means)
    rated = [song for song in songs if all(song in curves for curves in means)]
    raters = [{song: curves_of_raters(folder / f"{song}.csv", DEAM.source) for song in rated} for folder in folders]
    deviations = [{song: spread(curves) for song, curves in of_songs.items()} for of_songs in raters]
    return join_curves(songs, means, deviations, [min(len(of.get(song, [])) for of in raters) for song in songs])


COLLECTION = Collection("deam", "DEAM", load_deam, ("valence", "arousal", "quadrant"), "median", group="song")
