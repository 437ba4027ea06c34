"""MajorityVote and LongestRun: a song's label by a vote of its segments, without training."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from skmer._validation import check_labels, check_segment_values
from skmer.aggregation.song_aggregator import song_statistics, sort_within_songs

__all__ = ["LongestRun", "MajorityVote"]


def _segment_counts(winner, lengths, n_classes):
    """Return the number of segments of each class in each song."""
    song = np.repeat(np.arange(len(lengths)), lengths)
    return np.bincount(song * n_classes + winner, minlength=len(lengths) * n_classes).reshape(-1, n_classes)


def _longest_runs(winner, lengths, n_classes):
    """Return the length of the longest run of segments of each class in each song."""
    song = np.repeat(np.arange(len(lengths)), lengths)
    # a run ends where the class changes, and where the song does
    starts = np.flatnonzero(np.r_[True, (winner[1:] != winner[:-1]) | (song[1:] != song[:-1])])
    longest = np.zeros((len(lengths), n_classes), dtype=np.intp)
    np.maximum.at(longest, (song[starts], winner[starts]), np.diff(np.r_[starts, len(winner)]))
    return longest


def _mean_values(values, lengths):
    """Return the mean over the segments of each song, independent of their order to the last digit."""
    return song_statistics(sort_within_songs(values, lengths), lengths, ["mean"])


def _decide(criteria):
    """Return the best class of each song by the first criterion; ties are decided by the next, then by order."""
    left = np.ones(criteria[0].shape, dtype=bool)
    for criterion in criteria:
        among = np.where(left, criterion, -np.inf)
        left &= among == among.max(axis=1, keepdims=True)
    return left.argmax(axis=1)


class _SegmentVote(ClassifierMixin, BaseEstimator):
    """Base of the votes: input validation and the labels of its columns."""

    def fit(self, X, y):
        """Store the label of each column; nothing else is learnt.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song, one column per label in sorted order.
        y : array-like of shape (n_songs,)
            Label of each song; -1 means unlabelled.

        Returns
        -------
        classifier
            Itself.

        Raises
        ------
        ValueError
            If the columns do not match the labels of `y`, by number or by name.
        """
        self.__dict__.pop("classes_", None)  # so that a fit that fails does not keep the classes of an earlier one
        _, lengths, names = check_segment_values(self, X, reset=True)
        classes, _ = check_labels(self, y, len(lengths), unlabelled=True)
        if len(classes) != self.n_features_in_:
            raise ValueError(
                f"X has {self.n_features_in_} columns but y has {len(classes)} labels, {_quote(classes)}: "
                f"{type(self).__name__} takes the probabilities of segments, one column per label, as "
                "SSSLClassifier.transform returns them."
            )
        self._check_names(names, classes)
        self.classes_ = classes
        return self

    def predict(self, X):
        """Predict the class of songs.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song.

        Returns
        -------
        ndarray of shape (n_songs,)
            The winning class; see Notes for ties.
        """
        values, winner, lengths = self._vote(X)
        criteria = [count(winner, lengths, len(self.classes_)) for count in self._counts]
        return self.classes_[_decide([*criteria, _mean_values(values, lengths)])]

    def _vote(self, X):
        """Return the segments of all songs, the class of each, and the number of segments of each song."""
        check_is_fitted(self)
        values, lengths, names = check_segment_values(self, X, reset=False)
        self._check_names(names, self.classes_)
        return values, values.argmax(axis=1), lengths

    def _check_names(self, names, classes):
        if names is not None and all(str(name) == f"embedding{k}" for k, name in enumerate(names)):
            return  # scores of an EmbeddingTransformer, which knows no classes
        if names is not None and [str(name) for name in names] != [str(label) for label in classes]:
            raise ValueError(
                f"The columns of X are named {_quote(names)}, but the labels of y in sorted order are "
                f"{_quote(classes)}: rename and reorder the columns."
            )


def _quote(labels):
    return ", ".join(repr(str(label)) for label in labels)


class MajorityVote(_SegmentVote):
    """Predict the class of most of a song's segments.

    Each segment votes for the class of its largest probability. The vote is a final classifier
    in place of the statistics and the SVM, and needs no training.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; the columns of X are in this order.
    n_features_in_ : int
        Number of columns, one per label.
    feature_names_in_ : ndarray of shape (n_classes,)
        Names of the columns, if X was a DataFrame.

    See Also
    --------
    LongestRun : Predicts the class of the longest run.
    SongAggregator : Computes statistics of songs, for a trained classifier.
    SSSLClassifier : Predicts the segments' probabilities.

    Notes
    -----
    If several classes have the same probability in a segment, it votes for the first. If
    several classes have the same number of segments, the one with the largest mean probability
    is predicted, and the first if these are equal, too.

    A two-dimensional array is treated as songs of one segment each. Values need not be
    probabilities: any scores that are larger for more likely classes are accepted.

    References
    ----------
    Sarkar, Choudhury, Dutta, Roy and Saha, "Recognition of emotion in music based on deep
    convolutional neural network", Multimedia Tools and Applications 79, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.aggregation import MajorityVote
    >>> songs = [np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]), np.array([[0.8, 0.2]])]
    >>> vote = MajorityVote().fit(songs, ["sad", "happy"])
    >>> vote.predict(songs).tolist()
    ['sad', 'happy']
    >>> vote.predict_proba(songs).round(2)
    array([[0.33, 0.67],
           [1.  , 0.  ]])
    """

    _counts = (_segment_counts,)

    def predict_proba(self, X):
        """Return the share of each class among a song's segments.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            Shares, which add up to 1. Ties are decided by `predict` as described in Notes.
        """
        _, winner, lengths = self._vote(X)
        return _segment_counts(winner, lengths, len(self.classes_)) / lengths[:, None]


class LongestRun(_SegmentVote):
    """Predict the class of a song's longest run of segments.

    Each segment votes for the class of its largest probability; the class with the longest run
    of consecutive segments wins. The order of a song's segments therefore matters.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; the columns of X are in this order.
    n_features_in_ : int
        Number of columns, one per label.
    feature_names_in_ : ndarray of shape (n_classes,)
        Names of the columns, if X was a DataFrame.

    See Also
    --------
    MajorityVote : Predicts by the number of segments only.
    SongAggregator : Computes statistics of songs, for a trained classifier.
    SSSLClassifier : Predicts the segments' probabilities.

    Notes
    -----
    If several classes have the same probability in a segment, it votes for the first. If the
    longest runs of several classes are equal, the one with most segments is predicted; of
    those, the one with the largest mean probability; and the first if these are equal, too.

    A two-dimensional array is treated as songs of one segment each. Values need not be
    probabilities: any scores that are larger for more likely classes are accepted.

    References
    ----------
    Sarkar, Choudhury, Dutta, Roy and Saha, "Recognition of emotion in music based on deep
    convolutional neural network", Multimedia Tools and Applications 79, 2020.

    Examples
    --------
    Four of seven segments are sad, but the three happy ones are consecutive:

    >>> import numpy as np
    >>> from skmer.aggregation import LongestRun, MajorityVote
    >>> happy, sad = [0.9, 0.1], [0.2, 0.8]
    >>> songs = [np.array([sad, sad, happy, happy, happy, sad, sad]), np.array([sad])]
    >>> y = ["happy", "sad"]
    >>> MajorityVote().fit(songs, y).predict(songs).tolist()
    ['sad', 'sad']
    >>> vote = LongestRun().fit(songs, y)
    >>> vote.predict(songs).tolist()
    ['happy', 'sad']
    >>> vote.decision_function(songs).round(2)
    array([-0.14,  1.  ])
    """

    _counts = (_longest_runs, _segment_counts)

    def decision_function(self, X):
        """Return the longest run of each class, as a share of the song.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_classes), or (n_songs,) for two classes
            Number of segments in the longest run, divided by that of the song. For two
            classes, as in scikit-learn, one value: the share of the second class minus that
            of the first. Ties (0 for two classes) are decided by `predict` as described in
            Notes.
        """
        _, winner, lengths = self._vote(X)
        shares = _longest_runs(winner, lengths, len(self.classes_)) / lengths[:, None]
        return shares[:, 1] - shares[:, 0] if len(self.classes_) == 2 else shares
