"""SegmentStatistics: one row of features per segment, from its bands without a network."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skmer._output import SongTransformerMixin, check_names_in
from skmer._validation import check_segment_names, check_spectrograms, iter_finite
from skmer.features.chroma import CHROMA_NAMES
from skmer.features.tonality import key_correlations
from skmer.songs import SongSequence

__all__ = ["SegmentStatistics"]

_OF_BANDS = ("mean", "std", "change")
_OF_CHROMA = ("mean", "std")
_OF_KEY = ("key_major", "key_minor", "key_mode")
_FROM_TONIC = tuple(f"key_chroma{k}" for k in range(12))
_SMALLEST_VARIANCE = 1e-8  # rounding errors of the sums stay below it


class SegmentStatistics(SongTransformerMixin, BaseEstimator):
    """Describe each segment by the mean, deviation and change of each band, and by its key.

    A small network on these rows, ``SSSLClassifier("mlp")``, is trained in seconds where one on
    spectrograms takes minutes. It is stateless.

    Attributes
    ----------
    n_features_in_ : int
        Number of bands of the segments in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X has names, as the output of `skmer.SegmentTransformer` does.

    See Also
    --------
    SegmentTransformer : Computes the segments; ``harmony=True`` adds semitones and pitch classes.
    skmer.aggregation.SpectrogramStatistics : One row per song.
    skmer.DescriptorTransformer : Descriptors of songs, with the tonality of the whole song.

    Notes
    -----
    The change is the mean absolute difference from frame to frame. Bands are in dB, and so are
    these statistics.

    Bands named ``chroma_C`` to ``chroma_B``, as `SegmentTransformer` names the pitch classes,
    have a mean and a deviation, and no change. Their means are also correlated with the
    profiles of the 24 keys: ``key_major`` and ``key_minor`` are the correlations of the best
    major and the best minor key, and ``key_mode`` is the difference, above 0 for major.
    ``key_chroma0`` to ``key_chroma11`` are the means counted in semitones from the tonic of the
    best key, as in `skmer.features.tonality`; transposition hardly changes them. In silence
    all of these are 0. All other bands, and those of songs without names, are treated like
    bands of a spectrogram.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import SegmentStatistics, SegmentTransformer
    >>> waveforms = [np.random.default_rng(0).normal(scale=0.1, size=5 * 22528)]
    >>> songs = SegmentTransformer(duration=3, harmony=True).transform(waveforms)
    >>> songs
    SongSequence(1 songs, 3 segments of shape (224, 131))
    >>> statistics = SegmentStatistics()
    >>> statistics.fit_transform(songs)
    SongSequence(1 songs, 3 segments of shape (675,))
    >>> statistics.get_feature_names_out()[[0, 212, 424, 636, 660, 674]]
    array(['mean_mel0', 'std_mel0', 'change_mel0', 'mean_chroma_C',
           'key_major', 'key_chroma11'], dtype=object)
    """

    def fit(self, X, y=None):
        """Store the number and the names of the bands.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_bands, n_frames)
            Segments of each song.
        y : None
            Ignored.

        Returns
        -------
        SegmentStatistics
            Itself.

        Raises
        ------
        ValueError
            If the segments are not spectrograms.
        """
        songs = check_spectrograms(self, X)
        self.n_features_in_ = songs.segment_shape[0]
        check_segment_names(self, songs, reset=True)
        return self

    def transform(self, X):
        """Compute the statistics of each segment.

        Parameters
        ----------
        X : SongSequence or sequence of ndarray (n_segments, n_bands, n_frames)
            Segments of each song.

        Returns
        -------
        SongSequence
            Item i has shape (n_segments_i, n_statistics), float32: 3 values for each band, and
            39 for the pitch classes and the key.

        Raises
        ------
        ValueError
            If the segments are not spectrograms, or a value is NaN or infinite.
        """
        songs = check_spectrograms(self, X)
        n_bands, n_frames = songs.segment_shape
        names = [f"mel{k}" for k in range(n_bands)] if songs.names is None else songs.names
        chroma = _find_chroma(names)
        rows = []
        for song in iter_finite(songs):
            frames = np.asarray(song, dtype=np.float64)
            if songs.window is None:
                # the segments one after another
                frames = np.moveaxis(frames, 2, 1).reshape(-1, n_bands)
            length, step = songs.window or (n_frames, n_frames)
            rows.append(_describe(frames, length, step, chroma).astype(np.float32))
        return SongSequence(rows, names=_statistic_names(names, chroma))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the statistics.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the bands; None is those seen in `fit`, else ``mel0``, ``mel1``, ...

        Returns
        -------
        ndarray of str
            Statistic, underscore, band: the means, the deviations and the changes of all bands
            but the pitch classes, then the means and the deviations of these, then the values of the key.

        Raises
        ------
        ValueError
            If other names or another number of bands were seen in `fit`.
        """
        check_is_fitted(self, "n_features_in_")
        names = check_names_in(self, input_features, self.n_features_in_, "mel").tolist()
        return np.array(_statistic_names(names, _find_chroma(names)), dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        return tags


def _find_chroma(names):
    """Return the positions of the twelve pitch classes among the bands, empty if one is missing."""
    positions = {name: k for k, name in enumerate(names)}
    return [positions[name] for name in CHROMA_NAMES] if positions.keys() >= set(CHROMA_NAMES) else []


def _statistic_names(names, chroma):
    bands = [name for k, name in enumerate(names) if k not in chroma]
    found = [f"{statistic}_{band}" for statistic in _OF_BANDS for band in bands]
    if not chroma:
        return found
    return [
        *found,
        *(f"{statistic}_{name}" for statistic in _OF_CHROMA for name in CHROMA_NAMES),
        *_OF_KEY,
        *_FROM_TONIC,
    ]


def _describe(frames, length, step, chroma):
    """Return one row for each window of a song's frames (n_frames, n_bands); windows share their sums."""
    starts = np.arange(0, len(frames) - length + 1, step)
    centre = frames.mean(axis=0)
    mean = _window_means(frames - centre, starts, length)
    variance = _window_means(np.square(frames - centre), starts, length) - np.square(mean)
    mean += centre
    std = np.sqrt(np.where(variance > _SMALLEST_VARIANCE, variance, 0))
    bands = np.setdiff1d(np.arange(frames.shape[1]), chroma)
    # a segment of one frame has no change
    change = np.zeros((len(starts), len(bands)))
    if length > 1:
        change = _window_means(np.abs(np.diff(frames[:, bands], axis=0)), starts, length - 1)
    columns = [mean[:, bands], std[:, bands], change]
    if chroma:
        columns += [mean[:, chroma], std[:, chroma], _describe_key(mean[:, chroma])]
    return np.hstack(columns)


def _window_means(values, starts, length):
    sums = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
    return (sums[starts + length] - sums[starts]) / length


def _describe_key(chroma):
    """Return the correlations with the best keys, and the pitch classes counted from the tonic."""
    major, minor = key_correlations(chroma)
    tonic = np.maximum(major, minor).argmax(axis=1)
    major, minor = major.max(axis=1), minor.max(axis=1)
    from_tonic = np.take_along_axis(chroma, (tonic[:, None] + np.arange(12)) % 12, axis=1)
    return np.column_stack([major, minor, major - minor, from_tonic])
