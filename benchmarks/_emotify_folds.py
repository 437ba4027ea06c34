"""One fold of the Emotify benchmark: train a system on its songs, score it on the songs left out."""

import warnings

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.aggregation import SpectrogramStatistics
from skmer.datasets import load_emotify

EMOTIONS = ["calmness", "joyful_activation", "nostalgia", "tension"]


def scores(y, predicted):
    """Accuracy, macro-F1 and balanced accuracy of a fold's songs."""
    with warnings.catch_warnings():
        # a fold may lack an emotion
        warnings.simplefilter("ignore", UserWarning)
        return {
            "accuracy": float((predicted == y).mean()),
            "macro-F1": float(f1_score(y, predicted, average="macro", zero_division=0)),
            "balanced accuracy": float(balanced_accuracy_score(y, predicted)),
        }


def folds(songs, shuffle, development):
    """Give (train, test) pairs: ten artist-grouped folds, or three within the training songs of the first."""
    y, artists = np.asarray(songs.target), np.asarray(songs.groups)
    ten = list(StratifiedGroupKFold(10, shuffle=True, random_state=shuffle).split(y, y, artists))
    if not development:
        return ten
    inside = ten[0][0]
    three = StratifiedGroupKFold(3, shuffle=True, random_state=shuffle)
    return [(inside[a], inside[b]) for a, b in three.split(y[inside], y[inside], artists[inside])]


def song_svm():
    """Give the last steps of the paper: scaler and SVM."""
    return make_pipeline(StandardScaler(), SVC())


def run_job(job):
    """Run one system on one fold.

    Parameters
    ----------
    job : dict
        ``system`` ("dummy", "statistics" or "network"), ``params`` and ``recipe`` of
        `SSSLClassifier`, ``duration``, ``fold``, ``shuffle``, ``development``, ``cross_fit`` (folds of
        the song features, 0 for none), ``data`` and ``cache`` (folders).

    Returns
    -------
    dict
        A dict of scores for each way from segments to a song's label, and figures of the training.
    """
    songs = load_emotify(job["data"], emotions=EMOTIONS)
    y = np.asarray(songs.target)
    segments = SegmentTransformer(duration=job["duration"], memory=job["cache"]).transform(songs.data)
    train, test = folds(songs, job["shuffle"], job["development"])[job["fold"]]
    if job["system"] == "dummy":
        dummy = DummyClassifier().fit(np.zeros((len(train), 1)), y[train])
        return {"song": scores(y[test], dummy.predict(np.zeros((len(test), 1))))}
    if job["system"] == "statistics":
        features = SpectrogramStatistics().fit_transform(segments)
        return {"song": scores(y[test], song_svm().fit(features[train], y[train]).predict(features[test]))}

    with warnings.catch_warnings():
        # an unusable split is in the history, and in the result
        warnings.simplefilter("ignore", UserWarning)
        params = {"backbone": "small", **job["params"]}
        network = SSSLClassifier(**params) if job["recipe"] is None else SSSLClassifier.from_recipe(
            job["recipe"], **params)  # fmt: skip
        network.fit(segments[train], y[train])
        inside, outside = network.transform(segments[train]), network.transform(segments[test])
        means = np.stack([song.mean(0) for song in outside])
        statistics = SongAggregator().fit(inside)
        result = {"mean probability": scores(y[test], network.classes_[means.argmax(1)])}
        features = statistics.transform(outside)
        result["statistics + SVM"] = scores(
            y[test], song_svm().fit(statistics.transform(inside), y[train]).predict(features)
        )
        if job["cross_fit"]:
            network.set_params(cv=job["cross_fit"])
            held_out = network.fit_transform(segments[train], y[train], groups=np.asarray(songs.groups)[train])
            svm = song_svm().fit(statistics.transform(held_out), y[train])
            result["statistics + SVM, cross-fitted"] = scores(y[test], svm.predict(features))
    result["training"] = {
        "phases": [row.get("phase", "plain") for row in network.history_],
        "clean_share": [row["clean_share"] for row in network.history_ if "clean_share" in row],
        "train_loss": [row["train_loss"] for row in network.history_],
    }
    return result
