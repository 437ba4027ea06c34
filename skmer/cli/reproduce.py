"""``skmer reproduce``: the paper's tables and its figure on a collection that the user has."""

from itertools import count
from pathlib import Path

from skmer.cli._common import (
    CommandError,
    add_command,
    at_least,
    atomic_output,
    comma_separated,
    n_jobs,
    open_text,
    positive_numbers,
    shows_progress,
    use_matplotlib,
)
from skmer.cli.network_arguments import add_duration, add_embedding, add_max_duration, add_network, settings_of
from skmer.cli.predict import line_writer
from skmer.cli.protocol_arguments import add_folds, add_protocol, add_store
from skmer.cli.reproduce_mirable import add_mirable
from skmer.cli.results import in_sentences, make_out, write_results

__all__ = ["add_reproduce"]

# rows of table3 that have options of their own, as skmer.reproduction.comparisons names them
_STACK, _EMBEDDING = "SSSL of several durations", "deep embedding + SVM"
_KEPT = (
    "Each finished fold is kept under STORE/folds: a run that was stopped goes on where it was, and folds of several "
    "machines can be put together there. Without a GPU, --backbone small is the network to take. "
)
_STATUS = "Exit status: 0, or 1 if a song cannot be read, 2 for a wrong argument, 130 after Ctrl-C."


def add_reproduce(commands):
    """Add ``skmer reproduce`` to the commands."""
    summary = "run a table of a paper on a collection, and print our figures beside the paper's"
    more = f"Each has options of its own: see skmer reproduce table3 --help. {_STATUS}"
    command = add_command(commands, "reproduce", None, summary, more)
    tables = command.add_subparsers(dest="what", required=True, metavar="WHAT")
    _add_counts(tables)
    _add_durations(tables)
    _add_systems(tables)
    _add_ablations(tables)
    _add_figure(tables)
    add_mirable(tables)


class _Collections:
    """Names of the collections, looked up when they are needed: the import takes a second."""

    def __iter__(self):
        from skmer.datasets import COLLECTIONS

        return iter(COLLECTIONS)


def _add_table(tables, name, run, summary, details=_KEPT):
    """Add a table with what all of them have."""
    table = add_command(tables, name, run, summary, details + _STATUS)
    table.add_argument(
        "--dataset", metavar="NAME", choices=_Collections(), required=True, help="the collection: %(choices)s"
    )
    table.add_argument(
        "--data-home",
        metavar="DIR",
        help="its folder (csv: the file); published collections: by default below $SKMER_DATA",
    )
    table.add_argument("--out", metavar="DIR", default="reproduction", help="folder of the results (%(default)s)")
    table.add_argument("-q", "--quiet", action="store_true", help="no progress")
    table.add_argument(
        "--n-jobs", type=n_jobs, default=1, metavar="N", help="processes over folds and systems (%(default)s)"
    )
    return table


def _add_trained(tables, name, run, summary, systems="only rows whose names begin so, such as Proposed"):
    """Add a table of systems that are trained on folds."""
    table = _add_table(tables, name, run, summary)
    add_store(table)
    group = table.add_argument_group("protocol")
    add_protocol(group)
    add_folds(group)
    table.add_argument("--systems", type=comma_separated, metavar="NAME,...", help=systems)
    return table


def _add_counts(tables):
    table = _add_table(tables, "table1", _count, "count segments", details="")
    table.add_argument(
        "--durations", type=positive_numbers, default=[1, 2, 3, 4, 5], metavar="S,...", help="of a segment (1,2,3,4,5)"
    )
    add_max_duration(table)
    table.add_argument("--from-metadata", action="store_true", help="durations of songs as the collection states them")


def _add_durations(tables):
    table = _add_trained(tables, "table2", _compare, "compare durations")
    add_network(table.add_argument_group("network and segments"))
    table.add_argument(
        "--durations", type=positive_numbers, default=[1, 2, 3, 4, 5], metavar="S,...", help="of a segment (1,2,3,4,5)"
    )
    table.add_argument(
        "--inner", type=at_least(2), metavar="N", help="also choose the duration by N folds inside the training songs"
    )
    table.set_defaults(duration=3.0, embedding=None, embedding_sr=None, embedding_window=None)


def _add_systems(tables):
    rows = "only rows whose names begin so, such as Proposed; all has the other systems that the paper names, too"
    table = _add_trained(tables, "table3", _compare_systems, "compare systems", rows)
    group = table.add_argument_group("network and segments")
    add_network(group)
    add_duration(group)
    add_embedding(group)
    group.add_argument(
        "--durations", type=positive_numbers, metavar="S,...", help="that are taken together, whole seconds (1,3,5)"
    )
    table.set_defaults(inner=None)


def _add_ablations(tables):
    table = _add_trained(tables, "ablations", _compare, "compare what the paper decides without showing it")
    group = table.add_argument_group("network and segments")
    add_network(group)
    add_duration(group)
    table.set_defaults(durations=[1, 2, 3, 4, 5], inner=None, embedding=None, embedding_sr=None, embedding_window=None)


def _add_figure(tables):
    table = _add_table(tables, "figure2", _follow, "follow one song over time")
    add_store(table)
    table.add_argument(
        "--song", metavar="NAME", help="file name of the song; default: the paper's, or one that changes"
    )
    add_protocol(table.add_argument_group("protocol"))
    group = table.add_argument_group("network and segments")
    add_network(group)
    add_duration(group)
    table.set_defaults(cross_fit=0, embedding=None, embedding_sr=None, embedding_window=None)


def _store(arguments):
    return Path(arguments.store or arguments.out)


def _refuse_options_of_no_row(arguments):
    """Refuse options of rows that Table 3 would not have."""
    asked = arguments.systems
    if arguments.durations is not None and not (asked and _names_row(asked, _STACK)):
        raise CommandError(
            f"--durations: of table3 those that {_STACK!r} takes together, which is not among the systems: add it, "
            "as in --systems Proposed,SSSL, or all."
        )
    if arguments.embedding is not None and asked and not _names_row(asked, _EMBEDDING):
        raise CommandError(
            f"--embedding: {_EMBEDDING!r} is not among the systems: add it, as in --systems Proposed,deep, or all."
        )


def _names_row(beginnings, name):
    # the row of the stack goes on with its durations
    return "all" in beginnings or any(name.startswith(b) or b.startswith(name) for b in beginnings)


def _count(arguments):
    with in_sentences():
        return _run_counts(arguments, make_out(arguments.out))


def _compare(arguments):
    with in_sentences():
        return _run_table(arguments, make_out(arguments.out))


def _compare_systems(arguments):
    _refuse_options_of_no_row(arguments)
    if arguments.durations is None:
        arguments.durations = [1, 3, 5]
    return _compare(arguments)


def _follow(arguments):
    for name in ("tasks", "seeds"):
        if len(getattr(arguments, name) or [0]) > 1:
            raise CommandError(f"--{name}: figure2 follows one song by one network; name one.")
    with in_sentences():
        return _run_figure(arguments, make_out(arguments.out))


def _run_counts(arguments, out):
    from skmer.reproduction import counts_markdown, run_counts
    from skmer.reproduction.earlier import check_counts, read_earlier

    path = out / f"table1-{arguments.dataset}.json"
    before = read_earlier(path, ["counts"])
    table = run_counts(
        arguments.dataset,
        arguments.data_home,
        arguments.durations,
        max_duration=arguments.max_duration,
        from_metadata=arguments.from_metadata,
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    if before is not None:
        check_counts(path, before, table)
    text = counts_markdown(table)
    write_results(path, table, text)
    print(text)
    return 0


def _run_table(arguments, out):
    from skmer.datasets import COLLECTIONS
    from skmer.reproduction import run_table, table_csv, table_markdown
    from skmer.reproduction.earlier import check_rows, check_settings, read_earlier

    kind = arguments.protocol or COLLECTIONS[arguments.dataset].folds
    partial = "" if arguments.folds is None else "-folds-" + "-".join(map(str, sorted(arguments.folds)))
    settings = settings_of(arguments, _store(arguments))
    path = out / f"{arguments.what}-{arguments.dataset}-{kind.replace(':', '-')}{partial}.json"
    before = read_earlier(path)
    if before is not None:
        threshold = COLLECTIONS[arguments.dataset].threshold if arguments.threshold is None else arguments.threshold
        check_settings(path, before, settings, arguments.n_splits, threshold)
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
        store=_store(arguments) / "folds",
        n_jobs=arguments.n_jobs,
        verbose=shows_progress(arguments),
    )
    if before is not None:
        check_rows(path, before, table)
    text = table_markdown(table)
    write_results(path, table, text, table_csv(table))
    print(text)
    return 0


def _run_figure(arguments, out):
    use_matplotlib()
    from skmer.inspection import EmotionTimelineDisplay, FilePrediction
    from skmer.reproduction import run_timeline

    found = run_timeline(
        arguments.dataset,
        settings_of(arguments, _store(arguments)),
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
    picture, lines = _free(out, f"figure2-{arguments.dataset}-{found.task}-{Path(found.song).stem}")
    title = f"{found.song}: labelled {found.target}, heard as {found.emotion.label}"
    display = EmotionTimelineDisplay.from_song_emotion(found.emotion, title=title)
    with atomic_output(picture, force=False) as path:
        display.figure_.savefig(path, format="png", dpi=150)
    with atomic_output(lines, force=False) as path, open_text(path) as stream:
        line_writer(stream, "csv", found.emotion.classes, per="segment")(FilePrediction(found.song, found.emotion))
    print(f"{title}.\n{found.description}.\nPicture: {picture}\nSegments: {lines}")
    return 0


def _free(out, name):
    """Give the paths of a picture and its lines: of another network or song, none is written over."""
    for number in count(1):
        paths = [out / f"{name}{'' if number == 1 else f'-{number}'}{ending}" for ending in (".png", ".csv")]
        if not any(path.exists() for path in paths):
            return paths
