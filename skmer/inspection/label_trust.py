"""LabelTrust: how far the label of one song is trusted, over the song's time."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

__all__ = ["LabelStretch", "LabelTrust"]


class LabelStretch(NamedTuple):
    """A stretch of a song, such as one through which its label is distrusted, or the whole song.

    Parameters
    ----------
    start, end : float
        Beginning and end, in seconds.
    clean_probability : float
        Mean, over its seconds, of the probability that the label is right.
    heard : object
        What is heard instead: the most probable emotion other than the label.
    heard_probability : float
        Mean of that emotion's probability.
    label_probability : float
        Mean of the label's own probability, as the network gives it.
    seconds_heard : float
        Seconds of it that a segment covers.

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
        """Whether the network gives no other emotion more than the label."""
        return self.label_probability >= self.heard_probability


@dataclass(frozen=True)
class LabelTrust:
    """How far a model trusts the label of one song, over the song's time.

    Parameters
    ----------
    label : object
        The song's label, which its segments inherit.
    classes : ndarray of shape (n_classes,)
        The emotions that the model knows.
    starts, ends : ndarray of shape (n_segments,)
        Beginning and end of each segment, in seconds.
    probabilities : ndarray of shape (n_segments, n_classes)
        Probability of each emotion in each segment.
    losses : ndarray of shape (n_segments,)
        Cross-entropy of each segment against the label.
    clean_probability : ndarray of shape (n_segments,)
        Probability that the label is right for the segment.
    threshold : float
        Seconds whose clean probability is not above it are distrusted.
    from_mixture : bool, default=True
        Whether the clean probability is the posterior of a mixture over losses; if not, it is the
        probability that the network gives to the label.

    See Also
    --------
    label_trust : Makes them.
    skmer.inspection.LabelNoiseDisplay : Draws them.

    Notes
    -----
    Segments overlap. A second takes the mean over the segments that cover it, each with the
    part of the second that it covers. A second that no segment covers has NaN, and one of which
    segments cover a part counts as that part in every mean and sum over seconds.

    Where it comes from a mixture, the clean probability compares the segment's loss with those of
    the other segments of the same label. A label that other songs carry more clearly can be distrusted
    although it is still the network's first choice; `LabelStretch.label_leads` tells.

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

    label: Any
    classes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    probabilities: np.ndarray
    losses: np.ndarray
    clean_probability: np.ndarray
    threshold: float
    from_mixture: bool = True

    @cached_property
    def second_ends(self):
        """End of each second of the song, of shape (n_seconds,); the last one ends where the last segment does."""
        n = int(np.ceil(self.ends[-1] - 1e-9))
        return np.minimum(np.arange(1.0, n + 1), self.ends[-1])

    @cached_property
    def second_clean_probability(self):
        """Probability that the label is right for each second, of shape (n_seconds,)."""
        return self._per_second(self.clean_probability[:, None])[:, 0]

    @cached_property
    def second_probabilities(self):
        """Probability of each emotion in each second, of shape (n_seconds, n_classes)."""
        return self._per_second(self.probabilities)

    @cached_property
    def covered_seconds(self):
        """How much of each second a segment covers, in seconds, of shape (n_seconds,)."""
        order = np.argsort(self.starts, kind="stable")
        ends = np.maximum.accumulate(self.ends[order])
        # what each segment adds to those before it
        starts = np.maximum(self.starts[order], np.r_[-np.inf, ends[:-1]])
        added = np.cumsum(ends - starts)
        # seconds that were heard up to a time
        heard = np.interp(
            np.r_[0.0, self.second_ends],
            np.column_stack([starts, ends]).ravel(),
            np.column_stack([np.r_[0.0, added[:-1]], added]).ravel(),
        )
        return np.where(np.isnan(self.second_clean_probability), 0, np.diff(heard))

    @property
    def second_is_distrusted(self):
        """Whether the label is distrusted in each second, of shape (n_seconds,)."""
        return self.second_clean_probability <= self.threshold

    @property
    def seconds_heard(self):
        """Seconds of the song that a segment covers."""
        return float(self.covered_seconds.sum())

    @property
    def expected_wrong(self):
        """Share of the seconds that are expected to carry another emotion: the mean of 1 - clean probability."""
        return float(np.average(1 - np.nan_to_num(self.second_clean_probability), weights=self.covered_seconds))

    def stretches(self):
        """Give the runs of seconds in which the label is distrusted.

        Returns
        -------
        list of LabelStretch
            In the order of time; empty where the label is trusted throughout.
        """
        distrusted = np.r_[False, self.second_is_distrusted, False]
        edges = np.flatnonzero(distrusted[1:] != distrusted[:-1])
        return [self._stretch(first, stop) for first, stop in edges.reshape(-1, 2)]

    def whole(self):
        """Give the whole song as one stretch.

        Returns
        -------
        LabelStretch
            Its means are those over all seconds that were heard; its clean probability is
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

    def _per_second(self, values):
        n = len(self.second_ends)
        total, weight = np.zeros((n, values.shape[1])), np.zeros(n)
        first = np.floor(self.starts + 1e-9).astype(int)
        # a segment reaches into few seconds, a song may have many: no table of all segments by all seconds
        for step in range(int(np.ceil((self.ends - self.starts).max())) + 1):
            second = np.minimum(first + step, n - 1)
            covered = np.minimum(self.ends, first + step + 1) - np.maximum(self.starts, first + step)
            covered = np.where(covered > 1e-9, covered, 0)
            np.add.at(total, second, covered[:, None] * values)
            np.add.at(weight, second, covered)
        with np.errstate(invalid="ignore"):
            return total / weight[:, None]
