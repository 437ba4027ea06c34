"""The door of an autoencoder: songs of spectrogram segments in, checked once."""

import numpy as np

from skmer.songs import as_song_sequence, check_not_empty, check_not_paths, is_song_data, join_songs

__all__ = ["spectrograms", "together"]


def spectrograms(X, name):
    """Give the songs in X, or in `unlabelled`; anything but spectrogram segments is refused in words."""
    check_not_empty(X, name)
    check_not_paths(X, "SegmentTransformer", "MaskedMelAutoencoder", name)
    songs = as_song_sequence(X) if is_song_data(X) else None
    if songs is None or len(songs.segment_shape) != 2:
        given = "plain rows" if songs is None else f"segments of shape {songs.segment_shape}"
        raise ValueError(
            f"{name} holds {given}, but MaskedMelAutoencoder hides mel bands and frames: give songs of shape "
            "(n_segments, n_mels, n_frames), such as the output of SegmentTransformer."
        )
    return songs


def together(songs, others):
    """Give the songs of X and of `unlabelled`, the latter checked here: the common numbering knows no names."""
    if others.segment_shape != songs.segment_shape:
        raise ValueError(
            f"unlabelled has segments of shape {others.segment_shape}, but those of X have shape "
            f"{songs.segment_shape}: use the same duration and spectrogram settings."
        )
    for i in range(len(others)):
        if not np.isfinite(others[i] if others.window is None else others.frames(i)).all():
            raise ValueError(f"Song {i} of unlabelled has NaN or infinity: mend or leave out its recording.")
    return join_songs(songs, others)
