"""Compare SSSL with plain cross-entropy and cleanlab on scikit-learn's digits with planted label noise.

Rewrites ``benchmarks/results/label_noise.json`` and ``docs/reports/label_noise.md``. ``--validation`` is the mode in
which defaults are chosen: other seeds, the training part split once more, the test part not used. A run of other
or fewer seeds, noises or systems, and ``--quick``, writes to ``benchmarks/results/.partial/scratch`` instead and does
not replace a full report. Finished fits are kept in ``benchmarks/results/.partial/label_noise``, so that a stopped run
can be resumed; delete them after a change of code without a new version of skmer.
"""

import argparse
import importlib.util
import json
import os
import sys
from functools import partial
from pathlib import Path

# before NumPy and torch are imported: more threads only slow down a network this small
os.environ.setdefault("OMP_NUM_THREADS", "1")

from _noisy_digits import COMMON, NOISES, run_job
from _report import figure, mean_sd, versions, write_json

from skmer import SSSLClassifier
from skmer._io import atomic_write_text, markdown_table
from skmer.model_selection._fits import Fit, fit_key, run_fits

HERE = Path(__file__).resolve().parent
FIRST_VALIDATION_SEED = 100
EPOCHS, QUICK_EPOCHS = 60, 8

# `BASELINE_LR` is the best learning rate of plain cross-entropy on the validation seeds (see --validation);
# with SSSL's learning rate, plain cross-entropy fits the noise
BASELINE_LR = 2e-4
SYSTEMS = {
    "plain": ("plain cross-entropy", "plain", {}, None),
    "plain-tuned": (f"plain cross-entropy, lr {BASELINE_LR:g}", "plain", {"lr": BASELINE_LR}, None),
    "cleanlab": ("cleanlab CleanLearning", "cleanlab", {}, None),
    "cleanlab-tuned": (f"cleanlab CleanLearning, lr {BASELINE_LR:g}", "cleanlab", {"lr": BASELINE_LR}, None),
    "paper": ("SSSL, the paper's recipe", "sssl", {}, "paper"),
    "lambda-0": ("SSSL, lambda_kl=0", "sssl", {"lambda_kl": 0.0}, None),
    "sssl": ("SSSL, defaults", "sssl", {}, None),
}
NOISE_NAMES = {
    "symmetric-40": "40 % symmetric",
    "symmetric-60": "60 % symmetric",
    "asymmetric-30": "30 % asymmetric",
}
# (accuracy, ROC-AUC); the earlier figures are of a rough version, three seeds
TARGETS = {"symmetric-40": (0.95, 0.99), "symmetric-60": (0.89, 0.93), "asymmetric-30": (0.91, 0.93)}
EARLIER: dict[str, dict[str, tuple]] = {
    "earlier: plain cross-entropy": {n: (a, None) for n, a in zip(NOISES, (0.902, 0.728, 0.851), strict=True)},
    "earlier: the same, best test epoch": {n: (a, None) for n, a in zip(NOISES, (0.948, 0.899, 0.905), strict=True)},
    "earlier: cleanlab": dict(zip(NOISES, ((0.901, 0.955), (0.762, 0.867), (0.869, 0.837)), strict=True)),
    "earlier: rough SSSL, lambda_kl=0": {n: (a, None) for n, a in zip(NOISES, (None, 0.867, None), strict=True)},
    "earlier: rough SSSL": dict(zip(NOISES, ((0.943, 0.995), (0.813, 0.888), (0.892, 0.917)), strict=True)),
}


def validation_systems():
    """Return what --validation compares: each setting changed alone, with either balance; and the baseline's rates."""
    defaults = SSSLClassifier().get_params()
    grid = {"lambda_kl": (0.0, 0.5, 1.0), "lr": (5e-3, 1e-2), "loss_memory": (0.0, 0.5), "temperature": (0.33, 0.5)}
    now = {**defaults, "lr": 1e-2}  # "auto" for this network
    changes: list[dict] = [{}, *({k: v} for k, values in grid.items() for v in values if v != now[k])]
    systems = {}
    for balance in ("class", None):
        for change in changes:
            name = ", ".join(f"{k}={v!r}" for k, v in {"balance": balance, **change}.items())
            systems[name] = (f"SSSL, {name}", "sssl", {"balance": balance, **change}, None)
    for lr in (1e-4, BASELINE_LR, 3e-4, 1e-3, 1e-2):
        systems[f"plain {lr:g}"] = (f"plain cross-entropy, lr {lr:g}", "plain", {"lr": lr}, None)
    return systems


def make_jobs(systems, noises, seeds, epochs, validation):
    """List the jobs, seed by seed, so that a stopped run has finished whole seeds."""
    return [
        {"system": name, "runner": runner, "params": params, "recipe": recipe, "noise": noise, "seed": seed,
         "epochs": epochs, "validation": validation}
        for seed in seeds
        for noise in noises
        for name, (_, runner, params, recipe) in systems.items()
    ]  # fmt: skip


def run(jobs, store, n_jobs, verbose):
    """Run the jobs that are not in the folder `store` yet; return a result for each."""
    classifier = SSSLClassifier()  # its defaults count
    fits = [
        Fit(
            f"{job['system']}-{job['noise']}-seed{job['seed']}", fit_key(job, COMMON, classifier), partial(run_job, job)
        )
        for job in jobs
    ]
    results, _ = run_fits(fits, store, n_jobs, verbose, "Label noise")
    return [{key: value for key, value in result.items() if key != "versions"} for result in results]


def summarise(systems, jobs, results):
    """Return a row for each system and noise, with the mean and standard deviation of each figure over the seeds."""
    rows = []
    for name, (title, runner, _, _) in systems.items():
        for noise in dict.fromkeys(job["noise"] for job in jobs):
            own = [r for job, r in zip(jobs, results, strict=True) if job["system"] == name and job["noise"] == noise]
            figures = {k: mean_sd([r[k] for r in own]) for k in own[0] if k not in ("warnings", "seconds")}
            rows.append({"system": name, "title": title, "noise": noise, **figures,
                         "seconds": mean_sd([r["seconds"] for r in own])})  # fmt: skip
            if runner == "plain":
                oracle = {"accuracy": figures["oracle_accuracy"], "epoch": figures["oracle_epoch"]}
                rows.append({"system": f"{name}-oracle", "title": f"{title}, stopped at its best test epoch (oracle)",
                             "noise": noise, **oracle})  # fmt: skip
    return rows


def results_table(rows, reference=True):
    """Format the rows as a Markdown table, one line for each system; with the targets and earlier figures below."""
    noises = list(dict.fromkeys(row["noise"] for row in rows))
    header = ["", *(f"{NOISE_NAMES[n]}: {what}" for n in noises for what in ("accuracy", "ROC-AUC"))]
    by_system: dict = {}
    for row in rows:
        by_system.setdefault(row["title"], {})[row["noise"]] = (row["accuracy"], row.get("roc_auc"))
    lines = [[title, *(figure(v) for n in noises for v in cells[n])] for title, cells in by_system.items()]
    if reference:
        lines.append(["**target**", *(f"≥ {figure(v, 2)}" for n in noises for v in TARGETS[n])])
        for title, cells in EARLIER.items():
            lines.append([f"*{title}*", *(figure(v) for n in noises for v in cells[n])])
    return markdown_table(header, lines)


def verdicts(rows):
    """Format, for each noise, which targets the class's defaults reach, and by how much others are missed."""
    sentences = []
    for row in rows:
        if row["system"] != "sssl":
            continue
        parts = []
        for what, key, target in zip(("accuracy", "ROC-AUC"), ("accuracy", "roc_auc"), TARGETS[row["noise"]],
                                     strict=True):  # fmt: skip
            short = target - row[key]["mean"]
            result = (
                f"reaches ≥ {figure(target, 2)}" if short <= 0 else f"**misses** {figure(target, 2)} by {short:.4f}"
            )
            parts.append(f"{what} {figure(row[key], 4)} {result}")
        sentences.append(f"- {NOISE_NAMES[row['noise']]}: {'; '.join(parts)}.")
    return "\n".join(sentences)


def make_report(args, systems, jobs, results):
    """Return the JSON report."""
    data = "validation part (training part split 70/30 once more)" if args.validation else "test part"
    return {
        "benchmark": "label_noise",
        "mode": ("validation" if args.validation else "test") + (", quick: the figures mean nothing" * args.quick),
        "accuracy_on": f"{data}, true labels",
        "roc_auc_of": "the planted noise in the training part",
        "seeds": args.seeds,
        "epochs": jobs[0]["epochs"],
        "defaults": {k: v for k, v in SSSLClassifier().get_params().items() if isinstance(v, (str, float, int))},
        "versions": versions("skmer", "scikit-learn", "skorch", "torch", "numpy", "cleanlab"),
        "fit_seconds": round(sum(result["seconds"] for result in results), 1),
        "rows": summarise(systems, jobs, results),
        "runs": [{**job, **result} for job, result in zip(jobs, results, strict=True)],
    }


def document(report, validation):
    """Format the Markdown page of the two reports; either may be None."""
    parts = ["# Label noise: scikit-learn's digits", "This page is rewritten by `benchmarks/label_noise.py`."]
    if report is not None:
        found = ", ".join(f"{name} {number}" for name, number in report["versions"].items() if number)
        parts += [
            f"Pixels / 16, stratified 70/30 split, labels of an exact share of the training part changed (symmetric: "
            f"to one of the nine others; asymmetric: y → y + 1 mod 10). Network 64-256-256-10, {report['epochs']} "
            f"epochs, batch 64, the same for all. Accuracy on the {report['accuracy_on']}; ROC-AUC of finding the "
            f"planted noise; mean ± standard deviation over seeds {', '.join(map(str, report['seeds']))}. "
            f"Mode: {report['mode']}.",
            results_table(report["rows"]),
        ]
        if sentences := verdicts(report["rows"]):
            parts += ["Against the targets, SSSL with the class's own defaults:", sentences]
        parts += [
            "The network is stopped *at its best test epoch* by means of the true test labels, which is "
            "impossible in practice. "
            "Plain cross-entropy and cleanlab appear twice: once with the settings of SSSL, so that only the "
            "noise model "
            f"differs, and once at the learning rate ({BASELINE_LR:g}) that is best for plain cross-entropy on the "
            "validation seeds. The *earlier* figures are of a rough version, three seeds, other rates.",
            f"Made with {found}.",
        ]
    if validation is not None:
        parts += [
            "## How the defaults are chosen",
            f"`--validation`: seeds {', '.join(map(str, validation['seeds']))}, none of which is a test seed. The "
            "training part is split 70/30 once more and the test part is left out, so these networks see less data "
            f"than those above and the two tables cannot be compared. {validation['epochs']} epochs; "
            f"mode: {validation['mode']}.",
            results_table(validation["rows"], reference=False),
        ]
    return "\n\n".join(parts) + "\n"


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2 3 4; with --validation 100 101 102")
    parser.add_argument("--noises", nargs="+", choices=list(NOISES), help="default: all")
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), help="default: all; not with --validation")
    parser.add_argument("--validation", action="store_true", help="compare settings on validation splits")
    parser.add_argument("--quick", action="store_true", help="one seed, one noise, few epochs, as a test of the script")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--output-dir", type=Path, help="for both reports; default: benchmarks/results, docs/reports")
    parser.add_argument("--verbose", type=int, default=1, help="0 prints nothing")
    args = parser.parse_args(argv)
    if args.systems and args.validation:
        parser.error("--systems cannot be combined with --validation, which compares other systems.")
    every_seed = [100, 101, 102] if args.validation else list(range(5))
    args.seeds = args.seeds or every_seed
    if any((seed >= FIRST_VALIDATION_SEED) != args.validation for seed in args.seeds):
        parser.error(f"--seeds: those of {FIRST_VALIDATION_SEED} and above are for --validation, lower ones for tests.")
    args.noises = args.noises or list(NOISES)
    if args.quick:
        args.seeds, args.noises = args.seeds[:1], args.noises[:1]
    args.systems = args.systems or list(SYSTEMS)
    args.full = (args.seeds, args.noises, args.systems) == (every_seed, list(NOISES), list(SYSTEMS)) and not args.quick
    if not args.validation and importlib.util.find_spec("cleanlab") is None:
        wanting = [name for name in args.systems if SYSTEMS[name][1] == "cleanlab"]
        if wanting:
            parser.error(f"cleanlab is not installed: pip install 'skmer[bench]', or leave {wanting} out of --systems.")
    return args


def main(argv=None):
    """Run the benchmark and write its reports."""
    args = parse(argv)
    results_dir, docs_dir = HERE / "results", HERE.parent / "docs" / "reports"
    store = (args.output_dir or results_dir) / ".partial" / "label_noise"
    if args.output_dir or not args.full:
        results_dir = docs_dir = args.output_dir or results_dir / ".partial" / "scratch"
    systems = validation_systems() if args.validation else {name: SYSTEMS[name] for name in args.systems}
    epochs = QUICK_EPOCHS if args.quick else EPOCHS
    jobs = make_jobs(systems, args.noises, args.seeds, epochs, args.validation)
    results = run(jobs, store, args.n_jobs, args.verbose)
    report = make_report(args, systems, jobs, results)
    paths = {False: results_dir / "label_noise.json", True: results_dir / "label_noise_validation.json"}
    write_json(paths[args.validation], report)
    both = {mode: json.loads(p.read_text(encoding="utf-8")) if p.exists() else None for mode, p in paths.items()}
    atomic_write_text(docs_dir / "label_noise.md", document(both[False], both[True]))
    if args.verbose:
        print(results_table(report["rows"], reference=not args.validation))
        if not args.validation:
            print("\n" + verdicts(report["rows"]))
        print(f"\nWritten: {paths[args.validation]}, {docs_dir / 'label_noise.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
