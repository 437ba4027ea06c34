"""SpectrogramStatistics: one row of features per song, from its spectrogram without a network."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skmer._inputs import check_not_paths, unwrap
from skmer._output import SongTransformerMixin, check_names_in
from skmer._validation import check_segment_names
from skmer.songs import as_song_sequence

__all__ = ["SpectrogramStatistics"]

_NAMES = ("mean", "std", "change")


class SpectrogramStatistics(SongTransformerMixin, BaseEstimator):
    """Describe each song by the mean, deviation and change of each mel band over time.

    Followed by a scaler and an SVM, this is a simple and fast baseline for systems with a
    network.

    Attributes
    ----------
    n_features_in_ : int
        Number of mel bands.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X has names, as the output of `SegmentTransformer` does.

    See Also
    --------
    SegmentTransformer : Computes the spectrograms.
    SongAggregator : Describes songs by the probabilities of their segments.

    Notes
    -----
    The change is the mean absolute difference from one frame of a segment to the next.
    Overlapping parts of segments contribute more than once.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.aggregation import SpectrogramStatistics
    >>> song = np.array([[[0.0, 2.0, 4.0]]])  # one segment, one band, three frames
    >>> SpectrogramStatistics().fit_transform([song]).round(3)
    array([[2.   , 1.633, 2.   ]])
    """

    def fit(self, X, y=None):
        """Store the number of mel bands.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.
        y : None
            Ignored.

        Returns
        -------
        SpectrogramStatistics
            Itself.

        Raises
        ------
        ValueError
            If the segments are not spectrograms.
        """
        songs = self._spectrograms(X)
        self.n_features_in_ = songs.segment_shape[0]
        check_segment_names(self, songs, reset=True)
        return self

    def transform(self, X):
        """Compute the statistics of each song.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_mels, n_frames)
            Spectrogram segments of each song, in dB.

        Returns
        -------
        ndarray of shape (n_songs, 3 * n_mels)
            Means, deviations and changes in dB, the bands within each in order.

        Raises
        ------
        ValueError
            If the segments have a different number of bands, or other names, than in `fit`.
        """
        check_is_fitted(self)
        songs = self._spectrograms(X)
        if songs.segment_shape[0] != self.n_features_in_:
            raise ValueError(
                f"The segments have {songs.segment_shape[0]} mel bands, but SpectrogramStatistics was fitted on "
                f"{self.n_features_in_}."
            )
        check_segment_names(self, songs, reset=False)
        return np.stack([_describe(song) for song in songs])

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns: statistic, underscore, band.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the bands; None is those seen in `fit`, else ``mel0``, ``mel1``, ...

        Returns
        -------
        ndarray of str
            The name of each column of `transform`.

        Raises
        ------
        ValueError
            If other names or another number of bands were seen in `fit`.
        """
        check_is_fitted(self)
        bands = check_names_in(self, input_features, self.n_features_in_, "mel")
        return np.array([f"{name}_{band}" for name in _NAMES for band in bands], dtype=object)

    def _spectrograms(self, X):
        X = unwrap(X)
        check_not_paths(X, "SegmentTransformer", "SpectrogramStatistics")
        songs = as_song_sequence(X)
        if len(songs.segment_shape) != 2:
            raise ValueError(
                f"SpectrogramStatistics takes songs of shape (n_segments, n_mels, n_frames), but their segments have "
                f"shape {songs.segment_shape}: put a SegmentTransformer before it."
            )
        return songs


def _describe(segments):
    segments = np.asarray(segments, dtype=np.float64)
    # a segment of one frame has no change
    change = np.abs(np.diff(segments)).mean(axis=(0, 2)) if segments.shape[2] > 1 else np.zeros(segments.shape[1])
    return np.r_[segments.mean(axis=(0, 2)), segments.std(axis=(0, 2)), change]
