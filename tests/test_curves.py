"""CurveRegressor: ratings over time as the rating of a song and the deviations from it."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skmer import CurveRegressor, SegmentStatistics, SongSequence, load_model, save_model
from skmer.metrics import curve_score


@pytest.fixture
def songs(rng):
    """Thirty songs; between songs the rating falls with the feature, within a song it rises."""
    X, y = [], []
    for i in range(30):
        mean, deviation = rng.normal(), 0.5 * rng.normal(size=8 + i % 5)
        deviation -= deviation.mean()
        X.append(np.c_[mean + deviation, rng.normal(size=len(deviation))])
        y.append((deviation - 2 * mean)[:, None])
    return SongSequence(X), y


PLAIN = {"song_regressor": LinearRegression(), "segment_regressor": LinearRegression(fit_intercept=False)}


def test_differences_between_songs_and_within_them_are_learnt_apart(songs):
    X, y = songs
    regressor = CurveRegressor(**PLAIN, smoothing=1).fit(X[:20], y[:20])
    # both relations are exact but for the range of the ratings
    assert regressor.score(X[20:], y[20:]) > 0.98
    assert curve_score(y[20:], regressor.transform(X[20:]), "pearson", average="songs") > 0.95
    slope = regressor.segment_regressor_.coef_[0, 0] / regressor.scale_[0]
    assert slope == pytest.approx(1)
    one_model = LinearRegression().fit(np.concatenate(list(X[:20])), np.concatenate(y[:20]))
    assert r2_score(np.concatenate(y[20:]), one_model.predict(np.concatenate(list(X[20:])))) < 0.95


def test_curves_have_the_mean_of_the_song_and_stay_in_the_range(songs):
    X, y = songs
    regressor = CurveRegressor().fit(X, y)
    of_songs, curves = regressor.predict(X), regressor.transform(X)
    assert of_songs.shape == (30, 1)
    inside = [i for i in range(30) if np.all((curves[i] > regressor.range_[0]) & (curves[i] < regressor.range_[1]))]
    assert len(inside) > 10
    np.testing.assert_allclose([curves[i].mean(axis=0) for i in inside], of_songs[inside])
    far = regressor.transform([100 * song for song in X])
    assert (np.concatenate(list(far)) <= np.concatenate(y).max()).all()
    assert curves.names == ("target0",)


def test_features_are_smoothed_as_far_as_told(songs):
    X, y = songs
    regressor = CurveRegressor(**PLAIN, smoothing=3).fit(X, y)
    song = X[0]
    found = regressor._deviations(song)
    own = (song - song.mean(axis=0)) / np.concatenate(list(X)).std(axis=0)
    np.testing.assert_allclose(found[1], own[:3].mean(axis=0))
    np.testing.assert_allclose(found[0], (2 * own[0] + own[1]) / 3)
    extreme = np.array([[100.0, 0.0]] + [[0.0, 0.0]] * 20)
    assert regressor.set_params(smoothing=1)._deviations(extreme).max() == 2


def test_segments_and_songs_without_ratings_are_left_out(songs):
    X, y = songs
    y = [song.copy() for song in y]
    y[0][:] = np.nan
    for song in y[1:]:
        song[-1] = np.nan
    one = CurveRegressor().fit(X, y)
    other = CurveRegressor().fit(X[1:], y[1:])
    np.testing.assert_array_equal(np.concatenate(list(one.transform(X))), np.concatenate(list(other.transform(X))))
    assert np.isfinite(one.score(X, y))


def test_songs_without_ratings_are_not_scored(songs):
    X, y = songs
    regressor = CurveRegressor(**PLAIN).fit(X, y)
    means = np.array([song.mean(axis=0) for song in y])
    expected = r2_score(means[1:], regressor.predict(X[1:]))
    assert regressor.score(X[1:], means[1:]) == pytest.approx(expected)
    means[0] = np.nan
    assert regressor.score(X, means) == pytest.approx(expected)


def test_single_precision_is_enough_for_features_far_from_zero(songs):
    X, y = songs
    far = [(song + 1000).astype(np.float32) for song in X]
    one, other = CurveRegressor(**PLAIN).fit(far, y), CurveRegressor(**PLAIN).fit([f.astype(float) for f in far], y)
    np.testing.assert_allclose(one.predict(far), other.predict(far), rtol=1e-9)
    np.testing.assert_allclose(one.scale_, other.scale_, rtol=1e-12)


def test_songs_of_one_segment_and_smoothing_beyond_a_song(songs):
    X, y = songs
    short = CurveRegressor(**PLAIN, smoothing=99).fit([song[:1] for song in X], [song[:1] for song in y])
    # no deviation to learn from
    np.testing.assert_allclose(short.transform([song[:1] for song in X])[3], short.predict([X[3][:1]]))
    assert CurveRegressor(**PLAIN, smoothing=99).fit(X, y).transform(X)[0].shape == y[0].shape


def test_it_composes_and_is_saved(songs, tmp_path, rng):
    X, y = songs
    scores = cross_val_score(CurveRegressor(), X, y, cv=3, error_score="raise")
    assert scores.min() > 0
    spectrograms = SongSequence([rng.normal(size=(len(song), 4, 6)) for song in X])
    pipeline = make_pipeline(SegmentStatistics(), CurveRegressor()).fit(spectrograms, y)
    assert pipeline.predict(spectrograms).shape == (30, 1)
    regressor = clone(CurveRegressor(smoothing=5)).fit(X, y)
    save_model(regressor, tmp_path / "model.skmer")
    for same in (pickle.loads(pickle.dumps(regressor)), load_model(tmp_path / "model.skmer")):
        np.testing.assert_array_equal(same.predict(X), regressor.predict(X))
    two = [np.c_[song, -song] for song in y]
    assert CurveRegressor().fit(X, two).predict(X).shape == (30, 2)
    assert CurveRegressor().fit(X, two).score(X, np.array([song.mean(axis=0) for song in two])) > 0.5


def test_wrong_input(songs, rng):
    X, y = songs
    with pytest.raises(ValueError, match="CurveRegressor learns from ratings over time"):
        CurveRegressor().fit(X, np.zeros(30))
    with pytest.raises(ValueError, match="y has ratings of 0 songs"):
        CurveRegressor().fit(X, [song * np.nan for song in y])
    with pytest.raises(ValueError, match="put SegmentStatistics before it"):
        CurveRegressor().fit(SongSequence([rng.normal(size=(len(song), 4, 6)) for song in X]), y)
    with pytest.raises(ValueError, match="Song 2 of X has NaN or infinity"):
        CurveRegressor().fit([song * (np.nan if i == 2 else 1) for i, song in enumerate(X)], y)
    with pytest.raises(ValueError, match=r"X has segments of shape \(3,\)"):
        CurveRegressor().fit(X, y).predict([np.zeros((2, 3))])
