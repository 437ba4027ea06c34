"""Figures of the rows of Mirable: hand-computed answers, planted truth, and what is said of them."""

import csv
import io

import numpy as np
import pytest

from skmer.model_selection.tag_metrics import TAG_SCORES, macro_roc_auc
from skmer.reproduction.mirable import ROWS, MirableSettings, Part, mirable_csv, mirable_markdown, paper_figures
from skmer.reproduction.mirable.judge import dummy_scores, ensemble_scores, judge
from skmer.reproduction.mirable.linear import fit_linear, spectrogram_statistics
from skmer.reproduction.mirable.paper import TABLE_1, TABLE_2
from skmer.reproduction.mirable.rows import check_rows, with_needed
from skmer.songs import SongSequence
from tests.reproduction.tiny_mirable import make_table

NONE = np.array([], int)


def test_the_dummy_is_chance():
    # two tags of 4 and 1 of 8 test songs
    target = np.zeros((16, 2), int)
    target[[0, 1, 8, 9, 10, 11], 0] = 1
    target[[2, 12], 1] = 1
    part = Part(0, np.arange(4), NONE, np.arange(4), np.arange(8, 16))
    scores = dummy_scores(part, target)
    assert scores["test"].tolist() == [[0.5, 0.25]] * 8
    found = judge(part, target, ["a", "b"], scores)["scores"]
    assert found["ROC-AUC"] == 0.5
    assert found["PR-AUC"] == pytest.approx((4 / 8 + 1 / 8) / 2)
    # of equally good thresholds the lowest: each song is given each tag
    assert (found["TPR"], found["TNR"]) == (1.0, 0.0)
    assert found["F-score"] == pytest.approx((2 * 4 / 12 + 2 * 1 / 9) / 2)


def test_thresholds_are_those_of_the_validation_songs():
    target = np.array([[0], [0], [1], [1]] * 2)
    part = Part(0, NONE, NONE, np.arange(4), np.arange(4, 8))
    # on the test songs 0.6 would be the best threshold, on the validation songs 0.3 is
    scores = {"validation": np.array([[0.1], [0.2], [0.4], [0.9]]), "test": np.array([[0.1], [0.5], [0.7], [0.9]])}
    found = judge(part, target, ["a"], scores)
    assert (found["scores"]["TPR"], found["scores"]["TNR"]) == (1.0, 0.5)
    assert found["scores"]["ROC-AUC"] == 1.0


def test_tags_without_test_songs_are_left_out():
    target = np.array([[0, 0], [1, 1], [0, 0], [1, 0]])
    part = Part(0, NONE, NONE, np.arange(2), np.arange(2, 4))
    scores = {"validation": np.array([[0.1, 0.1], [0.9, 0.9]]), "test": np.array([[0.9, 0.1], [0.1, 0.9]])}
    found = judge(part, target, ["a", "b"], scores)
    assert found["scores"]["ROC-AUC"] == 0.0
    assert found["per_tag"]["ROC-AUC"] == [0.0, None]


def test_the_ensemble_has_the_weight_of_the_validation_songs(rng):
    target = (rng.random((400, 3)) < 0.3).astype(int)
    part = Part(0, NONE, NONE, np.arange(200), np.arange(200, 400))
    halves = {"validation": slice(0, 200), "test": slice(200, 400)}
    good, noise = 2 * target + rng.normal(size=target.shape), rng.normal(size=target.shape)
    short, long = ({which: x[own] for which, own in halves.items()} for x in (good, noise))
    scores, weight = ensemble_scores(part, target, short, long)
    assert weight > 0.7
    assert np.allclose(scores["test"], weight * short["test"] + (1 - weight) * long["test"])
    # the test songs have no say
    changed = {**short, "test": -short["test"]}
    assert ensemble_scores(part, target, changed, long)[1] == weight


def test_statistics_are_those_of_the_mel_steps():
    # two mel steps a block: step s of the song is all s in band 0, and 5 in the others
    blocks = np.full((4, 2, 128), 5.0)
    blocks[:, :, 0] = np.arange(8).reshape(4, 2)
    songs = SongSequence([blocks.reshape(4, 256)], window=(4, 4))
    [found] = spectrogram_statistics(songs)
    assert found[0] == 3.5
    assert found[128] == pytest.approx(np.std(np.arange(8)))
    assert found[256] == 1.0  # from one step to the next
    assert found[1:128].tolist() == [5.0] * 127
    assert not found[129:256].any()


def test_regression_learns_planted_tags_and_survives_absent_ones(rng):
    y = np.zeros((80, 3), int)
    y[:, 0], y[:, 1] = np.arange(80) % 2, np.arange(80) // 2 % 2
    X = rng.normal(size=(80, 6))
    X[:, :2] += 3 * y[:, :2]
    model = fit_linear(X[:40], y[:40], X[40:60], y[40:60])
    assert model.decision_function(X[60:]).shape == (20, 3)
    assert macro_roc_auc(y[60:], model.decision_function(X[60:])) > 0.95
    one = fit_linear(X[:40], y[:40, :1], X[40:60], y[40:60, :1])
    assert one.decision_function(X[60:]).size == 20


def test_rows_and_what_they_need():
    assert set(TABLE_1) == set(ROWS) - {"dummy", "logistic-regression"}
    assert set(TABLE_2) < set(TABLE_1)
    names = list(ROWS)
    for name, row in ROWS.items():
        assert all(names.index(need) < names.index(name) for need in row.needs)
        # a teacher hears what its student hears
        assert row.kind != "student" or (ROWS[row.needs[0]].length, ROWS[row.needs[0]].hpcp) == (row.length, row.hpcp)
    assert with_needed(names) == check_rows(None) == names
    for wrong in (["long"], []):
        with pytest.raises(ValueError, match="rows must be some of dummy"):
            check_rows(wrong)


def test_the_paper_figures():
    assert paper_figures("mtg_jamendo", "short-hpcp") == {"ROC-AUC": 0.7541, "PR-AUC": 0.1275, "F-score": 0.1864}
    assert paper_figures("mtg_jamendo", "dummy") == paper_figures("emotify", "baseline") == {}


def test_the_defaults_are_the_papers():
    settings = MirableSettings()
    settings.check([row for row in ROWS.values() if row.length], 56)
    long, short, noisy = (settings.estimator(ROWS[name]) for name in ("long-hpcp", "short-normal", "short-hpcp-noisy"))
    assert (long.batch_size, short.batch_size, noisy.batch_size) == (8, 16, 16)
    assert {(t.max_epochs, t.patience, t.lr, t.backbone) for t in (long, short, noisy)} == {(100, 5, "auto", "crnn")}
    assert (long.mask_range, long.noise, noisy.mask_range, noisy.noise) == ((20, 60), 0.0, (30, 90), 0.01)
    assert (noisy.thresholds, noisy.positive_above, noisy.negative_below) == ("probability", 0.1, 1e-6)
    assert settings.estimator(ROWS["baseline"]).backbone == "vggish"
    assert [settings.blocks("long", True).duration, settings.blocks("short", False).duration] == ["long", "short"]
    ours = MirableSettings(params={"mask_range": (1, 2), "lr": 0.1}, noisy_params={"noise": 0.5})
    noisy = ours.estimator(ROWS["long-hpcp-noisy"])
    assert (noisy.mask_range, noisy.noise, noisy.lr) == ((30, 90), 0.5, 0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"params": {"widht": 3}}, "EmotionTagger has no parameter 'widht' to set here; it has lr, mask_range,"),
        ({"params": {"backbone_params": {}}}, "EmotionTagger has no parameter 'backbone_params'"),
        ({"noisy_params": {"teacher": None}}, "NoisyStudentTagger has no parameter 'teacher'"),
        ({"backbone_params": {"widht": 3}}, "backbone_params={'widht': 3} do not suit the backbone"),
        ({"params": {"lr": -1}}, "'lr' parameter of EmotionTagger"),
        ({"long": 0.1}, "less than one block"),
        ({"short": 0.5}, "at least 4 blocks"),
        ({"thresholds": "x"}, "thresholds must be one of"),
        ({"noisy_params": {"positive_above": 95}}, "positive_above=95 and negative_below=1e-06 must be probabilities"),
        ({"params": {"mask_range": [60, 20]}}, r"mask_range=\[60, 20\] must be two lengths"),
        ({"noisy_params": {"mask_range": [1]}}, r"mask_range=\[1\] must be two lengths"),
        ({"noisy_params": {"n_iterations": "two"}}, "'n_iterations' parameter of NoisyStudentTagger"),
        ({"params": {"precision": "float8"}}, "'precision' parameter"),
        ({"epochs": 0}, "'max_epochs' parameter"),
        ({"batch_short": 0}, "'batch_size' parameter"),
        ({"device": "cuda"}, "no CUDA device is present"),
        ({"device": "xpu"}, "A trial on device='xpu' fails"),
        ({"device": "gpu"}, "device='gpu' is unknown"),
    ],
)
def test_settings_that_would_fail_after_hours(settings, message, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=message):
        MirableSettings(**settings).check([row for row in ROWS.values() if row.length], 56)


def test_markdown_of_one_split():
    text = mirable_markdown(make_table(tags_not_in_test=["b"]))
    assert "T: 17,982 tracks of 1,508 artists, 2 tags. A subset." in text
    assert "The published split-0: 9,949/3,802/4,231 labelled training, validation and test tracks. Seed 0." in text
    assert "without tags, 100 tracks below the audio folder that the split does not name." in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "| row | ROC-AUC | paper | PR-AUC | paper | F-score | paper | s a fit |" in lines
    assert "| baseline | .7500 | .7258 | .7500 | .1077 | .7500 | .1656 | 12 |" in lines
    assert "| row | mean TPR | paper | mean TNR | paper |" in lines
    assert "| ensemble | .7500 | .4099 | .7500 | .8671 |" in lines
    assert "| baseline | .7500 | – | .7500 | – |" in lines
    assert "chosen on validation 0.62 (the paper's: 0.7)." in text
    assert "| long-hpcp-noisy | 0.1 | 1e-06 | 25.0 % | 50.0 % | 25.0 % | .700 | .710 |" in lines
    assert "Tags that no test song has, which are left out of the means: b." in lines
    assert "±" not in text


def test_markdown_of_folds_has_spread_and_no_paper():
    text = mirable_markdown(make_table("emotify", (0, 2), unlabelled=120, hidden=120))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "| row | ROC-AUC | PR-AUC | F-score | s a fit |" in lines
    assert "| baseline | .760 ± .014 | .760 ± .014 | .760 ± .014 | 12 |" in lines
    assert "An emotion is a tag where at least 0.25 of the listeners felt it." in text
    assert "hear, without tags, 120 training tracks" in text
    assert "mean ± standard deviation over folds." in text


def test_hidden_tags_of_the_paper_collection_are_said():
    text = mirable_markdown(make_table(unlabelled=4975, hidden=4975))
    assert "no figure can be compared with its own" in text
    text = mirable_markdown(make_table(unlabelled=0, rows=("baseline",)))
    assert "No row hears songs without tags.\n" in text
    text = mirable_markdown(make_table("emotify", unlabelled=64, hidden=64, rows=("baseline",)))
    assert "without tags. Left out: 64 training tracks," in text


def test_settings_that_are_right_pass_the_trial():
    rows = [row for row in ROWS.values() if row.length]
    more = {"n_iterations": 2, "positive_above": 60, "negative_below": 50, "stochastic": 0.0}
    MirableSettings(thresholds="percentile", noisy_params=more, params={"schedule": "one-cycle"}).check(rows, 9)
    MirableSettings(long=30, short=0.95, params={"mask_range": None, "precision": "bfloat16"}).check(rows, 1)


def test_the_settings_of_a_collection():
    assert MirableSettings.for_dataset("mtg_jamendo") == MirableSettings()
    emotify = MirableSettings.for_dataset("emotify", epochs=3)
    assert (emotify.long, emotify.thresholds, emotify.epochs) == (30.0, "percentile", 3)
    own = MirableSettings.for_dataset("emotify", long=9.0, thresholds="probability")
    assert (own.long, own.thresholds) == (9.0, "probability")


def test_songs_that_begin_again_are_said():
    table = make_table("emotify", (0, 2), looped={"songs": 390, "of": 400})
    assert " 390 of 400 tracks are shorter than the long input and begun again until it is full." in (
        mirable_markdown(table)
    )
    table["parts"][0]["looped"] = {"songs": 380, "of": 400}
    assert " 380–390 of 400 tracks are shorter" in mirable_markdown(table)
    for none in (None, {"songs": 0, "of": 400}):
        assert "begun again" not in mirable_markdown(make_table(looped=none))


def test_rows_without_a_seed_have_no_spread_over_seeds():
    table = make_table(rows=("baseline",))
    [row] = table["rows"]
    table["rows"] = [
        {**row, "name": "dummy", "seed": None},
        row,
        {**row, "seed": 1, "scores": dict.fromkeys(TAG_SCORES, 0.77)},
    ]
    lines = [" ".join(line.split()) for line in mirable_markdown(table).splitlines()]
    assert any(line.startswith("| dummy | .750 | – | .750 |") for line in lines)
    assert any(line.startswith("| baseline | .760 ± .014 | .7258 |") for line in lines)


def test_csv():
    lines = list(csv.DictReader(io.StringIO(mirable_csv(make_table()))))
    assert len(lines) == 3 * len(TAG_SCORES)
    assert lines[0] == {
        "row": "baseline", "score": "ROC-AUC", "mean": "0.75", "sd": "", "n": "1", "paper": "0.7258",
        "difference": "0.0242",
    }  # fmt: skip
