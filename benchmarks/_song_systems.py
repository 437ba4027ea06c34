"""The systems that wrong_segments.py and real_music.py compare: their options, one fit, and paired differences."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from scipy.stats import bootstrap
from sklearn.base import clone
from torch.nn import functional as F

from skmer import SSSLClassifier
from skmer.model_selection import Readout
from skmer.sssl import LabelStrategy

FIRST_VALIDATION_SEED = 100


class InheritedLabels(LabelStrategy):
    """Keep the inherited labels: after warm-up all of SSSL but the split, with R-Drop on all mixed rows."""

    def targets(self, losses, probabilities, labels, epoch):
        """Return the inherited labels; without a mask of erased segments, R-Drop applies to all."""
        return F.one_hot(labels, probabilities.shape[1]).float()


_OF_SONGS = 0.8  # share of the cross-entropy of songs

# parameters of SSSLClassifier that differ from its defaults, and possibly a recipe
SYSTEMS: dict[str, dict] = {
    "cross-entropy": {"noise_model": None},
    "cross-entropy-songs": {"noise_model": None, "bag_weight": _OF_SONGS},
    "regularisers": {"noise_model": InheritedLabels()},
    "sssl": {},
    "sssl-songs": {"bag_weight": _OF_SONGS},
    "paper": {"recipe": "paper"},
}
REFERENCES = ("cross-entropy", "cross-entropy-songs", "regularisers", "sssl")
DESCRIPTIONS = """- *cross-entropy*: cross-entropy on the inherited labels, `noise_model=None`.
- *regularisers*: all of SSSL but the split: mixup, R-Drop (on all mixed rows) and the prior penalty, while all segments
  keep the inherited label.
- *sssl*: the defaults of `SSSLClassifier`.
- *-songs*: the same with the cross-entropy of the song's label for the mean probability of up to four of its segments,
  `bag_weight=0.8`.
- *paper*: `SSSLClassifier.from_recipe("paper")`."""


def json_object(text):
    """Parse an option that is a JSON object."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON ({error}).") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} must be a JSON object, in braces.")
    return value


def add_options(parser, systems):
    """Add the options that both scripts have."""
    parser.add_argument("--systems", nargs="+", choices=systems, default=list(systems), help="default: all")
    parser.add_argument("--variants", type=json_object, default={}, metavar="JSON", help="further systems, by name: "
        "parameters that change those of sssl, or of another system that is named as \"base\", such as "
        '\'{"colder": {"temperature": 0.3}, "slower": {"base": "cross-entropy", "lr": 0.001}}\'')  # fmt: skip
    parser.add_argument("--params", type=json_object, default={}, metavar="JSON", help="parameters for all systems")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: 0 1 2; with --validation 100 101 102")
    parser.add_argument("--validation", action="store_true", help="the data on which settings are chosen")
    parser.add_argument("--quick", action="store_true", help="a minimal run, as a test of the script")
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--output-dir", type=Path, help="for the reports and the finished fits")
    parser.add_argument("--verbose", type=int, default=1, help="0 prints nothing")


def check_options(args, parser, common, known=SYSTEMS):
    """Set the default seeds and ``args.chosen``, the parameters of each system; report what is wrong."""
    args.default_seeds = [100, 101, 102] if args.validation else [0, 1, 2]
    args.seeds = args.seeds or args.default_seeds
    if any((seed >= FIRST_VALIDATION_SEED) != args.validation for seed in args.seeds):
        parser.error(f"--seeds: those of {FIRST_VALIDATION_SEED} and above are for --validation, lower ones for tests.")
    args.chosen = {name: known[name] for name in args.systems}
    for name, changes in args.variants.items():
        base = changes.get("base", "sssl") if isinstance(changes, dict) else None
        if name in known or base not in known:
            parser.error(
                f"--variants: {name!r} must be a new name, with a JSON object whose base is one of {[*known]}."
            )
        args.chosen[name] = known[base] | {key: value for key, value in changes.items() if key != "base"}
    for name, params in args.chosen.items():
        try:
            make_classifier({**common, **args.params, **params})._validate_params()
        except (TypeError, ValueError) as error:
            parser.error(f"{name}: {error}")


def make_classifier(params):
    """Build a classifier from its parameters, of which one may be a recipe."""
    params = dict(params)
    recipe = params.pop("recipe", None)
    return SSSLClassifier(**params) if recipe is None else SSSLClassifier.from_recipe(recipe, **params)


def fit_songs(classifier, songs, y, train, test, groups=None, cross_fit=None):
    """Train a classifier on songs and predict others.

    Parameters
    ----------
    classifier : SSSLClassifier
        Its `random_state` decides the result.
    songs : SongSequence
        Segments of all songs.
    y : ndarray of shape (n_songs,)
        Labels.
    train, test : ndarray of int
        Positions of songs.
    groups : ndarray of shape (n_songs,), default=None
        Groups that stay together in cross-fitting.
    cross_fit : int, default=None
        Number of folds for a further SVM, on statistics of out-of-fold probabilities; its time is not counted.

    Returns
    -------
    classifier : SSSLClassifier
        The fitted classifier.
    probabilities : SongSequence
        Those of the segments of the test songs.
    result : dict
        ``processor_seconds`` of the fit, ``train_accuracy`` (of songs, by the mean probability) and ``predictions``:
        labels of the test songs by the mean probability and by an SVM on the 7 K statistics.
    """
    began = time.process_time()
    classifier.fit(songs[train], y[train])
    seconds = time.process_time() - began
    inside, outside = classifier.transform(songs[train]), classifier.transform(songs[test])
    features = {"SVM": inside}
    if cross_fit is not None:
        features["cross-fitted SVM"] = (
            clone(classifier)
            .set_params(cv=cross_fit)
            .fit_transform(songs[train], y[train], groups=None if groups is None else groups[train])
        )
    seed = classifier.random_state
    predictions = {
        "mean": Readout("mean").predict(classifier.classes_, inside, y[train], outside),
        **{name: Readout().predict(classifier.classes_, rows, y[train], outside, seed)
           for name, rows in features.items()},
    }  # fmt: skip
    known = Readout("mean").predict(classifier.classes_, inside, y[train], inside)
    return classifier, outside, {
        "processor_seconds": round(seconds, 2),
        "train_accuracy": float((known == y[train]).mean()),
        "predictions": {name: labels.tolist() for name, labels in predictions.items()},
    }  # fmt: skip


def paired_interval(ours, theirs, groups):
    """Return the mean difference of two outcomes of the same songs, and the ends of its 95 % bootstrap interval.

    Whole groups are drawn with replacement, because the songs of a group are alike. The interval does not contain the
    spread of repeated training.
    """
    difference = np.asarray(ours, dtype=float) - np.asarray(theirs, dtype=float)
    position = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(position, difference), np.bincount(position)
    found = bootstrap(
        (sums, sizes), lambda s, n, axis: s.sum(axis) / n.sum(axis), paired=True, vectorized=True,
        n_resamples=4999, method="percentile", random_state=0,
    )  # fmt: skip
    return {"mean": float(difference.mean()), "interval": [float(end) for end in found.confidence_interval]}


def pairs_of(systems):
    """Return the pairs (system, reference) that are compared: each system and the references listed before it."""
    names = list(systems)
    return [(name, other) for i, name in enumerate(names) for other in names[:i] if other in REFERENCES]


def difference_cell(found):
    """Format a difference and its interval in percentage points, as ``+10.9 [+7.2, +14.5]``."""
    low, high = found["interval"]
    return f"{100 * found['mean']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
