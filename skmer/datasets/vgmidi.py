"""load_vgmidi: piano pieces with valence and arousal over time."""

import numpy as np
from sklearn.utils import Bunch

from skmer.datasets._collection import Collection
from skmer.datasets._paths import check_flag
from skmer.datasets._published import Published
from skmer.datasets._tables import between, one_of, required, seconds, text, whole_number
from skmer.datasets._tasks import check_rating_task, target_from_ratings
from skmer.datasets.dynamic_ratings import DynamicRatings
from skmer.datasets.ratings import QUADRANTS, ratings_to_classes

__all__ = ["load_vgmidi"]

VGMIDI = Published(
    folder="vgmidi",
    files=("labels.csv", "dynamic.csv"),
    n_songs=93,
    unit="piece",
    source="VGMIDI (Ferreira & Whitehead 2019) is not downloaded by skmer: its authors publish MIDI files and ratings "
    "on GitHub; the folder must hold labels.csv and dynamic.csv with the columns that the documentation of load_vgmidi "
    "lists, and the pieces made audible as audio/<id> with the extension .flac, .wav or .mp3.",
    descr="""VGMIDI: perceived emotion over time in piano arrangements of video game music
93 pieces of 18 to 262 seconds, 2.4 hours in all. 29 to 32 listeners per piece moved valence and
arousal, from -1 to 1, while they listened; `dynamic` has their ratings every four beats, about 2 s, and
`valence` and `arousal` the means over listeners and time. The quadrants are those of the means: Q1 (high valence, high
arousal) 35 pieces, Q2 (low, high) 21, Q3 (low, low) 13, Q4 (high valence, low arousal) 24.
Pieces of one series of games are alike: split by `groups`. Listeners react one to three seconds late,
and their first seconds mean little.
Licence: none is stated; for research, not to be passed on.
Source: L. N. Ferreira, J. Whitehead, "Learning to generate music with sentiment", Proceedings of
ISMIR, 2019.""",
)


def load_vgmidi(data_home=None, task="quadrant", threshold=0.0, listeners=False, check_audio=True):
    """Load VGMIDI: 93 piano pieces with valence and arousal over time by about 30 listeners each.

    Nothing is downloaded. The folder is expected to hold ``labels.csv``, with one row a piece and the columns
    ``id``, ``series``, ``name``, ``n_raters``, ``duration_s``, ``valence``, ``arousal`` and
    ``quadrant``; ``dynamic.csv``, with one row a stretch of four beats and the columns ``id``, ``start_s``,
    ``end_s``, ``valence_mean``, ``valence_sd``, ``arousal_mean`` and ``arousal_sd``; and the audio as
    ``audio/<id>.flac``, ``.wav`` or ``.mp3``. With `listeners`, also ``raters.csv``, with the columns
    ``id``, ``rater``, ``stretch`` (from 0), ``valence`` and ``arousal``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the collection; ``None`` is ``$SKMER_DATA/vgmidi``.
    task : {"quadrant", "valence", "arousal", "dimensional"}, default="quadrant"
        What `target` has: classes of the pieces' mean ratings, the quadrants or the low and the high half of a
        dimension; or the ratings themselves.
    threshold : {"median", "midpoint"} or float, default=0.0
        Rating from which on a dimension is high. With "median" and "midpoint", `target` has the ratings of the
        task, for a threshold that is learnt from the training pieces.
    listeners : bool, default=False
        Whether the ratings of single listeners are read too.
    check_audio : bool, default=True
        Whether every piece must have its audio file, and every file in ``audio`` a row in ``labels.csv``.
        With False, only the annotations are read; `data` then has the path of a FLAC file for a piece without audio.

    Returns
    -------
    songs : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes. Pieces are in the order of their ids.

        data : list of str
            Absolute paths of the audio files.
        target : ndarray of shape (n_pieces,) or (n_pieces, 2)
            Classes, or ratings from -1 to 1, valence first, depending on `task` and `threshold`.
        groups : ndarray of shape (n_pieces,)
            The series of each piece.
        valence, arousal : ndarray of shape (n_pieces,)
            Mean ratings over listeners and time, from -1 to 1.
        quadrant : ndarray of shape (n_pieces,)
            The quadrant of each piece's mean ratings, whatever the task.
        dynamic : list of DynamicRatings
            The ratings of each piece over time, valence first.
        series, name : ndarray of shape (n_pieces,)
            The series of games, as in `groups`, and the name of each piece.
        piece_id : ndarray of shape (n_pieces,)
            Number of each piece in the collection.
        durations : ndarray of shape (n_pieces,)
            Length of each piece, in seconds.
        DESCR : str
            Description of the data, with its source.

    Raises
    ------
    FileNotFoundError
        If the folder, a file of annotations or an audio file is missing.
    PermissionError
        If a file or a folder cannot be read.
    TypeError
        If a path is not a str or path-like, or `listeners` or `check_audio` is not a bool.
    ValueError
        If neither `data_home` nor ``SKMER_DATA`` is given, a parameter is invalid, the annotations are not as
        expected, or a piece has two audio files.

    Warns
    -----
    UserWarning
        If the annotations do not hold the 93 published pieces: they may be cut short.

    See Also
    --------
    DynamicRatings.over : Computes the mean ratings over segments.
    load_emopia : Clips of pop piano with quadrants.

    References
    ----------
    .. [1] L. N. Ferreira and J. Whitehead, "Learning to generate music with sentiment", Proceedings of
       ISMIR, 2019.

    Examples
    --------
    >>> from skmer.datasets import load_vgmidi
    >>> songs = load_vgmidi("~/vgmidi")  # doctest: +SKIP
    >>> songs.dynamic[0].over([0, 3], [3, 6], delay=1.5).mean.shape  # doctest: +SKIP
    (2, 2)
    """
    check_rating_task(task, threshold, (-1, 1), "VGMIDI")
    check_flag(listeners, "listeners")
    check_flag(check_audio, "check_audio")
    home = VGMIDI.find(data_home)
    pieces = VGMIDI.read_table(
        home / "labels.csv",
        {
            "id": whole_number,
            "series": required("pieces are grouped by it"),
            "name": text,
            "n_raters": whole_number,
            "duration_s": seconds,
            "valence": between(-1, 1),
            "arousal": between(-1, 1),
            "quadrant": one_of(QUADRANTS),
        },
        unique=["id"],
        check_row=_check_quadrant,
    ).sort("id")
    dynamic = _read_dynamic(home / "dynamic.csv", pieces)
    values = _read_listeners(home / "raters.csv", pieces, dynamic) if listeners else [None] * len(dynamic)
    files = [VGMIDI.find_audio(home / "audio", number) for number in pieces["id"].tolist()]
    if check_audio:
        VGMIDI.check_audio(files, pieces)
    VGMIDI.check_size(pieces)
    return Bunch(
        data=[str(file) for file in files],
        target=target_from_ratings(pieces["valence"], pieces["arousal"], task, threshold),
        groups=pieces["series"].copy(),
        valence=pieces["valence"],
        arousal=pieces["arousal"],
        quadrant=pieces["quadrant"],
        dynamic=[
            DynamicRatings(starts, ends, mean, deviation, int(n), of_listeners)
            for (starts, ends, mean, deviation), n, of_listeners in zip(
                dynamic, pieces["n_raters"], values, strict=True
            )
        ],
        series=pieces["series"],
        name=pieces["name"],
        piece_id=pieces["id"],
        durations=pieces["duration_s"],
        task=task,
        threshold=threshold,
        DESCR=VGMIDI.describe(len(files)),
    )


def _check_quadrant(row):
    """Raise ValueError if the quadrant of a piece is not that of its ratings."""
    [expected] = ratings_to_classes([[row["valence"], row["arousal"]]], 0.0).tolist()
    if row["quadrant"] != expected:
        raise ValueError(f"quadrant must be {expected!r}, that of valence and arousal, got {row['quadrant']!r}.")


def _check_times(row):
    if row["end_s"] <= row["start_s"]:
        raise ValueError(f"end_s must be later than start_s, {row['start_s']:g}, got {row['end_s']:g}.")


def _read_dynamic(path, pieces):
    """Return starts, ends, means and deviations of the ratings of each piece."""
    stretches = VGMIDI.read_table(
        path,
        {
            "id": whole_number,
            "start_s": between(0, np.inf),
            "end_s": seconds,
            "valence_mean": between(-1, 1),
            "valence_sd": between(0, 2),
            "arousal_mean": between(-1, 1),
            "arousal_sd": between(0, 2),
        },
        check_row=_check_times,
    )
    found = []
    for number, where in zip(pieces["id"], pieces.where, strict=True):
        own = stretches.take(np.flatnonzero(stretches["id"] == number))
        if not own.where:
            raise ValueError(f"{where}: id {number} has no row in {path}: get both tables again.")
        starts, ends = own["start_s"], own["end_s"]
        early = np.flatnonzero(starts[1:] < ends[:-1])
        if early.size:
            raise ValueError(
                f"{own.where[early[0] + 1]}: the stretches of a piece must be in order of time, but start_s is before "
                "the end of the one above."
            )
        mean, deviation = (
            np.column_stack([own[f"{target}_{kind}"] for target in ("valence", "arousal")]) for kind in ("mean", "sd")
        )
        found.append((starts, ends, mean, deviation))
    return found


def _read_listeners(path, pieces, dynamic):
    """Return the ratings of the listeners of each piece, of shape (n_listeners, n_stretches, 2)."""
    columns = {"id": whole_number, "rater": whole_number, "stretch": whole_number}
    rows = VGMIDI.read_table(path, {**columns, "valence": between(-1, 1), "arousal": between(-1, 1)})
    found = []
    for number, n_listeners, (starts, *_) in zip(pieces["id"], pieces["n_raters"], dynamic, strict=True):
        own = np.flatnonzero(rows["id"] == number)
        own = own[np.lexsort((rows["stretch"][own], rows["rater"][own]))]
        expected = np.tile(np.arange(len(starts)), n_listeners)
        if not np.array_equal(rows["stretch"][own], expected):
            raise ValueError(
                f"{path}: piece {number} must have a row for each of its {n_listeners} listeners and {len(starts)} "
                f"stretches, but it has {len(own)} rows: get the tables again."
            )
        values = np.column_stack([rows["valence"][own], rows["arousal"][own]])
        found.append(values.reshape(n_listeners, len(starts), 2))
    return found


COLLECTION = Collection(
    "vgmidi", "VGMIDI", load_vgmidi, ("quadrant", "arousal", "valence"), 0.0, group="series", unit="piece"
)
