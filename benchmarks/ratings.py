"""Compare systems that predict ratings: valence and arousal of VGMIDI, of pieces and over time, and Emotify's shares.

``$SKMER_DATA`` must hold the collections. Rewrites ``benchmarks/results/ratings.json`` and ``docs/reports/ratings.md``;
other seeds and ``--quick`` write to ``benchmarks/results/.partial/scratch`` instead. Finished fits are kept in
``benchmarks/results/.partial/ratings``, so that a stopped run can be resumed; delete them after a change of code
without a new version of skmer.
"""

import argparse
import os
import sys
from functools import partial
from pathlib import Path

# before NumPy and torch are imported: a fit has one thread
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _ratings import (
    DELAY,
    SEGMENTS,
    curve_scores,
    folds_of,
    load,
    ratings_over_time,
    run_job,
    share_scores,
    skill_of_curves,
    skill_of_songs,
    smooth,
    song_scores,
    targets_of,
)
from _report import figure, mean_sd, versions, write_json
from _song_systems import paired_interval
from scipy.stats import wilcoxon

from skmer import SSSLRegressor
from skmer._io import atomic_write_text, markdown_table
from skmer.metrics import attainable_scores
from skmer.model_selection._fits import Fit, fit_key, run_fits, song_keys

HERE = Path(__file__).resolve().parent
DEFAULT_SEEDS = [0, 1, 2]
# as in `skmer train`
NETWORK = {
    "backbone": "mlp", "backbone_params": {"hidden": (128,)}, "max_epochs": 20, "warmup_epochs": 8, "segment_step": 3,
}  # fmt: skip
QUICK = {"max_epochs": 2, "warmup_epochs": 1}
_SHARES = {"loss": "cross_entropy"}
SYSTEMS: dict[str, dict[str, dict]] = {
    "vgmidi": {
        "mean": {}, "descriptors": {}, "plain": {"noise_model": None}, "SSSL": {},
        "plain-over-time": {"noise_model": None}, "SSSL-over-time": {}, "between and within": {},
    },
    "emotify": {
        "mean": {}, "descriptors": {}, "squared error": {"noise_model": None},
        "plain": {"noise_model": None, **_SHARES}, "SSSL": _SHARES,
        "dominant emotion": {"noise_model": None, **_SHARES},
    },
}  # fmt: skip
SMOOTHING = (15, 31)  # segments, which are 1 s apart
WITHOUT_SEED = ("mean", "descriptors", "between and within")
WITHOUT_CURVES = WITHOUT_SEED[:2]
PAIRS = [("SSSL", "plain"), ("plain", "descriptors"), ("SSSL", "descriptors")]
PAIRS_OF_PIECES = [*PAIRS, ("between and within", "descriptors")]
DESCRIPTIONS = f"""- *mean*: the mean rating of the training songs.
- *descriptors*: support vector regression of `DescriptorTransformer`, one for each target, in units of its deviation.
- *plain*: `SSSLRegressor(noise_model=None)` on `SegmentStatistics` of segments of {SEGMENTS["duration"]} s, 1 s apart;
  a song has the mean rating of its segments.
- *SSSL*: the same with the defaults of self-learning.
- *-over-time*: trained on the ratings of segments instead of those of songs.
- *15 s*, *31 s*: curves averaged over so many seconds, `smoothing=15` or `31`.
- *between and within*: `CurveRegressor` on the same segment statistics, without a network: support vector regression of
  songs, and ridge regression of the deviations within songs.
- *constant*: each song's mean prediction of a system, for all of its segments. *true mean*: the true mean of each
  piece, which no system can know.
- *squared error*: *plain* with squared errors instead of the cross-entropy against shares. *dominant emotion*: *plain*
  on the commonest emotion alone, as a classifier is trained.

Defaults of `SSSLRegressor` (weight decay, mixup, R-Drop, `preserve_mean`, `clip`) and the limit of features in
`CurveRegressor` were chosen on these two collections with other folds, so that the figures are slightly optimistic."""


def run(collection, args):
    """Run the fits of a collection; return for each system a list of (songs, curves, seconds), one for each seed."""
    songs, _, _ = load(collection, args.memory)
    folds = folds_of(collection, args.memory, 2 if args.quick else None)
    network = {**NETWORK, **(QUICK if args.quick else {})}
    keys, y = song_keys(songs.data), targets_of(collection, args.memory)[0]
    jobs = [
        {"collection": collection, "system": system, "params": {**network, **params}, "seed": seed, "fold": fold,
         "memory": args.memory, "train": train, "test": test}
        for system, params in SYSTEMS[collection].items()
        for seed in (args.seeds[:1] if system in WITHOUT_SEED else args.seeds)
        for fold, (train, test) in enumerate(folds)
    ]  # fmt: skip
    fits = []
    for job in jobs:
        regressor = SSSLRegressor(**job["params"], random_state=job["seed"])
        train = [(keys[i], y[i].tolist()) for i in job["train"]]
        key = fit_key(regressor, train, [keys[i] for i in job["test"]], SEGMENTS, DELAY, job["system"])
        name = "-".join(str(job[part]) for part in ("collection", "system", "seed", "fold"))
        fits.append(Fit(name, key, partial(run_job, job)))
    results = run_fits(fits, args.store, args.n_jobs, args.verbose, collection)[0]
    found: dict = {}
    for job, result in zip(jobs, results, strict=True):
        of_seed = found.setdefault(job["system"], {}).setdefault(job["seed"], ({}, {}, []))
        of_seed[2].append(result["seconds"])
        for place, position in enumerate(job["test"].tolist()):
            of_seed[0][position] = result["songs"][place]
            of_seed[1][position] = None if result["curves"] is None else np.array(result["curves"][place])
    return {
        system: [
            (np.array([s[i] for i in range(len(y))]), [c[i] for i in range(len(y))], float(np.mean(seconds)))
            for s, c, seconds in seeds.values()
        ]
        for system, seeds in found.items()
    }


def over_seeds(scores):
    """Return the mean and deviation over seeds of scores, which are numbers or lists with one for each target."""
    return {
        name: [mean_sd(values) for values in zip(*(np.atleast_1d(one[name]) for one in scores), strict=True)]
        for name in scores[0]
    }


def compare(skills, pairs, groups, names):
    """Return for each pair of systems the difference in skill of each target, which is that of R², and its test."""
    found = []
    for system, other in pairs:
        for target, name in enumerate(names):
            ours, theirs = (np.mean(skills[one], axis=0)[:, target] for one in (system, other))
            test = wilcoxon(ours, theirs)
            found.append({"system": system, "less": other, "target": name,
                          **paired_interval(ours, theirs, groups), "p_value": float(test.pvalue)})  # fmt: skip
    return found


def mean_skill(skills):
    """Return skills as their mean over targets, as one target."""
    return {name: [skill.mean(axis=1, keepdims=True) for skill in own] for name, own in skills.items()}


def report_of_pieces(args):
    """Return the reports of VGMIDI: of pieces, and over time."""
    songs, _, _ = load("vgmidi", args.memory)
    y, names, _ = targets_of("vgmidi", args.memory)
    pieces = np.arange(len(y))
    results = run("vgmidi", args)
    static = {
        "rows": [
            {"system": system, "scores": over_seeds([song_scores(y, found[0]) for found in seeds]),
             "seconds": mean_sd(found[2] for found in seeds)}
            for system, seeds in results.items()
        ],
        "pairs": compare({name: [skill_of_songs(y, found[0]) for found in seeds] for name, seeds in results.items()},
                         PAIRS_OF_PIECES, pieces, names),
    }  # fmt: skip
    over_time = ratings_over_time(args.memory)
    curves = {name: [found[1] for found in seeds] for name, seeds in results.items() if name not in WITHOUT_CURVES}

    def constant(predicted):
        return [np.repeat(row[None], len(own), axis=0) for row, own in zip(predicted, over_time, strict=True)]

    mean, descriptors = (constant(results[name][0][0]) for name in WITHOUT_CURVES)
    curves = {
        "mean": [mean],
        "descriptors, constant": [descriptors],
        **{
            f"{name}, constant": [constant(found[0]) for found in results[name]]
            for name in ("plain", "plain-over-time", "SSSL-over-time", "between and within")
        },
        **curves,
        **{
            f"{name}, {n} s": [smooth(one, n) for one in curves[name]]
            for name in ("plain", "plain-over-time", "SSSL-over-time")
            for n in SMOOTHING
        },
        "true mean": [constant(np.array([np.nanmean(own, axis=0) for own in over_time]))],
    }
    pairs = [
        ("SSSL", "plain"),
        ("SSSL-over-time", "plain-over-time"),
        ("plain-over-time", "plain"),
        ("between and within", "between and within, constant"),
        ("between and within", "descriptors, constant"),
        ("between and within", "SSSL-over-time, 31 s"),
        *(
            (f"{name}{smoothed}", constant)
            for name in ("plain", "plain-over-time", "SSSL-over-time")
            for smoothed in ("", *(f", {n} s" for n in SMOOTHING))
            for constant in (f"{name}, constant", "descriptors, constant")
        ),
    ]
    return {
        "static": {**static, "n_songs": len(y), "targets": names},
        "over_time": {
            "rows": [
                {"system": name, "scores": over_seeds([curve_scores(over_time, one) for one in own])}
                for name, own in curves.items()
            ],
            "pairs": compare({name: [skill_of_curves(over_time, one) for one in own] for name, own in curves.items()},
                             pairs, pieces, names),
            "n_segments": int(sum((~np.isnan(own).any(axis=1)).sum() for own in over_time)),
            "targets": names,
            "ceiling": _ceiling(songs, over_time),
        },
    }  # fmt: skip


def _ceiling(songs, over_time):
    """Return the scores that the listeners' disagreement about segments allows."""
    means, deviations, counts = [], [], []
    for ratings, own in zip(songs.dynamic, over_time, strict=True):
        rated = ~np.isnan(own).any(axis=1)
        starts = np.flatnonzero(rated) * float(SEGMENTS["hop"])
        means.append(own[rated])
        deviations.append(ratings.over(starts, starts + SEGMENTS["duration"], DELAY).deviation)
        counts.append(np.full(own[rated].shape, ratings.n_listeners))
    scores = attainable_scores(np.concatenate(means), np.concatenate(deviations), np.concatenate(counts))
    return {name: np.atleast_1d(value).tolist() for name, value in scores.items()}


def report_of_shares(args):
    """Return the report of Emotify."""
    y, names, groups = targets_of("emotify", args.memory)
    results = run("emotify", args)
    skills = {name: [skill_of_songs(y, found[0]) for found in seeds] for name, seeds in results.items()}
    return {
        "rows": [
            {"system": system, "scores": over_seeds([share_scores(y, found[0]) for found in seeds]),
             "seconds": mean_sd(found[2] for found in seeds)}
            for system, seeds in results.items()
        ],
        "pairs": compare(mean_skill(skills), [*PAIRS, ("plain", "squared error"), ("plain", "dominant emotion")],
                         groups, ["mean of emotions"]),
        "n_songs": len(y),
        "targets": names,
    }  # fmt: skip


# ---- page ------------------------------------------------------------------------------------------


def score_table(part):
    """Format the scores of systems."""
    names, targets = list(part["rows"][0]["scores"]), part["targets"]
    several = len(part["rows"][0]["scores"][names[0]]) > 1
    header = [f"{name}, {target}" for name in names for target in targets] if several else names
    rows = [
        [row["system"], *(figure(value) for name in names for value in row["scores"][name])] for row in part["rows"]
    ]
    if "ceiling" in part:
        limits = {"R², pooled": "R2", "CCC, pooled": "CCC"}
        cells = [figure(value) if name in limits else "" for name in names
                 for value in part["ceiling"].get(limits.get(name, "R2"))]  # fmt: skip
        rows.append(["attainable", *cells])
    return markdown_table(["", *header], rows)


def pair_table(part):
    """Format the differences between systems."""
    rows = [
        [f"{pair['system']} − {pair['less']}", pair["target"],
         f"{pair['mean']:+.3f} [{pair['interval'][0]:+.3f}, {pair['interval'][1]:+.3f}]", figure(pair["p_value"])]
        for pair in part["pairs"]
    ]  # fmt: skip
    return markdown_table(["difference", "target", "R²", "p"], rows)


def document(report):
    """Format the Markdown page."""
    if report is None:
        return "# Ratings: valence and arousal, and shares of listeners\n\nNo results are kept yet.\n"
    static, over_time, shares = report["static"], report["over_time"], report["shares"]
    seconds = ", ".join(
        f"{row['system']} {row['seconds']['mean']:.1f} s" for row in shares["rows"] if row["system"] not in WITHOUT_SEED
    )
    found = ", ".join(f"{name} {number}" for name, number in report["versions"].items() if number)
    mode = "**A quick run, whose figures mean nothing.**" if report["quick"] else ""
    parts = [
        "# Ratings: valence and arousal, and shares of listeners",
        "This page is rewritten by `benchmarks/ratings.py`.",
        mode,
        "Predictions for songs that were not trained on, of all folds together, and their scores: mean ± standard "
        f"deviation over the seeds {', '.join(map(str, report['seeds']))}.",
        DESCRIPTIONS,
        "Differences are in R², with a 95 % bootstrap interval over songs (over artists for Emotify), and the p-value "
        "of Wilcoxon's signed-rank test over songs; both are for the mean of the seeds, and not adjusted for their "
        "number.",
        f"## VGMIDI: valence and arousal of {static['n_songs']} piano pieces",
        "Mean ratings of about 30 listeners over a piece, from -1 to 1. Five folds by series of games.",
        score_table(static),
        pair_table(static),
        f"## VGMIDI: valence and arousal over time, {over_time['n_segments']:,} segments",
        f"Ratings of segments of {SEGMENTS['duration']} s, {DELAY} s later than the music, because listeners react "
        "late. \"Pooled\" is over the segments of all pieces together, where the differences between pieces count "
        "most; the mean of pieces is of the course within each. Differences count every piece alike, whatever its "
        "length. *attainable*: the score of a model that knows what all listeners would say, limited by the standard "
        "error of the ratings.",
        score_table(over_time),
        pair_table(over_time),
        f"## Emotify: the shares of nine emotions, {shares['n_songs']} songs",
        "Shares of the listeners' choices. Ten folds by artist.",
        score_table(shares),
        pair_table(shares),
        f"Processor time of a fit on one fold of Emotify: {seconds}.",
        f"Made with {found}.",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def parse(argv):
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=DEFAULT_SEEDS)
    parser.add_argument("--quick", action="store_true", help="two folds and two epochs, as a test of the script")
    parser.add_argument("--memory", type=Path, help="folder in which segments and descriptors are cached")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--output-dir", type=Path, help="for the report and the finished fits")
    parser.add_argument("--verbose", type=int, default=1, help="0 prints nothing")
    args = parser.parse_args(argv)
    args.seeds = args.seeds[:1] if args.quick else args.seeds
    args.full = not args.quick and args.seeds == DEFAULT_SEEDS
    return args


def main(argv=None):
    """Run the fits and write the report."""
    args = parse(argv)
    results, page = HERE / "results" / "ratings.json", HERE.parent / "docs" / "reports" / "ratings.md"
    partial_dir = (args.output_dir or HERE / "results") / ".partial"
    args.memory, args.store = args.memory or partial_dir / "segments", partial_dir / "ratings"
    if args.output_dir or not args.full:
        folder = args.output_dir or partial_dir / "scratch"
        results, page = folder / "ratings.json", folder / "ratings.md"
    report = {
        "benchmark": "ratings",
        "quick": args.quick,
        "seeds": args.seeds,
        "versions": versions("skmer", "scikit-learn", "skorch", "torch", "numpy", "scipy"),
        **report_of_pieces(args),
        "shares": report_of_shares(args),
    }
    write_json(results, report)
    atomic_write_text(page, document(report))
    if args.verbose:
        print(document(report))
        print(f"Written: {results}, {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
