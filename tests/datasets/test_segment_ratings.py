"""segment_ratings: the ratings of segments, against values computed by hand."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from skmer import SegmentTransformer, SongSequence
from skmer.datasets import DynamicRatings, segment_ratings

pytestmark = pytest.mark.filterwarnings("ignore:.*have no ratings", "ignore:.*go on after")

# second k was rated k / 10, and -k / 10 in the other dimension, from second 2 on
SECONDS = np.arange(2.0, 8)
RISING = DynamicRatings(SECONDS, SECONDS + 1, np.column_stack([SECONDS, -SECONDS]) / 10)
CONSTANT = DynamicRatings(np.array([0.0]), np.array([10.0]), np.array([[0.5, 0.25]]))
EMPTY = DynamicRatings(np.empty(0), np.empty(0), np.empty((0, 2)))


def test_segments_by_hand():
    with pytest.warns(UserWarning, match=r"^1 of 8 segments have no ratings, or for less than 0\.5 of their length,"):
        rising, constant = segment_ratings([RISING, CONSTANT], [5, 3], (3, 1))
    # the first has one of its three seconds, the second two
    np.testing.assert_allclose(rising[:, 0], [np.nan, 0.25, 0.3, 0.4, 0.5])
    np.testing.assert_allclose(rising[:, 1], -rising[:, 0])
    np.testing.assert_allclose(constant, [[0.5, 0.25]] * 3)


@pytest.mark.parametrize(
    ("min_coverage", "expected"),
    [(0, [0.2, 0.25, 0.3]), (1 / 3, [0.2, 0.25, 0.3]), (0.4, [np.nan, 0.25, 0.3]), (1, [np.nan, np.nan, 0.3])],
)
def test_how_much_of_a_segment_must_be_rated(min_coverage, expected):
    [y] = segment_ratings([RISING], [3], (3, 1), min_coverage=min_coverage)
    np.testing.assert_allclose(y[:, 0], expected)


def test_ratings_that_are_given_late():
    [y] = segment_ratings([RISING], [3], (1, 1), delay=2)
    np.testing.assert_allclose(y[:, 0], [0.2, 0.3, 0.4])
    # half a second of each of two
    [y] = segment_ratings([RISING], [3], (1, 1), delay=2.5)
    np.testing.assert_allclose(y[:, 0], [0.25, 0.35, 0.45])


def test_annotations_of_any_rate():
    # the same line, rated ten times a second and every two seconds
    for step in (0.1, 2):
        starts = np.arange(0, 12 - 1e-9, step)
        line = DynamicRatings(starts, starts + step, (starts + step / 2)[:, None])
        [y] = segment_ratings([line], [6], (2, 2))
        np.testing.assert_allclose(y[:, 0], [1, 3, 5, 7, 9, 11])


def test_segments_of_a_transformer():
    transformer = SegmentTransformer(duration=0.5, hop=0.25, sr=4096, n_fft=256, hop_length=64, n_mels=8)
    segments = transformer.transform([np.random.default_rng(0).normal(size=n) for n in (4096, 6144)])
    assert segments.n_segments.tolist() == [3, 5]
    expected = segment_ratings([CONSTANT, CONSTANT], [3, 5], (0.5, 0.25))
    for given in (segments, segments.n_segments, list(segments)):
        for segmentation in (transformer, SimpleNamespace(duration=0.5, hop=0.25), [0.5, 0.25]):
            y = segment_ratings([CONSTANT, CONSTANT], given, segmentation)
            assert [rows.tolist() for rows in y] == [rows.tolist() for rows in expected]


def test_one_warning_says_what_is_missing():
    songs = [EMPTY, CONSTANT, RISING, EMPTY, EMPTY, EMPTY]
    with pytest.warns(UserWarning, match="are NaN") as caught:
        y = segment_ratings(songs, [2, 7, 5, 1, 1, 1], (3, 1), min_coverage=0)
    assert [str(warning.message) for warning in caught] == [
        "5 of 17 segments have no ratings and are NaN; 4 songs have none at all, at position 0, 3, 4, ...."
    ]
    assert caught[0].filename == __file__
    assert [rows.shape for rows in y] == [(2, 2), (7, 2), (5, 2), (1, 2), (1, 2), (1, 2)]
    assert np.isnan(y[0]).all()


def test_nothing_is_said_if_nothing_is_missing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # the ratings end with the audio, which has a rest of up to a step after the last segment
        segment_ratings([CONSTANT], [7], (3, 1))
        segment_ratings([CONSTANT], [8], (3, 1), min_coverage=0)


def test_ratings_that_go_on_after_the_audio():
    with pytest.warns(
        UserWarning, match=r"^The ratings of 1 song go on after the last segment .* at position 1: check"
    ):
        y = segment_ratings([CONSTANT, CONSTANT], [7, 6], (3, 1))
    np.testing.assert_allclose(y[1], [[0.5, 0.25]] * 6)
    # those given late belong to earlier music
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        segment_ratings([CONSTANT], [6], (3, 1), delay=1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([RISING], [3, 4], (3, 1)), ValueError, "dynamic has the ratings of 1 song, but segments has 2"),
        (([RISING, None], [3, 4], (3, 1)), TypeError, "a DynamicRatings for each song, but that of song 1 is None"),
        (
            ([RISING, DynamicRatings(np.array([0]), np.array([1]), np.zeros((1, 1)))], [3, 4], (3, 1)),
            ValueError,
            "Song 1 has ratings of 1 target, but song 0 of 2",
        ),
        (([RISING], [-1], (3, 1)), ValueError, "segments must hold the segments .* but song 0 has -1"),
        (([RISING], [True], (3, 1)), ValueError, "but song 0 has True"),
        (([RISING], [2.5], (3, 1)), ValueError, r"but song 0 has 2\.5"),
        (([RISING], [3], 3), ValueError, r"segmentation must be a SegmentTransformer, or its duration and hop.*got 3"),
        (([RISING], [3], (3, 0)), ValueError, "The hop of segmentation must be a number of seconds above 0, got 0"),
        (([RISING], [3], ("long", 1)), ValueError, "The duration of segmentation must be .* got 'long'"),
    ],
)
def test_what_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        segment_ratings(*arguments)


@pytest.mark.parametrize("options", [{"delay": np.inf}, {"min_coverage": 2}])
def test_options_are_checked_without_songs(options):
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be"):
        segment_ratings([], [], (3, 1), **options)
    assert segment_ratings([], [], (3, 1)) == []


def test_songs_of_a_sequence_of_features():
    songs = SongSequence([np.zeros((7, 4)), np.zeros((2, 4))])
    y = segment_ratings([CONSTANT, CONSTANT], songs, (3, 1), delay=5)
    assert [len(rows) for rows in y] == [7, 2]
