"""The flat view of songs that a network trains on: every segment is a row of one bank."""

import numpy as np
import torch

__all__ = ["SegmentBank", "Standardizer"]

_LIMIT = 1e4  # far beyond any standardised value, within float16
_SMALLEST_DEVIATION = 1e-2  # dB: a band that is silent in training must not be blown up later


def _frame_weights(n_frames, length, step):
    """Number of windows that hold each frame."""
    starts = np.arange(0, n_frames - length + 1, step)
    steps = np.zeros(n_frames + 1, dtype=np.int64)
    steps[starts] += 1
    steps[starts + length] -= 1
    return np.cumsum(steps)[:-1]


def _finite(songs):
    """Give each song's segments, or the frames that they are windows of; refuse what is not finite."""
    for i in range(len(songs)):
        song = songs[i] if songs.window is None else songs.frames(i)
        if not np.isfinite(song).all():
            raise ValueError(f"Song {i} has NaN or infinity among its segments: mend or leave out its recording.")
        yield song


def _moments(songs, centre):
    """Sum of weights, and of weighted (value - centre) and its square, a feature (or band) each."""
    total, first, second = 0.0, 0.0, 0.0
    for song in _finite(songs):
        if songs.window is not None:
            frames = np.asarray(song, dtype=np.float64) - centre
            weights = _frame_weights(len(frames), *songs.window)
            total += weights.sum()
            first = first + weights @ frames
            second = second + weights @ frames**2
        else:
            segments = np.asarray(song, dtype=np.float64)
            if segments.ndim > 2:
                # (n_segments, n_mels, ...): everything but the band is an observation
                segments = np.moveaxis(segments, 1, -1).reshape(-1, segments.shape[1])
            segments = segments - centre
            total += len(segments)
            first = first + segments.sum(0)
            second = second + (segments**2).sum(0)
    return total, first, second


def _shared(values, pooled):
    """Give each band the mean over all bands that have its number in `pooled`; by default itself."""
    if pooled is None:
        return values
    return (np.bincount(pooled, weights=values) / np.maximum(np.bincount(pooled), 1))[pooled]


class Standardizer:
    """One mean and one deviation a mel band (or feature), over the training segments.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_mels,) or (n_features,)
        What is subtracted, and what is divided by.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.songs import SongSequence
    >>> from skmer.training.data import Standardizer
    >>> Standardizer.fit(SongSequence([np.array([[1.0, 5.0], [3.0, 5.0]])])).mean
    array([2., 5.])
    """

    def __init__(self, mean, scale):
        self.mean, self.scale = mean, scale

    @classmethod
    def fit(cls, songs, pooled=None):
        """Measure the segments of songs.

        Parameters
        ----------
        songs : SongSequence
            The training songs. A frame counts once for each segment that holds it.
        pooled : ndarray of shape (n_mels,) or (n_features,), int, default=None
            Bands (or features) with the same number, 0 or more, share one mean and one deviation. None: each
            has its own.

        Returns
        -------
        Standardizer
            A band that does not vary gets a scale of one.
        """
        total, first, _ = _moments(songs, 0.0)
        mean = _shared(first / total, pooled)
        # a second pass around the mean loses no digits to a large offset
        total, first, second = _moments(songs, mean)
        variance = _shared(second / total, pooled) - _shared(first / total, pooled) ** 2
        deviation = np.sqrt(np.maximum(variance, 0))
        constant = deviation <= 1e-9 * np.maximum(np.abs(mean), 1e-3)
        if len(songs.segment_shape) > 1:
            deviation = np.maximum(deviation, _SMALLEST_DEVIATION)
        return cls(mean, np.where(constant, 1.0, deviation))

    def apply(self, array, axis):
        """Standardise an array whose `axis` is the band.

        Parameters
        ----------
        array : ndarray
            Values.
        axis : int
            Axis of the bands (or features).

        Returns
        -------
        ndarray
            float32, of the same shape.
        """
        shape = [1] * array.ndim
        shape[axis] = -1
        # in float64 first: a large offset leaves no digits in float32
        out = (np.asarray(array, dtype=np.float64) - self.mean.reshape(shape)) / self.scale.reshape(shape)
        return np.clip(out, -_LIMIT, _LIMIT).astype(np.float32)


class SegmentBank:
    """All segments of some songs, standardised, on one device, gathered by index.

    Songs whose segments are windows of a spectrogram keep the spectrogram once.

    Parameters
    ----------
    songs : SongSequence
        The songs.
    standardizer : Standardizer
        Applied when the bank is filled.
    device : str or torch.device, default="cpu"
        Where the bank lives.

    Attributes
    ----------
    song : ndarray of shape (n_segments,)
        The song of each row.

    Notes
    -----
    Spectrograms are held in float16 (an error of about 0.03 dB), plain features in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.songs import SongSequence
    >>> from skmer.training.data import SegmentBank, Standardizer
    >>> songs = SongSequence([np.random.default_rng(0).normal(size=(100, 8))], window=(30, 10))
    >>> bank = SegmentBank(songs, Standardizer.fit(songs))
    >>> len(bank), bank.gather(torch.tensor([0, 7])).shape
    (8, torch.Size([2, 1, 8, 30]))
    """

    def __init__(self, songs, standardizer, device="cpu"):
        self.segment_shape = songs.segment_shape
        self.song = np.repeat(np.arange(len(songs)), songs.n_segments)
        self.window = songs.window
        dtype = np.float16 if len(self.segment_shape) > 1 else np.float32
        if self.window is None:
            lengths = songs.n_segments
            shape = self.segment_shape
            self._starts = None
        else:
            lengths = np.array([len(songs.frames(i)) for i in range(len(songs))])
            shape = (self.segment_shape[0],)
            length, step = self.window
            within = np.concatenate([np.arange(n) * step for n in songs.n_segments])
            starts = np.repeat(np.cumsum(lengths) - lengths, songs.n_segments) + within
            self._starts = torch.from_numpy(starts).to(device)
            self._steps = torch.arange(length, device=device)
        # filled song by song: lists of parts would hold everything twice
        values = np.empty((lengths.sum(), *shape), dtype)
        for song, end, n in zip(_finite(songs), np.cumsum(lengths), lengths, strict=True):
            values[end - n : end] = standardizer.apply(song, axis=1)
        self._values = torch.from_numpy(values).to(device)

    def __len__(self):
        return len(self.song)

    def gather(self, index):
        """Give the segments of some rows.

        Parameters
        ----------
        index : Tensor of shape (n,)
            Rows, on the bank's device.

        Returns
        -------
        Tensor of shape (n, 1, n_mels, n_frames) or (n, n_features)
            float32.
        """
        if self._starts is None:
            rows = self._values.index_select(0, index).float()
        else:
            wanted = self._starts[index][:, None] + self._steps
            frames = self._values.index_select(0, wanted.reshape(-1))
            rows = frames.view(len(index), self.window[0], -1).float().transpose(1, 2)
        return rows.unsqueeze(1).contiguous() if rows.ndim > 2 else rows
