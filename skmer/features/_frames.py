"""Helpers of the features: frames, spectra, and summaries over time."""

import numpy as np

SILENCE = 1e-5  # amplitude of silence: -100 dB
_LOUD = 1e-3  # of the level of the loudest frame; quieter frames have no meaningful timbre or pitch


def pad_to_frame(y, n_fft):
    """Return a checked waveform in double precision, padded with zeros to the length of a frame."""
    y = np.asarray(y, dtype=np.float64)
    if y.ndim != 1 or y.size == 0:
        raise ValueError(f"y must be a mono waveform of shape (n_samples,) with samples in it, got shape {y.shape}.")
    return np.pad(y, (0, max(n_fft - len(y), 0)))


def normalise_level(y):
    """Scale a waveform to a root mean square of 0.1 (-20 dB)."""
    level = np.sqrt(np.mean(np.square(y)))
    return y * (0.1 / level) if level > SILENCE else np.zeros_like(y)


def frame_levels(y, n_fft, hop_length):
    """Return the root mean square of each whole frame."""
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop_length]
    return np.sqrt(np.einsum("tn,tn->t", frames, frames) / n_fft)


def magnitudes(y, n_fft, hop_length):
    """Return the magnitude spectrum of each whole frame, of shape (1 + n_fft // 2, n_frames)."""
    from skmer.features._librosa import stft

    return np.abs(stft(y.astype(np.float32), n_fft=n_fft, hop_length=hop_length, center=False))


def loud_frames(levels):
    """Return a mask of the frames within 60 dB of the loudest; all frames of silence."""
    return levels >= _LOUD * levels.max()


def summarise(name, values):
    """Return the mean, standard deviation and mean absolute change of a series."""
    values = np.asarray(values, dtype=np.float64)
    change = np.abs(np.diff(values)).mean() if len(values) > 1 else 0.0
    return {f"{name}_mean": float(values.mean()), f"{name}_std": float(values.std()), f"{name}_change": float(change)}
