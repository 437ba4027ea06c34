"""chroma: pitch classes from the levels of semitones, frame by frame."""

import numpy as np

__all__ = ["CHROMA_NAMES", "PITCH_CLASSES", "chroma"]

PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CHROMA_NAMES = tuple(f"chroma_{name}" for name in PITCH_CLASSES)

_SILENCE = -100.0


def chroma(semitones):
    """Fold the levels of semitones into twelve pitch classes.

    Parameters
    ----------
    semitones : ndarray of shape (n_semitones, n_frames)
        Levels in dB of consecutive semitones, a C first, such as the output of
        `log_semitones`; -100 or less is silence.

    Returns
    -------
    ndarray of shape (12, n_frames), float32
        Power of each pitch class, C first, divided by the maximum of the frame; 0 for silence.

    See Also
    --------
    skmer.features.hpcp : Pitch classes from the peaks of the spectrum.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.features import chroma
    >>> levels = np.full((84, 1), -100.0)
    >>> levels[[24, 28, 31, 36]] = -6.0  # C3, E3, G3, C4
    >>> chroma(levels)[:, 0].round(2)
    array([1. , 0. , 0. , 0. , 0.5, 0. , 0. , 0.5, 0. , 0. , 0. , 0. ],
          dtype=float32)
    """
    levels = np.asarray(semitones, dtype=np.float32)
    power = np.where(levels > _SILENCE, np.exp(levels * np.float32(np.log(10) / 10)), np.float32(0))
    missing = -len(power) % len(PITCH_CLASSES)
    folded = np.pad(power, ((0, missing), (0, 0))).reshape(-1, len(PITCH_CLASSES), power.shape[1]).sum(axis=0)
    top = folded.max(axis=0)
    return folded / np.where(top > 0, top, 1)
