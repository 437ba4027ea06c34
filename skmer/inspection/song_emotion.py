"""SongEmotion: what a pipeline hears in one song, over time and as a whole."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["SongEmotion"]


@dataclass(frozen=True)
class SongEmotion:
    """What a pipeline hears in one song.

    Parameters
    ----------
    label : object
        Emotion of the whole song, as the pipeline's `predict` gives it; None where its
        last step does not predict.
    classes : ndarray of shape (n_classes,)
        The emotions.
    starts, ends : ndarray of shape (n_segments,)
        Beginning and end of each segment, in seconds; there is no segment where the pipeline
        tells of whole songs alone.
    probabilities : ndarray of shape (n_segments, n_classes)
        Probability of each emotion in each segment.

    See Also
    --------
    emotion_over_time : Makes them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import SongEmotion
    >>> song = SongEmotion("calm", np.array(["calm", "tense"]), np.arange(3.0), np.arange(3.0) + 3,
    ...                    np.array([[0.75, 0.25], [0.75, 0.25], [0.0, 1.0]]))
    >>> song.mean_probabilities
    array([0.5, 0.5])
    >>> song.stretches()
    [(0.0, 3.0, 'calm'), (3.0, 5.0, 'tense')]
    """

    label: Any
    classes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    probabilities: np.ndarray

    @property
    def mean_probabilities(self):
        """Mean of each emotion's probability over the segments, of shape (n_classes,); None without segments."""
        return self.probabilities.mean(axis=0) if len(self.probabilities) else None

    @property
    def leading(self):
        """The most probable emotion of each segment, of shape (n_segments,)."""
        return self.classes[self.probabilities.argmax(axis=1)]

    def stretches(self):
        """Give the stretches of time through which one emotion leads.

        Returns
        -------
        list of (float, float, object)
            Beginning and end in seconds, and the emotion; empty without segments. Segments overlap, so one emotion
            gives way to the next half-way between the centres of two segments.
        """
        if not len(self.starts):
            return []
        centres = (self.starts + self.ends) / 2
        leading = self.leading
        changes = np.flatnonzero(leading[1:] != leading[:-1]) + 1
        borders = [self.starts[0], *((centres[changes - 1] + centres[changes]) / 2), self.ends[-1]]
        names = leading[[0, *changes]]
        return [(float(a), float(b), name) for (a, b), name in zip(pairwise(borders), names.tolist(), strict=True)]
