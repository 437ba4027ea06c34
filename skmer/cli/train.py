"""``skmer train``: train a model on labelled songs and write it with a model card."""

import errno
import os
import re
import sys
from pathlib import Path

from skmer.cli._common import (
    WHOLE,
    CommandError,
    add_command,
    add_max_duration,
    at_least,
    check_output,
    n_folds,
    n_jobs,
    shows_progress,
)
from skmer.cli.labelled_songs import LABELLED_SONGS, add_songs, load_songs, tables_of, without_rare_classes

__all__ = ["SYSTEMS", "add_train", "add_training", "check_model", "train_and_write"]

SYSTEMS = ("sssl", "cross-entropy", "descriptors", "log-mel", "musicnn", "joined", "auto", "best")
_OF_RATINGS = "plain"
# reported as messages; other errors are shown with their traceback
_EXPECTED = (ArithmeticError, ImportError, MemoryError, OSError, CommandError, RuntimeError, TypeError, ValueError)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
# torch raises a plain RuntimeError if the memory of the CPU is exhausted
_OUT_OF_MEMORY = re.compile("out of memory|allocate memory|not enough memory")


def add_train(commands):
    """Add ``skmer train`` to the commands."""
    command = add_command(
        commands,
        "train",
        _train,
        "estimate the accuracy of a model on labelled songs, fit it on all of them, and write it with a model card",
        f"{LABELLED_SONGS} "
        "Columns of numbers are ratings, such as valence and arousal, and are learnt in place of classes: those of "
        "--targets; or the column label, if its numbers are not few whole ones; or, without it, the columns valence, "
        "arousal and dominance. "
        "Systems: sssl is a network that allows for segments with wrong inherited labels; cross-entropy is the same "
        "network without this; descriptors is an SVM on hand-crafted descriptors of a song, log-mel one on statistics "
        "of its spectrum, and musicnn one on features of a published network, whose package must be installed (pip "
        "install --no-deps musicnn); joined is one on the song statistics of the network of sssl, which is trained six "
        "times for this, and on the descriptors, and needs five songs of a class in the training part of each fold; "
        "auto evaluates cross-entropy and sssl on the same folds, keeps the more accurate one, and estimates the "
        "accuracy of this choice by folds within the folds, which takes about five times as long; best chooses among "
        "all systems that are installed in this way. "
        "Only sssl and cross-entropy predict the emotion over time, and only sssl finds wrong labels by its split. "
        "Of ratings, the systems are sssl, plain (the same network without semi-supervised learning), descriptors, "
        "log-mel and musicnn, with support vector regression, auto (plain or sssl) and best; R² takes the place of the "
        "accuracy. "
        "On CUDA the network is VGG16 on spectrograms, with 30 epochs; elsewhere it is a multilayer perceptron on "
        "statistics of segments, with 20 epochs. "
        "The config is JSON with a section for each step: segments, sssl, statistics, scaler and svm (descriptors, "
        "scaler and svm; segments, statistics, scaler and svm for log-mel; embedding, scaler and svm for musicnn; "
        "segments, sssl, statistics, descriptors, scaler and svm for joined). "
        "MODEL-card.md and MODEL-card.json are written beside MODEL.skmer, a file that cannot run code when it is "
        "loaded; MODEL.joblib is a pickle, which can. Until then MODEL.folds keeps finished folds and the features of "
        "songs, and the same command continues a run that was stopped. Exit status: 0, or 1 if songs cannot be used, 2 "
        "for a wrong argument, 130 after Ctrl-C.",
    )
    add_songs(command)
    command.add_argument(
        "--targets",
        metavar="COLUMNS",
        help="columns of the table with ratings to learn, such as valence,arousal, or none for classes",
    )
    command.add_argument(
        "--min-songs",
        type=at_least(2),
        metavar="N",
        help="leave out classes of fewer than N songs, or, where songs have groups, of fewer than N groups",
    )
    command.add_argument("--out", metavar="MODEL", required=True, help="file of the model, such as model.skmer")
    command.add_argument(
        "--system",
        choices=(*SYSTEMS, _OF_RATINGS),
        metavar=f"{{{','.join(SYSTEMS)}}}",
        default="sssl",
        help="the system to train (%(default)s); of ratings sssl, plain, descriptors, log-mel, musicnn, auto or best",
    )
    command.add_argument(
        "--config",
        metavar="JSON",
        help='file or text, such as \'{"segments": {"duration": 5}, "sssl": {"max_epochs": 40}, "svm": {"C": 2}}\'',
    )
    command.add_argument(
        "--license",
        metavar="NAME",
        help="licence of the model, such as cc-by-4.0, for its card; by default the card has none",
    )
    add_training(command)


def add_training(command):
    """Add the options of every training: the estimate, the seed, songs that cannot be used, processes and progress."""
    add_max_duration(command, "30")
    command.add_argument(
        "--n-splits", type=n_folds, default=5, metavar="N", help="folds of the estimate, 0 for none (%(default)s)"
    )
    command.add_argument(
        "--seed", type=at_least(0), default=0, metavar="I", help="seed of folds and training (%(default)s)"
    )
    command.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave out songs that cannot be used, and list them; by default they raise an error",
    )
    command.add_argument(
        "--n-jobs",
        type=n_jobs,
        default=1,
        metavar="N",
        help="threads that read songs, and processes over folds; -1: all processors (%(default)s)",
    )
    command.add_argument("--device", default="auto", help="a torch device (%(default)s)")
    command.add_argument("--force", action="store_true", help="replace an existing model and its card")
    command.add_argument("-q", "--quiet", action="store_true", help="print no report, progress or warnings")


def _train(arguments):
    check_model(arguments, [*tables_of(arguments), arguments.config or ""])
    inside = Path(os.path.realpath(arguments.songs)) in Path(os.path.realpath(arguments.out)).parents
    if not tables_of(arguments) and inside:
        raise CommandError(
            f"{arguments.out}: this is inside {arguments.songs}, whose folders are the classes. Name a path outside."
        )
    from skmer.models.config import read_config

    def load():
        config = None if arguments.config is None else read_config(arguments.config)
        own = [section for section, entries in (config or {}).items() if "max_duration" in entries]
        if own and arguments.max_duration is not None:
            raise CommandError(f"max_duration is given by --max-duration and by {own[0]!r} of --config: leave one out.")
        songs = load_songs(arguments)
        if arguments.min_songs is not None:
            songs = without_rare_classes(songs, arguments)
        return songs, {"config": config, "license": arguments.license}

    return train_and_write(arguments, load)


def train_and_write(arguments, load):
    """Train a model and write it with its card; return the exit status.

    `load` returns the songs and further arguments of `train_model`; `arguments` has those of `add_training`, and
    `system` and `out`.
    """
    from skmer.models.files import RunFolder, files_of

    try:
        songs, options = load()
        run = RunFolder(files_of(arguments.out)[2])
    except (OSError, ValueError) as error:
        raise CommandError(str(error)) from error
    try:
        return _train_in(run, songs, options, arguments)
    finally:
        run.close()


def _train_in(run, songs, options, arguments):
    """Train with the folder of the run, in which finished folds and features stay after an error."""
    from skmer.models.train import train_model
    from skmer.models.training_songs import UnreadableSongs

    said = []

    def say(line):
        if not arguments.quiet:
            said.append(line)
            print(line, flush=True)

    if run.resumed:
        say(f"{run.path} was left by a run that did not end; its finished folds and features are used.")
    try:
        trained = train_model(
            songs,
            arguments.system,
            **options,
            **_max_duration(arguments),
            n_splits=arguments.n_splits,
            seed=arguments.seed,
            device=arguments.device,
            store=run.path,
            skip_unreadable=arguments.skip_unreadable,
            n_jobs=arguments.n_jobs,
            verbose=shows_progress(arguments),
            say=say,
        )
        written = _write(trained, run, arguments)
    except KeyboardInterrupt as error:
        if kept := _describe_kept(run):
            error.add_note(kept)
        raise
    except UnreadableSongs as error:
        advice = "Repair or remove them, or leave them out with --skip-unreadable."
        if error.classes:
            advice = "All songs of a class are unreadable: repair one, or remove the class."
        elif arguments.skip_unreadable:
            advice = "No song is left: repair some of them."
        kept = f" {run.path} is kept, so that the other songs need not be read again." if _describe_kept(run) else ""
        raise CommandError(f"{error}\n{advice}{kept}", 1) from error
    except _EXPECTED as error:
        raise CommandError(" ".join(filter(None, [_describe_failure(error, run), _describe_kept(run)]))) from error
    run.remove()
    _print_warnings(trained.card, arguments, said)
    say("Written: " + ", ".join(map(str, written)))
    return 0


def _max_duration(arguments):
    """Return the argument of `train_model` that the option stands for; none for its default."""
    if arguments.max_duration is None:
        return {}
    return {"max_duration": None if arguments.max_duration == WHOLE else arguments.max_duration}


def _write(trained, run, arguments):
    """Write the model into the folder of the run first, so that it is not lost, and then to its path."""
    from skmer.models.files import copy_model, files_of, save_trained_model

    run.finished.mkdir(exist_ok=True)
    finished = save_trained_model(trained, run.finished / Path(arguments.out).name)[0]
    for path in (Path(arguments.out), *files_of(arguments.out)[:2]):
        check_output(path, arguments.force)
    return copy_model(finished, arguments.out)


def _describe_kept(run):
    """Describe what is kept of a run that ended early; a folder without any results is removed."""
    if not run.holds_work():
        run.remove()
        return ""
    if any(run.finished.glob("*-card.json")):
        return (
            f"The finished model and its cards are in {run.finished}: move the three files to another folder, then "
            f"delete {run.path}."
        )
    return f"Finished parts are kept in {run.path}; run the same command again to continue."


def _describe_failure(error, run):
    """Describe the error that ended the training; messages of torch and joblib are shortened."""
    from concurrent.futures.process import BrokenProcessPool

    text = str(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        where = run.path if error.filename is None else error.filename
        return f"{where}: nothing can be written there ({error.strerror}). Free some space, or name another --out."
    if isinstance(error, BrokenProcessPool):
        return "a worker process died, possibly because the memory ran out: use fewer --n-jobs."
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(text)):
        where = "the device has" if "CUDA" in text else "there is"
        return (
            f"{where} not enough memory: use fewer --n-jobs, a smaller batch_size or backbone in the section sssl of "
            "--config, or a shorter duration or max_duration in that of its first step."
        )
    if isinstance(error, ArithmeticError | RuntimeError):
        text = f"the training failed ({type(error).__name__}: {' '.join(text.split())[:300]})."
    return text


def check_model(arguments, inputs=()):
    """Check that the model can be written, before any song is read."""
    if arguments.out.endswith((os.sep, "/")):
        raise CommandError(f"{arguments.out}: this names a folder. Name the model's file, such as model.skmer.")
    from skmer.models.files import files_of

    for path in (Path(arguments.out), *files_of(arguments.out)[:2]):
        check_output(path, arguments.force, inputs)


def _print_warnings(card, arguments, said):
    unreadable = card["data"]["unreadable"]
    if unreadable:
        # with --quiet too: songs are not left out silently
        n = "1 song" if len(unreadable) == 1 else f"{len(unreadable):,} songs"
        print(f"skmer {arguments.command}: {n} could not be used and were left out:", file=sys.stderr)
        for name, reason in unreadable.items():
            print(f"  {name}: {reason}", file=sys.stderr)
    if not arguments.quiet:
        for remark in card["remarks"]:
            if remark not in said:
                print(f"skmer {arguments.command}: {remark}", file=sys.stderr)
