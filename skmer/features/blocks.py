"""block_array: averaged log-mel spectrogram and HPCP of a waveform in blocks, for tagging."""

import math
from dataclasses import dataclass

import numpy as np

from skmer.features.essentia_hpcp import essentia_hpcp
from skmer.features.hpcp import hpcp
from skmer.features.log_mel import log_mel

__all__ = ["BlockLayout", "block_array", "is_silent"]

_SILENCE = -100.0  # dB, of log_mel
_N_CLASSES = 12
_AT_ONCE = 256  # blocks read at once


@dataclass(frozen=True)
class BlockLayout:
    """Layout of a block, whose length is the least common multiple of the mel and HPCP steps.

    Parameters
    ----------
    n_mels : int, default=128
        Number of mel bands.
    average : int, default=10
        Number of spectrogram frames that are averaged to one mel step.
    n_fft, hop_length : int, default=2048, 512
        Length of a spectrogram's frame and step from frame to frame, in samples.
    hpcp : bool or "essentia", default=True
        Whether a block contains pitch class profiles; "essentia" computes them by
        `skmer.features.essentia_hpcp`.
    hpcp_n_fft, hpcp_hop_length : int, default=4096, 2048
        The same for the profiles, which are not averaged.

    Attributes
    ----------
    n_samples : int
        Length of a block in samples.
    mel_steps, hpcp_steps : int
        Number of steps in a block.
    n_features : int
        Number of values in a block, and the length of a row.
    reach : int
        Number of samples by which the frames of a block extend beyond it, on either side.
    names : list of str
        Names of the values: mel band or pitch class, and the step.
    silence : ndarray of shape (n_features,), float16
        The row of a silent block.

    Examples
    --------
    >>> from skmer.features import BlockLayout
    >>> layout = BlockLayout()
    >>> layout.n_samples, layout.mel_steps, layout.hpcp_steps, layout.n_features
    (10240, 2, 5, 316)
    """

    n_mels: int = 128
    average: int = 10
    n_fft: int = 2048
    hop_length: int = 512
    hpcp: bool | str = True
    hpcp_n_fft: int = 4096
    hpcp_hop_length: int = 2048

    @property
    def n_samples(self):
        return math.lcm(self.average * self.hop_length, self.hpcp_hop_length)

    @property
    def mel_steps(self):
        return self.n_samples // (self.average * self.hop_length)

    @property
    def hpcp_steps(self):
        return self.n_samples // self.hpcp_hop_length

    @property
    def n_mel_features(self):
        return self.mel_steps * self.n_mels

    @property
    def n_features(self):
        return self.n_mel_features + (self.hpcp_steps * _N_CLASSES if self.hpcp else 0)

    @property
    def reach(self):
        reach = math.ceil((self.n_fft - self.hop_length) / 2)
        return max(reach, math.ceil((self.hpcp_n_fft - self.hpcp_hop_length) / 2)) if self.hpcp else reach

    @property
    def names(self):
        series = [("mel", self.mel_steps, self.n_mels)]
        series += [("hpcp", self.hpcp_steps, _N_CLASSES)] if self.hpcp else []
        return [f"{name}{k}_step{step}" for name, steps, width in series for step in range(steps) for k in range(width)]

    @property
    def silence(self):
        row = np.zeros(self.n_features, dtype=np.float16)
        row[: self.n_mel_features] = _SILENCE
        return row

    def split(self, blocks):
        """Split blocks into mel steps and pitch class profiles.

        Parameters
        ----------
        blocks : ndarray of shape (n_blocks, n_features)
            Output of `block_array`.

        Returns
        -------
        mel : ndarray of shape (n_mels, n_blocks * mel_steps)
            Mel steps in dB.
        hpcp : ndarray of shape (12, n_blocks * hpcp_steps) or None
            Pitch class profiles, C first.
        """
        mel = blocks[:, : self.n_mel_features].reshape(-1, self.n_mels).T
        if not self.hpcp:
            return mel, None
        return mel, blocks[:, self.n_mel_features :].reshape(-1, _N_CLASSES).T


def block_array(y, layout=None, sr=44100, tuning=440.0, max_blocks=None):
    """Compute the averaged log-mel spectrogram and the HPCP of a waveform, block by block.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Mono waveform, full scale 1.
    layout : BlockLayout, default=None
        Layout of a block; None is ``BlockLayout()``.
    sr : float, default=44100
        Sampling rate in Hz.
    tuning : float or "auto", default=440.0
        Reference frequency of A in Hz, as in `skmer.features.hpcp`.
    max_blocks : int, default=None
        Compute the first `max_blocks` blocks only.

    Returns
    -------
    ndarray of shape (n_blocks, n_features), float16
        Time-major. A row contains the mel steps of a block, `n_mels` values in dB each, then
        its HPCP steps, 12 values from 0 to 1 each. Samples after the last whole block are not
        used.

    Raises
    ------
    ValueError
        If `y` is shorter than one block.
    ImportError
        If `layout` has Essentia's profiles and the essentia package is not installed.

    See Also
    --------
    skmer.TaggingTransformer : The same for many songs, from files.

    Notes
    -----
    Every frame is centred on its hop, so that the two series are aligned: with the defaults,
    frame t of the spectrogram covers the samples from ``512 * t - 768`` to ``512 * t + 1280``,
    and frame t of the HPCP those from ``2048 * t - 1024`` to ``2048 * t + 3072``. The waveform is
    padded with silence. Frames are averaged in decibels.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import block_array
    >>> block_array(np.zeros(30000)).shape
    (2, 316)
    """
    layout = BlockLayout() if layout is None else layout
    y = np.asarray(y, dtype=np.float32)
    n_blocks = len(y) // layout.n_samples
    if n_blocks < 1:
        raise ValueError(f"y lasts {len(y) / sr:.2f} s, shorter than one block of {layout.n_samples / sr:.2f} s.")
    if max_blocks is not None:
        n_blocks = min(n_blocks, max_blocks)
    n_samples, reach = n_blocks * layout.n_samples, layout.reach
    y = y[: n_samples + reach]
    # both series are cut from this copy
    y = np.pad(y, (reach, n_samples + reach - len(y)))
    blocks = np.empty((n_blocks, layout.n_features), dtype=np.float16)
    part = _around_hops(y, reach, layout.n_fft, layout.hop_length, n_samples)
    mel = log_mel(part, sr, layout.n_fft, layout.hop_length, layout.n_mels).T
    mel = mel.reshape(-1, layout.average, layout.n_mels).mean(axis=1)
    blocks[:, : layout.n_mel_features] = mel.reshape(n_blocks, -1)
    if layout.hpcp:
        part = _around_hops(y, reach, layout.hpcp_n_fft, layout.hpcp_hop_length, n_samples)
        pitch_classes = essentia_hpcp if layout.hpcp == "essentia" else hpcp
        profile = pitch_classes(part, sr, layout.hpcp_n_fft, layout.hpcp_hop_length, tuning=tuning).T
        blocks[:, layout.n_mel_features :] = profile.reshape(n_blocks, -1)
    return blocks


def _around_hops(y, reach, n_fft, hop_length, n_samples):
    """Return the samples in which each frame, without centring, is centred on its hop."""
    start = reach - (n_fft - hop_length) // 2
    return y[start : start + n_samples - hop_length + n_fft]


def is_silent(blocks, layout):
    """Return whether no mel band of a song is above silence; a memory-mapped song is read only as far as needed."""
    starts = range(0, len(blocks), _AT_ONCE)
    return not any((blocks[i : i + _AT_ONCE, : layout.n_mel_features] > _SILENCE).any() for i in starts)
