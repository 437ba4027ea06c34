"""The command line: ``skmer predict``, ``skmer timeline`` and ``skmer demo``.

Modules that take long to import are imported by the command that needs them.
"""

import argparse
import os
import sys
import warnings
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from skmer._version import __version__
from skmer.cli.output_files import OutputError, check_output, written_whole
from skmer.cli.prediction_lines import FORMATS, make_line_writer

__all__ = ["main"]

_TRUST = (
    "MODEL is opened with joblib.load, which runs whatever code the file holds: "
    "use only models from people that you trust."
)
_MODEL = "fitted pipeline, as joblib.dump(pipe, MODEL) wrote it"
_PICTURES = (".png", ".pdf", ".svg")
_INTERRUPTED, _BROKEN_PIPE = 130, 141  # as of a program that the signal ended


class _Stop(Exception):
    """Ends the command with a sentence for the user and an exit status."""

    def __init__(self, message, status=2):
        super().__init__(message)
        self.status = status


def main(argv=None):
    """Run the ``skmer`` command.

    Parameters
    ----------
    argv : list of str, default=None
        Arguments, by default those of the process.

    Returns
    -------
    int
        Exit status: 0, or 1 if a file failed, 2 for a wrong argument or model, 130
        after Ctrl-C.

    Raises
    ------
    SystemExit
        From argparse: after ``--help`` and ``--version``, and for wrong arguments.

    Examples
    --------
    >>> from skmer.cli import main
    >>> main(["predict", "no-model.joblib", "song.mp3"])
    2
    """
    arguments = _parser().parse_args(argv)
    if hasattr(sys.stdout, "reconfigure"):
        # file names go out as the bytes that they came in as
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    name = f"skmer {arguments.command}"
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except (_Stop, OutputError) as error:
        return _end(name, error, getattr(error, "status", 2))
    except KeyboardInterrupt as error:
        return _end(name, error, _INTERRUPTED, "interrupted.")
    except BrokenPipeError:
        _silence_stdout()
        return _BROKEN_PIPE
    except OSError as error:
        # songs that cannot be read have their line; this is most likely the output itself
        return _end(name, error, 2, f"a file cannot be read or written ({error}).")


def _end(name, error, status, text=None):
    sentences = [str(error) if text is None else text, *getattr(error, "__notes__", ())]
    print(f"{name}:", *sentences, file=sys.stderr)
    return status


def _silence_stdout():
    """Keep the interpreter from complaining, at its exit, of a reader that has gone."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser():
    parser = argparse.ArgumentParser(
        prog="skmer", description="Music emotion recognition: songs in, emotions out.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"skmer {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_predict(commands)
    _add_timeline(commands)
    _add_demo(commands)
    return parser


def _add(commands, name, run, summary, details):
    command = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=details, allow_abbrev=False
    )
    command.set_defaults(run=run)
    return command


def _add_predict(commands):
    command = _add(
        commands,
        "predict",
        _predict,
        "tell the emotion of songs: a line for each file, also for one that failed",
        "A line holds the file, its emotion, the mean probability of each emotion over the segments (p_...), the "
        "seconds that were heard, the number of segments, a warning (such as digital silence) and the error. "
        "Folders are searched with their subfolders for files with an audio ending; names that begin with a dot are "
        f"passed over. Exit status: 0, or 1 if a file failed, 2 for a wrong argument or model. {_TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=_MODEL)
    command.add_argument("paths", metavar="FILE-OR-FOLDER", nargs="+", help="audio files, or folders of them")
    command.add_argument("--format", choices=FORMATS, help="default: csv, or jsonl where --out ends in .jsonl")
    command.add_argument("--out", metavar="FILE", help="write the lines to this file (UTF-8); default: standard output")
    command.add_argument("--force", action="store_true", help="let --out replace an existing file")
    command.add_argument(
        "--per-segment", action="store_true", help="a line for each segment, with its start and end in seconds"
    )
    command.add_argument(
        "--n-jobs", type=_n_jobs, default=1, metavar="N", help="threads that read songs; -1: all processors; default: 1"
    )
    loud = command.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", help="show progress even where nobody seems to watch")
    loud.add_argument("-q", "--quiet", action="store_true", help="no progress, remarks and summary on standard error")


def _add_timeline(commands):
    command = _add(
        commands,
        "timeline",
        _timeline,
        "draw how the emotion of one song changes over its time, and print a summary",
        f"Exit status: 0, or 1 if the song cannot be read, 2 for a wrong argument or model. {_TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=_MODEL)
    command.add_argument("song", metavar="SONG", help="audio file")
    command.add_argument(
        "--out", metavar="PNG", help="picture (.png, .pdf or .svg); default: SONG-emotion.png in the current folder"
    )
    command.add_argument("--csv", metavar="FILE", help="also write each segment's probabilities to this file")
    command.add_argument("--force", action="store_true", help="replace existing files")


def _add_demo(commands):
    command = _add(
        commands,
        "demo",
        _demo,
        "run the whole method on synthetic songs, or on the Emotify recordings, and compare it with its rivals",
        "Needs no data: without --data, the songs are synthesised.",
    )
    command.add_argument("--data", metavar="DIR", help="folder of the Emotify data set; default: synthetic songs")
    command.add_argument("--out", metavar="DIR", default="demo-output", help="folder of the pictures (%(default)s)")
    command.add_argument("--n-jobs", type=_n_jobs, default=2, metavar="N", help="workers (%(default)s)")


def _n_jobs(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value == 0:
        raise argparse.ArgumentTypeError(f"it must be a positive whole number, or -1 for all processors, not {text!r}")
    return value


def _load(path):
    """Open a model and check that it is one of ours."""
    if os.path.isdir(path):
        raise _Stop(f"{path}: this is a folder. Name the model's file.")
    if not os.path.isfile(path):
        raise _Stop(f"{path}: there is no such model. Write one with joblib.dump(pipe, {path!r}).")
    import joblib

    from skmer.prediction import PipelineParts

    advice = "MODEL must be a fitted pipeline that joblib.dump wrote, opened with the packages that it needs."
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default", UserWarning)
        try:
            model = joblib.load(path)
        # a damaged or foreign pickle can raise anything
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise _Stop(f"{path}: this model cannot be opened ({reason}). {advice}") from error
    try:
        parts = PipelineParts(model)
    except ValueError as error:
        raise _Stop(f"{path}: this is no model that skmer can use: {error}") from error
    return model, parts, list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in told))


def _predict(arguments):
    out = arguments.out
    if out is not None:
        check_output(out, arguments.force)
    model, parts, remarks = _load(arguments.model)
    if not parts.predicts:
        raise _Stop(f"{arguments.model}: the last step of this pipeline gives no label. It must be a classifier.")
    from tqdm import tqdm

    from skmer.audio.files import find_audio_files
    from skmer.prediction.files import predict_files

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
        stream = stack.enter_context(_lines_out(out, arguments.force))
        write = make_line_writer(stream, format, parts.classes, arguments.per_segment)
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
            bar.update()
    tell(_summary(len(found), n_failed, parts.max_duration))
    return 1 if n_failed else 0


def _in_place(found, predictions):
    """Put the folders in which there was nothing to read among the predictions, where they were named."""
    from skmer.prediction.files import FilePrediction

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
def _lines_out(out, force):
    """Give standard output, or a file that has its name only once it is whole."""
    if out is None:
        yield sys.stdout
        return
    with written_whole(out, force, keep_part=True) as path, _open_text(path) as stream:
        yield stream


def _open_text(path):
    return open(path, "w", encoding="utf-8", errors="surrogateescape", newline="")


def _timeline(arguments):
    song = arguments.song
    out = Path(arguments.out if arguments.out is not None else f"{Path(song).stem}-emotion.png")
    if out.suffix.lower() not in _PICTURES:
        raise _Stop(f"{out}: the name of a picture must end in {', '.join(_PICTURES)}.")
    for path in filter(None, (out, arguments.csv)):
        check_output(path, arguments.force, [arguments.model, song])
    if arguments.csv is not None and os.path.realpath(arguments.csv) == os.path.realpath(out):
        raise _Stop("--out and --csv name the same file.")
    try:
        import matplotlib
    except ImportError as error:
        raise _Stop("the picture needs matplotlib; install it with: pip install skmer[plot]") from error
    matplotlib.use("Agg")  # no screen is needed
    model, _, remarks = _load(arguments.model)
    from skmer.plotting import EmotionTimelineDisplay
    from skmer.prediction.files import predict_files

    [prediction] = predict_files(model, [song])
    remarks = [f"{arguments.model}: warning: {remark}" for remark in remarks]
    remarks += [f"{song}: warning: {warning}" for warning in prediction.warnings]
    for remark in remarks:
        print("skmer timeline:", remark, file=sys.stderr)
    emotion = prediction.emotion
    if emotion is None:
        raise _Stop(f"{song}: {prediction.error}", 1)
    name = Path(song).name
    title = name if emotion.label is None else f"{name}: {emotion.label}"
    display = EmotionTimelineDisplay.from_song_emotion(emotion, title=title)
    with written_whole(out, arguments.force) as path:
        display.figure_.savefig(path, format=out.suffix[1:].lower(), dpi=150)
    if arguments.csv is not None:
        with written_whole(arguments.csv, arguments.force) as path, _open_text(path) as stream:
            make_line_writer(stream, "csv", emotion.classes, per_segment=True)(prediction)
    print(_describe(name, emotion))
    print(f"\nPicture: {out}" + (f"\nSegments: {arguments.csv}" if arguments.csv is not None else ""))
    return 0


def _describe(name, emotion):
    """Write a song's emotion as a small table."""
    label = "" if emotion.label is None else f"{emotion.label}, "
    lines = [f"{name}: {label}{_clock(emotion.ends[-1])} heard in {len(emotion.starts)} segments", ""]
    width = max(len("emotion"), *(len(str(k)) for k in emotion.classes))
    lines.append(f"{'emotion':{width}}  mean probability")
    lines += [f"{k!s:{width}}  {p:.3f}" for k, p in zip(emotion.classes, emotion.mean_probabilities, strict=True)]
    lines += ["", f"{'from':>8}  {'to':>8}  leading emotion"]
    lines += [f"{_clock(start):>8}  {_clock(end):>8}  {leading}" for start, end, leading in emotion.stretches()]
    return "\n".join(lines)


def _clock(seconds):
    tenths = round(10 * float(seconds))
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


def _demo(arguments):
    from skmer.demo import run_demo

    try:
        run_demo(data=arguments.data, out=arguments.out, n_jobs=arguments.n_jobs, verbose=1, random_state=0)
    except ImportError as error:
        raise _Stop(str(error)) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _Stop(f"the data cannot be read: {error}") from error
    return 0
