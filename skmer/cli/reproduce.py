"""``skmer reproduce``: the paper's tables and its figure on a collection that the user has."""

import argparse
import json
from pathlib import Path

from skmer.cli.command import Stop, add_command, n_jobs_argument, open_text
from skmer.cli.output_files import OutputError, check_output, written_whole

__all__ = ["DATASETS", "add_reproduce"]

# those of skmer.reproduction.COLLECTIONS, which takes seconds to import
DATASETS = ("pmemo", "4q", "eim", "deam", "emopia", "emotify", "folder", "csv")
_WHAT = ("table1", "table2", "table3", "ablations", "figure2")
_DETAILS = (
    "table1 counts segments, table2 compares durations, table3 systems, ablations what the paper decides without "
    "showing it, figure2 follows one song over time. Each finished fold is kept under OUT/folds: a run that was "
    "stopped goes on where it was, and folds of several machines can be put together there. Without a GPU, "
    "--backbone small is the network to take. Exit status: 0, or 1 if a song cannot be read, 2 for a wrong argument."
)


def add_reproduce(commands):
    """Add ``skmer reproduce`` to the commands."""
    command = add_command(
        commands,
        "reproduce",
        _reproduce,
        "run a table of the paper on a collection, and print our figures beside the paper's",
        _DETAILS,
    )
    command.add_argument("what", choices=_WHAT, help="what to reproduce")
    command.add_argument("--dataset", choices=DATASETS, required=True, help="the collection")
    command.add_argument("--data-home", metavar="DIR", help="its folder (csv: the file); default: $SKMER_DATA/NAME")
    command.add_argument("--out", metavar="DIR", default="reproduction", help="folder of the results (%(default)s)")
    command.add_argument("-q", "--quiet", action="store_true", help="no progress")
    command.add_argument(
        "--n-jobs", type=n_jobs_argument, default=1, metavar="N", help="processes over folds and systems (%(default)s)"
    )
    _add_protocol(command.add_argument_group("protocol"))
    _add_network(command.add_argument_group("network and segments"))
    only = command.add_argument_group("of single tables")
    only.add_argument("--durations", type=_numbers, default=[1, 2, 3, 4, 5], metavar="S,...", help="tables 1 and 2")
    only.add_argument(
        "--systems", type=_words, metavar="NAME,...", help="tables 2 and 3, ablations: only those that begin so"
    )
    only.add_argument("--inner", type=int, metavar="N", help="table2: also choose the duration by N folds inside")
    only.add_argument("--from-metadata", action="store_true", help="table1: durations as the collection states them")
    only.add_argument("--song", metavar="NAME", help="figure2: file name of the song")


def _add_protocol(group):
    group.add_argument(
        "--protocol",
        metavar="NAME",
        help="stratified (the paper's), grouped (artists or songs on one side), or a published split such as "
        "split_cls_repo; default: the paper's where it used the collection, else grouped",
    )
    group.add_argument("--tasks", type=_words, metavar="TASK,...", help="quadrant, valence, arousal; default: all")
    group.add_argument("--n-splits", type=int, default=10, metavar="N", help="folds (%(default)s)")
    group.add_argument("--folds", type=_whole_numbers, metavar="I,...", help="run only these, counted from 0")
    group.add_argument("--seeds", type=_whole_numbers, default=[0], metavar="I,...", help="of the networks (0)")
    group.add_argument("--threshold", type=_threshold, metavar="T", help="median, midpoint or a number")
    group.add_argument("--cross-fit", type=int, default=0, metavar="N", help="also cross-fit song features in N folds")


def _add_network(group):
    group.add_argument("--backbone", default="vgg16", help="vgg16, vgg16_bn or small (%(default)s)")
    group.add_argument("--recipe", choices=("paper", "skmer"), default="paper", help="SSSL as printed, or our defaults")
    group.add_argument("--epochs", type=int, default=30, metavar="N", help="in all (%(default)s)")
    group.add_argument("--warmup-epochs", type=int, default=5, metavar="N", help="before the first split (%(default)s)")
    group.add_argument("--duration", type=float, default=3.0, metavar="S", help="of a segment (%(default)s)")
    group.add_argument("--max-duration", type=float, default=30.0, metavar="S", help="used of a song (%(default)s)")
    group.add_argument("--params", type=_params, default={}, metavar="JSON", help="further ones of SSSLClassifier")
    group.add_argument("--device", default="auto", help="a torch device (%(default)s)")


def _words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def _whole_numbers(text):
    try:
        numbers = [int(word) for word in _words(text)]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0:
        raise argparse.ArgumentTypeError(f"it must be whole numbers from 0 with commas between, not {text!r}")
    return numbers


def _numbers(text):
    try:
        numbers = [float(word) for word in _words(text)]
    except ValueError:
        numbers = []
    if not numbers or not 0 < min(numbers) <= max(numbers) < float("inf"):
        raise argparse.ArgumentTypeError(f"it must be positive numbers with commas between, not {text!r}")
    return numbers


def _threshold(text):
    try:
        return text if text in ("median", "midpoint") else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"it must be median, midpoint or a number, not {text!r}") from None


def _params(text):
    try:
        params = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f'it must be JSON such as {{"lr": 0.001}}; {error}') from error
    if not isinstance(params, dict):
        raise argparse.ArgumentTypeError(f'it must be a JSON object such as {{"lr": 0.001}}, not {text!r}')
    return params


def _reproduce(arguments):
    from skmer.audio import AudioError

    out = Path(arguments.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if arguments.what == "table1":
            return _count(arguments, out)
        if arguments.what == "figure2":
            return _follow(arguments, out)
        return _compare(arguments, out)
    except AudioError as error:
        raise Stop(str(error), 1) from error
    except FileExistsError as error:
        raise Stop(f"{out}: this is a file. Name a folder for the results.") from error
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError) as error:
        raise Stop(str(error)) from error


def _settings(arguments, out):
    from skmer.reproduction import Settings

    return Settings(
        backbone=arguments.backbone,
        recipe=None if arguments.recipe == "skmer" else arguments.recipe,
        epochs=arguments.epochs,
        warmup_epochs=arguments.warmup_epochs,
        duration=arguments.duration,
        max_duration=arguments.max_duration,
        cross_fit=arguments.cross_fit,
        params=arguments.params,
        memory=str(out / "cache"),
        device=arguments.device,
    )


def _count(arguments, out):
    from skmer.reproduction import counts_markdown, run_counts

    table = run_counts(
        arguments.dataset,
        arguments.data_home,
        arguments.durations,
        arguments.max_duration,
        arguments.from_metadata,
    )
    text = counts_markdown(table)
    _write(out / f"table1-{arguments.dataset}", table, text)
    print(text)
    return 0


def _compare(arguments, out):
    from skmer.reproduction import COLLECTIONS, run_table, table_csv, table_markdown

    kind = arguments.protocol or COLLECTIONS[arguments.dataset].folds
    partial = "" if arguments.folds is None else "-folds-" + "-".join(map(str, sorted(set(arguments.folds))))
    settings = _settings(arguments, out)
    base = out / f"{arguments.what}-{arguments.dataset}-{kind}{partial}"
    _check_same_settings(base.with_name(f"{base.name}.json"), settings)
    table = run_table(
        arguments.what,
        arguments.dataset,
        settings,
        data_home=arguments.data_home,
        tasks=arguments.tasks,
        systems=arguments.systems,
        folds_kind=arguments.protocol,
        n_splits=arguments.n_splits,
        threshold=arguments.threshold,
        folds=arguments.folds,
        seeds=arguments.seeds,
        durations=arguments.durations,
        inner_splits=arguments.inner,
        store=out / "folds",
        n_jobs=arguments.n_jobs,
        verbose=0 if arguments.quiet else 1,
    )
    text = table_markdown(table)
    _write(base, table, text, table_csv(table))
    print(text)
    return 0


def _check_same_settings(path, settings):
    """Refuse to put a table of other settings in the place of one that took hours."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))["settings"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise OutputError(f"{path}: this is no table of skmer reproduce ({error}). Move it away.") from error
    now = settings.to_dict()
    if before != json.loads(json.dumps(now)):
        other = [key for key in now if now[key] != before.get(key)]
        raise OutputError(
            f"{path}: this table has other settings ({', '.join(other)}). Name another folder with --out."
        )


def _write(base, table, text, csv=None):
    from skmer.reproduction.text import write_whole

    written = [write_whole(base.with_name(f"{base.name}.json"), table)]
    written.append(write_whole(base.with_name(f"{base.name}.md"), text + "\n"))
    if csv is not None:
        written.append(write_whole(base.with_name(f"{base.name}.csv"), csv))
    print("Written: " + ", ".join(map(str, written)) + "\n")


def _follow(arguments, out):
    try:
        import matplotlib
    except ImportError as error:
        raise Stop("the picture needs matplotlib; install it with: pip install skmer[plot]") from error
    matplotlib.use("Agg")  # no screen is needed
    from skmer.cli.prediction_lines import make_line_writer
    from skmer.plotting import EmotionTimelineDisplay
    from skmer.prediction.files import FilePrediction
    from skmer.reproduction import run_timeline

    found = run_timeline(
        arguments.dataset,
        _settings(arguments, out),
        data_home=arguments.data_home,
        task=None if arguments.tasks is None else arguments.tasks[0],
        song=arguments.song,
        folds_kind=arguments.protocol,
        n_splits=arguments.n_splits,
        threshold=arguments.threshold,
        seed=arguments.seeds[0],
        n_jobs=arguments.n_jobs,
        verbose=0 if arguments.quiet else 1,
    )
    picture = out / f"figure2-{arguments.dataset}-{Path(found.song).stem}.png"
    lines = picture.with_suffix(".csv")
    for path in (picture, lines):
        check_output(path, force=True)
    title = f"{found.song}: labelled {found.target}, heard as {found.emotion.label}"
    display = EmotionTimelineDisplay.from_song_emotion(found.emotion, title=title)
    with written_whole(picture, force=True) as path:
        display.figure_.savefig(path, format="png", dpi=150)
    with written_whole(lines, force=True) as path, open_text(path) as stream:
        make_line_writer(stream, "csv", found.emotion.classes, per_segment=True)(
            FilePrediction(found.song, found.emotion)
        )
    print(f"{title}.\n{found.description}.\nPicture: {picture}\nSegments: {lines}")
    return 0
