"""SegmentShortening: shorter segments from the spectrograms of longer ones."""

from numbers import Integral

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from skmer._inputs import check_not_paths, unwrap
from skmer._output import SongTransformerMixin, check_names_in
from skmer._validation import check_segment_names
from skmer.songs import SongSequence, as_song_sequence

__all__ = ["SegmentShortening"]


class SegmentShortening(SongTransformerMixin, BaseEstimator):
    """Shorten each segment by whole hops, without computing its spectrogram again.

    Segments of several durations then share one spectrogram per song: the longest are computed
    by `skmer.SegmentTransformer`, and the others by this class. It is stateless.

    Parameters
    ----------
    n_hops : int, default=0
        Number of hops by which segments are shortened. After
        ``SegmentTransformer(duration=3, hop=1)``, ``n_hops=2`` returns segments of 1 second.

    Attributes
    ----------
    n_features_in_ : int
        Number of mel bands of the segments in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X has names, as the output of `skmer.SegmentTransformer` does.

    See Also
    --------
    skmer.SegmentTransformer : Computes the segments; in its default setting they can be shortened.
    skmer.make_multi_duration_pipeline : Uses segments of several durations.

    Notes
    -----
    With a hop of one second and durations in whole seconds, the result equals that of
    `SegmentTransformer` for the shorter duration: each second less adds a segment at the end.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import SegmentTransformer
    >>> from skmer.feature_extraction import SegmentShortening
    >>> long = SegmentTransformer(duration=3).transform([np.random.default_rng(0).normal(size=5 * 22528)])
    >>> long
    SongSequence(1 songs, 3 segments of shape (128, 131))
    >>> SegmentShortening(n_hops=2).transform(long)
    SongSequence(1 songs, 5 segments of shape (128, 43))
    """

    _parameter_constraints = {"n_hops": [Interval(Integral, 0, None, closed="left")]}  # noqa: RUF012

    def __init__(self, n_hops=0):
        self.n_hops = n_hops

    def fit(self, X, y=None):
        """Check the parameter and store the names of the bands.

        Parameters
        ----------
        X : SongSequence
            Segments of each song.
        y : None
            Ignored.

        Returns
        -------
        SegmentShortening
            Itself.
        """
        songs = self._shorten(X)
        self.n_features_in_ = songs.segment_shape[0]
        check_segment_names(self, songs, reset=True)
        return self

    def transform(self, X):
        """Cut shorter segments.

        Parameters
        ----------
        X : SongSequence
            Segments that are windows of a spectrogram.

        Returns
        -------
        SongSequence
            Segments, `n_hops` more per song; the spectrograms are shared with `X`.

        Raises
        ------
        ValueError
            If the segments are not windows, or are too short.
        """
        return self._shorten(X)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the bands, which are not changed.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the bands; None is those seen in `fit`, else ``mel0``, ``mel1``, ...

        Returns
        -------
        ndarray of str
            One name for each band, the first axis of a segment.

        Raises
        ------
        ValueError
            If other names or another number of bands were seen in `fit`.
        """
        check_is_fitted(self, "n_features_in_")
        return check_names_in(self, input_features, self.n_features_in_, "mel")

    def _shorten(self, X):
        self._validate_params()
        X = unwrap(X)
        check_not_paths(X, "SegmentTransformer", "SegmentShortening")
        songs = as_song_sequence(X)
        if songs.window is None:
            raise ValueError(
                "These segments are not windows of one spectrogram, so they cannot be shortened: use "
                "SegmentTransformer with center=False and hop * sr a multiple of hop_length, as by default."
            )
        length, step = songs.window
        if length <= self.n_hops * step:
            raise ValueError(
                f"Segments of {length} frames cannot be shortened by n_hops={self.n_hops} hops of {step} frames: "
                "lower n_hops."
            )
        return SongSequence(songs.items, window=(length - self.n_hops * step, step), names=songs.names)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        return tags
