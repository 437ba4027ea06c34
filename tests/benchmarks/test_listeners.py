"""The benchmark on listeners: what they heard, the scores of a measure, and the report on a few short pieces."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.metrics import roc_auc_score

from skmer.datasets import DynamicRatings

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# the collection has few of the published pieces
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")
SIGNS = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)}


@pytest.fixture(scope="module")
def scripts():
    """The scripts, which import each other as neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield {name: importlib.import_module(name) for name in ("_listeners", "listeners")}


def ratings_of(listeners, seconds):
    """Ratings of stretches of `seconds`, from those of the listeners."""
    listeners = np.asarray(listeners, dtype=float)
    ends = seconds * np.arange(1.0, listeners.shape[1] + 1)
    return DynamicRatings(
        ends - seconds, ends, listeners.mean(axis=0), listeners.std(axis=0, ddof=1), len(listeners), listeners
    )


def test_what_listeners_heard(scripts):
    # three listeners, three stretches of three seconds, which are three segments without delay
    listeners = [
        [[0.5, 0.0], [0.5, 0.2], [-0.6, 0.5]],
        [[0.4, 0.3], [-0.5, 0.2], [-0.5, 0.5]],
        [[0.6, 0.3], [-0.1, 0.2], [-0.7, 0.5]],
    ]
    heard = scripts["_listeners"].heard(ratings_of(listeners, 3), "Q1", 8, delay=0)
    # the segments that start at 0, 3 and 6 s
    np.testing.assert_allclose(heard.share[[0, 3, 6]], [1, 1 / 3, 0])
    # the second has a mean valence of -1/30, well within its standard error
    assert heard.other[[0, 3, 6]].tolist() == [False, True, True]
    assert heard.off[[0, 3, 6]].tolist() == [False, False, True]
    # three seconds later there are no ratings for the last segment
    late = scripts["_listeners"].heard(ratings_of(listeners, 3), "Q1", 8, delay=3)
    assert late.rated.tolist() == [True] * 6 + [False] * 2
    np.testing.assert_allclose(late.share[0], heard.share[3])


def test_half_of_the_listeners_agree_with_the_others_as_far_as_they_hear_the_same(scripts):
    rng = np.random.default_rng(0)
    alike = np.repeat(rng.choice([-0.5, 0.5], size=(1, 40, 2)), 20, axis=0)
    of_chance = rng.choice([-0.5, 0.5], size=(20, 40, 2))
    agree = scripts["_listeners"].halves_agree
    assert agree([ratings_of(alike, 3)], ["Q1"], 0, [100]) == pytest.approx([1, 1])
    own = rng.choice([-0.5, 0.5], size=(20, 40, 2))
    mixed = np.where(rng.random((20, 40, 1)) < 0.5, alike, own)
    within, _ = agree([ratings_of(mixed, 3)], ["Q1"], 0, [100])
    assert 0.5 < within < 1
    within, _ = agree([ratings_of(of_chance, 3)], ["Q1"], 0, [100])
    assert not within > 0.7


def test_scores_are_those_of_scikit_learn(scripts):
    rng = np.random.default_rng(0)
    module = scripts["_listeners"]
    sizes = (30, 20, 25)
    truth = [
        module.Heard(rng.random(n), rng.random(n) < 0.3, rng.random(n) < 0.2 * (k > 0), rng.random(n) < 0.9)
        for k, n in enumerate(sizes)
    ]
    trust = [np.round(rng.random(n), 1) for n in sizes]
    scores = module.Scores(trust, truth)
    off, values, share = (
        np.concatenate([part[own.rated] for part, own in zip(parts, truth, strict=True)])
        for parts in ([own.off for own in truth], trust, [own.share for own in truth])
    )
    assert scores.roc_auc(within=False) == pytest.approx(roc_auc_score(off, -values))
    pieces = [(roc_auc_score(own.off[own.rated], -part[own.rated]), (own.off & own.rated).sum(),
               (~own.off & own.rated).sum()) for own, part in zip(truth[1:], trust[1:], strict=True)]  # fmt: skip
    expected = np.average([auc for auc, *_ in pieces], weights=[m * n for _, m, n in pieces])
    assert scores.roc_auc(within=True) == pytest.approx(expected)
    # a piece that counts twice is there twice
    twice = module.Scores([*trust, trust[1]], [*truth, truth[1]])
    assert scores.roc_auc(False, np.array([1, 2, 1])) == pytest.approx(twice.roc_auc(False))
    figures = scores.figures()
    assert figures["spearman"] == pytest.approx(module.correlation(values, share))
    lowest = np.argsort(values, kind="stable")[: off.sum()]
    assert figures["precision"] == pytest.approx(off[lowest].mean())
    tenths = np.array(scores.tenths())
    assert tenths.shape == (10, 2)


def test_perfect_trust_and_constant_trust(scripts):
    module = scripts["_listeners"]
    share = np.linspace(0, 1, 10)
    truth = [module.Heard(share, share < 0.5, share < 0.3, np.full(10, True))]
    perfect = module.Scores([share], truth).figures()
    assert [perfect[key] for key in ("roc_auc", "roc_auc_within", "precision", "spearman_within")] == pytest.approx(
        [1] * 4
    )
    constant = module.Scores([np.ones(10)], truth)
    assert constant.roc_auc(within=False) == 0.5
    assert constant.figures()["spearman"] == 0


def test_the_page_comes_from_the_kept_report(scripts):
    page = (BENCHMARKS.parent / "docs" / "reports" / "listeners.md").read_text(encoding="utf-8")
    report = json.loads((BENCHMARKS / "results" / "listeners.json").read_text(encoding="utf-8"))
    assert scripts["listeners"].document(report) == page


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """VGMIDI with sixteen pieces of eight seconds, in two series, as $SKMER_DATA."""
    home = tmp_path_factory.mktemp("data")
    folder, rng = home / "vgmidi", np.random.default_rng(0)
    (folder / "audio").mkdir(parents=True)
    labels = ["id,series,name,n_raters,duration_s,valence,arousal,quadrant"]
    dynamic = ["id,start_s,end_s,valence_mean,valence_sd,arousal_mean,arousal_sd"]
    raters = ["id,rater,stretch,valence,arousal"]
    for i in range(16):
        quadrant = f"Q{1 + i % 4}"
        listeners = np.clip(np.array(SIGNS[quadrant]) * 0.3 + 0.3 * rng.standard_normal((5, 4, 2)), -1, 1).round(4)
        ratings = ratings_of(listeners, 2.5)
        valence, arousal = np.array(SIGNS[quadrant]) * 0.3
        labels.append(f"{i},{('Final Fantasy', 'Other')[i // 8]},x,5,10,{valence},{arousal},{quadrant}")
        for k in range(4):
            mean, sd = ratings.mean[k].round(4), ratings.deviation[k].round(4)
            dynamic.append(f"{i},{2.5 * k},{2.5 * k + 2.5},{mean[0]},{sd[0]},{mean[1]},{sd[1]}")
            raters += [f"{i},{r},{k},{own[k, 0]},{own[k, 1]}" for r, own in enumerate(listeners)]
        t = np.arange(80000) / 8000
        tone = np.sin(2 * np.pi * (300 + 200 * (i % 4)) * t) + 0.1 * rng.standard_normal(len(t))
        soundfile.write(folder / "audio" / f"{i}.flac", 0.2 * tone, 8000)
    for name, lines in (("labels", labels), ("dynamic", dynamic), ("raters", raters)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKMER_DATA", str(home))
        yield home


def test_quick_run_writes_its_report_and_a_second_one_reuses_its_fits(scripts, home, tmp_path, capsys):
    pytest.importorskip("cleanlab", reason="cleanlab, of the extra bench, is not installed")
    command = ["--quick", "--seeds", "0", "--output-dir", str(tmp_path), "--verbose", "0"]
    scripts["_listeners"].load_pieces.cache_clear()
    assert scripts["listeners"].main(command) == 0
    out, err = capsys.readouterr()
    assert out + err == ""
    report = json.loads((tmp_path / "listeners.json").read_text(encoding="utf-8"))
    assert report["facts"]["n_pieces"] == 16
    measures = [row["measure"] for row in report["rows"] if row["part"] == "all"]
    assert {"chance", "SSSL, in sample, clean probability", "cleanlab, margin"} < set(measures)
    assert "figures mean nothing" in (tmp_path / "listeners.md").read_text(encoding="utf-8")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / ".partial" / "listeners").iterdir()}
    # two systems, on all pieces and on two folds
    assert len(kept) == 6
    assert scripts["listeners"].main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert json.loads((tmp_path / "listeners.json").read_text(encoding="utf-8")) == report
