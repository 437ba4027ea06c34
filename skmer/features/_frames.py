"""What the groups share: a waveform's frames, its spectrum, and the summary of a course over time."""

import numpy as np

SILENCE = 1e-5  # amplitude that is taken for silence: -100 dB
_SOUNDING = 1e-3  # of the loudest frame's level; quieter ones say nothing of timbre or pitch


def at_least_a_frame(y, n_fft):
    """Check a waveform and give it in double precision, with zeros behind it where it is shorter than a frame."""
    y = np.asarray(y, dtype=np.float64)
    if y.ndim != 1 or y.size == 0:
        raise ValueError(f"y must be a mono waveform of shape (n_samples,) with samples in it, got shape {y.shape}.")
    return np.pad(y, (0, max(n_fft - len(y), 0)))


def without_level(y):
    """Bring a waveform to a root mean square of 0.1 (-20 dB), so that what follows does not depend on its level."""
    level = np.sqrt(np.mean(np.square(y)))
    return y * (0.1 / level) if level > SILENCE else np.zeros_like(y)


def frame_levels(y, n_fft, hop_length):
    """Give the root mean square of each whole frame."""
    frames = np.lib.stride_tricks.sliding_window_view(y, n_fft)[::hop_length]
    return np.sqrt(np.einsum("tn,tn->t", frames, frames) / n_fft)


def magnitudes(y, n_fft, hop_length):
    """Give the magnitude spectrum of each whole frame, as (1 + n_fft // 2, n_frames)."""
    from librosa import stft

    return np.abs(stft(y.astype(np.float32), n_fft=n_fft, hop_length=hop_length, center=False))


def sounding(levels):
    """Tell which frames are within 60 dB of the loudest; all of them, where there is only silence."""
    return levels >= _SOUNDING * levels.max()


def summarise(name, values):
    """Describe a course over time by its mean, standard deviation and mean absolute change."""
    values = np.asarray(values, dtype=np.float64)
    change = np.abs(np.diff(values)).mean() if len(values) > 1 else 0.0
    return {f"{name}_mean": float(values.mean()), f"{name}_std": float(values.std()), f"{name}_change": float(change)}
