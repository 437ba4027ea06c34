"""Compare measures of trust in the labels of segments with what listeners heard in them: VGMIDI.

``$SKMER_DATA`` must hold the collection, with the ratings of single listeners. A network learns the quadrants of
pieces; measures of trust in the label of each segment are compared with the listeners' ratings of that segment.
Rewrites ``benchmarks/results/listeners.json`` and ``docs/reports/listeners.md``; other seeds and ``--quick`` write to
``benchmarks/results/.partial/scratch`` instead. Finished fits are kept in ``benchmarks/results/.partial/listeners``, so
that a stopped run can be resumed; delete them after a change of code without a new version of skmer.
"""

import argparse
import importlib.util
import os
import sys
from functools import partial
from pathlib import Path

# before NumPy and torch are imported: a fit has one thread
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _listeners import N_FOLDS, SEGMENTS, Scores, folds_of, halves_agree, heard, load_pieces, run_job
from _report import figure, mean_sd, versions, write_json
from _song_systems import make_classifier
from scipy.stats import wilcoxon

from skmer._io import atomic_write_text, markdown_table
from skmer.inspection.cross_fitting import SMOOTHING, average_over
from skmer.model_selection._fits import Fit, fit_key, run_fits, song_keys

HERE = Path(__file__).resolve().parent
DEFAULT_SEEDS = [0, 1, 2]
# as in `skmer train`
NETWORK = {
    "backbone": "mlp", "backbone_params": {"hidden": (128,)}, "max_epochs": 20, "warmup_epochs": 8, "segment_step": 3,
}  # fmt: skip
QUICK = {"max_epochs": 2, "warmup_epochs": 1}
SYSTEMS: dict[str, dict] = {"cross-entropy": {"noise_model": None}, "SSSL": {}}
CLEANLAB = {
    "cleanlab, adjusted confidence": {"method": "self_confidence", "adjust_pred_probs": True},
    "cleanlab, margin": {"method": "normalized_margin"},
    "cleanlab, entropy": {"method": "confidence_weighted_entropy"},
}
WINDOWS = (5, 15, 31)  # seconds over which the probability of the label is averaged
# what the label-noise report does by default with --cross-fit
CHOSEN = f"cross-entropy, out of fold, mean of {SMOOTHING:g} s"
HALF = ("Final Fantasy", "Banjo-Kazooie")  # series of about half of the pieces
N_RESAMPLES = 2000


def make_jobs(args, n_folds):
    """List the fits: for each seed and system, one on all pieces and one for each fold."""
    network = {**NETWORK, **(QUICK if args.quick else {})}
    return [
        {"system": name, "params": {**network, **params}, "seed": seed, "fold": fold, "memory": args.memory}
        for seed in args.seeds
        for name, params in SYSTEMS.items()
        for fold in (None, *range(n_folds))
    ]  # fmt: skip


def run(jobs, songs, store, n_jobs, verbose):
    """Run the fits that are not in the folder `store` yet; return a result for each."""
    pieces = list(zip(song_keys(songs.data), songs.target.tolist(), songs.groups.tolist(), strict=True))
    fits = []
    for job in jobs:
        classifier = make_classifier({**job["params"], "random_state": job["seed"]})
        name = f"{job['system']}-seed{job['seed']}-{'all' if job['fold'] is None else job['fold']}"
        fits.append(Fit(name, fit_key(classifier, pieces, SEGMENTS, job["fold"]), partial(run_job, job)))
    return run_fits(fits, store, n_jobs, verbose, "VGMIDI")[0]


def measures_of(seed, jobs, results, songs, lengths):
    """Return the trust in each segment's label by each measure, for one seed."""
    rng = np.random.default_rng(seed)
    found = {"chance": [rng.random(n) for n in lengths]}
    for system in SYSTEMS:
        for place, name in ((True, "in sample"), (False, "out of fold")):
            rows: list = [None] * len(lengths)
            clean: list = [None] * len(lengths)
            for job, result in zip(jobs, results, strict=True):
                if (job["system"], job["seed"], job["fold"] is None) == (system, seed, place):
                    for i, *values in zip(result["pieces"], result["probabilities"], result["clean"], strict=True):
                        rows[i], clean[i] = map(np.array, values)
            classes = results[0]["classes"]
            given = [classes.index(label) for label in songs.target]
            own = [values[:, k] for values, k in zip(rows, given, strict=True)]
            if SYSTEMS[system].get("noise_model", True) is not None:
                found[f"{system}, {name}, clean probability"] = clean
            found[f"{system}, {name}"] = own
            if name == "out of fold":
                for seconds in WINDOWS:
                    found[f"{system}, {name}, mean of {seconds} s"] = [
                        average_over(values, SEGMENTS["hop"], seconds) for values in own
                    ]
                if system == "cross-entropy":
                    found |= cleanlab_measures(rows, given)
    return found


def cleanlab_measures(rows, given):
    """Return the label quality scores of cleanlab, from probabilities out of fold."""
    from cleanlab.rank import get_label_quality_scores

    ends = np.cumsum([len(values) for values in rows])[:-1]
    probabilities = np.concatenate(rows)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = np.repeat(given, [len(values) for values in rows])
    return {
        name: np.split(get_label_quality_scores(labels, probabilities, **options), ends)
        for name, options in CLEANLAB.items()
    }


def facts(songs, truth, lengths, delay):
    """Return what the ratings say, before any model."""
    rated = [own.rated for own in truth]
    off, other, share = (
        np.concatenate([getattr(own, name)[own.rated] for own in truth]) for name in ("off", "other", "share")
    )
    within, overall = halves_agree(songs.dynamic, songs.quadrant, delay, lengths)
    return {
        "n_pieces": len(truth),
        "n_segments": int(sum(values.sum() for values in rated)),
        "other_quadrant": float(other.mean()),
        "clearly_off": float(off.mean()),
        "n_clearly_off": int(off.sum()),
        "n_pieces_with_off": int(sum(own.off[own.rated].any() for own in truth)),
        "share": float(share.mean()),
        "ceiling_within": within,
        "ceiling": overall,
    }


def compare(name, other, scores):
    """Return the differences of one measure to another, with 95 % intervals over pieces drawn with replacement.

    The p-value is that of Wilcoxon's signed-rank test of the pieces' correlations.
    """
    rng = np.random.default_rng(0)
    n = len(scores[name][0].trust)
    weights = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(N_RESAMPLES)]
    found: dict = {"measure": name, "less": other}
    for key, within in (("roc_auc", False), ("roc_auc_within", True)):

        def difference(drawn=None, within=within):
            means = [np.mean([one.roc_auc(within, drawn) for one in scores[measure]]) for measure in (name, other)]
            return means[0] - means[1]

        # a draw may have no clearly off-label segment
        drawn = [value for value in map(difference, weights) if np.isfinite(value)] or [float("nan")]
        found[key] = {"mean": difference(), "interval": np.percentile(drawn, [2.5, 97.5]).tolist()}
    ours, theirs = (np.mean([one.within for one in scores[measure]], axis=0) for measure in (name, other))
    each = ours - theirs
    means = [own @ each / own.sum() for own in weights]
    found["spearman_within"] = {"mean": float(each.mean()), "interval": np.percentile(means, [2.5, 97.5]).tolist()}
    found["p_value"] = float(wilcoxon(each).pvalue) if each.any() else 1.0
    return found


def make_report(args, songs, lengths, jobs, results):
    """Return the JSON report."""
    truth = [
        heard(ratings, quadrant, n, args.delay)
        for ratings, quadrant, n in zip(songs.dynamic, songs.quadrant, lengths, strict=True)
    ]
    in_half = np.isin(songs.series, HALF)
    parts = {"all": np.full(len(truth), True), "half": in_half, "others": ~in_half}
    scores: dict = {part: {} for part in parts}
    for seed in args.seeds:
        for name, trust in measures_of(seed, jobs, results, songs, lengths).items():
            for part, inside in parts.items():
                own = np.flatnonzero(inside)
                scores[part].setdefault(name, []).append(Scores([trust[i] for i in own], [truth[i] for i in own]))
    figures = {
        part: {name: [one.figures() for one in of_seeds] for name, of_seeds in measures.items()}
        for part, measures in scores.items()
    }
    accuracy = {}
    for system in SYSTEMS:
        own = [
            result
            for job, result in zip(jobs, results, strict=True)
            if job["system"] == system and job["fold"] is not None
        ]
        right = [
            result["classes"][int(np.mean(rows, axis=0).argmax())] == songs.target[i]
            for result in own
            for i, rows in zip(result["pieces"], result["probabilities"], strict=True)
        ]
        accuracy[system] = float(np.mean(right))
    return {
        "benchmark": "listeners",
        "quick": args.quick,
        "seeds": args.seeds,
        "delay": args.delay,
        "network_params": NETWORK,
        "facts": facts(songs, truth, lengths, args.delay),
        "accuracy": accuracy,
        "half": list(HALF),
        "n_half": int(in_half.sum()),
        "versions": versions("skmer", "cleanlab", "scikit-learn", "skorch", "torch", "numpy"),
        "rows": [
            {"measure": name, "part": part} | {key: mean_sd([one[key] for one in of_seeds]) for key in of_seeds[0]}
            for part, measures in figures.items()
            for name, of_seeds in measures.items()
        ],
        "tenths": np.mean([one.tenths() for one in scores["all"][CHOSEN]], axis=0).tolist(),
        "pairs": [compare(CHOSEN, other, scores["all"]) for other in scores["all"] if other != CHOSEN],
    }


def table_of(report, part):
    """Format the rows of a part as a Markdown table."""
    keys = ("roc_auc", "roc_auc_within", "precision", "spearman", "spearman_within", "spearman_pieces")
    header = ["trust", "ROC-AUC", "within pieces", "precision", "correlation", "within pieces", "of whole pieces"]
    rows = [[row["measure"], *(figure(row[key]) for key in keys)] for row in report["rows"] if row["part"] == part]
    return markdown_table(header, rows)


def cell(found):
    """Format a difference with its interval."""
    low, high = found["interval"]
    return f"{found['mean']:+.3f} [{low:+.3f}, {high:+.3f}]"


def document(report):
    """Format the Markdown page."""
    parts = [
        "# Trust in the labels of segments, and what listeners heard",
        "This page is rewritten by `benchmarks/listeners.py`.",
        "The pieces of VGMIDI were rated by about thirty listeners each, who moved valence and arousal while they "
        f"listened. Segments last {SEGMENTS['duration']} s and start {SEGMENTS['hop']} s apart.",
    ]
    if report is None:
        return "\n\n".join([*parts, "No results are kept yet."]) + "\n"
    known = report["facts"]
    if report["quick"]:
        parts.append("**A quick run, whose figures mean nothing.**")
    parts += [
        "## How much label noise there is in real music",
        f"The label of a piece is the quadrant of its mean ratings. Of {known['n_segments']:,} segments of "
        f"{known['n_pieces']} pieces,\n\n"
        f"- {100 * known['other_quadrant']:.1f} % have a mean rating in another quadrant than their piece;\n"
        f"- {100 * known['clearly_off']:.1f} % ({known['n_clearly_off']}, in {known['n_pieces_with_off']} pieces) have "
        "it there by more than its standard error, in valence, arousal or both: these are called *clearly off-label*;\n"
        f"- on average, {100 * known['share']:.0f} % of the listeners hear the quadrant of the piece.",
        f"Listeners are taken to react {report['delay']:g} s late. Most segments have the label of their piece, as far "
        "as it can be known, while on the label of many whole pieces listeners disagree.",
        "The shares of two halves of the listeners correlate so much that no measure can be expected to reach a "
        f"correlation (Spearman's) above {figure(known['ceiling'])} with those of all listeners, or "
        f"{figure(known['ceiling_within'])} within pieces.",
        "## Measures of trust",
        f"The network of `skmer train` (`{NETWORK['backbone']}` on `SegmentStatistics`) learns the quadrants of "
        "pieces, by cross-entropy or by SSSL. *In sample* it judges the pieces that it was trained on; *out of fold* "
        f"pieces of other series ({N_FOLDS} folds by series; accuracy of pieces "
        f"{figure(report['accuracy']['cross-entropy'])} and {figure(report['accuracy']['SSSL'])}). Without a further "
        "word, trust is the network's probability of the label; *clean probability* is the posterior of the mixture; "
        "*mean of s* is the mean probability over the segments that start within so many seconds. cleanlab's scores "
        "are of the probabilities of cross-entropy, out of fold.",
        "*ROC-AUC* and *precision* (of as many segments as there are, those trusted least) are those of finding "
        "clearly off-label segments among all; *within pieces*, segments are compared with those of their piece only. "
        "*Correlation* is Spearman's, of trust with the share of listeners who hear the label; within pieces it is "
        "the mean over pieces, and *of whole pieces* that of the means of pieces. Mean ± standard deviation over seeds "
        f"{', '.join(map(str, report['seeds']))}.",
        table_of(report, "all"),
        f"The clearly off-label segments are in {known['n_pieces_with_off']} pieces only, so that figures of ROC-AUC "
        f"are uncertain, and no piece is left on which nothing was tried. The {report['n_half']} pieces of the series "
        f"{' and '.join(report['half'])} and the others show how far figures depend on the pieces:",
        table_of(report, "half"),
        "The others:",
        table_of(report, "others"),
        f"*{CHOSEN}*, which `skmer label-noise --cross-fit` uses by default for a model of this kind, less each other "
        "measure, on all pieces, with 95 % intervals over pieces and the p-value of Wilcoxon's signed-rank test of the "
        "pieces' correlations:",
        markdown_table(
            ["less", "ROC-AUC", "within pieces", "correlation within pieces", "p"],
            [
                [pair["less"], *(cell(pair[key]) for key in ("roc_auc", "roc_auc_within", "spearman_within")),
                 f"{pair['p_value']:.2g}"]
                for pair in report["pairs"]
            ],
        ),
        "## How sure doubt is",
        f"Segments by tenths of *{CHOSEN}*, those trusted least first:",
        markdown_table(
            ["tenth", "clearly off-label", "listeners who hear the label"],
            [
                [str(k), f"{100 * off:.1f} %", f"{100 * share:.0f} %"]
                for k, (off, share) in enumerate(report["tenths"], start=1)
            ],
        ),
        "Made with " + ", ".join(f"{name} {number}" for name, number in report["versions"].items() if number) + ".",
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=DEFAULT_SEEDS, help="default: 0 1 2")
    parser.add_argument("--delay", type=float, default=1.5, help="seconds by which listeners react late (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="two epochs, as a test of the script")
    parser.add_argument("--memory", type=Path, help="folder in which segments are cached")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--output-dir", type=Path, help="for the report and the finished fits")
    parser.add_argument("--verbose", type=int, default=1, help="0 prints nothing")
    args = parser.parse_args(argv)
    if importlib.util.find_spec("cleanlab") is None:
        parser.error("cleanlab is not installed: pip install -e '.[bench]'")
    args.full = not args.quick and args.seeds == DEFAULT_SEEDS and args.delay == parser.get_default("delay")
    return args


def main(argv=None):
    """Run the fits and write the report."""
    args = parse(argv)
    results_dir, docs_dir = HERE / "results", HERE.parent / "docs" / "reports"
    partial_dir = (args.output_dir or HERE / "results") / ".partial"
    args.memory = args.memory or partial_dir / "segments"
    if args.output_dir or not args.full:
        results_dir = docs_dir = args.output_dir or partial_dir / "scratch"
    songs, statistics = load_pieces(args.memory)
    n_folds = len(folds_of(songs, args.seeds[0]))
    jobs = make_jobs(args, n_folds)
    results = run(jobs, songs, partial_dir / "listeners", args.n_jobs, args.verbose)
    report = make_report(args, songs, statistics.n_segments, jobs, results)
    write_json(results_dir / "listeners.json", report)
    atomic_write_text(docs_dir / "listeners.md", document(report))
    if args.verbose:
        print(document(report))
        print(f"Written: {results_dir / 'listeners.json'}, {docs_dir / 'listeners.md'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
