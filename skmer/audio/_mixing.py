"""Mixing and resampling of a recording that is passed in blocks, and checks of its samples."""

import numpy as np

from skmer._errors import AudioError

__all__ = ["BLOCK", "MARGIN", "RATES", "Levels", "Mixer", "Resampler", "read_mixed"]

BLOCK = 1 << 19  # samples of each channel decoded at once; with fewer, decoder and resampler clear each other's cache
RATES = (1000, 10_000_000)  # Hz; a header with a lower or higher rate is damaged
_LOUDEST = 100  # times full scale: 40 dB above the range of any recording
_MOST_SAMPLES = 1 << 31  # of a resampled recording; soxr crashes where the memory is insufficient
_CANCELS = 0.05  # share of the power of uncorrelated channels below which their mean is no mixture
MARGIN = 0.25  # s decoded beyond max_duration, for the edge of the resampling filter


def read_mixed(open_blocks, name, make_sink, sr, max_duration):
    """Pass the resampled mean of the channels, or one of them if they cancel, to ``make_sink()``; return the sink.

    ``open_blocks()`` is a context with the sampling rate and the blocks, of shape (n_samples, n_channels).
    """
    mixer = Mixer(name)
    sink = _read_once(open_blocks, mixer, name, make_sink(), sr, max_duration)
    if not mixer.channels_cancel():
        return sink
    with open_blocks() as (_, blocks):
        powers = sum((np.square(block, dtype=np.float64).sum(axis=0) for block in blocks), np.zeros(1))
    return _read_once(open_blocks, Mixer(name, int(powers.argmax())), name, make_sink(), sr, max_duration)


def _read_once(open_blocks, mixer, path, sink, sr, max_duration):
    """Return the sink, to which the resampled waveform was passed."""
    with open_blocks() as (rate, blocks):
        resampler = Resampler(path, rate, sr, max_duration)
        for block in blocks:
            sink.add(resampler.feed(mixer.mix(block)))
        mixer.check()
        sink.add(resampler.finish())
    return sink


class Levels:
    """The largest sample of a waveform that is passed in blocks, and those that are no numbers."""

    def __init__(self):
        self.n_samples = self._n_bad = self._first_bad = 0
        self._peak = 0.0

    def add(self, y):
        if y.size:
            peak = max(y.max(), -y.min())  # both propagate NaN
            if np.isfinite(peak):
                self._peak = max(self._peak, float(peak))
            else:
                bad = np.flatnonzero(~np.isfinite(y))
                self._first_bad = self._first_bad if self._n_bad else self.n_samples + bad[0]
                self._n_bad += bad.size
        self.n_samples += y.size

    def check(self, name):
        if self._n_bad:
            raise AudioError(
                f"{name} holds {self._n_bad:,} samples that are NaN or infinite (the first is sample "
                f"{self._first_bad:,}). Export it again, or replace these samples."
            )
        if self._peak > _LOUDEST:
            raise AudioError(
                f"{name} has a peak of {self._peak:,.6g}, but full scale is 1. Scale it to between -1 and 1: "
                "divide samples that were 16-bit integers by 32768."
            )


class Mixer:
    """The mean of the channels of a recording, or one of them, and a check of its samples."""

    def __init__(self, path, channel=None):
        self._path, self._channel = path, channel
        self._levels = Levels()
        self._power = self._uncorrelated = 0.0
        self._mean = np.empty(0, dtype=np.float32)

    def mix(self, block):
        n_channels = block.shape[1]
        if self._channel is not None or n_channels == 1:
            y = np.ascontiguousarray(block[:, self._channel or 0])
        else:
            if len(self._mean) < len(block):
                self._mean = np.empty(len(block), dtype=np.float32)
            # a dot product; mean(axis=1) takes many times as long
            weights = np.full(n_channels, 1 / n_channels, dtype=np.float32)
            y = np.matmul(block, weights, out=self._mean[: len(block)])
            self._power += float(y @ y)
            # the power of the mean of n uncorrelated channels is 1 / n² of the sum of their powers
            self._uncorrelated += float(np.vdot(block, block)) / n_channels**2
        self._levels.add(y)
        return y

    def check(self):
        """Raise AudioError if there are no samples, or some are NaN, infinite or beyond any scale."""
        if self._levels.n_samples == 0:
            raise AudioError(f"{self._path}: the file holds no samples. Leave it out, or get it again from its source.")
        self._levels.check(f"{self._path}: the recording")

    def channels_cancel(self):
        """Return whether the channels cancel each other in their mean."""
        return self._power < _CANCELS * self._uncorrelated


class Resampler:
    """Resampling of a waveform that is passed in blocks, up to a duration."""

    def __init__(self, path, rate, sr, max_duration=None):
        if not RATES[0] <= rate <= RATES[1]:
            raise AudioError(
                f"{path}: its header declares a sampling rate of {rate:,} Hz, outside the range of 1 kHz to 10 MHz. "
                "Get it again from its source, or correct the header."
            )
        self._path, self._rate, self._sr = path, rate, sr
        self._stream = None
        self._n_in = self._n_out = 0
        self._n_wanted = None if max_duration is None else max(round(max_duration * sr), 1)

    def feed(self, y):
        """Return the samples that the next block of the waveform yields."""
        self._n_in += len(y)
        if self._rate == self._sr:
            return self._limited(y)
        if self._n_in * self._sr / self._rate > _MOST_SAMPLES:
            raise AudioError(
                f"{self._path}: {self._n_in / self._rate:,.0f} s at sr={self._sr:g} Hz are more than "
                f"{_MOST_SAMPLES:,} samples. Lower sr, or set max_duration."
            )
        return self._resample(y)

    def finish(self):
        """Return the last samples."""
        if self._rate == self._sr:
            return np.empty(0, dtype=np.float32)
        n_samples = int(np.ceil(self._n_in * self._sr / self._rate))
        self._n_wanted = n_samples if self._n_wanted is None else min(n_samples, self._n_wanted)
        n_before = self._n_out
        y = self._resample(np.empty(0, dtype=np.float32), last=True)
        # soxr rounds to the nearest sample: there may be one too few
        return np.pad(y, (0, max(self._n_wanted - n_before - len(y), 0)))

    def _resample(self, y, last=False):
        import soxr

        if self._stream is None:
            self._stream = soxr.ResampleStream(self._rate, self._sr, 1, dtype="float32", quality="HQ")
        return self._limited(self._stream.resample_chunk(y, last=last))

    def _limited(self, y):
        if self._n_wanted is not None:
            y = y[: self._n_wanted - self._n_out]
        self._n_out += len(y)
        return y
