"""MajorityVote and LongestRun: a song's label by what its segments say, with nothing to train."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from skmer._validation import check_labels
from skmer.aggregation._segment_values import segment_values
from skmer.aggregation.statistics import song_statistics, sort_within_songs

__all__ = ["LongestRun", "MajorityVote"]


def _segments_won(winner, lengths, n_classes):
    """Count the segments that each class has in each song."""
    song = np.repeat(np.arange(len(lengths)), lengths)
    return np.bincount(song * n_classes + winner, minlength=len(lengths) * n_classes).reshape(-1, n_classes)


def _longest_runs(winner, lengths, n_classes):
    """Give the length of each class's longest run of segments in each song; 0 where it has none."""
    song = np.repeat(np.arange(len(lengths)), lengths)
    # a run ends where the class changes, and where the song does
    starts = np.flatnonzero(np.r_[True, (winner[1:] != winner[:-1]) | (song[1:] != song[:-1])])
    longest = np.zeros((len(lengths), n_classes), dtype=np.intp)
    np.maximum.at(longest, (song[starts], winner[starts]), np.diff(np.r_[starts, len(winner)]))
    return longest


def _mean_values(values, lengths):
    """Average the segments of each song, the same to the last digit in whatever order they stand."""
    return song_statistics(sort_within_songs(values, lengths), lengths, ["mean"])


def _decide(criteria):
    """Give each song the class that is best by the first criterion; ties go to the next, then to the first class."""
    left = np.ones(criteria[0].shape, dtype=bool)
    for criterion in criteria:
        among = np.where(left, criterion, -np.inf)
        left &= among == among.max(axis=1, keepdims=True)
    return left.argmax(axis=1)


class _SegmentVote(ClassifierMixin, BaseEstimator):
    """What the votes share: their input, and the labels of its columns."""

    def fit(self, X, y):
        """Remember which label each column stands for; nothing else is learnt.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song, a column for each label in sorted order.
        y : array-like of shape (n_songs,)
            Label of each song.

        Returns
        -------
        classifier
            Itself.

        Raises
        ------
        ValueError
            If the columns are not the labels of `y`, by their number or their names.
        """
        self.__dict__.pop("classes_", None)  # a fit that fails must not leave parts of two
        _, lengths, names = segment_values(self, X, reset=True)
        classes, _ = check_labels(self, y, len(lengths))
        if len(classes) != self.n_features_in_:
            raise ValueError(
                f"X has {self.n_features_in_} columns but y has {len(classes)} labels, {_words(classes)}: "
                f"{type(self).__name__} takes the probabilities of segments, a column for each label, as "
                "SSSLClassifier.transform gives them."
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
            The class that wins; the notes of the class say how ties are decided.
        """
        values, winner, lengths = self._vote(X)
        criteria = [count(winner, lengths, len(self.classes_)) for count in self._counts]
        return self.classes_[_decide([*criteria, _mean_values(values, lengths)])]

    def _vote(self, X):
        """Give all songs' segments one after another, the class that each is for, and how many each song has."""
        check_is_fitted(self)
        values, lengths, names = segment_values(self, X, reset=False)
        self._check_names(names, self.classes_)
        return values, values.argmax(axis=1), lengths

    def _check_names(self, names, classes):
        if names is not None and [str(name) for name in names] != [str(label) for label in classes]:
            raise ValueError(
                f"The columns of X are named {_words(names)}, but the labels of y in sorted order are "
                f"{_words(classes)}: bring the columns into that order, and name them so."
            )


def _words(labels):
    return ", ".join(repr(str(label)) for label in labels)


class MajorityVote(_SegmentVote):
    """Give a song the class that most of its segments are for.

    Each segment is for the class of its largest probability. The vote is a final
    classifier in place of the statistics and the SVM behind them, and has nothing to train.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; the columns of X stand for them in this order.
    n_features_in_ : int
        Number of columns, which is that of the labels.
    feature_names_in_ : ndarray of shape (n_classes,)
        Names of the columns, where X was a DataFrame.

    See Also
    --------
    LongestRun : Decides by the longest stretch instead.
    SongAggregator : Describes songs by statistics, for a classifier that learns.
    SSSLClassifier : Predicts the segments' probabilities.

    Notes
    -----
    A segment between classes of the same probability is for the first of them. A song
    between classes of the same number of segments gets the one with the larger mean
    probability, and the first if that is the same too.

    A plain two-dimensional array is taken as songs of one segment each. Values need not
    be probabilities: in each segment, a larger one speaks for its class.

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

    _counts = (_segments_won,)

    def predict_proba(self, X):
        """Give the share of a song's segments that each class has.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_classes)
            Shares, which add up to 1. Where two are the largest, `predict` looks further.
        """
        _, winner, lengths = self._vote(X)
        return _segments_won(winner, lengths, len(self.classes_)) / lengths[:, None]


class LongestRun(_SegmentVote):
    """Give a song the class that is heard longest without a break.

    Each segment is for the class of its largest probability; the class with the longest
    run of neighbouring segments wins. So the order of a song's segments counts, and a
    class that comes back again and again can lose to one that stays.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; the columns of X stand for them in this order.
    n_features_in_ : int
        Number of columns, which is that of the labels.
    feature_names_in_ : ndarray of shape (n_classes,)
        Names of the columns, where X was a DataFrame.

    See Also
    --------
    MajorityVote : Decides by the number of segments alone.
    SongAggregator : Describes songs by statistics, for a classifier that learns.
    SSSLClassifier : Predicts the segments' probabilities.

    Notes
    -----
    A segment between classes of the same probability is for the first of them. A song
    between classes whose longest runs are equal gets the one with more segments in all;
    of those, the one with the larger mean probability; and the first if that is the same too.

    A plain two-dimensional array is taken as songs of one segment each. Values need not
    be probabilities: in each segment, a larger one speaks for its class.

    References
    ----------
    Sarkar, Choudhury, Dutta, Roy and Saha, "Recognition of emotion in music based on deep
    convolutional neural network", Multimedia Tools and Applications 79, 2020.

    Examples
    --------
    Four of seven segments are sad, but the three happy ones stand together:

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

    _counts = (_longest_runs, _segments_won)

    def decision_function(self, X):
        """Give the longest run of each class, as a share of the song.

        Parameters
        ----------
        X : SongSequence, sequence of ndarray (n_segments, n_classes) or array-like (n_songs, n_classes)
            Segment probabilities of each song.

        Returns
        -------
        ndarray of shape (n_songs, n_classes), or (n_songs,) for two classes
            Number of segments in the longest run, divided by that of the song. For two
            classes, as everywhere in scikit-learn, one value: the share of the second
            class less that of the first. Where the largest are equal (0 for two classes),
            `predict` looks further.
        """
        _, winner, lengths = self._vote(X)
        shares = _longest_runs(winner, lengths, len(self.classes_)) / lengths[:, None]
        return shares[:, 1] - shares[:, 0] if len(self.classes_) == 2 else shares
