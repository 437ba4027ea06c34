import numpy as np
import pytest

from skmer import SongAggregator, SongSequence
from skmer.aggregation import SpectrogramStatistics


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


def test_spectrogram_statistics_of_segments_that_do_not_overlap_are_those_of_the_song(rng):
    frames = rng.normal(size=(10, 4))
    windowed = SongSequence([frames], window=(5, 5))
    found = SpectrogramStatistics().fit_transform(windowed)[0]
    np.testing.assert_allclose(found[:8], np.r_[frames.mean(0), frames.std(0)])
    steps = np.abs(np.diff(frames, axis=0))
    np.testing.assert_allclose(found[8:], np.delete(steps, 4, axis=0).mean(0))  # none between the segments


def test_spectrogram_statistics_of_a_stationary_song(rng):
    spectrum = rng.normal(size=8)
    songs = [np.tile(spectrum[:, None], (3, 1, 20))]
    np.testing.assert_allclose(
        SpectrogramStatistics().fit_transform(songs)[0], np.r_[spectrum, np.zeros(16)], atol=1e-9
    )
    one_frame = [np.ones((5, 128, 1))]
    assert SpectrogramStatistics().fit_transform(one_frame).shape == (1, 384)


def test_spectrogram_statistics_refuse_probabilities_and_other_bands(rng):
    with pytest.raises(ValueError, match="put a SegmentTransformer before it"):
        SpectrogramStatistics().fit([rng.dirichlet([1, 1], 3)])
    fitted = SpectrogramStatistics().fit([rng.normal(size=(2, 4, 5))])
    assert fitted.get_feature_names_out()[[0, 4, 8]].tolist() == ["mean_mel0", "std_mel0", "change_mel0"]
    with pytest.raises(ValueError, match="3 mel bands, but SpectrogramStatistics was fitted on 4"):
        fitted.transform([rng.normal(size=(2, 3, 5))])


def test_no_song_is_told(songs):
    for aggregator in (SongAggregator(), SpectrogramStatistics()):
        with pytest.raises(ValueError, match="X holds no song: at least one is needed"):
            aggregator.fit([])
    with pytest.raises(ValueError, match="X holds no song"):
        SongAggregator().fit(songs).transform([])
