"""Input validation: songs, plain rows and labels, checked once at the start of fit and predict."""

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import validate_data

from skmer.songs import SongSequence, as_song_sequence, check_not_empty, check_not_paths, is_song_data

__all__ = [
    "NonFiniteSongError",
    "check_finite",
    "check_labels",
    "check_spectrograms",
    "check_training_data",
    "refuse_missing_labels",
    "refuse_no_segments",
    "songs_for_prediction",
]

_OF_RATINGS = (
    "Ratings become classes where a loader is given a number as threshold, or by skmer.model_selection.Protocol, which "
    "finds the median of the training songs."
)


def _is_missing(label):
    """Tell None, NaN and pandas' NA, which is not even unlike itself, from labels."""
    try:
        return label is None or bool(label != label)
    except TypeError:
        return True


def refuse_missing_labels(y):
    """Refuse labels among which one is missing, before scikit-learn stumbles over it.

    Parameters
    ----------
    y : array-like of shape (n_songs,) or None
        Labels. For None, each estimator has a message of its own.

    Raises
    ------
    ValueError
        If a label is None, NaN or pandas' NA.

    Examples
    --------
    >>> from skmer._validation import refuse_missing_labels
    >>> refuse_missing_labels(["calm", None])
    Traceback (most recent call last):
    ...
    ValueError: y has no label for song 1: give one a song.
    """
    if y is None:
        return
    labels = np.asarray(y, dtype=object).ravel()
    missing = next((i for i, label in enumerate(labels) if _is_missing(label)), None)
    if missing is not None:
        raise ValueError(f"y has no label for song {missing}: give one a song.")


def check_labels(estimator, y, n_songs):
    """Give the classes of songs, and each song's position among them.

    Parameters
    ----------
    estimator : BaseEstimator
        Its name stands in the message where there is no y.
    y : array-like of shape (n_songs,)
        Labels.
    n_songs : int
        How many there must be.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The labels that occur, sorted.
    positions : ndarray of shape (n_songs,)
        Of each song's label in `classes`.

    Raises
    ------
    ValueError
        If there are no labels, or another number, one is missing, or all are the same.

    Examples
    --------
    >>> from skmer.aggregation import MajorityVote
    >>> from skmer._validation import check_labels
    >>> check_labels(MajorityVote(), ["tense", "calm", "tense"], 3)
    (array(['calm', 'tense'], dtype='<U5'), array([1, 0, 1]))
    """
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None: give a label a song.")
    refuse_missing_labels(y)
    shape = np.asarray(y).shape
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(f"y should be a 1d array, one label a song, got shape {shape}. {_OF_RATINGS}")
    y = column_or_1d(y, warn=True)
    if len(y) != n_songs:
        raise ValueError(f"X has {n_songs} songs but y has {len(y)} labels: give one label a song.")
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise ValueError(f"Unknown label type: {type_of_target(y)}, where labels are classes. {_OF_RATINGS}") from error
    classes, positions = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y holds one class only, {str(classes[0])!r}: a classifier needs at least two.")
    return classes, positions


def _rows_as_songs(rows):
    return SongSequence(rows[:, None, :])


def refuse_no_segments(estimator, X):
    """Refuse X without a song, or with paths; a class says in ``_songs_from`` what makes songs for it of these."""
    check_not_empty(X)
    check_not_paths(X, getattr(estimator, "_songs_from", "SegmentTransformer"), type(estimator).__name__)


def check_training_data(estimator, X, y, groups=None):
    """Check X, y and groups of a fit.

    Parameters
    ----------
    estimator : BaseEstimator
        Remembers ``n_features_in_`` (plain rows) and ``segment_shape_``.
    X : SongSequence, sequence of ndarray or array-like of shape (n_samples, n_features)
        Songs, or plain rows.
    y : array-like of shape (n_songs,)
        Labels.
    groups : array-like of shape (n_songs,), default=None
        Artists.

    Returns
    -------
    songs : SongSequence
        One-segment songs for plain rows.
    classes : ndarray of shape (n_classes,)
        The labels that occur.
    labels : ndarray of shape (n_songs,)
        Positions in `classes`.

    Raises
    ------
    ValueError
        If there is no song, lengths differ, or y holds one class only.
    """
    refuse_no_segments(estimator, X)
    if is_song_data(X):
        songs = as_song_sequence(X)
    else:
        refuse_missing_labels(y)
        X, y = validate_data(estimator, X, y, dtype=(np.float64, np.float32))
        songs = _rows_as_songs(X)
    classes, labels = check_labels(estimator, y, len(songs))
    if groups is not None and len(groups) != len(songs):
        raise ValueError(f"groups has {len(groups)} entries for {len(songs)} songs: give one a song.")
    estimator.segment_shape_ = songs.segment_shape
    return songs, classes, labels


def songs_for_prediction(estimator, X):
    """Check X of a prediction against what the estimator was fitted on.

    Parameters
    ----------
    estimator : BaseEstimator
        Fitted.
    X : SongSequence, sequence of ndarray or array-like of shape (n_samples, n_features)
        Songs, or plain rows.

    Returns
    -------
    songs : SongSequence
        One-segment songs for plain rows.
    plain : bool
        Whether X was plain rows.

    Raises
    ------
    ValueError
        If the segments have another shape than in training.
    """
    refuse_no_segments(estimator, X)
    if not is_song_data(X):
        if not hasattr(estimator, "n_features_in_"):
            raise ValueError(
                f"{type(estimator).__name__} was fitted on songs of segments of shape {estimator.segment_shape_}; "
                "X must be songs too (the output of SegmentTransformer, or a list of arrays)."
            )
        return _rows_as_songs(validate_data(estimator, X, reset=False, dtype=(np.float64, np.float32))), True
    songs = as_song_sequence(X)
    spectrograms = len(songs.segment_shape) == len(estimator.segment_shape_) == 2
    settings = "duration and spectrogram settings" if spectrograms else "steps with the same settings before it"
    _check_segment_shape(estimator, songs, settings)
    return songs, False


def check_spectrograms(estimator, X, name="X", reset=True):
    """Return songs of spectrogram segments, of the shape in `fit` unless `reset`."""
    step = type(estimator).__name__
    check_not_empty(X, name)
    check_not_paths(X, "SegmentTransformer", step, name)
    songs = as_song_sequence(X) if is_song_data(X) else None
    if songs is None or len(songs.segment_shape) != 2:
        given = "plain rows" if songs is None else f"segments of shape {songs.segment_shape}"
        raise ValueError(
            f"{step} requires songs of shape (n_segments, n_mels, n_frames), such as the output of SegmentTransformer, "
            f"but {name} holds {given}."
        )
    if not reset:
        _check_segment_shape(estimator, songs, "duration and spectrogram settings")
    return songs


def _check_segment_shape(estimator, songs, settings):
    if songs.segment_shape != estimator.segment_shape_:
        raise ValueError(
            f"X has segments of shape {songs.segment_shape}, but {type(estimator).__name__} was fitted on "
            f"{estimator.segment_shape_}: use the same {settings}."
        )


class NonFiniteSongError(ValueError):
    """A song holds NaN or infinity; `song` is its position in `collection`, the name of a parameter such as X."""

    def __init__(self, song, collection):
        super().__init__(song, collection)
        self.song, self.collection = song, collection

    def __str__(self):
        return f"Song {self.song} of {self.collection} has NaN or infinity: repair its recording or leave it out."


def check_finite(songs, name="X"):
    """Raise NonFiniteSongError for the first song of a SongSequence that holds NaN or infinity."""
    for i in range(len(songs)):
        song = songs[i] if songs.window is None else songs.frames(i)
        if not np.isfinite(song).all():
            raise NonFiniteSongError(i, name)
