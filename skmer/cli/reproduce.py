"""``skmer reproduce``: the paper's tables and its figure on a collection that the user has."""

from itertools import count
from pathlib import Path

from skmer.cli.argument_types import (
    at_least,
    folds_or_none,
    numbers,
    threshold_argument,
    whole_numbers,
    words,
)
from skmer.cli.command import Stop, add_command, n_jobs_argument, open_text
from skmer.cli.network_arguments import add_network, settings_of
from skmer.cli.output_files import written_whole
from skmer.cli.reproduce_mirable import MIRABLE, hand_over
from skmer.cli.results import in_sentences, make_out, write_results

__all__ = ["DATASETS", "add_reproduce"]

# those of skmer.reproduction.COLLECTIONS, which takes seconds to import
DATASETS = ("pmemo", "4q", "eim", "deam", "emopia", "emotify", "folder", "csv")
_WHAT = ("table1", "table2", "table3", "ablations", "figure2", MIRABLE)
# filled in once it is clear that nothing without a meaning was asked for
_DEFAULTS = {
    "n_splits": 10, "seeds": [0], "cross_fit": 0, "backbone": "vgg16", "recipe": "paper",
    "epochs": 30, "warmup_epochs": 5, "duration": 3.0, "params": {}, "device": "auto",
}  # fmt: skip
_TRAINED = ("table2", "table3", "ablations")
# options that the others have no use for
_ONLY = {
    **dict.fromkeys(["tasks", "protocol", "threshold", "n_splits", "seeds"], (*_TRAINED, "figure2")),
    **dict.fromkeys(["backbone", "recipe", "epochs", "warmup_epochs", "params", "device"], (*_TRAINED, "figure2")),
    "duration": ("table3", "ablations", "figure2"),
    **dict.fromkeys(["folds", "systems", "cross_fit"], _TRAINED),
    "durations": ("table1", "table2", "table3"),
    "inner": ("table2",),
    "store": (*_TRAINED, "figure2"),
    **dict.fromkeys(["embedding", "embedding_sr", "embedding_window"], ("table3",)),
    "from_metadata": ("table1",),
    "song": ("figure2",),
}
# rows of table3 that have options of their own, as skmer.reproduction.comparisons names them
_STACK, _EMBEDDING = "SSSL of several durations", "deep embedding + SVM"
_DETAILS = (
    "table1 counts segments, table2 compares durations, table3 systems, ablations what the paper decides without "
    "showing it, figure2 follows one song over time; mirable, the second paper, has options of its own: see skmer "
    "reproduce mirable --help. Each finished fold is kept under STORE/folds: a run that was stopped goes on where it "
    "was, and folds of several machines can be put together there. Without a GPU, --backbone small is the network to "
    "take. Exit status: 0, or 1 if a song cannot be read, 2 for a wrong argument, 130 after Ctrl-C."
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
    hand_over(command)
    command.add_argument("what", choices=_WHAT, help="what to reproduce")
    command.add_argument("--dataset", choices=DATASETS, required=True, help="the collection")
    command.add_argument(
        "--data-home",
        metavar="DIR",
        help="its folder (csv: the file); published collections: by default below $SKMER_DATA",
    )
    command.add_argument("--out", metavar="DIR", default="reproduction", help="folder of the results (%(default)s)")
    command.add_argument(
        "--store", metavar="DIR", help="where finished folds and spectrograms are kept, for several tables (OUT)"
    )
    command.add_argument("-q", "--quiet", action="store_true", help="no progress")
    command.add_argument(
        "--n-jobs", type=n_jobs_argument, default=1, metavar="N", help="processes over folds and systems (%(default)s)"
    )
    _add_protocol(command.add_argument_group("protocol"))
    add_network(command.add_argument_group("network and segments"))
    only = command.add_argument_group("of single tables")
    only.add_argument(
        "--durations",
        type=numbers,
        metavar="S,...",
        help="tables 1 and 2 (1,2,3,4,5); of table3, those that are taken together, whole seconds (1,3,5)",
    )
    only.add_argument(
        "--systems",
        type=words,
        metavar="NAME,...",
        help="tables 2 and 3, ablations: only rows that begin so, such as Proposed or (table2) 3 s; "
        "table3: all has the other systems that the paper names, too",
    )
    only.add_argument(
        "--inner", type=at_least(2), metavar="N", help="table2: also choose the duration by N folds inside"
    )
    only.add_argument("--from-metadata", action="store_true", help="table1: durations as the collection states them")
    only.add_argument("--song", metavar="NAME", help="figure2: file name of the song")


def _add_protocol(group):
    group.add_argument(
        "--protocol",
        metavar="NAME",
        help="stratified (the paper's), grouped (artists or songs on one side), or a published split such as "
        "split_cls_repo, or split_cls_repo:validation to choose settings; default: stratified for the paper's "
        "collections, else grouped",
    )
    group.add_argument(
        "--tasks", type=words, metavar="TASK,...", help="such as valence,arousal; default: all that it has"
    )
    group.add_argument("--n-splits", type=at_least(2), metavar="N", help="folds (10)")
    group.add_argument("--folds", type=whole_numbers, metavar="I,...", help="run only these, counted from 0")
    group.add_argument("--seeds", type=whole_numbers, metavar="I,...", help="of the networks (0)")
    group.add_argument("--threshold", type=threshold_argument, metavar="T", help="median, midpoint or a number")
    group.add_argument("--cross-fit", type=folds_or_none, metavar="N", help="also cross-fit song features in N folds")


def _reproduce(arguments):
    if arguments.what == MIRABLE:
        raise Stop(f"{MIRABLE} has options of its own: write it first, as in skmer reproduce {MIRABLE} --help.")
    _refuse_unused(arguments)
    run = {"table1": _count, "figure2": _follow}.get(arguments.what, _compare)
    with in_sentences():
        return run(arguments, make_out(arguments.out))


def _store(arguments):
    return Path(arguments.store or arguments.out)


def _refuse_unused(arguments):
    """Refuse options without a meaning for what is asked, and fill in the defaults of the others."""
    for name, uses in _ONLY.items():
        if arguments.what not in uses and getattr(arguments, name) not in (None, False):
            raise Stop(f"--{name.replace('_', '-')} has no meaning for {arguments.what}, only for {', '.join(uses)}.")
    if arguments.what == "table3":
        _refuse_options_of_no_row(arguments)
    for name in ("tasks", "seeds"):
        if arguments.what == "figure2" and len(getattr(arguments, name) or [0]) > 1:
            raise Stop(f"--{name}: figure2 follows one song by one network; name one.")
    for name, default in _DEFAULTS.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, default)
    if arguments.durations is None:
        arguments.durations = [1, 3, 5] if arguments.what == "table3" else [1, 2, 3, 4, 5]


def _refuse_options_of_no_row(arguments):
    """Refuse options of rows that the table would not have."""
    asked = arguments.systems
    if arguments.durations is not None and not (asked and _names_row(asked, _STACK)):
        raise Stop(
            f"--durations: of table3 those that {_STACK!r} takes together, which is not among the systems: add it, "
            "as in --systems Proposed,SSSL, or all."
        )
    if arguments.embedding is not None and asked and not _names_row(asked, _EMBEDDING):
        raise Stop(
            f"--embedding: {_EMBEDDING!r} is not among the systems: add it, as in --systems Proposed,deep, or all."
        )


def _names_row(beginnings, name):
    # the row of the stack goes on with its durations
    return "all" in beginnings or any(name.startswith(b) or b.startswith(name) for b in beginnings)


def _count(arguments, out):
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
        verbose=0 if arguments.quiet else 1,
    )
    if before is not None:
        check_counts(path, before, table)
    text = counts_markdown(table)
    write_results(path, table, text)
    print(text)
    return 0


def _compare(arguments, out):
    from skmer.reproduction import COLLECTIONS, run_table, table_csv, table_markdown
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
        verbose=0 if arguments.quiet else 1,
    )
    if before is not None:
        check_rows(path, before, table)
    text = table_markdown(table)
    write_results(path, table, text, table_csv(table))
    print(text)
    return 0


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
        settings_of(arguments, _store(arguments)),
        data_home=arguments.data_home,
        task=arguments.tasks[0] if arguments.tasks else None,
        song=arguments.song,
        folds_kind=arguments.protocol,
        n_splits=arguments.n_splits,
        threshold=arguments.threshold,
        seed=arguments.seeds[0],
        n_jobs=arguments.n_jobs,
        verbose=0 if arguments.quiet else 1,
    )
    picture, lines = _free(out, f"figure2-{arguments.dataset}-{found.task}-{Path(found.song).stem}")
    title = f"{found.song}: labelled {found.target}, heard as {found.emotion.label}"
    display = EmotionTimelineDisplay.from_song_emotion(found.emotion, title=title)
    with written_whole(picture, force=False) as path:
        display.figure_.savefig(path, format="png", dpi=150)
    with written_whole(lines, force=False) as path, open_text(path) as stream:
        make_line_writer(stream, "csv", found.emotion.classes, per="segment")(FilePrediction(found.song, found.emotion))
    print(f"{title}.\n{found.description}.\nPicture: {picture}\nSegments: {lines}")
    return 0


def _free(out, name):
    """Give the paths of a picture and its lines: of another network or song, none is written over."""
    for number in count(1):
        paths = [out / f"{name}{'' if number == 1 else f'-{number}'}{ending}" for ending in (".png", ".csv")]
        if not any(path.exists() for path in paths):
            return paths
