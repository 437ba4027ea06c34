"""load_pmemo: choruses of pop songs with mean ratings of valence and arousal."""

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._dynamic import curves_in_rows, deviation, is_there, join_curves, rating, warn_of_odd_ratings
from skmer.datasets._paths import check_flag
from skmer.datasets._published import Published
from skmer.datasets._tables import between, file_name_check, required, seconds, text, whole_number
from skmer.datasets._tasks import check_rating_task, target_from_ratings

__all__ = ["load_pmemo"]

METADATA, ANNOTATIONS = "metadata.csv", "annotations/static_annotations.csv"
DEVIATIONS = "annotations/static_annotations_std.csv"
DYNAMIC, DYNAMIC_DEVIATIONS = "annotations/dynamic_annotations.csv", "annotations/dynamic_annotations_std.csv"
PMEMO = Published(
    folder="PMEmo2019",
    files=(METADATA, ANNOTATIONS),
    n_songs=767,
    source="PMEmo2019 (Zhang et al. 2018) is not downloaded by skmer: its authors, of Zhejiang University, offer it on "
    "the project's own page and its GitHub repository, HuiZhangDB/PMEmo; the folder must hold metadata.csv, "
    "annotations/static_annotations.csv and chorus/.",
    descr="""PMEmo2019: popular music with emotional annotations
Choruses of 794 songs of the charts of 2016 and 2017, 11 to 88 s long. At least ten listeners a song
rated the valence and the arousal of the whole chorus; the published means lie between 0 and 1.
767 of the songs have such ratings: `data` holds these, `unannotated` the audio of the others.
They also rated it while they listened: with dynamic=True, `dynamic` has the means of every half second from
15 s on, from 0 to 1.
Songs of one artist are alike: split by `groups`. Artists are taken as they are written: 396 names
over the rated songs, of which two are one artist ("Lady Gaga", "Lady GaGa").
Terms: published for research; the choruses are excerpts of commercial recordings, whose copyright
stays with their owners. Cite the paper.
Source: K. Zhang, H. Zhang, S. Li, C. Yang, L. Sun, "The PMEmo dataset for music emotion
recognition", Proc. ACM International Conference on Multimedia Retrieval, 2018, pp. 135-142.""",
)


def load_pmemo(data_home=None, task="valence", threshold="median", check_audio=True, dynamic=False):
    """Load PMEmo2019: choruses of 767 pop songs with mean ratings of valence and arousal.

    Nothing is downloaded. The folder is expected to hold, as published, ``metadata.csv``,
    ``annotations/static_annotations.csv`` and ``chorus/<musicId>.mp3``. Standard deviations are read from
    ``annotations/static_annotations_std.csv`` if it is there. With `dynamic`, the folder must also hold
    ``annotations/dynamic_annotations.csv``; its deviations are read from
    ``annotations/dynamic_annotations_std.csv`` if it is there.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/PMEmo2019``.
    task : {"quadrant", "valence", "arousal", "dimensional"}, default="valence"
        Contents of `target`: classes, or the ratings of valence and arousal.
    threshold : {"median", "midpoint"} or float, default="median"
        Lowest rating of the class "high", in (0, 1]. With a number, `target` holds classes. "median" and
        "midpoint" depend on the training songs: `target` then holds the ratings, which `fit_threshold`
        and `ratings_to_classes` convert to classes within a fold.
    check_audio : bool, default=True
        Whether every rated song must have its audio file, and every file in ``chorus`` a row in
        ``metadata.csv``. With False, only the annotations are read.
    dynamic : bool, default=False
        Whether the ratings over time are read too.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of their numbers.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,) or (n_songs, 2)
            Classes, or ratings from 0 to 1, valence first, depending on `task` and `threshold`.
        groups : ndarray of shape (n_songs,)
            The artist of each song.
        valence, arousal : ndarray of shape (n_songs,)
            Mean ratings, from 0 to 1.
        valence_std, arousal_std : ndarray of shape (n_songs,) or None
            Standard deviations over the listeners, as published; None without their file.
        dynamic : list of DynamicRatings
            With `dynamic`: the ratings of each song over time, valence first, from 0 to 1; empty for a song
            without any. A rating with the published time t is that of the half second that ends at t.
            The paper does not tell whether the deviations were divided by n or n - 1.
        song_id : ndarray of shape (n_songs,)
            Number of each song in the collection.
        title, artist : ndarray of shape (n_songs,)
            Title and artist of each song.
        durations : ndarray of shape (n_songs,)
            Published length of each chorus, in seconds.
        unannotated : list of str
            Absolute paths of the audio files that belong to songs without ratings. Empty if
            `check_audio` is off.
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
        If the annotations do not hold the 767 published songs: they may be cut short; if songs have no ratings
        over time; and if these name the dimensions unlike the other ratings do.

    See Also
    --------
    load_eim : Excerpts of free music with ratings.
    load_deam : More of them.
    segment_ratings : Computes the ratings of segments from those over time.

    References
    ----------
    .. [1] K. Zhang, H. Zhang, S. Li, C. Yang and L. Sun, "The PMEmo dataset for music emotion
       recognition", Proc. ACM International Conference on Multimedia Retrieval, 2018.

    Examples
    --------
    >>> from skmer.datasets import load_pmemo
    >>> songs = load_pmemo("~/PMEmo2019", threshold=0.5)  # doctest: +SKIP
    >>> songs.target[:2]  # doctest: +SKIP
    array(['high', 'low'], dtype='<U4')
    """
    check_rating_task(task, threshold, (0, 1), "PMEmo2019")
    check_flag(check_audio, "check_audio")
    check_flag(dynamic, "dynamic")
    home = PMEMO.find(data_home)
    metadata = PMEMO.read_table(
        home / METADATA,
        {
            "musicId": whole_number,
            "fileName": text,
            "title": text,
            "artist": required("songs are grouped by it"),
            "duration": seconds,
        },
        unique=["musicId"],
        check_row=file_name_check("musicId", "fileName"),
    )
    rated = PMEMO.read_table(
        home / ANNOTATIONS,
        {"musicId": whole_number, "Valence(mean)": between(0, 1), "Arousal(mean)": between(0, 1)},
        unique=["musicId"],
    ).sort("musicId")
    songs = metadata.match(rated, "musicId")
    files, known = ([home / "chorus" / f"{n}.mp3" for n in table["musicId"]] for table in (rated, metadata))
    unannotated = PMEMO.check_audio(files, rated, spare=known, roster=metadata) if check_audio else []
    PMEMO.check_size(rated)
    spread = _read_deviations(home / DEVIATIONS, rated)
    more = {}
    if dynamic:
        more["dynamic"] = _read_dynamic(home, rated)
        valence, arousal = rated["Valence(mean)"], rated["Arousal(mean)"]
        warn_of_odd_ratings(more["dynamic"], valence, arousal, rated, [home / DYNAMIC])
    return Bunch(
        data=[str(file) for file in files],
        target=target_from_ratings(rated["Valence(mean)"], rated["Arousal(mean)"], task, threshold),
        groups=songs["artist"].copy(),
        valence=rated["Valence(mean)"],
        arousal=rated["Arousal(mean)"],
        valence_std=spread.get("Valence(std)"),
        arousal_std=spread.get("Arousal(std)"),
        song_id=rated["musicId"],
        title=songs["title"],
        artist=songs["artist"],
        durations=songs["duration"],
        unannotated=[str(file) for file in unannotated],
        task=task,
        threshold=threshold,
        DESCR=PMEMO.describe(len(files)),
        **more,
    )


def _read_deviations(path, rated):
    """Return the deviations of the rated songs, or nothing without their file."""
    if not is_there(path):
        return {}
    columns = {"musicId": whole_number, "Valence(std)": deviation, "Arousal(std)": deviation}
    return PMEMO.read_table(path, columns, unique=["musicId"]).match(rated, "musicId")


def _read_dynamic(home, rated):
    """Return the ratings over time of the rated songs."""
    found = []
    for name, kind, read in ((DYNAMIC, "mean", rating(0, 1)), (DYNAMIC_DEVIATIONS, "std", deviation)):
        if name == DYNAMIC or is_there(home / name):
            columns = [f"{dimension}({kind})" for dimension in ("Valence", "Arousal")]
            places = {"musicId": whole_number, "frameTime": between(0, np.inf)}
            table = PMEMO.read_table(home / name, {**places, **dict.fromkeys(columns, read)})
            found.append([curves_in_rows(table, column) for column in columns])
    return join_curves(rated["musicId"].tolist(), *found)


COLLECTION = Collection("pmemo", "PMEmo", load_pmemo, ("valence", "arousal"), "median", "stratified")
