"""Banks: the segments of all songs as standardised rows, from which batches are gathered."""

import numpy as np
import torch

from skmer._validation import iter_finite

__all__ = ["LIMIT", "SegmentBank", "Standardizer", "StoredBank", "make_bank", "pool_pitch_classes"]

LIMIT = 1e4  # far beyond any standardised value, and within float16
_SMALLEST_DEVIATION = 1e-2  # dB: a band that is silent in training must not be amplified later


def _frame_weights(n_frames, length, step):
    """Count the windows that contain each frame."""
    starts = np.arange(0, n_frames - length + 1, step)
    steps = np.zeros(n_frames + 1, dtype=np.int64)
    steps[starts] += 1
    steps[starts + length] -= 1
    return np.cumsum(steps)[:-1]


def _moments(songs, centre):
    """Sum the weights, and the weighted values and squares of (value - centre), for each feature or band."""
    total, first, second = 0.0, 0.0, 0.0
    for song in iter_finite(songs):
        if songs.window is not None:
            frames = np.asarray(song, dtype=np.float64) - centre
            weights = _frame_weights(len(frames), *songs.window)
            total += weights.sum()
            # not a product of BLAS, which depends on its number of threads
            first = first + np.einsum("f,fb->b", weights, frames)
            second = second + np.einsum("f,fb->b", weights, frames**2)
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


def _pool(values, pooled):
    """Replace each value by the mean of those with the same number in `pooled`, unless that is None."""
    if pooled is None:
        return values
    return (np.bincount(pooled, weights=values) / np.maximum(np.bincount(pooled), 1))[pooled]


def pool_pitch_classes(names):
    """Return a number for each named band, equal for the pitch classes of `skmer.SegmentTransformer`; else None.

    With a common mean and deviation, the pitch classes of a transposed song are still rotated ones.
    """
    of_pitch = np.array([str(name).startswith("chroma_") for name in names or ()], dtype=bool)
    if not of_pitch.any():
        return None
    numbers = np.arange(len(of_pitch))
    return np.where(of_pitch, of_pitch.argmax(), numbers)


class Standardizer:
    """Mean and standard deviation of each mel band (or feature) over the training segments."""

    def __init__(self, mean, scale):
        self.mean, self.scale = mean, scale

    @classmethod
    def fit(cls, songs, pooled=None):
        """Compute the statistics of some songs, where a frame counts once for each segment that contains it.

        Bands (or features) with the same number in `pooled` share their mean and deviation. The scale of a constant
        band is one.
        """
        total, first, _ = _moments(songs, 0.0)
        mean = _pool(first / total, pooled)
        # a second pass, around the mean, is precise even if the mean is large
        total, first, second = _moments(songs, mean)
        variance = _pool(second / total, pooled) - _pool(first / total, pooled) ** 2
        deviation = np.sqrt(np.maximum(variance, 0))
        constant = deviation <= 1e-9 * np.maximum(np.abs(mean), 1e-3)
        if len(songs.segment_shape) > 1:
            deviation = np.maximum(deviation, _SMALLEST_DEVIATION)
        return cls(mean, np.where(constant, 1.0, deviation))

    def apply(self, array, axis):
        """Standardise an array whose `axis` is the band (or feature); return float32."""
        shape = [1] * array.ndim
        shape[axis] = -1
        # in float64: if the mean is large, float32 is not precise enough
        out = (np.asarray(array, dtype=np.float64) - self.mean.reshape(shape)) / self.scale.reshape(shape)
        return np.clip(out, -LIMIT, LIMIT).astype(np.float32)


def make_bank(songs, standardizer, device="cpu"):
    """Return a StoredBank of the songs if one of them is on disk, otherwise a SegmentBank."""
    stored = any(not isinstance(item, np.ndarray) for item in songs.items)
    return (StoredBank if stored else SegmentBank)(songs, standardizer, device)


class SegmentBank:
    """Standardised segments of songs, on one device; ``song`` is the song of each row.

    A spectrogram whose windows are the segments is kept once. Spectrograms are kept in float16 (an error of about
    0.03 dB), rows of features in float32.
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
        # filled song by song: concatenating a list of songs would need twice the memory
        values = np.empty((lengths.sum(), *shape), dtype)
        for song, end, n in zip(iter_finite(songs), np.cumsum(lengths), lengths, strict=True):
            values[end - n : end] = standardizer.apply(song, axis=1)
        self._values = torch.from_numpy(values).to(device)

    def __len__(self):
        return len(self.song)

    def gather(self, index):
        """Return the segments of some rows as float32, (n, 1, n_mels, n_frames) or (n, n_features)."""
        if self._starts is None:
            rows = self._values.index_select(0, index).float()
        else:
            wanted = self._starts[index][:, None] + self._steps
            frames = self._values.index_select(0, wanted.reshape(-1))
            rows = frames.view(len(index), self.window[0], -1).float().transpose(1, 2)
        return rows.unsqueeze(1).contiguous() if rows.ndim > 2 else rows


class StoredBank:
    """The segments of songs on disk, read when a batch needs them; the values are equal to those of `SegmentBank`."""

    def __init__(self, songs, standardizer, device="cpu"):
        self.segment_shape = songs.segment_shape
        self.song = np.repeat(np.arange(len(songs)), songs.n_segments)
        self._first = np.cumsum(songs.n_segments) - songs.n_segments
        self._songs, self._standardizer, self._device = songs, standardizer, device
        # rounded as in SegmentBank, so that the result of training is the same
        self._dtype = np.float16 if len(self.segment_shape) > 1 else np.float32

    def __len__(self):
        return len(self.song)

    def gather(self, index):
        """Read the segments of some rows as float32, (n, 1, n_mels, n_frames) or (n, n_features)."""
        rows = index.cpu().numpy()
        out = np.empty((len(rows), *self.segment_shape), dtype=np.float32)
        for i, (row, song) in enumerate(zip(rows, self.song[rows], strict=True)):
            segment = self._songs[int(song)][row - self._first[song]]
            out[i] = self._standardizer.apply(segment, axis=0).astype(self._dtype)
        values = torch.from_numpy(out).to(self._device)
        return values.unsqueeze(1) if values.ndim > 2 else values
