"""Shared parts of the scripts of the performance page: their options, results and the page."""

import argparse
import json
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

from _report import versions, write_json

from skmer._io import atomic_write_text, markdown_table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "performance"
TEMPLATE = HERE / "performance_page.md"
PAGE = HERE.parent / "docs" / "reports" / "benchmarks.md"
AREAS = (
    "front_end",
    "memory",
    "tagging_memory",
    "training",
    "gpu",
    "prediction",
    "one_song",
    "precision",
    "beside_vibenet",
    "listening_page",
)


def processor():
    """Return the name of the processor."""
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def run(area, measure, description, rounds=7):
    """Measure an area from the command line, write its figures and update the page.

    Parameters
    ----------
    area : str
        One of `AREAS`.
    measure : callable
        Takes the parsed arguments; returns a dict with ``"rows"`` and ``"setting"``, a sentence.
    description : str
        For ``--help``.
    rounds : int, default=7
        Number of times that each figure is measured.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="number of times that each figure is measured (%(default)s)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="run a minimal measurement as a test of the script, and write nothing"
    )
    arguments = parser.parse_args()
    found = measure(arguments)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {
        "area": area,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "processor": processor(),
        "cores": cores,
        "versions": versions(
            "skmer", "numpy", "scipy", "scikit-learn", "torch", "skorch", "librosa", "soundfile", "soxr"
        ),
        **found,
    }
    print(section(found))
    if not arguments.quick:
        write_json(RESULTS / f"{area}.json", found)
        atomic_write_text(PAGE, page())
        print(f"\nWritten: {RESULTS / area}.json, {PAGE}")


def _number(value, unit):
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}{unit if unit == '×' else ' ' + unit if unit else ''}"


def _aim(row):
    if row["aim"] is None:
        return ""
    return f"{'at least' if row['at_least'] else 'at most'} {_number(row['aim'], row['unit'])}"


def _outcome(row):
    if row["reached"] is None:
        return ""
    return "reached" if row["reached"] else f"missed by {_number(abs(row['median'] - row['aim']), row['unit'])}"


def section(found):
    """Format the figures of an area as Markdown."""
    rows = [
        [
            row["what"],
            _number(row["median"], row["unit"]),
            "" if row["n"] == 1 else f"{_number(row['low'], '')}–{_number(row['high'], '')}",
            _aim(row),
            _outcome(row),
        ]
        for row in found["rows"]
    ]
    table = markdown_table(["", "median", "quartiles", "aim", ""], rows)
    machine = f"{found['date']} UTC, {found['cores']} cores of {found['processor']}"
    if found.get("gpu"):
        machine += f", {found['gpu']}"
    packages = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    return f"{found['setting']}\n\n{table}\n\n{machine}; {packages}."


def page():
    """Fill the template with the figures that were measured."""

    def place(match):
        path = RESULTS / f"{match[1]}.json"
        return section(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else "Not measured yet."

    return re.sub(r"\{\{(\w+)\}\}", place, TEMPLATE.read_text(encoding="utf-8"))
