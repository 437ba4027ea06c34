"""Input validation of the aggregators: the values of all songs' segments."""

import numpy as np
from sklearn.utils.validation import validate_data

from skmer.songs import as_song_sequence, check_not_empty, check_not_paths, is_song_data

__all__ = ["check_segment_values"]


def check_segment_values(estimator, X, reset):
    """Return the segments of all songs, the number of segments of each song, and the names of the values or None.

    With `reset`, as in `fit`, ``n_features_in_`` is set; otherwise the number of features is checked against it.
    """
    name = type(estimator).__name__
    check_not_empty(X)
    check_not_paths(X, "SegmentTransformer and SSSLClassifier", name)
    if not is_song_data(X):
        values = validate_data(estimator, X, reset=reset, dtype=(np.float64, np.float32))
        return values, np.ones(len(values), dtype=np.intp), getattr(estimator, "feature_names_in_", None)
    songs = as_song_sequence(X)
    if len(songs.segment_shape) != 1:
        raise ValueError(
            f"{name} takes songs of shape (n_segments, n_classes), but their segments have shape "
            f"{songs.segment_shape}: put a classifier such as SSSLClassifier before it."
        )
    if reset:
        estimator.n_features_in_ = songs.segment_shape[0]
        # from an earlier fit
        estimator.__dict__.pop("feature_names_in_", None)
    elif songs.segment_shape[0] != estimator.n_features_in_:
        raise ValueError(
            f"X has {songs.segment_shape[0]} features, but {name} is expecting {estimator.n_features_in_} features "
            "as input."
        )
    values = np.concatenate(list(songs))
    if not np.isfinite(values).all():
        bad = next(i for i, song in enumerate(songs) if not np.isfinite(song).all())
        raise ValueError(f"Song {bad} has NaN or infinity among its segment values.")
    return values, songs.n_segments, songs.names
