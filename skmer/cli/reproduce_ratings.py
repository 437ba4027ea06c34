"""``skmer reproduce ratings``: systems that predict valence and arousal, on a collection with ratings."""

from pathlib import Path

from skmer.cli._common import CommandError, at_least, comma_separated, integers, shows_progress
from skmer.cli._reproduce_arguments import (
    add_backbone,
    add_collection,
    add_duration,
    add_epochs,
    add_max_duration,
    add_output,
    add_table,
    json_object,
    make_folder,
    write_table,
)

__all__ = ["DATASETS", "add_ratings"]

# those of skmer.reproduction.ratings, which takes seconds to import
DATASETS = ("pmemo", "deam", "eim", "vgmidi")
# songs of DEAM have no artists
_DEFAULT_FOLDS = {"deam": "random"}
_SETTINGS = ("epochs", "warmup_epochs", "duration", "max_duration", "delay", "params", "device")
_DETAILS = (
    "Rows: the mean of the training songs; descriptors and support vector regression; a network of segments that "
    "inherit the ratings of their song; the same with self-learning; and, with --over-time, one that learns ratings "
    "over time. Figures of the literature are printed beside. Each finished fit is kept under STORE/folds: a stopped "
    "run is resumed from there. Without a GPU, use --backbone mlp."
)


def add_ratings(tables):
    """Add ``ratings`` to the tables of ``skmer reproduce``."""
    summary = "compare systems that predict valence and arousal"
    parser = add_table(tables, "ratings", _run, summary, _DETAILS)
    add_collection(parser, required=True, metavar="NAME", help=f"the collection: {', '.join(DATASETS)}")
    parser.add_argument("--data-home", metavar="DIR", help="folder of the collection; by default in $SKMER_DATA")
    add_output(parser, "processes over folds and systems")
    parser.add_argument("--store", metavar="DIR", help="folder of finished folds and features (OUT)")
    protocol = parser.add_argument_group("protocol")
    protocol.add_argument(
        "--protocol",
        metavar="NAME",
        help="grouped (songs of an artist in one fold), random, or a published split such as mediaeval2013 of eim; "
        "default: grouped, for deam random, since it names no artists",
    )
    protocol.add_argument("--n-splits", type=at_least(2), default=5, metavar="N", help="number of folds (%(default)s)")
    protocol.add_argument("--folds", type=integers, metavar="I,...", help="folds to run, counted from 0; default: all")
    protocol.add_argument("--seeds", type=integers, default=[0], metavar="I,...", help="seeds of the networks (0)")
    protocol.add_argument(
        "--systems", type=comma_separated, metavar="NAME,...", help="beginnings of the names of the rows to run (all)"
    )
    time = parser.add_argument_group("ratings over time")
    time.add_argument("--over-time", action="store_true", help="learn and test ratings over time, too")
    time.add_argument(
        "--smoothing", type=at_least(1), metavar="N", help="add rows of curves averaged over N segments, an odd number"
    )
    time.add_argument(
        "--delay", type=float, metavar="S", help="seconds by which listeners react late, for ratings over time (1.5)"
    )
    group = parser.add_argument_group("network and segments")
    add_backbone(group, ("vgg16", "vgg16_bn", "small", "mlp"))
    add_epochs(group, None, None, "30; mlp: 20, 5; mlp: 8")
    add_max_duration(group, None)
    add_duration(group)
    group.add_argument(
        "--params", type=json_object, default={}, metavar="JSON", help="further parameters of SSSLRegressor"
    )


def _run(arguments):
    for name in ("smoothing", "delay"):
        if getattr(arguments, name) is not None and not arguments.over_time:
            raise CommandError(f"--{name} is of ratings over time: add --over-time.")
    from skmer.reproduction import RatingSettings, run_ratings
    from skmer.reproduction.ratings.songs import check_dataset

    check_dataset(arguments.dataset)
    path = make_folder(arguments.out) / f"{_name(arguments)}.json"
    store = Path(arguments.store or arguments.out)
    given = {name: getattr(arguments, name) for name in _SETTINGS}
    table = run_ratings(
        arguments.dataset,
        RatingSettings.for_backbone(arguments.backbone, **given, memory=str(store.absolute() / "cache")),
        data_home=arguments.data_home,
        systems=arguments.systems,
        over_time=arguments.over_time,
        smoothing=arguments.smoothing or 1,
        folds_kind=arguments.protocol,
        n_splits=arguments.n_splits,
        folds=arguments.folds,
        seeds=arguments.seeds,
        replaces=path,
        store=store / "folds" / arguments.dataset / "ratings",
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    return write_table(path, table)


def _name(arguments):
    kind = arguments.protocol or _DEFAULT_FOLDS.get(arguments.dataset, "grouped")
    parts = ["ratings", arguments.dataset, kind]
    if arguments.folds is not None:
        parts.append("folds-" + "-".join(map(str, sorted(arguments.folds))))
    return "-".join(parts)
