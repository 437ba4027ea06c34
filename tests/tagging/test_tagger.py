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
from sklearn.model_selection import cross_val_score
from skorch.callbacks import Callback, EarlyStopping

from skmer import EmotionTagger, SongSequence
from skmer.feature_extraction import FileRows
from skmer.model_selection import tag_scores
from skmer.tagging._tags_in import draw_validation
from skmer.tagging.net import TagNet
from skmer.training.callbacks import AverageWeights, final_network
from skmer.training.data import StoredBank, make_bank

CRNN = {"backbone_params": {"width": 4, "n_hidden": 8}, "mask_range": (2, 6), "lr": 1e-2, "random_state": 0}
QUICK = {"backbone": "mlp", "mask_range": None, "max_epochs": 4, "random_state": 0}


def planted_songs(rng, n, hpcp=True):
    """Songs of one to three chunks of 4 blocks: tag 0 is a loud band, tag 1 a pitch class."""
    y = np.stack([np.arange(n) % 2, np.arange(n) // 2 % 2], 1)
    items = []
    for i in range(n):
        n_blocks = 4 * (1 + i % 3)
        mel = rng.normal(size=(n_blocks, 2, 128)) - 40
        mel[:, :, 60:76] += 2 * y[i, 0]
        profiles = rng.uniform(0, 0.5, size=(n_blocks, 5, 12))
        profiles[:, :, 7] += 0.5 * y[i, 1]
        parts = [mel.reshape(n_blocks, -1), profiles.reshape(n_blocks, -1)]
        items.append(np.concatenate(parts if hpcp else parts[:1], 1).astype(np.float16))
    return SongSequence(items, window=(4, 4)), y


@pytest.fixture
def rows(rng):
    """Rows of 4 features, whose first two are tags, and a third tag that is chance."""
    X = rng.normal(size=(60, 4))
    return X, np.column_stack([X[:, :2] > 0, rng.uniform(size=60) > 0.5]).astype(int)


# ---- what it learns ---------------------------------------------------------------------------------


def test_a_loud_band_and_a_pitch_class_are_learnt(rng):
    X, y = planted_songs(rng, 80)
    X_test, y_test = planted_songs(rng, 40)
    tagger = EmotionTagger(max_epochs=20, patience=20, **CRNN).fit(X, y)
    figures = tag_scores(y_test, tagger.predict_proba(X_test), tagger.thresholds_)
    assert min(figures["per_tag"]["ROC-AUC"]) > 0.9
    assert figures["F-score"] > 0.8
    assert tagger.score(X_test, y_test) == pytest.approx(figures["ROC-AUC"])
    # of the pitch class the spectrogram says nothing
    mel, _ = planted_songs(np.random.default_rng(0), 80, hpcp=False)
    mel_test, _ = planted_songs(np.random.default_rng(1), 40, hpcp=False)
    deaf = EmotionTagger(max_epochs=10, **CRNN).fit(mel, y)
    band, pitch = tag_scores(y_test, deaf.decision_function(mel_test))["per_tag"]["ROC-AUC"]
    assert band > 0.9
    assert pitch < 0.8


def test_logits_of_chunks_are_averaged_not_probabilities(rng):
    X, y = planted_songs(rng, 12)
    tagger = EmotionTagger(max_epochs=2, validation_fraction=0.4, **CRNN).fit(X, y)
    bank = make_bank(X, tagger.standardizer_)
    chunks = tagger.net_.row_outputs(bank, precision="float32").double().numpy()
    expected = np.stack([chunks[bank.song == i].mean(0) for i in range(12)])
    np.testing.assert_allclose(tagger.decision_function(X), expected, atol=1e-6)
    np.testing.assert_allclose(tagger.predict_proba(X), expit(expected), atol=1e-6)
    of_probabilities = np.stack([expit(chunks[bank.song == i]).mean(0) for i in range(12)])
    assert np.abs(expit(expected) - of_probabilities).max() > 1e-6


@pytest.mark.parametrize("backbone", ["crnn", "vggish"])
def test_half_precision_learns_and_predicts_in_float32(rng, backbone):
    X, y = planted_songs(rng, 12, hpcp=False)
    params = CRNN["backbone_params"] if backbone == "crnn" else None
    params = {**CRNN, "backbone": backbone, "backbone_params": params, "validation_fraction": 0.4}
    half = EmotionTagger(max_epochs=2, precision="bfloat16", **params).fit(X, y)
    assert half.net_.precision == "bfloat16"
    logits = half.decision_function(X)
    assert np.isfinite(logits).all()
    assert not np.array_equal(logits, torch.from_numpy(logits).bfloat16().double().numpy())


def test_songs_on_disk_are_learnt_alike(rng, tmp_path):
    X, y = planted_songs(rng, 12)
    for i, item in enumerate(X.items):
        np.save(tmp_path / f"{i}.npy", item)
    stored = SongSequence([FileRows(tmp_path / f"{i}.npy") for i in range(12)], window=X.window)
    taggers = [EmotionTagger(max_epochs=2, validation_fraction=0.4, **CRNN).fit(songs, y) for songs in (X, stored)]
    assert isinstance(make_bank(stored, taggers[1].standardizer_), StoredBank)
    np.testing.assert_allclose(*(tagger.decision_function(X) for tagger in taggers), atol=1e-5)
    np.testing.assert_allclose(taggers[1].decision_function(stored), taggers[1].decision_function(X), atol=1e-3)


# ---- validation songs, early stopping, thresholds ---------------------------------------------------


def test_early_stopping_keeps_the_best_epoch(rows, monkeypatch):
    X, y = rows
    planted = iter([0.5, 0.7, 0.6, 0.7, 0.65, 0.9])
    monkeypatch.setattr("skmer.tagging.net.macro_roc_auc", lambda y, scores: next(planted))
    tagger = EmotionTagger(**{**QUICK, "max_epochs": 50}, patience=3).fit(X, y)
    assert [row["valid_roc_auc"] for row in tagger.history_] == [0.5, 0.7, 0.6, 0.7, 0.65]
    assert [row["best"] for row in tagger.history_] == [True, True, False, False, False]
    assert set(tagger.history_[0]) == {"epoch", "train_loss", "lr", "valid_roc_auc", "best"}
    monkeypatch.undo()
    # a training of two epochs ends with the same weights
    planted = iter([0.5, 0.7])
    monkeypatch.setattr("skmer.tagging.net.macro_roc_auc", lambda y, scores: next(planted))
    shorter = EmotionTagger(**{**QUICK, "max_epochs": 2}).fit(X, y)
    np.testing.assert_array_equal(tagger.decision_function(X), shorter.decision_function(X))


def test_the_figure_of_the_best_epoch_is_that_of_the_fitted_tagger(rows):
    X, y = rows
    tagger = EmotionTagger(**QUICK).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    best = max(row["valid_roc_auc"] for row in tagger.history_)
    assert tagger.score(X[40:], y[40:]) == best
    assert tagger.validation_songs_ is None
    assert best == pytest.approx(roc_auc_score(y[40:], tagger.predict_proba(X[40:])))


def test_the_epoch_that_stops_it_is_still_judged_and_seen(rows):
    X, y = rows

    class Note(Callback):
        seen = ()

        def on_epoch_end(self, net, **kwargs):
            Note.seen = [*Note.seen, net.history[-1, "valid_roc_auc"]]

    tagger = EmotionTagger(**{**QUICK, "max_epochs": 60}, patience=2, callbacks=[Note()]).fit(X, y)
    assert len(tagger.history_) < 60
    assert Note.seen == [row["valid_roc_auc"] for row in tagger.history_]
    # a user's own rule comes beside it
    stop = EarlyStopping("train_loss", patience=1, threshold=10, sink=lambda message: None)
    own = EmotionTagger(**{**QUICK, "max_epochs": 60}, callbacks=[stop]).fit(X, y)
    assert "best" in own.history_[-1]


def test_averaged_weights_are_judged_and_the_best_of_them_kept(rows):
    X, y = rows

    class Note(Callback):
        epochs, end = (), None

        def on_epoch_end(self, net, **kwargs):
            Note.epochs = [*Note.epochs, [v.clone() for v in final_network(net).state_dict().values()]]

        def on_train_end(self, net, **kwargs):
            Note.end = [v.clone() for v in net.module_.state_dict().values()]

    params = {**QUICK, "max_epochs": 12, "lr": 0.3, "patience": 12}
    tagger = EmotionTagger(**params, callbacks=[Note(), AverageWeights(epochs=2.0)])
    tagger.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    scores = [row["valid_roc_auc"] for row in tagger.history_]
    best = int(np.argmax(scores))
    assert best < 11  # so that the last average is not the best
    assert tagger.score(X[40:], y[40:]) == scores[best]
    for now, then, at_end in zip(tagger.net_.module_.state_dict().values(), Note.epochs[best], Note.end, strict=True):
        assert torch.equal(now, then)
        assert torch.equal(now, at_end)
    plain = EmotionTagger(**params).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert [row["train_loss"] for row in plain.history_] == [row["train_loss"] for row in tagger.history_]
    assert [row["valid_roc_auc"] for row in plain.history_] != scores


def test_the_best_epoch_is_kept_whatever_a_callback_does_at_the_end(rows):
    class Wipe(Callback):
        def on_train_end(self, net, **kwargs):
            for parameter in net.module_.parameters():
                parameter.data.zero_()

    X, y = rows
    expected = EmotionTagger(**QUICK).fit(X, y)
    tagger = EmotionTagger(**QUICK, callbacks=[Wipe()]).fit(X, y)
    np.testing.assert_array_equal(tagger.decision_function(X), expected.decision_function(X))
    np.testing.assert_array_equal(tagger.thresholds_, expected.thresholds_)


def test_thresholds_are_those_of_the_validation_songs(rows):
    X, y = rows
    tagger = EmotionTagger(**QUICK).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    probabilities = tagger.predict_proba(X[40:])
    np.testing.assert_array_equal(tagger.predict(X[40:]), probabilities >= tagger.thresholds_)
    reached = f1_score(y[40:], tagger.predict(X[40:]), average=None)
    for k in range(3):
        possible = [f1_score(y[40:, k], probabilities[:, k] >= value) for value in probabilities[:, k]]
        assert reached[k] == pytest.approx(max(possible))


def test_groups_are_not_split_and_the_fraction_is_kept(rng, rows):
    X, y = rows
    groups = np.repeat([f"artist {i}" for i in range(20)], 3)
    tagger = EmotionTagger(**QUICK).fit(X, y, groups=groups)
    held = tagger.validation_songs_
    assert len(held) == 12
    assert not set(groups[held]) & set(np.delete(groups, held))
    assert len(EmotionTagger(**QUICK, validation_fraction=0.5).fit(X, y).validation_songs_) == 30
    other = EmotionTagger(**{**QUICK, "random_state": 1}).fit(X, y)
    assert set(other.validation_songs_) != set(EmotionTagger(**QUICK).fit(X, y).validation_songs_)


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
    late = y.copy()
    late.loc[:39, "happy"] = 0
    with pytest.warns(UserWarning, match="epic") as caught:
        tagger = EmotionTagger(**QUICK).fit(X[:40], late[:40], X_val=X[40:], y_val=late[40:])
    messages = [str(warning.message) for warning in caught]
    assert messages == [
        "Tags that no training song has, which cannot be learnt: happy, epic.",
        "Tags that no validation song has, which predict gives to no song: epic.",
    ]
    assert tagger.tags_.tolist() == ["calm", "happy", "tense", "epic"]
    assert np.isinf(tagger.thresholds_).tolist() == [False, False, False, True]
    assert not tagger.predict(X)[:, 3].any()


# ---- contracts --------------------------------------------------------------------------------------


def test_random_state_decides_and_nothing_global_moves(rng):
    X, y = planted_songs(rng, 12)
    params = {"max_epochs": 2, "validation_fraction": 0.4, "noise": 0.1, **CRNN}
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    one, two = (EmotionTagger(**params).fit(X, y).decision_function(X) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert not np.allclose(one, EmotionTagger(**{**params, "random_state": 1}).fit(X, y).decision_function(X))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


@pytest.mark.parametrize("n_tags", [1, 2, 3])
def test_scorers_take_any_number_of_tags(rows, n_tags):
    X, y = rows
    tagger = EmotionTagger(**QUICK)
    y = y[:, :n_tags]
    own, of_sklearn = (cross_val_score(tagger, X, y, cv=2, scoring=s, error_score="raise") for s in (None, "roc_auc"))
    np.testing.assert_allclose(own, of_sklearn)
    assert np.isfinite(cross_val_score(tagger, X, y, cv=2, scoring="f1_macro", error_score="raise")).all()


def test_what_is_fitted(rows):
    X, y = rows
    tagger = EmotionTagger(**QUICK).fit(X, y)
    assert tagger.n_tags_ == 3
    assert tagger.tags_.tolist() == [0, 1, 2]
    assert [classes.tolist() for classes in tagger.classes_] == [[0, 1]] * 3
    assert tagger.predict(X).dtype == np.int64
    assert tagger.predict(X).shape == tagger.predict_proba(X).shape == (60, 3)


@pytest.mark.parametrize("convert", [csr_array, np.ndarray.tolist, pd.DataFrame, lambda y: y.astype(bool)])
def test_tags_of_any_kind(rows, convert):
    X, y = rows
    expected = EmotionTagger(**QUICK).fit(X, y).decision_function(X)
    np.testing.assert_array_equal(EmotionTagger(**QUICK).fit(X, convert(y)).decision_function(X), expected)


def test_clone_pickle_and_joblib(rng, tmp_path):
    X, y = planted_songs(rng, 30)
    tagger = EmotionTagger(max_epochs=1, **CRNN).fit(X, y)
    stored = pickle.dumps(tagger)
    n_parameters = sum(p.numel() for p in tagger.net_.module_.parameters())
    assert len(stored) < 4 * n_parameters + 40_000  # the songs alone are 150,000 bytes
    joblib.dump(tagger, tmp_path / "tagger.joblib")
    for again in (pickle.loads(stored), joblib.load(tmp_path / "tagger.joblib")):
        np.testing.assert_array_equal(again.decision_function(X), tagger.decision_function(X))
        np.testing.assert_array_equal(again.predict(X), tagger.predict(X))
    assert clone(tagger).get_params() == tagger.get_params()


def test_quiet_unless_asked(rows, capsys):
    X, y = rows
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EmotionTagger(**{**QUICK, "max_epochs": 60}, patience=1).fit(X, y)
    assert capsys.readouterr() == ("", "")
    tagger = EmotionTagger(**QUICK, verbose=1).fit(X, y)
    shown = capsys.readouterr().err
    assert "EmotionTagger" in shown
    assert re.findall(r"valid_roc_auc=([\d.]+)", shown)[-1] == f"{tagger.history_[-1]['valid_roc_auc']:.3f}"


def test_the_rate_is_the_backbones_own_unless_given(rng, rows):
    X, y = planted_songs(rng, 12, hpcp=False)
    crnn = {**CRNN, "max_epochs": 1, "validation_fraction": 0.4}
    assert EmotionTagger(**{**crnn, "lr": "auto"}).fit(X, y).history_[0]["lr"] == 1e-4
    vggish = {"backbone": "vggish", "backbone_params": None, "lr": "auto"}
    assert EmotionTagger(**{**crnn, **vggish}).fit(X, y).history_[0]["lr"] == 1e-3
    cycle = EmotionTagger(**QUICK, schedule="one-cycle").fit(*rows).history_
    assert len({row["lr"] for row in cycle}) == len(cycle)


# ---- edges ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": None}, "EmotionTagger requires y to be passed, but the target y is None"),
        ({"y": np.arange(20) % 2}, r"y must have the shape \(n_songs, n_tags\).* not \(20,\)"),
        ({"y": np.arange(40).reshape(20, 2) % 3}, r"y must hold 0 and 1 alone, not 2 as for song 1 and tag 0"),
        ({"y": np.full((20, 2), np.nan)}, "y must hold 0 and 1 alone, not nan as for song 0"),
        ({"y": np.full((20, 2), "calm")}, "y must hold 0 and 1, not values of type"),
        ({"y": [["calm"], ["calm", "happy"]]}, "y has rows of unequal lengths"),
        ({"y": np.zeros((20, 0))}, "y must have the shape"),
        ({"y": np.zeros((19, 2))}, "X has 20 songs but y has 19 rows"),
        ({"y": np.zeros((20, 2))}, "No tag has both validation songs with it and without it"),
        ({"X": [np.zeros((2, 5))] * 7 + [np.full((2, 5), np.nan)] * 13}, "Song 7 of X has NaN"),
        ({"X": []}, "X holds no song"),
        ({"X": ["a.wav"] * 20}, r"^X holds paths, such as 'a\.wav': put TaggingTransformer before EmotionTagger\.$"),
        ({"groups": np.zeros(19)}, r"groups has the shape \(19,\) for 20 songs"),
        ({"groups": np.zeros(20)}, "leaves no validation song: there is one group of songs only"),
        ({"X_val": [np.zeros((2, 5))]}, "X_val and y_val go together"),
        ({"y_val": [[0, 1]]}, "X_val and y_val go together"),
        ({"X_val": [np.zeros((2, 6))], "y_val": [[0, 1]]}, r"Of X_val: X has segments of shape \(6,\)"),
        ({"X_val": ["a.wav"] * 2, "y_val": [[0, 1], [1, 0]]}, "Of X_val: X holds paths, .* put TaggingTransformer"),
        ({"X_val": [np.zeros((2, 5))], "y_val": [[0, 1, 0]]}, "y_val has 3 tags, but there are 2"),
        ({"X_val": [np.zeros((2, 5))], "y_val": [[0, 1], [1, 0]]}, "X_val has 1 songs but y_val has 2 rows"),
        ({"X_val": [np.zeros((2, 5))], "y_val": [[0, 1]]}, "No tag has both validation songs"),
        ({"X_val": [np.full((2, 5), np.inf)] * 2, "y_val": [[0, 1], [1, 0]]}, "Song 0 of X_val has NaN or infinity"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(rng, change, message):
    given = {"X": [rng.normal(size=(2, 5)) for _ in range(20)], "y": np.stack([np.arange(20) % 2] * 2, 1), **change}
    with pytest.raises(ValueError, match=message):
        EmotionTagger(**QUICK).fit(**given)


def test_one_song_cannot_be_split(rng):
    with pytest.raises(ValueError, match="no validation song: there is one song"):
        EmotionTagger(**QUICK).fit([rng.normal(size=(4, 5))], [[0, 1]])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"mask_range": (20, 60)}, r"mask_range=\(20, 60\) needs segments .* not \(4,\): use mask_range=None"),
        ({"mask_range": (60, 20)}, "mask_range=.* must be two lengths"),
        ({"mask_range": (1.5, 20)}, "mask_range=.* must be two lengths"),
        ({"patience": 0}, "patience"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"noise": -0.1}, "noise"),
        ({"lr": "fast"}, "lr"),
    ],
)
def test_parameters_out_of_range(rows, params, message):
    with pytest.raises(ValueError, match=message):
        EmotionTagger(**{**QUICK, **params}).fit(*rows)


def test_other_segments_are_refused_in_prediction(rng, rows):
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
    with pytest.raises(ValueError, match="y has 2 tags, but there are 3"):
        tagger.score(songs, y[:20, :2])
    with pytest.raises(ValueError):
        tagger.fit(songs, np.zeros(20))
    with pytest.raises(NotFittedError):
        tagger.predict(songs)


@pytest.mark.parametrize(
    ("error", "when"),
    [
        (KeyboardInterrupt, "on_train_begin"),
        (KeyboardInterrupt, "on_batch_end"),  # at the end of an epoch it is how callbacks ask to stop
        (KeyboardInterrupt, "on_train_end"),
        (ValueError, "on_epoch_end"),
        (ValueError, "on_train_end"),
    ],
)
def test_a_fit_that_fails_leaves_nothing_fitted(rows, error, when):
    def fail(net, **kwargs):
        raise error("enough")

    X, y = rows
    tagger, failing = EmotionTagger(**QUICK).fit(X, y), Callback()
    setattr(failing, when, fail)
    tagger.callbacks = [failing]
    threads = torch.get_num_threads()
    with pytest.raises(error, match="enough"):
        tagger.fit(X, y)
    assert torch.get_num_threads() == threads
    assert not [name for name in vars(tagger) if name.endswith("_")]
    with pytest.raises(NotFittedError):
        tagger.predict(X)


@pytest.mark.parametrize("moment", ["drop_rows", "history_rows"])
def test_nor_does_one_that_is_interrupted_at_its_end(rows, moment, monkeypatch):
    def interrupt(net):
        raise KeyboardInterrupt

    monkeypatch.setattr(TagNet, moment, interrupt)
    tagger = EmotionTagger(**QUICK)
    with pytest.raises(KeyboardInterrupt):
        tagger.fit(*rows)
    assert not [name for name in vars(tagger) if name.endswith("_")]


def test_score_is_weighted(rows):
    X, y = rows
    tagger = EmotionTagger(**QUICK).fit(X, y)
    weights = np.r_[np.ones(20), np.full(20, 3), np.zeros(20)]
    expected = roc_auc_score(y, tagger.decision_function(X), sample_weight=weights)
    assert tagger.score(X, y, sample_weight=weights) == pytest.approx(expected, abs=1e-12)
    assert tagger.score(X, y, sample_weight=weights) != tagger.score(X, y)
    assert tagger.score(X, y, sample_weight=np.ones(60)) == pytest.approx(tagger.score(X, y), abs=1e-12)
    for wrong, message in [(np.ones(59), "sample_weight"), (-weights, "egative"), (np.full(60, np.nan), "NaN")]:
        with pytest.raises(ValueError, match=message):
            tagger.score(X, y, sample_weight=wrong)


def test_chunks_are_averaged_some_songs_at_a_time(rng, monkeypatch):
    X, y = planted_songs(rng, 40)
    tagger = EmotionTagger(max_epochs=1, **CRNN).fit(X, y)
    chunks = tagger.net_.song_outputs(X, tagger.standardizer_)
    expected = np.stack([rows.mean(axis=0, dtype=np.float64) for rows in chunks])
    np.testing.assert_array_equal(tagger.decision_function(X), expected)
    seen, computed = [], TagNet.row_outputs

    def watched(net, bank, *args, **kwargs):
        seen.append(len(bank))
        return computed(net, bank, *args, **kwargs)

    monkeypatch.setattr(TagNet, "row_outputs", watched)
    monkeypatch.setattr("skmer.training.net._SEGMENTS_AT_ONCE", 10)
    np.testing.assert_allclose(tagger.decision_function(X), expected, rtol=1e-5)
    assert sum(seen) == X.n_segments.sum()
    assert len(seen) == 8
    assert max(seen) <= 12
