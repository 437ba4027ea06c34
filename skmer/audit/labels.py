"""What labels and groups tell about each other, and what the parts of a split share."""

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

__all__ = ["accuracy_by_group", "label_group_information", "shared_between_parts"]


def accuracy_by_group(y, groups):
    """Compute the accuracy of a dummy that knows the group of a song, and of one that knows nothing.

    Each song is predicted from the others: by the commonest label in its group, or among all songs where its group has
    no other song or its labels are tied.

    Parameters
    ----------
    y : array-like of shape (n_songs,)
        Labels.
    groups : array-like of shape (n_songs,)
        Groups, such as artists.

    Returns
    -------
    float, float
        Accuracy of the dummy that knows the group, and of the other.

    Notes
    -----
    If the first is much higher, a model that recognises the artist has a high score without hearing the emotion,
    unless the songs of a group are kept together in the folds.

    Examples
    --------
    >>> from skmer.audit import accuracy_by_group
    >>> accuracy_by_group(["calm"] * 5 + ["happy"] * 4, ["A"] * 5 + ["B"] * 4)
    (1.0, 0.5555555555555556)
    """
    classes, y = np.unique(np.asarray(y), return_inverse=True)
    _, groups = np.unique(np.asarray(groups), return_inverse=True)
    count = np.zeros((groups.max() + 1, len(classes)), dtype=int)
    np.add.at(count, (groups, y), 1)
    own = np.eye(len(classes), dtype=int)[y]
    among_all = count.sum(axis=0) - own
    in_group = count[groups] - own
    best = in_group.max(axis=1, keepdims=True)
    decided = (best[:, 0] > 0) & ((in_group == best).sum(axis=1) == 1)
    informed = np.where(decided, in_group.argmax(axis=1), among_all.argmax(axis=1))
    return float(np.mean(informed == y)), float(np.mean(among_all.argmax(axis=1) == y))


def label_group_information(y, groups):
    """Return the adjusted mutual information of labels and groups: 0 by chance, 1 if each decides the other."""
    return float(adjusted_mutual_info_score(np.asarray(y), np.asarray(groups)))


def shared_between_parts(parts, groups):
    """Count the songs of each part of a split whose group is in another part.

    Parameters
    ----------
    parts : dict of str to array-like of int
        Positions of the songs of each part, such as ``"train"`` and ``"test"``.
    groups : array-like of shape (n_songs,)
        Groups, such as artists or recordings.

    Returns
    -------
    dict of (str, str) to int
        For each two parts, the number of songs of the second whose group is in the first; pairs without such songs are
        left out.

    Examples
    --------
    >>> from skmer.audit import shared_between_parts
    >>> shared_between_parts({"train": [0, 1, 2], "test": [3, 4]}, ["A", "A", "B", "B", "C"])
    {('train', 'test'): 1, ('test', 'train'): 1}
    """
    groups = np.asarray(groups)
    shared = {}
    for first, own in parts.items():
        for second, other in parts.items():
            if first != second:
                n = int(np.isin(groups[np.asarray(other, dtype=int)], groups[np.asarray(own, dtype=int)]).sum())
                if n:
                    shared[first, second] = n
    return shared
