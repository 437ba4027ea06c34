"""``skmer reproduce mirable``: Tables 1 and 2 of the second paper, on MTG-Jamendo or Emotify."""

from pathlib import Path

from skmer.cli._common import (
    CommandError,
    at_least,
    comma_separated,
    integers,
    number_from_0,
    positive_number,
    shows_progress,
)
from skmer.cli._reproduce_arguments import (
    add_collection,
    add_output,
    add_table,
    json_object,
    make_folder,
    write_table,
)

__all__ = ["DATASETS", "add_mirable"]

# those of skmer.reproduction.mirable, which takes seconds to import
DATASETS = ("mtg_jamendo", "emotify")
# options that only one of the collections has
_ONLY = {
    **dict.fromkeys(["audio_home", "split", "unlabelled"], "mtg_jamendo"),
    **dict.fromkeys(["n_splits", "folds"], "emotify"),
}
_SETTINGS = (
    "long", "short", "epochs", "batch_long", "batch_short", "backbone_params", "params", "thresholds", "noisy_params",
    "device",
)  # fmt: skip
_SONGS = ("data_home", "audio_home", "split", "rows", "n_splits", "folds", "seeds", "subset", "unlabelled", "hide")
_DETAILS = (
    "Rows: dummy, logistic-regression, baseline, long-normal, long-hpcp, long-hpcp-noisy, short-normal, short-hpcp, "
    "short-hpcp-noisy, ensemble. The defaults are the paper's, for a GPU. Each finished fit is kept under STORE/rows, "
    "a student's together with its teacher's, and the features of the songs under STORE/blocks, 163 kB a minute; a "
    "stopped run is resumed from there. Students are also trained on the tracks in the audio folder that are not in "
    "the split; if there are none, as for Emotify, on half of the training songs, whose tags are hidden from every row."
)


def add_mirable(tables):
    """Add ``mirable`` to the tables of ``skmer reproduce``."""
    summary = "run Tables 1 and 2 of Mirable, the second paper, and print the results beside the paper's"
    parser = add_table(tables, "mirable", _run, summary, _DETAILS)
    add_collection(parser, choices=DATASETS, default=DATASETS[0], help="the collection (%(default)s)")
    parser.add_argument("--data-home", metavar="DIR", help="folder of the collection; by default in $SKMER_DATA")
    parser.add_argument("--audio-home", metavar="DIR", help="mtg_jamendo: folder of the tracks (DATA_HOME/audio)")
    add_output(parser, "threads that decode songs")
    parser.add_argument("--store", metavar="DIR", help="folder of finished fits and features (OUT)")
    songs = parser.add_argument_group("rows and songs")
    songs.add_argument(
        "--rows", type=comma_separated, metavar="NAME,...", help="rows to run; rows that they need are added (all)"
    )
    songs.add_argument("--split", type=int, choices=range(5), metavar="N", help="mtg_jamendo: published split (0)")
    songs.add_argument(
        "--subset",
        type=at_least(1),
        metavar="N",
        help="for a trial: number of songs with audio, and largest number of tracks without tags",
    )
    songs.add_argument(
        "--unlabelled",
        type=at_least(1),
        metavar="N",
        help="mtg_jamendo: largest number of tracks without tags (all, or that of --subset)",
    )
    songs.add_argument(
        "--hide",
        type=number_from_0(1, includes_end=False),
        metavar="SHARE",
        help="share of the training songs whose tags are hidden from every row (0; emotify: 0.5)",
    )
    songs.add_argument("--n-splits", type=at_least(2), metavar="N", help="emotify: folds by artist (5)")
    songs.add_argument("--folds", type=integers, metavar="I,...", help="emotify: folds to run, counted from 0 (all)")
    songs.add_argument("--seeds", type=integers, default=[0], metavar="I,...", help="seeds of the networks (0)")
    network = parser.add_argument_group("networks")
    network.add_argument(
        "--epochs", type=at_least(1), default=100, metavar="N", help="largest number of epochs (%(default)s)"
    )
    network.add_argument(
        "--long",
        type=positive_number,
        metavar="S",
        help="seconds of the long input; shorter songs are repeated to fill it (185.76; emotify: 30)",
    )
    network.add_argument("--short", type=positive_number, metavar="S", help="seconds of the short chunks (9.29)")
    network.add_argument("--batch-long", type=at_least(1), default=8, metavar="N", help="songs a batch (%(default)s)")
    network.add_argument(
        "--batch-short", type=at_least(1), default=16, metavar="N", help="chunks a batch (%(default)s)"
    )
    for option, what in (
        ("--backbone-params", 'parameters of the CRNN ({"width": 64, "n_hidden": 256})'),
        ("--params", "further parameters of every EmotionTagger"),
        ("--noisy-params", "further parameters of NoisyStudentTagger only"),
    ):
        network.add_argument(option, type=json_object, default={}, metavar="JSON", help=what)
    network.add_argument(
        "--thresholds",
        choices=("probability", "percentile"),
        help="tags that students take from their teachers: above 0.1 and below 1e-6, as in the paper (mtg_jamendo), or "
        "above the 95th and below the 5th percentile of the teacher's probabilities for validation songs (emotify)",
    )
    network.add_argument("--device", default="auto", help="a torch device (%(default)s)")


def _run(arguments):
    for name, dataset in _ONLY.items():
        if arguments.dataset != dataset and getattr(arguments, name) is not None:
            raise CommandError(
                f"--{name.replace('_', '-')} has no meaning for {arguments.dataset}, only for {dataset}."
            )
    from skmer.reproduction import MirableSettings, run_mirable

    path = make_folder(arguments.out) / f"{_name(arguments)}.json"
    given = {name: getattr(arguments, name) for name in _SONGS}
    table = run_mirable(
        arguments.dataset,
        MirableSettings.for_dataset(arguments.dataset, **{name: getattr(arguments, name) for name in _SETTINGS}),
        **{name: value for name, value in given.items() if value is not None},
        replaces=path,
        store=Path(arguments.store or arguments.out),
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    return write_table(path, table)


def _name(arguments):
    parts = ["mirable", arguments.dataset]
    if arguments.dataset == "mtg_jamendo":
        parts.append(f"split-{arguments.split or 0}")
    if arguments.subset is not None:
        parts.append(f"subset-{arguments.subset}")
    if arguments.folds is not None:
        parts.append("folds-" + "-".join(map(str, sorted(arguments.folds))))
    return "-".join(parts)
