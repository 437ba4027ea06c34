import numpy as np
import pytest

from skmer import SongAggregator, SongSequence


@pytest.fixture
def songs(rng):
    return SongSequence([rng.dirichlet(np.ones(4), n) for n in (1, 5, 30)], names=["Q1", "Q2", "Q3", "Q4"])


def test_seven_values_a_class_with_names(songs):
    aggregator = SongAggregator().fit(songs)
    names = aggregator.get_feature_names_out()
    features = aggregator.transform(songs)
    assert features.shape == (3, 28)
    assert names[0] == "max_Q1"
    assert names[-1] == "share_Q4"
    assert features[1, list(names).index("median_Q3")] == np.median(songs[1][:, 2])


def test_one_segment_song_is_its_own_statistics(songs):
    values = SongAggregator(statistics=["max", "min", "q1", "median", "q3", "mean"]).fit_transform(songs)[0]
    np.testing.assert_allclose(values, np.tile(songs[0][0], 6))


def test_dataframe_output_names_columns(songs):
    pandas = pytest.importorskip("pandas")
    frame = SongAggregator(statistics=["mean"]).set_output(transform="pandas").fit_transform(songs)
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == ["mean_Q1", "mean_Q2", "mean_Q3", "mean_Q4"]


def test_names_of_own_statistics(songs):
    def spread(song):
        return song.std(0)

    names = SongAggregator(statistics=["mean", spread]).fit(songs).get_feature_names_out()
    assert names[-1] == "spread_Q4"


def test_refuses_spectrograms(rng):
    with pytest.raises(ValueError, match="put a classifier such as SSSLClassifier before it"):
        SongAggregator().fit([rng.normal(size=(3, 8, 5))])


def test_refuses_another_number_of_classes(songs, rng):
    with pytest.raises(ValueError, match="X has 2 features, but SongAggregator is expecting 4"):
        SongAggregator().fit(songs).transform([rng.dirichlet([1, 1], 3)])


def test_names_the_song_that_is_not_finite(songs):
    broken = [song.copy() for song in songs]
    broken[1][2, 0] = np.nan
    with pytest.raises(ValueError, match="Song 1 has NaN"):
        SongAggregator().fit(broken)
