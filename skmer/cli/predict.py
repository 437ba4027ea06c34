"""``skmer predict``: a line with the emotion, the ratings or the tags of each song."""

import sys
from contextlib import ExitStack, closing, contextmanager, suppress

from skmer._io import format_names, open_text
from skmer.cli._common import (
    MODEL_HELP,
    TRUST,
    CommandError,
    add_command,
    add_device,
    add_max_duration,
    atomic_output,
    load_model,
    n_jobs,
)
from skmer.cli._lines import line_writer
from skmer.cli._ready_tagger import add_ready, load_ready
from skmer.cli._timeline_files import on_grid

__all__ = [
    "add_n_jobs",
    "add_predict",
    "add_progress",
    "log_of",
    "log_others",
    "open_output",
    "predict_found",
    "summary",
    "write_lines",
]

_FORMATS = ("csv", "jsonl")


def add_predict(commands):
    """Add ``skmer predict`` to the commands."""
    command = add_command(
        commands,
        "predict",
        _predict,
        "predict the emotion, the ratings or the tags of songs, with a line for each file, including files that fail",
        "A line has the file, the emotion, the probability of each emotion (p_..., the largest is that of the emotion; "
        "empty for models of former versions), the network's mean probability over the segments (segment_mean_..., "
        "whose largest may be another emotion), the seconds that were used, the number of segments, a warning (such as "
        "digital silence) and the error. For a pipeline without segment probabilities, such as descriptors and an SVM, "
        "there are no means; for a regressor, the lines have a column for each "
        "rating, by its name; for a tagger, they have the tags, separated by ;, and the probability of each. "
        "--ready musicnn takes the place of MODEL and needs no labels: the lines then have the three most probable of "
        "50 tags, among them words for moods such as happy, sad, Mellow and party, and the probability of each. They "
        "are guesses of a tagger, which was trained on tags of last.fm, and not emotions of a model of skmer; the "
        "package musicnn must be installed (pip install --no-deps musicnn). "
        "Folders are searched with their subfolders for files with an audio extension; other files are counted on "
        "standard error, and names that begin with a dot are ignored. A run that is stopped keeps its finished lines "
        "beside --out FILE, and prints where. Exit status: "
        f"0, or 1 if a file failed, 2 for a wrong argument or model, 130 after Ctrl-C. {TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=f"{MODEL_HELP}; left out with --ready")
    paths = command.add_argument("paths", metavar="FILE-OR-FOLDER", nargs="+", help="audio files, or folders of them")
    add_ready(command, paths)
    command.add_argument("--format", choices=_FORMATS, help="default: csv, or jsonl where --out ends in .jsonl")
    command.add_argument("--out", metavar="FILE", help="write the lines to this file (UTF-8); default: standard output")
    command.add_argument("--force", action="store_true", help="let --out replace an existing file")
    command.add_argument(
        "--per-segment", action="store_true", help="a line for each segment, with its start and end in seconds"
    )
    add_n_jobs(command)
    add_max_duration(command, "as in the training, and all with --ready")
    add_device(command)
    command.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        help="precision of the network; auto: bfloat16 where the hardware supports it; default: that of the model",
    )
    add_progress(command)


def add_n_jobs(command):
    """Add the option of how many songs are read at a time."""
    command.add_argument(
        "--n-jobs",
        type=n_jobs,
        default=1,
        metavar="N",
        help="threads that read songs; -1: all processors; default: 1",
    )


def add_progress(command):
    """Add the options of what is printed on standard error."""
    loud = command.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", help="show progress even where there is no terminal")
    loud.add_argument(
        "-q", "--quiet", action="store_true", help="print no progress, warnings and summary on standard error"
    )


def _predict(arguments):
    if arguments.ready is not None:
        if str(arguments.model).lower().endswith((".skmer", ".joblib")):
            raise CommandError(f"--ready takes the place of MODEL: leave {arguments.model} or --ready out.")
        arguments.model, arguments.paths = arguments.ready, [arguments.model, *arguments.paths]

    def load():
        options = {name: getattr(arguments, name) for name in ("device", "precision", "max_duration")}
        predictor, warnings = (
            load_model(arguments.model, **options) if arguments.ready is None else load_ready(**options)
        )
        _check_predictor(predictor, arguments)
        return predictor, warnings

    return write_lines(arguments, load, _format(arguments), arguments.per_segment)


def write_lines(arguments, load, format, per_segment, every=None):
    """Predict the files of a command and write their lines; return the exit status.

    `load` returns a predictor and warnings; `every` is the length of the cells of a grid.
    """
    done: list = []
    try:
        return _write_lines(arguments, load, format, per_segment, every, done)
    except KeyboardInterrupt as error:
        if done and hasattr(error, "__notes__"):
            files = "1 file" if len(done) == 1 else f"{len(done):,} files"
            error.add_note(f"It holds the lines of {files}; {arguments.out} is not written.")
        elif not done and arguments.out is not None:
            error.add_note(f"No file was predicted yet; {arguments.out} is not written.")
        raise


def _write_lines(arguments, load, format, per_segment, every, done):
    """Predict the files and write their lines; append the name of each whose lines are written to `done`."""
    from skmer.audio.finding import find_audio_files

    log = log_of(arguments)
    found = find_audio_files(arguments.paths)
    with ExitStack() as stack:
        stream = stack.enter_context(open_output(arguments.out, arguments, found, done))
        predictor, warnings = load()
        for warning in warnings:
            log(f"{arguments.model}: warning: {warning}")
        rated = predictor.target_names is not None
        of_segments = "segment" if per_segment else "song" if rated else "song of segments"
        per = {"segments": of_segments, "song": "song", "tags": "tagged song"}
        kind = ("rated " if rated else "") + per[predictor.output]
        names = predictor.classes if predictor.target_names is None else predictor.target_names
        write = line_writer(stream, format, names, kind)
        n_failed = 0
        for prediction in stack.enter_context(closing(predict_found(predictor, found, arguments, log))):
            n_failed += prediction.error is not None
            write(on_grid(prediction, every))
            done.append(prediction.file)
    log_others(arguments, log)
    log(summary(len(found), n_failed, predictor.max_duration))
    return 1 if n_failed else 0


def log_of(arguments):
    """Return a function that prints sentences on standard error, and not across the progress bar."""
    from tqdm import tqdm

    def log(*sentences):
        if not arguments.quiet:
            tqdm.write(" ".join([f"skmer {arguments.command}:", *sentences]), file=sys.stderr)

    return log


def log_others(arguments, log):
    """Log which files in the folders of a command are not audio."""
    from skmer.audio.finding import describe_other_files

    if others := describe_other_files(arguments.paths):
        log(f"Files that are not audio by extension were passed over: {format_names(others)}.")


def predict_found(predictor, found, arguments, log):
    """Yield the prediction of each file and folder of `find_audio_files`, with progress; log warnings and errors."""
    from tqdm import tqdm

    from skmer.inspection import predict_files

    files = [file for file, error in found if error is None]
    with (
        closing(predict_files(predictor, files, arguments.n_jobs)) as predictions,
        tqdm(total=len(found), desc="Songs", unit="song", disable=not _shows_bar(arguments)) as bar,
    ):
        for prediction in _in_order(found, predictions):
            for warning in prediction.warnings:
                log(f"{prediction.file}: warning: {warning}")
            if prediction.error is not None:
                log(f"{prediction.file}: {prediction.error}")
            yield prediction
            bar.update()


def _check_predictor(predictor, arguments):
    if not predictor.predicts:
        raise CommandError(
            f"{arguments.model}: the last step of this pipeline does not predict. It must be a classifier or a "
            "regressor."
        )
    if arguments.per_segment and predictor.output != "segments":
        raise CommandError(
            f"{arguments.model}: this model predicts whole songs only, because no step predicts segments: leave "
            "--per-segment out."
        )


def _format(arguments):
    default = "jsonl" if str(arguments.out).lower().endswith((".jsonl", ".ndjson")) else "csv"
    return arguments.format or default


def _shows_bar(arguments):
    # lines on the same terminal already show the progress
    watched = sys.stderr.isatty() and not (arguments.out is None and sys.stdout.isatty())
    return not arguments.quiet and (watched or arguments.verbose)


def _in_order(found, predictions):
    """Yield the predictions, and an error for each folder without audio files in its place."""
    from skmer.inspection import FilePrediction

    for path, error in found:
        if error is None:
            yield next(predictions)
        else:
            yield FilePrediction(path, None, error=str(error).removeprefix(f"{path}: "))


def summary(n, n_failed, max_duration, where="on their lines"):
    """Return how many files were predicted and failed, and how much of them was used."""
    sentences = [f"{n - n_failed} of {n} files predicted."]
    if n_failed:
        sentences.append(f"{n_failed} failed; see the error {where}.")
    if max_duration is not None:
        sentences.append(f"The model uses the first {max_duration:g} s of each song.")
    return " ".join(sentences)


@contextmanager
def open_output(out, arguments, found, done):
    """Open standard output, or a file that is written atomically; if that is interrupted, its lines are kept."""
    if out is None:
        yield sys.stdout
        return
    inputs = [arguments.model, *(file for file, _ in found)]
    with (
        atomic_output(out, arguments.force, keep_part=True, inputs=inputs) as path,
        open_text(path) as stream,
    ):
        try:
            yield stream
        except BaseException:
            if not done:
                # a header alone is not kept; a device cannot be truncated
                with suppress(OSError):
                    stream.truncate(0)
            raise
