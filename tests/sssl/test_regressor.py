"""SSSLRegressor: ratings of songs, ratings over time, and shares of listeners."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from skorch.callbacks import EpochScoring

from skmer import SongAggregator, SongSequence, SSSLRegressor, load_model, save_model
from skmer._ratings import check_ratings
from skmer.metrics import ccc_scorer
from skmer.sssl import LabelStrategy
from skmer.sssl.rating_net import RatingNet, mean_r2
from skmer.sssl.regression_loss import SSSLRegressionLoss, row_errors

pytestmark = pytest.mark.filterwarnings("ignore:Epoch .* is trained on the inherited labels:UserWarning")

QUICK = {"backbone": "mlp", "backbone_params": {"hidden": [16]}, "max_epochs": 6, "warmup_epochs": 2, "random_state": 0}
LONGER = {**QUICK, "max_epochs": 40, "batch_size": 16}


@pytest.fixture
def songs(rng):
    """Forty songs of 3 to 6 segments of five values; the two ratings of a song are linear in its mean values."""
    X = SongSequence([rng.normal(size=5) + 0.3 * rng.normal(size=(3 + i % 4, 5)) for i in range(40)])
    means = np.array([song.mean(axis=0) for song in X])
    return X, means @ rng.normal(size=(5, 2)) * [1.0, 10.0] + [5.0, -20.0]


@pytest.fixture
def curves(rng):
    """Forty songs of 8 segments, and a rating of each segment that is linear in its values."""
    X = SongSequence([rng.normal(size=(8, 4)) for _ in range(40)])
    weights = rng.normal(size=(4, 2))
    return X, [song @ weights for song in X]


# ---- errors and losses ------------------------------------------------------------------------------


def test_errors_of_rows_by_hand():
    outputs, targets = torch.tensor([[1.0, 3.0], [0.5, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(row_errors(outputs, targets, "squared_error"), torch.tensor([5.0, 0.125]))
    # linear beyond 1: 2 * (3 - 1/2)
    torch.testing.assert_close(row_errors(outputs, targets, "huber"), torch.tensor([(1 + 5) / 2, 0.125]))
    shares = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    found = row_errors(torch.log(torch.tensor([[0.5, 0.5], [0.5, 0.5]])), shares, "cross_entropy")
    expected = [0.25 * np.log(0.5) + 0.75 * np.log(1.5), np.log(2)]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float32))
    torch.testing.assert_close(row_errors(torch.log(shares[:1]), shares[:1], "cross_entropy"), torch.zeros(1))


def test_the_distance_of_two_passes_by_hand():
    p, q = torch.tensor([[1.0, 0.0], [5.0, 5.0]]), torch.tensor([[0.0, 2.0], [0.0, 0.0]])
    loss = SSSLRegressionLoss()
    torch.testing.assert_close(loss.consistency(p, q, torch.tensor([1.0, 0.0])), torch.tensor(2.5))
    torch.testing.assert_close(loss.consistency(p, q, torch.zeros(2)), torch.tensor(0.0))
    of_shares = SSSLRegressionLoss(loss="cross_entropy")
    assert of_shares.consistency(p, p, torch.ones(2)) == 0
    assert of_shares.consistency(p, q, torch.ones(2)) > 0


def test_the_error_of_songs_by_hand():
    outputs = torch.tensor([[0.0], [2.0], [4.0]])
    targets, bags = torch.tensor([[1.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    of_rows, of_songs = 1.0, (0.0 + 1.0) / 2
    for share in (0.0, 0.5, 1.0):
        loss = SSSLRegressionLoss(bag_weight=share).supervised(outputs, targets, bags=bags, of_songs=targets)
        torch.testing.assert_close(loss, torch.tensor((1 - share) * of_rows + share * of_songs))
    weights = torch.tensor([2.0, 2.0, 0.5])
    weighted = SSSLRegressionLoss(bag_weight=1.0).supervised(outputs, targets, weights, bags, targets)
    torch.testing.assert_close(weighted, torch.tensor((2 * 0.0 + 0.5 * 1.0) / 2))
    shares = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    extreme = torch.log(torch.tensor([[0.9, 0.1], [0.1, 0.9]]))
    of_shares = SSSLRegressionLoss(bag_weight=1.0, loss="cross_entropy")
    of_bag = of_shares.supervised(extreme, shares, bags=torch.zeros(2, dtype=torch.long), of_songs=shares)
    torch.testing.assert_close(of_bag, torch.tensor(0.0))


def test_pseudo_targets_keep_the_mean_of_a_song():
    net = RatingNet(torch.nn.Linear(1, 2), target_mean=0.0, target_scale=1.0)
    predictions = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 1.0]])
    labels = torch.tensor([[0.0, 0.5], [0.0, 0.5], [2.0, 2.0]])
    found = net.pseudo_targets(predictions, labels, np.array([4, 4, 7]))
    torch.testing.assert_close(found, torch.tensor([[-1.0, 0.5], [1.0, 0.5], [2.0, 2.0]]))
    net.preserve_mean = False
    assert net.pseudo_targets(predictions, labels, np.array([4, 4, 7])) is predictions


def test_pseudo_targets_of_shares_are_shares():
    net = RatingNet(torch.nn.Linear(1, 2), loss_after_split=SSSLRegressionLoss(loss="cross_entropy"))
    predictions, labels = torch.tensor([[0.9, 0.1], [0.5, 0.5]]), torch.tensor([[0.2, 0.8], [0.2, 0.8]])
    found = net.pseudo_targets(predictions, labels, np.array([0, 0]))
    torch.testing.assert_close(found, torch.tensor([[0.4, 0.6], [0.0, 1.0]]))


def test_r2_is_the_mean_over_targets_that_vary():
    wanted = np.array([[0.0, 1.0], [2.0, 1.0]])
    assert mean_r2(np.array([[0.5, 9.0], [1.5, 9.0]]), wanted) == pytest.approx(1 - 0.5 / 2)
    assert np.isnan(mean_r2(wanted, np.ones((2, 2))))


# ---- what is learnt ---------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{"noise_model": None}, {}, {"loss": "huber"}, {"noise_model": "self-learning"}])
def test_ratings_of_songs_are_learnt_in_their_units(songs, params):
    X, y = songs
    regressor = SSSLRegressor(**LONGER, **params).fit(X[:30], y[:30])
    predicted = regressor.predict(X[30:])
    assert predicted.shape == (10, 2)
    assert r2_score(y[30:], predicted) > 0.6
    assert regressor.score(X[30:], y[30:]) == pytest.approx(r2_score(y[30:], predicted))
    of_segments = regressor.transform(X)
    assert [song.shape for song in of_segments] == [(len(song), 2) for song in X]
    np.testing.assert_allclose(regressor.predict(X), [song.mean(axis=0) for song in of_segments])
    one = SSSLRegressor(**QUICK, **params).fit(X, y[:, 0])
    assert one.predict(X).shape == (40,)
    assert one.transform(X)[0].shape == (3, 1)
    assert SSSLRegressor(**QUICK, **params).fit(X, y[:, :1]).predict(X).shape == (40, 1)


def test_ratings_over_time_are_learnt_within_songs(curves):
    X, y = curves
    regressor = SSSLRegressor(noise_model=None, **LONGER).fit(X[:30], y[:30])
    assert regressor.score(X[30:], y[30:]) > 0.8
    flat = SSSLRegressor(noise_model=None, **LONGER).fit(X[:30], [song.mean(axis=0) for song in y[:30]])
    assert flat.score(X[30:], y[30:]) < regressor.score(X[30:], y[30:]) - 0.3
    # one array, and songs of segments
    for same in (np.stack(y[:30]), SongSequence(y[:30])):
        other = SSSLRegressor(noise_model=None, **LONGER).fit(X[:30], same)
        np.testing.assert_array_equal(other.predict(X), regressor.predict(X))


def test_ratings_over_time_that_are_constant_are_those_of_songs(songs):
    X, y = songs
    over_time = [np.repeat(row[None], len(song), axis=0) for row, song in zip(y, X, strict=True)]
    one, other = (SSSLRegressor(**QUICK).fit(X, targets) for targets in (y, over_time))
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


def test_segments_without_ratings_are_left_out_without_a_noise_model(curves, monkeypatch):
    X, y = curves
    for song in y:
        song[:3] = np.nan
    y[5][:] = np.nan
    seen = []
    draw = RatingNet.draw_batches
    monkeypatch.setattr(RatingNet, "draw_batches", lambda net: seen.append(draw(net)) or seen[-1])
    params = {**QUICK, "noise_model": None}
    with pytest.raises(ValueError, match=r"y has 1 unlabelled songs \(NaN\), but there is no epoch that uses them"):
        SSSLRegressor(**params).fit(X, y)
    y[5][4] = 0.5
    regressor = SSSLRegressor(**params).fit(X, y)
    rows = torch.cat([index for epoch in seen for index in epoch]).numpy()
    rated = np.flatnonzero(~np.isnan(np.concatenate(y)).any(axis=1))
    assert set(rows) == set(rated)
    assert np.isfinite(regressor.score(X, y))
    assert not hasattr(regressor, "clean_probability_")
    stepped = SSSLRegressor(**params, segment_step=3).fit(X, y)
    assert np.isfinite(stepped.score(X, y))


def test_songs_and_segments_without_ratings_take_part_from_the_first_split_on(curves, monkeypatch):
    X, y = curves
    y[7][:] = np.nan
    y[8][:4] = np.nan
    seen = []
    loss = RatingNet.batch_loss
    monkeypatch.setattr(
        RatingNet, "batch_loss", lambda net, index: seen.append((net.targets_, index)) or loss(net, index)
    )
    regressor = SSSLRegressor(**QUICK).fit(X, y)
    unrated = set(np.flatnonzero(np.isnan(np.concatenate(y)).any(axis=1)))
    warmup = {int(row) for targets, index in seen if targets is None for row in index}
    later = {int(row) for targets, index in seen if targets is not None for row in index}
    assert not unrated & warmup
    assert unrated <= later
    assert np.isnan(regressor.clean_probability_[7]).all()
    assert np.isnan(regressor.clean_probability_[8]).tolist() == [True] * 4 + [False] * 4
    by_song = np.array([song.mean(axis=0) for song in y])
    assert np.isnan(by_song[7]).all()
    assert SSSLRegressor(**QUICK).fit(X, by_song).predict(X).shape == (40, 2)


def test_wrong_seconds_are_found(rng):
    # one segment of each song sounds like the opposite rating
    ratings = rng.uniform(-1, 1, 60)
    X = SongSequence([np.outer(np.r_[-1.0, np.ones(5)] * rating, np.ones(4)) + 0.1 * rng.normal(size=(6, 4))
                      for rating in ratings])  # fmt: skip
    regressor = SSSLRegressor(**{**LONGER, "warmup_epochs": 5}).fit(X, ratings)
    clear = [i for i in range(60) if abs(ratings[i]) > 0.4]
    trust = np.array([regressor.clean_probability_[i] for i in clear])
    assert trust[:, 0].mean() < 0.2
    assert trust[:, 1:].mean() > 0.8
    assert regressor.split_.separation.shape == (1,)
    row = regressor.history_[-1]
    assert row["phase"] == "sssl"
    assert row["songs_learnt"] <= 1
    assert row["targets_moved"] > 0


def test_self_learning_shrinks_ratings_unless_songs_keep_their_mean(rng):
    y = rng.normal(size=60)
    X = SongSequence([rating + 1.5 * rng.normal(size=(6, 4)) for rating in y])
    params = {**LONGER, "warmup_epochs": 5, "max_erased": 1.0}
    kept, shrunk = (np.std(SSSLRegressor(**params, preserve_mean=p).fit(X, y).predict(X)) for p in (True, False))
    assert shrunk < 0.7 * kept


def test_shares_are_predicted_as_shares(songs):
    X, y = songs
    shares = torch.softmax(torch.from_numpy(StandardScaler().fit_transform(y) @ [[1, 0, -1], [0, 1, -1]]), 1).numpy()
    for params in ({"noise_model": None}, {}, {"bag_weight": 0.5}):
        regressor = SSSLRegressor(loss="cross_entropy", **LONGER, **params).fit(X[:30], shares[:30])
        predicted = regressor.predict(X)
        np.testing.assert_allclose(predicted.sum(axis=1), 1)
        assert (predicted >= 0).all()
        assert r2_score(shares[30:], predicted[30:]) > 0.4
    # hard labels are shares of 0 and 1
    hard = np.eye(3)[shares.argmax(axis=1)]
    assert SSSLRegressor(loss="cross_entropy", **QUICK).fit(X, hard).predict(X).shape == (40, 3)


def test_predictions_stay_within_the_ratings_unless_told_otherwise(songs):
    X, y = songs
    far = SongSequence([10 * song for song in X])
    regressor = SSSLRegressor(**LONGER).fit(X, y)
    values = np.concatenate(list(regressor.transform(far)))
    assert (values >= y.min(axis=0)).all()
    assert (values <= y.max(axis=0)).all()
    free = np.concatenate(list(SSSLRegressor(**LONGER, clip=False).fit(X, y).transform(far)))
    assert (free > y.max(axis=0)).any()
    np.testing.assert_array_equal(np.clip(free, y.min(axis=0), y.max(axis=0)), values)


def test_curves_are_smoothed_and_songs_are_not(songs):
    X, y = songs
    regressor = SSSLRegressor(**QUICK).fit(X, y)
    rough, of_songs = list(regressor.transform(X)), regressor.predict(X)
    smooth = list(regressor.set_params(smoothing=3).transform(X))
    np.testing.assert_allclose(smooth[0][1], rough[0][:3].mean(axis=0))
    np.testing.assert_allclose(smooth[0][0], (2 * rough[0][0] + rough[0][1]) / 3)
    np.testing.assert_array_equal(regressor.predict(X), of_songs)


def test_equal_ratings_are_predicted(songs):
    X, _ = songs
    with pytest.warns(UserWarning, match="songs_learnt is undefined"):
        np.testing.assert_allclose(SSSLRegressor(**QUICK).fit(X, np.full(40, 3.5)).predict(X), 3.5)


def test_a_target_that_does_not_vary_takes_no_part_in_what_is_learnt(songs, curves):
    X, y = songs
    # the mean of forty times 0.1 is not 0.1
    regressor = SSSLRegressor(**LONGER).fit(X, np.c_[np.full(40, 0.1), y[:, 0]])
    assert regressor.history_[-1]["phase"] == "sssl"
    np.testing.assert_allclose(regressor.predict(X)[:, 0], 0.1)
    # ratings that only differ within songs
    X, y = curves
    with pytest.warns(UserWarning, match="songs_learnt is undefined, since the songs do not differ"):
        regressor = SSSLRegressor(**QUICK).fit(X, [song - song.mean(axis=0) for song in y])
    assert np.isnan(regressor.history_[-1]["songs_learnt"])


def test_the_unit_of_ratings_does_not_matter(songs):
    X, y = songs
    expected = SSSLRegressor(**QUICK).fit(X, y).predict(X)
    for unit in (1e-15, 1e9):
        np.testing.assert_allclose(SSSLRegressor(**QUICK).fit(X, y * unit).predict(X) / unit, expected, rtol=1e-6)


def test_published_shares_miss_one_by_their_rounding(songs):
    X, _ = songs
    rounded = np.tile([[0.33, 0.33, 0.33], [0.5, 0.25, 0.25]], (20, 1))
    exact = rounded / rounded.sum(axis=1, keepdims=True)
    params = {**QUICK, "loss": "cross_entropy", "noise_model": None}
    one, other = (SSSLRegressor(**params).fit(X, shares) for shares in (rounded, exact))
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-4)


# ---- weights, groups, validation --------------------------------------------------------------------


def test_songs_of_weight_zero_are_left_out(songs):
    X, y = songs
    weights = np.r_[np.zeros(10), np.ones(30)]
    one = SSSLRegressor(**QUICK).fit(X, y, sample_weight=weights)
    other = SSSLRegressor(**QUICK).fit(X[10:], y[10:])
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert np.isnan(one.clean_probability_[3]).all()
    y[:10] = np.nan
    with pytest.raises(ValueError, match="sample_weight is zero for all rated songs"):
        SSSLRegressor(**QUICK).fit(X, y, sample_weight=1 - weights)
    with pytest.raises(ValueError, match=r"sample_weight has shape \(2,\) for 40 songs"):
        SSSLRegressor(**QUICK).fit(X, y, sample_weight=[1, 2])


def test_the_unit_of_a_song_without_much_weight_does_not_count(songs):
    X, y = songs
    weights = np.linspace(1, 2, 40)
    regressor = SSSLRegressor(**QUICK).fit(X, y, sample_weight=weights)
    of_segments = [np.repeat(values, X.n_segments, axis=0) for values in (y, weights)]
    mean = np.average(of_segments[0], axis=0, weights=of_segments[1])
    variance = np.average(np.square(of_segments[0] - mean), axis=0, weights=of_segments[1])
    np.testing.assert_allclose(regressor.net_.target_mean, mean)
    np.testing.assert_allclose(regressor.net_.target_scale, np.sqrt(variance))
    y[0], weights[0] = 1e6, 1e-15
    assert SSSLRegressor(**LONGER, noise_model=None).fit(X, y, sample_weight=weights).score(X[1:], y[1:]) > 0.5


def test_cross_fitting_predicts_songs_that_were_not_trained_on(rng):
    # the ratings have nothing to do with the songs: in sample they are learnt by heart
    X = SongSequence([rng.normal(size=(4, 30)) * 3 for _ in range(40)])
    y = rng.normal(size=40)
    params = {**LONGER, "noise_model": None, "max_epochs": 60, "weight_decay": 0.01}
    insample = SSSLRegressor(**params).fit_transform(X, y)
    out_of_fold = SSSLRegressor(**params, cv=4).fit_transform(X, y)
    assert r2_score(y, [song.mean() for song in insample]) > 0.6
    assert r2_score(y, [song.mean() for song in out_of_fold]) < 0.3
    groups = np.repeat(np.arange(4), 10)
    one, other = (SSSLRegressor(**QUICK, cv=cv).fit_transform(X, y, groups=groups) for cv in (4, GroupKFold(4)))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="in exactly one test fold"):
        SSSLRegressor(**QUICK, cv=[([0, 1], [2, 3])]).fit_transform(X, y)


def test_cross_fitting_of_ratings_over_time(curves):
    X, y = curves
    found = SSSLRegressor(**LONGER, noise_model=None, cv=2).fit_transform(X, y)
    assert r2_score(np.concatenate(y), np.concatenate(list(found))) > 0.5


def test_validation_songs_are_scored_and_may_stop_the_training(songs, curves):
    X, y = songs
    regressor = SSSLRegressor(**QUICK, validation_fraction=0.25).fit(X, y)
    assert len(regressor.validation_songs_) == 10
    held = regressor.validation_songs_
    scaled = (y[held] - regressor.net_.target_mean) / regressor.net_.target_scale
    outputs = (regressor.net_.predict(X[held]) - regressor.net_.target_mean) / regressor.net_.target_scale
    own = np.repeat(scaled, X[held].n_segments, axis=0)
    free = SSSLRegressor(**QUICK, validation_fraction=0.25, clip=False).fit(X, y)
    outputs = (free.net_.predict(X[held]) - free.net_.target_mean) / free.net_.target_scale
    assert free.history_[-1]["valid_loss"] == pytest.approx(np.square(outputs - own).mean(), rel=1e-4)
    assert free.history_[-1]["valid_r2"] == pytest.approx(r2_score(y[held], free.predict(X[held])), rel=1e-4)
    trained = np.setdiff1d(np.arange(40), held)
    np.testing.assert_allclose(
        regressor.net_.target_mean, np.average(y[trained], axis=0, weights=X[trained].n_segments)
    )
    stopped = SSSLRegressor(**{**QUICK, "max_epochs": 60}, validation_fraction=0.25, patience=2).fit(X, y)
    assert len(stopped.history_) < 60
    with pytest.raises(ValueError, match="patience=2 requires validation songs"):
        SSSLRegressor(**QUICK, patience=2).fit(X, y)
    X, y = curves
    for song in y:
        song[0] = np.nan
    assert np.isfinite(SSSLRegressor(**QUICK, validation_fraction=0.25).fit(X, y).history_[-1]["valid_r2"])


def test_cross_fitting_is_checked_before_the_training(songs, monkeypatch):
    X, y = songs
    monkeypatch.setattr(SSSLRegressor, "fit", lambda *args, **kwargs: pytest.fail("trained"))
    y[10:] = np.nan
    with pytest.raises(ValueError, match=r"cv=4, fold 0 of 0 to 3: its training songs have no ratings"):
        SSSLRegressor(**QUICK, cv=4).fit_transform(X, y)
    with pytest.raises(ValueError, match=r"sample_weight has shape \(2,\) for 40 songs"):
        SSSLRegressor(**QUICK, cv=4).fit_transform(X, y, sample_weight=[1, 2])


def test_callbacks_score_validation_segments_that_have_ratings(curves):
    X, y = curves
    for song in y:
        song[0] = np.nan
    scoring = EpochScoring("r2", lower_is_better=False, name="of_segments")
    regressor = SSSLRegressor(**QUICK, validation_fraction=0.25, callbacks=[scoring]).fit(X, y)
    held = regressor.validation_songs_
    expected = regressor.score(X[held], [y[i] for i in held])
    assert regressor.history_[-1]["of_segments"] == pytest.approx(expected, rel=1e-4)


# ---- in scikit-learn --------------------------------------------------------------------------------


def test_songs_and_segments_without_ratings_are_not_scored(songs, curves):
    X, y = songs
    regressor, weights = SSSLRegressor(**QUICK).fit(X, y), np.arange(40.0)
    expected = regressor.score(X[1:], y[1:])
    assert expected == pytest.approx(r2_score(y[1:], regressor.predict(X[1:])))
    y[0] = np.nan
    assert regressor.score(X, y) == pytest.approx(expected)
    weighted = regressor.score(X, y, sample_weight=weights)
    assert weighted == pytest.approx(r2_score(y[1:], regressor.predict(X[1:]), sample_weight=weights[1:]))
    assert np.isfinite(GridSearchCV(SSSLRegressor(**QUICK), {"smoothing": [1, 3]}, cv=2).fit(X, y).best_score_)
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        regressor.score(X, y, sample_weight=[1, 2])
    X, y = curves
    regressor = SSSLRegressor(**QUICK).fit(X, y)
    found = regressor.score(X, y, sample_weight=weights)
    of_segments = r2_score(np.concatenate(y), regressor.net_.predict(X), sample_weight=np.repeat(weights, 8))
    assert found == pytest.approx(of_segments)


def test_it_composes_with_scikit_learn(songs):
    X, y = songs
    statistics = SongAggregator(["mean", "std", "min", "max"])
    pipeline = make_pipeline(SSSLRegressor(**QUICK, cv=3), statistics, StandardScaler(), MultiOutputRegressor(SVR()))
    assert pipeline.fit(X, y).predict(X).shape == (40, 2)
    assert statistics.fit(pipeline[0].transform(X)).get_feature_names_out()[0] == "mean_target0"
    scores = cross_val_score(SSSLRegressor(**LONGER), X, y, cv=3, scoring=ccc_scorer)
    assert scores.min() > 0.5
    search = GridSearchCV(SSSLRegressor(**QUICK), {"loss": ["squared_error", "huber"]}, cv=2).fit(X, y)
    assert np.isfinite(search.best_score_)
    each = MultiOutputRegressor(make_pipeline(SSSLRegressor(**QUICK), SongAggregator(["mean"]), Ridge())).fit(X, y)
    assert each.predict(X).shape == (40, 2)
    scaled = TransformedTargetRegressor(SSSLRegressor(**LONGER), transformer=StandardScaler(), check_inverse=False)
    assert scaled.fit(X, y).score(X, y) > 0.6


def test_names_of_ratings(songs):
    X, y = songs
    table = pd.DataFrame(y, columns=["valence", "arousal"])
    regressor = SSSLRegressor(**QUICK).fit(X, table)
    assert regressor.get_feature_names_out().tolist() == ["valence", "arousal"]
    assert regressor.transform(X).names == ("valence", "arousal")
    np.testing.assert_array_equal(regressor.predict(X), SSSLRegressor(**QUICK).fit(X, y).predict(X))
    assert SSSLRegressor(**QUICK).fit(X, table["valence"]).target_names_ == ["valence"]
    assert SSSLRegressor(**QUICK).fit(X, y[:, 0]).target_names_ == ["target0"]
    over_time = [
        pd.DataFrame(np.repeat(row[None], len(song), axis=0), columns=table.columns)
        for row, song in zip(y, X, strict=True)
    ]
    assert SSSLRegressor(**QUICK).fit(X, over_time).target_names_ == ["valence", "arousal"]


@pytest.mark.parametrize("params", [{}, {"loss": "cross_entropy"}, {"noise_model": None}])
def test_a_fitted_regressor_is_pickled_and_saved(songs, tmp_path, params):
    X, y = songs
    if params.get("loss"):
        y = np.eye(2)[(y[:, 0] > 5).astype(int)]
    regressor = SSSLRegressor(**QUICK, **params).fit(X, y)
    expected = regressor.predict(X)
    save_model(regressor, tmp_path / "model.skmer")
    for other in (pickle.loads(pickle.dumps(regressor)), load_model(tmp_path / "model.skmer")):
        np.testing.assert_array_equal(other.predict(X), expected)
        assert other.target_names_ == regressor.target_names_


def test_plain_rows_are_songs_of_one_segment(songs):
    _, y = songs
    X = np.random.default_rng(0).normal(size=(40, 3))
    regressor = SSSLRegressor(**QUICK).fit(X, y)
    assert regressor.transform(X).shape == (40, 2)
    assert regressor.clean_probability_.shape == (40,)
    assert regressor.n_features_in_ == 3


def test_a_strategy_is_shown_ratings_in_their_deviation(songs):
    X, y = songs
    seen = []

    class Recorder(LabelStrategy):
        def targets(self, losses, probabilities, labels, epoch):
            seen.append((losses, probabilities, labels))
            return labels

    regressor = SSSLRegressor(**QUICK, noise_model=Recorder()).fit(X, y)
    losses, predictions, labels = seen[0]
    assert labels.mean(0).abs().max() < 1e-5
    np.testing.assert_allclose(labels.numpy().std(0), 1, rtol=1e-5)
    assert predictions.shape == labels.shape
    assert losses.shape == (len(labels),)
    found = np.concatenate(regressor.clean_probability_)
    assert ((found > 0) & (found <= 1)).all()

    class Wrong(LabelStrategy):
        def targets(self, losses, probabilities, labels, epoch):
            return labels * torch.nan

    with pytest.raises(ValueError, match=r"Wrong.targets must return finite targets"):
        SSSLRegressor(**QUICK, noise_model=Wrong()).fit(X, y)

    class Doubled(LabelStrategy):
        def targets(self, losses, probabilities, labels, epoch):
            return 2 * labels

    SSSLRegressor(**QUICK, noise_model=Doubled()).fit(X, y)
    shares = np.eye(2)[(y[:, 0] > 5).astype(int)]
    with pytest.raises(ValueError, match=r"Doubled.targets must return a distribution for each segment"):
        SSSLRegressor(**QUICK, loss="cross_entropy", noise_model=Doubled()).fit(X, shares)


def test_recipes_have_the_parameters_of_the_regressor():
    paper = SSSLRegressor.from_recipe("paper", backbone="mlp")
    assert (paper.max_erased, paper.kl_rows, paper.average_epochs) == (1.0, "raw", None)
    assert SSSLRegressor.from_recipe("plain").noise_model is None


def test_ratings_over_time_in_any_container(curves):
    X, y = curves
    array, objects = np.stack(y), np.empty(40, dtype=object)
    objects[:] = y
    tables = [pd.DataFrame(song, columns=["valence", "arousal"]) for song in y]
    regressor = SSSLRegressor()
    kinds = [array, tuple(y), array.tolist(), objects, torch.tensor(array), pd.Series(y, index=range(5, 45)), tables]
    for kind in (*kinds, SongSequence(y, names=["valence", "arousal"])):
        found = check_ratings(kind, X, regressor)
        np.testing.assert_array_equal(found.values, array)
        assert found.names == (["valence", "arousal"] if kind is tables or isinstance(kind, SongSequence) else None)
    tables[3] = tables[3][["arousal", "valence"]]
    with pytest.raises(ValueError, match=r"y\[3\] has the columns \['arousal', 'valence'\], but y\[0\] has"):
        check_ratings(tables, X, regressor)


@pytest.mark.parametrize("package", ["polars", "pyarrow"])
def test_ratings_in_tables_of_other_libraries(curves, package):
    library = pytest.importorskip(package)
    X, y = curves
    table = library.DataFrame if package == "polars" else library.table
    found = check_ratings([table({"valence": song[:, 0], "arousal": song[:, 1]}) for song in y], X, SSSLRegressor())
    np.testing.assert_array_equal(found.values, y)
    assert found.names == ["valence", "arousal"]
    series = library.Series if package == "polars" else library.array
    of_songs = check_ratings(series(np.arange(40.0)), X, SSSLRegressor())
    assert of_songs.names is None
    assert of_songs.one_dimension


# ---- wrong input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        (np.zeros(3), "X has 4 songs but y has 3 rows of ratings"),
        (np.zeros((4, 2, 1)), r"y\[0\] has shape \(2, 1\) for the 3 segments of song 0"),
        (np.full(4, np.nan), "y is NaN, which means not rated, for all songs"),
        ([[1, 2], [1, 2], [1, 2], [1]], "y has rows of unequal lengths"),
        ([[1, np.nan], [1, 2], [1, 2], [1, 3]], "Row 0 of y has NaN for some targets only"),
        (["a", "b", "c", "d"], "could not convert string to float"),
        ([np.inf, 1, 2, 3], "infinity"),
        ([np.zeros((3, 1))] * 3, "y has the ratings of 3"),
        ([np.zeros((3, 1))] * 3 + [np.zeros((3, 2))], r"y\[3\] has shape \(3, 2\)"),
    ],
)
def test_wrong_ratings(rng, y, message):
    X = SongSequence(list(rng.normal(size=(4, 3, 2))))
    with pytest.raises(ValueError, match=message):
        SSSLRegressor(**QUICK).fit(X, y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0.1, 0.2, 0.3, 0.4], "shares of two or more classes, but y has one column"),
        ([[0.5, 0.5], [0.5, 0.6], [0.5, 0.5], [0.5, 0.5]], r"one is \[0.5, 0.6\], with the sum 1.1"),
        ([[0.5, 0.5], [1.5, -0.5], [0.5, 0.5], [0.5, 0.5]], "rows of y must be non-negative"),
    ],
)
def test_wrong_shares(rng, y, message):
    X = SongSequence(list(rng.normal(size=(4, 3, 2))))
    with pytest.raises(ValueError, match=message):
        SSSLRegressor(**QUICK, loss="cross_entropy").fit(X, y)


def test_ratings_of_one_row_per_song_are_not_taken_for_curves(rng):
    X = SongSequence(list(rng.normal(size=(4, 2, 2))))
    rows = check_ratings([np.array([1.0, 2.0])] * 4, X, SSSLRegressor())
    assert rows.values.shape == (4, 2)
    assert not rows.one_dimension
    assert check_ratings([1, 2, 3, 4], X, SSSLRegressor()).one_dimension
