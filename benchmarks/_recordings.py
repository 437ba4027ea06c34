"""Collections of recordings for real_music.py: their folds and segments, and one fit of a system on them."""

import warnings
from functools import lru_cache

import numpy as np
from _song_systems import fit_songs, make_classifier
from threadpoolctl import threadpool_limits

from skmer import EmbeddingTransformer, SegmentStatistics, SegmentTransformer
from skmer.datasets import COLLECTIONS
from skmer.embeddings import musicnn
from skmer.model_selection import Protocol

# collection, task, and folds of a Protocol
EXPERIMENTS = {
    "emotify": ("emotify", "emotion", "grouped"),
    "emotify-2": ("emotify", "emotion", "grouped"),
    "emotify-3": ("emotify", "emotion", "grouped"),
    "emopia-quadrant": ("emopia", "quadrant", "grouped"),
    "emopia-arousal": ("emopia", "arousal", "grouped"),
    "emopia-valence": ("emopia", "valence", "grouped"),
    "emopia-quadrant-split": ("emopia", "quadrant", "split_cls_repo"),
    "emopia-arousal-split": ("emopia", "arousal", "split_cls_repo"),
    "emopia-valence-split": ("emopia", "valence", "split_cls_repo"),
    "vgmidi-quadrant": ("vgmidi", "quadrant", "grouped"),
    "vgmidi-arousal": ("vgmidi", "arousal", "grouped"),
    "vgmidi-valence": ("vgmidi", "valence", "grouped"),
}
FOLD_SEEDS = {"emotify-2": 1, "emotify-3": 2}  # the same songs, divided otherwise
N_FOLDS_OF = {"vgmidi": 5}  # it has six groups
HOP = 1  # seconds from segment to segment
N_FOLDS, N_VALIDATION_FOLDS, VALIDATION_FOLD_SEED = 10, 5, 100


def load_songs(experiment):
    """Return the songs of an experiment, with the classes of its task, from ``$SKMER_DATA``."""
    collection, task, _ = EXPERIMENTS[experiment]
    return COLLECTIONS[collection].load(task=task)


def folds_of(experiment, songs, validation, quick=False):
    """Return pairs of training and test songs, and a description of them.

    In validation, songs of the test part of a published split are in neither, and the folds are others.
    """
    collection, _, folds = EXPERIMENTS[experiment]
    if not validation:
        seed, n_folds = FOLD_SEEDS.get(experiment, 0), 2 if quick else N_FOLDS_OF.get(collection, N_FOLDS)
        protocol = Protocol(folds, n_folds, fold_seed=seed)
        division = f"; division {1 + seed} of the songs into folds" if seed else ""
        return protocol.split(songs.target, songs.groups, songs.get("splits")), protocol.describe() + division
    if "splits" in songs:
        [(inside, _)] = Protocol("split_cls_repo").split(songs.target, splits=songs.splits)
        of = f"the {len(inside)} songs of the published split split_cls_repo that are not in its test part"
    else:
        inside = np.arange(len(songs.target))
        of = "all songs, divided otherwise than in the test"
    protocol = Protocol("grouped", 2 if quick else N_VALIDATION_FOLDS, fold_seed=VALIDATION_FOLD_SEED)
    pairs = protocol.split(songs.target[inside], songs.groups[inside])
    return [(inside[train], inside[test]) for train, test in pairs], f"{protocol.describe()}, of {of}"


def read_segments(collection, duration, bands, memory, n_jobs=None, verbose=0):
    """Return the segments of all songs of a collection, through a cache on disk.

    Parameters
    ----------
    collection : str
        A name in `COLLECTIONS`.
    duration : float
        Length of a segment, in seconds.
    bands : {"mel", "harmony", "musicnn"}
        Mel bands, the same followed by semitones and pitch classes, or the features of the network of that name, which
        was trained on the Million Song Dataset.
    memory : Path
        Folder of the cache.
    n_jobs, verbose
        Of `SegmentTransformer`.

    Returns
    -------
    SongSequence
        The segments.
    """
    songs = COLLECTIONS[collection].load()
    cached = {"memory": memory, "n_jobs": n_jobs, "verbose": verbose}
    if bands == "musicnn":
        embedding = EmbeddingTransformer(musicnn("MSD"), sr=16000, window=duration, hop=HOP, padding="zero", **cached)
        return embedding.transform(songs.data)
    return SegmentTransformer(duration=duration, hop=HOP, harmony=bands == "harmony", **cached).transform(songs.data)


@lru_cache(maxsize=1)
def load_segments(collection, duration, bands, memory, statistics):
    """Return the segments of all songs of a collection, or their statistics, and keep them in memory."""
    segments = read_segments(collection, duration, bands, memory)
    return SegmentStatistics().fit_transform(segments) if statistics else segments


def run_job(job):
    """Run one system on one fold.

    Parameters
    ----------
    job : dict
        ``experiment``, ``params`` of the classifier, ``seed``, ``duration`` and ``bands`` of the segments, ``memory``,
        ``cross_fit``, and the positions ``train`` and ``test``.

    Returns
    -------
    dict
        As from `fit_songs`, with ``outcomes``: for each readout, whether each test song is right, 0 or 1; and the
        distinct ``warnings``.
    """
    songs = load_songs(job["experiment"])
    statistics = job["params"]["backbone"] == "mlp" and job["bands"] != "musicnn"
    collection, _, _ = EXPERIMENTS[job["experiment"]]
    segments = load_segments(collection, job["duration"], job["bands"], job["memory"], statistics)
    classifier = make_classifier({**job["params"], "random_state": job["seed"]})
    train, test = job["train"], job["test"]
    # sums depend on the number of threads in their last digits
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(1):
        warnings.simplefilter("always")
        result = fit_songs(classifier, segments, songs.target, train, test, songs.groups, job["cross_fit"])[2]
    truth = songs.target[test]
    result["outcomes"] = {
        name: (np.array(labels) == truth).astype(int).tolist() for name, labels in result["predictions"].items()
    }
    result["warnings"] = sorted({f"{w.category.__name__}: {w.message}" for w in caught})
    return result
