"""Options that the tables of ``skmer reproduce`` share; their settings, output folder and files."""

import argparse
import json
import sys
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from skmer.cli._common import (
    CommandError,
    add_command,
    add_former,
    at_least,
    comma_separated,
    integers,
    n_folds,
    n_jobs,
    positive_number,
    threshold,
)

STATUS = "Exit status: 0, or 1 if a song cannot be read, 2 for a wrong argument, 130 after Ctrl-C."
# parameters of SSSLClassifier that have an option of their own
_OPTIONS = {
    "backbone": "backbone", "max_epochs": "epochs", "warmup_epochs": "warmup-epochs", "cv": "cross-fit",
    "device": "device", "random_state": "seeds", "n_jobs": "n-jobs", "verbose": "quiet",
}  # fmt: skip


def add_table(tables, name, run, summary, details=""):
    """Add a table to ``skmer reproduce``."""
    return add_command(tables, name, partial(_run, run), summary, f"{details} {STATUS}".strip())


def add_collection(table, **options):
    """Add the option of the collection."""
    add_former(table, "--dataset", table.add_argument("--collection", dest="dataset", **options))


def add_output(table, jobs):
    """Add the options of results and progress; `jobs` describes the number of ``--n-jobs``."""
    table.add_argument("--out", metavar="DIR", default="reproduction", help="folder of the results (%(default)s)")
    table.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    table.add_argument("--n-jobs", type=n_jobs, default=1, metavar="N", help=f"{jobs} (%(default)s)")


def add_protocol(group, folds=True):
    """Add the options of the protocol, with `folds` those of tables over several folds."""
    group.add_argument(
        "--protocol",
        metavar="NAME",
        help="stratified (the paper's), grouped (songs of an artist in one fold), or a published split such as "
        "split_cls_repo, or split_cls_repo:validation to choose settings; default: stratified for the paper's "
        "collections, else grouped",
    )
    group.add_argument(
        "--tasks",
        type=comma_separated,
        metavar="TASK,...",
        help="such as valence,arousal; default: all of the collection",
    )
    group.add_argument("--n-splits", type=at_least(2), default=10, metavar="N", help="number of folds (%(default)s)")
    group.add_argument("--seeds", type=integers, default=[0], metavar="I,...", help="seeds of the networks (0)")
    group.add_argument(
        "--threshold", type=threshold, metavar="T", help="threshold of the ratings: median, midpoint or a number"
    )
    if folds:
        group.add_argument("--folds", type=integers, metavar="I,...", help="folds to run, counted from 0; default: all")
        group.add_argument(
            "--cross-fit",
            type=n_folds,
            default=0,
            metavar="N",
            help="add rows with song features that are cross-fitted in N folds",
        )


def add_network(group, duration=True):
    """Add the options of the networks, with `duration` that of all segments."""
    add_backbone(group, ("vgg16", "vgg16_bn", "small"))
    group.add_argument(
        "--recipe",
        type=_recipe,
        default="paper",
        metavar="{paper,none}",
        help="SSSL as in the paper, or with the defaults of SSSLClassifier (%(default)s)",
    )
    add_epochs(group)
    add_max_duration(group)
    group.add_argument(
        "--params", type=_params, default={}, metavar="JSON", help="further parameters of SSSLClassifier"
    )
    if duration:
        add_duration(group)


def add_backbone(group, backbones):
    """Add the options of the network of the segments and of its device."""
    group.add_argument(
        "--backbone", choices=backbones, default=backbones[0], help="network of the segments (%(default)s)"
    )
    group.add_argument("--device", default="auto", help="a torch device (%(default)s)")


def add_epochs(group, epochs=30, warmup_epochs=5, default="%(default)s, %(default)s"):
    """Add the options of the numbers of epochs; `default` describes them in the help."""
    of_epochs, of_warmup = default.split(", ")
    group.add_argument(
        "--epochs", type=at_least(1), default=epochs, metavar="N", help=f"number of epochs ({of_epochs})"
    )
    group.add_argument(
        "--warmup-epochs",
        type=at_least(1),
        default=warmup_epochs,
        metavar="N",
        help=f"epochs before the first split ({of_warmup})",
    )


def add_duration(group):
    """Add the option of the length of a segment."""
    group.add_argument(
        "--duration", type=positive_number, default=3.0, metavar="S", help="seconds of a segment (%(default)s)"
    )


def add_max_duration(group, default=30.0):
    """Add the option of the seconds that are used of each song; None is all of them."""
    group.add_argument(
        "--max-duration",
        type=positive_number,
        default=default,
        metavar="S",
        help=f"seconds of each song that are used ({'all' if default is None else '%(default)s'})",
    )


def add_embedding(group):
    """Add the options of a frozen network."""
    group.add_argument(
        "--embedding",
        metavar="FILE",
        help="a frozen network from waveforms to embeddings, in a file of torch.jit.save or torch.export.save",
    )
    group.add_argument("--embedding-sr", type=positive_number, metavar="HZ", help="sampling rate of the frozen network")
    group.add_argument(
        "--embedding-window", type=positive_number, metavar="S", help="seconds of the frozen network's input"
    )


def json_object(text, example='{"width": 16}'):
    """Read a JSON object."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"expected JSON such as {example}; {error}") from error
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object such as {example}, got {text!r}")
    return found


def _params(text):
    params = json_object(text, '{"lr": 0.001}')
    for name in params.keys() & _OPTIONS.keys():
        raise argparse.ArgumentTypeError(f"{name} must be set by its own option, --{_OPTIONS[name]}")
    return params


def make_settings(arguments, store):
    """Check the arguments, and return their `Settings`."""
    from skmer.reproduction import Settings
    from skmer.sssl import SSSLClassifier

    known = sorted(SSSLClassifier().get_params().keys() - _OPTIONS.keys())
    for name in arguments.params:
        if name not in known:
            raise CommandError(f"--params: SSSLClassifier has no parameter {name!r}; it has {', '.join(known)}.")
    if arguments.epochs <= arguments.warmup_epochs and arguments.params.get("noise_model", "gmm") is not None:
        raise CommandError(
            f"--epochs {arguments.epochs} leaves no epoch after --warmup-epochs {arguments.warmup_epochs}, so that "
            "the labels would never be split: raise --epochs or lower --warmup-epochs."
        )
    own = {name: getattr(arguments, name) for name in ("backbone", "epochs", "warmup_epochs", "max_duration", "params")}
    # options that some tables do not have
    own |= {name: getattr(arguments, name) for name in ("duration", "cross_fit") if hasattr(arguments, name)}
    if arguments.what == "table3":
        own |= {"embedding": _embedding(arguments), "stack": _stack(arguments)}
    recipe = None if arguments.recipe == "none" else arguments.recipe
    return Settings(**own, recipe=recipe, device=arguments.device, memory=str(store.absolute() / "cache"))


def _recipe(text):
    if text == "skmer":
        print("skmer reproduce: --recipe skmer is called --recipe none now, as in Python.", file=sys.stderr)
        return "none"
    if text not in ("paper", "none"):
        raise argparse.ArgumentTypeError(f"expected paper or none, got {text!r}")
    return text


def _stack(arguments):
    for seconds in arguments.durations:
        if seconds != int(seconds):
            raise CommandError(f"--durations: durations that are combined must be whole seconds, not {seconds:g}.")
    return tuple(sorted({int(seconds) for seconds in arguments.durations}))


def _embedding(arguments):
    """Check the three options of a deep embedding, and its file on a window of noise."""
    import math

    import numpy as np

    from skmer.feature_extraction import EmbeddingTransformer

    given = {"embedding": arguments.embedding, "sr": arguments.embedding_sr, "window": arguments.embedding_window}
    if all(value is None for value in given.values()):
        return None
    for name, value in given.items():
        if value is None:
            option = "--embedding" + ("" if name == "embedding" else f"-{name}")
            raise CommandError(f"{option} is missing: a deep embedding needs a file, its sampling rate and its window.")
    given["embedding"] = str(Path(arguments.embedding).absolute())
    faint = np.random.default_rng(0).normal(scale=1e-3, size=math.ceil(given["sr"] * given["window"]))
    EmbeddingTransformer(**given, device=arguments.device).transform([faint])
    return given


def _run(run, arguments):
    with _one_line_messages():
        return run(arguments)


def make_folder(folder):
    """Make the folder of the results, and return its path."""
    out = Path(folder)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise CommandError(f"{out}: this is a file. Name a folder for the results.") from error
    except OSError as error:
        raise CommandError(
            f"{out}: this folder cannot be made ({error.strerror}). Name another one with --out."
        ) from error
    return out


@contextmanager
def _one_line_messages():
    """Show warnings, and errors that the user can repair, in a line each."""
    from skmer.audio import AudioError

    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            yield
    except AudioError as error:
        raise CommandError(str(error), 1) from error
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError) as error:
        raise CommandError(str(error)) from error


def _show_warning(message, *_):
    print(f"skmer reproduce: warning: {message}", file=sys.stderr)


def write_table(path, table):
    """Write a table as JSON, Markdown and, except for Table 1, CSV, and print it."""
    from skmer._io import atomic_write_text
    from skmer.reproduction import table_csv, table_markdown

    text = table_markdown(table)
    written = [
        atomic_write_text(path, json.dumps(table, ensure_ascii=False) + "\n"),
        atomic_write_text(path.with_suffix(".md"), text + "\n"),
    ]
    if table["table"] != "table1":
        written.append(atomic_write_text(path.with_suffix(".csv"), table_csv(table)))
    print(f"Written: {', '.join(map(str, written))}\n\n{text}")
    return 0
