"""Pipelines of ratings predict the ratings of songs and, with a network on segments, their curves."""

from copy import deepcopy

import numpy as np
import pytest
import soundfile
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import StackingRegressor, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from skmer import DescriptorTransformer, EmbeddingTransformer, SegmentStatistics, SegmentTransformer, SongAggregator
from skmer.aggregation import SpectrogramStatistics
from skmer.inspection import SongPredictor, SongRatings, emotion_over_time, label_trust, predict_files
from tests.tiny_model import SR, tiny_pipeline, tiny_rating_network, tiny_rating_pipeline, tiny_ratings, tiny_songs

NAMES = ["valence", "arousal"]


def descriptors():
    return DescriptorTransformer(sr=SR, groups=["dynamics"])


def segments():
    return SegmentTransformer(duration=1, hop=0.5, sr=SR, n_mels=32)


@pytest.fixture(scope="module")
def with_svr():
    """The network's song statistics and an SVM of each rating."""
    rest = [SongAggregator(), StandardScaler(), MultiOutputRegressor(SVR())]
    return make_pipeline(segments(), SegmentStatistics(), tiny_rating_network(), *rest).fit(
        tiny_songs().data, tiny_ratings()
    )


def test_the_curve_is_that_of_transform_and_the_ratings_those_of_predict():
    pipe, songs = tiny_rating_pipeline(), tiny_songs().data
    predictor = SongPredictor(pipe)
    assert (predictor.output, predictor.predicts) == ("segments", True)
    assert predictor.target_names == NAMES
    assert predictor.classes is None
    found = list(emotion_over_time(pipe, songs))
    for song, curve, ratings in zip(found, pipe.transform(songs), pipe.predict(songs), strict=True):
        assert isinstance(song, SongRatings)
        np.testing.assert_allclose(song.values, curve, atol=1e-9)
        assert list(song.ratings) == song.names == NAMES
        np.testing.assert_allclose(list(song.ratings.values()), ratings, atol=1e-9)
        np.testing.assert_allclose(song.values.mean(axis=0), ratings, atol=1e-9)
        assert song.starts.tolist() == [0.5 * i for i in range(9)]
        assert song.ends.tolist() == [0.5 * i + 1 for i in range(9)]
        assert song.times.tolist() == [0.5 * i + 0.5 for i in range(9)]
    # not all the same
    assert np.ptp([song.ratings["arousal"] for song in found]) > 0.1


def test_the_network_runs_once(monkeypatch):
    pipe, calls = tiny_rating_pipeline(), []
    network = type(pipe[-1])
    own = network._segment_values
    monkeypatch.setattr(network, "_segment_values", lambda self, songs: calls.append(1) or own(self, songs))
    next(emotion_over_time(pipe, tiny_songs().data[:1]))
    assert calls == [1]


def test_curves_may_be_smoothed_and_ratings_of_songs_are_not():
    pipe, songs = deepcopy(tiny_rating_pipeline()), tiny_songs().data[:2]
    pipe[-1].smoothing = 5
    plain = list(emotion_over_time(tiny_rating_pipeline(), songs))
    for before, song, curve in zip(plain, emotion_over_time(pipe, songs), pipe.transform(songs), strict=True):
        np.testing.assert_allclose(song.values, curve, atol=1e-9)
        assert abs(song.values - before.values).max() > 1e-3
        assert song.ratings == pytest.approx(before.ratings)


def test_the_range_of_the_training_ratings():
    limits = SongPredictor(tiny_rating_pipeline()).target_range
    np.testing.assert_allclose(limits, [tiny_ratings().min(), tiny_ratings().max()])
    network = tiny_rating_network().set_params(clip=False)
    free = make_pipeline(segments(), SegmentStatistics(), network).fit(tiny_songs().data, tiny_ratings())
    assert SongPredictor(free).target_range is None
    assert SongPredictor(tiny_pipeline()).target_range is None


def test_steps_after_the_network_predict_the_song(with_svr):
    songs = tiny_songs().data[:3]
    found = list(emotion_over_time(with_svr, songs))
    np.testing.assert_allclose([list(song.ratings.values()) for song in found], with_svr.predict(songs), atol=1e-6)
    for song, curve in zip(found, with_svr[:3].transform(songs), strict=True):
        np.testing.assert_allclose(song.values, curve, atol=1e-9)
    # the names are those of the network, unless the last step has its own
    assert SongPredictor(with_svr).target_names == NAMES
    with_svr[-1].target_names_ = ["pleasure", "energy"]
    try:
        assert list(next(emotion_over_time(with_svr, songs)).ratings) == ["pleasure", "energy"]
    finally:
        del with_svr[-1].target_names_


def test_a_pipeline_that_ends_with_features_has_a_curve_only(with_svr):
    assert not SongPredictor(with_svr[:4]).predicts
    song = next(emotion_over_time(with_svr[:4], tiny_songs().data[:1]))
    assert song.ratings is None
    assert song.values.shape == (9, 2)


@pytest.mark.parametrize("columns", [NAMES, ["arousal"]])
def test_songs_without_curves(columns):
    y = tiny_ratings()[columns]
    for regressor in (LinearRegression(), make_pipeline(StandardScaler(), MultiOutputRegressor(SVR()))):
        pipe = make_pipeline(descriptors(), regressor).fit(tiny_songs().data, y.to_numpy())
        predictor = SongPredictor(pipe)
        assert (predictor.output, predictor.target_range) == ("song", None)
        assert predictor.target_names == [f"target{i}" for i in range(len(columns))]
        found = [predictor.predict(predictor.read(song)) for song in tiny_songs().data]
        values = [list(song.ratings.values()) for song in found]
        np.testing.assert_allclose(values, pipe.predict(tiny_songs().data).reshape(8, -1), atol=1e-9)
        assert all(song.values.shape == (0, len(columns)) and not len(song.times) for song in found)


def test_one_rating_of_a_vector():
    y = tiny_ratings()["arousal"]
    pipe = make_pipeline(segments(), SegmentStatistics(), tiny_rating_network()).fit(tiny_songs().data, y)
    song = next(emotion_over_time(pipe, tiny_songs().data[:1]))
    assert song.values.shape == (9, 1)
    assert song.ratings == {"arousal": pytest.approx(pipe.predict(tiny_songs().data[:1])[0])}
    svr = make_pipeline(segments(), SpectrogramStatistics(), SVR()).fit(tiny_songs().data, y)
    predictor = SongPredictor(svr)
    assert predictor.predict(predictor.read(tiny_songs().data[1])).ratings == {
        "target0": pytest.approx(svr.predict(tiny_songs().data[1:2])[0])
    }


def test_names_in_a_union_are_found():
    network = make_pipeline(segments(), SegmentStatistics(), tiny_rating_network(), SongAggregator())
    pipe = make_pipeline(make_union(network, descriptors()), Ridge()).fit(tiny_songs().data, tiny_ratings())
    predictor = SongPredictor(pipe)
    assert (predictor.output, predictor.target_names) == ("song", NAMES)
    ratings = predictor.predict(predictor.read(tiny_songs().data[0])).ratings
    np.testing.assert_allclose(list(ratings.values()), pipe.predict(tiny_songs().data[:1])[0], atol=1e-6)


def test_windows_of_an_embedding_and_searches():
    embedding = EmbeddingTransformer(lambda rows: np.stack([rows.std(1), rows.max(1)], 1), sr=SR, window=1.0, hop=0.5)
    search = GridSearchCV(make_pipeline(embedding, tiny_rating_network()), {}, cv=2)
    search.fit(tiny_songs().data, tiny_ratings())
    song = next(emotion_over_time(search, tiny_songs().data[:1]))
    np.testing.assert_allclose(song.values, search.best_estimator_.transform(tiny_songs().data[:1])[0], atol=1e-6)


@pytest.mark.parametrize("combine", [VotingRegressor, StackingRegressor])
def test_combined_pipelines(combine):
    y = tiny_ratings()["valence"]
    members = [("network", clone(tiny_rating_pipeline())), ("descriptors", make_pipeline(descriptors(), Ridge()))]
    options = {"cv": 2} if combine is StackingRegressor else {}
    model = combine(members, **options).fit(tiny_songs().data, y)
    predictor = SongPredictor(model)
    found = predictor.predict(predictor.read(tiny_songs().data[0]))
    assert predictor.output == "song"
    assert list(found.ratings.values()) == pytest.approx(model.predict(tiny_songs().data[:1]).tolist())


def test_files_that_fail_do_not_stop_the_others(tmp_path):
    files = [tmp_path / f"{i}.wav" for i in range(2)]
    for file, y in zip(files, tiny_songs().data, strict=False):
        soundfile.write(file, y, SR, subtype="FLOAT")
    found = list(predict_files(tiny_rating_pipeline(), [files[0], tmp_path / "none.wav", files[1]], n_jobs=2))
    assert [song.error is None for song in found] == [True, False, True]
    values = [list(found[i].answer.ratings.values()) for i in (0, 2)]
    np.testing.assert_allclose(values, tiny_rating_pipeline().predict(files), atol=1e-6)


def test_a_classifier_after_curves_of_ratings_predicts_classes():
    network = FrozenEstimator(tiny_rating_pipeline()[-1])
    pipe = make_pipeline(segments(), SegmentStatistics(), network, SongAggregator(), SVC())
    pipe.fit(tiny_songs().data, tiny_songs().target)
    predictor = SongPredictor(pipe)
    assert (predictor.output, predictor.target_names) == ("song", None)
    label = predictor.predict(predictor.read(tiny_songs().data[0])).label
    assert label == pipe.predict(tiny_songs().data[:1])[0]


class Nameless(RegressorMixin, BaseEstimator):
    """A regressor of songs that tells neither names nor its number of ratings."""

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.zeros((len(X), 2))


def test_errors():
    songs, y = tiny_songs().data, tiny_ratings()
    with pytest.raises(NotFittedError, match="call fit"):
        SongPredictor(clone(tiny_rating_pipeline()))
    with pytest.raises(NotFittedError, match="call fit"):
        SongPredictor(make_pipeline(descriptors(), Ridge()))
    same = make_pipeline(descriptors(), Ridge()).fit(songs, y)
    same[-1].target_names_ = ["valence", "valence"]
    with pytest.raises(ValueError, match=r"the same name: valence, valence\. Fit it with different names"):
        SongPredictor(same)
    predictor = SongPredictor(make_pipeline(descriptors(), Nameless()).fit(songs, y))
    with pytest.raises(ValueError, match=r"predicts 2 ratings of a song, but has 1 names.*target_names_"):
        predictor.predict(predictor.read(songs[0]))
    with pytest.raises(ValueError, match="no SegmentTransformer"):
        next(emotion_over_time(make_pipeline(descriptors(), Ridge()).fit(songs, y), songs))
    with pytest.raises(ValueError, match=r"Labels are checked by a classifier.*predicts ratings, valence, arousal"):
        next(label_trust(tiny_rating_pipeline(), songs[:1], ["Q1"]))
