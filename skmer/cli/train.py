"""``skmer train``: a model from labelled songs, with a card that says what it is worth."""

import os
import re
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from skmer.cli._common import CommandError, add_command, at_least, check_output, n_folds, n_jobs, shows_progress
from skmer.cli.labelled_songs import FOLDERS, LABELLED_SONGS, add_songs, load_songs

__all__ = ["add_train"]

_SYSTEMS = ("sssl", "cross-entropy", "descriptors", "log-mel")
# what is no fault of the program; anything else shows where it is
_TOLD = (ArithmeticError, ImportError, MemoryError, OSError, CommandError, RuntimeError, TypeError, ValueError)
_OF_MEMORY = re.compile("out of memory|allocate memory|not enough memory")


def add_train(commands):
    """Add ``skmer train`` to the commands."""
    command = add_command(
        commands,
        "train",
        _train,
        "estimate how well a model does on labelled songs, then fit it on all of them and write it with a card",
        f"{LABELLED_SONGS} "
        "Systems: sssl finds out which segments' inherited labels are wrong; cross-entropy is the same network without "
        "that; descriptors is an SVM on hand-crafted descriptors of a song, log-mel one on statistics of its spectrum. "
        "On Emotify (see the README) descriptors had the highest accuracy, and need no network; only sssl and "
        "cross-entropy predict the emotion over time and can judge labels. "
        "On CUDA the network is VGG16 with 30 epochs; elsewhere it is small, with 12 epochs for sssl and 5 for "
        "cross-entropy. "
        "The config is JSON with a section for each step: segments, sssl, statistics, scaler and svm (descriptors, "
        "scaler and svm; segments, statistics, scaler and svm for log-mel). "
        "Beside MODEL.joblib are written MODEL-card.md and MODEL-card.json; until then MODEL.folds keeps what is "
        "finished or was read, and the same command goes on after it was stopped. Exit status: 0, or 1 if songs cannot "
        "be used, 2 for a wrong argument, 130 after Ctrl-C.",
    )
    add_songs(command)
    command.add_argument("--out", metavar="MODEL", required=True, help="file of the model, such as model.joblib")
    command.add_argument("--system", choices=_SYSTEMS, default="sssl", help="what is trained (%(default)s)")
    command.add_argument(
        "--config",
        metavar="JSON",
        help='file or text, such as \'{"segments": {"duration": 5}, "sssl": {"max_epochs": 20}, "svm": {"C": 2}}\'',
    )
    command.add_argument(
        "--n-splits", type=n_folds, default=5, metavar="N", help="folds of the estimate, 0 for none (%(default)s)"
    )
    command.add_argument("--seed", type=at_least(0), default=0, metavar="I", help="of folds and training (%(default)s)")
    command.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave out songs that cannot be used, and name them; by default nothing is trained if there are any",
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
    command.add_argument("-q", "--quiet", action="store_true", help="no report, progress and remarks")


def _train(arguments):
    _check_places(arguments)
    from skmer.models.configs import read_config
    from skmer.models.run_folder import RunFolder
    from skmer.models.saving import files_of

    try:
        config = None if arguments.config is None else read_config(arguments.config)
        songs = load_songs(arguments)
        run = RunFolder(files_of(arguments.out)[2])
    except (OSError, ValueError) as error:
        raise CommandError(str(error)) from error
    try:
        return _train_in(run, songs, config, arguments)
    finally:
        run.close()


def _train_in(run, songs, config, arguments):
    """Train with a folder that is the run's alone; what fails leaves there what was finished."""
    from skmer.models.reading import UnreadableSongs
    from skmer.models.runs import train_model

    say = (lambda line: None) if arguments.quiet else (lambda line: print(line, flush=True))
    if run.earlier:
        say(f"{run.path} is there from a run that did not end: what is finished in it is taken up.")
    try:
        trained = train_model(
            songs,
            arguments.system,
            config,
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
        if _kept(run):
            error.add_note(f"What is finished is in {run.path}; the same command goes on from there.")
        raise
    except UnreadableSongs as error:
        advice = "Mend them or take them away, or leave them out with --skip-unreadable."
        if error.classes:
            advice = "A class is not left out unasked: mend some of its songs, or take all of them away."
        kept = f" The other songs need not be read again: {run.path} is kept for that." if _kept(run) else ""
        raise CommandError(f"{error}\n{advice}{kept}", 1) from error
    except _TOLD as error:
        raise CommandError(_with_options(_in_a_sentence(error)) + _kept(run)) from error
    run.remove()
    _tell_remarks(trained.card, arguments.quiet)
    say("Written: " + ", ".join(map(str, written)))
    return 0


def _write(trained, run, arguments):
    """Write the model into the folder of the run, so that it is not lost, and then to its place."""
    from skmer.models.saving import copy_model, files_of, save_model

    run.finished.mkdir(exist_ok=True)
    finished = save_model(trained, run.finished / Path(arguments.out).name)[0]
    for place in (Path(arguments.out), *files_of(arguments.out)[:2]):
        check_output(place, arguments.force)
    return copy_model(finished, arguments.out)


def _kept(run):
    """Say what is kept of a run that ended early; a folder with nothing in it is removed."""
    if not run.holds_work():
        run.remove()
        return ""
    if any(run.finished.glob("*-card.json")):
        return (
            f" The finished model and its cards are in {run.finished}: move the three files to a place of yours, then "
            f"delete {run.path}."
        )
    return f" What is finished is kept in {run.path}; the same command goes on from there."


def _in_a_sentence(error):
    """Say what ended the training; of what torch and joblib say, the first lines."""
    text = str(error)
    if isinstance(error, BrokenProcessPool):
        return "a worker process died, as when memory runs out: take fewer --n-jobs."
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _OF_MEMORY.search(text)):
        where = "the device has" if "CUDA" in text else "there is"
        return (
            f"{where} not enough memory: take fewer --n-jobs, a smaller batch_size or backbone in the section sssl of "
            "--config, or a shorter duration or max_duration in that of its first step."
        )
    if isinstance(error, ArithmeticError | RuntimeError):
        text = f"the training failed ({type(error).__name__}: {' '.join(text.split())[:300]})."
    return text


def _check_places(arguments):
    """Refuse, before any song is looked at, what could not be written in the end."""
    if arguments.out.endswith((os.sep, "/")):
        raise CommandError(f"{arguments.out}: this names a folder. Name the model's file, such as model.joblib.")
    from skmer.models.saving import files_of

    for path in (Path(arguments.out), *files_of(arguments.out)[:2]):
        check_output(path, arguments.force, [arguments.labels, arguments.config or ""])
    inside = Path(os.path.realpath(arguments.songs)) in Path(os.path.realpath(arguments.out)).parents
    if arguments.labels == FOLDERS and inside:
        raise CommandError(
            f"{arguments.out}: this lies in {arguments.songs}, whose folders are the classes. Name a place outside."
        )


def _with_options(text):
    """Say the names of options for those of parameters."""
    for name, option in (("n_splits=0", "--n-splits 0"), ("give it as seed", "give it as --seed")):
        text = text.replace(name, option)
    return text


def _tell_remarks(card, quiet):
    unreadable = card["data"]["unreadable"]
    if unreadable:
        # not even a quiet run loses songs without a word
        n = "1 song" if len(unreadable) == 1 else f"{len(unreadable):,} songs"
        print(f"skmer train: {n} could not be used and were left out:", file=sys.stderr)
        for name, reason in unreadable.items():
            print(f"  {name}: {reason}", file=sys.stderr)
    if not quiet:
        for remark in card["remarks"]:
            print(f"skmer train: {remark}", file=sys.stderr)
