"""Functions shared by the commands: errors, types of arguments, output files, and loading a model."""

import argparse
import gc
import os
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path

from skmer._io import atomic_write

TRUST = (
    "A MODEL of skmer train or skmer.save_model cannot run code. One of joblib.dump is opened with joblib.load, which "
    "runs whatever code the file holds: use only those of people that you trust."
)
MODEL_HELP = "fitted pipeline, as `skmer train`, skmer.save_model or joblib.dump wrote it"
WHOLE = "all"  # of --max-duration
_TEXT_SUFFIXES = (".json", ".jsonl", ".csv", ".md", ".txt", ".html")


class CommandError(Exception):
    """End the command with a message for the user and an exit status."""

    def __init__(self, message, status=2):
        super().__init__(message)
        self.status = status


def add_command(commands, name, run, summary, details):
    """Add a command to the parser's ``commands``; ``run`` takes its arguments and returns the exit status."""
    command = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=details, allow_abbrev=False
    )
    command.set_defaults(run=run)
    return command


def add_former(command, former, option):
    """Add the former name of an option, which works with a note on standard error."""
    takes = {name: getattr(option, name) for name in ("dest", "type", "choices", "nargs", "metavar")}
    command.add_argument(
        former, action=_Former, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **takes
    ).option = option


class _Former(argparse.Action):
    """The former name of an option."""

    option: argparse.Action

    def __call__(self, parser, namespace, values, option_string=None):
        print(f"{parser.prog}: {option_string} is called {self.option.option_strings[-1]} now.", file=sys.stderr)
        self.option.required = False
        setattr(namespace, self.dest, values)


def shows_progress(arguments):
    """Return the `verbose` of a computation: 1 where standard error is a terminal, unless ``--quiet``."""
    return int(sys.stderr.isatty() and not arguments.quiet)


# Types of arguments


def comma_separated(text):
    """Read words separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def at_least(least):
    """Return the type of an integer that is `least` or more."""

    def integer(text):
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, got {text!r}")
        return number

    return integer


def n_jobs(text):
    """Read a number of jobs, an integer that is not 0."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value == 0:
        raise argparse.ArgumentTypeError(f"expected a positive whole number, or -1 for all processors, got {text!r}")
    return value


def n_folds(text):
    """Read a number of folds, 0 for none."""
    return 0 if text.strip() == "0" else at_least(2)(text)


def integers(text):
    """Read distinct integers, 0 or more, separated by commas."""
    try:
        found = [int(word) for word in comma_separated(text)]
    except ValueError:
        found = []
    if not found or min(found) < 0:
        raise argparse.ArgumentTypeError(f"expected whole numbers of at least 0, separated by commas, got {text!r}")
    return list(dict.fromkeys(found))


def positive_numbers(text):
    """Read positive numbers separated by commas."""
    try:
        found = [float(word) for word in comma_separated(text)]
    except ValueError:
        found = []
    if not found or not all(0 < number < float("inf") for number in found):
        raise argparse.ArgumentTypeError(f"expected positive numbers, separated by commas, got {text!r}")
    return found


def positive_number(text):
    """Read a positive number."""
    try:
        [number] = positive_numbers(text)
    except (ValueError, argparse.ArgumentTypeError):
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}") from None
    return number


def number_from_0(end, includes_end=True):
    """Return the type of a number from 0 to `end`."""

    def number(text):
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not (0 <= value < end or (includes_end and value == end)):
            to = "to" if includes_end else "to below"
            raise argparse.ArgumentTypeError(f"expected a number from 0 {to} {end}, got {text!r}")
        return value

    return number


def threshold(text):
    """Read "median", "midpoint" or a number."""
    try:
        return text if text in ("median", "midpoint") else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected median, midpoint or a number, got {text!r}") from None


# Output files


def check_output(path, force, inputs=()):
    """Check, before any work is done, that a file can be written, and is no input and no existing file."""
    path = Path(path)
    # an input is never overwritten, whatever `force` is
    if path.is_file() and any(os.path.exists(name) and path.samefile(name) for name in inputs):
        raise CommandError(f"{path}: this file is read by the same command. Name another one.")
    if path.is_dir():
        raise CommandError(f"{path}: this is a folder. Name a file in it.")
    if path.is_file() and not force:
        raise CommandError(f"{path}: this file exists already. Name another one, or pass --force to replace it.")
    folder = Path(os.path.realpath(path)).parent
    if not folder.is_dir():
        raise CommandError(f"{path}: the folder {folder} does not exist. Create it first.")
    if not os.access(folder if not path.exists() else path, os.W_OK):
        raise CommandError(f"{path}: it cannot be written. Check the permissions.")


@contextmanager
def atomic_output(path, force, keep_part=False, inputs=()):
    """Write a file atomically, with `check_output` before and after the block; see `skmer._io.atomic_write`."""
    check_output(path, force, inputs)
    with atomic_write(path, keep_part) as part:
        yield part
        check_output(path, force)


def use_matplotlib():
    """Select matplotlib's backend that needs no screen; raise if matplotlib is missing."""
    try:
        import matplotlib
    except ImportError as error:
        raise CommandError("the plots need matplotlib; install it with: pip install skmer[plot]") from error
    matplotlib.use("Agg")


# Models


def add_device(command):
    """Add the option of the device on which a network predicts."""
    command.add_argument(
        "--device",
        metavar="DEVICE",
        help="torch device on which the network predicts; default: cpu, for a pickle that of its training",
    )


@contextmanager
def _uncollected():
    """Create objects that stay until the process ends, such as modules, without searching them for garbage.

    The garbage collector would search the modules of torch and scikit-learn several times while they are imported, and
    again at the end of the process.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@_uncollected()
def add_max_duration(command, default):
    """Add the option of the seconds of each song that a command uses; its `default` is a text for the help."""
    command.add_argument(
        "--max-duration",
        type=_seconds_or_all,
        metavar="S",
        help=f"seconds of each song that are used, or {WHOLE}; default: {default}",
    )


def _seconds_or_all(text):
    if text == WHOLE:
        return WHOLE
    try:
        return positive_number(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}: give seconds, or {WHOLE}") from None


def load_model(path, require_segments=False, require_classes=False, device=None, precision=None, max_duration=None):
    """Load a model; return its `SongPredictor` and the warnings of loading it.

    A `precision` replaces the `prediction_precision` of its networks, and a `max_duration` that of its readers.
    """
    if os.path.isdir(path):
        raise CommandError(f"{path}: this is a folder. Name the model's file.")
    if not os.path.isfile(path):
        raise CommandError(
            f"{path}: there is no such model. Write one with `skmer train SONGS --out {path}`, or in Python with "
            f"skmer.save_model(pipe, {path!r})."
        )
    if str(path).lower().endswith(_TEXT_SUFFIXES):
        raise CommandError(
            f"{path}: this has the extension of a text file, not of a model. MODEL is the file that `skmer train` "
            "writes in addition to the card, such as model.skmer."
        )
    from skmer.inspection import SongPredictor
    from skmer.models.storage import is_model_file

    remarks = _compare_with_card(path)
    load = _load_file if path.lower().endswith(".skmer") or is_model_file(path) else _load_pickle
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default", UserWarning)
        model = load(path, remarks, device)
    if precision is not None:
        networks = [estimator for estimator in _estimators(model) if hasattr(estimator, "prediction_precision")]
        if not networks:
            raise CommandError(f"{path}: no step of this model has a prediction_precision: leave --precision out.")
        for network in networks:
            network.prediction_precision = precision
    if max_duration is not None:
        _set_max_duration(path, model, max_duration)
    try:
        predictor = SongPredictor(model)
    except ValueError as error:
        raise CommandError(f"{path}: this model cannot be used: {error}") from error
    if require_classes and predictor.target_names is not None:
        raise CommandError(
            f"{path}: this model predicts ratings ({', '.join(predictor.target_names)}), but this command needs one of "
            "classes. Train one on songs with labels."
        )
    if require_segments and predictor.output != "segments":
        raise CommandError(
            f"{path}: this model predicts {_kind(predictor)} of whole songs only. Train one with `skmer train --system "
            "sssl`, or fit a pipeline with a SegmentTransformer and a segment classifier or regressor after it."
        )
    remarks += [str(warning.message).removeprefix(f"{path} ") for warning in caught]
    return predictor, list(dict.fromkeys(" ".join(remark.split()) for remark in remarks))


def _set_max_duration(path, model, max_duration):
    """Set how many seconds of each song the steps of a model use."""
    readers = [estimator for estimator in _estimators(model) if "max_duration" in estimator.get_params(deep=False)]
    if not readers and max_duration != WHOLE:
        raise CommandError(f"{path}: no step of this model has a max_duration: leave --max-duration out.")
    for reader in readers:
        reader.max_duration = None if max_duration == WHOLE else max_duration


def _kind(predictor):
    if predictor.target_names is not None:
        return "ratings"
    return "tags" if predictor.output == "tags" else "emotions"


def _compare_with_card(path):
    """Return the warning that a model is not the one that the card beside it describes, as a list."""
    from skmer._io import file_digest
    from skmer.models.files import files_of, read_card

    card = files_of(path)[1]
    digest = read_card(path).get("sha256")
    if digest is None or digest == file_digest(path):
        return []
    return [f"the file is not the one that {card} describes, whose SHA-256 is {digest}: it was damaged, or replaced."]


def _load_file(path, remarks, device):
    from skmer.models import ModelFileError, load_model

    if device not in (None, "cpu"):
        # imports torch, which many models do without
        from skmer.models.checks import check_device

        try:
            check_device(device)
        except ValueError as error:
            raise CommandError(str(error)) from error
    try:
        return load_model(path, device=device or "cpu")
    except ModelFileError as error:
        raise CommandError(str(error)) from error


def _load_pickle(path, remarks, device):
    import joblib

    if device is not None:
        raise CommandError(f"{path}: --device is not for pickles, whose networks predict where they were trained.")

    try:
        model = joblib.load(path)
    # a damaged or foreign pickle can raise anything
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise CommandError(
            f"{path}: this model cannot be opened ({reason}). MODEL must be a fitted pipeline that skmer.save_model or "
            f"joblib.dump wrote, opened with the packages that it needs.{''.join(f' Also, {r}' for r in remarks)}"
        ) from error
    if lacking := _find_lacking(model, type(model).__name__):
        from skmer import __version__
        from skmer.models.files import read_card

        version = read_card(path).get("versions", {}).get("skmer")
        saved = "another version of skmer" if version is None else f"skmer {version}"
        raise CommandError(
            f"{path}: this model cannot be used: {lacking}. It was saved with {saved}, and skmer {__version__} is "
            "installed: train it again, or install the version that it was saved with."
        )
    remarks.append(
        "this is a file of joblib.dump: loading it ran whatever code is in it. skmer.save_model writes models that "
        "cannot run code."
    )
    return model


def _estimators(value):
    """Yield an estimator, and those among its parameters and attributes."""
    if hasattr(value, "_get_param_names") and not isinstance(value, type):
        yield value
        value = list(vars(value).values())
    for part in value if isinstance(value, list | tuple) else ():
        yield from _estimators(part)


def _find_lacking(value, name):
    """Return which parameter an estimator in a loaded pickle lacks, and None if all have theirs."""
    if isinstance(value, list | tuple):
        named = len(value) > 1 and isinstance(value[0], str)
        parts = [(part, f"the step {value[0]!r}" if named else name) for part in value]
    elif hasattr(value, "_get_param_names") and not isinstance(value, type):
        own = vars(value)
        for parameter in value._get_param_names():
            if parameter not in own:
                return f"{name} ({type(value).__name__}) lacks the parameter {parameter!r}"
        parts = [(part, name) for part in own.values()]
    else:
        return None
    return next(filter(None, (_find_lacking(part, name) for part, name in parts)), None)
