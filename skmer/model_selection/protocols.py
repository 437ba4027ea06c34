"""Protocol: division of songs into training and test songs, and of ratings into classes."""

import warnings
from dataclasses import asdict, dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils import check_consistent_length

from skmer._validation import check_training_classes
from skmer.datasets.ratings import THRESHOLD_RULES, fit_threshold, ratings_to_classes
from skmer.model_selection.scores import emotion_scores

__all__ = ["DUMMY", "Protocol", "check_labels"]

DUMMY = "dummy (commonest class)"

_FOLDS = ("stratified", "grouped")
_VALIDATION = ":validation"


def check_labels(values, name="y"):
    """Convert labels, groups or ratings to an array of one plain type.

    Parameters
    ----------
    values : array-like of shape (n_songs,) or (n_songs, 2)
        One item, or two ratings, for each song.
    name : str, default="y"
        Name of the parameter, for the error.

    Returns
    -------
    ndarray
        Array of text, integers, booleans or finite floats.

    Raises
    ------
    ValueError
        If a value is missing, or the values are of several types or of a type that cannot be a label.

    Examples
    --------
    >>> from skmer.model_selection.protocols import check_labels
    >>> check_labels(["happy", "sad", None])
    Traceback (most recent call last):
        ...
    ValueError: y must hold one value a song, all of one type, but song 2 has None (and song 0 'happy'): ...
    """
    array = np.asarray(values)
    if getattr(values, "dtype", None) != array.dtype or array.dtype == object:
        # a list of a text and NaN would become the texts "a" and "nan"
        items = np.asarray(values, dtype=object)
        for i, item in enumerate(items):
            if item is None or type(_plain(item)) is not type(_plain(items[0])):
                raise ValueError(
                    f"{name} must hold one value a song, all of one type, but song {i} has {item!r} "
                    f"(and song 0 {items[0]!r}): correct it, or leave the song out."
                )
        array = np.array(items.tolist())
    if array.dtype.kind not in "biufU":
        raise ValueError(f"{name} must hold text, whole numbers or ratings, got values of type {array.dtype}.")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        song = np.argwhere(~np.isfinite(array))[0][0]
        raise ValueError(f"{name} must be finite, but that of song {song} is {array[song]}: leave the song out.")
    return array


def _plain(item):
    if isinstance(item, np.generic):
        item = item.item()
    # ratings may contain whole numbers
    return float(item) if isinstance(item, Real) and not isinstance(item, bool) else item


@dataclass(frozen=True)
class Protocol:
    """Division of songs into training and test songs, and of ratings into the classes "low" and "high".

    Parameters
    ----------
    folds : str, default="stratified"
        ``"stratified"`` is the paper's: folds stratified by class. ``"grouped"``
        also keeps groups, such as the songs of one artist, in one fold. Any other name
        is that of a published split: its ``"test"`` part is the test set and all other parts are the training set.
        ``"NAME:validation"`` is for choosing settings: the ``"validation"`` part is the test set, the
        ``"train"`` part the training set, and the split's test songs are not used.
    n_splits : int, default=10
        Number of folds; a published split has one.
    threshold : {"median", "midpoint"} or float, default=None
        Threshold between low and high ratings; "median" and "midpoint" are computed from the training
        songs of each fold, see `skmer.datasets.ratings.fit_threshold`. Whole numbers are ratings
        with a threshold, and labels without one.
    fold_seed : int, default=0
        Seed of the folds.

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

    # what run_experiment asks of a protocol besides its folds; RatingProtocol has the same
    _dummy = DUMMY

    def __post_init__(self):
        if not isinstance(self.n_splits, Integral) or self.n_splits < 2:
            raise ValueError(f"n_splits must be a whole number, at least 2, got {self.n_splits!r}.")
        # with None each run would have other folds, and would not find its fits in the store
        if not isinstance(self.fold_seed, Integral) or self.fold_seed < 0:
            raise ValueError(f"fold_seed must be a whole number, at least 0, got {self.fold_seed!r}.")
        if isinstance(self.threshold, str):
            known = self.threshold in THRESHOLD_RULES
        else:
            number = isinstance(self.threshold, Real) and not isinstance(self.threshold, bool)
            known = self.threshold is None or (number and np.isfinite(float(self.threshold)))
        if not known:
            raise ValueError(f"threshold must be a number or one of {list(THRESHOLD_RULES)}, got {self.threshold!r}.")

    def split(self, y, groups=None, splits=None):
        """Divide the songs into training and test songs.

        Parameters
        ----------
        y : array-like of shape (n_songs,) or (n_songs, 2)
            Labels, or ratings. With ratings, folds are stratified by classes whose threshold is
            computed from all songs; it is used for stratification only.
        groups : array-like of shape (n_songs,), default=None
            Required by ``folds="grouped"``.
        splits : dict of str to dict of str to array of int, default=None
            Published splits, as loaders return them.

        Returns
        -------
        list of (ndarray, ndarray)
            Positions of the training and test songs, fold by fold.

        Raises
        ------
        ValueError
            If groups, or the published split, are missing or do not fit, or a class has too
            few songs or groups to be trained and tested.

        Warns
        -----
        UserWarning
            If a class has fewer songs or groups than there are folds.
        """
        check_consistent_length(y, groups)
        y = check_labels(y)
        if self.folds not in _FOLDS:
            return [self._published(splits, len(y))]
        labels, _ = self.labels(y, np.arange(len(y)))
        if self.folds == "grouped" and groups is None:
            raise ValueError("folds='grouped' needs groups, such as the artist of each song.")
        kind = StratifiedGroupKFold if self.folds == "grouped" else StratifiedKFold
        groups = check_labels(groups, "groups") if self.folds == "grouped" else None
        _check_sizes(labels, np.arange(len(labels)) if groups is None else groups, self.n_splits)
        with warnings.catch_warnings():
            # _check_sizes warns, and names the class
            warnings.filterwarnings("ignore", "The least populated class")
            folds = list(kind(self.n_splits, shuffle=True, random_state=self.fold_seed).split(labels, labels, groups))
        if not all(len(test) for _, test in folds):
            raise ValueError(f"A fold of {self.n_splits} has no test song: lower n_splits.")
        return folds

    def _published(self, splits, n_songs):
        known = _with_validation({} if splits is None else splits)
        if self.folds not in known:
            raise ValueError(f"There is no protocol {self.folds!r}: choose one of {', '.join([*_FOLDS, *known])}.")
        parts = known[self.folds]
        if "test" not in parts or len(parts) < 2:
            raise ValueError(f"The split {self.folds!r} must have a part 'test' and others, got {list(parts)}.")
        for name, songs in parts.items():
            if len(songs) and np.asarray(songs).dtype.kind not in "iu":
                raise ValueError(f"The part {name!r} of the split {self.folds!r} must hold positions of songs.")
        test = np.asarray(parts["test"], dtype=np.intp)
        train = np.sort(np.concatenate([songs for name, songs in parts.items() if name != "test"]).astype(np.intp))
        if not len(test) or not len(train):
            raise ValueError(f"The split {self.folds!r} has {len(train)} training and {len(test)} test songs.")
        both = np.concatenate([train, test])
        if len(np.unique(both)) < len(both) or both.min() < 0 or both.max() >= n_songs:
            raise ValueError(f"The split {self.folds!r} has a song twice, or a position outside 0 to {n_songs - 1}.")
        return train, test

    def labels(self, y, train):
        """Return the class of every song; a threshold of ratings is computed from the training songs.

        Parameters
        ----------
        y : array-like of shape (n_songs,) or (n_songs, 2)
            Labels, which are returned as an array, or ratings.
        train : array of int
            Positions of the training songs.

        Returns
        -------
        labels : ndarray of shape (n_songs,)
            Classes.
        threshold : float, list of float or None
            The threshold, or one for each column; None for labels.

        Raises
        ------
        ValueError
            If `y` are ratings and the protocol has no threshold, or a value of `y` is missing.
        """
        y = check_labels(y)
        if y.dtype.kind != "f" and (self.threshold is None or y.dtype.kind not in "iu"):
            if y.ndim != 1:
                raise ValueError(f"Labels must have shape (n_songs,), got {y.shape}.")
            return y, None
        if self.threshold is None:
            raise ValueError("y are ratings: give the protocol a threshold, such as 'median'.")
        threshold = fit_threshold(y[train], self.threshold)
        return ratings_to_classes(y, threshold), np.asarray(threshold).tolist()

    def _inside(self, n_splits, groups):
        """Return the protocol of folds within training songs."""
        kind = "stratified" if groups is None or self.folds == "stratified" else "grouped"
        return Protocol(kind, n_splits, self.threshold, self.fold_seed)

    def _check_training(self, labels, fold):
        """Raise ValueError if no classifier can learn the training labels of a fold."""
        check_training_classes(labels, fold)

    def _guess(self, labels):
        """Return the prediction of a dummy that is trained on labels; with a tie, the first in sorted order."""
        values, counts = np.unique(labels, return_counts=True)
        return values.tolist()[counts.argmax()]

    def _scores(self, y, predicted):
        """Return the scores of predicted labels by name."""
        return emotion_scores(y, predicted)

    def describe(self):
        """Describe the protocol in one line.

        Returns
        -------
        str
            The description.
        """
        if self.folds == "stratified":
            text = f"{self.n_splits} stratified folds (the paper's protocol)"
        elif self.folds == "grouped":
            text = f"{self.n_splits} stratified folds, the songs of a group in one fold"
        elif self.folds.endswith(_VALIDATION):
            text = f"the published split {self.folds.removesuffix(_VALIDATION)}, tested on its validation songs"
        else:
            text = f"the published split {self.folds}, trained on all parts but its test songs"
        if self.threshold is None:
            return text
        where = f"at {self.threshold:g}" if not isinstance(self.threshold, str) else f"at the {self.threshold}"
        return f"{text}; ratings are split {where}" + (
            " of the training songs" if isinstance(self.threshold, str) else ""
        )

    def to_dict(self):
        """Return the settings as plain values.

        Returns
        -------
        dict
            As JSON can hold it.
        """
        return {key: value.item() if isinstance(value, np.generic) else value for key, value in asdict(self).items()}


def _with_validation(splits):
    """Add to each published split with a validation part the split that tests on it."""
    inside = {
        name + _VALIDATION: {"train": parts["train"], "test": parts["validation"]}
        for name, parts in splits.items()
        if {"train", "validation"} <= set(parts)
    }
    return {**splits, **inside}


def _check_sizes(labels, groups, n_splits):
    """Check that every class can be in the training and in the test songs, and that all folds can be filled."""
    what = "songs" if len(np.unique(groups)) == len(groups) else "groups"
    sizes = {name: len(np.unique(groups[labels == name])) for name in np.unique(labels).tolist()}
    smallest, largest = min(sizes, key=sizes.__getitem__), max(sizes.values())
    if sizes[smallest] < 2:
        raise ValueError(
            f"The class {smallest!r} has 1 of the {what}, but needs 2 to be in training and test songs: "
            "add songs, or leave the class out."
        )
    if n_splits > largest:
        raise ValueError(f"n_splits={n_splits} is more than the {largest} {what} of the largest class: lower it.")
    if n_splits > sizes[smallest]:
        warnings.warn(
            f"The class {smallest!r} has {sizes[smallest]} {what} for {n_splits} folds: some folds do not test it.",
            stacklevel=3,
        )
