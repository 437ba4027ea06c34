import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skmer.aggregation.song_aggregator import STATISTICS, song_statistics, sort_within_songs


def by_loop(song, threshold):
    """Eq. 10 for one song, as written."""
    return np.concatenate(
        [
            song.max(0),
            song.min(0),
            *np.quantile(song, [0.25, 0.5, 0.75], axis=0),
            song.mean(0),
            (song > threshold).mean(0),
        ]
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(1, 4), st.data())
def test_equals_eq_10_song_by_song(lengths, n_classes, data):
    values = data.draw(arrays(np.float64, (sum(lengths), n_classes), elements=st.floats(0, 1)))
    songs = np.split(values, np.cumsum(lengths)[:-1])
    expected = np.stack([by_loop(song, 0.5) for song in songs])
    np.testing.assert_allclose(song_statistics(values, lengths), expected, atol=1e-12)


def test_hand_computed():
    song = np.array([[0.1, 0.9], [0.3, 0.7], [0.6, 0.4], [0.8, 0.2]])
    max_, min_, q1, median, q3, mean, share = song_statistics(song, [4]).reshape(7, 2)
    assert max_.tolist() == [0.8, 0.9]
    assert min_.tolist() == [0.1, 0.2]
    np.testing.assert_allclose(q1, [0.25, 0.35])
    np.testing.assert_allclose(median, [0.45, 0.55])
    np.testing.assert_allclose(q3, [0.65, 0.75])
    np.testing.assert_allclose(mean, [0.45, 0.55])
    assert share.tolist() == [0.5, 0.5]


def test_a_value_equal_to_the_threshold_is_not_above_it():
    assert song_statistics([[0.5, 0.5]], [1], ["share"], threshold=0.5).tolist() == [[0, 0]]


def test_seven_statistics_in_the_order_of_the_paper():
    assert STATISTICS == ("max", "min", "q1", "median", "q3", "mean", "share")


def test_deviation_of_each_song():
    rng = np.random.default_rng(0)
    songs = [rng.normal(1e4, 1, size=(n, 2)) for n in (1, 5, 9)]
    expected = [np.std(song, axis=0) for song in songs]
    np.testing.assert_allclose(song_statistics(np.concatenate(songs), [1, 5, 9], ["std"]), expected, atol=1e-9)


def test_own_statistic():
    values = np.arange(8.0).reshape(4, 2)
    out = song_statistics(values, [1, 3], ["min", lambda song: song[-1] - song[0]])
    assert out.tolist() == [[0, 1, 0, 0], [2, 3, 4, 4]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lengths": [2, 3]}, "add up"),
        ({"lengths": [4, 0]}, "positive"),
        ({"lengths": [4], "statistics": ["mode"]}, "Unknown statistic 'mode'"),
        ({"lengths": [4], "statistics": []}, "statistics is empty"),
        ({"lengths": [4], "statistics": [lambda song: song]}, "must return 2 values"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        song_statistics(np.zeros((4, 2)), **arguments)


def test_sorting_stays_within_songs_and_columns(rng):
    songs = [rng.normal(size=(n, 3)) for n in (4, 1, 7)]
    ordered = sort_within_songs(np.concatenate(songs), [4, 1, 7])
    np.testing.assert_array_equal(ordered, np.concatenate([np.sort(song, axis=0) for song in songs]))


@pytest.mark.parametrize("at_once", [1, 3, 7])
def test_songs_are_the_same_whatever_is_summarised_at_once(monkeypatch, at_once):
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 6, 20)
    values = rng.random((lengths.sum(), 3))
    expected = song_statistics(values, lengths)
    monkeypatch.setattr("skmer.aggregation.song_aggregator._SEGMENTS_AT_ONCE", at_once)
    np.testing.assert_array_equal(song_statistics(values, lengths), expected)
