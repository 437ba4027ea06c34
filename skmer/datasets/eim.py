"""load_eim: the Emotion in Music database, or emoMusic, with mean ratings of valence and arousal."""

import re

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._base import check_audio_files, check_counts, check_flag, describe, resolve_data_home
from skmer.datasets._collection import Collection
from skmer.datasets._tables import (
    check_file_names,
    check_filled,
    check_unique,
    read_table,
    to_numbers,
    to_ratings,
)
from skmer.datasets._tasks import check_rating_task, target_from_ratings

__all__ = ["load_eim"]

SCALE = (1, 9)
N_EXCERPTS = 1000
N_PUBLISHED = 744
ANNOTATIONS = "annotations/static_annotations.csv"
INFO = "annotations/songs_info.csv"
PARTS = {"development": "train", "evaluation": "test"}
SOURCE = (
    "The Emotion in Music database (Soleymani et al. 2013) is not downloaded by skmer: its authors offer it at the "
    "University of Geneva, as emoMusic or 1000 songs; the folder must hold annotations/songs_info.csv, "
    "annotations/static_annotations.csv and clips_45seconds/."
)
DESCR = """Emotion in Music database (EiM, emoMusic, "1000 songs")
Excerpts of 45 s of 744 songs of the Free Music Archive, of eight genres. Workers of a crowdsourcing
platform rated the valence and the arousal of each whole excerpt on a scale from 1 to 9; `valence`
and `arousal` are the means. The published folder has 1000 excerpts: those of the songs that were
removed as duplicates have no ratings (`unannotated`). `splits` holds the parts of the MediaEval 2013
task: 619 songs to train, 125 to test. It does not keep artists apart, as `groups` do.
The songs are numbered as in DEAM, whose files name all but the same ratings the other way round: what is
called valence here is called arousal there. `load_eim` and `load_deam` give each what its files say.
Terms: published for research; the songs are under Creative Commons licences of their own.
Source: M. Soleymani, M. N. Caro, E. M. Schmidt, C.-Y. Sha, Y.-H. Yang, "1000 songs for emotional
analysis of music", Proc. ACM International Workshop on Crowdsourcing for Multimedia, 2013, pp. 1-6."""


def load_eim(data_home=None, task="quadrant", threshold="median", check_audio=True):
    """Load the Emotion in Music database (emoMusic): 744 excerpts with ratings of valence and arousal.

    Nothing is downloaded. The folder is expected to hold, as published,
    ``annotations/songs_info.csv``, ``annotations/static_annotations.csv`` and
    ``clips_45seconds/<song_id>.mp3``. The ratings may be called ``mean_valence`` and
    ``mean_arousal``, or ``valence_mean`` and ``arousal_mean``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/emoMusic``.
    task : {"quadrant", "valence", "arousal", "dimensional"}, default="quadrant"
        What `target` holds: classes, or the ratings of valence and arousal.
    threshold : {"median", "midpoint"} or float, default="median"
        The rating, in (1, 9], from which on a song counts as high; at the upper end only
        ratings of just this value do. With a number `target` holds classes. "median" and "midpoint"
        depend on the training songs: `target` then holds the ratings, from which `fit_threshold` and
        `ratings_to_classes` make classes within a fold.
    check_audio : bool, default=True
        Whether every rated song must have its audio file, and every file beside them must be
        an excerpt of the collection. Turn it off to read the annotations alone.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Songs are in the order of their numbers.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_songs,) or (n_songs, 2)
            Classes, or ratings from 1 to 9, valence first, as `task` and `threshold` say.
        groups : ndarray of shape (n_songs,)
            The artist of each song.
        splits : dict of str to dict of str to ndarray
            ``{"mediaeval2013": {"train": ..., "test": ...}}``, positions in `data` of the
            published development and evaluation sets.
        valence, arousal : ndarray of shape (n_songs,)
            Mean ratings, from 1 to 9.
        song_id : ndarray of shape (n_songs,)
            Number of each song in the collection.
        title, artist, genre : ndarray of shape (n_songs,)
            What is played, by whom, and of which kind.
        unannotated : list of str
            Absolute paths of the excerpts without ratings, ``1.mp3`` to ``1000.mp3``, that lie
            beside the others. Empty if `check_audio` is off.
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
        If the annotations do not hold the 744 published songs: they may be cut short.

    See Also
    --------
    load_deam : These songs and 1058 more.
    load_pmemo : Choruses of pop songs with ratings.

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
    check_rating_task(task, threshold, SCALE, "the Emotion in Music database")
    check_flag(check_audio, "check_audio")
    home = resolve_data_home(data_home, "emoMusic", SOURCE, [ANNOTATIONS, INFO])
    path = home / ANNOTATIONS
    table = read_table(path, ["song_id", ("mean_valence", "valence_mean"), ("mean_arousal", "arousal_mean")], SOURCE)
    song_id = _song_numbers(table, path)
    ratings = [
        to_ratings(table[f"mean_{name}"], SCALE, path, f"the mean {name}", table.lines)
        for name in ("valence", "arousal")
    ]
    order = np.argsort(song_id)
    song_id = song_id[order]
    valence, arousal = (column[order] for column in ratings)
    title, artist, genre, part = _read_info(home / INFO, song_id, path)
    files = [home / "clips_45seconds" / f"{song}.mp3" for song in song_id]
    unannotated = check_audio_files(files, path, SOURCE, _is_excerpt) if check_audio else []
    check_counts([(path, len(files), N_PUBLISHED, table.unended)])
    return Bunch(
        data=[str(file) for file in files],
        target=target_from_ratings(valence, arousal, task, threshold),
        groups=artist.copy(),
        splits={"mediaeval2013": {PARTS[name]: np.flatnonzero(part == name) for name in PARTS}},
        valence=valence,
        arousal=arousal,
        song_id=song_id,
        title=title,
        artist=artist,
        genre=genre,
        unannotated=[str(file) for file in unannotated],
        task=task,
        threshold=threshold,
        DESCR=describe(DESCR, len(files), N_PUBLISHED),
    )


def _song_numbers(table, path):
    song_id = to_numbers(table["song_id"], int, path, "song_id", table.lines)
    check_unique(song_id.tolist(), path, "song_id", table.lines)
    return song_id


def _is_excerpt(path):
    return re.fullmatch(r"[1-9][0-9]{0,3}\.mp3", path.name) is not None and int(path.stem) <= N_EXCERPTS


def _read_info(path, wanted, annotations):
    """Give title, artist, genre and part of each song in `wanted`, the sorted numbers of the rated songs."""
    columns = ["Song title", "Artist", "Genre", "Mediaeval 2013 set"]
    table = read_table(path, ["song_id", "file_name", *columns], SOURCE)
    song_id = _song_numbers(table, path)
    check_file_names(table["file_name"], song_id, path, table.lines)
    check_filled(table["Artist"], path, "Artist", table.lines, "songs are grouped by it")
    for line, part, song in zip(table.lines, table["Mediaeval 2013 set"], song_id, strict=True):
        if part not in PARTS:
            raise ValueError(f"{path}, line {line}: Mediaeval 2013 set must be one of {list(PARTS)}, got {part!r}.")
        if song not in wanted:
            raise ValueError(f"{path}, line {line}: song {song} has no row in {annotations}.")
    missing = np.setdiff1d(wanted, song_id)
    if len(missing):
        raise ValueError(f"{path} has no row for song {missing[0]}, which {annotations} rates.")
    order = np.argsort(song_id)
    return [np.array(table[name])[order] for name in columns]


COLLECTION = Collection("eim", "EiM (emoMusic)", load_eim, ("quadrant", "valence", "arousal"), "median", "stratified")
