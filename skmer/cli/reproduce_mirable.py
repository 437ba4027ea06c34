"""``skmer reproduce mirable``: Tables 1 and 2 of the second paper, on MTG-Jamendo or Emotify."""

import argparse
import json
from pathlib import Path

from skmer.cli._common import (
    CommandError,
    add_command,
    at_least,
    comma_separated,
    integers,
    n_jobs,
    positive_number,
    shows_progress,
)
from skmer.cli.results import in_sentences, make_out, write_results

__all__ = ["DATASETS", "add_mirable"]

# those of skmer.reproduction.mirable, which takes seconds to import
DATASETS = ("mtg_jamendo", "emotify")
# options that the other collection has no use for
_ONLY = {
    **dict.fromkeys(["audio_home", "split", "unlabelled"], "mtg_jamendo"),
    **dict.fromkeys(["n_splits", "folds"], "emotify"),
}
_DETAILS = (
    "Rows: dummy, logistic-regression, baseline, long-normal, long-hpcp, long-hpcp-noisy, short-normal, short-hpcp, "
    "short-hpcp-noisy, ensemble. The defaults are the paper's, for a GPU. Each finished row is kept under STORE/rows, "
    "with its tagger, and what the networks hear of the songs under STORE/blocks, 163 kB a minute: a run that was "
    "stopped goes on where it was. Students hear the tracks below the audio folder that the split does not name; where "
    "there are none, as of Emotify, half of the training songs serve, whose tags no row sees. Exit status: 0, or 1 if "
    "a song cannot be read, 2 for a wrong argument, 130 after Ctrl-C."
)


def add_mirable(tables):
    """Add ``mirable`` to what ``skmer reproduce`` can run."""
    summary = "run Tables 1 and 2 of Mirable, the second paper, and print our figures beside the paper's"
    parser = add_command(tables, "mirable", _reproduce, summary, _DETAILS)
    parser.add_argument("--dataset", choices=DATASETS, default=DATASETS[0], help="the collection (%(default)s)")
    parser.add_argument("--data-home", metavar="DIR", help="its folder; by default below $SKMER_DATA")
    parser.add_argument("--audio-home", metavar="DIR", help="mtg_jamendo: folder of the tracks (DATA_HOME/audio)")
    parser.add_argument("--out", metavar="DIR", default="reproduction", help="folder of the results (%(default)s)")
    parser.add_argument("--store", metavar="DIR", help="where finished rows and blocks are kept (OUT)")
    parser.add_argument("--n-jobs", type=n_jobs, default=1, metavar="N", help="threads that decode (%(default)s)")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")
    songs = parser.add_argument_group("rows and songs")
    songs.add_argument(
        "--rows", type=comma_separated, metavar="NAME,...", help="only these, and those that they need (all)"
    )
    songs.add_argument("--split", type=int, choices=range(5), metavar="N", help="mtg_jamendo: published split (0)")
    songs.add_argument(
        "--subset",
        type=at_least(1),
        metavar="N",
        help="for a trial: so many songs whose audio is there, and at most as many tracks without tags",
    )
    songs.add_argument(
        "--unlabelled",
        type=at_least(1),
        metavar="N",
        help="mtg_jamendo: so many tracks without tags at most (all; with --subset, as many as it has)",
    )
    songs.add_argument(
        "--hide",
        type=_share,
        metavar="SHARE",
        help="of the training songs, whose tags no row sees (0; emotify: 0.5)",
    )
    songs.add_argument("--n-splits", type=at_least(2), metavar="N", help="emotify: folds by artist (5)")
    songs.add_argument("--folds", type=integers, metavar="I,...", help="emotify: only these, counted from 0")
    songs.add_argument("--seeds", type=integers, default=[0], metavar="I,...", help="of the networks (0)")
    network = parser.add_argument_group("networks")
    network.add_argument("--epochs", type=at_least(1), default=100, metavar="N", help="at most (%(default)s)")
    network.add_argument(
        "--long",
        type=positive_number,
        metavar="S",
        help="length of the long input; a shorter song is begun again until it is full (185.76; emotify: 30)",
    )
    network.add_argument("--short", type=positive_number, metavar="S", help="length of the short chunks (9.29)")
    network.add_argument("--batch-long", type=at_least(1), default=8, metavar="N", help="songs a batch (%(default)s)")
    network.add_argument(
        "--batch-short", type=at_least(1), default=16, metavar="N", help="chunks a batch (%(default)s)"
    )
    network.add_argument(
        "--backbone-params",
        type=_json,
        default={},
        metavar="JSON",
        help='of the CRNN, {"width": 64, "n_hidden": 256}',
    )
    network.add_argument("--params", type=_json, default={}, metavar="JSON", help="further ones of every EmotionTagger")
    network.add_argument(
        "--noisy-params", type=_json, default={}, metavar="JSON", help="further ones of NoisyStudentTagger alone"
    )
    network.add_argument(
        "--thresholds",
        choices=("probability", "percentile"),
        help="what students believe: above 0.1 and below 1e-6, as in the paper (mtg_jamendo), or above the 95th and "
        "below the 5th percentile of what validation songs are given (emotify)",
    )
    network.add_argument("--device", default="auto", help="a torch device (%(default)s)")


def _share(text):
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"it must be a share, at least 0 and below 1, not {text!r}")
    return share


def _json(text):
    try:
        params = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f'it must be JSON such as {{"width": 16}}; {error}') from error
    if not isinstance(params, dict):
        raise argparse.ArgumentTypeError(f'it must be a JSON object such as {{"width": 16}}, not {text!r}')
    return params


def _reproduce(arguments):
    for name, dataset in _ONLY.items():
        if arguments.dataset != dataset and getattr(arguments, name) is not None:
            raise CommandError(
                f"--{name.replace('_', '-')} has no meaning for {arguments.dataset}, only for {dataset}."
            )
    with in_sentences():
        return _run(arguments)


def _run(arguments):
    from skmer.reproduction.earlier import read_earlier
    from skmer.reproduction.mirable import MirableSettings, mirable_csv, mirable_markdown, plan_mirable, run_plan
    from skmer.reproduction.mirable.earlier import check_earlier, check_longer

    settings = MirableSettings.for_dataset(
        arguments.dataset,
        long=arguments.long,
        short=arguments.short,
        epochs=arguments.epochs,
        batch_long=arguments.batch_long,
        batch_short=arguments.batch_short,
        backbone_params=arguments.backbone_params,
        params=arguments.params,
        thresholds=arguments.thresholds,
        noisy_params=arguments.noisy_params,
        device=arguments.device,
    )
    path = make_out(arguments.out) / f"{_name(arguments)}.json"
    before = read_earlier(path, ["settings"])
    if before is not None:
        check_earlier(path, before, settings)
    plan = plan_mirable(
        arguments.dataset,
        settings,
        data_home=arguments.data_home,
        audio_home=arguments.audio_home,
        split=arguments.split or 0,
        rows=arguments.rows,
        n_splits=arguments.n_splits or 5,
        folds=arguments.folds,
        seeds=arguments.seeds,
        subset=arguments.subset,
        unlabelled=arguments.unlabelled,
        hide=arguments.hide,
    )
    if before is not None:
        check_longer(path, before, plan.outline())
    table = run_plan(
        plan,
        store=Path(arguments.store or arguments.out),
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    text = mirable_markdown(table)
    write_results(path, table, text, mirable_csv(table))
    print(text)
    return 0


def _name(arguments):
    parts = ["mirable", arguments.dataset]
    if arguments.dataset == "mtg_jamendo":
        parts.append(f"split-{arguments.split or 0}")
    if arguments.subset is not None:
        parts.append(f"subset-{arguments.subset}")
    if arguments.folds is not None:
        parts.append("folds-" + "-".join(map(str, sorted(arguments.folds))))
    return "-".join(parts)
