"""The demonstration: the whole system on synthetic songs, or on the Emotify recordings."""

import signal
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from joblib import cpu_count, parallel_config
from sklearn.dummy import DummyClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer._io import atomic_write, atomic_write_text
from skmer.aggregation import SongAggregator, SpectrogramStatistics
from skmer.datasets import load_emotify, make_songs, segment_labels
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.model_selection import compare_systems, summary_table
from skmer.sssl.classifier import SSSLClassifier

__all__ = ["run_demo"]

EMOTIONS = ["calmness", "joyful_activation", "nostalgia", "tension"]  # the commonest of Emotify

SYNTHETIC: dict[str, dict[str, Any]] = {
    "songs": {"n_songs": 80, "duration": 12, "noise": 0.25},
    "segments": {"duration": 2, "sr": 11264, "n_fft": 512, "n_mels": 64},
    "network": {"backbone": "small", "backbone_params": {"width": 16}, "batch_size": 32},
    "sssl": {"max_epochs": 14, "warmup_epochs": 4},
    "plain": {"max_epochs": 14},
}
RECORDINGS: dict[str, dict[str, Any]] = {
    "segments": {"duration": 3},
    "network": {"backbone": "small", "backbone_params": {"width": 16}},
    "sssl": {"max_epochs": 12, "warmup_epochs": 4},
    "plain": {"max_epochs": 5},  # more epochs learn the training songs by heart
}


def _systems(settings, random_state):
    def song_level(**params):
        network = SSSLClassifier(**settings["network"], random_state=random_state, **params)
        return make_pipeline(network, SongAggregator(), StandardScaler(), SVC())

    return {
        "dummy (commonest class)": make_pipeline(SpectrogramStatistics(), DummyClassifier()),
        "log-mel statistics + SVM": make_pipeline(SpectrogramStatistics(), StandardScaler(), SVC()),
        "inherited labels + SVM": song_level(noise_model=None, **settings["plain"]),
        "SSSL + SVM": song_level(**settings["sssl"]),
    }


class _NoiseFound:
    """After a fit: how well the planted noise of the training segments was ranked."""

    def __init__(self, noisy):
        self.noisy = noisy

    def __call__(self, estimator, train, test):
        network = estimator[0]
        if not hasattr(network, "clean_probability_"):
            return {}
        clean = np.concatenate(network.clean_probability_)
        return {"noise ROC-AUC": float(roc_auc_score(np.concatenate([self.noisy[i] for i in train]), -clean))}


def _save(display, path):
    # a picture that is half written is never left behind
    with atomic_write(path) as part:
        display.figure_.savefig(part, format="png", dpi=140, bbox_inches="tight")
    return path


def _draw(estimator, segments, songs, chosen, noisy, out):
    """Draw the emotion of one test song over time, and the loss mixture of the training set."""
    from skmer.inspection.loss_mixture_display import LossMixtureDisplay
    from skmer.inspection.timeline_display import EmotionTimelineDisplay

    network = estimator[0]
    probabilities = network.transform(segments[[chosen]])[0]
    label = estimator.predict(segments[[chosen]])[0]
    settings = SegmentTransformer(**songs.segment_settings)
    timeline = EmotionTimelineDisplay.from_predictions(
        probabilities,
        duration=settings.duration,
        hop=settings.hop,
        class_names=[str(name) for name in network.classes_],
        title=f"{songs.names[chosen]}: labelled {songs.target[chosen]}, heard as {label}",
    )
    mixture = LossMixtureDisplay.from_estimator(network, is_noisy=noisy)
    return _save(timeline, out / "emotion-over-time.png"), _save(mixture, out / "loss-mixture.png")


def _load(data, random_state):
    """Give the songs with all that the demonstration needs to know of them."""
    if data is None:
        songs = make_songs(**SYNTHETIC["songs"], sr=SYNTHETIC["segments"]["sr"], random_state=random_state)
        songs.names = [f"synthetic song {i}" for i in range(len(songs.data))]
        songs.segment_settings = SYNTHETIC["segments"]
    else:
        songs = load_emotify(data, emotions=EMOTIONS)
        songs.names = [Path(path).name for path in songs.data]
        songs.segment_settings = RECORDINGS["segments"]
    return songs


def _ignore_sigint():
    """Let the workers leave Ctrl-C to this process, which ends them: each would tell of it at length."""
    try:
        return parallel_config(backend="loky", initializer=partial(signal.signal, signal.SIGINT, signal.SIG_IGN))
    except TypeError:  # joblib before 1.5 cannot
        return nullcontext()


def _segment_noise(songs):
    """Tell for each segment of each song whether its inherited label is wrong; None if unknown."""
    if "segment_target" not in songs:
        return None
    settings = SegmentTransformer(**songs.segment_settings)
    return [
        segment_labels(seconds, settings.duration, settings.hop)[0] != label
        for seconds, label in zip(songs.segment_target, songs.target, strict=True)
    ]


def run_demo(data=None, out="demo-output", n_jobs=None, verbose=1, random_state=0):
    """Cross-validate the system beside simpler ones, and draw what it found.

    Parameters
    ----------
    data : str or Path, default=None
        Folder of the Emotify dataset; by default songs are synthesised.
    out : str or Path, default="demo-output"
        Folder for the pictures and the table.
    n_jobs : int, default=None
        Processes; by default one a core.
    verbose : int, default=1
        0 prints nothing; 1 also shows progress where standard error is a terminal.
    random_state : int, default=0
        Decides the songs and the networks.

    Returns
    -------
    dict
        What `skmer.model_selection.compare_systems` found.

    Raises
    ------
    FileNotFoundError
        If `data` is not the Emotify dataset.

    Examples
    --------
    >>> from skmer.reproduction.demo import run_demo
    >>> results = run_demo(verbose=0)  # doctest: +SKIP
    """
    began = time.monotonic()
    say = print if verbose else lambda *_: None
    progress = int(verbose > 0 and sys.stderr.isatty())
    settings = SYNTHETIC if data is None else RECORDINGS
    n_jobs = cpu_count() if n_jobs is None else n_jobs
    songs = _load(data, random_state)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    names, counts = np.unique(songs.target, return_counts=True)
    kind = "synthetic songs" if data is None else "recordings of Emotify"
    say(f"{len(songs.data)} {kind}: " + ", ".join(f"{c} {n}" for n, c in zip(names, counts, strict=True)))
    segments = SegmentTransformer(**songs.segment_settings, n_jobs=n_jobs, verbose=progress).transform(songs.data)
    noisy = _segment_noise(songs)
    say(f"{segments.n_segments.sum():,} segments of {songs.segment_settings['duration']} s")
    if noisy is not None:
        say(f"{np.concatenate(noisy).mean():.0%} of the segments carry another emotion than their song's label")

    systems = _systems(settings, random_state)
    cv = list(StratifiedGroupKFold(10, shuffle=True, random_state=random_state).split(
        np.zeros(len(songs.data)), songs.target, songs.groups))  # fmt: skip
    collect = None if noisy is None else _NoiseFound(noisy)
    with _ignore_sigint():
        results = compare_systems(
            systems, segments, songs.target, cv=cv, collect=collect, n_jobs=n_jobs, verbose=progress
        )
    table = summary_table(results)
    group = "composer" if data is None else "artist"
    say(f"\nTen folds, no {group} in both training and test songs; mean ± sd over folds:\n\n{table}\n")
    if noisy is not None:
        found = results["SSSL + SVM"]["noise ROC-AUC"]
        say(f"Planted label noise among the training segments, found by SSSL: "
            f"ROC-AUC {found.mean():.3f} ± {found.std():.3f}")  # fmt: skip

    train, test = cv[0]
    estimator = systems["SSSL + SVM"].fit(segments[train], songs.target[train])
    changes = [len(set(songs.segment_target[i])) if noisy is not None else 1 for i in test]
    chosen = int(test[np.argmax(changes)])
    pictures = _draw(estimator, segments, songs, chosen, noisy and [noisy[i] for i in train], out)
    atomic_write_text(out / "results.md", table + "\n")
    say(f"Pictures: {pictures[0]} and {pictures[1]}. Done in {time.monotonic() - began:.0f} s.")
    return results
