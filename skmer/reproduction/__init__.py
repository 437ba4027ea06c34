"""Tables and figures of both papers on a collection of the user, compared with the published figures."""

from skmer.reproduction.counts import run_counts
from skmer.reproduction.mirable.systems import MirableSettings
from skmer.reproduction.mirable.table import run_mirable
from skmer.reproduction.report import table_csv, table_markdown, table_rows
from skmer.reproduction.systems import Settings
from skmer.reproduction.tables import run_table
from skmer.reproduction.timeline import Timeline, run_timeline

__all__ = [
    "MirableSettings",
    "Settings",
    "Timeline",
    "run_counts",
    "run_mirable",
    "run_table",
    "run_timeline",
    "table_csv",
    "table_markdown",
    "table_rows",
]
