"""The paper's tables and its figure, on any of the collections, with the paper's figures beside ours."""

from skmer.reproduction.comparisons import comparison_systems
from skmer.reproduction.counts import count_segments, counts_markdown, run_counts
from skmer.reproduction.differences import differences, differences_markdown
from skmer.reproduction.pairs import paired_difference
from skmer.reproduction.settings import Settings
from skmer.reproduction.summary import table_rows
from skmer.reproduction.systems import ablation_systems, table_3_systems
from skmer.reproduction.tables import TABLES, run_table
from skmer.reproduction.text import table_csv, table_markdown
from skmer.reproduction.timeline import Timeline, run_timeline

__all__ = [
    "TABLES",
    "Settings",
    "Timeline",
    "ablation_systems",
    "comparison_systems",
    "count_segments",
    "counts_markdown",
    "differences",
    "differences_markdown",
    "paired_difference",
    "run_counts",
    "run_table",
    "run_timeline",
    "table_3_systems",
    "table_csv",
    "table_markdown",
    "table_rows",
]
