"""The benchmark of planted wrong segments: its songs, its systems, paired intervals, and the report."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def scripts():
    """The scripts, which import each other as neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield {name: importlib.import_module(name) for name in ("_planted_songs", "_song_systems", "wrong_segments")}


@pytest.fixture(scope="module")
def planted(scripts):
    return scripts["_planted_songs"]


@pytest.fixture(scope="module")
def systems(scripts):
    return scripts["_song_systems"]


def test_the_wrong_segments_are_those_with_most_of_their_time_in_another_emotion(planted):
    songs, segments, truth = planted.planted_songs(0.25, 0, 16, "mel", True)
    # 12 s hold ten segments of 3 s; 3 of the 12 seconds express another emotion
    assert segments.n_segments.tolist() == [10] * 16
    assert segments.segment_shape == (3 * 64,)
    for label, seconds, own in zip(songs.target, songs.segment_target, truth, strict=True):
        assert (seconds != label).sum() == 3
        triples = np.lib.stride_tricks.sliding_window_view(seconds, 3)
        assert [(triple == name).sum() >= 2 for triple, name in zip(triples, own, strict=True)] == [True] * 10
        # one stretch of three seconds, which is two of the three seconds of a segment before and of one after it
        first = np.flatnonzero(seconds != label)[0]
        assert (own != label).sum() == (3 if 0 < first < 9 else 2)


def test_a_composer_is_on_one_side_and_each_song_is_tested_once(planted):
    songs, _, _ = planted.planted_songs(0.25, 0, 16, "mel", True)
    folds = planted.folds_of(songs, 2, 0)
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(16))
    for train, test in folds:
        assert not set(songs.groups[train]) & set(songs.groups[test])


def test_the_regularisers_keep_every_label_and_the_oracle_erases_the_wrong_ones(planted, systems):
    labels = torch.tensor([2, 0, 1])
    kept = systems.InheritedLabels().targets(torch.zeros(3), torch.full((3, 3), 1 / 3), labels, epoch=6)
    assert kept.argmax(1).tolist() == [2, 0, 1]
    assert kept.sum(1).tolist() == [1, 1, 1]
    noise_model = planted.KnownNoise(np.array([True, False, True]))
    assert noise_model(np.zeros(3), labels).tolist() == [0, 1, 0]


def test_the_interval_of_a_difference(systems):
    ours, theirs = np.array([1, 1, 1, 0, 1, 1.0]), np.array([0, 1, 0, 0, 1, 0.0])
    found = systems.paired_interval(ours, theirs, list("abcdef"))
    assert found["mean"] == pytest.approx(0.5)
    low, high = found["interval"]
    assert 0 <= low < 0.5 < high <= 1
    # two groups, both with a difference of .5: nothing varies
    assert systems.paired_interval(ours, theirs, list("aabbcc"))["interval"] == pytest.approx([0.5, 0.5])
    # what is drawn are groups: with the songs three times, the interval is the same
    again = systems.paired_interval(np.tile(ours, 3), np.tile(theirs, 3), list("abcdef") * 3)
    assert again["interval"] == pytest.approx(found["interval"])
    reverse = systems.paired_interval(theirs, ours, list("abcdef"))
    assert reverse["interval"] == pytest.approx([-high, -low])
    assert systems.difference_cell({"mean": 0.109, "interval": [-0.02, 0.25]}) == "+10.9 [-2.0, +25.0]"


def test_each_system_is_compared_with_the_references_before_it(systems):
    assert systems.pairs_of(["cross-entropy", "sssl", "paper", "mine"]) == [
        ("sssl", "cross-entropy"),
        ("paper", "cross-entropy"),
        ("paper", "sssl"),
        ("mine", "cross-entropy"),
        ("mine", "sssl"),
    ]


def test_quick_run_writes_its_report_and_a_second_one_reuses_it(scripts, tmp_path, capsys):
    script = scripts["wrong_segments"]
    variants = {"cooler": {"temperature": 0.3}}
    command = ["--quick", "--systems", "cross-entropy", "sssl", "oracle", "--variants", json.dumps(variants)]
    command += ["--output-dir", str(tmp_path), "--verbose", "0"]
    assert script.main(command) == 0
    out, err = capsys.readouterr()
    assert out + err == ""
    report = json.loads((tmp_path / "wrong_segments.json").read_text(encoding="utf-8"))
    rows = {row["system"]: row for row in report["rows"]}
    assert list(rows) == ["cross-entropy", "sssl", "oracle", "cooler"]
    assert 0.2 < report["wrong_share"]["0.25"] <= 0.3
    assert "roc_auc" in rows["sssl"]
    assert "roc_auc" not in rows["cross-entropy"]
    assert all(row["mean"]["n"] == 1 for row in rows.values())
    difference = rows["sssl"]["segments"]["mean"] - rows["cross-entropy"]["segments"]["mean"]
    [pair] = [
        pair
        for pair in report["pairs"]
        if (pair["system"], pair["less"], pair["outcome"]) == ("sssl", "cross-entropy", "segments")
    ]
    # both folds have eight songs
    assert pair["mean"] == pytest.approx(difference)
    page = (tmp_path / "wrong_segments.md").read_text(encoding="utf-8")
    assert "figures mean nothing" in page
    assert "| sssl − cross-entropy " in page
    assert '*cooler*: `{"temperature": 0.3}`' in page

    assert script.main(command) == 0
    # the same seconds: nothing was run again
    assert json.loads((tmp_path / "wrong_segments.json").read_text(encoding="utf-8")) == report


def test_the_page_comes_from_the_kept_reports(scripts):
    names = ("wrong_segments.json", "wrong_segments_validation.json")
    paths = [BENCHMARKS / "results" / name for name in names]
    reports = [json.loads(path.read_text(encoding="utf-8")) if path.exists() else None for path in paths]
    page = BENCHMARKS.parent / "docs" / "reports" / "wrong_segments.md"
    assert scripts["wrong_segments"].document(*reports) == page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["--seeds", "100"], "are for --validation"),
        (["--validation", "--seeds", "1"], "are for --validation"),
        (["--noises", "0.5"], "below 0.5"),
        (["--variants", "{"], "is not JSON"),
        (["--variants", "[1]"], "must be a JSON object"),
        (["--variants", '{"sssl": {}}'], "must be a new name"),
        (["--variants", '{"mine": {"base": "nothing"}}'], "must be a new name"),
        (["--variants", '{"mine": {"temperatur": 1}}'], "temperatur"),
        (["--variants", '{"mine": {"temperature": -1}}'], "temperature"),
    ],
)
def test_wrong_options_are_named(scripts, command, words, capsys):
    with pytest.raises(SystemExit):
        scripts["wrong_segments"].main(command)
    assert words in capsys.readouterr().err
