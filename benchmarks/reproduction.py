"""Run the tables of docs/reports/reproduction.md, and write the page from them.

    SKMER_DATA=DIR python benchmarks/reproduction.py --run --n-jobs 2   # hours on two cores; can be resumed
    python benchmarks/reproduction.py                                     # the page alone, from the results kept here

The page is filled from the JSON files under benchmarks/results/reproduction, which are tables of ``skmer reproduce``.
Where a table is not among them, the page names the command that makes it.
"""

import argparse
import json
import re
from pathlib import Path

from skmer._io import atomic_write_text
from skmer.cli import main as skmer
from skmer.reproduction import table_markdown, table_rows
from skmer.reproduction.systems import SSSL as REFERENCE

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "reproduction"
TEMPLATE = HERE / "reproduction_page.md"
PAGE = HERE.parent / "docs" / "reports" / "reproduction.md"
WORK = HERE / "results" / ".partial" / "reproduction"
# small enough for two cores without a GPU
NETWORK = ["--backbone", "small", "--recipe", "none", "--epochs", "6", "--warmup-epochs", "4", "--params",
           '{"backbone_params": {"width": 16}, "batch_size": 32}']  # fmt: skip
TWICE_AS_LONG = ["--backbone", "small", "--recipe", "paper", "--epochs", "12", "--warmup-epochs", "4"]
# the same for the second paper: 128 labelled recordings of 30 s a fold; chosen on validation songs of its first fold,
# where masks as long as the paper's left nothing learnt in ten epochs
TAGGERS = ["--long", "14.86", "--epochs", "10", "--batch-long", "4", "--batch-short", "8",
           "--backbone-params", '{"width": 12, "n_hidden": 64}', "--noisy-params", '{"mask_range": [0, 22]}',
           "--params", '{"lr": 0.001, "mask_range": [0, 15], "patience": 10}']  # fmt: skip
PAPERS_MASKS = '{"lr": 0.001, "mask_range": [20, 60], "patience": 10}'
# by the name of the result; tables share their finished folds
RUNS = {
    "table1-pmemo": ["table1", "--collection", "pmemo", "--from-metadata"],
    "table1-emopia": ["table1", "--collection", "emopia"],
    "table1-emotify": ["table1", "--collection", "emotify"],
    "table3-emopia-split_cls_repo": [
        "table3", "--collection", "emopia", "--protocol", "split_cls_repo", "--seeds", "0,1",
        "--systems", "log-mel,inherited,Proposed (SSSL)", *NETWORK,
    ],
    "table3-emopia-grouped": [
        "table3", "--collection", "emopia", "--systems", "log-mel,inherited,Proposed (SSSL)", *NETWORK,
    ],
    "ablations-emopia-grouped": [
        "ablations", "--collection", "emopia", "--tasks", "quadrant",
        "--systems", "log-mel,inherited,Proposed,padding,whole", *NETWORK,
    ],
    "crossfit-emopia-grouped": [
        "table3", "--collection", "emopia", "--tasks", "quadrant", "--cross-fit", "2",
        "--systems", "Proposed (SSSL)", *NETWORK,
    ],
    "table3-emotify-grouped": [
        "table3", "--collection", "emotify", "--cross-fit", "2",
        "--systems", "log-mel,inherited,Proposed (SSSL)", *NETWORK,
    ],
    "systems-emotify-grouped": ["table3", "--collection", "emotify", "--systems", "all", *NETWORK],
    "systems-emopia-grouped": [
        "table3", "--collection", "emopia", "--tasks", "quadrant", "--systems", "all", *NETWORK,
    ],
    "longer-emotify-grouped": [
        "table3", "--collection", "emotify", "--systems", "Proposed (SSSL)", *TWICE_AS_LONG, *NETWORK[-2:],
    ],
    "mirable-emotify": ["mirable", "--collection", "emotify", *TAGGERS],
    "mirable-emotify-masks": [
        "mirable", "--collection", "emotify", *TAGGERS[:-1], PAPERS_MASKS, "--rows", "short-normal",
    ],
    "ratings-vgmidi": [
        "ratings", "--collection", "vgmidi", "--backbone", "mlp", "--seeds", "0,1,2", "--over-time",
        "--smoothing", "15",
    ],
}  # fmt: skip
TARGETS = {
    "emopia-split_cls_repo": {"quadrant": 0.677, "arousal": 0.887, "valence": 0.704},
    "emopia-grouped": {"quadrant": 0.75, "arousal": 0.93, "valence": 0.82},
    "emotify-grouped": {"emotion": 0.58},
}


def load(folder):
    """Return the tables by the names of their files; stop at a file that is not a table."""
    tables = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            tables[path.stem] = json.loads(path.read_text(encoding="utf-8"))
            tables[path.stem]["table"]
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{path} is not a table of skmer reproduce ({error!r}). Move it away.") from error
    return tables


def body(table, level):
    """Return a table's Markdown with its headings at a level of the page, its date and the versions of packages."""
    versions = table["versions"] if "versions" in table else next(iter(table["experiments"].values()))["versions"]
    packages = [f"{name} {versions[name]}" for name in ("skmer", "torch", "scikit-learn") if name in versions]
    # earlier versions kept a digest of the code
    packages += [f"code {versions['code']}"] if "code" in versions else []
    markdown = table_markdown(table).replace("\n### ", f"\n{'#' * level} ")
    return f"{markdown}\n\n{table['date']} UTC, {', '.join(packages)}.\n"


def verdict(name, table):
    """Return a line for each task that has a target: how far our system is from it, and which row is best."""
    lines = []
    for task, target in TARGETS.get(name.partition("-")[2], {}).items():
        rows = [row for row in table_rows(table) if row["task"] == task and "accuracy" in row]
        ours = next((row for row in rows if row["system"] == REFERENCE), None)
        if ours is None:
            continue
        best = max(rows, key=lambda row: row["accuracy"]["mean"])
        gap = 100 * (ours["accuracy"]["mean"] - target)
        outcome = "reached" if gap >= 0 else f"missed by {-gap:.1f}"
        lines.append(
            f"- {task}: target {100 * target:.1f}, {outcome} by {REFERENCE} ({100 * ours['accuracy']['mean']:.1f}); "
            f"the best row is {best['system']} ({100 * best['accuracy']['mean']:.1f})."
        )
    return "\n".join(lines)


def section(name, tables, level=3):
    """Return what replaces a name in the template: its table with headings of that level, or how to make it."""
    if name == "table1":
        return "\n\n".join(table_markdown(table) for table in tables.values() if table["table"] == "table1")
    if name not in RUNS:
        raise SystemExit(f"{TEMPLATE} asks for {name}, which is not a table of this script: {', '.join(RUNS)}.")
    if name not in tables:
        command = f"python benchmarks/reproduction.py --run {name}"
        return f"This table is made by `{command}` and is not in the repository yet."
    return "\n\n".join(part for part in (body(tables[name], level), verdict(name, tables[name])) if part)


def page(tables):
    """Fill the template: replace each {{name}} by a table, whose headings are one level below the current one."""
    template = TEMPLATE.read_text(encoding="utf-8")

    def fill(place):
        above = re.findall(r"^(#+) ", template[: place.start()], flags=re.MULTILINE)
        return section(place[1], tables, len(above[-1]) + 1)

    return re.sub(r"\{\{([\w-]+)\}\}", fill, template)


def run(names, n_jobs):
    """Run tables, and keep their JSON files among the results."""
    for name in names:
        arguments = RUNS[name]
        shared = [] if arguments[0] == "table1" else ["--n-jobs", str(n_jobs), "--store", str(WORK)]
        print("skmer reproduce", *arguments)
        if skmer(["reproduce", *arguments, *shared, "--out", str(WORK / name)]):
            raise SystemExit(1)
        [path] = (WORK / name).glob("*.json")
        atomic_write_text(RESULTS / f"{name}.json", path.read_text(encoding="utf-8"))


def main():
    """Write the page from the results; with --run, compute the results first."""
    parser = argparse.ArgumentParser(description="Run the tables of docs/reports/reproduction.md, and write the page.")
    parser.add_argument(
        "--run", nargs="*", choices=RUNS, metavar="NAME", help="run these tables, or all; needs $SKMER_DATA"
    )
    parser.add_argument("--n-jobs", type=int, default=1, help="processes (%(default)s)")
    parser.add_argument("--results", default=RESULTS, help="folder of JSON files (%(default)s)")
    parser.add_argument("--page", default=PAGE, help="where the page goes (%(default)s)")
    arguments = parser.parse_args()
    if arguments.run is not None:
        run(arguments.run or RUNS, arguments.n_jobs)
    tables = load(arguments.results)
    if not tables:
        raise SystemExit(f"{arguments.results} has no results: copy there what skmer reproduce wrote.")
    atomic_write_text(arguments.page, page(tables))
    print(f"{arguments.page}: {len(tables)} tables")


if __name__ == "__main__":
    main()
