"""``skmer reproduce``: the papers' tables and figure, and ratings, on a collection that the user has."""

from itertools import count
from pathlib import Path

from skmer._io import open_text
from skmer.cli._common import (
    CommandError,
    add_command,
    at_least,
    atomic_output,
    comma_separated,
    positive_numbers,
    shows_progress,
    use_matplotlib,
)
from skmer.cli._lines import line_writer
from skmer.cli._reproduce_arguments import (
    STATUS,
    add_collection,
    add_embedding,
    add_max_duration,
    add_network,
    add_output,
    add_protocol,
    add_table,
    make_folder,
    make_settings,
    write_table,
)
from skmer.cli.reproduce_mirable import add_mirable
from skmer.cli.reproduce_ratings import add_ratings

__all__ = ["add_reproduce"]

# rows of table3 that have options of their own, as skmer.reproduction.systems names them
_STACK, _EMBEDDING = "SSSL of several durations", "deep embedding + SVM"
_KEPT = (
    "Each finished fold is kept under STORE/folds: a stopped run is resumed from there, and folds of several "
    "machines can be combined there. Without a GPU, use --backbone small."
)


def add_reproduce(commands):
    """Add ``skmer reproduce`` to the commands."""
    summary = "run a table of a paper on a collection, and print the results beside the paper's"
    more = f"Each table has its own options: see skmer reproduce table3 --help. {STATUS}"
    command = add_command(commands, "reproduce", None, summary, more)
    tables = command.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_counts(tables)
    _add_durations(tables)
    _add_systems(tables)
    _add_ablations(tables)
    _add_figure(tables)
    add_mirable(tables)
    add_ratings(tables)


class _Collections:
    """Names of the collections, imported only if they are needed, because the import takes a second."""

    def __iter__(self):
        from skmer.datasets import COLLECTIONS

        return iter(COLLECTIONS)


def _add_table(tables, name, run, summary, details=_KEPT):
    """Add a table of a collection; it keeps finished folds unless it trains nothing."""
    table = add_table(tables, name, run, summary, details)
    add_collection(table, metavar="NAME", choices=_Collections(), required=True, help="the collection: %(choices)s")
    table.add_argument(
        "--data-home",
        metavar="DIR",
        help="folder of the collection (csv: the file); published collections: by default in $SKMER_DATA",
    )
    add_output(table, "processes over folds and systems")
    if details:
        table.add_argument(
            "--store", metavar="DIR", help="folder of finished folds and spectrograms, which tables may share (OUT)"
        )
    return table


def _add_trained(tables, name, run, summary, systems="beginnings of the names of the rows to run, such as Proposed"):
    """Add a table of systems that are trained on folds; return it, and its options of networks."""
    table = _add_table(tables, name, run, summary)
    add_protocol(table.add_argument_group("protocol"))
    table.add_argument("--systems", type=comma_separated, metavar="NAME,...", help=systems)
    group = table.add_argument_group("network and segments")
    add_network(group, duration=name != "table2")
    return table, group


def _add_durations_option(group):
    group.add_argument(
        "--durations",
        type=positive_numbers,
        default=[1, 2, 3, 4, 5],
        metavar="S,...",
        help="seconds of a segment (1,2,3,4,5)",
    )


def _add_counts(tables):
    table = _add_table(tables, "table1", _run_counts, "count segments", details="")
    _add_durations_option(table)
    add_max_duration(table)
    table.add_argument(
        "--from-metadata", action="store_true", help="count from the durations in the tables of the collection"
    )


def _add_durations(tables):
    table, _ = _add_trained(tables, "table2", _run_table, "compare durations")
    _add_durations_option(table)
    table.add_argument(
        "--inner", type=at_least(2), metavar="N", help="also choose the duration by N folds inside the training songs"
    )


def _add_systems(tables):
    rows = "beginnings of the names of the rows to run, such as Proposed; all includes the systems of other papers"
    _, group = _add_trained(tables, "table3", _run_systems, "compare systems", rows)
    add_embedding(group)
    group.add_argument(
        "--durations",
        type=positive_numbers,
        metavar="S,...",
        help="whole seconds of the segments that one system combines (1,3,5)",
    )


def _add_ablations(tables):
    _add_trained(tables, "ablations", _run_table, "compare choices that the paper makes without comparing them")


def _add_figure(tables):
    table = _add_table(tables, "figure2", _run_figure, "predict the emotion of one song over time")
    table.add_argument(
        "--song", metavar="NAME", help="file name of the song; default: the paper's, or one whose emotion changes often"
    )
    add_protocol(table.add_argument_group("protocol"), folds=False)
    add_network(table.add_argument_group("network and segments"))


def _check_options_of_rows(arguments):
    """Raise CommandError for options of rows that Table 3 would not have."""
    names = arguments.systems
    if arguments.durations is not None and not (names and _names_row(names, _STACK)):
        raise CommandError(
            f"--durations: only {_STACK!r} combines durations in table3, but it is not among the systems: add it, "
            "as in --systems Proposed,SSSL, or all."
        )
    if arguments.embedding is not None and names and not _names_row(names, _EMBEDDING):
        raise CommandError(
            f"--embedding: {_EMBEDDING!r} is not among the systems: add it, as in --systems Proposed,deep, or all."
        )


def _names_row(beginnings, name):
    # the name of the stack ends with its durations
    return "all" in beginnings or any(name.startswith(b) or b.startswith(name) for b in beginnings)


def _run_counts(arguments):
    from skmer.reproduction import run_counts

    path = make_folder(arguments.out) / f"table1-{arguments.dataset}.json"
    table = run_counts(
        arguments.dataset,
        arguments.data_home,
        arguments.durations,
        max_duration=arguments.max_duration,
        from_metadata=arguments.from_metadata,
        replaces=path,
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    return write_table(path, table)


def _run_systems(arguments):
    _check_options_of_rows(arguments)
    if arguments.durations is None:
        arguments.durations = [1, 3, 5]
    return _run_table(arguments)


def _run_table(arguments):
    from skmer.datasets import COLLECTIONS
    from skmer.reproduction import run_table

    kind = arguments.protocol or COLLECTIONS[arguments.dataset].folds
    partial = "" if arguments.folds is None else "-folds-" + "-".join(map(str, sorted(arguments.folds)))
    path = make_folder(arguments.out) / f"{arguments.what}-{arguments.dataset}-{kind.replace(':', '-')}{partial}.json"
    store = Path(arguments.store or arguments.out)
    of_table_2 = {}
    if arguments.what == "table2":
        of_table_2 = {"durations": arguments.durations, "inner_splits": arguments.inner}
    table = run_table(
        arguments.what,
        arguments.dataset,
        make_settings(arguments, store),
        data_home=arguments.data_home,
        tasks=arguments.tasks,
        systems=arguments.systems,
        folds_kind=arguments.protocol,
        n_splits=arguments.n_splits,
        threshold=arguments.threshold,
        folds=arguments.folds,
        seeds=arguments.seeds,
        **of_table_2,
        replaces=path,
        store=store / "folds",
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    return write_table(path, table)


def _run_figure(arguments):
    for name in ("tasks", "seeds"):
        if len(getattr(arguments, name) or [0]) > 1:
            raise CommandError(f"--{name}: figure2 shows one song and one network; name one.")
    use_matplotlib()
    from skmer.inspection import EmotionTimelineDisplay, FilePrediction
    from skmer.reproduction import run_timeline

    out = make_folder(arguments.out)
    found = run_timeline(
        arguments.dataset,
        make_settings(arguments, Path(arguments.store or arguments.out)),
        data_home=arguments.data_home,
        task=arguments.tasks[0] if arguments.tasks else None,
        song=arguments.song,
        folds_kind=arguments.protocol,
        n_splits=arguments.n_splits,
        threshold=arguments.threshold,
        seed=arguments.seeds[0],
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    picture, lines = _unused_paths(out, f"figure2-{arguments.dataset}-{found.task}-{Path(found.song).stem}")
    title = f"{found.song}: labelled {found.target}, heard as {found.emotion.label}"
    display = EmotionTimelineDisplay.from_song_emotion(found.emotion, title=title)
    with atomic_output(picture, force=False) as path:
        display.figure_.savefig(path, format="png", dpi=150)
    with atomic_output(lines, force=False) as path, open_text(path) as stream:
        line_writer(stream, "csv", found.emotion.classes, per="segment")(FilePrediction(found.song, found.emotion))
    print(f"{title}.\n{found.description}.\nPicture: {picture}\nSegments: {lines}")
    return 0


def _unused_paths(out, name):
    """Return the paths of a picture and its lines, numbered so that no existing file is replaced."""
    for number in count(1):
        paths = [out / f"{name}{'' if number == 1 else f'-{number}'}{extension}" for extension in (".png", ".csv")]
        if not any(path.exists() for path in paths):
            return paths
