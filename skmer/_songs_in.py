"""The door of a classifier: songs or plain rows in, checked once."""

import numpy as np
from sklearn.utils.validation import validate_data

from skmer._validation import check_labels, refuse_missing_labels
from skmer.songs import SongSequence, as_song_sequence, is_song_data, refuse_no_songs, refuse_recordings

__all__ = ["check_training_data", "refuse_no_segments", "songs_for_prediction"]


def _rows_as_songs(rows):
    return SongSequence(rows[:, None, :])


def refuse_no_segments(estimator, X):
    """Refuse X without a song, or with paths; a class says in ``_songs_from`` what makes songs for it of these."""
    refuse_no_songs(X)
    refuse_recordings(X, getattr(estimator, "_songs_from", "SegmentTransformer"), type(estimator).__name__)


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
    if songs.segment_shape != estimator.segment_shape_:
        spectrograms = len(songs.segment_shape) == len(estimator.segment_shape_) == 2
        same = "duration and spectrogram settings" if spectrograms else "steps with the same settings before it"
        raise ValueError(
            f"X has segments of shape {songs.segment_shape}, but {type(estimator).__name__} was fitted on "
            f"{estimator.segment_shape_}: use the same {same}."
        )
    return songs, False
