"""The benchmark on ratings: its scores, and the report on a few short pieces and songs."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.metrics import r2_score

from skmer.datasets.emotify import EMOTIONS

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# the collections have few of the published songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")


@pytest.fixture(scope="module")
def scripts():
    """The scripts, which import each other as neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield {name: importlib.import_module(name) for name in ("_ratings", "ratings")}


def test_the_mean_skill_is_r2(scripts):
    rng = np.random.default_rng(0)
    y, predicted = rng.normal(size=(2, 30, 2))
    skill = scripts["_ratings"].skill_of_songs(y, predicted)
    np.testing.assert_allclose(skill.mean(axis=0), r2_score(y, predicted, multioutput="raw_values"))
    curves = [rng.normal(size=(4, 1)) for _ in range(5)]
    curves[1][2] = np.nan
    perfect, constant = ([np.nan_to_num(own) * share for own in curves] for share in (1, 0))
    every = np.concatenate(curves)
    np.testing.assert_allclose(scripts["_ratings"].skill_of_curves(curves, perfect), 1)
    found = scripts["_ratings"].skill_of_curves(curves, constant)
    np.testing.assert_allclose(found[1, 0], 1 - np.nanmean(curves[1] ** 2) / np.nanvar(every))


def test_shares_are_made_to_sum_to_one(scripts):
    y = np.array([[0.5, 0.5], [1.0, 0.0]])
    scores = scripts["_ratings"].share_scores(y, 3 * y)
    assert scores["total variation"] == pytest.approx(0, abs=1e-5)
    assert scores["right dominant emotion"] == 1


def test_the_page_comes_from_the_kept_report(scripts):
    page = (BENCHMARKS.parent / "docs" / "reports" / "ratings.md").read_text(encoding="utf-8")
    report = json.loads((BENCHMARKS / "results" / "ratings.json").read_text(encoding="utf-8"))
    assert scripts["ratings"].document(report) == page


def write_tone(path, frequency, rng):
    t = np.arange(40000) / 8000
    soundfile.write(path, 0.2 * np.sin(2 * np.pi * frequency * t) + 0.02 * rng.standard_normal(len(t)), 8000)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """VGMIDI with eight pieces and Emotify with eight songs, of five seconds, as $SKMER_DATA."""
    home, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name in ("vgmidi", "emotify"):
        (home / name / "audio").mkdir(parents=True)
    labels = ["id,series,name,n_raters,duration_s,valence,arousal,quadrant"]
    dynamic = ["id,start_s,end_s,valence_mean,valence_sd,arousal_mean,arousal_sd"]
    emotions = [f"track_id,file,genre,{','.join(EMOTIONS)},dominant,dominant_tied,artist"]
    for i in range(8):
        valence, arousal = 0.2 + 0.1 * (i % 4), 0.5 - 0.1 * (i % 3)
        labels.append(f"{i},{'AB'[i // 4]},x,5,5,{valence},{arousal},Q1")
        dynamic += [f"{i},{k},{k + 1},{valence + 0.02 * k - 0.04:.3f},.2,{arousal},.2" for k in range(5)]
        write_tone(home / "vgmidi" / "audio" / f"{i}.flac", 300 + 100 * (i % 4), rng)
        shares = np.full(len(EMOTIONS), 0.1)
        shares[i % 2] = 0.8
        emotions.append(f"{i},audio/{i}.flac,rock,{','.join(map(str, shares))},{EMOTIONS[i % 2]},0,artist{i // 2}")
        write_tone(home / "emotify" / "audio" / f"{i}.flac", 300 + 200 * (i % 2), rng)
    for path, lines in (("vgmidi/labels", labels), ("vgmidi/dynamic", dynamic), ("emotify/labels", emotions)):
        (home / f"{path}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKMER_DATA", str(home))
        yield home


def test_quick_run_writes_its_report_and_a_second_one_reuses_its_fits(scripts, home, tmp_path, capsys):
    command = ["--quick", "--output-dir", str(tmp_path), "--verbose", "0"]
    for name in ("load", "ratings_over_time"):
        getattr(scripts["_ratings"], name).cache_clear()
    assert scripts["ratings"].main(command) == 0
    assert sum(map(len, capsys.readouterr())) == 0
    report = json.loads((tmp_path / "ratings.json").read_text(encoding="utf-8"))
    assert report["static"]["n_songs"] == report["shares"]["n_songs"] == 8
    assert {"mean", "descriptors", "plain", "SSSL"} < {row["system"] for row in report["static"]["rows"]}
    over_time = {row["system"]: row["scores"] for row in report["over_time"]["rows"]}
    assert over_time["true mean"]["R², pooled"][1]["mean"] == pytest.approx(1)
    assert "figures mean nothing" in (tmp_path / "ratings.md").read_text(encoding="utf-8")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / ".partial" / "ratings").iterdir()}
    # seven systems of VGMIDI and six of Emotify, on two folds
    assert len(kept) == 26
    assert scripts["ratings"].main(command) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
