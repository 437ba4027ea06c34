"""The gallery: examples have a title and text, use public names only, and run."""

import ast
import importlib
import runpy
import warnings
from pathlib import Path

import pytest

from tests.test_public_api import MODULES

EXAMPLES = sorted((Path(__file__).parents[1] / "docs" / "examples").glob("*.py"))
NAMES = [path.stem for path in EXAMPLES]
# these need a random_state, so that the site is the same each time it is built
RANDOM = {
    "EmotionTagger",
    "NoisyStudentTagger",
    "SSSLClassifier",
    "SSSLRegressor",
    "StratifiedGroupKFold",
    "StratifiedKFold",
    "make_rating_pipeline",
    "make_songs",
}
# some of the fastest; `make docs` runs all of them
QUICK = ["plot_03_wrong_seconds", "plot_09_ratings_over_time"]


def test_examples_are_numbered():
    assert len(EXAMPLES) == 9
    assert [name.split("_")[:2] for name in NAMES] == [["plot", f"{i:02}"] for i in range(1, 10)]
    assert set(QUICK) <= set(NAMES)


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_begins_with_a_title_and_a_summary(path):
    title, line, rest = ast.get_docstring(ast.parse(path.read_text())).split("\n", 2)
    assert line == "=" * len(title)
    assert len(rest.split()) > 30


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_consists_of_short_cells_with_text(path):
    text = path.read_text()
    compile(text, path, "exec")
    cells = text.split("\n# %%\n")[1:]
    assert len(cells) >= 5
    assert sum(cell.startswith("# ") for cell in cells) >= len(cells) / 2
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 130


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_uses_public_names_only(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.startswith("skmer")], (
                "import from skmer, by name"
            )
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "skmer":
            assert node.module in MODULES
            public = importlib.import_module(node.module).__all__
            assert {alias.name for alias in node.names} <= set(public)
        elif isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_") or node.attr == "__init__", f"{node.attr} is private"


@pytest.mark.parametrize("path", EXAMPLES, ids=NAMES)
def test_an_example_is_reproducible(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RANDOM:
            assert "random_state" in {keyword.arg for keyword in node.keywords}, f"line {node.lineno}"


def is_labelled(figure, axis):
    """Return whether an axis of a figure has a label, or category names as tick labels."""
    labels = [getattr(figure, f"get_sup{axis}label")(), *(getattr(ax, f"get_{axis}label")() for ax in figure.axes)]
    ticks = [tick.get_text() for ax in figure.axes for tick in getattr(ax, f"get_{axis}ticklabels")()]
    return any(labels) or any(letter.isalpha() for tick in ticks for letter in tick)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_an_example_runs_without_warnings_and_labels_its_figures(name, monkeypatch):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.close("all")
    monkeypatch.setattr(plt, "show", lambda: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        runpy.run_path(str(EXAMPLES[NAMES.index(name)]), run_name="__main__")
    figures = [plt.figure(number) for number in plt.get_fignums()]
    try:
        assert len(figures) >= 2
        for figure in figures:
            assert is_labelled(figure, "x")
            assert is_labelled(figure, "y")
    finally:
        plt.close("all")
