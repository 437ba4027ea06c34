"""Demonstration of SSSL on synthetic songs, or on the Emotify recordings."""

import os
import signal
import sys
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from joblib import cpu_count, parallel_config
from sklearn.dummy import DummyClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer._io import atomic_write, atomic_write_text
from skmer.aggregation import SongAggregator, SpectrogramStatistics
from skmer.datasets import COLLECTIONS, make_songs, segment_labels
from skmer.feature_extraction import SegmentStatistics, SegmentTransformer
from skmer.model_selection import compare_systems, summary_table
from skmer.sssl import SSSLClassifier

__all__ = ["run_demo"]

_FOLDS = 5
_PLAIN, _SSSL = "inherited labels + SVM", "SSSL + SVM"

SYNTHETIC: dict[str, dict[str, Any]] = {
    "songs": {"n_songs": 160, "duration": 12, "noise": 0.25},
    "segments": {"duration": 3, "sr": 11264, "n_fft": 512, "n_mels": 64},
    "network": {"max_epochs": 20, "warmup_epochs": 8, "batch_size": 32},
}
RECORDINGS: dict[str, dict[str, Any]] = {
    "segments": {"duration": 3, "harmony": True},
    "network": {"max_epochs": 20, "warmup_epochs": 8, "segment_step": 3},
}


def run_demo(data=None, out="demo-output", n_jobs=None, verbose=1, random_state=0):
    """Cross-validate SSSL and simpler systems, and plot the results.

    Parameters
    ----------
    data : str or Path, default=None
        Folder of the Emotify dataset; by default songs are synthesised.
    out : str or Path, default="demo-output"
        Folder for the plots and the table.
    n_jobs : int, default=None
        Number of processes; None uses all cores.
    verbose : int, default=1
        0 prints nothing; 1 also shows progress if standard error is a terminal.
    random_state : int, default=0
        Seed of the songs and the networks.

    Returns
    -------
    dict
        The result of `skmer.model_selection.compare_systems`.

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
    show = print if verbose else lambda *_: None
    progress = int(verbose > 0 and sys.stderr.isatty())
    settings = SYNTHETIC if data is None else RECORDINGS
    n_jobs = cpu_count() if n_jobs is None else n_jobs
    if data is None:
        kind, group = "synthetic songs", "composer"
        songs = make_songs(**settings["songs"], sr=settings["segments"]["sr"], random_state=random_state)
        names = [f"synthetic song {i}" for i in range(len(songs.data))]
    else:
        kind, group = "recordings of Emotify", "artist"
        songs = COLLECTIONS["emotify"].load(data)
        names = [Path(path).name for path in songs.data]
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    classes, counts = np.unique(songs.target, return_counts=True)
    show(f"{len(songs.data)} {kind}: " + ", ".join(f"{c} {n}" for n, c in zip(classes, counts, strict=True)))
    if data is None:
        show("Q1 is happy, Q2 angry or fearful, Q3 sad, Q4 calm")
    transformer = SegmentTransformer(**settings["segments"], n_jobs=n_jobs, verbose=progress)
    segments = transformer.transform(songs.data)
    show(f"{segments.n_segments.sum():,} segments of {transformer.duration} s")
    noisy = _noisy_segments(songs, transformer) if data is None else None
    if noisy is not None:
        show(f"{np.concatenate(noisy).mean():.0%} of the segments express another emotion than the label of their song")

    systems = _make_systems(settings, random_state)
    splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=random_state)
    cv = list(splitter.split(np.zeros(len(songs.data)), songs.target, songs.groups))
    collect = None if noisy is None else partial(_noise_found, noisy)
    with _ignore_sigint():
        results = compare_systems(
            systems, segments, songs.target, cv=cv, collect=collect, n_jobs=n_jobs, verbose=progress
        )
    table = summary_table(results)
    show(f"\n{_FOLDS} folds, no {group} in both training and test songs; mean ± sd over folds:\n\n{table}\n")
    show(_conclusion(results, noisy))

    train, test = cv[0]
    estimator = systems[_SSSL].fit(segments[train], songs.target[train])
    # where the emotion of each second is known, a song that changes once
    once = [
        noisy is not None and np.sum(songs.segment_target[i][1:] != songs.segment_target[i][:-1]) == 1 for i in test
    ]
    chosen = int(test[np.argmax(once)])
    title = f"{names[chosen]}: labelled {songs.target[chosen]}"
    plots = _plot(estimator, segments[[chosen]], transformer, title, noisy and [noisy[i] for i in train], out)
    atomic_write_text(out / "results.md", table + "\n")
    page = _write_page(make_pipeline(transformer, *estimator), songs, test, out)
    show(f"Done in {time.monotonic() - began:.0f} s. What to look at, and listen to:\n")
    for path, what in (
        (
            page,
            f"open it in a browser: {len(test)} songs that the network has not seen; click a curve to hear that second",
        ),
        (plots[0], "the emotion of one of these songs over time"),
        (plots[1], "how wrong segments are found: by their losses"),
    ):
        show(f"  {path}\n      {what}")
    return results


def _make_systems(settings, random_state):
    def with_network(**params):
        network = SSSLClassifier("mlp", backbone_params={"hidden": (128,)}, random_state=random_state, **params)
        return make_pipeline(SegmentStatistics(), network, SongAggregator(), StandardScaler(), SVC())

    return {
        "dummy (commonest class)": make_pipeline(SpectrogramStatistics(), DummyClassifier()),
        "log-mel statistics + SVM": make_pipeline(SpectrogramStatistics(), StandardScaler(), SVC()),
        _PLAIN: with_network(noise_model=None, **settings["network"]),
        _SSSL: with_network(**settings["network"]),
    }


def _conclusion(results, noisy):
    """Return what the table shows, in a sentence or two."""
    accuracy = {name: scores["accuracy"] for name, scores in results.items()}
    gain = 100 * (accuracy[_SSSL] - accuracy[_PLAIN])
    compared = (
        f"SSSL recognises {accuracy[_SSSL].mean():.0%} of the songs, the same network without it "
        f"{accuracy[_PLAIN].mean():.0%}: a difference of {gain.mean():+.0f} ± {gain.std():.0f} points over the folds."
    )
    if noisy is None:
        return compared
    return (
        f"{np.concatenate(noisy).mean():.0%} of the segments inherit a wrong label, which SSSL finds with a ROC-AUC of "
        f"{results[_SSSL]['noise ROC-AUC'].mean():.2f}. {compared}"
    )


def _noisy_segments(songs, transformer):
    """Return for each segment of each song whether its inherited label is wrong."""
    return [
        segment_labels(seconds, transformer.duration, transformer.hop)[0] != label
        for seconds, label in zip(songs.segment_target, songs.target, strict=True)
    ]


def _noise_found(noisy, estimator, train, test):
    """Return the ROC-AUC with which a fitted network detects the noisy segments of its training songs."""
    if not hasattr(estimator[1], "clean_probability_"):
        return {}
    clean = np.concatenate(estimator[1].clean_probability_)
    return {"noise ROC-AUC": float(roc_auc_score(np.concatenate([noisy[i] for i in train]), -clean))}


def _ignore_sigint():
    """Make worker processes ignore Ctrl-C, on which each would print a traceback; this process ends them."""
    try:
        return parallel_config(backend="loky", initializer=partial(signal.signal, signal.SIGINT, signal.SIG_IGN))
    except TypeError:  # joblib before 1.5 has no initializer
        return nullcontext()


def _write_page(pipe, songs, test, out):
    """Write a page to listen to the test songs, and those that were synthesised as files; return its path."""
    from skmer.inspection import predict_files, write_timeline_page

    paths = [songs.data[i] for i in test]
    if not isinstance(paths[0], str):
        folder = out / "songs"
        folder.mkdir(exist_ok=True)
        waveforms, paths = paths, [str(folder / f"{songs.target[i]}-song-{i}.wav") for i in test]
        for path, waveform in zip(paths, waveforms, strict=True):
            soundfile.write(path, waveform, pipe[0].sr)
    home = os.path.commonpath([os.path.dirname(path) for path in paths])
    # two folders may have songs of one name
    names = [Path(path).relative_to(home).as_posix() for path in paths]
    return write_timeline_page(predict_files(pipe, paths), out / "listen", names=names, force=True)


def _plot(estimator, song, transformer, title, noisy, out):
    """Plot the emotion of one test song over time, and the loss mixture of the training songs; return the paths."""
    from skmer.inspection import EmotionTimelineDisplay, LossMixtureDisplay

    network = estimator[1]
    timeline = EmotionTimelineDisplay.from_predictions(
        estimator[:2].transform(song)[0],
        duration=transformer.duration,
        hop=transformer.hop,
        class_names=[str(name) for name in network.classes_],
        title=f"{title}, heard as {estimator.predict(song)[0]}",
    )
    displays = {
        out / "emotion-over-time.png": timeline,
        out / "loss-mixture.png": LossMixtureDisplay.from_estimator(network, is_noisy=noisy),
    }
    for path, display in displays.items():
        with atomic_write(path) as part:
            display.figure_.savefig(part, format="png", dpi=140, bbox_inches="tight")
    return list(displays)
