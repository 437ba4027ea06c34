"""Synthetic songs with planted wrong segments, and one fit of a system on them."""

import warnings
from functools import lru_cache

import numpy as np
from _song_systems import fit_songs, make_classifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from skmer import SegmentStatistics, SegmentTransformer
from skmer.datasets import make_songs, segment_labels

SONGS = {"n_songs": 160, "duration": 12}
SEGMENTS = {"duration": 3, "hop": 1, "sr": 11264, "n_fft": 512, "n_mels": 64}
NETWORKS = {
    # as in `skmer demo`
    "mlp": {
        "backbone": "mlp",
        "backbone_params": {"hidden": (128,)},
        "max_epochs": 20,
        "warmup_epochs": 8,
        "batch_size": 32,
    },
    "small": {"backbone": "small", "backbone_params": {"width": 16}, "batch_size": 32, "max_epochs": 20},
}
N_FOLDS = 4
ORACLE = "oracle"


class KnownNoise:
    """Noise model that knows the wrong segments."""

    def __init__(self, wrong):
        self.wrong = wrong

    def __call__(self, losses, labels, random_state=None):
        """Return the clean probability of each segment, 0 or 1."""
        return 1.0 - self.wrong


@lru_cache(maxsize=1)
def planted_songs(noise, seed, n_songs, bands, statistics):
    """Return the songs of `make_songs`, their segments, and the true label of each segment.

    Parameters
    ----------
    noise, seed, n_songs
        Of `make_songs`.
    bands : {"mel", "harmony"}
        Whether semitones and pitch classes follow the mel bands.
    statistics : bool
        Whether segments are described by their statistics.

    Returns
    -------
    songs : Bunch
        As from `make_songs`.
    segments : SongSequence
        Segments of 3 s that start 1 s apart.
    truth : list of ndarray of shape (n_segments,)
        The quadrant that most of each segment expresses.
    """
    songs = make_songs(**{**SONGS, "n_songs": n_songs}, noise=noise, sr=SEGMENTS["sr"], random_state=seed)
    segments = SegmentTransformer(**SEGMENTS, harmony=bands == "harmony").transform(songs.data)
    if statistics:
        segments = SegmentStatistics().fit_transform(segments)
    truth = [segment_labels(seconds, SEGMENTS["duration"], SEGMENTS["hop"])[0] for seconds in songs.segment_target]
    return songs, segments, truth


def folds_of(songs, n_folds, seed):
    """Return the folds, with the songs of a composer in one of them."""
    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    return list(splitter.split(songs.target, songs.target, songs.groups))


def run_job(job):
    """Run one system on one fold.

    Parameters
    ----------
    job : dict
        ``system`` (a name), ``params`` of the classifier, ``bands``, ``noise``, ``seed``, ``n_songs``, ``n_folds``
        and ``fold``.

    Returns
    -------
    dict
        As from `fit_songs`, with ``test`` (positions of the test songs), ``groups`` (their composers), ``outcomes``
        (for each test song, whether it is right by each readout, and its share of right segments), ``wrong_share`` of
        the training segments, ``roc_auc`` of the clean probabilities, ``clean_share`` (the share of labels that the
        last split keeps; both may be None), and the distinct ``warnings``.
    """
    statistics = job["params"]["backbone"] == "mlp"
    songs, segments, truth = planted_songs(job["noise"], job["seed"], job["n_songs"], job["bands"], statistics)
    y = songs.target
    train, test = folds_of(songs, job["n_folds"], job["seed"])[job["fold"]]
    wrong = np.concatenate([truth[i] != y[i] for i in train])
    classifier = make_classifier({**job["params"], "random_state": job["seed"]})
    if job["system"] == ORACLE:
        classifier.set_params(noise_model=KnownNoise(wrong))
    # sums depend on the number of threads in their last digits
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always")
        classifier, probabilities, result = fit_songs(classifier, segments, y, train, test)
    result["test"] = test.tolist()
    result["groups"] = songs.groups[test].tolist()
    result["outcomes"] = {
        **{name: (labels == y[test]).astype(float).tolist() for name, labels in result["predictions"].items()},
        "segments": [
            float((classifier.classes_[rows.argmax(axis=1)] == truth[i]).mean())
            for rows, i in zip(probabilities, test, strict=True)
        ],
    }
    clean = getattr(classifier, "clean_probability_", None)
    clean = None if clean is None or job["system"] == ORACLE else np.concatenate(clean)
    mixed = 0 < wrong.sum() < len(wrong)
    result["wrong_share"] = float(wrong.mean())
    result["roc_auc"] = None if clean is None or not mixed else float(roc_auc_score(wrong, -clean))
    splits = clean is not None and hasattr(classifier, "split_")
    result["clean_share"] = float((clean > classifier.clean_threshold).mean()) if splits else None
    result["warnings"] = sorted({f"{w.category.__name__}: {w.message}" for w in caught})
    return result
