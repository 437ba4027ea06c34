"""Rows, settings and reports of the second paper: hand-computed answers, planted truth, and what is said of them."""

import csv
import io

import numpy as np
import pytest

from skmer.model_selection import TAG_SCORES, corrected_paired_test, holm
from skmer.model_selection.tag_metrics import macro_roc_auc
from skmer.reproduction import MirableSettings, run_mirable, table_csv, table_markdown
from skmer.reproduction.mirable.fits import _fit_linear, _spectrogram_statistics
from skmer.reproduction.mirable.report import mirable_differences, mirable_rows
from skmer.reproduction.mirable.songs import TaggedSongs, TaggingSplit
from skmer.reproduction.mirable.systems import ROWS, rows_with_needed
from skmer.reproduction.mirable.table import _judge, judge_tags
from skmer.reproduction.published import MIRABLE_TABLE_1, MIRABLE_TABLE_2
from skmer.songs import SongSequence
from tests.reproduction.tiny_mirable import make_table

NONE = np.array([], int)
SOME = [ROWS[name] for name in ("long-normal", "short-hpcp-noisy")]


def judge(split, target, name, fitted=None):
    tags = [f"tag {k}" for k in range(target.shape[1])]
    return _judge(split, TaggedSongs("T", "song", [], target, tags, NONE), name, fitted or {})


def test_the_dummy_is_chance():
    # two tags of 4 and 1 of 8 test songs
    target = np.zeros((16, 2), int)
    target[[0, 1, 8, 9, 10, 11], 0] = 1
    target[[2, 12], 1] = 1
    split = TaggingSplit(0, np.arange(4), NONE, np.arange(4), np.arange(8, 16))
    found = judge(split, target, "dummy")["scores"]
    assert found["ROC-AUC"] == 0.5
    assert found["PR-AUC"] == pytest.approx((4 / 8 + 1 / 8) / 2)
    # of equally good thresholds the lowest: each song is given each tag
    assert (found["TPR"], found["TNR"]) == (1.0, 0.0)
    assert found["F-score"] == pytest.approx((2 * 4 / 12 + 2 * 1 / 9) / 2)


def test_thresholds_are_those_of_the_validation_songs():
    y = {part: np.array([[0], [0], [1], [1]]) for part in ("validation", "test")}
    # on the test songs 0.6 would be the best threshold, on the validation songs 0.3 is
    scores = {"validation": np.array([[0.1], [0.2], [0.4], [0.9]]), "test": np.array([[0.1], [0.5], [0.7], [0.9]])}
    found = judge_tags(y, ["a"], scores)
    assert (found["scores"]["TPR"], found["scores"]["TNR"]) == (1.0, 0.5)
    assert found["scores"]["ROC-AUC"] == 1.0


def test_tags_without_test_songs_are_left_out():
    y = {"validation": np.array([[0, 0], [1, 1]]), "test": np.array([[0, 0], [1, 0]])}
    scores = {"validation": np.array([[0.1, 0.1], [0.9, 0.9]]), "test": np.array([[0.9, 0.1], [0.1, 0.9]])}
    found = judge_tags(y, ["a", "b"], scores)
    assert found["scores"]["ROC-AUC"] == 0.0
    assert found["per_tag"]["ROC-AUC"] == [0.0, None]


def test_the_ensemble_has_the_weight_of_the_validation_songs(rng):
    target = (rng.random((160, 3)) < 0.3).astype(int)
    split = TaggingSplit(0, NONE, NONE, np.arange(80), np.arange(80, 160))
    good, noise = 2 * target + rng.normal(size=target.shape), rng.normal(size=target.shape)

    def fitted(test=1):
        halves = [{"validation": x[:80], "test": test * x[80:]} for x in (good, noise)]
        return dict(zip(ROWS["ensemble"].needs, ({"logits": half} for half in halves), strict=True))

    found = judge(split, target, "ensemble", fitted())
    assert found["weight"] > 0.7
    assert found["scores"]["ROC-AUC"] == pytest.approx(
        macro_roc_auc(target[80:], (found["weight"] * good + (1 - found["weight"]) * noise)[80:])
    )
    # the test songs have no say
    assert judge(split, target, "ensemble", fitted(-1))["weight"] == found["weight"]


def test_statistics_are_those_of_the_mel_steps():
    # two mel steps a block: step s of the song is all s in band 0, and 5 in the others
    blocks = np.full((4, 2, 128), 5.0)
    blocks[:, :, 0] = np.arange(8).reshape(4, 2)
    [found] = _spectrogram_statistics(SongSequence([blocks.reshape(4, 256)], window=(4, 4)))
    assert found[0] == 3.5
    assert found[128] == pytest.approx(np.std(np.arange(8)))
    assert found[256] == 1.0  # from one step to the next
    assert found[1:128].tolist() == [5.0] * 127
    assert not found[129:256].any()


@pytest.mark.parametrize("n_tags", [1, 3])
def test_regression_learns_planted_tags_and_survives_absent_ones(rng, n_tags):
    y = np.zeros((80, 3), int)
    y[:, 0], y[:, 1] = np.arange(80) % 2, np.arange(80) // 2 % 2
    # four blocks of two mel steps; some bands are louder where a song has one of the first two tags
    blocks = rng.normal(size=(80, 4, 2, 128))
    blocks[..., :8] += 3 * y[:, None, None, :1]
    blocks[..., 8:16] += 3 * y[:, None, None, 1:2]
    blocks = blocks.reshape(80, 4, 256)
    parts = {"labelled": slice(0, 40), "validation": slice(40, 60), "test": slice(60, 80)}
    X = {part: SongSequence(list(blocks[own]), window=(4, 4)) for part, own in parts.items()}
    [(name, row)] = _fit_linear(X, {part: y[parts[part], :n_tags] for part in ("labelled", "validation")})
    assert name == "logistic-regression"
    logits = np.array(row["logits"]["test"])
    assert logits.shape == (20, n_tags)
    assert macro_roc_auc(y[60:, :n_tags], logits) > 0.95


def test_rows_and_what_they_need():
    assert set(MIRABLE_TABLE_1) == set(ROWS) - {"dummy", "logistic-regression"}
    assert set(MIRABLE_TABLE_2) < set(MIRABLE_TABLE_1)
    names = list(ROWS)
    for name, row in ROWS.items():
        assert all(names.index(need) < names.index(name) for need in row.needs)
        # a teacher hears what its student hears
        assert row.kind != "student" or (ROWS[row.needs[0]].length, ROWS[row.needs[0]].hpcp) == (row.length, row.hpcp)
    assert rows_with_needed() == names
    assert rows_with_needed(["ensemble"]) == ["long-hpcp", "long-hpcp-noisy", "short-normal", "ensemble"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": []}, r"seeds must be whole numbers from 0 to 4294967295, at least one, got \[\]"),
        ({"seeds": [0, -1]}, r"seeds must be whole numbers .* got \[0, -1\]"),
        ({"seeds": [0.5]}, "seeds must be whole numbers"),
        ({"seeds": 3}, "seeds must be whole numbers"),
        ({"seeds": [2**32]}, "seeds must be whole numbers"),
        ({"n_splits": 1}, "n_splits must be a whole number, at least 2, got 1"),
        ({"n_splits": 2.0}, "n_splits must be a whole number"),
        ({"hide": 1}, "hide=1 must be a share"),
        ({"rows": []}, "rows must be some of dummy, .*; got none"),
        ({"rows": ["long"]}, "rows must be some of dummy, .*; got long"),
    ],
)
def test_wrong_arguments_are_found_before_the_collection_is_read(given, message):
    with pytest.raises(ValueError, match=message):
        run_mirable("emotify", data_home="nowhere", **given)


def test_seeds_are_whole_numbers_of_any_kind():
    with pytest.raises(FileNotFoundError):
        run_mirable("emotify", data_home="nowhere", seeds=np.arange(2))


def test_the_defaults_are_the_papers():
    settings = MirableSettings()
    long, short, noisy = (settings.tagger(ROWS[name]) for name in ("long-hpcp", "short-normal", "short-hpcp-noisy"))
    assert (long.batch_size, short.batch_size, noisy.batch_size) == (8, 16, 16)
    assert {(t.max_epochs, t.patience, t.lr, t.backbone) for t in (long, short, noisy)} == {(100, 5, "auto", "crnn")}
    assert (long.mask_range, long.noise, noisy.mask_range, noisy.noise) == ((20, 60), 0.0, (30, 90), 0.01)
    assert (noisy.thresholds, noisy.positive_above, noisy.negative_below) == ("probability", 0.1, 1e-6)
    assert settings.tagger(ROWS["baseline"]).backbone == "vggish"
    assert [settings.blocks("long", True).duration, settings.blocks("short", False).duration] == ["long", "short"]
    ours = MirableSettings(params={"mask_range": (1, 2), "lr": 0.1}, noisy_params={"noise": 0.5})
    noisy = ours.tagger(ROWS["long-hpcp-noisy"])
    assert (noisy.mask_range, noisy.noise, noisy.lr) == ((30, 90), 0.5, 0.1)


def test_the_defaults_of_a_collection():
    assert MirableSettings.for_dataset("mtg_jamendo") == MirableSettings()
    emotify = MirableSettings.for_dataset("emotify", epochs=3)
    assert (emotify.long, emotify.thresholds, emotify.epochs) == (30.0, "percentile", 3)
    own = MirableSettings.for_dataset("emotify", long=9.0, thresholds="probability")
    assert (own.long, own.thresholds) == (9.0, "probability")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"params": {"widht": 3}}, "EmotionTagger has no parameter 'widht' to set here; it has lr, mask_range,"),
        ({"params": {"backbone_params": {}}}, "EmotionTagger has no parameter 'backbone_params'"),
        ({"noisy_params": {"teacher": None}}, "NoisyStudentTagger has no parameter 'teacher'"),
        ({"backbone_params": {"widht": 3}}, "backbone_params={'widht': 3} do not match the backbone"),
        ({"params": {"lr": -1}}, "'lr' parameter of EmotionTagger"),
        ({"long": 0.1}, "less than one block"),
        ({"short": 0.5}, "at least 4 blocks"),
        ({"thresholds": "x"}, "thresholds must be one of"),
        ({"noisy_params": {"positive_above": 95}}, "positive_above=95 and negative_below=1e-06 must be probabilities"),
        ({"params": {"mask_range": [60, 20]}}, r"mask_range must be .* got \[60, 20\]"),
        ({"noisy_params": {"mask_range": [1]}}, r"mask_range must be .* got \[1\]"),
        ({"noisy_params": {"n_iterations": "two"}}, "'n_iterations' parameter of NoisyStudentTagger"),
        ({"params": {"precision": "float8"}}, "'precision' parameter"),
        ({"epochs": 0}, "'max_epochs' parameter"),
        ({"batch_short": 0}, "'batch_size' parameter"),
        ({"device": "cuda"}, "device='cuda'"),
        ({"device": "xpu"}, "A trial on device='xpu' fails"),
        ({"device": "gpu"}, "device='gpu' is unknown"),
    ],
)
def test_settings_that_would_fail_after_hours(settings, message, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=message):
        MirableSettings(**{"long": 2.0, "short": 1.0, **settings}).check(SOME, 56)


def test_markdown_of_one_split():
    text = table_markdown(make_table(tags_not_in_test=["b"]))
    assert "T: 17,982 tracks of 1,508 artists, 2 tags. A subset." in text
    assert "The published split-0: 9,949/3,802/4,231 labelled training, validation and test tracks. Seed 0." in text
    assert "without tags: 100 tracks in the audio folder that are not in the split." in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "| row | ROC-AUC | paper | PR-AUC | paper | F-score | paper | s per fit |" in lines
    assert "| baseline | .7500 | .7258 | .7500 | .1077 | .7500 | .1656 | 12 |" in lines
    assert "| row | mean TPR | paper | mean TNR | paper |" in lines
    assert "| ensemble | .7500 | .4099 | .7500 | .8671 |" in lines
    assert "| baseline | .7500 | – | .7500 | – |" in lines
    assert "α is chosen on the validation songs: 0.62 (the paper's: 0.7)." in text
    assert "| long-hpcp-noisy | 0.1 | 1e-06 | 25.0 % | 50.0 % | 25.0 % | .700 | .710 |" in lines
    assert "Tags that no test song has, so that they are not in the means: b." in lines
    assert "±" not in text


def test_markdown_of_folds_has_spread_and_no_paper():
    text = table_markdown(make_table("emotify", (0, 2), unlabelled=120, hidden=120))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "| row | ROC-AUC | PR-AUC | F-score | s per fit |" in lines
    assert "| baseline | .760 ± .014 | .760 ± .014 | .760 ± .014 | 12 |" in lines
    assert "An emotion is a tag where at least 25 % of the listeners felt it." in text
    assert "without tags: 120 training tracks" in text
    assert "mean ± standard deviation over folds." in text


def test_hidden_tags():
    text = table_markdown(make_table(unlabelled=4975, hidden=4975))
    assert "figures cannot be compared with the paper's" in text
    text = table_markdown(make_table(unlabelled=0, rows=("baseline",)))
    assert "No row uses songs without tags.\n" in text
    text = table_markdown(make_table("emotify", unlabelled=64, hidden=64, rows=("baseline",)))
    assert "without tags. Not used: 64 training tracks," in text


def test_settings_that_are_right_pass_the_trial():
    more = {"n_iterations": 2, "positive_above": 60, "negative_below": 50, "stochastic": 0.0}
    settings = {"thresholds": "percentile", "noisy_params": more, "params": {"schedule": "one-cycle"}}
    MirableSettings(long=2, short=1, **settings).check([ROWS["baseline"], ROWS["logistic-regression"], *SOME], 9)
    MirableSettings(short=0.95, params={"mask_range": None, "precision": "bfloat16"}).check(SOME[1:], 1)
    MirableSettings().check(SOME[1:], 56)


def test_songs_that_are_repeated():
    table = make_table("emotify", (0, 2), looped={"songs": 390, "of": 400})
    assert " 390 of 400 tracks are shorter than the long input and are repeated to fill it." in (table_markdown(table))
    table["parts"][0]["looped"] = {"songs": 380, "of": 400}
    assert " 380–390 of 400 tracks are shorter" in table_markdown(table)
    for none in (None, {"songs": 0, "of": 400}):
        assert "repeated" not in table_markdown(make_table(looped=none))


def test_rows_without_a_seed_have_no_spread_over_seeds():
    table = make_table(rows=("baseline",))
    [row] = table["rows"]
    table["rows"] = [
        {**row, "name": "dummy", "seed": None},
        row,
        {**row, "seed": 1, "scores": dict.fromkeys(TAG_SCORES, 0.77)},
    ]
    lines = [" ".join(line.split()) for line in table_markdown(table).splitlines()]
    assert any(line.startswith("| dummy | .750 | – | .750 |") for line in lines)
    assert any(line.startswith("| baseline | .760 ± .014 | .7258 |") for line in lines)


def test_csv():
    lines = list(csv.DictReader(io.StringIO(table_csv(make_table()))))
    assert len(lines) == 3 * len(TAG_SCORES)
    assert lines[0] == {
        "row": "baseline", "score": "ROC-AUC", "mean": "0.75", "sd": "", "n": "1", "paper": "0.7258",
        "difference": "0.0242",
    }  # fmt: skip


def differences_of(figures, seeds=(0,)):
    """Compare rows by name, each with the ROC-AUC of its folds; those in capitals have no seed."""
    parts = [{"fold": k, "labelled": 50, "unlabelled": 20, "validation": 10, "test": 20} for k in range(4)]
    rows = [
        {"name": name.lower(), "fold": k, "seed": seed, "scores": {"ROC-AUC": figure}}
        for name, own in figures.items()
        for k, figure in enumerate(own)
        for seed in ([None] if name.isupper() else seeds)
    ]
    return mirable_differences({"rows": rows, "parts": parts, "protocol": {"seeds": list(seeds)}})


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_steps_of_the_paper_are_tested_and_adjusted_together(seeds):
    short, hpcp, linear = [0.60, 0.70, 0.65, 0.62], [0.66, 0.72, 0.70, 0.63], [0.61, 0.68, 0.60, 0.62]
    found = differences_of({"LOGISTIC-REGRESSION": linear, "short-normal": short, "short-hpcp": hpcp}, seeds)
    pairs = [("short-hpcp", "short-normal"), ("short-normal", "logistic-regression"),
             ("short-hpcp", "logistic-regression")]  # fmt: skip
    assert [(pair["row"], pair["less"]) for pair in found] == pairs
    # all songs but the test ones are what folds share
    tests = [
        corrected_paired_test(np.subtract(a, b), 80, 20) for a, b in [(hpcp, short), (short, linear), (hpcp, linear)]
    ]
    np.testing.assert_allclose([pair["mean"] for pair in found], [test.mean for test in tests])
    np.testing.assert_allclose([pair["p_value"] for pair in found], [test.p_value for test in tests])
    np.testing.assert_allclose([pair["adjusted"] for pair in found], holm([test.p_value for test in tests]))


def test_differences_in_the_report():
    assert "Nadeau" not in table_markdown(make_table())
    text = table_markdown(make_table("emotify", folds=(0, 1, 2)))
    assert "| ensemble | long-hpcp-noisy | +.000 ± .000 |" in text


def test_the_paper_figures():
    by_name = {row["row"]: row["paper"] for row in mirable_rows(make_table())}
    assert by_name["ensemble"] == {
        "ROC-AUC": 0.7687, "PR-AUC": 0.1356, "F-score": 0.1978, "TPR": 0.4099, "TNR": 0.8671
    }  # fmt: skip
    assert by_name["baseline"] == {"ROC-AUC": 0.7258, "PR-AUC": 0.1077, "F-score": 0.1656}
    assert all(row["paper"] == {} for row in mirable_rows(make_table("emotify")))
