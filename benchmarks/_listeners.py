"""What the listeners of VGMIDI heard in each segment, how well a measure knows it, and one fit of a system."""

import warnings
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from _song_systems import make_classifier
from scipy.stats import rankdata, spearmanr
from threadpoolctl import threadpool_limits

from skmer import SegmentStatistics, SegmentTransformer
from skmer.datasets import load_vgmidi
from skmer.inspection.trust_over_time import label_losses
from skmer.model_selection import Protocol
from skmer.sssl.mixture import clean_posterior

SEGMENTS = {"duration": 3, "hop": 1}
N_FOLDS = 5
# signs of valence and arousal
_QUADRANTS = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)}


class Heard(NamedTuple):
    """What listeners heard in the segments of one piece.

    `share` is the share of listeners whose rating lies in the quadrant of the piece, `other` whether their mean lies in
    another quadrant, and `off` whether it does so by more than its standard error, in one dimension or both. All have
    shape (n_segments,); segments without ratings are left out by `rated`.
    """

    share: np.ndarray
    other: np.ndarray
    off: np.ndarray
    rated: np.ndarray


def heard(ratings, quadrant, n_segments, delay):
    """Return what listeners heard in the segments of a piece, as `Heard`.

    Parameters
    ----------
    ratings : DynamicRatings
        With single listeners.
    quadrant : str
        The label of the piece.
    n_segments : int
        Number of segments.
    delay : float
        Seconds by which listeners react late.

    Returns
    -------
    Heard
    """
    starts = np.arange(n_segments) * float(SEGMENTS["hop"])
    over = ratings.over(starts, starts + SEGMENTS["duration"], delay)
    signs = np.array(_QUADRANTS[quadrant])
    # positive on the side of the label
    mean, error = over.mean * signs, over.deviation / np.sqrt(over.n_listeners)
    # 0 is high, as in the labels
    same = (over.listeners >= 0) == (signs > 0)
    return Heard(
        share=same.all(axis=-1).mean(axis=0),
        other=(mean < 0).any(axis=1),
        off=(mean < -error).any(axis=1),
        rated=np.isfinite(mean).all(axis=1),
    )


def halves_agree(pieces, quadrants, delay, lengths, n_draws=20):
    """Return the correlation of the shares of two random halves of the listeners, within pieces and over all.

    Each is the mean over draws, raised to all listeners by the formula of Spearman and Brown, of which the square root
    is returned: the highest correlation that any measure can have with the shares, but for chance.
    """
    rng = np.random.default_rng(0)
    inside = []
    for ratings, quadrant, n_segments in zip(pieces, quadrants, lengths, strict=True):
        starts = np.arange(n_segments) * float(SEGMENTS["hop"])
        over = ratings.over(starts, starts + SEGMENTS["duration"], delay)
        same = ((over.listeners >= 0) == (np.array(_QUADRANTS[quadrant]) > 0)).all(axis=-1)
        inside.append(same[:, np.isfinite(over.mean).all(axis=1)])
    found = []
    for _ in range(n_draws):
        parts = []
        for same in inside:
            order, half = rng.permutation(len(same)), len(same) // 2
            parts.append((same[order[:half]].mean(axis=0), same[order[half : 2 * half]].mean(axis=0)))
        within = [correlation(one, other) for one, other in parts]
        found.append((np.mean(within), correlation(*(np.concatenate(side) for side in zip(*parts, strict=True)))))
    agreement = np.maximum(np.mean(found, axis=0), 0)
    return np.sqrt(2 * agreement / (1 + agreement)).tolist()


def correlation(one, other):
    """Return Spearman's correlation; 0 where one of both is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one, other).statistic)


class Scores:
    """How well a measure of trust in the labels knows what listeners heard, with what tests over pieces need.

    Parameters
    ----------
    trust : list of ndarray of shape (n_segments_i,)
        Trust in the label of each segment, piece by piece.
    truth : list of Heard
        What listeners heard.
    """

    def __init__(self, trust, truth):
        self.trust = [values[own.rated] for values, own in zip(trust, truth, strict=True)]
        self.share = [own.share[own.rated] for own in truth]
        self.off = [own.off[own.rated] for own in truth]
        self.within = np.array([correlation(*pair) for pair in zip(self.trust, self.share, strict=True)])
        n = len(truth)
        self.right, self.pairs = np.zeros((n, n)), np.zeros((n, n))
        for i, off in enumerate(self.off):
            low = np.sort(self.trust[i][off])
            for j in range(n) if len(low) else ():
                high = self.trust[j][~self.off[j]]
                below = np.searchsorted(low, high), np.searchsorted(low, high, "right")
                self.right[i, j] = (below[0].sum() + below[1].sum()) / 2
                self.pairs[i, j] = len(low) * len(high)

    def roc_auc(self, within, weights=None):
        """Return the area under the ROC curve of finding clearly off-label segments.

        Parameters
        ----------
        within : bool
            Whether only segments of the same piece are compared.
        weights : ndarray of shape (n_pieces,), default=None
            How often each piece counts.

        Returns
        -------
        float
            NaN where there is nothing to compare.
        """
        weights = np.ones(len(self.trust)) if weights is None else weights
        if within:
            right, pairs = weights @ np.diag(self.right), weights @ np.diag(self.pairs)
        else:
            right, pairs = weights @ self.right @ weights, weights @ self.pairs @ weights
        return float(right / pairs) if pairs else float("nan")

    def figures(self):
        """Return all scores as a dict."""
        trust, off = np.concatenate(self.trust), np.concatenate(self.off)
        lowest = np.argsort(trust, kind="stable")[: off.sum()]
        return {
            "roc_auc": self.roc_auc(within=False),
            "roc_auc_within": self.roc_auc(within=True),
            "precision": float(off[lowest].mean()) if len(lowest) else float("nan"),
            "spearman": correlation(trust, np.concatenate(self.share)),
            "spearman_within": float(self.within.mean()),
            "spearman_pieces": correlation(*(list(map(np.mean, values)) for values in (self.trust, self.share))),
        }

    def tenths(self):
        """Return the share of clearly off-label segments, and the mean share of listeners, in each tenth of trust."""
        trust, off, share = map(np.concatenate, (self.trust, self.off, self.share))
        place = (10 * (rankdata(trust) - 0.5) / len(trust)).astype(int)
        return [[float(values[place == k].mean()) for values in (off, share)] for k in range(10)]


@lru_cache(maxsize=1)
def load_pieces(memory):
    """Return the pieces, with single listeners, and the statistics of their segments."""
    songs = load_vgmidi(listeners=True)
    segments = SegmentTransformer(**SEGMENTS, harmony=True, memory=memory).transform(songs.data)
    return songs, SegmentStatistics().fit_transform(segments)


def folds_of(songs, seed):
    """Return pairs of training and test pieces, in which pieces of one series are on one side."""
    # a quadrant is in four series only, and so is not tested in one fold
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* some folds do not test it", category=UserWarning)
        return Protocol("grouped", min(N_FOLDS, len(set(songs.groups))), fold_seed=seed).split(
            songs.target, songs.groups
        )


def run_job(job):
    """Run one system, on the pieces of a fold or on all.

    Parameters
    ----------
    job : dict
        ``params`` of the classifier, ``seed``, ``memory``, and ``fold``: None is a fit on all pieces, which are judged
        themselves.

    Returns
    -------
    dict
        ``classes``, the ``pieces`` that are judged, by position, and for each the ``probabilities`` of its segments and
        the ``clean`` probability of its label (None without a mixture).
    """
    songs, statistics = load_pieces(job["memory"])
    everything = np.arange(len(songs.target))
    train, test = (everything, everything) if job["fold"] is None else folds_of(songs, job["seed"])[job["fold"]]
    classifier = make_classifier({**job["params"], "random_state": job["seed"]})
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        classifier.fit(statistics[train], songs.target[train])
    probabilities = [np.asarray(rows) for rows in classifier.transform(statistics[test])]
    if classifier.noise_model is None:
        clean = [None] * len(test)
    elif job["fold"] is None:
        clean = [np.round(values, 6).tolist() for values in classifier.clean_probability_]
    else:
        clean = [_clean(classifier, rows, songs.target[i]) for rows, i in zip(probabilities, test, strict=True)]
    return {
        "classes": classifier.classes_.tolist(),
        "pieces": test.tolist(),
        "probabilities": [np.round(rows, 6).tolist() for rows in probabilities],
        "clean": clean,
    }


def _clean(classifier, probabilities, label):
    """Return the clean probability of the segments of a piece that was not trained on, as `label_trust` does."""
    k = classifier.classes_.tolist().index(label)
    losses = label_losses(probabilities[:, k])
    split = classifier.split_
    return np.round(clean_posterior(split, losses, k if len(split.means) > 1 else 0), 6).tolist()
