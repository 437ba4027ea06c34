"""The benchmark on recordings: its folds, options and report, on a dozen songs of five seconds."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from tests.reproduction.tiny import N_SONGS, write_collection

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# the collections have a dozen of the published songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


@pytest.fixture(scope="module")
def scripts():
    """The scripts, which import each other as neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield {name: importlib.import_module(name) for name in ("_recordings", "real_music")}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Emotify and EMOPIA, as $SKMER_DATA."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKMER_DATA", str(folder))
        for dataset in ("emotify", "emopia"):
            write_collection(dataset, folder, seconds=[5] * (N_SONGS + 1))
        yield folder


@pytest.fixture(scope="module")
def folds_of(scripts, home):
    def make(experiment, validation):
        songs = scripts["_recordings"].load_songs(experiment)
        return songs, *scripts["_recordings"].folds_of(experiment, songs, validation, quick=True)

    return make


def test_the_songs_of_a_group_are_on_one_side(folds_of):
    for validation in (False, True):
        songs, folds, _ = folds_of("emotify", validation)
        assert sorted(np.concatenate([test for _, test in folds])) == list(range(N_SONGS))
        for train, test in folds:
            assert not set(songs.groups[train]) & set(songs.groups[test])


def test_validation_never_sees_the_test_part_of_the_published_split(folds_of):
    _, [(train, test)], text = folds_of("emopia-arousal-split", False)
    assert test.tolist() == [7, 8, 9, 10]
    assert "published split" in text
    # the last clip is in no part of the split
    assert train.tolist() == [0, 1, 2, 3, 4, 5, 6]
    songs, folds, _ = folds_of("emopia-arousal", True)
    assert sorted(np.concatenate([test for _, test in folds])) == [0, 1, 2, 3, 4, 5, 6]
    for train, test in folds:
        assert set(train) | set(test) == set(range(7))
        assert not set(songs.groups[train]) & set(songs.groups[test])


def test_validation_folds_are_not_those_of_the_test(folds_of):
    pairs = [[set(test) for _, test in folds_of("emotify", validation)[1]] for validation in (False, True)]
    assert not any(one in pairs[1] for one in pairs[0])


def test_quick_run_writes_its_reports_and_a_second_one_reuses_them(scripts, home, tmp_path, capsys):
    script = scripts["real_music"]
    command = ["--quick", "--network", "mlp", "--experiments", "emotify", "emopia-arousal-split", "--cross-fit", "2"]
    command += ["--systems", "cross-entropy", "sssl"]
    command += ["--output-dir", str(tmp_path), "--verbose", "0"]
    assert script.main(command) == 0
    out, err = capsys.readouterr()
    assert out + err == ""
    paths = [tmp_path / "real_music" / f"{name}-mlp-mel.json" for name in ("emotify", "emopia-arousal-split")]
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    folds, split = reports
    assert (folds["n_songs"], split["n_songs"]) == (N_SONGS, 4)
    assert [row["system"] for row in folds["rows"]] == ["cross-entropy", "sssl"]
    for row in folds["rows"]:
        own = [run["scores"] for run in folds["runs"] if run["name"] == row["system"]]
        assert len(own) == row["mean"]["n"] == 2
        assert row["cross-fitted SVM"]["mean"] == pytest.approx(np.mean([one["cross-fitted SVM"] for one in own]))
    pairs = {(pair["system"], pair["less"], pair["readout"]): pair for pair in folds["pairs"]}
    rows = {row["system"]: row for row in folds["rows"]}
    # both folds have six songs
    expected = rows["sssl"]["SVM"]["mean"] - rows["cross-entropy"]["SVM"]["mean"]
    assert pairs["sssl", "cross-entropy", "SVM"]["mean"] == pytest.approx(expected)
    # one fold and one seed cannot be tested
    assert {pair["p_value"] for pair in split["pairs"]} == {None}
    page = (tmp_path / "real_music.md").read_text(encoding="utf-8")
    assert page.count("figures mean nothing") == 2
    assert "| sssl − cross-entropy " in page

    assert script.main(command) == 0
    # the same seconds: nothing was run again
    assert [json.loads(path.read_text(encoding="utf-8")) for path in paths] == reports


def test_outcomes_are_averaged_over_seeds(scripts):
    jobs = [{"system": "a", "test": np.array([4, 2])}, {"system": "b", "test": np.array([4, 2])}] * 2
    results = [{"outcomes": {"mean": right}} for right in ([1, 0], [0, 0], [1, 1], [0, 0])]
    assert scripts["real_music"].outcomes_of("a", "mean", jobs, results) == {4: 1.0, 2: 0.5}


def test_the_page_comes_from_the_kept_reports(scripts):
    page = BENCHMARKS.parent / "docs" / "reports" / "real_music.md"
    paths = sorted((BENCHMARKS / "results" / "real_music").glob("*.json"))
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    assert scripts["real_music"].document(reports) == page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["--validation", "--experiments", "emopia-quadrant-split"], "has no published split"),
        (["--validation", "--seeds", "1"], "are for --validation"),
        (["--variants", '{"mine": {"temperatur": 1}}'], "temperatur"),
    ],
)
def test_wrong_options_are_named(scripts, command, words, capsys):
    with pytest.raises(SystemExit):
        scripts["real_music"].main(command)
    assert words in capsys.readouterr().err


def test_a_fold_that_does_not_exist_is_named(scripts, home, tmp_path):
    with pytest.raises(SystemExit, match="emotify has the folds 0 to 1"):
        scripts["real_music"].main(
            ["--quick", "--experiments", "emotify", "--folds", "2", "--output-dir", str(tmp_path)]
        )
