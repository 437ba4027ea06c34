"""Tables 1 and 2 of the second paper, Mirable at MediaEval 2021, with the paper's figures beside."""

from skmer.reproduction.mirable.paper import paper_figures
from skmer.reproduction.mirable.parts import Part, grouped_parts, published_part
from skmer.reproduction.mirable.plan import MirablePlan, plan_mirable
from skmer.reproduction.mirable.rows import ROWS, Row
from skmer.reproduction.mirable.run import run_plan
from skmer.reproduction.mirable.settings import MirableSettings
from skmer.reproduction.mirable.songs import TaggedSongs, draw_subset, load_songs
from skmer.reproduction.mirable.steps import step_differences
from skmer.reproduction.mirable.summary import mirable_rows
from skmer.reproduction.mirable.text import mirable_csv, mirable_markdown

__all__ = [
    "ROWS",
    "MirablePlan",
    "MirableSettings",
    "Part",
    "Row",
    "TaggedSongs",
    "draw_subset",
    "grouped_parts",
    "load_songs",
    "mirable_csv",
    "mirable_markdown",
    "mirable_rows",
    "paper_figures",
    "plan_mirable",
    "published_part",
    "run_plan",
    "step_differences",
]
