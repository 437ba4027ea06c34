"""``skmer agreement``: how far raters agree, and which scores their labels allow."""

import json
import sys
import warnings
from math import isfinite
from pathlib import Path

from skmer._io import csv_writer, markdown_table, open_text
from skmer.cli._common import CommandError, add_command, atomic_output, check_output, comma_separated

__all__ = ["add_agreement"]

_LEVELS = ("nominal", "ordinal", "interval", "ratio")


def add_agreement(commands):
    """Add ``skmer agreement`` to the commands."""
    command = add_command(
        commands,
        "agreement",
        _agreement,
        "tell how far raters agree, and how high scores on their labels can be",
        "ANNOTATIONS is a UTF-8 table separated by commas, semicolons or tabs, in one of three forms. ratings: a row "
        "for each song and rater, with the columns song, rater and one or more of ratings (numbers) or classes (text). "
        "means: a row for each song, with pairs of columns such as valence_mean and valence_std (also mean_valence, "
        "Valence(mean), valence_sd) and the number of raters in n, n_raters, valence_n or --n. votes: a row for each "
        "song, with a column for each class that has the number of raters who chose it, or their share and the number "
        "of raters. The form is that of the header, unless --form is given. Several tables with the same header, "
        "such as those that a page of skmer annotate saves for each rater, are read as one. Printed are, for each "
        "target: Krippendorff's alpha; the mean standard error of a song's label; the highest R2 and CCC, or "
        "accuracy, that a perfect model can reach on these labels; and how many raters per song a reliability of .8 "
        "and .9 would need. "
        "Exit status: 0, or 2 for a wrong argument or table.",
    )
    command.add_argument("annotations", metavar="ANNOTATIONS", nargs="+", help="CSV files")
    command.add_argument(
        "--form", choices=("ratings", "means", "votes"), help="form of the table; default: its header's"
    )
    command.add_argument(
        "--song",
        type=comma_separated,
        metavar="COLUMNS",
        help="columns that name what was rated, such as id or id,time; default: song, song_id, id, ..., or the first",
    )
    command.add_argument("--rater", metavar="COLUMN", help="column of the rater; default: rater, annotator, ...")
    command.add_argument(
        "--columns",
        type=comma_separated,
        metavar="NAMES",
        help="columns of ratings or of classes, or targets such as valence for means; default: all that can be",
    )
    command.add_argument("--mean", type=comma_separated, metavar="COLUMNS", help="columns of means, with --std")
    command.add_argument("--std", type=comma_separated, metavar="COLUMNS", help="columns of deviations, as --mean")
    command.add_argument("--n", metavar="COLUMN", help="column with the number of raters, or the number itself")
    command.add_argument(
        "--ddof",
        type=int,
        choices=(0, 1),
        help="deviations of means were divided by n minus this; default: 1",
    )
    command.add_argument("--level", choices=_LEVELS, help="level of ratings; default: interval, or nominal for text")
    command.add_argument(
        "--repeated", choices=("mean",), help="take the mean if a rater has rated a song several times, as over time"
    )
    command.add_argument("--out", metavar="FILE", help="also write the table to this file, .json or .csv")
    command.add_argument("--force", action="store_true", help="replace an existing file")
    command.add_argument("-q", "--quiet", action="store_true", help="print only the table")


def _agreement(arguments):
    out = arguments.out
    if out is not None:
        if Path(out).suffix.lower() not in (".json", ".csv"):
            raise CommandError(f"{out}: the name of this file must end in .json or .csv.")
        check_output(out, arguments.force, arguments.annotations)
    from skmer.cli._annotations import read_annotations

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            found = read_annotations(arguments)
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
    rows = [_row(target) for target in found.targets]
    if not arguments.quiet:
        is_read = "is" if len(arguments.annotations) == 1 else "are"
        remarks = [f"{', '.join(arguments.annotations)} {is_read} read as {found.taken}."]
        remarks += [f"Ignored: {', '.join(found.ignored)}."] * bool(found.ignored)
        for remark in [*remarks, *dict.fromkeys(str(warning.message) for warning in caught)]:
            print(f"skmer agreement: {remark}", file=sys.stderr)
    print(_table(rows))
    if out is not None:
        with atomic_output(out, arguments.force) as part, open_text(part) as stream:
            if Path(out).suffix.lower() == ".json":
                annotations = arguments.annotations if len(arguments.annotations) > 1 else arguments.annotations[0]
                json.dump({"annotations": annotations, "form": found.form, "targets": rows}, stream, indent=2)
                stream.write("\n")
            else:
                writer = csv_writer(stream)
                writer.writerow(rows[0])
                writer.writerows(["" if value is None else value for value in row.values()] for row in rows)
    return 0


def _row(target):
    """Return the figures of a target; None for those that are undefined, or infinite."""
    agreement, accuracy = target.agreement, target.accuracy or {}
    one_mean = agreement is not None and agreement.means.ndim == 1
    reliability = agreement.reliability if one_mean else None
    counts = target.n_raters
    row = {
        "target": target.name,
        "level": target.level,
        "songs": len(counts),
        "raters": float(counts.mean()),
        "fewest_raters": int(counts.min()),
        "most_raters": int(counts.max()),
        "alpha": None if agreement is None else agreement.alpha,
        "standard_error": float(agreement.standard_errors.mean()) if one_mean else None,
        "attainable_r2": reliability,
        "attainable_ccc": None if reliability is None else 2 * reliability / (1 + reliability),
        "attainable_accuracy": accuracy.get("model"),
        "panel_accuracy": accuracy.get("panel"),
        "raters_for_0.8": None if agreement is None else agreement.raters_needed(0.8),
        "raters_for_0.9": None if agreement is None else agreement.raters_needed(0.9),
    }
    return {name: _finite(value) if isinstance(value, float) else value for name, value in row.items()}


def _finite(value):
    return round(value, 6) if isfinite(value) else None


def _table(rows):
    columns = {
        "target": "target",
        "songs": "songs",
        "raters": "raters",
        "alpha": "alpha",
        "standard_error": "standard error",
        "attainable_r2": "highest R2",
        "attainable_ccc": "highest CCC",
        "attainable_accuracy": "highest accuracy",
        "panel_accuracy": "accuracy of a panel",
        "raters_for_0.8": "raters for .8",
        "raters_for_0.9": "raters for .9",
    }
    shown = [name for name in columns if any(row[name] is not None for row in rows)]
    return markdown_table([columns[name] for name in shown], [[_cell(row, name) for name in shown] for row in rows])


def _cell(row, name):
    value = row[name]
    if value is None:
        return "-"
    if name == "raters":
        few, many = row["fewest_raters"], row["most_raters"]
        return str(few) if few == many else f"{value:.1f} ({few} to {many})"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
