"""The report on calibration: every way of a quick run has its scores, and the page has them."""

import importlib
import json
from pathlib import Path

import pytest

from tests.reproduction.tiny import N_SONGS, write_collection

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# the collections have a dozen of the published songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


def test_a_quick_run(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("SKMER_DATA", str(tmp_path))
    write_collection("emotify", tmp_path, seconds=[5] * (N_SONGS + 1))
    script = importlib.import_module("calibration")
    command = ["--quick", "--experiments", "emotify", "--systems", "log-mel", "cross-entropy"]
    assert script.main([*command, "--memory", str(tmp_path / "memory"), "--output-dir", str(tmp_path)]) == 0
    rows = json.loads((tmp_path / "calibration.json").read_text(encoding="utf-8"))["rows"]
    assert [row["way"] for row in rows] == [*script.WAYS[1:], *script.WAYS]
    for system in ("log-mel", "cross-entropy"):
        own = {row["way"]: row for row in rows if row["system"] == system}
        of_svm = [own[way] for way in script.WAYS[1:4]]
        # a temperature changes no prediction
        assert len({row["accuracy"] for row in of_svm}) == 1
        assert all(row["log_loss"] > 0 and 0 <= row["calibration_error"] <= 1 for row in own.values())
    page = (tmp_path / "calibration.md").read_text(encoding="utf-8")
    assert page.count("| log-mel ") == 4


def test_the_page_is_that_of_the_kept_figures(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = importlib.import_module("calibration")
    kept = BENCHMARKS / "results" / "calibration.json"
    if not kept.is_file():
        pytest.skip("no results are kept")
    page = BENCHMARKS.parent / "docs" / "reports" / "calibration.md"
    assert script.document(json.loads(kept.read_text(encoding="utf-8"))) == page.read_text(encoding="utf-8")
