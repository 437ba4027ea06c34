"""skorch callbacks in SSSLClassifier, its label strategies in other nets, and its net as a skorch net."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    BatchScoring,
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    LoadInitState,
    LRScheduler,
)
from skorch.helper import SliceDict
from torch import nn

from skmer import SongSequence, SSSLClassifier
from skmer.sssl import GMMSplit, LabelStrategy, SelfLearning
from skmer.tagging import EmotionTagger
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder

QUICK = {"backbone": "mlp", "max_epochs": 6, "warmup_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def noisy_digits():
    """Digits as strings, of which three in ten have a random label; the true labels."""
    X, y = load_digits(return_X_y=True)
    X, y = (X[:600] / 16).astype(np.float32), y[:600]
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(600) < 0.3, rng.integers(0, 10, 600), y)
    return X, np.array([f"digit {label}" for label in noisy]), y


@pytest.fixture(scope="module")
def songs():
    rng = np.random.default_rng(0)
    y = np.arange(24) % 2
    return SongSequence([rng.normal(label, 1, size=(n, 6)) for label, n in zip(y, [3, 5, 2, 4] * 6, strict=True)]), y


# ---- validation songs --------------------------------------------------------------------------------


def test_validation_songs_are_not_trained_on_and_their_scores_are_true(songs):
    X, y = songs
    groups = np.repeat(np.arange(12), 2)
    seen = []

    class Segments(Callback):
        def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
            seen.append((len(dataset_train), len(dataset_valid), net.predict_proba(dataset_valid.X)))

    classifier = SSSLClassifier(validation_fraction=0.25, callbacks=[Segments()], **QUICK).fit(X, y, groups=groups)
    held = classifier.validation_songs_
    assert len(held) == 6
    assert all(np.isin(held ^ 1, held))  # whole groups
    n_held = X[held].n_segments.sum()
    assert {(n, m) for n, m, _ in seen} == {(X.n_segments.sum() - n_held, n_held)}
    for row, (_, _, probabilities) in zip(classifier.history_, seen, strict=True):
        labels = np.repeat(y[held], X[held].n_segments)
        assert row["valid_loss"] == pytest.approx(log_loss(labels, probabilities, labels=[0, 1]), rel=1e-5)
    assert classifier.history_[-1]["valid_acc"] == classifier.score(X[held], y[held])
    losses = [row["valid_loss"] for row in classifier.history_]
    best = [row["valid_loss_best"] for row in classifier.history_]
    assert best == [all(loss < earlier for earlier in losses[:i]) for i, loss in enumerate(losses)]
    unknown = [i for i, clean in enumerate(classifier.clean_probability_) if np.isnan(clean).any()]
    np.testing.assert_array_equal(unknown, held)
    assert len(classifier.split_.loss) == X.n_segments.sum() - n_held


def test_the_fit_without_held_songs_is_that_of_the_others(songs):
    X, y = songs
    held = SSSLClassifier(validation_fraction=0.25, **QUICK).fit(X, y)
    assert SSSLClassifier(**QUICK).fit(X, y).validation_songs_ is None
    trained = np.setdiff1d(np.arange(24), held.validation_songs_)
    alone = SSSLClassifier(**QUICK).fit(X[trained], y[trained])
    np.testing.assert_array_equal(held.predict_proba(X), alone.predict_proba(X))


def test_a_class_that_would_not_be_trained_is_refused(songs):
    X, _ = songs
    y, groups = np.array(["calm"] * 23 + ["tense"]), np.arange(24)
    fitted = SSSLClassifier(validation_fraction=0.2, **QUICK).fit(X, y, groups=groups)
    assert 23 not in fitted.validation_songs_
    with pytest.raises(ValueError, match=r"validation_fraction=0\.5 leaves no training song of class"):
        SSSLClassifier(validation_fraction=0.5, **QUICK).fit(X, np.repeat(["calm", "tense"], 12), np.repeat([0, 1], 12))


# ---- scores ------------------------------------------------------------------------------------------


def test_scoring_callbacks_record_true_scores(noisy_digits):
    X, y, _ = noisy_digits
    scores = [
        EpochScoring("accuracy", name="cached"),
        EpochScoring("accuracy", name="computed", use_caching=False),
        EpochScoring("roc_auc_ovr", name="auc"),
        EpochScoring("accuracy", name="train", on_train=True, use_caching=False),
        BatchScoring("accuracy", name="mean_of_batches", lower_is_better=False),
    ]
    named = [(score.name, score) for score in scores]
    classifier = SSSLClassifier(validation_fraction=0.2, callbacks=named, **QUICK).fit(X, y)
    last, held = classifier.history_[-1], classifier.validation_songs_
    trained = np.setdiff1d(np.arange(600), held)
    assert last["cached"] == last["computed"] == accuracy_score(y[held], classifier.predict(X[held]))
    assert last["mean_of_batches"] == pytest.approx(last["cached"])
    assert last["train"] == accuracy_score(y[trained], classifier.predict(X[trained]))
    expected = roc_auc_score(y[held], classifier.predict_proba(X[held]), multi_class="ovr")
    assert last["auc"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (EpochScoring("accuracy", name="acc"), "'acc' scores validation songs, but there are none: set validation_fr"),
        (EpochScoring("accuracy", name="acc", on_train=True), "'acc' uses the outputs for training batches"),
    ],
)
def test_scores_that_would_not_be_true_are_refused(noisy_digits, score, message):
    X, y, _ = noisy_digits
    with pytest.raises(ValueError, match=message):
        SSSLClassifier(callbacks=[("acc", score)], **QUICK).fit(X, y)


def test_callbacks_that_would_have_no_effect_are_refused(noisy_digits):
    X, y, _ = noisy_digits
    steps = LRScheduler("StepLR", step_size=2)
    for schedulers in ([steps], [("rate", steps)]):
        with pytest.raises(ValueError, match="LRScheduler, whose learning rate schedule='one-cycle' would overwrite"):
            SSSLClassifier(callbacks=schedulers, **QUICK).fit(X, y)
    classifier = SSSLClassifier(callbacks=[steps], schedule=None, lr=0.01, **QUICK).fit(X, y)
    assert [row["lr"] for row in classifier.history_] == pytest.approx([0.01, 0.01, 0.001, 0.001, 1e-4, 1e-4])
    with pytest.raises(ValueError, match="'GMMSplit' is a label strategy: pass it as noise_model"):
        SSSLClassifier(callbacks=[GMMSplit()], **QUICK).fit(X, y)


# ---- checkpoints -------------------------------------------------------------------------------------


def test_a_checkpoint_holds_what_predicts(noisy_digits, tmp_path):
    X, y, _ = noisy_digits
    checkpoint = Checkpoint(monitor=None, dirname=tmp_path, f_pickle="net.pkl")
    classifier = SSSLClassifier(callbacks=[checkpoint], **QUICK).fit(X, y)
    for saved, final in zip(
        torch.load(tmp_path / "params.pt").values(), classifier.net_.module_.state_dict().values(), strict=True
    ):
        assert torch.equal(saved, final)
    net = pickle.loads((tmp_path / "net.pkl").read_bytes())
    np.testing.assert_array_equal(net.predict_proba(X), classifier.net_.predict_proba(X))
    assert not hasattr(net, "bank_")  # the data are not saved
    assert (tmp_path / "net.pkl").stat().st_size < 20 * 4 * sum(p.numel() for p in net.module_.parameters())


def test_a_tagger_in_training_is_saved(songs, tmp_path):
    X, y = songs
    checkpoint = Checkpoint(monitor="best", dirname=tmp_path, f_pickle="net.pkl")
    tagger = EmotionTagger("mlp", mask_range=None, max_epochs=3, callbacks=[checkpoint], random_state=0).fit(X, y)
    net = pickle.loads((tmp_path / "net.pkl").read_bytes())
    np.testing.assert_array_equal(net.predict_proba(X), tagger.net_.predict_proba(X))


def test_a_callback_may_predict_within_an_epoch(songs):
    X, y = songs

    class Predict(Callback):
        def on_batch_end(self, net, **kwargs):
            net.predict(X)

    settings = {**QUICK, "batch_size": 16}
    alone, watched = (SSSLClassifier(callbacks=of, **settings).fit(X, y) for of in (None, [Predict()]))
    # dropout is on in all batches of both
    np.testing.assert_array_equal(watched.predict_proba(X), alone.predict_proba(X))


def test_the_best_epoch_is_restored_with_its_average(noisy_digits):
    X, y, _ = noisy_digits
    states = []

    class Note(Callback):
        def on_epoch_end(self, net, **kwargs):
            states.append([value.clone() for value in net.module_.state_dict().values()])

    stop = EarlyStopping("valid_loss", patience=20, load_best=True)
    settings = {**QUICK, "max_epochs": 10, "lr": 0.05}
    classifier = SSSLClassifier(validation_fraction=0.2, callbacks=[stop, Note()], **settings).fit(X, y)
    best = int(np.argmin([row["valid_loss"] for row in classifier.history_]))
    assert best < 9  # so that the last epoch is not the best
    for found, then in zip(classifier.net_.module_.state_dict().values(), states[best], strict=True):
        assert torch.equal(found, then)


@pytest.mark.parametrize("average_epochs", [1.0, None])
def test_patience_stops_and_keeps_the_best_epoch(noisy_digits, average_epochs):
    X, y, _ = noisy_digits
    states = []

    class Note(Callback):
        def on_epoch_end(self, net, **kwargs):
            states.append([value.clone() for value in net.module_.state_dict().values()])

        def on_train_end(self, net, **kwargs):
            for parameter in net.module_.parameters():
                parameter.data.zero_()  # as a callback may, which is before the best weights are restored

    settings = {**QUICK, "max_epochs": 30, "lr": 0.05, "average_epochs": average_epochs, "schedule": None}
    classifier = SSSLClassifier(validation_fraction=0.2, patience=2, callbacks=[Note()], **settings).fit(X, y)
    losses = [row["valid_loss"] for row in classifier.history_]
    best = int(np.argmin(losses))
    assert len(losses) == len(states) == best + 3 < 30
    assert best == max(i for i, row in enumerate(classifier.history_) if row["valid_loss_best"])
    for found, then in zip(classifier.net_.module_.state_dict().values(), states[best], strict=True):
        assert torch.equal(found, then)
    held = classifier.validation_songs_
    assert log_loss(y[held], classifier.predict_proba(X[held])) == pytest.approx(losses[best], rel=1e-4)


def test_a_training_resumed_from_its_best_epoch_may_keep_it(noisy_digits, tmp_path):
    X, y, _ = noisy_digits
    checkpoint = Checkpoint(monitor="valid_loss_best", dirname=tmp_path)
    held = {"validation_fraction": 0.2, **QUICK}
    first = SSSLClassifier(callbacks=[checkpoint], patience=6, **held).fit(X, y)
    # training goes on, but diverges at once
    settings = {**held, "lr": 10.0, "schedule": None, "patience": 1}
    resumed = SSSLClassifier(callbacks=[LoadInitState(checkpoint)], **settings).fit(X, y)
    best = max(row["epoch"] for row in first.history_ if row["valid_loss_best"])
    assert len(resumed.history_) > best
    assert not any(row["valid_loss_best"] for row in resumed.history_[best:])
    np.testing.assert_allclose(resumed.predict_proba(X), first.predict_proba(X), atol=1e-5)


def test_patience_requires_validation_songs(noisy_digits):
    X, y, _ = noisy_digits
    with pytest.raises(ValueError, match="patience=3 requires validation songs: set validation_fraction"):
        SSSLClassifier(patience=3, **QUICK).fit(X, y)


def test_a_resumed_training_splits_by_the_weights_it_loaded(noisy_digits, tmp_path):
    X, y, _ = noisy_digits
    checkpoint = Checkpoint(monitor=None, dirname=tmp_path)
    first = SSSLClassifier(callbacks=[checkpoint], **QUICK).fit(X, y)
    resumed = SSSLClassifier(callbacks=[LoadInitState(checkpoint)], **QUICK).fit(X, y)
    assert [row["epoch"] for row in resumed.history_] == list(range(1, 13))
    # the first split after resuming is the one that would have come next: that of the final network
    expected = np.mean(first.split_.clean_probability > 0.5)
    assert resumed.history_[6]["clean_share"] == pytest.approx(expected, abs=0.02)
    assert resumed.history_[6]["phase"] == "sssl"


# ---- the fitted net ----------------------------------------------------------------------------------


def test_the_net_predicts_labels_from_raw_segments(songs, noisy_digits):
    X, y, _ = noisy_digits
    classifier = SSSLClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(classifier.net_.predict(X), classifier.predict(X))
    np.testing.assert_allclose(classifier.net_.predict_proba(X), classifier.predict_proba(X), atol=1e-5)
    assert classifier.net_.score(X, y) == classifier.score(X, y)
    X, y = songs
    classifier = SSSLClassifier(**QUICK).fit(X, y)
    segments = np.concatenate(list(X))
    for given in (X, list(X), segments):
        found = classifier.net_.predict_proba(given)
        np.testing.assert_allclose(found, np.concatenate(list(classifier.transform(X))), atol=1e-5)


def test_the_net_is_trained_further(noisy_digits):
    X, y, true = noisy_digits
    true = np.array([f"digit {label}" for label in true])
    classifier = pickle.loads(pickle.dumps(SSSLClassifier(**QUICK).fit(X, y)))
    before = classifier.score(X, true)
    classifier.net_.set_params(max_epochs=5, lr=1e-3).partial_fit(X, true)
    assert classifier.score(X, true) > before + 0.02
    assert len(classifier.net_.history) == 11
    with pytest.raises(ValueError, match="y must hold one of"):
        classifier.net_.partial_fit(X, np.full(600, "letter"))
    with pytest.raises(ValueError, match="y must hold one of"):
        classifier.net_.partial_fit(X)
    with pytest.raises(ValueError, match="loss is not finite"):
        classifier.net_.set_params(lr=1e30).partial_fit(X, true)
    assert not hasattr(classifier.net_, "bank_")
    with pytest.raises(TypeError, match="call the `fit` of the estimator"):
        classifier.net_.fit(X, y)


def test_other_nets_predict_raw_input_too(songs):
    X, y = songs
    lstm = BiLSTMClassifier(4, max_epochs=2, random_state=0).fit(X, y)
    np.testing.assert_allclose(lstm.net_.forward(X).softmax(1), lstm.predict_proba(X), atol=1e-5)
    tags = np.column_stack([y, 1 - y])
    tagger = EmotionTagger("mlp", mask_range=None, max_epochs=2, random_state=0).fit(X, tags)
    probabilities = tagger.net_.predict_proba(X)
    assert probabilities.shape == (X.n_segments.sum(), 2)
    np.testing.assert_array_equal(tagger.net_.predict(X), probabilities >= 0.5)
    spectra = SongSequence(list(np.random.default_rng(0).normal(size=(4, 3, 16, 16))))
    masked = MaskedMelAutoencoder(4, width=2, band_width=4, max_epochs=1, random_state=0).fit(spectra)
    assert masked.net_.predict(np.concatenate(list(spectra))).shape == (12, 1, 16, 16)
    with pytest.raises(TypeError, match="cannot be trained further"):
        masked.net_.partial_fit(spectra)


# ---- strategies as callbacks of plain skorch nets ----------------------------------------------------


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))

    def forward(self, x):
        return self.layers(x)


def plain_net(*callbacks, criterion=nn.CrossEntropyLoss, **params):
    torch.manual_seed(0)
    settings = {"train_split": None, "max_epochs": 12, "lr": 0.5, "batch_size": 64, "verbose": 0, **params}
    return NeuralNetClassifier(Network, criterion=criterion, callbacks=list(callbacks), **settings)


@pytest.fixture(scope="module")
def rows(noisy_digits):
    X, y, true = noisy_digits
    return {"x": X, "row": np.arange(len(X))}, np.array([int(label[-1]) for label in y]), true


def test_a_plain_net_finds_wrong_labels(rows):
    X, y, true = rows
    split = GMMSplit(warmup_epochs=6)
    net = plain_net(split, max_epochs=60).fit(X, y)
    assert net.history[:, "phase"] == ["warmup"] * 6 + ["sssl"] * 54
    assert sorted(split.rows_) == list(range(600))
    assert roc_auc_score(y[split.rows_] == true[split.rows_], split.split_.clean_probability) > 0.9
    without = {"x": X["x"]}  # no row numbers are needed to predict
    plain = plain_net(max_epochs=60).fit(without, y)
    assert (net.predict(without) == true).mean() > (plain.predict(without) == true).mean() + 0.05


def test_the_targets_of_a_plain_net_are_those_of_the_rows(rows):
    X, y, _ = rows
    shuffled = np.random.default_rng(1).permutation(600) + 1000  # any distinct numbers
    seen = []

    class Targets(Callback):
        def on_batch_begin(self, net, batch, training, **kwargs):
            seen.append((training, len(net.history), batch[0]["x"].numpy().copy(), batch[1].numpy().copy()))

    net = plain_net(Rotate(), Targets(), max_epochs=2, train_split=NeuralNetClassifier(Network).train_split)
    net.fit({"x": X["x"], "row": shuffled}, y)
    label_of = {x.tobytes(): label for x, label in zip(X["x"], y, strict=True)}
    for training, epoch, x, targets in seen:
        expected = np.array([label_of[row.tobytes()] for row in x])
        if training and epoch == 2:
            np.testing.assert_array_equal(targets.argmax(1), (expected + 1) % 10)
        else:
            np.testing.assert_array_equal(targets, expected)
    assert {training for training, *_ in seen} == {True, False}


@pytest.mark.parametrize("strategy", [GMMSplit(warmup_epochs=1), SelfLearning(warmup_epochs=1)])
def test_what_a_strategy_needs_of_a_plain_net_is_said(rows, strategy):
    X, y, _ = rows
    name = type(strategy).__name__
    with pytest.raises(ValueError, match=f"{name} requires the number of each row in the data: pass X as a dict with"):
        plain_net(strategy).fit(X["x"], y)
    with pytest.raises(ValueError, match=rf"{name} requires criterion=torch\.nn\.CrossEntropyLoss.*got NLLLoss"):
        plain_net(strategy, criterion=nn.NLLLoss).fit(X, y)
    twice = {**X, "row": np.zeros(600, dtype=int)}
    with pytest.raises(ValueError, match="a different number for each row"):
        plain_net(strategy, max_epochs=2).fit(twice, y)


def test_a_strategy_of_a_plain_net_starts_anew_in_each_fit(rows):
    X, y, _ = rows
    split = GMMSplit(warmup_epochs=2, loss_memory=0.5)
    net = plain_net(split, max_epochs=4)
    shares = []
    for _ in range(2):
        torch.manual_seed(0)
        shares.append(net.fit(X, y).history[2:, "clean_share"])
    assert shares[0] == pytest.approx(shares[1], abs=1e-6)


class Rotate(LabelStrategy):
    """Replaces each label by the next one."""

    warmup_epochs = 1

    def targets(self, losses, probabilities, labels, epoch):
        return torch.roll(torch.eye(10)[labels], 1, dims=1)


@pytest.mark.parametrize("numbers", [np.arange(600) - 300, np.arange(600) * 10**9, np.arange(600, dtype=np.float32)])
def test_any_distinct_numbers_tell_rows(rows, numbers):
    X, y, _ = rows
    net = plain_net(Rotate(), max_epochs=30, iterator_train__shuffle=True).fit({"x": X["x"], "row": numbers}, y)
    assert (net.predict({"x": X["x"]}) == (y + 1) % 10).mean() > 0.6


@pytest.mark.parametrize("shuffle", [True, False])
def test_rows_that_are_trained_on_but_not_evaluated_are_refused(rows, shuffle):
    X, y, _ = rows
    settings = {"iterator_valid__drop_last": True, "iterator_valid__shuffle": shuffle}
    with pytest.raises(ValueError, match=r"Rotate has no targets for row \d+, .* set iterator_valid__drop_last=False"):
        plain_net(Rotate(), max_epochs=3, **settings).fit(X, y)
    with pytest.raises(ValueError, match="requires the number of each row"):
        plain_net(Rotate()).fit({"x": X["x"], "row": np.zeros((600, 2))}, y)


def test_a_plain_net_with_a_strategy_is_searched(rows):
    X, y, _ = rows

    class TakesRows(Network):
        def forward(self, x, row=None):
            return super().forward(x)

    net = plain_net(GMMSplit(warmup_epochs=2), max_epochs=4).set_params(module=TakesRows)
    grid = {"callbacks__GMMSplit__clean_threshold": [0.3, 0.5]}
    search = GridSearchCV(net, grid, cv=2, error_score="raise").fit(SliceDict(**X), y)
    assert search.best_estimator_.history[-1, "phase"] == "sssl"
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_net_with_validation_songs_is_cross_validated(noisy_digits):
    X, y, _ = noisy_digits
    classifier = SSSLClassifier(validation_fraction=0.2, callbacks=[EpochScoring("accuracy", name="acc")], **QUICK)
    assert (cross_val_score(classifier, X, y, cv=2, error_score="raise") > 0.3).all()
