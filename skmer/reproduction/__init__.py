"""Tables and figures of both papers, and ratings, on a collection of the user, beside the published figures."""

from skmer.reproduction.counts import run_counts
from skmer.reproduction.mirable.systems import MirableSettings
from skmer.reproduction.mirable.table import run_mirable
from skmer.reproduction.ratings.systems import RatingSettings
from skmer.reproduction.ratings.table import run_ratings
from skmer.reproduction.report import table_csv, table_markdown, table_rows
from skmer.reproduction.systems import Settings
from skmer.reproduction.tables import run_table
from skmer.reproduction.timeline import Timeline, run_timeline

__all__ = [
    "MirableSettings",
    "RatingSettings",
    "Settings",
    "Timeline",
    "run_counts",
    "run_mirable",
    "run_ratings",
    "run_table",
    "run_timeline",
    "table_csv",
    "table_markdown",
    "table_rows",
]
