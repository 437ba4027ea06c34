import pickle
import re
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_array
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import cross_validate
from skorch.callbacks import Callback, EarlyStopping

from skmer import EmotionTagger, SongSequence
from skmer.feature_extraction import FileRows
from skmer.model_selection import tag_scores
from skmer.tagging._base import check_tags
from skmer.tagging.net import TagNet
from skmer.training.callbacks import AverageWeights
from skmer.training.data import make_bank
from skmer.training.holdout import draw_validation
from tests.tagging.tiny import CRNN, QUICK, planted_songs


@pytest.fixture(scope="module")
def rows():
    """Rows of 4 features, whose first two are tags, and a third tag that is chance."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    return X, np.column_stack([X[:, :2] > 0, rng.uniform(size=60) > 0.5]).astype(int)


@pytest.fixture(scope="module")
def fitted(rows):
    """A tagger of rows, with 20 given validation songs."""
    X, y = rows
    return EmotionTagger(**QUICK).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])


@pytest.fixture(scope="module")
def songs():
    return planted_songs(np.random.default_rng(0), 12)


@pytest.fixture(scope="module")
def of_songs(songs):
    return EmotionTagger(max_epochs=2, validation_fraction=0.4, **CRNN).fit(*songs)


# ---- training and prediction -------------------------------------------------------------------------


def test_a_loud_band_and_a_pitch_class_are_learnt(rng):
    X, y = planted_songs(rng, 60)
    X_test, y_test = planted_songs(rng, 40)
    tagger = EmotionTagger(**{**CRNN, "lr": 2e-2}, max_epochs=10, patience=10).fit(X, y)
    scores = tag_scores(y_test, tagger.predict_proba(X_test), tagger.thresholds_)
    assert min(scores["per_tag"]["ROC-AUC"]) > 0.9
    assert scores["F-score"] > 0.8
    assert tagger.score(X_test, y_test) == pytest.approx(scores["ROC-AUC"])


def test_logits_of_segments_are_averaged_not_probabilities(songs, of_songs):
    X, _ = songs
    bank = make_bank(X, of_songs.standardizer_)
    segments = of_songs.net_.row_outputs(bank, precision="float32").double().numpy()
    expected = np.stack([segments[bank.song == i].mean(0) for i in range(12)])
    np.testing.assert_allclose(of_songs.decision_function(X), expected, atol=1e-6)
    np.testing.assert_allclose(of_songs.predict_proba(X), expit(expected), atol=1e-6)
    of_probabilities = np.stack([expit(segments[bank.song == i]).mean(0) for i in range(12)])
    assert np.abs(expit(expected) - of_probabilities).max() > 1e-6
    alone = np.concatenate([of_songs.decision_function(X[[i]]) for i in range(12)])
    np.testing.assert_allclose(alone, expected, atol=1e-5)


def test_predictions_are_in_float32_after_training_in_half_precision(songs):
    half = EmotionTagger(max_epochs=1, precision="bfloat16", validation_fraction=0.4, **CRNN).fit(*songs)
    assert half.net_.precision == "bfloat16"
    logits = half.decision_function(songs[0])
    assert np.isfinite(logits).all()
    assert not np.array_equal(logits, torch.from_numpy(logits).bfloat16().double().numpy())
    rounded = half.set_params(prediction_precision="bfloat16").decision_function(songs[0])
    np.testing.assert_allclose(rounded, logits, atol=0.05)
    assert not np.array_equal(rounded, logits)


def test_songs_on_disk_are_learnt_alike(songs, of_songs, tmp_path):
    X, y = songs
    for i, item in enumerate(X.items):
        np.save(tmp_path / f"{i}.npy", item)
    stored = SongSequence([FileRows(tmp_path / f"{i}.npy") for i in range(12)], window=X.window)
    tagger = clone(of_songs).fit(stored, y)
    np.testing.assert_allclose(tagger.decision_function(X), of_songs.decision_function(X), atol=1e-5)
    np.testing.assert_allclose(tagger.decision_function(stored), tagger.decision_function(X), atol=1e-3)


def test_fitted_attributes_and_outputs(rows):
    X, y = rows
    tagger = EmotionTagger(**QUICK).fit(X, y)
    assert tagger.n_tags_ == 3
    assert tagger.tags_.tolist() == [0, 1, 2]
    assert tagger.classes_.tolist() == [[0, 1]] * 3
    assert len(tagger.validation_songs_) == 12
    assert set(tagger.history_[0]) == {"epoch", "train_loss", "lr", "valid_roc_auc", "best"}
    assert tagger.predict(X).dtype == np.int64
    assert tagger.predict(X).shape == tagger.predict_proba(X).shape == (60, 3)


# ---- early stopping and thresholds -------------------------------------------------------------------


def test_early_stopping_keeps_the_best_epoch(rows, monkeypatch):
    X, y = rows
    planted = iter([0.5, 0.7, 0.6, 0.7, 0.65, 0.9])
    monkeypatch.setattr("skmer.tagging.net.macro_roc_auc", lambda y, scores: next(planted))
    tagger = EmotionTagger(**{**QUICK, "max_epochs": 50}, patience=3).fit(X, y)
    assert [row["valid_roc_auc"] for row in tagger.history_] == [0.5, 0.7, 0.6, 0.7, 0.65]
    assert [row["best"] for row in tagger.history_] == [True, True, False, False, False]
    # a training of two epochs ends with the same weights
    planted = iter([0.5, 0.7])
    monkeypatch.setattr("skmer.tagging.net.macro_roc_auc", lambda y, scores: next(planted))
    shorter = EmotionTagger(**{**QUICK, "max_epochs": 2}).fit(X, y)
    np.testing.assert_array_equal(tagger.decision_function(X), shorter.decision_function(X))


def test_scores_and_thresholds_are_those_of_the_validation_songs(rows, fitted):
    X, y = rows[0][40:], rows[1][40:]
    best = max(row["valid_roc_auc"] for row in fitted.history_)
    assert fitted.validation_songs_ is None
    assert fitted.score(X, y) == pytest.approx(best, abs=1e-6)
    probabilities = fitted.predict_proba(X)
    assert best == pytest.approx(roc_auc_score(y, probabilities))
    np.testing.assert_array_equal(fitted.predict(X), probabilities >= fitted.thresholds_)
    reached = f1_score(y, fitted.predict(X), average=None)
    for k in range(3):
        possible = [f1_score(y[:, k], probabilities[:, k] >= value) for value in probabilities[:, k]]
        assert reached[k] == pytest.approx(max(possible))


def test_callbacks_see_the_final_epoch_and_may_stop_earlier(rows):
    class Note(Callback):
        seen = ()

        def on_epoch_end(self, net, **kwargs):
            Note.seen = [*Note.seen, net.history[-1, "valid_roc_auc"]]

    tagger = EmotionTagger(**{**QUICK, "max_epochs": 60}, patience=2, callbacks=[Note()]).fit(*rows)
    assert len(tagger.history_) < 60
    assert Note.seen == [row["valid_roc_auc"] for row in tagger.history_]
    stop = EarlyStopping("train_loss", patience=1, threshold=10, sink=lambda message: None)
    own = EmotionTagger(**{**QUICK, "max_epochs": 60}, callbacks=[stop]).fit(*rows)
    assert len(own.history_) < 60
    assert "best" in own.history_[-1]


def test_averaged_weights_are_validated_and_the_best_of_them_kept(rows):
    X, y = rows

    class Note(Callback):
        epochs, end = (), None

        def on_epoch_end(self, net, **kwargs):
            Note.epochs = [*Note.epochs, [v.clone() for v in net.module_.state_dict().values()]]

        def on_train_end(self, net, **kwargs):
            Note.end = [v.clone() for v in net.module_.state_dict().values()]

    params = {**QUICK, "max_epochs": 12, "lr": 0.3, "patience": 12}
    tagger = EmotionTagger(**params, callbacks=[Note(), AverageWeights(epochs=2.0)])
    tagger.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    scores = [row["valid_roc_auc"] for row in tagger.history_]
    best = int(np.argmax(scores))
    assert best < 11  # so that the last average is not the best
    for now, then, at_end in zip(tagger.net_.module_.state_dict().values(), Note.epochs[best], Note.end, strict=True):
        assert torch.equal(now, then)
        assert torch.equal(now, at_end)
    plain = EmotionTagger(**params).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert [row["train_loss"] for row in plain.history_] == [row["train_loss"] for row in tagger.history_]
    assert [row["valid_roc_auc"] for row in plain.history_] != scores


def test_the_best_epoch_is_kept_whatever_a_callback_does_at_the_end(rows, fitted):
    class Wipe(Callback):
        def on_train_end(self, net, **kwargs):
            for parameter in net.module_.parameters():
                parameter.data.zero_()

    X, y = rows
    tagger = EmotionTagger(**QUICK, callbacks=[Wipe()]).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    np.testing.assert_array_equal(tagger.decision_function(X), fitted.decision_function(X))
    np.testing.assert_array_equal(tagger.thresholds_, fitted.thresholds_)


# ---- validation songs and tags -----------------------------------------------------------------------


def test_groups_are_not_split_and_the_fraction_is_kept(rows):
    X, y = rows
    groups = np.repeat([f"artist {i}" for i in range(20)], 3)
    held = EmotionTagger(**{**QUICK, "max_epochs": 1}).fit(X, y, groups=groups).validation_songs_
    assert len(held) == 12
    assert not set(groups[held]) & set(np.delete(groups, held))
    alone = np.arange(60)
    assert draw_validation(y, alone, 0.5, seed=0).sum() == 30
    assert not np.array_equal(draw_validation(y, alone, 0.2, seed=0), draw_validation(y, alone, 0.2, seed=1))


def test_rare_tags_have_songs_on_both_sides():
    y = np.zeros((100, 1), dtype=int)
    y[[3, 70]] = 1  # a plain draw of 20 would hold one of the two a third of the time
    for seed in range(10):
        held = draw_validation(y, np.arange(100), 0.2, seed)
        assert held.sum() == 20
        assert y[held].sum() == 1


def test_tags_without_songs_are_named(rows):
    X, y = rows
    y = pd.DataFrame(np.column_stack([y, np.zeros(60, dtype=int)]), columns=["calm", "happy", "tense", "epic"])
    y.loc[:39, "happy"] = 0
    with pytest.warns(UserWarning, match="epic") as caught:
        tagger = EmotionTagger(**QUICK).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert [str(warning.message) for warning in caught] == [
        "Tags without training songs, which cannot be learnt: happy, epic.",
        "Tags without validation songs, which predict assigns to no song: epic.",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    assert tagger.tags_.tolist() == ["calm", "happy", "tense", "epic"]
    assert np.isinf(tagger.thresholds_).tolist() == [False, False, False, True]
    assert not tagger.predict(X)[:, 3].any()


@pytest.mark.parametrize("convert", [csr_array, np.ndarray.tolist, pd.DataFrame, lambda y: y.astype(bool)])
def test_tags_of_any_kind(rows, convert):
    tags, y = check_tags(EmotionTagger(), convert(rows[1]), 60)
    assert tags.tolist() == [0, 1, 2]
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, rows[1])


# ---- contracts --------------------------------------------------------------------------------------


def test_random_state_decides_and_global_states_stay(rows):
    X, y = rows
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two, other = (
        EmotionTagger(**{**QUICK, "random_state": seed}, noise=0.1).fit(X, y).decision_function(X) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, other)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


@pytest.mark.parametrize("n_tags", [1, 3])
def test_scorers_take_any_number_of_tags(rows, n_tags):
    X, y = rows
    tagger = EmotionTagger(**QUICK)
    scoring = {"roc_auc": "roc_auc", "f1": "f1_macro", "own": lambda tagger, X, y: tagger.score(X, y)}
    found = cross_validate(tagger, X, y[:, :n_tags], cv=2, scoring=scoring, error_score="raise")
    np.testing.assert_allclose(found["test_own"], found["test_roc_auc"])
    assert np.isfinite(found["test_f1"]).all()


def test_clone_pickle_and_joblib(songs, of_songs, tmp_path):
    X, _ = songs
    stored = pickle.dumps(of_songs)
    n_parameters = sum(p.numel() for p in of_songs.net_.module_.parameters())
    assert len(stored) < 4 * n_parameters + 40_000  # the songs alone are 60,000 bytes
    joblib.dump(of_songs, tmp_path / "tagger.joblib")
    for again in (pickle.loads(stored), joblib.load(tmp_path / "tagger.joblib")):
        np.testing.assert_array_equal(again.decision_function(X), of_songs.decision_function(X))
        np.testing.assert_array_equal(again.predict(X), of_songs.predict(X))
    assert clone(of_songs).get_params() == of_songs.get_params()


def test_verbose(rows, capsys):
    X, y = rows
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EmotionTagger(**QUICK).fit(X, y)
    assert capsys.readouterr() == ("", "")
    tagger = EmotionTagger(**QUICK, verbose=1).fit(X, y)
    shown = capsys.readouterr().err
    assert "EmotionTagger" in shown
    assert re.findall(r"valid_roc_auc=([\d.]+)", shown)[-1] == f"{tagger.history_[-1]['valid_roc_auc']:.3f}"


def test_the_learning_rate_is_the_backbones_own_unless_given(rng, rows):
    X, y = planted_songs(rng, 12, hpcp=False)
    crnn = {**CRNN, "max_epochs": 1, "validation_fraction": 0.4, "lr": "auto"}
    assert EmotionTagger(**crnn).fit(X, y).history_[0]["lr"] == 1e-4
    vggish = {**crnn, "backbone": "vggish", "backbone_params": None}
    assert EmotionTagger(**vggish).fit(X, y).history_[0]["lr"] == 1e-3
    cycle = EmotionTagger(**QUICK, schedule="one-cycle").fit(*rows).history_
    assert len({row["lr"] for row in cycle}) == len(cycle)


def test_score_is_weighted(rows, fitted):
    X, y = rows
    weights = np.r_[np.ones(20), np.full(20, 3), np.zeros(20)]
    expected = roc_auc_score(y, fitted.decision_function(X), sample_weight=weights)
    assert fitted.score(X, y, sample_weight=weights) == pytest.approx(expected, abs=1e-12)
    assert fitted.score(X, y, sample_weight=weights) != fitted.score(X, y)
    assert fitted.score(X, y, sample_weight=np.ones(60)) == pytest.approx(fitted.score(X, y), abs=1e-12)
    for wrong, message in [(np.ones(59), "sample_weight"), (-weights, "egative"), (np.full(60, np.nan), "NaN")]:
        with pytest.raises(ValueError, match=message):
            fitted.score(X, y, sample_weight=wrong)


# ---- invalid input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": None}, "EmotionTagger requires y to be passed, but the target y is None"),
        ({"y": np.zeros((20, 2, 2))}, r"y must have shape \(n_songs, n_tags\).* got shape \(20, 2, 2\)"),
        ({"y": np.arange(40).reshape(20, 2) % 3}, r"y must hold only 0 and 1, got 2 for song 1 and tag 0"),
        ({"y": np.full((20, 2), np.nan)}, "y must hold only 0 and 1, got nan for song 0"),
        ({"y": np.full((20, 2), "calm")}, "y must hold 0 and 1, got values of type"),
        ({"y": [["calm"], ["calm", "happy"]]}, "y has rows of unequal lengths"),
        ({"y": np.zeros((20, 0))}, "y must have shape"),
        ({"y": np.zeros((19, 2))}, "X has 20 songs but y has 19 rows"),
        ({"y": np.zeros((20, 2))}, "No tag has both positive and negative validation songs"),
        ({"X": [np.zeros((2, 5))] * 7 + [np.full((2, 5), np.nan)] * 13}, "Song 7 of X has NaN"),
        ({"X": []}, "X holds no song"),
        ({"X": ["a.wav"] * 20}, r"^X holds paths, such as 'a\.wav': put TaggingTransformer before EmotionTagger\.$"),
        ({"groups": np.zeros(19)}, r"groups has shape \(19,\) for 20 songs"),
        ({"groups": np.zeros(20)}, "leaves no validation song, since there is only one group of songs"),
        ({"X": [np.zeros((4, 5))], "y": [[0, 1]]}, "no validation song, since there is only one song"),
        ({"X_val": [np.zeros((2, 5))]}, "X_val and y_val must be given together"),
        ({"y_val": [[0, 1]]}, "X_val and y_val must be given together"),
        ({"X_val": [np.zeros((2, 6))], "y_val": [[0, 1]]}, r"Invalid X_val: X has segments of shape \(6,\)"),
        (
            {"X_val": ["a.wav"] * 2, "y_val": [[0, 1], [1, 0]]},
            "Invalid X_val: X holds paths, .* TaggingTransformer",
        ),
        ({"X_val": [np.zeros((2, 5))], "y_val": [[0, 1, 0]]}, "y_val has 3 tags, expected 2"),
        ({"X_val": [np.zeros((2, 5))], "y_val": [[0, 1], [1, 0]]}, "X_val has 1 songs but y_val has 2 rows"),
        ({"X_val": [np.zeros((2, 5))], "y_val": [[0, 1]]}, "No tag has both positive and negative validation songs"),
        ({"X_val": [np.full((2, 5), np.inf)] * 2, "y_val": [[0, 1], [1, 0]]}, "Song 0 of X_val has NaN or infinity"),
    ],
)
def test_invalid_data(rng, change, message):
    given = {"X": [rng.normal(size=(2, 5)) for _ in range(20)], "y": np.stack([np.arange(20) % 2] * 2, 1), **change}
    with pytest.raises(ValueError, match=message):
        EmotionTagger(**QUICK).fit(**given)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"mask_range": (20, 60)}, r"mask_range=\(20, 60\) requires segments .* got \(4,\): set mask_range=None"),
        ({"mask_range": (60, 20)}, "mask_range must be None or two integers"),
        ({"mask_range": (1.5, 20)}, "mask_range must be None or two integers"),
        ({"patience": 0}, "patience"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"noise": -0.1}, "noise"),
        ({"lr": "fast"}, "lr"),
    ],
)
def test_invalid_parameters(rows, params, message):
    with pytest.raises(ValueError, match=message):
        EmotionTagger(**{**QUICK, **params}).fit(*rows)


def test_invalid_data_in_prediction(rng, rows):
    X, y = rows
    tagger = EmotionTagger(**QUICK)
    with pytest.raises(NotFittedError):
        tagger.predict(X)
    songs = [rng.normal(size=(2, 5)) for _ in range(20)]
    tagger.fit(songs, y[:20])
    with pytest.raises(ValueError, match=r"of shape \(6,\).*EmotionTagger was fitted on \(5,\)"):
        tagger.predict([np.zeros((2, 6))])
    with pytest.raises(ValueError, match="Song 1 of X has NaN or infinity"):
        tagger.predict_proba([songs[0], np.full((1, 5), np.nan)])
    with pytest.raises(ValueError, match="y has 2 tags, expected 3"):
        tagger.score(songs, y[:20, :2])


@pytest.mark.parametrize(
    ("error", "when"),
    [
        (KeyboardInterrupt, "on_batch_end"),  # at the end of an epoch, callbacks stop the training with it
        (KeyboardInterrupt, "on_train_end"),
        (ValueError, "on_epoch_end"),
        (KeyboardInterrupt, "history_rows"),
    ],
)
def test_a_fit_that_fails_leaves_nothing_fitted(rows, error, when, monkeypatch):
    def fail(net, **kwargs):
        raise error("enough")

    X, y = rows
    tagger, failing = EmotionTagger(**{**QUICK, "max_epochs": 1}).fit(X, y), Callback()
    if when == "history_rows":
        monkeypatch.setattr(TagNet, when, fail)
    setattr(failing, when, fail)
    tagger.callbacks = [failing]
    threads = torch.get_num_threads()
    with pytest.raises(error, match="enough"):
        tagger.fit(X, y)
    assert torch.get_num_threads() == threads
    assert not [name for name in vars(tagger) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        tagger.predict(X)
