"""Compare the systems of `skmer train` by accuracy and processor time, on recordings: Emotify and EMOPIA.

``$SKMER_DATA`` must hold the collections. Each experiment has a report of its own,
``benchmarks/results/systems/<experiment>.json``, and all reports are on one page, ``docs/reports/systems.md``.

A run of some folds or systems, and ``--quick``, writes to ``benchmarks/results/.partial/scratch`` instead. Finished
folds are kept in ``benchmarks/results/.partial/systems``, so that a stopped run can be resumed; delete them after a
change of code without a new version of skmer. Spectrograms are cached in ``benchmarks/results/.partial/segments``.
"""

import argparse
import json
import os
import sys
import time
import warnings
from functools import partial
from pathlib import Path

# before NumPy and torch are imported: a fit has one thread
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _performance import processor
from _recordings import EXPERIMENTS, N_FOLDS, folds_of, load_songs
from _report import figure, mean_sd, versions, write_json
from sklearn import config_context
from sklearn.dummy import DummyClassifier
from threadpoolctl import threadpool_limits

from skmer import make_averaging_classifier
from skmer._io import atomic_write_text, markdown_table
from skmer._pipeline_steps import first_steps, leaf_steps
from skmer.datasets import COLLECTIONS
from skmer.model_selection._fits import Fit, fit_key, run_fits, song_keys
from skmer.model_selection.systems import fit_with_groups
from skmer.models import SYSTEMS, make_pipeline_of
from skmer.reproduction.differences import paired_tests

HERE = Path(__file__).resolve().parent
DEFAULT_EXPERIMENTS = ["emotify", "emopia-quadrant"]
TOGETHER = {"average": make_averaging_classifier}
DESCRIPTIONS = SYSTEMS | {
    "average": "`make_averaging_classifier`: mean probability of the network of sssl and of an SVM on descriptors",
}
REFERENCE = "sssl"  # of the paired tests
_PUBLISHED = "Published, of the original recordings: {} (short-chunk ResNet, Hung et al. 2021)."
_PANELS = (
    "Two panels drawn from Emotify's listeners agree on the commonest of the four emotions in .77 of the songs, and a "
    "model that knew the shares of all listeners would be right in .84 (docs/guide/agreement.md)."
)
BESIDE = {
    **dict.fromkeys(("emotify", "emotify-2", "emotify-3"), _PANELS),
    "emopia-quadrant-split": _PUBLISHED.format(".677"),
    "emopia-arousal-split": _PUBLISHED.format(".887"),
    "emopia-valence-split": _PUBLISHED.format(".704"),
}
"""What to compare the figures of an experiment with."""

N_TIMED = 20  # songs of a fold whose prediction is timed


def make_system(job):
    """Return the pipeline of a job, as `skmer train` builds it on a CPU, which caches what it reads."""
    short = {"max_epochs": 2, "warmup_epochs": 1} if job["quick"] else {}
    if job["system"] in TOGETHER:
        return TOGETHER[job["system"]](memory=job["memory"], random_state=job["seed"], **short)
    pipeline = make_pipeline_of(job["system"], device="cpu", seed=job["seed"])
    if network := dict(leaf_steps(pipeline)).get("sssl"):
        network.set_params(**short)
        if job["quick"] and job["system"] == "joined":
            network.set_params(cv=2)
    for _, reader in first_steps(pipeline):
        reader.set_params(memory=job["memory"])
    return pipeline


def set_memory(model, memory, other=None):
    """Replace the folder of the caches of all steps, fitted or not; return the steps that read songs."""
    readers = {}
    for own in [model, *getattr(model, "estimators_", [])]:
        for step in [own, *own.get_params().values()]:
            if hasattr(step, "transform") and getattr(step, "memory", None) == memory:
                readers[id(step)] = step.set_params(memory=other)
    return list(readers.values())


def timed(function):
    """Return the result of a function and the seconds of processor time that it took."""
    began = time.process_time()
    result = function()
    return result, time.process_time() - began


def run_job(job):
    """Train and test one system on one fold.

    Parameters
    ----------
    job : dict
        ``experiment``, ``system``, ``seed``, ``quick``, ``memory`` (a folder), and the positions ``train`` and
        ``test``.

    Returns
    -------
    dict
        The ``accuracy`` and that of a ``dummy``, which predicts the commonest class; ``train_seconds`` of a fit on
        cached songs; and the milliseconds to predict a song from its file (``file_ms``) and from the cache
        (``cached_ms``).
    """
    songs = load_songs(job["experiment"])
    paths, y = np.array(songs.data), songs.target
    train, test = job["train"], job["test"]
    pipeline = make_system(job)
    memory = job["memory"]
    # groups reach the cross-fitting by metadata routing, as in skmer train
    with warnings.catch_warnings(), threadpool_limits(1), config_context(enable_metadata_routing=True):
        warnings.simplefilter("ignore")
        for reader in set_memory(pipeline, memory, memory):
            reader.transform([*paths[train], *paths[test]])  # into the cache
        _, train_seconds = timed(lambda: fit_with_groups(pipeline, list(paths[train]), y[train], songs.groups[train]))
        accuracy = float((pipeline.predict(list(paths[test])) == y[test]).mean())
        some = list(paths[test][: 2 if job["quick"] else N_TIMED])
        _, cached = timed(lambda: pipeline.predict(some))
        set_memory(pipeline, memory)
        _, from_files = timed(lambda: pipeline.predict(some))
    dummy = DummyClassifier().fit(train[:, None], y[train]).score(test[:, None], y[test])
    return {
        "accuracy": accuracy,
        "dummy": float(dummy),
        "train_seconds": train_seconds,
        "file_ms": 1000 * from_files / len(some),
        "cached_ms": 1000 * cached / len(some),
    }


def run(jobs, songs, store, n_jobs, verbose):
    """Run the jobs of an experiment that are not in the folder `store` yet; return a result for each."""
    keys, labels, groups = song_keys(songs.data), songs.target.tolist(), songs.groups.tolist()
    fits = []
    for job in jobs:
        train = [(keys[i], labels[i], groups[i]) for i in job["train"]]
        key = fit_key(make_system(job), train, [keys[i] for i in job["test"]], N_TIMED)
        name = "-".join(str(job[part]) for part in ("experiment", "system", "seed", "fold"))
        fits.append(Fit(name, key, partial(run_job, job)))
    return run_fits(fits, store, n_jobs, verbose, jobs[0]["experiment"])[0]


def make_report(args, experiment, description, n_folds, jobs, results):
    """Return the JSON report of an experiment."""
    collection, task, _ = EXPERIMENTS[experiment]
    measures = ("accuracy", "dummy", "train_seconds", "file_ms", "cached_ms")
    runs = [
        {"system": job["system"], "fold": job["fold"], "n_train": len(job["train"]), "n_test": len(job["test"]),
         **{name: result[name] for name in measures}}
        for job, result in zip(jobs, results, strict=True)
    ]  # fmt: skip
    return {
        "benchmark": "systems",
        "experiment": experiment,
        "title": f"{COLLECTIONS[collection].title}: {task}",
        "quick": args.quick,
        "protocol": description,
        "folds": sorted({job["fold"] for job in jobs}),
        "n_folds": n_folds,
        "seed": args.seed,
        "processor": processor(),
        "versions": versions("skmer", "scikit-learn", "skorch", "torch", "numpy", "librosa", "soundfile", "soxr"),
        "rows": [
            {"system": system}
            | {name: mean_sd(run[name] for run in runs if run["system"] == system) for name in measures}
            for system in args.systems
        ],
        "runs": runs,
    }


def differences_of(report):
    """Return the difference of each system from the reference, in points, with its adjusted p-value."""
    rows = [
        {"name": run["system"], "seed": report["seed"], "scores": {"accuracy": run["accuracy"]}, **run}
        for run in report["runs"]
    ]
    names = dict.fromkeys(run["system"] for run in report["runs"])
    pairs = [(name, REFERENCE) for name in names if name != REFERENCE]
    return {
        pair["row"]: f"{100 * pair['mean']:+.1f}, p = {figure(pair['adjusted'])}"
        for pair in paired_tests(rows, pairs)
        if pair["adjusted"] is not None
    }


def section(report):
    """Format the protocol and the figures of one report."""
    rows = [
        [row["system"], figure(row["accuracy"]), *(f"{row[name]['mean']:,.{digits}f}" for name, digits in
         (("train_seconds", 1), ("file_ms", 0), ("cached_ms", 1)))]
        for row in report["rows"]
    ]  # fmt: skip
    rows.append(["commonest class", figure(report["rows"][0]["dummy"]), "", "", ""])
    header = ["system", "accuracy", "training a fold, s", "a song from its file, ms", "a cached song, ms"]
    differences = differences_of(report)
    if differences:
        header.insert(2, f"difference from {REFERENCE}, points")
        for row in rows:
            row.insert(2, differences.get(row[0], ""))
    some = ""
    if len(report["folds"]) < report["n_folds"]:
        some = f"; of these, only the folds {', '.join(map(str, report['folds']))} were run"
    sizes = [run[part] for part in ("n_train", "n_test") for run in report["runs"]]
    half = len(sizes) // 2
    found = ", ".join(f"{name} {number}" for name, number in report["versions"].items() if number)
    mode = "**A quick run, whose figures mean nothing.** " if report["quick"] else ""
    return "\n\n".join(
        [
            f"## {report['title']}",
            f"{mode}{report['protocol']}{some}; {min(sizes[:half])} to {max(sizes[:half])} songs for training, "
            f"{min(sizes[half:])} to {max(sizes[half:])} for the test; seed {report['seed']}.",
            markdown_table(header, rows),
            *([BESIDE[report["experiment"]]] if report["experiment"] in BESIDE else []),
            f"Made on one thread of {report['processor']}, with {found}.",
        ]
    )


def document(reports):
    """Format the Markdown page of all reports."""
    parts = [
        "# Accuracy and processor time of the systems of skmer train",
        "This page is rewritten by `benchmarks/systems.py`.",
        "The systems of `skmer train`, as it builds them on a CPU, and an average of two of them:",
        "\n".join(f"- *{name}*: {description}" for name, description in DESCRIPTIONS.items()),
        "Accuracy is the mean ± standard deviation over folds. Differences from sssl have the p-value of Nadeau and "
        "Bengio's corrected paired test over folds, adjusted by Holm for the systems of a table. Times are processor "
        "time, the mean over folds: of training on songs that are cached, and of predicting songs of the test part, "
        f"with decoding (\"from its file\", {N_TIMED} songs in one call), and from cached spectrograms or descriptors.",
    ]  # fmt: skip
    parts += [] if reports else ["No results are kept yet."]
    order = list(EXPERIMENTS)
    parts += [section(report) for report in sorted(reports, key=lambda report: order.index(report["experiment"]))]
    return "\n\n".join(parts) + "\n"


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", nargs="+", choices=EXPERIMENTS, default=DEFAULT_EXPERIMENTS)
    parser.add_argument("--systems", nargs="+", choices=DESCRIPTIONS, default=list(DESCRIPTIONS), help="default: all")
    parser.add_argument(
        "--n-folds", type=int, default=N_FOLDS, help="run the first N folds (default: all, %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="two folds of thirty songs and two epochs, as a test of the script"
    )
    parser.add_argument("--memory", type=Path, help="folder in which spectrograms and descriptors are cached")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--output-dir", type=Path, help="for the reports and the finished folds")
    parser.add_argument("--verbose", type=int, default=1, help="0 prints nothing")
    args = parser.parse_args(argv)
    args.full = not args.quick and args.n_folds >= N_FOLDS and set(args.systems) == set(DESCRIPTIONS)
    return args


def main(argv=None):
    """Run the experiments and write their reports."""
    args = parse(argv)
    results_dir, docs_dir = HERE / "results" / "systems", HERE.parent / "docs" / "reports"
    partial_dir = (args.output_dir or HERE / "results") / ".partial"
    if args.output_dir or not args.full:
        docs_dir = args.output_dir or partial_dir / "scratch"
        results_dir = docs_dir / "systems"
    for experiment in args.experiments:
        songs = load_songs(experiment)
        folds, description = folds_of(experiment, songs, validation=False, quick=args.quick)
        step = max(len(songs.data) // 30, 1) if args.quick else 1
        jobs = [
            {"experiment": experiment, "system": system, "seed": args.seed, "fold": fold, "quick": args.quick,
             "memory": args.memory or partial_dir / "segments", "train": train[::step], "test": test[::step]}
            for fold, (train, test) in enumerate(folds[: args.n_folds])
            for system in args.systems
        ]  # fmt: skip
        results = run(jobs, songs, partial_dir / "systems", args.n_jobs, args.verbose)
        report = make_report(args, experiment, description, len(folds), jobs, results)
        write_json(results_dir / f"{experiment}.json", report)
        kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results_dir.glob("*.json"))]
        atomic_write_text(docs_dir / "systems.md", document(kept))
        if args.verbose:
            print(section(report))
            print(f"\nWritten: {results_dir / experiment}.json, {docs_dir / 'systems.md'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
