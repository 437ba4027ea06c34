"""``skmer predict``: a line with the emotion of each song."""

import sys
from contextlib import ExitStack, closing, contextmanager, suppress

from skmer.cli._common import CommandError, add_command, atomic_output, check_output, n_jobs, open_text
from skmer.cli._model_file import MODEL_HELP, TRUST, load_model
from skmer.cli.prediction_lines import FORMATS, make_line_writer

__all__ = ["add_predict"]


def add_predict(commands):
    """Add ``skmer predict`` to the commands."""
    command = add_command(
        commands,
        "predict",
        _predict,
        "tell the emotion or the tags of songs: a line for each file, also for one that failed",
        "A line holds the file, its emotion by the last step, the mean probability of each emotion over the segments "
        "by the network (p_...; the two may differ), the seconds that were heard, the number of segments, a warning "
        "(such as digital silence) and the error. Of a pipeline without segment probabilities, such as descriptors "
        "and an SVM, the lines hold the emotion alone; of a tagger the tags, with ; between, and the probability of "
        "each. "
        "Folders are searched with their subfolders for files with an audio ending; names that begin with a dot are "
        "passed over. A run that is stopped keeps its finished lines beside --out FILE, and says where. Exit status: "
        f"0, or 1 if a file failed, 2 for a wrong argument or model, 130 after Ctrl-C. {TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    command.add_argument("paths", metavar="FILE-OR-FOLDER", nargs="+", help="audio files, or folders of them")
    command.add_argument("--format", choices=FORMATS, help="default: csv, or jsonl where --out ends in .jsonl")
    command.add_argument("--out", metavar="FILE", help="write the lines to this file (UTF-8); default: standard output")
    command.add_argument("--force", action="store_true", help="let --out replace an existing file")
    command.add_argument(
        "--per-segment", action="store_true", help="a line for each segment, with its start and end in seconds"
    )
    command.add_argument(
        "--n-jobs",
        type=n_jobs,
        default=1,
        metavar="N",
        help="threads that read songs; -1: all processors; default: 1",
    )
    loud = command.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", help="show progress even where nobody seems to watch")
    loud.add_argument("-q", "--quiet", action="store_true", help="no progress, remarks and summary on standard error")


def _predict(arguments):
    done: list = []
    try:
        return _write_lines(arguments, done)
    except KeyboardInterrupt as error:
        if done and hasattr(error, "__notes__"):
            files = "1 file" if len(done) == 1 else f"{len(done):,} files"
            error.add_note(f"It holds the lines of {files}; {arguments.out} is not written.")
        elif not done and arguments.out is not None:
            error.add_note(f"No file was predicted yet; {arguments.out} is not written.")
        raise


def _write_lines(arguments, done):
    """Predict the files and write their lines; `done` gets the name of each whose lines are written."""
    out = arguments.out
    if out is not None:
        check_output(out, arguments.force)
    model, predictor, remarks = load_model(arguments.model, whole_songs=True)
    if not predictor.predicts:
        raise CommandError(
            f"{arguments.model}: the last step of this pipeline gives no label. It must be a classifier."
        )
    from skmer.inspection.over_time import SegmentPredictor
    from skmer.inspection.tagged_songs import TagPredictor

    if arguments.per_segment and not isinstance(predictor, SegmentPredictor):
        raise CommandError(
            f"{arguments.model}: no step of this pipeline gives the probabilities of a SegmentTransformer's segments, "
            "so there is an answer for each song alone: leave --per-segment out."
        )
    from tqdm import tqdm

    from skmer.audio.files import find_audio_files
    from skmer.inspection.files import predict_files

    def tell(*sentences):
        if not arguments.quiet:
            tqdm.write(" ".join(["skmer predict:", *sentences]), file=sys.stderr)

    for remark in remarks:
        tell(f"{arguments.model}: warning: {remark}")
    found = find_audio_files(arguments.paths)
    if out is not None:
        check_output(out, arguments.force, [arguments.model, *(file for file, _ in found)])
    format = arguments.format or ("jsonl" if str(out).lower().endswith((".jsonl", ".ndjson")) else "csv")
    # on one terminal, the lines themselves are the progress
    watched = sys.stderr.isatty() and not (out is None and sys.stdout.isatty())
    shown = not arguments.quiet and (watched or arguments.verbose)
    n_failed = 0
    with ExitStack() as stack:
        stream = stack.enter_context(_lines_out(out, arguments.force, done))
        per = "segment" if arguments.per_segment else "tagged song" if isinstance(predictor, TagPredictor) else "song"
        write = make_line_writer(stream, format, predictor.classes, per)
        files = [file for file, error in found if error is None]
        predictions = stack.enter_context(closing(predict_files(model, files, arguments.n_jobs)))
        bar = stack.enter_context(tqdm(total=len(found), desc="Songs", unit="song", disable=not shown))
        for prediction in _in_place(found, predictions):
            for warning in prediction.warnings:
                tell(f"{prediction.file}: warning: {warning}")
            if prediction.error is not None:
                n_failed += 1
                tell(f"{prediction.file}: {prediction.error}")
            write(prediction)
            done.append(prediction.file)
            bar.update()
    tell(_summary(len(found), n_failed, predictor.max_duration))
    return 1 if n_failed else 0


def _in_place(found, predictions):
    """Put the folders in which there was nothing to read among the predictions, where they were named."""
    from skmer.inspection.files import FilePrediction

    for path, error in found:
        if error is None:
            yield next(predictions)
        else:
            yield FilePrediction(path, None, error=str(error).removeprefix(f"{path}: "))


def _summary(n, n_failed, max_duration):
    sentences = [f"{n - n_failed} of {n} files predicted."]
    if n_failed:
        sentences.append(f"{n_failed} failed; the error on their lines says why.")
    if max_duration is not None:
        sentences.append(f"The model uses the first {max_duration:g} s of each song.")
    return " ".join(sentences)


@contextmanager
def _lines_out(out, force, done):
    """Give standard output, or a file that has its name only once it is whole; until then the lines in it are kept."""
    if out is None:
        yield sys.stdout
        return
    with atomic_output(out, force, keep_part=True) as path, open_text(path) as stream:
        try:
            yield stream
        except BaseException:
            if not done:
                # a header alone is not worth keeping; a device cannot be cut
                with suppress(OSError):
                    stream.truncate(0)
            raise
