"""Protocol: which songs train and which test, and what may be learnt from which."""

from dataclasses import asdict, dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import check_consistent_length

from skmer.ratings import THRESHOLD_RULES, fit_threshold, ratings_to_classes

__all__ = ["Protocol"]

_FOLDS = ("stratified", "grouped")


@dataclass(frozen=True)
class Protocol:
    """Say how songs are divided, and from what on a rating is high.

    Parameters
    ----------
    folds : str, default="stratified"
        ``"stratified"`` is the paper's: plain folds with the classes' shares. ``"grouped"``
        also keeps groups, such as the songs of one artist, on one side. Any other name
        is that of a published split: all songs of its parts but ``"test"`` train.
    n_splits : int, default=10
        Number of folds; a published split has one.
    threshold : {"median", "midpoint"} or float, default=None
        Where the target is ratings, how they become classes: found among the training
        songs of each fold, see `skmer.ratings.fit_threshold`.
    fold_seed : int, default=0
        Decides the folds.

    Raises
    ------
    ValueError
        If a value is out of range.

    See Also
    --------
    run_experiment : Runs systems by a protocol.

    References
    ----------
    Sun et al., "Semi-Supervised Self-Learning Enhanced Music Emotion Recognition",
    section 3.3: "average values obtained under the cross-validation of ten fold".

    Examples
    --------
    >>> import numpy as np
    >>> from skmer.model_selection import Protocol
    >>> ratings = np.linspace(0, 1, 20)
    >>> protocol = Protocol(n_splits=4, threshold="median")
    >>> train, test = protocol.split(ratings)[0]
    >>> y, threshold = protocol.labels(ratings, train)
    >>> len(test), sorted(set(y[test].tolist()))
    (5, ['high', 'low'])
    >>> print(protocol.describe())
    4 stratified folds (the paper's protocol); ratings are split at the median of the training songs
    """

    folds: str = "stratified"
    n_splits: int = 10
    threshold: str | float | None = None
    fold_seed: int = 0

    def __post_init__(self):
        if self.n_splits < 2:
            raise ValueError(f"n_splits must be at least 2, got {self.n_splits}.")
        if isinstance(self.threshold, str) and self.threshold not in THRESHOLD_RULES:
            raise ValueError(f"threshold must be a number or one of {list(THRESHOLD_RULES)}, got {self.threshold!r}.")

    def split(self, y, groups=None, splits=None):
        """Divide the songs.

        Parameters
        ----------
        y : array-like of shape (n_songs,) or (n_songs, 2)
            Labels, or ratings. Folds are stratified by the classes that ratings have at the
            threshold of all songs, which balances the folds and decides nothing else.
        groups : array-like of shape (n_songs,), default=None
            Needed by ``folds="grouped"``.
        splits : dict of str to dict of str to array of int, default=None
            Published splits, as loaders give them.

        Returns
        -------
        list of (ndarray, ndarray)
            Positions of the training and test songs, fold by fold.

        Raises
        ------
        ValueError
            If groups, or the published split, are missing or do not fit.
        """
        check_consistent_length(y, groups)
        y = np.asarray(y)
        if self.folds not in _FOLDS:
            return [self._published(splits, len(y))]
        labels, _ = self.labels(y, np.arange(len(y)))
        if self.folds == "grouped" and groups is None:
            raise ValueError("folds='grouped' needs groups, such as the artist of each song.")
        kind = StratifiedGroupKFold if self.folds == "grouped" else StratifiedKFold
        folds = kind(self.n_splits, shuffle=True, random_state=self.fold_seed)
        return list(folds.split(labels, labels, groups if self.folds == "grouped" else None))

    def _published(self, splits, n_songs):
        known = {} if splits is None else splits
        if self.folds not in known:
            raise ValueError(f"folds must be one of {[*_FOLDS, *known]} here, got {self.folds!r}.")
        parts = known[self.folds]
        if "test" not in parts or len(parts) < 2:
            raise ValueError(f"The split {self.folds!r} must have a part 'test' and others, got {list(parts)}.")
        test = np.asarray(parts["test"])
        train = np.sort(np.concatenate([songs for name, songs in parts.items() if name != "test"]))
        both = np.concatenate([train, test])
        if len(np.unique(both)) < len(both) or both.min() < 0 or both.max() >= n_songs:
            raise ValueError(f"The split {self.folds!r} has a song twice, or names songs that are not there.")
        return train, test

    def labels(self, y, train):
        """Give every song its class, by what the training songs say.

        Parameters
        ----------
        y : array-like of shape (n_songs,) or (n_songs, 2)
            Labels, which are given back as they are, or ratings.
        train : array of int
            Positions of the training songs.

        Returns
        -------
        labels : ndarray of shape (n_songs,)
            Classes.
        threshold : float, list of float or None
            What was found among the training songs; None for labels.

        Raises
        ------
        ValueError
            If `y` are ratings and the protocol has no threshold.
        """
        y = np.asarray(y)
        if y.dtype.kind != "f":
            return y, None
        if self.threshold is None:
            raise ValueError("The target is ratings: give the protocol a threshold, such as 'median'.")
        threshold = fit_threshold(y[train], self.threshold)
        return ratings_to_classes(y, threshold), np.asarray(threshold).tolist()

    def describe(self):
        """Say the protocol in one line.

        Returns
        -------
        str
            For reports.
        """
        if self.folds == "stratified":
            text = f"{self.n_splits} stratified folds (the paper's protocol)"
        elif self.folds == "grouped":
            text = f"{self.n_splits} stratified folds, a group's songs always on one side"
        else:
            text = f"the published split {self.folds}, trained on all parts but its test songs"
        if self.threshold is None:
            return text
        where = f"at {self.threshold:g}" if not isinstance(self.threshold, str) else f"at the {self.threshold}"
        return f"{text}; ratings are split {where}" + (
            " of the training songs" if isinstance(self.threshold, str) else ""
        )

    def to_dict(self):
        """Give the settings as plain values.

        Returns
        -------
        dict
            As JSON can hold it.
        """
        return asdict(self)
