"""Compare SSSL with cross-entropy, and with SSSL without its split, on recordings: Emotify and EMOPIA.

``$SKMER_DATA`` must hold the collections. Each experiment and network has a report of its own,
``benchmarks/results/real_music/<experiment>-<network>-<bands>.json``, and all reports are on one page,
``docs/reports/real_music.md``. ``--validation`` is the mode in which defaults are chosen: five grouped folds of the
clips of EMOPIA that are not in the test part of its published split, and five folds of Emotify other than those of the
test, with other seeds. ``--variants`` compares further settings without an edit of this file.

A run of some folds or without cross-entropy or sssl, variants without ``--validation``, and ``--quick``, writes to
``benchmarks/results/.partial/scratch`` instead. Finished fits are kept in ``benchmarks/results/.partial/real_music``,
so that a stopped run can be resumed; delete them after a change of code without a new version of skmer. Segments are
cached in ``benchmarks/results/.partial/segments``.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

# before NumPy and torch are imported: a fit has one thread
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _recordings import EXPERIMENTS, HOP, folds_of, load_songs, read_segments, run_job
from _report import figure, versions, write_json
from _song_systems import (
    DESCRIPTIONS,
    SYSTEMS,
    add_options,
    check_options,
    difference_cell,
    make_classifier,
    paired_interval,
    pairs_of,
)

from skmer._io import atomic_write_text, markdown_table
from skmer.datasets import COLLECTIONS
from skmer.model_selection._fits import Fit, fit_key, run_fits, song_keys
from skmer.reproduction.differences import mean_and_deviation, paired_difference

HERE = Path(__file__).resolve().parent
_TRAINING = {"max_epochs": 20, "warmup_epochs": 8, "segment_step": 3}
_CONVOLUTIONS = {"backbone_params": {"width": 16}, "batch_size": 32, **_TRAINING}
NETWORKS = {
    "small": {"backbone": "small", **_CONVOLUTIONS},
    "multi_branch": {"backbone": "multi_branch", **_CONVOLUTIONS},
    # as in `skmer train`
    "mlp": {"backbone": "mlp", "backbone_params": {"hidden": (128,)}, **_TRAINING},
    # the paper's network and duration, with the head that is the default on a CPU
    "vgg16": {
        "backbone": "vgg16",
        "prediction_precision": "auto",
        "batch_size": 32,
        "segment_step": 3,
        "max_epochs": 30,
        "warmup_epochs": 12,
    },
}
INPUTS = {"mel": "mel bands", "harmony": "harmony bands", "musicnn": "features of musicnn"}
DURATIONS = {"vgg16": 1}
FOLDS = {"vgg16": [0]}  # those of a full run, where one fold takes hours
QUICK = {"max_epochs": 3, "warmup_epochs": 1}
DEFAULT_SYSTEMS = ["cross-entropy", "cross-entropy-songs", "sssl", "sssl-songs"]
READOUTS = {
    "mean": "mean probability",
    "SVM": "statistics + SVM",
    "cross-fitted SVM": "cross-fitted statistics + SVM",
}


def make_jobs(args, experiment, songs, folds):
    """List the jobs of an experiment, fold by fold, so that a stopped run has finished whole folds."""
    common = {**NETWORKS[args.network], **(QUICK if args.quick else {}), **args.params}
    return [
        {"experiment": experiment, "system": name, "params": {**common, **params}, "seed": seed,
         "duration": args.duration, "bands": args.bands, "fold": fold, "train": folds[fold][0],
         "test": folds[fold][1], "cross_fit": args.cross_fit, "memory": args.memory}
        for seed in args.seeds
        for fold in range(len(folds))
        if args.folds is None or fold in args.folds
        for name, params in args.chosen.items()
    ]  # fmt: skip


def run(jobs, songs, store, n_jobs, verbose):
    """Run the jobs of an experiment that are not in the folder `store` yet; return a result for each."""
    keys, labels, groups = song_keys(songs.data), songs.target.tolist(), songs.groups.tolist()
    fits = []
    for job in jobs:
        train = [(keys[i], labels[i], groups[i] if job["cross_fit"] else None) for i in job["train"]]
        classifier = make_classifier({**job["params"], "random_state": job["seed"]})
        segments = {"duration": job["duration"], "hop": HOP}
        key = fit_key(classifier, train, [keys[i] for i in job["test"]], segments, job["bands"], job["cross_fit"])
        name = "-".join(str(job[part]) for part in ("experiment", "system", "bands", "seed", "fold"))
        fits.append(Fit(name, key, partial(run_job, job)))

    def fill_cache(missing):
        collection, _, _ = EXPERIMENTS[jobs[0]["experiment"]]
        read_segments(collection, jobs[0]["duration"], jobs[0]["bands"], jobs[0]["memory"], n_jobs, verbose)

    return run_fits(fits, store, n_jobs, verbose, jobs[0]["experiment"], fill_cache)[0]


def rows_of(jobs, results):
    """Return a row for each fit, as `skmer.reproduction.differences` takes them."""
    return [
        {"name": job["system"], "fold": job["fold"], "seed": job["seed"],
         "n_train": len(job["train"]), "n_test": len(job["test"]),
         "scores": {name: float(np.mean(values)) for name, values in result["outcomes"].items()}
         | {name: result[name] for name in ("train_accuracy", "processor_seconds")}}
        for job, result in zip(jobs, results, strict=True)
    ]  # fmt: skip


def outcomes_of(system, readout, jobs, results):
    """Return the share of seeds with which each tested song is right, by its position."""
    found: dict = {}
    for job, result in zip(jobs, results, strict=True):
        if job["system"] == system:
            for song, right in zip(job["test"].tolist(), result["outcomes"][readout], strict=True):
                found.setdefault(song, []).append(right)
    return {song: sum(values) / len(values) for song, values in found.items()}


def compare(systems, songs, jobs, results):
    """Return the difference of each pair of systems by each readout."""
    found, rows = [], rows_of(jobs, results)
    for name, other in pairs_of(systems):
        for readout in results[0]["outcomes"]:
            ours, theirs = (outcomes_of(system, readout, jobs, results) for system in (name, other))
            interval = paired_interval(
                [ours[song] for song in ours], [theirs[song] for song in ours], songs.groups[list(ours)]
            )
            test = paired_difference(rows, name, other, readout)
            found.append({"system": name, "less": other, "readout": readout, **interval,
                          "p_value": None if test is None else test["p_value"]})  # fmt: skip
    return found


def make_report(args, experiment, description, n_folds, songs, jobs, results):
    """Return the JSON report of an experiment."""
    rows = rows_of(jobs, results)
    collection, task, _ = EXPERIMENTS[experiment]
    return {
        "benchmark": "real_music",
        "experiment": experiment,
        "title": f"{COLLECTIONS[collection].title}: {task}",
        "mode": ("validation" if args.validation else "test") + ", quick: the figures mean nothing" * args.quick,
        "protocol": description,
        "group": COLLECTIONS[collection].group,
        "folds": sorted({job["fold"] for job in jobs}),
        "n_folds": n_folds,
        "n_songs": len({int(song) for job in jobs for song in job["test"]}),
        "seeds": args.seeds,
        "network": args.network,
        "bands": args.bands,
        "duration": args.duration,
        "network_params": {**NETWORKS[args.network], **args.params},
        "variants": args.variants,
        "versions": versions("skmer", "scikit-learn", "skorch", "torch", "numpy"),
        "rows": [
            {"system": system}
            | {
                score: mean_and_deviation([row for row in rows if row["name"] == system], score)
                for score in rows[0]["scores"]
            }
            for system in args.chosen
        ],
        "pairs": compare(args.chosen, songs, jobs, results),
        "runs": rows,
        "warnings": sorted({warning for result in results for warning in result["warnings"]}),
    }


def pair_cell(pair):
    """Format a difference with its interval and p-value."""
    p_value = pair["p_value"]
    return difference_cell(pair) + ("" if p_value is None else f", p = {figure(p_value)}")


def results_tables(report):
    """Format the figures of a report as Markdown tables."""
    readouts = [name for name in READOUTS if name in report["rows"][0]]
    header = ["accuracy", *(READOUTS[name] for name in readouts), "training songs", "processor seconds"]
    rows = [
        [row["system"], *(figure(row[name]) for name in (*readouts, "train_accuracy")),
         f"{row['processor_seconds']['mean']:.0f}"]
        for row in report["rows"]
    ]  # fmt: skip
    tables = [markdown_table(header, rows)]
    if report["pairs"]:
        lines: dict = {}
        for pair in report["pairs"]:
            lines.setdefault(f"{pair['system']} − {pair['less']}", {})[pair["readout"]] = pair_cell(pair)
        cells = [[name, *(line[readout] for readout in readouts)] for name, line in lines.items()]
        tables.append(markdown_table(["difference in points", *header[1 : 1 + len(readouts)]], cells))
    return "\n\n".join(tables)


def section(report):
    """Format the protocol and the figures of one report."""
    found = ", ".join(f"{name} {number}" for name, number in report["versions"].items() if number)
    all_folds = len(report["folds"]) == report["n_folds"]
    some = "" if all_folds else f"; of these, only the folds {', '.join(map(str, report['folds']))} were run"
    parts = [
        f"### {report['title']}, `{report['network']}` on {INPUTS[report['bands']]}, {report['duration']} s",
        f"{report['n_songs']:,} songs are tested: {report['protocol']}{some}. Mode: {report['mode']}; seeds "
        f"{', '.join(map(str, report['seeds']))}. Groups are those of one {report['group']}. Settings of all systems: "
        f"`{json.dumps(report['network_params'])}`.",
        "\n".join(f"- *{name}*: `{json.dumps(changes)}`" for name, changes in report["variants"].items()),
        results_tables(report),
        f"Made with {found}.",
    ]
    return "\n\n".join(part for part in parts if part)


def document(reports):
    """Format the Markdown page of all reports."""
    parts = [
        "# SSSL and cross-entropy on recordings",
        "This page is rewritten by `benchmarks/real_music.py`.",
        f"Whole songs in segments that start {HOP} s apart, of the length that a title tells; `mlp` is trained on "
        "`SegmentStatistics` of the bands. All systems have the same network, segments, folds and seeds:",
        DESCRIPTIONS,
        "The label of a song is that of the largest mean probability, or the prediction of an SVM on the statistics of "
        "the paper. Mean ± standard deviation over folds (over seeds for a single fold). Differences are in percentage "
        "points, with a 95 % bootstrap interval over groups of songs, which does not contain the spread of repeated "
        "training, and the p-value of the corrected paired test over folds. Processor seconds are those of one fit.",
    ]
    parts += [] if reports else ["No results are kept yet."]
    order = list(EXPERIMENTS)
    for title, mode in (("## Results", "test"), ("## How the defaults are chosen", "validation")):
        own = [report for report in reports if report["mode"].startswith(mode)]
        if own:
            parts += [title, *(section(r) for r in sorted(own, key=lambda report: order.index(report["experiment"])))]
    return "\n\n".join(parts) + "\n"


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", nargs="+", choices=EXPERIMENTS, help="default: all")
    parser.add_argument("--network", choices=NETWORKS, default="small", help="default: small")
    parser.add_argument("--bands", choices=("mel", "harmony", "musicnn"), help="default: mel; of multi_branch harmony; "
        "musicnn is for the network mlp only")  # fmt: skip
    parser.add_argument("--duration", type=float, help="of a segment, in seconds; default: 3, of vgg16 1")
    parser.add_argument("--folds", type=int, nargs="+", help="numbers of folds; default: all, of vgg16 the first")
    parser.add_argument("--cross-fit", type=int, metavar="N", help="also an SVM on out-of-fold statistics, of N folds")
    parser.add_argument("--memory", type=Path, help="folder in which segments are cached")
    add_options(parser, SYSTEMS)
    parser.set_defaults(systems=DEFAULT_SYSTEMS)
    args = parser.parse_args(argv)
    args.bands = args.bands or ("harmony" if args.network == "multi_branch" else "mel")
    default_duration, default_folds = DURATIONS.get(args.network, 3), FOLDS.get(args.network)
    args.duration = default_duration if args.duration is None else args.duration
    args.folds = default_folds if args.folds is None else args.folds
    if args.bands == "musicnn" and args.network != "mlp":
        parser.error("--bands musicnn: these are features of segments, which take --network mlp.")
    if args.validation and any(name.endswith("-split") for name in args.experiments or ()):
        parser.error("--validation has no published split: its folds are of the training part of the split.")
    chosen = [name for name in EXPERIMENTS if not (args.validation and name.endswith("-split"))]
    args.experiments = args.experiments or chosen
    check_options(args, parser, NETWORKS[args.network])
    if args.quick:
        args.seeds = args.seeds[:1]
    args.full = (args.duration, args.folds) == (default_duration, default_folds) and not args.quick
    args.full = args.full and {"cross-entropy", "sssl"} <= set(args.systems) and (args.validation or not args.variants)
    return args


def main(argv=None):
    """Run the experiments and write their reports."""
    args = parse(argv)
    results_dir, docs_dir = HERE / "results" / "real_music", HERE.parent / "docs" / "reports"
    partial_dir = (args.output_dir or HERE / "results") / ".partial"
    args.memory = args.memory or partial_dir / "segments"
    if args.output_dir or not args.full:
        docs_dir = args.output_dir or partial_dir / "scratch"
        results_dir = docs_dir / "real_music"
    for experiment in args.experiments:
        songs = load_songs(experiment)
        folds, description = folds_of(experiment, songs, args.validation, args.quick)
        if not set(args.folds or []) <= set(range(len(folds))):
            raise SystemExit(f"--folds: {experiment} has the folds 0 to {len(folds) - 1}, got {args.folds}.")
        jobs = make_jobs(args, experiment, songs, folds)
        results = run(jobs, songs, partial_dir / "real_music", args.n_jobs, args.verbose)
        report = make_report(args, experiment, description, len(folds), songs, jobs, results)
        name = f"{experiment}-{args.network}-{args.bands}" + "-validation" * args.validation
        write_json(results_dir / f"{name}.json", report)
        kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results_dir.glob("*.json"))]
        atomic_write_text(docs_dir / "real_music.md", document(kept))
        if args.verbose:
            print(section(report))
            print(f"\nWritten: {results_dir / name}.json, {docs_dir / 'real_music.md'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
