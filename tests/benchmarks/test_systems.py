"""The comparison of the systems of skmer train: what it counts, reuses and writes, on a dozen songs of five seconds."""

import importlib
import json
from pathlib import Path

import pytest

from skmer.models import SYSTEMS
from tests.reproduction.tiny import N_SONGS, write_collection

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# the collections have a dozen of the published songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield importlib.import_module("systems")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKMER_DATA", str(folder))
        write_collection("emotify", folder, seconds=[5] * (N_SONGS + 1))
        yield folder


def test_a_quick_run_writes_its_report_and_a_second_one_reuses_its_folds(script, home, tmp_path, capsys):
    command = ["--quick", "--experiments", "emotify", "--systems", "cross-entropy", "log-mel"]
    command += ["--output-dir", str(tmp_path), "--verbose", "0"]
    assert script.main(command) == 0
    assert capsys.readouterr() == ("", "")
    report = json.loads((tmp_path / "systems" / "emotify.json").read_text(encoding="utf-8"))
    assert [(run["system"], run["fold"]) for run in report["runs"]] == [
        ("cross-entropy", 0), ("log-mel", 0), ("cross-entropy", 1), ("log-mel", 1),
    ]  # fmt: skip
    assert sum(run["n_test"] for run in report["runs"]) == 2 * N_SONGS
    for run in report["runs"]:
        assert run["n_train"] + run["n_test"] == N_SONGS
        assert (run["accuracy"] * run["n_test"]) % 1 == pytest.approx(0, abs=1e-9)
        assert min(run["train_seconds"], run["file_ms"], run["cached_ms"]) > 0
    assert [row["system"] for row in report["rows"]] == ["cross-entropy", "log-mel"]
    page = (tmp_path / "systems.md").read_text(encoding="utf-8")
    assert "figures mean nothing" in page
    assert "| commonest class |" in page

    assert script.main(command) == 0
    again = json.loads((tmp_path / "systems" / "emotify.json").read_text(encoding="utf-8"))
    # the same times: nothing was run again
    assert again["runs"] == report["runs"]


@pytest.mark.parametrize("system", ["log-mel", "joined", "average"])
def test_all_caches_are_found(script, system, tmp_path):
    model = script.make_system({"system": system, "seed": 0, "quick": True, "memory": tmp_path})
    readers = script.set_memory(model, tmp_path)
    names = {"log-mel": ["SegmentTransformer"]}.get(system, ["DescriptorTransformer", "SegmentTransformer"])
    assert sorted(type(reader).__name__ for reader in readers) == names
    assert {reader.memory for reader in readers} == {None}
    assert script.set_memory(model, tmp_path) == []


def test_all_systems_of_skmer_train_are_compared_unless_some_are_named(script):
    assert script.parse([]).systems == [*SYSTEMS, "average"]
    assert script.parse([]).full
    for part in (["--systems", "log-mel"], ["--n-folds", "2"], ["--quick"]):
        assert not script.parse(part).full


def test_the_page_is_that_of_the_kept_results(script):
    folder = BENCHMARKS / "results" / "systems"
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    page = BENCHMARKS.parent / "docs" / "reports" / "systems.md"
    assert script.document(reports) == page.read_text(encoding="utf-8"), "run python benchmarks/systems.py"
