"""train_model on ratings: the scores are those of scikit-learn, planted ratings are learnt, models keep the names."""

import json
import shutil

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import KFold, StratifiedGroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils import Bunch

from skmer import SegmentStatistics, SegmentTransformer, SSSLRegressor
from skmer.aggregation import SpectrogramStatistics
from skmer.metrics import concordance_correlation_coefficient
from skmer.model_selection import EstimatorSystem, corrected_paired_test
from skmer.models import (
    RATING_CANDIDATES,
    RATING_SYSTEMS,
    UnreadableSongs,
    card_markdown,
    load_model,
    make_pipeline_of,
    save_trained_model,
    train_model,
)
from skmer.models.config import make_candidates
from skmer.models.estimate import CHOSEN
from tests.models.tiny import LOG_MEL, SEGMENTS, tiny_songs, written

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
DUMMY = "dummy (mean rating)"
PLANTED = {"Q1": (1, 1), "Q2": (-1, 1), "Q3": (-1, -1), "Q4": (1, -1)}
SSSL = {"backbone_params": {"hidden": [8]}, "max_epochs": 4, "warmup_epochs": 2}
NETWORK = {"segments": {**SEGMENTS, "harmony": False}, "sssl": SSSL}
SCORES = {"R²": r2_score, "CCC": concordance_correlation_coefficient, "RMSE": root_mean_squared_error}


def rated(songs, random_state=0):
    """Give songs the valence and arousal of their quadrant, with deviations."""
    songs, rng = Bunch(**songs), np.random.default_rng(random_state)
    planted = np.array([PLANTED[label] for label in songs.target])
    songs.target = planted + rng.normal(scale=0.2, size=planted.shape)
    songs.target_names = ["valence", "arousal"]
    return songs


def alone(n_songs=24):
    """Rated songs without groups."""
    songs = rated(tiny_songs(n_songs=n_songs, duration=2))
    del songs["groups"]
    return songs


@pytest.fixture(scope="module")
def songs():
    return rated(tiny_songs())


def svm_by_hand():
    svm = TransformedTargetRegressor(SVR(), transformer=StandardScaler())
    return make_pipeline(
        SegmentTransformer(max_duration=30.0, **SEGMENTS), SpectrogramStatistics(), StandardScaler(), svm
    )


def assert_scores(found, songs, folds, fit):
    """Compare the scores of folds with those of out-of-fold predictions of `fit(train, column)`."""
    y = songs.target
    for k, name in enumerate(songs.target_names):
        predicted = [fit(train, k).predict([songs.data[i] for i in test]).ravel() for train, test in folds]
        for score, function in SCORES.items():
            expected = [function(y[test, k], own) for (_, test), own in zip(folds, predicted, strict=True)]
            np.testing.assert_allclose(found[f"{score} of {name}"], expected, err_msg=f"{score} of {name}")


@pytest.mark.parametrize("grouped", [False, True])
def test_the_scores_are_those_of_scikit_learn_on_the_same_folds(songs, grouped):
    songs = Bunch(**songs) if grouped else alone(16)
    trained = train_model(songs, "log-mel", LOG_MEL, n_splits=3, seed=5)
    splitter = (StratifiedGroupKFold if grouped else KFold)(3, shuffle=True, random_state=5)
    folds = list(splitter.split(np.zeros(16), np.zeros(16), songs.get("groups")))
    estimate = trained.card["estimate"]

    def fit(train, k):
        return svm_by_hand().fit([songs.data[i] for i in train], songs.target[train, k])

    assert_scores(estimate["folds"]["log-mel"], songs, folds, fit)
    how = "the songs of a group in one fold" if grouped else "each song its own group"
    assert estimate["protocol"] == f"3 folds, {how}"
    # the model is the fit on all songs
    expected = [svm_by_hand().fit(songs.data, songs.target[:, k]).predict(songs.data) for k in (0, 1)]
    np.testing.assert_allclose(trained.pipeline.predict(songs.data), np.transpose(expected))
    # the dummy predicts the mean of the training songs, which is no better than that of the test songs
    for train, test in folds:
        dummy = DummyRegressor().fit(np.zeros((len(train), 1)), songs.target[train])
        assert r2_score(songs.target[test], dummy.predict(np.zeros((len(test), 1)))) <= 0
    assert_scores(estimate["folds"][DUMMY], songs, folds, lambda train, k: _Mean(songs.target[train, k].mean()))
    assert max(estimate["folds"][DUMMY]["R²"]) <= 0
    # means over targets and folds, and the test of their difference
    for name in (DUMMY, "log-mel"):
        own = estimate["folds"][name]
        for score in ("R²", "CCC"):
            mean = np.mean([own[f"{score} of valence"], own[f"{score} of arousal"]], axis=0)
            np.testing.assert_allclose(own[score], mean)
            assert estimate["mean"][name][score] == pytest.approx(np.mean(mean))
            assert estimate["sd"][name][score] == pytest.approx(np.std(mean))
    differences = np.subtract(estimate["folds"]["log-mel"]["R²"], estimate["folds"][DUMMY]["R²"])
    test = corrected_paired_test(differences, [len(train) for train, _ in folds], [len(test) for _, test in folds])
    assert estimate["test"]["p_value"] == pytest.approx(test.p_value)


class _Mean:
    def __init__(self, mean):
        self.mean = mean

    def predict(self, X):
        return np.full(len(X), self.mean)


def test_the_network_is_that_of_the_same_steps_alone(songs):
    trained = train_model(songs, "sssl", NETWORK, n_splits=2, seed=3, device="cpu")
    network = SSSLRegressor("mlp", segment_step=3, device="cpu", random_state=3, **SSSL)
    pipe = make_pipeline(SegmentTransformer(max_duration=30.0, **SEGMENTS), SegmentStatistics(), network)
    whole = pipe.fit(songs.data, songs.target)
    np.testing.assert_array_equal(trained.pipeline.predict(songs.data), whole.predict(songs.data))
    folds = StratifiedGroupKFold(2, shuffle=True, random_state=3).split(songs.target, np.zeros(16), songs.groups)
    expected = []
    for train, test in folds:
        pipe.fit([songs.data[i] for i in train], songs.target[train])
        expected.append(r2_score(songs.target[test], pipe.predict([songs.data[i] for i in test])))
    np.testing.assert_allclose(trained.card["estimate"]["folds"]["sssl"]["R²"], expected)
    assert trained.pipeline["sssl"].get_feature_names_out().tolist() == ["valence", "arousal"]
    plain = make_pipeline_of("plain", NETWORK, "cpu", seed=3, ratings=True)
    assert plain["sssl"].get_params() == {**network.get_params(), "noise_model": None}


def test_planted_ratings_are_learnt_better_than_by_the_dummy():
    card = train_model(rated(tiny_songs(n_songs=40)), "log-mel", LOG_MEL, n_splits=4).card
    mean = card["estimate"]["mean"]
    assert mean["log-mel"]["R² of arousal"] > 0.5
    assert mean["log-mel"]["R²"] > mean[DUMMY]["R²"] + 0.4
    assert (
        "is significantly better than the dummy by a corrected paired test over 4 folds (mean R² +"
        in (card["estimate"]["sentence"])
    )


def test_ratings_by_chance_are_not_told_from_the_dummy():
    songs = alone(40)
    songs.target = np.random.default_rng(0).normal(size=(40, 2))
    sentence = train_model(songs, "log-mel", LOG_MEL, n_splits=4).card["estimate"]["sentence"]
    assert "better than the dummy by a corrected" not in sentence


@pytest.mark.parametrize(("system", "config"), [("log-mel", LOG_MEL), ("sssl", NETWORK)])
@pytest.mark.parametrize("suffix", ["skmer", "joblib"])
def test_a_model_keeps_the_names_of_its_ratings(songs, tmp_path, system, config, suffix):
    trained = train_model(songs, system, config, n_splits=0, device="cpu")
    path = save_trained_model(trained, tmp_path / f"model.{suffix}")[0]
    loaded = joblib.load(path) if suffix == "joblib" else load_model(path)
    assert loaded[-1].target_names_ == ["valence", "arousal"]
    np.testing.assert_array_equal(loaded.predict(songs.data), trained.pipeline.predict(songs.data))
    assert loaded.predict(songs.data).shape == (16, 2)


def test_one_rating_may_have_one_dimension(songs):
    one = Bunch(**{**songs, "target": songs.target[:, 1], "target_names": ["arousal"]})
    two = Bunch(**{**songs, "target": pd.DataFrame({"arousal": songs.target[:, 1]}), "target_names": None})
    for system, config in (("log-mel", LOG_MEL), ("plain", NETWORK)):
        found = [train_model(each, system, config, n_splits=2, device="cpu") for each in (one, two)]
        predicted = [trained.pipeline.predict(songs.data) for trained in found]
        assert predicted[0].shape == (16, 1)
        np.testing.assert_array_equal(*predicted)
        card = found[0].card
        assert found[1].card["estimate"] == card["estimate"]
        assert card["targets"] == found[1].card["targets"] == ["arousal"]
        # no mean of one rating
        assert card["estimate"]["table"].splitlines()[0] == "arousal:"
        assert "mean of the ratings" not in card["estimate"]["table"]
        assert "over 2 folds (R² " in card["estimate"]["sentence"]


def test_the_card_has_the_range_of_the_ratings(songs, tmp_path):
    trained = train_model(songs, "sssl", NETWORK, n_splits=2, device="cpu", seed=4)
    _, page, plain = save_trained_model(trained, tmp_path / "model.skmer")
    card, text = json.loads(plain.read_text()), page.read_text()
    valence = songs.target[:, 0]
    expected = {"lowest": valence.min(), "highest": valence.max(), "mean": valence.mean(), "sd": valence.std()}
    assert card["data"]["ratings"]["valence"] == pytest.approx(expected)
    assert card["targets"] == ["valence", "arousal"]
    assert "classes" not in card
    assert "songs_per_class" not in card["data"]
    assert card["usage"] == [
        "skmer predict model.skmer FOLDER --out ratings.csv", "skmer timeline model.skmer SONG --out ratings.png",
    ]  # fmt: skip
    assert "\n---\n\n# Music emotion recognition model: valence, arousal\n" in text
    for part in (
        "| rating of 16 songs |",
        RATING_SYSTEMS["sssl"],
        card["estimate"]["table"],
        card["estimate"]["sentence"],
    ):
        assert part in text
    tables = card["estimate"]["table"].split("\n\n")
    assert tables[::2] == ["valence:", "arousal:", "mean of the ratings:"]
    mean, sd = (card["estimate"][part]["sssl"]["RMSE of arousal"] for part in ("mean", "sd"))
    assert f"{mean:.3f} ± {sd:.3f} |".replace("0.", ".") in tables[3].splitlines()[-1]
    assert json.loads(plain.read_text())["usage"][0] in text
    # an SVM has no curve over the song
    usage = card_markdown(train_model(songs, "log-mel", LOG_MEL, n_splits=0).card)
    assert "skmer predict MODEL FOLDER --out ratings.csv\n```" in usage


def rig(monkeypatch, is_right):
    """Replace each fit by true ratings where ``is_right(system, inner)`` says so, else by those of another song."""

    def run(self, X, y, train, test, *args, **kwargs):
        name = "plain" if self.estimator["sssl"].noise_model is None else "sssl"
        right = is_right(name, len(train) + len(test) < len(y))
        return {"predictions": {"": (y[test] if right else np.roll(y[test], 1, axis=0)).tolist()}}

    monkeypatch.setattr(EstimatorSystem, "run", run)


@pytest.mark.parametrize("better", ["plain", "sssl"])
def test_the_better_one_is_chosen_and_fitted(monkeypatch, better):
    rig(monkeypatch, lambda name, inner: name == better)
    trained = train_model(alone(), "auto", NETWORK, n_splits=3, device="cpu")
    estimate = trained.card["estimate"]
    assert (estimate["choice"]["chosen"], trained.card["system"]) == (better, better)
    assert estimate["choice"]["candidates"] == ["plain", "sssl"]
    assert estimate["choice"]["times_chosen"] == {"plain": 3 * (better == "plain"), "sssl": 3 * (better == "sssl")}
    assert estimate["folds"][better]["R²"] == estimate["folds"][CHOSEN]["R²"] == [1, 1, 1]
    assert f"Chosen: {better}, with the highest mean R² (1.000)." in estimate["choice"]["sentence"]
    assert estimate["choice"]["inner_splits"] == 3
    expected = train_model(alone(), better, NETWORK, n_splits=0, device="cpu").pipeline
    np.testing.assert_array_equal(trained.pipeline.predict(alone().data), expected.predict(alone().data))


def test_the_estimate_is_that_of_the_choice_within_the_training_songs(monkeypatch):
    rig(monkeypatch, lambda name, inner: (name == "sssl") == inner)
    estimate = train_model(alone(), "auto", NETWORK, n_splits=3, device="cpu").card["estimate"]
    assert estimate["choice"]["chosen"] == "plain"
    assert estimate["choice"]["times_chosen"] == {"plain": 0, "sssl": 3}
    assert estimate["folds"][CHOSEN] == estimate["folds"]["sssl"]
    assert 'The rows "chosen inside the folds" have the scores of these choices' in estimate["choice"]["sentence"]


def test_a_choice_is_that_of_nested_cross_validation(monkeypatch, tmp_path):
    monkeypatch.setitem(RATING_CANDIDATES, "best", ("log-mel", "descriptors"))
    songs, config = alone(), {"segments": SEGMENTS, "descriptors": {"groups": ["dynamics"], "sr": 11264}}
    card = train_model(songs, "best", config, n_splits=3, seed=1).card
    X, y = np.empty(len(songs.data), dtype=object), songs.target
    X[:] = songs.data
    pipelines = make_candidates("best", config, seed=1, ratings=True)
    for pipeline in pipelines.values():
        pipeline.set_params(**{f"{pipeline.steps[0][0]}__memory": str(tmp_path)})
    chosen, scores = [], []
    for train, test in KFold(3, shuffle=True, random_state=1).split(X):
        inside = KFold(3, shuffle=True, random_state=1)
        means = {name: cross_val_score(pipe, X[train], y[train], cv=inside).mean() for name, pipe in pipelines.items()}
        chosen.append(max(means, key=means.get))
        scores.append(pipelines[chosen[-1]].fit(X[train], y[train]).score(X[test], y[test]))
    assert card["estimate"]["folds"][CHOSEN]["R²"] == pytest.approx(scores)
    assert card["estimate"]["choice"]["times_chosen"] == {name: chosen.count(name) for name in pipelines}


def test_a_stopped_run_goes_on_and_gives_the_same(tmp_path, monkeypatch):
    whole = train_model(alone(), "sssl", NETWORK, n_splits=3, device="cpu")
    run, done = EstimatorSystem.run, []

    def stopped(self, *args, **kwargs):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(1)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(EstimatorSystem, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        train_model(alone(), "sssl", NETWORK, n_splits=3, device="cpu", store=tmp_path)
    monkeypatch.setattr(EstimatorSystem, "run", lambda *args, **kw: done.append(1) or run(*args, **kw))
    again = train_model(alone(), "sssl", NETWORK, n_splits=3, device="cpu", store=tmp_path)
    assert len(done) == 3
    assert again.card["estimate"] == whole.card["estimate"]
    # other ratings are another training
    other = alone()
    other.target = other.target[::-1].copy()
    train_model(other, "sssl", NETWORK, n_splits=3, device="cpu", store=tmp_path)
    assert len(done) == 6


def test_groups_reach_the_cross_fitting(songs, monkeypatch):
    seen, fit = [], SSSLRegressor.fit
    monkeypatch.setattr(
        SSSLRegressor,
        "fit",
        lambda self, X, y, groups=None, **more: seen.append(groups) or fit(self, X, y, groups, **more),
    )
    train_model(songs, "plain", NETWORK, n_splits=2, device="cpu")
    assert [len(groups) for groups in seen] == [8, 8, 16]
    assert seen[2].tolist() == songs.groups.tolist()


def test_copies_with_other_ratings_are_named_and_kept_in_one_fold(tmp_path):
    songs = rated(written(tmp_path, duration=7))
    shutil.copy(songs.data[0], tmp_path / "copy.wav")
    songs.data, songs.target = [*songs.data, str(tmp_path / "copy.wav")], np.vstack([songs.target, [0.25, -0.5]])
    songs.names = [*map(str, range(16)), "copy"]
    del songs["groups"]
    said: list = []
    train_model(songs, "log-mel", LOG_MEL, n_splits=2, say=said.append)
    first = ", ".join(f"{value:g}" for value in songs.target[0])
    assert f"The same recording has different ratings: 0 ({first}), copy (0.25, -0.5)." in said


def test_sections_of_the_config_reach_the_steps(songs):
    trained = train_model(songs, "log-mel", {**LOG_MEL, "svm": {"C": 3}}, n_splits=0)
    [one, other] = trained.pipeline["svm"].estimators_
    assert (one.regressor_.C, other.regressor_.C) == (3, 3)
    assert trained.card["parameters"]["svm"] == {"C": 3}
    for name, pipeline in make_candidates("best", {"svm": {"C": 2}}, "cpu", 7, ratings=True).items():
        assert str(pipeline) == str(
            make_pipeline_of(name, {"svm": {"C": 2}} if "svm" in pipeline.named_steps else {}, "cpu", 7, ratings=True)
        )
        assert name in RATING_SYSTEMS


def test_the_network_suits_the_device(monkeypatch):
    network = make_pipeline_of("sssl", device="cpu", ratings=True)["sssl"]
    assert (network.backbone, network.backbone_params, network.max_epochs) == ("mlp", {"hidden": [128]}, 20)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    pipeline = make_pipeline_of("plain", ratings=True)
    assert list(pipeline.named_steps) == ["segments", "sssl"]
    assert (pipeline["sssl"].backbone, pipeline["sssl"].max_epochs, pipeline["segments"].harmony) == (
        "vgg16",
        30,
        False,
    )


def test_few_songs_lower_the_folds_or_end_in_a_sentence(songs):
    few = alone(6)
    card = train_model(few, "log-mel", LOG_MEL, n_splits=5).card
    assert card["estimate"]["n_splits"] == 3
    assert card["remarks"] == ["n_splits=5 is lowered to 3, so that each fold has two songs or more, which R² needs."]
    few.groups = np.zeros(6, dtype=int)
    with pytest.raises(ValueError, match=r"The 6 songs of 1 group do not make two folds .* without an estimate"):
        train_model(few, "log-mel", LOG_MEL)
    del few["groups"]
    few.data, few.target = few.data[:4], few.target[:4]
    with pytest.raises(ValueError, match="The 2 songs that train in a fold do not make two folds of two songs or more"):
        train_model(few, "auto", NETWORK, device="cpu")
    few.data, few.target = few.data[:3], few.target[:3]
    with pytest.raises(ValueError, match="The 3 songs do not make two folds of two songs or more, which R² needs"):
        train_model(few, "log-mel", LOG_MEL)
    assert train_model(few, "log-mel", LOG_MEL, n_splits=0).card["estimate"] is None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"target": [[0.5, np.nan]] * 16}, "target must be finite, but that of song 0"),
        ({"target": np.ones((16, 2))}, "Ratings that differ are needed, but valence is 1 for all songs"),
        ({"target": np.ones((16, 2, 2))}, "target must hold a class for each song, or ratings of shape"),
        ({"target": np.eye(16)}, "target_names must be 16 different names"),
        ({"target_names": ["a", "a"]}, "target_names must be 2 different names"),
        ({"target": [[0.5, 1.0]] * 3}, "target has 3 entries for 16 songs"),
        ({"system": "cross-entropy"}, "'cross-entropy' is for classes, but these are ratings: choose from sssl, plain"),
        ({"system": "joined"}, "'joined' is for classes"),
        ({"system": "finest"}, "system='finest' is unknown: choose from sssl, plain, .* auto, best"),
        ({"system": "auto", "n_splits": 0}, "which needs n_splits of at least 2, not 0"),
        ({"config": {"sssl": {"loss": "cross_entropy"}}}, "loss='cross_entropy' takes shares"),
        ({"config": {"sssl": {"max_epochs": 1}}}, "section 'sssl': max_epochs=1 leaves no epoch"),
        ({"config": {"sssl": {"balance": None}}}, "section 'sssl' has no parameter 'balance'"),
        ({"config": {"sssl": {"cv": 100}}}, "section 'sssl': cv=100 does not divide the 16 songs"),
    ],
)
def test_what_cannot_be_learnt_is_refused_before_any_song_is_read(songs, monkeypatch, changed, told):
    monkeypatch.setattr("skmer.models.train.read_songs", lambda *_: pytest.fail("a song was read"))
    of_songs = {name: value for name, value in changed.items() if name.startswith("target")}
    arguments = {name: value for name, value in changed.items() if name not in of_songs}
    with pytest.raises(ValueError, match=told):
        train_model(Bunch(**{**songs, **of_songs}), **{"system": "sssl", "device": "cpu", **arguments})


def test_plain_is_for_ratings_only():
    with pytest.raises(ValueError, match="system='plain' is for ratings, but these are classes: choose from sssl"):
        train_model(tiny_songs(), "plain")


def test_shares_are_learnt(songs):
    shares = Bunch(**songs)
    shares.target = np.random.default_rng(0).dirichlet([1, 1, 1], size=16)
    shares.target_names = ["awe", "calm", "joy"]
    config = {**NETWORK, "sssl": {**SSSL, "loss": "cross_entropy"}}
    trained = train_model(shares, "sssl", config, n_splits=2, device="cpu")
    np.testing.assert_allclose(trained.pipeline.predict(songs.data).sum(axis=1), 1)


def test_songs_that_cannot_be_used_are_left_out_on_demand(tmp_path):
    songs = rated(written(tmp_path))
    (tmp_path / "text.mp3").write_text("no music")
    songs.data, songs.groups = [*songs.data, str(tmp_path / "text.mp3")], [*songs.groups, "x"]
    songs.target = np.vstack([songs.target, [9, 9]])
    with pytest.raises(UnreadableSongs, match="1 of 17 songs cannot be used:"):
        train_model(songs, "log-mel", LOG_MEL, n_splits=2)
    said: list = []
    card = train_model(songs, "log-mel", LOG_MEL, n_splits=2, skip_unreadable=True, say=said.append).card
    assert card["data"]["n_songs"] == 16
    assert card["data"]["ratings"]["valence"]["highest"] < 2
    assert "16 of 17 songs are used: valence from -1" in "\n".join(said)
    songs.data = [str(tmp_path / "text.mp3")] * 17
    with pytest.raises(UnreadableSongs, match="17 of 17 songs cannot be used:"):
        train_model(songs, "log-mel", LOG_MEL, n_splits=2, skip_unreadable=True)
