import os
import signal
import subprocess
import sys
import warnings
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, RepeatedStratifiedKFold
from skorch.callbacks import Callback
from torch import nn

from skmer import SongSequence, SSSLClassifier, make_sssl_pipeline
from skmer._interrupts import interrupts_raised
from skmer.backbones import VGG16
from skmer.reproduction import Settings
from skmer.sssl.recipes import SSSL_RECIPES
from skmer.training.build import default_head
from skmer.training.runtime import choose_precision

QUICK = {"backbone": "mlp", "max_epochs": 4, "warmup_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def noisy_digits():
    rng = np.random.default_rng(0)
    X, y = load_digits(return_X_y=True)
    chosen = rng.permutation(len(X))
    X, y = X[chosen] / 16, y[chosen]
    noisy = rng.random(1000) < 0.3
    labels = np.where(noisy, (y[:1000] + rng.integers(1, 10, 1000)) % 10, y[:1000])
    return X[:1000], labels, noisy, X[1000:], y[1000:]


@pytest.fixture
def songs(rng):
    """Twelve songs of three classes, of unequal length, each a class's pattern in noise."""
    patterns = rng.normal(size=(3, 16, 20))
    y = np.repeat(["calm", "happy", "tense"], 4)
    items = [patterns[i // 4] + 0.5 * rng.normal(size=(n, 16, 20)) for i, n in enumerate([5, 1, 8, 3] * 3)]
    return SongSequence(items), y


@pytest.fixture(scope="module")
def planted(noisy_digits):
    X, labels, *_ = noisy_digits
    return SSSLClassifier("mlp", max_epochs=25, random_state=0).fit(X, labels)


def test_finds_planted_noise_and_learns_in_spite_of_it(noisy_digits, planted):
    X, labels, noisy, X_test, y_test = noisy_digits
    sssl, plain = planted, SSSLClassifier("mlp", max_epochs=25, noise_model=None, random_state=0).fit(X, labels)
    assert roc_auc_score(noisy, 1 - sssl.clean_probability_) > 0.97
    assert sssl.score(X_test, y_test) > 0.93
    assert sssl.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    assert not hasattr(plain, "clean_probability_")


def test_history_has_the_figures_of_the_split(noisy_digits, planted):
    noisy, history = noisy_digits[2], planted.history_
    assert [row["epoch"] for row in history] == list(range(1, 26))
    assert [row["phase"] for row in history] == ["warmup"] * 5 + ["sssl"] * 20
    assert "clean_share" not in history[4]
    last = history[-1]
    assert abs(last["clean_share"] - (1 - noisy.mean())) < 0.1
    assert last["clean_mean"] < last["noisy_mean"]
    assert last["separation"] > 2
    assert all(np.isfinite(row["train_loss"]) for row in history)


def test_clean_probability_is_shaped_like_the_segments(songs):
    X, y = songs
    classifier = SSSLClassifier(**QUICK).fit(X, y)
    assert [len(song) for song in classifier.clean_probability_] == X.n_segments.tolist()
    assert len(classifier.split_.loss) == X.n_segments.sum()


def test_transform_is_a_song_sequence_whose_mean_is_predict_proba(songs):
    X, y = songs
    classifier = SSSLClassifier("small", backbone_params={"width": 4}, max_epochs=3, random_state=0).fit(X, y)
    segments = classifier.transform(X)
    assert segments.n_segments.tolist() == X.n_segments.tolist()
    assert segments.names == ("calm", "happy", "tense")
    np.testing.assert_allclose(np.concatenate(list(segments)).sum(1), 1)
    np.testing.assert_allclose(classifier.predict_proba(X), [song.mean(0) for song in segments])
    assert (classifier.predict(X) == classifier.classes_[classifier.predict_proba(X).argmax(1)]).all()


def test_insample_fit_transform_is_fit_and_transform(songs):
    X, y = songs
    one = SSSLClassifier(**QUICK).fit_transform(X, y)
    other = SSSLClassifier(**QUICK).fit(X, y).transform(X)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def test_cross_fitted_output_has_not_seen_the_song(rng):
    # labels are pure chance: whoever has seen them predicts them, whoever has not cannot
    X, y = rng.normal(size=(200, 400)), np.arange(200) % 2
    params = {"backbone": "mlp", "noise_model": None, "max_epochs": 12, "random_state": 0}
    accuracy = {}
    for cv in ("insample", 4):
        P = SSSLClassifier(cv=cv, **params).fit_transform(X, y)
        accuracy[cv] = (P.argmax(1) == y).mean()
    assert accuracy["insample"] > 0.95
    assert accuracy[4] < 0.65


def test_cross_fitting_keeps_groups_together(songs, monkeypatch):
    X, y = songs
    groups = np.tile([0, 1, 2, 3], 3)
    trained = []
    fit = SSSLClassifier.fit

    def spy(self, X, y, groups=None, sample_weight=None):
        if groups is not None:
            trained.append(set(groups))
        return fit(self, X, y, groups, sample_weight)

    monkeypatch.setattr(SSSLClassifier, "fit", spy)
    for cv in (2, GroupKFold(2)):
        trained.clear()
        SSSLClassifier(cv=cv, **QUICK).fit_transform(X, y, groups=groups)
        assert trained[0] == {0, 1, 2, 3}  # the fit on everything
        assert not trained[1] & trained[2]


def test_cross_fitting_without_a_class_in_a_fold_gives_it_zero(songs):
    X, y = songs
    folds = [(np.r_[0:4, 4:8], np.r_[8:12]), (np.r_[4:12], np.r_[0:4]), (np.r_[0:4, 8:12], np.r_[4:8])]
    out = SSSLClassifier(cv=folds, **QUICK).fit_transform(X, y)
    assert all((out[i][:, 2] == 0).all() for i in range(8, 12))  # trained without "tense"
    assert all((out[i][:, 0] == 0).all() for i in range(4))
    np.testing.assert_allclose(np.concatenate(list(out)).sum(1), 1)


def test_cross_fitting_requires_each_song_once(songs):
    X, _ = songs
    with pytest.raises(ValueError, match="6 songs are in none and 0 in more than one"):
        SSSLClassifier(cv=[(np.arange(6, 12), np.arange(6))], **QUICK).fit_transform(X, np.tile(["a", "b"], 6))


def test_random_state_determines_the_result_whatever_n_jobs_is(songs):
    X, y = songs
    torch_before, threads = torch.get_rng_state(), torch.get_num_threads()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002
    out = SSSLClassifier(cv=KFold(2, shuffle=True, random_state=0), n_jobs=2, **QUICK).fit_transform(X, y)
    reference = SSSLClassifier(cv=KFold(2, shuffle=True, random_state=0), **QUICK).fit_transform(X, y)
    for a, b in zip(out, reference, strict=True):
        np.testing.assert_array_equal(a, b)
    assert torch.equal(torch_before, torch.get_rng_state())
    assert (numpy_before == np.random.get_state()[1]).all()  # noqa: NPY002
    assert threads == torch.get_num_threads()


def test_the_paper_recipe_is_plain():
    classifier = SSSLClassifier.from_recipe("paper", backbone="small")
    params = classifier.get_params()
    assert {name: params[name] for name in SSSL_RECIPES["paper"]} == SSSL_RECIPES["paper"]
    assert (params["balance"], params["prior_weight"], params["average_epochs"]) == (None, 0, None)
    with pytest.raises(ValueError, match="recipe='papers' is unknown"):
        SSSLClassifier.from_recipe("papers")


@pytest.mark.parametrize("recipe", ["paper", "plain"])
def test_recipes_train(songs, recipe):
    X, y = songs
    classifier = SSSLClassifier.from_recipe(recipe, **QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert np.isfinite(classifier.fit(X, y).predict_proba(X)).all()


def user_warnings(caught):
    return [str(w.message) for w in caught if issubclass(w.category, UserWarning)]


def test_equal_losses_give_one_warning_and_a_finite_model():
    X, y = np.zeros((60, 4)), np.arange(60) % 2
    with pytest.warns(UserWarning, match="all losses are equal") as caught:
        classifier = SSSLClassifier(**{**QUICK, "max_epochs": 6, "prior_weight": 0.0}).fit(X, y)
    assert len(user_warnings(caught)) == 1
    assert (classifier.clean_probability_ == 1).all()
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_empty_noisy_set_gives_one_warning_and_a_finite_model(songs):
    X, y = songs
    params = {**QUICK, "max_epochs": 5, "noise_model": lambda losses, labels, random_state: np.ones(len(losses))}
    with pytest.warns(UserWarning, match="no label was found noisy") as caught:
        classifier = SSSLClassifier(**params).fit(X, y)
    assert len(user_warnings(caught)) == 1
    assert {row["phase"] for row in classifier.history_} == {"warmup", "supervised"}
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_a_class_without_clean_segments_gives_one_warning_and_a_finite_model(songs):
    X, y = songs

    def distrust_the_first_class(losses, labels, random_state):
        return (labels != 0).astype(float)

    with pytest.warns(UserWarning, match="class 'calm' kept 0 of 17 segments as clean") as caught:
        classifier = SSSLClassifier(**{**QUICK, "max_epochs": 5, "noise_model": distrust_the_first_class}).fit(X, y)
    assert len(user_warnings(caught)) == 1
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_two_classes_three_to_one(rng):
    y = np.repeat([0, 1], [90, 30])
    X = rng.normal(size=(120, 8)) + 3 * y[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        classifier = SSSLClassifier("mlp", max_epochs=15, random_state=0).fit(X, y)
    assert (classifier.predict(X) == y).mean() > 0.95


@pytest.mark.parametrize("recipe", [None, "paper"])
@pytest.mark.parametrize(
    ("lengths", "y"),
    [([1, 1], [0, 1]), ([5, 5], [0, 1]), ([9, 9, 1], [0, 0, 1]), ([9] * 8, [0] * 6 + [1] * 2)],
    ids=["one segment", "one song a class", "a class of one segment", "three to one"],
)
def test_small_and_skewed_collections_give_one_warning_at_most_and_a_finite_model(rng, recipe, lengths, y):
    X = [rng.normal(size=(n, 16, 20)) for n in lengths]
    params = {"backbone": "small", "backbone_params": {"width": 4}, "max_epochs": 8, "warmup_epochs": 2}
    build = SSSLClassifier if recipe is None else partial(SSSLClassifier.from_recipe, recipe)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier = build(**params, random_state=0).fit(X, y)
    assert len(user_warnings(caught)) <= 1
    assert all(warning.filename == __file__ for warning in caught)  # it points at who called fit
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_a_split_below_min_separation_is_not_used(songs):
    X, y = songs
    with pytest.warns(UserWarning, match="closer than min_separation"):
        history = SSSLClassifier(min_separation=1e9, **QUICK).fit(X, y).history_
    assert all(row["phase"] != "sssl" for row in history)


def test_one_segment_a_song_and_lists_of_them(rng):
    X, y = load_iris(return_X_y=True)
    rows = SSSLClassifier(**QUICK).fit(X, y)
    as_songs = SSSLClassifier(**QUICK).fit([row[None] for row in X], y)
    np.testing.assert_array_equal(rows.predict_proba(X), as_songs.predict_proba([row[None] for row in X]))


class Network(nn.Sequential):
    def __init__(self, segment_shape, n_classes):
        super().__init__(nn.Flatten(), nn.LazyLinear(16), nn.Dropout(0.5), nn.Linear(16, n_classes))
        self(torch.zeros(1, *segment_shape))


@pytest.mark.parametrize("backbone", [Network, nn.Sequential(nn.Flatten(), nn.Linear(320, 3))])
def test_own_backbones(songs, backbone):
    X, y = songs
    before = None if isinstance(backbone, type) else backbone[1].weight.clone()
    classifier = SSSLClassifier(**{**QUICK, "backbone": backbone}).fit(X, y)
    assert classifier.predict_proba(X).shape == (12, 3)
    if before is not None:
        assert torch.equal(before, backbone[1].weight)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "vgg16_bn"])
def test_vgg16_trains(rng, name):
    X, y = SongSequence(rng.normal(size=(4, 2, 32, 32))), [0, 1, 0, 1]
    params = {"backbone_params": {"head": "pooled"}, "max_epochs": 2, "warmup_epochs": 1, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert np.isfinite(SSSLClassifier(name, **params).fit(X, y).predict_proba(X)).all()


def test_dump_and_load(songs, tmp_path):
    X, y = songs
    classifier = SSSLClassifier("small", backbone_params={"width": 4}, max_epochs=3, random_state=0).fit(X, y)
    path = tmp_path / "model.joblib"
    joblib.dump(classifier, path)
    loaded = joblib.load(path)
    np.testing.assert_array_equal(loaded.predict_proba(X), classifier.predict_proba(X))
    n_bytes = sum(p.numel() * 4 for p in classifier.net_.module_.parameters())
    assert path.stat().st_size < 1.2 * n_bytes + 60_000  # once, without optimiser state or training rows


def test_own_callbacks_are_called(songs):
    from skorch.callbacks import Callback

    class Count(Callback):
        batches = 0

        def on_batch_end(self, net, **kwargs):
            Count.batches += 1

    X, y = songs
    SSSLClassifier(callbacks=[Count()], **QUICK).fit(X, y)
    assert Count.batches == 4  # epochs of one batch


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_precisions(songs, precision):
    X, y = songs
    classifier = SSSLClassifier(
        "small", backbone_params={"width": 4}, max_epochs=3, precision=precision, random_state=0
    )
    assert classifier.fit(X, y).net_.precision == precision
    assert np.isfinite(classifier.predict_proba(X)).all()


def test_predictions_in_half_precision(songs):
    X, y = songs
    classifier = SSSLClassifier("small", backbone_params={"width": 4}, max_epochs=3, random_state=0).fit(X, y)
    assert classifier.prediction_precision == "float32"
    seen = []
    module = classifier.net_.module_
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    hooks = [layer.register_forward_hook(lambda _, inputs, output: seen.append(output.dtype)) for layer in layers]
    exact = classifier.predict_proba(X)
    assert seen == [torch.float32] * len(layers)
    seen.clear()
    half = classifier.set_params(prediction_precision="bfloat16").predict_proba(X)
    assert seen == [torch.bfloat16] * len(layers)
    # bfloat16 has eight significant bits
    np.testing.assert_allclose(half, exact, atol=0.02)
    assert not np.array_equal(half, exact)
    np.testing.assert_array_equal(np.concatenate([classifier.predict_proba(X[[i]]) for i in range(12)]), half)
    classifier.set_params(prediction_precision="auto").predict_proba(X)
    assert seen[-1] == getattr(torch, choose_precision("auto", "cpu", module))
    with pytest.raises(ValueError, match="must be one of auto, float32, bfloat16, got 'float16'"):
        classifier.set_params(prediction_precision="float16").predict_proba(X)
    for hook in hooks:
        hook.remove()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_model_trained_on_a_gpu_loads_without_one(songs, tmp_path):
    X, y = songs
    classifier = SSSLClassifier("small", backbone_params={"width": 4}, max_epochs=3, device="cuda").fit(X, y)
    joblib.dump((classifier, X), tmp_path / "model.joblib")
    code = "import joblib, sys; model, X = joblib.load(sys.argv[1]); joblib.dump(model.predict_proba(X), sys.argv[2])"
    command = [sys.executable, "-c", code, tmp_path / "model.joblib", tmp_path / "out.joblib"]
    subprocess.run(command, check=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    np.testing.assert_allclose(joblib.load(tmp_path / "out.joblib"), classifier.predict_proba(X), atol=1e-3)


def test_a_failed_fit_leaves_no_parts_of_two_models(songs):
    X, y = songs
    classifier = SSSLClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match=r"not finite|diverged"):
        classifier.set_params(lr=1e30, noise_model=None).fit(X, np.tile(["x", "y", "z"], 4))
    with pytest.raises(NotFittedError):
        classifier.predict(X)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_prediction_requires_finite_values(songs, value):
    X, y = songs
    classifier = SSSLClassifier(**QUICK).fit(X, y)
    broken = [np.array(song) for song in X]
    broken[4][0, 3, 3] = value
    with pytest.raises(ValueError, match="Song 4 of X has NaN or infinity"):
        classifier.predict(broken)


def test_early_stopping_and_gradient_clipping(songs):
    from skorch.callbacks import EarlyStopping, GradientNormClipping

    X, y = songs
    stop = EarlyStopping(monitor="train_loss", patience=2, threshold=10.0, threshold_mode="abs", sink=None)
    stopped = SSSLClassifier(callbacks=[stop], **{**QUICK, "max_epochs": 30, "noise_model": None}).fit(X, y)
    assert len(stopped.history_) < 30
    params = {**QUICK, "noise_model": None, "average_epochs": None, "weight_decay": 0.0}
    free, frozen = (
        SSSLClassifier(callbacks=callbacks, **params).fit(X, y).net_.module_.trunk[1].weight
        for callbacks in ([], [GradientNormClipping(1e-12)])
    )
    assert not torch.equal(free, frozen)


@pytest.mark.parametrize("when", ["on_epoch_end", "on_batch_end"])
def test_a_users_interrupt_keeps_what_was_learnt_unless_the_caller_needs_all(songs, when):
    class PressCtrlC(Callback):
        pass

    def press(net, **kwargs):
        # in the second epoch, or between it and the third
        if len(net.history) == 2:
            signal.raise_signal(signal.SIGINT)
            went_on.append(True)

    X, y = songs
    went_on = []
    pressing = PressCtrlC()
    setattr(pressing, when, press)
    classifier = SSSLClassifier(callbacks=[pressing], **QUICK)
    # a shell has its background jobs ignore Ctrl-C
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.warns(UserWarning, match="interrupted in epoch 2 of") as caught:
            classifier.fit(X, y)
        assert caught[-1].filename == __file__
        assert [row["epoch"] for row in classifier.history_] == [1, 2][: 2 if when == "on_epoch_end" else 1]
        # the average, and not the weights of the last batch, as of a training that ends there
        if when == "on_epoch_end":
            stopped = SSSLClassifier(callbacks=[StopAfter(2)], **QUICK).fit(X, y)
            np.testing.assert_array_equal(classifier.predict_proba(X), stopped.predict_proba(X))
        with pytest.raises(KeyboardInterrupt), interrupts_raised():
            classifier.fit(X, y)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert went_on == [True, True]  # the callback was not broken off
    assert not hasattr(classifier, "net_")


class StopAfter(Callback):
    """Ends the training after some epochs, as skorch's callbacks do."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epochs:
            raise KeyboardInterrupt


def test_too_few_epochs_to_split_give_a_warning(songs):
    X, y = songs
    with pytest.warns(UserWarning, match="max_epochs=2 leaves no epoch after warmup_epochs=5"):
        history = SSSLClassifier("mlp", max_epochs=2, random_state=0).fit(X, y).history_
    assert {row["phase"] for row in history} == {"warmup"}


class Residual(nn.Module):
    """Has a trunk and a head, but is not their composition."""

    def __init__(self, segment_shape, n_classes):
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(320, 8))
        self.head = nn.Linear(8, n_classes)

    def forward(self, x):
        return self.head(torch.relu(self.trunk(x)))


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(320, 5)), r"must return logits of shape \(2, 3\), got \(2, 5\)"),
        (nn.Linear(7, 3), "does not accept a batch of shape"),
        (Residual, r"its forward pass is not head\(trunk\(x\)\)"),
    ],
)
def test_invalid_backbones(songs, backbone, message):
    X, y = songs
    with pytest.raises(ValueError, match=message):
        SSSLClassifier(**{**QUICK, "backbone": backbone}).fit(X, y)


def test_a_lazy_backbone_takes_its_shapes_from_the_segments(songs):
    X, y = songs
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Linear(8, 3))
    assert SSSLClassifier(**{**QUICK, "backbone": lazy}).fit(X, y).predict_proba(X).shape == (12, 3)


def test_fits_in_threads_are_those_in_turn(songs):
    X, y = songs

    def fit(seed):
        return SSSLClassifier(**{**QUICK, "random_state": seed}).fit(X, y).predict_proba(X)

    in_turn = [fit(seed) for seed in range(3)]
    in_threads = joblib.Parallel(n_jobs=3, backend="threading")(joblib.delayed(fit)(seed) for seed in range(3))
    np.testing.assert_array_equal(in_turn, in_threads)


def test_folds_are_checked_before_any_training(songs, monkeypatch):
    X, y = songs
    monkeypatch.setattr(SSSLClassifier, "fit", lambda *args: pytest.fail("trained"))
    with pytest.raises(ValueError, match="12 in more than one"):
        SSSLClassifier(cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=2), **QUICK).fit_transform(X, y)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": ["a"] * 12}, "one class only, 'a'"),
        ({"y": [None] + ["a", "b"] * 5 + ["a"]}, "y has no label for song 0"),
        ({"X": ["a.wav"] * 12}, "put SegmentTransformer before SSSLClassifier"),
        ({"backbone_params": {"widht": 3}}, "backbone_params=.*do not match the backbone"),
        ({"y": ["a", "b"]}, "X has 12 songs but y has 2 labels"),
        ({"y": None}, "requires y to be passed"),
        ({"y": np.linspace(0, 1, 12)}, "Unknown label type"),
        ({"X": []}, "X holds no song"),
        ({"backbone": "resnet"}, "'resnet' is unknown"),
        ({"backbone": "vgg16"}, "at least 32 bands"),
        ({"device": "tpu9"}, "device='tpu9' is unknown"),
        ({"warmup_epochs": 0}, "'warmup_epochs' parameter"),
        ({"noise_model": "kmeans"}, "'noise_model' parameter"),
        ({"groups": [1, 2]}, r"groups has shape \(2,\) for 12 songs"),
    ],
)
def test_invalid_input(songs, change, message):
    X, y = songs
    change = dict(change)
    X, y, groups = change.pop("X", X), change.pop("y", y), change.pop("groups", None)
    with pytest.raises(ValueError, match=message):
        SSSLClassifier(**{**QUICK, **change}).fit(X, y, groups)


def test_invalid_prediction_data(songs, rng):
    X, y = songs
    classifier = SSSLClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match=r"segments of shape \(16, 30\).*the same duration"):
        classifier.predict([rng.normal(size=(2, 16, 30))])
    with pytest.raises(ValueError, match="X must hold songs"):
        classifier.predict(rng.normal(size=(3, 320)))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("cv", ["insample", 2])
def test_a_missing_label(missing, cv):
    y = ["a", missing, "b", "a", "b", "a"]
    classifier = SSSLClassifier("mlp", cv=cv, max_epochs=1)
    for labels in (np.array(y, dtype=object), pd.Series(y, dtype="string"), pd.Series(y, dtype=object)):
        with pytest.raises(ValueError, match="y has no label for song 1: pass one label per song"):
            classifier.fit_transform(np.zeros((6, 3)), labels)


def test_no_labels():
    with pytest.raises(ValueError, match="requires y to be passed"):
        SSSLClassifier("mlp", cv=2).fit_transform(np.zeros((6, 3)), None)


class Recorder(nn.Module):
    """Keeps the batches that it was called with in training and in evaluation."""

    def __init__(self, segment_shape, n_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(segment_shape)), n_classes))
        self.seen = {True: [], False: []}

    def forward(self, x):
        self.seen[self.training].append(x.detach()[:, 0].clone())
        return self.layers(x)


def test_only_training_batches_are_augmented(rng):
    songs = SongSequence(
        list(rng.normal(size=(12, 3, 20, 10))), names=[*(f"mel{i}" for i in range(8)), *["chroma_C"] * 12]
    )
    y = np.repeat(["calm", "happy", "tense"], 4)
    settings = {"max_epochs": 4, "warmup_epochs": 2, "mixup_alpha": 0.0, "random_state": 0}
    fits = {}
    for name, value in {"none": 0, "time_mask": 4, "band_mask": 3, "max_gain": 6.0}.items():
        fits[name] = SSSLClassifier(Recorder, **settings, **({} if name == "none" else {name: value})).fit(songs, y)
    plain = {tuple(row.flatten().tolist()) for row in torch.cat(fits["none"].net_.module_.seen[False])}
    for name, fitted in fits.items():
        of_training, of_evaluation = (torch.cat(fitted.net_.module_.seen[training]) for training in (True, False))
        changed = [tuple(row.flatten().tolist()) not in plain for row in of_training]
        assert np.mean(changed) == 0 if name == "none" else np.mean(changed) > 0.5
        assert all(tuple(row.flatten().tolist()) in plain for row in of_evaluation)  # splits and the check
        if name in ("band_mask", "max_gain"):
            chroma = {tuple(row[8:].flatten().tolist()) for row in torch.cat(fits["none"].net_.module_.seen[False])}
            assert all(tuple(row[8:].flatten().tolist()) in chroma for row in of_training)
    again = SSSLClassifier(Recorder, **settings, time_mask=4).fit(songs, y)
    np.testing.assert_array_equal(again.predict_proba(songs), fits["time_mask"].predict_proba(songs))
    assert not hasattr(again.net_, "augmentation_")


@pytest.mark.parametrize(
    ("params", "shape", "message"),
    [
        ({"time_mask": 20}, (16, 20), "time_mask=20 may hide a whole segment, which has 20 frames: lower it"),
        ({"band_mask": 16}, (16, 20), "band_mask=16 may hide a whole segment, which has 16 bands: lower it"),
        ({"max_gain": 3.0}, (16,), r"max_gain=3.0 requires spectrograms, got segments of shape \(16,\): set it to 0"),
        ({"time_mask": 0.5}, (16, 20), "'time_mask' parameter"),
    ],
)
def test_augmentations_that_do_not_fit_the_segments(rng, params, shape, message):
    with pytest.raises(ValueError, match=message):
        SSSLClassifier(**QUICK, **params).fit(rng.normal(size=(6, 2, *shape)), [0, 1] * 3)


def test_the_default_head_of_vgg16_depends_on_the_device():
    for name in ("vgg16", "vgg16_bn"):
        assert default_head(name, {"dropout": 0.1}, "cpu") == {"dropout": 0.1, "head": "pooled"}
        assert default_head(name, {}, "cuda:0") == {}
        for chosen in ({"head": "original"}, {"state_dict": "weights.pth"}):
            assert default_head(name, chosen, "cpu") == chosen
    for other in ("small", VGG16, nn.Linear(3, 2)):
        assert default_head(other, {}, "cpu") == {}


def test_the_papers_recipe_has_the_published_head_on_every_device():
    paper = SSSLClassifier.from_recipe("paper", backbone_params={"dropout": 0.1})
    assert paper.backbone_params == {"head": "original", "dropout": 0.1}
    assert make_sssl_pipeline(backbone="vgg16_bn")["sssl"].backbone_params == {"head": "original"}
    assert SSSLClassifier.from_recipe("paper", backbone_params={"head": "pooled"}).backbone_params["head"] == "pooled"
    for recipe, backbone in [("paper", "small"), ("plain", "vgg16")]:
        assert SSSLClassifier.from_recipe(recipe, backbone=backbone).backbone_params is None
        assert Settings(backbone, recipe).network().backbone_params == (
            None if backbone == "small" else {"head": "original"}
        )
    assert Settings(recipe=None).network().backbone_params == {"head": "original"}


def test_warns_of_hours_of_vgg16_on_a_cpu(monkeypatch):
    rng = np.random.default_rng(0)
    X, y = [rng.normal(size=(2, 32, 32)).astype(np.float32) for _ in range(4)], [0, 1, 0, 1]
    classifier = SSSLClassifier.from_recipe("plain", max_epochs=1, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        classifier.fit(X, y)
    monkeypatch.setattr("skmer.training.build._LONG", 7)
    with pytest.warns(UserWarning, match="VGG16 takes hours on a CPU for 8 segments and 1 epochs.* the 'pooled' one"):
        classifier.fit(X, y)
