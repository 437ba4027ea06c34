"""SegmentSpectrogram: the bands of a segment, mel alone or with semitones and chroma, of a waveform or of blocks."""

from dataclasses import dataclass

import numpy as np

from skmer.features.chroma import CHROMA_NAMES, chroma
from skmer.features.log_mel import BLOCK, check_length, cut_segments, log_mel
from skmer.features.semitones import SEMITONE_NAMES, log_semitones, semitone_n_fft

__all__ = ["SegmentSpectrogram", "SpectrogramStream"]


@dataclass(frozen=True)
class SegmentSpectrogram:
    """Computes the bands of a segment: mel bands in dB and, with `harmony`, semitones in dB and chroma.

    The frames of the semitones are longer, and each is centred on the mel frame of the same number.
    """

    sr: float
    n_fft: int
    hop_length: int
    n_mels: int
    fmin: float
    fmax: float
    center: bool
    harmony: bool = False

    @property
    def names(self):
        names = [f"mel{k}" for k in range(self.n_mels)]
        return [*names, *SEMITONE_NAMES, *CHROMA_NAMES] if self.harmony else names

    @property
    def reach(self):
        """Numbers of samples by which a frame of the semitones begins before, and ends after, that of the mel bands."""
        longer = max(semitone_n_fft(self.sr) - self.n_fft, 0) if self.harmony else 0
        return longer // 2, longer - longer // 2

    def of_waveform(self, y):
        """Return the bands of a waveform, of shape (n_bands, n_frames); with `harmony`, silence is around it."""
        y = np.asarray(y, dtype=np.float32)
        check_length(y, self.n_fft)
        if self.center:
            y = np.pad(y, self.n_fft // 2)
        return self.of_frames(np.pad(y, self.reach) if self.harmony else y)

    def of_segments(self, y, duration, hop):
        """Return the bands of each segment of a waveform, of shape (n_segments, n_bands, n_frames)."""
        return np.stack([self.of_waveform(segment) for segment in cut_segments(y, duration, hop, self.sr)])

    def of_frames(self, y):
        """Return the bands of a waveform that includes the samples of `reach` on both sides."""
        before, after = self.reach
        inner = y[before : len(y) - after]
        mel = log_mel(inner, self.sr, self.n_fft, self.hop_length, self.n_mels, self.fmin, self.fmax)
        if not self.harmony:
            return mel
        semitones = log_semitones(y, self.sr, self.n_fft + before + after, self.hop_length)
        # time-major, as each of them
        return np.concatenate([mel.T, semitones.T, chroma(semitones).T], axis=1).T


class SpectrogramStream:
    """The bands of a waveform that is passed in blocks, time-major, with the bits of `SegmentSpectrogram.of_waveform`.

    The waveform is not kept, so that an hour takes no more memory than its spectrogram.
    """

    def __init__(self, spectrogram, dtype):
        self.n_samples, self.silent = 0, True
        self._spectrogram, self._dtype = spectrogram, dtype
        before, self._after = spectrogram.reach
        self._n_fft = before + spectrogram.n_fft + self._after
        self._rest = np.zeros(before, dtype=np.float32)
        self._levels = bytearray()

    def add(self, block):
        """Pass the next samples."""
        self.n_samples += len(block)
        self.silent = self.silent and not block.any()
        self._rest = np.concatenate([self._rest, block])
        # whole blocks of frames, because the bits of a frame may depend on its place in a block
        self._transform(self._n_frames() // BLOCK * BLOCK)

    def finish(self):
        """Return the spectrogram, of shape (n_frames, n_bands)."""
        self._rest = np.pad(self._rest, (0, self._after))
        self._transform(self._n_frames())
        return np.frombuffer(self._levels, dtype=self._dtype).reshape(-1, len(self._spectrogram.names))

    def _n_frames(self):
        return max(1 + (len(self._rest) - self._n_fft) // self._spectrogram.hop_length, 0)

    def _transform(self, n_frames):
        if n_frames:
            hop_length = self._spectrogram.hop_length
            y = self._rest[: self._n_fft + (n_frames - 1) * hop_length]
            self._levels += np.ascontiguousarray(self._spectrogram.of_frames(y).T, dtype=self._dtype).tobytes()
            self._rest = self._rest[n_frames * hop_length :]
