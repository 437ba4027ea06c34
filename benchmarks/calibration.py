"""How far the probabilities of songs can be trusted: means of segments, and an SVM that is calibrated in two ways.

``$SKMER_DATA`` must hold the collections. Each fold trains a pipeline of `skmer train` on a CPU. Its predictions for
the test songs get a temperature from the training songs (by folds among the features that the SVM was trained on) or
from the test songs of the other folds, as `train_model` does.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

# before NumPy and torch are imported: a fit has one thread
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _performance import processor
from _recordings import EXPERIMENTS, folds_of, load_songs
from _report import figure, versions, write_json
from scipy.special import softmax
from sklearn import config_context
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from skmer._io import atomic_write_text, markdown_table
from skmer._pipeline_steps import first_steps, fit_with_groups
from skmer.models import SYSTEMS, make_pipeline_of
from skmer.pipelines.calibration import UNCALIBRATED, calibration_error, fit_temperature, log_loss

HERE = Path(__file__).resolve().parent
WAYS = ("segment means", "not calibrated", "inside the training songs", "other folds", "shares of the classes")


def run_fold(songs, system, train, test, memory):
    """Train on a fold; return the logits of the test songs, their segment means or None, and the inner temperature."""
    paths, y = np.array(songs.data), np.asarray(songs.target)
    groups = songs.get("groups")
    groups = np.arange(len(y)) if groups is None else np.asarray(groups)
    pipe = make_pipeline_of(system, device="cpu")
    for _, reader in first_steps(pipe):
        reader.set_params(memory=memory)
    with warnings.catch_warnings(), threadpool_limits(1), config_context(enable_metadata_routing=True):
        warnings.simplefilter("ignore")
        fit_with_groups(pipe, paths[train].tolist(), y[train], groups[train])
        rows, found = (pipe[:-1].transform(paths[part].tolist()) for part in (train, test))
        inner = clone(pipe[-1]).set_params(cv=5).fit(rows, y[train], groups=groups[train]).temperature_
        means = None
        if "sssl" in pipe.named_steps:
            network = pipe[: list(pipe.named_steps).index("sssl") + 1]
            means = np.stack([song.mean(axis=0) for song in network.transform(paths[test].tolist())])
    return pipe[-1].logits(found), means, inner


def measure(experiment, system, memory, quick=False):
    """Return the rows of one system on one collection."""
    songs = load_songs(experiment)
    folds, description = folds_of(experiment, songs, validation=False, quick=quick)
    classes, y = np.unique(songs.target, return_inverse=True)
    logits, means, inner = zip(
        *(run_fold(songs, system, train, test, memory) for train, test in folds), strict=True
    )  # fmt: skip
    of_folds = [y[test] for _, test in folds]
    others = [
        fit_temperature(*(np.concatenate([own[j] for j in range(len(folds)) if j != i]) for own in (logits, of_folds)))
        for i in range(len(folds))
    ]
    right = np.concatenate(of_folds)

    def scaled(temperatures):
        return np.concatenate([softmax(own / t, axis=1) for own, t in zip(logits, temperatures, strict=True)])

    shares = np.bincount(y, minlength=len(classes)) / len(y)
    found = {
        "segment means": None if means[0] is None else np.concatenate(means),
        "not calibrated": scaled([UNCALIBRATED] * len(folds)),
        "inside the training songs": scaled(inner),
        "other folds": scaled(others),
        "shares of the classes": np.tile(shares, (len(right), 1)),
    }
    temperatures = {"inside the training songs": float(np.mean(inner)), "other folds": float(np.mean(others))}
    rows = [
        {
            "experiment": experiment, "system": system, "way": way, "temperature": temperatures.get(way),
            "accuracy": float((probabilities.argmax(axis=1) == right).mean()),
            "log_loss": log_loss(probabilities, right),
            "brier": float(((probabilities - np.eye(len(classes))[right]) ** 2).sum(axis=1).mean()),
            "calibration_error": calibration_error(probabilities, right),
        }
        for way, probabilities in found.items()
        if probabilities is not None
    ]  # fmt: skip
    return rows, f"{len(right):,} songs, {description}"


def document(report):
    """Format the Markdown page."""
    parts = [
        "# Calibration of the probabilities of songs",
        "This page is rewritten by `benchmarks/calibration.py`.",
        "Log loss, Brier score and calibration error (the difference between the largest probability and the share of "
        "right predictions, in ten bins) of test songs; lower is better. The SVM of `skmer train` names the same "
        "emotion in its three rows. *Not calibrated* has the fixed temperature of a pipeline that was fitted without "
        "an estimate; *inside the training songs* has the one that folds among the SVM's training features give, which "
        "are too good after a network that was trained on the same songs; *other folds* has that of the test songs of "
        "the other folds, as `train_model` does.",
    ]
    for place, description in report["experiments"].items():
        rows = [row for row in report["rows"] if row["experiment"] == place]
        names = ("accuracy", "log_loss", "brier", "calibration_error", "temperature")
        cells = [[row["system"], row["way"], *(figure(row[name]) for name in names)] for row in rows]
        head = ["system", "probabilities", *(name.replace("_", " ") for name in names)]
        parts += [f"## {place}", f"{description}.", markdown_table(head, cells)]
    packages = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    return "\n\n".join([*parts, f"{report['processor']}; {packages}."]) + "\n"


def main(argv=None):
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", nargs="+", choices=EXPERIMENTS, default=["emotify", "emopia-quadrant"])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=["descriptors", "sssl"])
    parser.add_argument("--memory", default=HERE / "results" / ".partial" / "segments", help="cache of what is read")
    parser.add_argument("--quick", action="store_true", help="two folds, as a test of the script")
    parser.add_argument("--output-dir", type=Path, help="for the figures and the page")
    args = parser.parse_args(argv)
    found = {
        (place, system): measure(place, system, args.memory, args.quick)
        for place in args.experiments
        for system in args.systems
    }
    report = {
        "rows": [row for rows, _ in found.values() for row in rows],
        "experiments": {place: description for (place, _), (_, description) in found.items()},
        "processor": processor(),
        "versions": versions("skmer", "numpy", "scipy", "scikit-learn", "torch", "librosa"),
    }
    write_json((args.output_dir or HERE / "results") / "calibration.json", report)
    atomic_write_text((args.output_dir or HERE.parent / "docs" / "reports") / "calibration.md", document(report))
    print(document(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
