"""The reproduction page is filled from tables."""

import importlib
import json
from pathlib import Path

import pytest

from tests.reproduction.tiny_mirable import make_table

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("reproduction")


def row(name, fold, accuracy):
    scores = dict.fromkeys(("accuracy", "F1", "macro-F1", "balanced accuracy"), accuracy)
    return {"name": name, "fold": fold, "inner": None, "seed": 0, "seconds": 1.0, "scores": scores}


@pytest.fixture
def table():
    rows = [row("Proposed (SSSL)", 0, 0.5), row("Proposed (SSSL)", 1, 0.7), row("other", 0, 0.8), row("other", 1, 0.9)]
    experiment = {
        "rows": rows,
        "folds": [0, 1],
        "n_folds": 2,
        "protocol": {"description": "two folds", "seeds": [0]},
        "versions": {"skmer": "0", "code": "abc"},
    }
    return {
        "table": "table3",
        "dataset": "emotify",
        "title": "Emotify",
        "n_songs": 4,
        "group": "artist",
        "n_groups": 2,
        "settings": {"backbone": "small"},
        "date": "2000-01-01 00:00",
        "experiments": {"emotion": experiment},
    }


def test_the_distance_from_a_missed_target(script, table):
    assert script.verdict("table3-emotify-grouped", table) == (
        "- emotion: target 58.0, reached by Proposed (SSSL) (60.0); the best row is other (85.0)."
    )
    for own in table["experiments"]["emotion"]["rows"]:
        own["scores"]["accuracy"] -= 0.1
    assert "missed by 8.0 by Proposed (SSSL) (50.0)" in script.verdict("table3-emotify-grouped", table)


def test_the_page_asks_only_for_results_that_are_kept(script):
    if not script.RESULTS.is_dir():
        pytest.skip("no results are kept")
    text = script.page(script.load(script.RESULTS))
    assert "{{" not in text
    assert text == script.PAGE.read_text(encoding="utf-8"), "run python benchmarks/reproduction.py"


def test_a_table_that_is_not_kept_is_replaced_by_its_command(script):
    assert script.section("table3-emotify-grouped", {}) == (
        "This table is made by `python benchmarks/reproduction.py --run table3-emotify-grouped` "
        "and is not in the repository yet."
    )
    with pytest.raises(SystemExit, match="asks for table3-typo, which is not a table of this script"):
        script.section("table3-typo", {})


def test_a_table_of_tags_is_a_part_of_the_page(script):
    table = make_table("emotify", (0, 1))
    table |= {"table": "mirable", "date": "2000-01-01 00:00", "versions": {"skmer": "0", "code": "abc"}}
    text = script.section("mirable-emotify", {"mirable-emotify": table}, level=4)
    assert "\n#### Table 1\n" in text
    assert "| baseline " in text
    assert text.endswith("2000-01-01 00:00 UTC, skmer 0, code abc.\n")


def test_results_that_are_not_tables_are_named(script, tmp_path):
    (tmp_path / "table3.json").write_text(json.dumps([1]))
    with pytest.raises(SystemExit, match=r"table3\.json is not a table"):
        script.load(tmp_path)
