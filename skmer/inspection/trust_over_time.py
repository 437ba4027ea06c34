"""LabelTrust: how probable the label of one song is over its time."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from skmer.inspection.predictions import SegmentProbabilities

__all__ = ["LabelStretch", "LabelTrust", "label_losses"]

_TINY = np.finfo(float).tiny  # bounds the loss of a probability that was rounded to 0


def label_losses(probabilities):
    """Return the cross-entropy of segments from the probabilities of their label."""
    return -np.log(np.maximum(probabilities, _TINY))


class LabelStretch(NamedTuple):
    """A stretch of a song, such as one in which its label is distrusted, or the whole song.

    Parameters
    ----------
    start, end : float
        Start and end, in seconds.
    clean_probability : float
        Mean, over its seconds, of the probability that the label is right.
    heard : object
        The most probable emotion other than the label.
    heard_probability : float
        Mean of that emotion's probability.
    label_probability : float
        Mean of the label's probability by the network.
    seconds_heard : float
        Seconds of the stretch that segments cover.

    See Also
    --------
    LabelTrust.stretches : Finds them.

    Examples
    --------
    >>> from skmer.inspection import LabelStretch
    >>> stretch = LabelStretch(4.0, 9.0, 0.08, "Q3", 0.3, 0.5, 5.0)
    >>> stretch.end - stretch.start, stretch.label_leads
    (5.0, True)
    """

    start: float
    end: float
    clean_probability: float
    heard: Any
    heard_probability: float
    label_probability: float
    seconds_heard: float

    @property
    def label_leads(self):
        """Whether the label is still the most probable emotion by the network."""
        return self.label_probability >= self.heard_probability


@dataclass(frozen=True)
class LabelTrust(SegmentProbabilities):
    """How probable the label of one song is, over the song's time.

    Parameters
    ----------
    label : object
        The song's label, which its segments inherit.
    classes : ndarray of shape (n_classes,)
        The emotions that the model was trained on.
    starts, ends : ndarray of shape (n_segments,)
        Start and end of each segment, in seconds.
    probabilities : ndarray of shape (n_segments, n_classes)
        Probability of each emotion in each segment.
    losses : ndarray of shape (n_segments,)
        Cross-entropy of each segment against the label.
    clean_probability : ndarray of shape (n_segments,)
        Probability that the label is right for the segment.
    threshold : float
        The label is distrusted in seconds whose clean probability is not above it.
    from_mixture : bool, default=True
        Whether the clean probability is the posterior of a mixture over losses; if not, it is the
        network's probability of the label.

    See Also
    --------
    label_trust : Computes it for songs.
    skmer.inspection.LabelNoiseDisplay : Draws it.

    Notes
    -----
    Segments overlap. The value of a second is the mean over the segments that cover it, weighted by
    how much of it they cover. A second that no segment covers has NaN, and one that segments
    cover in part counts as that part in every mean and sum over seconds.

    Where it comes from a mixture, the clean probability compares the segment's loss with those of
    the other segments of the same label. A label that other songs express more clearly can be distrusted
    although it is still the most probable emotion by the network: see `LabelStretch.label_leads`.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.inspection import LabelTrust
    >>> probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    >>> trust = LabelTrust("calm", np.array(["calm", "tense"]), np.arange(3.0), np.arange(3.0) + 2, probabilities,
    ...                    -np.log(probabilities[:, 0]), np.array([1.0, 0.8, 0.0]), 0.5)
    >>> trust.second_clean_probability
    array([1. , 0.9, 0.4, 0. ])
    >>> [(stretch.start, stretch.end, stretch.heard) for stretch in trust.stretches()]
    [(2.0, 4.0, 'tense')]
    >>> round(trust.expected_wrong, 3)
    0.425
    """

    losses: np.ndarray
    clean_probability: np.ndarray
    threshold: float
    from_mixture: bool = True

    @cached_property
    def second_clean_probability(self):
        """Probability that the label is right for each second, of shape (n_seconds,)."""
        return self._per_second(self.clean_probability[:, None])[:, 0]

    @property
    def second_is_distrusted(self):
        """Whether the label is distrusted in each second, of shape (n_seconds,)."""
        return self.second_clean_probability <= self.threshold

    @property
    def seconds_heard(self):
        """Seconds of the song that segments cover."""
        return float(self.covered_seconds.sum())

    @property
    def expected_wrong(self):
        """Expected share of the seconds that express another emotion: the mean of 1 - clean probability."""
        return float(np.average(1 - np.nan_to_num(self.second_clean_probability), weights=self.covered_seconds))

    def stretches(self):
        """Return the runs of seconds in which the label is distrusted.

        Returns
        -------
        list of LabelStretch
            In order of time; empty where the label is trusted throughout.
        """
        distrusted = np.r_[False, self.second_is_distrusted, False]
        edges = np.flatnonzero(distrusted[1:] != distrusted[:-1])
        return [self._stretch(first, stop) for first, stop in edges.reshape(-1, 2)]

    def whole(self):
        """Return the whole song as one stretch.

        Returns
        -------
        LabelStretch
            Its means are those over all seconds that segments cover; its clean probability is
            1 - `expected_wrong`.
        """
        return self._stretch(0, len(self.second_ends))

    def _stretch(self, first, stop):
        def mean(values):
            return np.average(np.nan_to_num(values[first:stop]), axis=0, weights=weights)

        weights = self.covered_seconds[first:stop]
        probabilities, is_label = mean(self.second_probabilities), self.classes == self.label
        heard = int(np.where(is_label, -1, probabilities).argmax())
        return LabelStretch(
            float(first),
            float(self.second_ends[stop - 1]),
            float(mean(self.second_clean_probability)),
            self.classes[heard : heard + 1].tolist()[0],
            float(probabilities[heard]),
            float(probabilities[is_label][0]),
            float(weights.sum()),
        )
