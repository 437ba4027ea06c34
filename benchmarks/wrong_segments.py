"""Compare SSSL with cross-entropy on synthetic songs, a known share of whose segments expresses another emotion.

Rewrites ``benchmarks/results/wrong_segments.json`` and ``docs/reports/wrong_segments.md``. ``--validation`` is the mode
in which defaults are chosen: songs of other seeds. ``--variants`` compares further settings without an edit of this
file, for example ``--validation --variants '{"cooler": {"temperature": 0.3}}'``. A run of other or fewer seeds, noises
or systems, another network or other bands, ``--params``, variants without ``--validation``, and ``--quick``, writes to
``benchmarks/results/.partial/scratch`` instead and does not replace a full report. Finished fits are kept in
``benchmarks/results/.partial/wrong_segments``, so that a stopped run can be resumed; delete them after a change of code
without a new version of skmer.
"""

import argparse
import json
import os
import sys
from functools import partial
from itertools import chain
from pathlib import Path

# before NumPy and torch are imported: more threads only slow down a network this small
os.environ.setdefault("OMP_NUM_THREADS", "1")

from _planted_songs import N_FOLDS, NETWORKS, ORACLE, SEGMENTS, SONGS, run_job
from _report import figure, mean_sd, versions, write_json
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

from skmer import SSSLClassifier
from skmer._io import atomic_write_text, markdown_table
from skmer.model_selection._fits import Fit, fit_key, run_fits
from skmer.reproduction.differences import paired_difference

HERE = Path(__file__).resolve().parent
NOISES = (0.0, 0.1, 0.25, 0.4)
QUICK = {"max_epochs": 6, "warmup_epochs": 2}
KNOWN = {**SYSTEMS, ORACLE: {}}
OUTCOMES = {
    "mean": "Songs, by the mean probability of their segments",
    "SVM": "Songs, by statistics of their segments and an SVM",
    "segments": "Segments, against their true emotion",
}
FIGURES = {
    **OUTCOMES,
    "roc_auc": "ROC-AUC of `clean_probability_` for the wrong segments of the training songs",
    "clean_share": "Share of training segments whose label is kept",
    "train_accuracy": "Training songs, by the mean probability of their segments",
    "processor_seconds": "Processor seconds of a fit",
}


def make_jobs(args):
    """List the jobs, seed by seed, so that a stopped run has finished whole seeds."""
    common = {**NETWORKS[args.network], **(QUICK if args.quick else {}), **args.params}
    n_songs, n_folds = (16, 2) if args.quick else (SONGS["n_songs"], N_FOLDS)
    return [
        {"system": name, "params": {**common, **params}, "bands": args.bands, "noise": noise, "seed": seed,
         "n_songs": n_songs, "n_folds": n_folds, "fold": fold}
        for seed in args.seeds
        for noise in args.noises
        for fold in range(n_folds)
        for name, params in args.chosen.items()
        if noise > 0 or name != ORACLE
    ]  # fmt: skip


def run(jobs, store, n_jobs, verbose):
    """Run the jobs that are not in the folder `store` yet; return a result for each."""
    fits = [
        Fit(
            f"{job['system']}-{job['params']['backbone']}-{job['noise']}-seed{job['seed']}-fold{job['fold']}",
            fit_key(job, make_classifier(job["params"]), SONGS, SEGMENTS),
            partial(run_job, job),
        )
        for job in jobs
    ]
    return run_fits(fits, store, n_jobs, verbose, "Wrong segments")[0]


def scores_of(result):
    """Return the figures of one fit, without those that it does not have."""
    means = {name: sum(values) / len(values) for name, values in result["outcomes"].items()}
    return {**means, **{name: result[name] for name in FIGURES if result.get(name) is not None}}


def summarise(jobs, results):
    """Return a row for each noise and system: the mean of the folds of each seed, over the seeds."""
    by_place: dict = {}
    for job, result in zip(jobs, results, strict=True):
        by_seed = by_place.setdefault((job["noise"], job["system"]), {})
        by_seed.setdefault(job["seed"], []).append({**scores_of(result), "wrong_share": result["wrong_share"]})
    return [
        {"noise": noise, "system": system}
        | {
            name: mean_sd([sum(fold[name] for fold in folds) / len(folds) for folds in by_seed.values()])
            for name in next(iter(by_seed.values()))[0]
        }
        for (noise, system), by_seed in by_place.items()
    ]


def compare(systems, jobs, results):
    """Return the difference of each pair of systems, for each noise and outcome."""
    found = []
    for noise in dict.fromkeys(job["noise"] for job in jobs):
        own = [(job, result) for job, result in zip(jobs, results, strict=True) if job["noise"] == noise]
        # the songs of every seed are others, and so are its folds
        rows = [
            {"name": job["system"], "fold": (job["seed"], job["fold"]), "seed": job["seed"],
             "scores": scores_of(result),
             "n_train": job["n_songs"] - len(result["test"]), "n_test": len(result["test"])}
            for job, result in own
        ]  # fmt: skip
        for name, other in pairs_of(systems):
            for outcome in OUTCOMES:
                ours, theirs = ([r for j, r in own if j["system"] == system] for system in (name, other))
                if ours:
                    values = [list(chain(*(r["outcomes"][outcome] for r in side))) for side in (ours, theirs)]
                    seeds = [job["seed"] for job, _ in own if job["system"] == name]
                    composers = [f"{s} {c}" for s, r in zip(seeds, ours, strict=True) for c in r["groups"]]
                    test = paired_difference(rows, name, other, outcome)
                    found.append({"noise": noise, "system": name, "less": other, "outcome": outcome,
                                  **paired_interval(*values, composers), "p_value": test["p_value"]})  # fmt: skip
    return found


def noise_table(corner, noises, cells):
    """Format cells, a dict by line and noise, as a Markdown table with a column for each noise."""
    lines = list(dict.fromkeys(line for line, _ in cells))
    header = [corner, *(f"{100 * noise:g} %" for noise in noises)]
    return markdown_table(header, [[line, *(cells.get((line, noise), "–") for noise in noises)] for line in lines])


def results_tables(report):
    """Format the figures of a report as Markdown tables."""
    rows, noises = report["rows"], report["noises"]
    parts = []
    for name, title in FIGURES.items():
        digits = 2 if name == "processor_seconds" else 3
        cells = {(row["system"], row["noise"]): figure(row[name], digits) for row in rows if name in row}
        parts += [f"**{title}**", noise_table("", noises, cells)] if cells else []
        pairs = {
            (f"{pair['system']} − {pair['less']}", pair["noise"]): difference_cell(pair)
            for pair in report["pairs"]
            if pair["outcome"] == name
        }
        parts += [noise_table("difference in points", noises, pairs)] if pairs else []
    return "\n\n".join(parts)


def make_report(args, jobs, results):
    """Return the JSON report."""
    rows = summarise(jobs, results)
    return {
        "benchmark": "wrong_segments",
        "mode": ("validation" if args.validation else "test") + ", quick: the figures mean nothing" * args.quick,
        "network": args.network,
        "bands": args.bands,
        "network_params": NETWORKS[args.network],
        "params": args.params,
        "variants": args.variants,
        "n_songs": jobs[0]["n_songs"],
        "seeds": args.seeds,
        "noises": args.noises,
        "wrong_share": {str(row["noise"]): row["wrong_share"]["mean"] for row in rows},
        "defaults": {k: v for k, v in SSSLClassifier().get_params().items() if isinstance(v, (str, float, int))},
        "versions": versions("skmer", "scikit-learn", "skorch", "torch", "numpy"),
        "rows": rows,
        "pairs": compare(args.chosen, jobs, results),
        "warnings": sorted({warning for result in results for warning in result["warnings"]}),
    }


def section(report):
    """Format the protocol and the figures of one report."""
    shares = ", ".join(f"{100 * share:.1f} %" for share in report["wrong_share"].values())
    noises = ", ".join(f"{100 * noise:g} %" for noise in report["noises"])
    changed = f" Changed for all systems: `{json.dumps(report['params'])}`." if report["params"] else ""
    variants = "\n".join(f"- *{name}*: `{json.dumps(changes)}`" for name, changes in report["variants"].items())
    found = ", ".join(f"{name} {number}" for name, number in report["versions"].items() if number)
    return "\n\n".join(
        part
        for part in (
            f"Mode: {report['mode']}; seeds {', '.join(map(str, report['seeds']))}. Network `{report['network']}` on "
            f"{report['bands']} bands: `{json.dumps(report['network_params'])}`.{changed} {noises} of the seconds of a "
            f"song express another emotion; {shares} of the training segments are wrong: most of their time has "
            "another emotion than their label.",
            variants,
            results_tables(report),
            f"Made with {found}.",
        )
        if part
    )


def document(report, validation):
    """Format the Markdown page of the two reports; either may be None."""
    parts = [
        "# Wrong segments planted in synthetic songs",
        "This page is rewritten by `benchmarks/wrong_segments.py`.",
        f"`make_songs({SONGS['n_songs']}, duration={SONGS['duration']})`, other songs for each seed; segments of "
        f"{SEGMENTS['duration']} s that start {SEGMENTS['hop']} s apart, {SEGMENTS['n_mels']} mel bands at "
        f"{SEGMENTS['sr']:,} Hz. `mlp` is trained on `SegmentStatistics`, `small` on the spectrograms. "
        f"{N_FOLDS} folds, a composer's songs in one of them; each song is tested once for each seed. A song counts as "
        "right if its planted label is predicted, a segment if the emotion is predicted that most of it expresses. "
        "Mean ± standard deviation over seeds.",
        f"{DESCRIPTIONS}\n- *oracle*: SSSL that is told which training segments are wrong.",
        "Differences between systems on the same songs are in percentage points, with a 95 % bootstrap interval over "
        "composers; the JSON file also has the p-values of the corrected paired test over folds.",
    ]
    if report is None and validation is None:
        parts.append("No results are kept yet.")
    if report is not None:
        parts.append(section(report))
    if validation is not None:
        parts += ["## How the defaults are chosen", "Songs of other seeds than above.", section(validation)]
    return "\n\n".join(parts) + "\n"


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=NETWORKS, default="mlp", help="default: mlp")
    parser.add_argument("--bands", choices=("mel", "harmony"), default="mel", help="of the segments; default: mel")
    parser.add_argument("--noises", type=float, nargs="+", help="shares of wrong seconds; default: 0 0.1 0.25 0.4")
    add_options(parser, KNOWN)
    args = parser.parse_args(argv)
    args.noises = args.noises or list(NOISES)
    if any(not 0 <= noise < 0.5 for noise in args.noises):
        parser.error(f"--noises must be at least 0 and below 0.5, got {args.noises}.")
    check_options(args, parser, NETWORKS[args.network], KNOWN)
    if args.quick:
        args.seeds, args.noises = args.seeds[:1], [0.25]
    default = (args.network, args.bands, args.noises, args.seeds) == ("mlp", "mel", list(NOISES), args.default_seeds)
    args.full = default and args.systems == [*KNOWN] and not args.quick and not args.params
    args.full = args.full and (args.validation or not args.variants)
    return args


def main(argv=None):
    """Run the benchmark and write its reports."""
    args = parse(argv)
    results_dir, docs_dir = HERE / "results", HERE.parent / "docs" / "reports"
    store = (args.output_dir or results_dir) / ".partial" / "wrong_segments"
    if args.output_dir or not args.full:
        results_dir = docs_dir = args.output_dir or results_dir / ".partial" / "scratch"
    jobs = make_jobs(args)
    report = make_report(args, jobs, run(jobs, store, args.n_jobs, args.verbose))
    paths = {False: results_dir / "wrong_segments.json", True: results_dir / "wrong_segments_validation.json"}
    write_json(paths[args.validation], report)
    both = {mode: json.loads(p.read_text(encoding="utf-8")) if p.exists() else None for mode, p in paths.items()}
    atomic_write_text(docs_dir / "wrong_segments.md", document(both[False], both[True]))
    if args.verbose:
        print(section(report))
        print(f"\nWritten: {paths[args.validation]}, {docs_dir / 'wrong_segments.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
