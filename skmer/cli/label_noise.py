"""``skmer label-noise``: a report that shows which labelled songs should be listened to again."""

import os
import re
import sys
from pathlib import Path
from warnings import catch_warnings, simplefilter

from skmer.cli._common import (
    MODEL_HELP,
    TRUST,
    CommandError,
    add_command,
    add_device,
    add_max_duration,
    load_model,
    n_folds,
    number_from_0,
)
from skmer.cli.labelled_songs import LABELLED_SONGS, add_songs, load_songs
from skmer.cli.predict import add_n_jobs

__all__ = ["add_label_noise"]


def add_label_noise(commands):
    """Add ``skmer label-noise`` to the commands."""
    command = add_command(
        commands,
        "label-noise",
        _label_noise,
        "find seconds of labelled songs in which the label is probably wrong, and the emotion that is predicted there",
        f"{LABELLED_SONGS} DIR will contain index.html, a page to listen to the songs, those whose labels are "
        "probably wrong first, and to keep or change their labels, which it saves for skmer train --labels; "
        "relabel.csv, the same table before any change; stretches.csv and segments.csv, a line for each distrusted "
        "stretch and for each segment. The model may be wrong too, and may have been trained on the same labels. Exit "
        "status: 0, or 1 if a song could not be judged, 2 for a wrong argument or model. "
        f"{TRUST}",
    )
    command.add_argument("model", metavar="MODEL", help=f"{MODEL_HELP}; with a segment classifier")
    add_songs(command)
    command.add_argument(
        "--out", metavar="DIR", required=True, help="folder of the report, which is created; outside SONGS"
    )
    command.add_argument(
        "--force",
        action="store_true",
        help="replace an earlier report in DIR, unless its relabel.csv has been edited",
    )
    command.add_argument(
        "--threshold",
        type=number_from_0(1),
        metavar="P",
        help="a label is distrusted where the probability that it is right is not above P; default: the model's own",
    )
    command.add_argument(
        "--cross-fit",
        type=n_folds,
        metavar="K",
        help="judge each song by a network that is trained on others, in K folds, instead of by MODEL, which has "
        "learnt wrong labels too; distrusts a tenth of all seconds; default: MODEL judges",
    )
    command.add_argument(
        "--smoothing",
        type=number_from_0(3600),
        metavar="S",
        help="seconds over which --cross-fit averages the probability of the label; default: 5",
    )
    add_n_jobs(command)
    add_max_duration(command, "as in the training")
    add_device(command)
    loud = command.add_mutually_exclusive_group()
    loud.add_argument("-v", "--verbose", action="store_true", help="show progress even where there is no terminal")
    loud.add_argument("-q", "--quiet", action="store_true", help="print no progress, warnings and summary")


def _label_noise(arguments):
    from skmer.inspection.report.folder import check_folder

    try:
        check_folder(arguments.out, arguments.force)
    except OSError as error:
        raise CommandError(str(error)) from error
    if Path(os.path.realpath(arguments.out)).is_relative_to(os.path.realpath(arguments.songs)):
        raise CommandError(
            f"{arguments.out}: this is inside {arguments.songs}, where it would be taken for a class or for songs the "
            "next time. Name a folder outside."
        )
    if arguments.smoothing is not None and not arguments.cross_fit:
        raise CommandError("--smoothing has an effect with --cross-fit only: add it, or leave --smoothing out.")
    predictor, warnings = load_model(
        arguments.model,
        require_segments=True,
        require_classes=True,
        device=arguments.device,
        max_duration=arguments.max_duration,
    )
    from tqdm import tqdm

    from skmer.inspection import write_label_noise_report

    def log(*sentences):
        if not arguments.quiet:
            tqdm.write(_one_line(" ".join(["skmer label-noise:", *sentences])), file=sys.stderr)

    for warning in warnings:
        log(f"{arguments.model}: warning: {warning}")
    songs = load_songs(arguments)
    try:
        with catch_warnings(record=True) as caught:
            simplefilter("default", UserWarning)
            report = write_label_noise_report(
                predictor,
                songs.data,
                songs.target,
                arguments.out,
                names=songs.names,
                groups=songs.groups if len(set(songs.groups)) < len(songs.groups) else None,
                threshold=arguments.threshold,
                cv=arguments.cross_fit or None,
                **({} if arguments.smoothing is None else {"smoothing": arguments.smoothing}),
                n_jobs=arguments.n_jobs,
                force=arguments.force,
                verbose=not arguments.quiet and (arguments.verbose or sys.stderr.isatty()),
                log=log,
            )
        for sentence in dict.fromkeys(str(warning.message) for warning in caught):
            log(f"warning: {_without_y(' '.join(sentence.split()))}")
    except OSError as error:
        if error.errno is not None:
            raise
        # raised by skmer, with a message for users
        own = CommandError(str(error))
        for note in getattr(error, "__notes__", ()):
            own.add_note(note)
        raise own from error
    except ValueError as error:
        if not arguments.cross_fit:
            raise
        # too few songs of a class, or a classifier that cannot be cross-fitted
        raise CommandError(f"--cross-fit {arguments.cross_fit}: {error}") from error
    if not arguments.quiet:
        print(_describe(report))
    return 1 if report.failed else 0


def _describe_song(song):
    heard, own = song.whole.heard_probability, song.whole.label_probability
    return f"  {song.name}, labelled {song.label} ({own:.0%}), heard: {song.whole.heard} ({heard:.0%})"


def _without_y(sentence):
    """Return a warning of scikit-learn on folds without names that nobody gave here."""
    few = re.match(
        r"The least populated class in y has only (\d+) members, which is less than n_splits=(\d+)", sentence
    )
    if few is None:
        return sentence
    n, folds = few.groups()
    return (
        f"The rarest label has fewer songs ({n}) than there are folds ({folds}): the networks hardly know it, so "
        "that its songs are doubtful whether or not the label is right."
    )


def _one_line(text):
    """Escape the line breaks that names may have."""
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _describe(report):
    """Return a summary of a report in a few lines."""
    total = report.totals
    n = total.n_songs + len(report.failed)
    heard = f", {total.seconds:,.0f} s heard" if report.songs else ""
    lines = [f"{total.n_songs} of {n} {'song' if n == 1 else 'songs'} judged{heard}."]
    if report.failed:
        lines[0] += f" {len(report.failed)} failed; see the page for the reasons."
    doubtful = [song for song in report.songs if song.stretches]
    if report.songs:
        n = len(report.unsure)
        lines.append(f"Another emotion than the label leads in {n:,} {'song' if n == 1 else 'songs'}.")
        if not report.cross_fitted and not report.from_mixture:
            lines.append("This model has no loss mixture: the network's probability of the label is used.")
        k = sum(len(song.stretches) for song in doubtful)
        stretches, of = "stretch" if k == 1 else "stretches", "song" if len(doubtful) == 1 else "songs"
        lines.append(f"Distrusted: {total.distrusted:,.0f} s in {k} {stretches} of {len(doubtful)} {of}.")
    if doubtful:
        lines.append("Listen first to:")
        first = [_describe_song(song) for song in doubtful[:3]]
        lines += map(_one_line, first)
    return "\n".join([*lines, f"Page: {report.page}", f"Labels to correct: {report.page.with_name('relabel.csv')}"])
