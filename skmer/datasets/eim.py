"""load_eim: the Emotion in Music database, or emoMusic, with mean ratings of valence and arousal."""

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._dynamic import curves_in_columns, deviation, is_there, join_curves, rating, warn_of_odd_ratings
from skmer.datasets._paths import check_flag
from skmer.datasets._published import Published
from skmer.datasets._tables import between, file_name_check, one_of, required, text, whole_number
from skmer.datasets._tasks import check_rating_task, target_from_ratings

__all__ = ["load_eim"]

INFO, ANNOTATIONS = "annotations/songs_info.csv", "annotations/static_annotations.csv"
DYNAMIC, DYNAMIC_DEVIATIONS = (
    [f"annotations/{dimension}_cont_{kind}.csv" for dimension in ("valence", "arousal")] for kind in ("average", "std")
)
PARTS = {"development": "train", "evaluation": "test"}
N_EXCERPTS = 1000
EIM = Published(
    folder="emoMusic",
    files=(ANNOTATIONS, INFO),
    n_songs=744,
    source="The Emotion in Music database (Soleymani et al. 2013) is not downloaded by skmer: its authors offer it at "
    "the University of Geneva, as emoMusic or 1000 songs; the folder must hold annotations/songs_info.csv, "
    "annotations/static_annotations.csv and clips_45seconds/.",
    descr="""Emotion in Music database (EiM, emoMusic, "1000 songs")
Excerpts of 45 s of 744 songs of the Free Music Archive, of eight genres. Workers of a crowdsourcing
platform rated the valence and the arousal of each whole excerpt on a scale from 1 to 9; `valence`
and `arousal` are the means. They also rated it while they listened, from -1 to 1: with dynamic=True,
`dynamic` has the means of every half second from 15 s on. The published folder has 1000 excerpts:
those of the songs that were removed as duplicates have no ratings (`unannotated`). `splits` holds the
parts of the MediaEval 2013 task: 619 songs to train, 125 to test. It does not keep artists apart, as `groups` do.
The songs are numbered as in DEAM, whose files contain almost the same ratings with the dimensions
exchanged: valence here is arousal there. `load_eim` and `load_deam` name the dimensions as the files do.
Terms: published for research; the songs are under Creative Commons licences of their own.
Source: M. Soleymani, M. N. Caro, E. M. Schmidt, C.-Y. Sha, Y.-H. Yang, "1000 songs for emotional
analysis of music", Proc. ACM International Workshop on Crowdsourcing for Multimedia, 2013, pp. 1-6.""",
)


def load_eim(data_home=None, task="quadrant", threshold="median", check_audio=True, dynamic=False):
    """Load the Emotion in Music database (emoMusic): 744 excerpts with ratings of valence and arousal.

    Nothing is downloaded. The folder is expected to hold, as published,
    ``annotations/songs_info.csv``, ``annotations/static_annotations.csv`` and
    ``clips_45seconds/<song_id>.mp3``. The ratings may be called ``mean_valence`` and
    ``mean_arousal``, or ``valence_mean`` and ``arousal_mean``; their deviations are read if the table has them.
    With `dynamic`, the folder must also hold ``annotations/valence_cont_average.csv`` and
    ``annotations/arousal_cont_average.csv``; their deviations are read from the files with ``std`` in place of
    ``average`` if these are there.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/emoMusic``.
    task : {"quadrant", "valence", "arousal", "dimensional"}, default="quadrant"
        Contents of `target`: classes, or the ratings of valence and arousal.
    threshold : {"median", "midpoint"} or float, default="median"
        Lowest rating of the class "high", in (1, 9]. With a number, `target` holds classes. "median" and
        "midpoint" depend on the training songs: `target` then holds the ratings, which `fit_threshold`
        and `ratings_to_classes` convert to classes within a fold.
    check_audio : bool, default=True
        Whether every rated song must have its audio file, and every file beside them must be
        an excerpt of the collection. With False, only the annotations are read.
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
            The artist of each song.
        splits : dict of str to dict of str to ndarray
            ``{"mediaeval2013": {"train": ..., "test": ...}}``, positions in `data` of the
            published development and evaluation sets.
        valence, arousal : ndarray of shape (n_songs,)
            Mean ratings, from 1 to 9.
        valence_std, arousal_std : ndarray of shape (n_songs,) or None
            Standard deviations over the listeners, divided by n - 1; None if the table has none.
        dynamic : list of DynamicRatings
            With `dynamic`: the ratings of each song over time, valence first, **from -1 to 1**; empty for a song
            without any. A rating with the published time t is that of the half second that ends at t.
        song_id : ndarray of shape (n_songs,)
            Number of each song in the collection.
        title, artist, genre : ndarray of shape (n_songs,)
            Title, artist and genre of each song.
        unannotated : list of str
            Absolute paths of the excerpts without ratings, ``1.mp3`` to ``1000.mp3``, that lie
            beside the others. Empty if `check_audio` is off.
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
        If the annotations do not hold the 744 published songs: they may be cut short; if songs have no ratings
        over time; and if these name the dimensions unlike the other ratings do.

    See Also
    --------
    load_deam : These songs and 1058 more.
    load_pmemo : Choruses of pop songs with ratings.
    segment_ratings : Computes the ratings of segments from those over time.

    References
    ----------
    .. [1] M. Soleymani, M. N. Caro, E. M. Schmidt, C.-Y. Sha and Y.-H. Yang, "1000 songs for
       emotional analysis of music", Proc. ACM International Workshop on Crowdsourcing for
       Multimedia, 2013.

    Examples
    --------
    >>> from skmer.datasets import load_eim
    >>> songs = load_eim("~/emoMusic", threshold=5)  # doctest: +SKIP
    >>> train = songs.splits["mediaeval2013"]["train"]  # doctest: +SKIP
    >>> len(train)  # doctest: +SKIP
    619
    """
    check_rating_task(task, threshold, (1, 9), "the Emotion in Music database")
    check_flag(check_audio, "check_audio")
    check_flag(dynamic, "dynamic")
    home = EIM.find(data_home)
    # the published column names, and those of a later edition
    columns = {(f"mean_{name}", f"{name}_mean"): between(1, 9) for name in ("valence", "arousal")}
    spreads = {(f"std_{name}", f"{name}_std"): deviation for name in ("valence", "arousal")}
    rated = EIM.read_table(
        home / ANNOTATIONS,
        {"song_id": whole_number, **columns, **spreads},
        unique=["song_id"],
        optional=[name for name, _ in spreads],
    ).sort("song_id")
    info = EIM.read_table(
        home / INFO,
        {
            "song_id": whole_number,
            "file_name": text,
            "Song title": text,
            "Artist": required("songs are grouped by it"),
            "Genre": text,
            "Mediaeval 2013 set": one_of(PARTS),
        },
        unique=["song_id"],
        check_row=file_name_check("song_id", "file_name"),
    )
    rated.match(info, "song_id")
    info = info.match(rated, "song_id")
    files, clips = (
        [home / "clips_45seconds" / f"{n}.mp3" for n in numbers]
        for numbers in (rated["song_id"], range(1, N_EXCERPTS + 1))
    )
    unannotated = EIM.check_audio(files, rated, spare=clips) if check_audio else []
    EIM.check_size(rated)
    part = info["Mediaeval 2013 set"]
    more = {}
    if dynamic:
        more["dynamic"] = _read_dynamic(home, rated["song_id"].tolist())
        paths = [home / name for name in DYNAMIC]
        warn_of_odd_ratings(more["dynamic"], rated["mean_valence"], rated["mean_arousal"], rated, paths)
    return Bunch(
        data=[str(file) for file in files],
        target=target_from_ratings(rated["mean_valence"], rated["mean_arousal"], task, threshold),
        groups=info["Artist"].copy(),
        splits={"mediaeval2013": {PARTS[name]: np.flatnonzero(part == name) for name in PARTS}},
        valence=rated["mean_valence"],
        arousal=rated["mean_arousal"],
        valence_std=rated.get("std_valence"),
        arousal_std=rated.get("std_arousal"),
        song_id=rated["song_id"],
        title=info["Song title"],
        artist=info["Artist"],
        genre=info["Genre"],
        unannotated=[str(file) for file in unannotated],
        task=task,
        threshold=threshold,
        DESCR=EIM.describe(len(files)),
        **more,
    )


def _read_dynamic(home, songs):
    """Return the ratings over time of songs by their numbers."""
    means = [curves_in_columns(home / name, EIM.source, rating(-1, 1)) for name in DYNAMIC]
    spreads = [home / name for name in DYNAMIC_DEVIATIONS]
    if not any(map(is_there, spreads)):
        return join_curves(songs, means)
    return join_curves(songs, means, [curves_in_columns(path, EIM.source, deviation) for path in spreads])


COLLECTION = Collection("eim", "EiM (emoMusic)", load_eim, ("quadrant", "valence", "arousal"), "median", "stratified")
