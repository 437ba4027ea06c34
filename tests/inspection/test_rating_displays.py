"""RatingTimelineDisplay and ValenceArousalDisplay draw what they are given, where it belongs."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile

from skmer.datasets import DynamicRatings
from skmer.inspection import (
    EmotionTimelineDisplay,
    RatingTimelineDisplay,
    SongRatings,
    ValenceArousalDisplay,
    emotion_over_time,
)
from tests.tiny_model import SR, tiny_pipeline, tiny_rating_pipeline, tiny_ratings, tiny_songs

NAMES = ["valence", "arousal"]
VALUES = np.array([[0.2, -0.5], [0.4, 0.0], [0.3, 0.6], [-0.1, 0.9]])
# a gap between 4 and 6 s
LISTENERS = DynamicRatings(
    np.array([0.0, 2, 6]), np.array([2.0, 4, 8]), np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]), np.full((3, 2), 0.25)
)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_curve_for_each_target_at_the_centres_of_the_segments():
    display = RatingTimelineDisplay.from_predictions(VALUES, duration=3, hop=2, target_names=NAMES, title="x")
    assert display.times.tolist() == [1.5, 3.5, 5.5, 7.5]
    assert len(set(display.axes_)) == 2
    for k, (ax, line) in enumerate(zip(display.axes_, display.lines_, strict=True)):
        assert line.axes is ax
        assert line.get_xdata().tolist() == display.times.tolist()
        assert line.get_ydata().tolist() == VALUES[:, k].tolist()
        assert ax.get_ylabel() == NAMES[k]
        assert ax.get_xlim() == (0, 9)
        low, high = ax.get_ylim()
        assert low < VALUES[:, k].min()
        assert high > VALUES[:, k].max()
    assert display.axes_[0].get_title(loc="left") == "x"
    assert [ax.get_xlabel() for ax in display.axes_] == ["", "time (s)"]
    assert display.axes_[0].get_legend() is None
    assert (display.bands_, display.listener_lines_) == ([], [])
    assert display.lines_[0].get_color() != display.lines_[1].get_color()


@pytest.mark.parametrize("deviation", [0.1, [0.1, 0.2], np.arange(8).reshape(4, 2) / 10])
def test_the_band_is_the_curve_and_its_deviations(deviation):
    display = RatingTimelineDisplay.from_predictions(VALUES, deviation=deviation)
    expected = np.broadcast_to(deviation, (4, 2))
    for k, band in enumerate(display.bands_):
        vertices = band.get_paths()[0].vertices
        for time, value, own in zip(display.times, VALUES[:, k], expected[:, k], strict=True):
            at = np.unique(vertices[vertices[:, 0] == time][:, 1])
            assert (at.min(), at.max()) == pytest.approx((value - own, value + own))
        low, high = display.axes_[k].get_ylim()
        assert low < (VALUES[:, k] - expected[:, k]).min()
        assert high > (VALUES[:, k] + expected[:, k]).max()
    assert legend(display.axes_[0]) == ["predicted", "predicted ± deviation"]
    assert display.axes_[1].get_legend() is None


def test_listeners_are_drawn_at_their_times_with_gaps_and_to_the_end_of_the_song():
    display = RatingTimelineDisplay.from_predictions(VALUES, duration=3, hop=2, target_names=NAMES, dynamic=LISTENERS)
    for k, line in enumerate(display.listener_lines_):
        np.testing.assert_array_equal(line.get_xdata(), [1, 3, np.nan, 7])
        np.testing.assert_array_equal(line.get_ydata(), [*LISTENERS.mean[:2, k], np.nan, LISTENERS.mean[2, k]])
    assert legend(display.axes_[0]) == ["predicted", "listeners", "listeners ± deviation"]
    short = RatingTimelineDisplay.from_predictions(VALUES[:2], duration=3, dynamic=LISTENERS)
    assert short.listener_lines_[0].get_xdata().tolist() == [1, 3]
    assert short.axes_[0].get_xlim() == (0, 4)
    # of segments, as the network sees them, which overlap
    starts = np.arange(4)
    own = LISTENERS.over(starts, starts + 3)
    of_segments = RatingTimelineDisplay.from_predictions(VALUES, dynamic=own)
    np.testing.assert_allclose(of_segments.listener_lines_[1].get_ydata(), own.mean[:, 1])
    bare = DynamicRatings(LISTENERS.starts, LISTENERS.ends, LISTENERS.mean * np.nan)
    assert legend(RatingTimelineDisplay.from_predictions(VALUES, dynamic=bare).axes_[0]) == ["predicted", "listeners"]


def test_limits_are_shown_and_hide_nothing():
    display = RatingTimelineDisplay.from_predictions(VALUES, limits=(-1, 1))
    assert [ax.get_ylim() for ax in display.axes_] == [pytest.approx((-1.1, 1.1))] * 2
    display = RatingTimelineDisplay.from_predictions(VALUES * 3, limits=[(-1, 1), (-5, 5)])
    assert display.axes_[0].get_ylim() == pytest.approx((-1.11, 1.31))
    assert display.axes_[1].get_ylim() == pytest.approx((-5.5, 5.5))
    flat = RatingTimelineDisplay.from_predictions(np.ones(3))
    assert flat.axes_[0].get_ylim() == (0.5, 1.5)


def test_the_rating_of_the_song_is_a_line():
    display = RatingTimelineDisplay.from_predictions(VALUES, ratings=[0.25, -0.5])
    for ax, rating in zip(display.axes_, [0.25, -0.5], strict=True):
        assert [rating, rating] in [list(line.get_ydata()) for line in ax.lines]
        assert f"whole song\n{rating:g}" in [text.get_text() for text in ax.texts]


def test_given_axes():
    _, ax = plt.subplots()
    display = RatingTimelineDisplay.from_predictions(
        VALUES, target_names=NAMES, ax=ax, linewidth=5, deviation=0.1, dynamic=LISTENERS, ratings=[0, 0.1]
    )
    assert display.axes_ == [ax, ax]
    assert {line.get_linewidth() for line in display.lines_} == {5}
    assert legend(ax) == ["valence", "valence, listeners", "arousal", "arousal, listeners"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (s)", "rating")
    _, axes = plt.subplots(2)
    display = RatingTimelineDisplay.from_predictions(VALUES, target_names=NAMES, ax=axes)
    assert display.axes_ == list(axes)
    # each with a time axis of its own
    assert [ax.get_xlabel() for ax in axes] == ["time (s)"] * 2
    with pytest.raises(ValueError, match="one for each of 2 targets, got 3"):
        RatingTimelineDisplay.from_predictions(VALUES, ax=plt.subplots(3)[1])


def test_long_names_are_shortened():
    display = RatingTimelineDisplay.from_predictions(VALUES, target_names=["a" * 40, "b"])
    assert [ax.get_ylabel() for ax in display.axes_] == ["a" * 13 + "…" + "a" * 6, "b"]
    display = ValenceArousalDisplay.from_predictions(VALUES, names=("a" * 40, "b"))
    assert display.ax_.get_xlabel() == "a" * 15 + "…" + "a" * 8


def test_many_targets_one_segment_and_long_songs_are_drawn(tmp_path):
    rng = np.random.default_rng(0)
    display = RatingTimelineDisplay.from_predictions(rng.normal(size=(200, 10)), title="$\\foo$ und\udcff")
    display.figure_.savefig(tmp_path / "many.png")
    assert display.axes_[-1].get_xlabel() == "time (m:ss)"
    unknown = np.where(np.arange(8).reshape(4, 2) < 2, np.nan, VALUES)
    for display in (RatingTimelineDisplay, ValenceArousalDisplay):
        display.from_predictions(unknown)
        display.from_predictions(unknown * np.nan)
    RatingTimelineDisplay.from_predictions(VALUES[:1], deviation=0.1).figure_.savefig(tmp_path / "one.png")
    ValenceArousalDisplay.from_predictions(VALUES[:1], title="$\\foo$ und\udcff").figure_.savefig(tmp_path / "v.png")


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (VALUES[:0], {}, "one song"),
        (VALUES[None], {}, "one song"),
        (VALUES, {"target_names": ["a"]}, "by times and target_names"),
        (VALUES, {"deviation": [1, 2, 3]}, r"deviation must fit the shape \(4, 2\), got \(3,\)"),
        (VALUES, {"limits": [1, 2, 3]}, r"limits must fit the shape \(2, 2\)"),
        (VALUES, {"ratings": [1]}, "a value for each of 2 targets"),
        (VALUES[:, :1], {"dynamic": LISTENERS}, "dynamic has 2 targets, but values have 1"),
    ],
)
def test_wrong_values_are_errors(values, options, message):
    with pytest.raises(ValueError, match=message):
        RatingTimelineDisplay.from_predictions(values, **options)


def test_a_pipeline_draws_its_song_within_the_range_of_the_training_ratings(tmp_path):
    song = tmp_path / "my song.wav"
    soundfile.write(song, tiny_songs().data[0], SR, subtype="FLOAT")
    pipe = tiny_rating_pipeline()
    display = RatingTimelineDisplay.from_estimator(pipe, song, dynamic=LISTENERS)
    np.testing.assert_allclose(display.values, pipe.transform([song])[0], atol=1e-9)
    assert display.times.tolist() == [0.5 + 0.5 * i for i in range(9)]
    assert display.target_names == NAMES
    np.testing.assert_allclose(display.ratings, pipe.predict([song])[0], atol=1e-9)
    np.testing.assert_allclose(display.limits, np.array([tiny_ratings().min(), tiny_ratings().max()]).T)
    assert display.axes_[0].get_title(loc="left") == "my song.wav"
    display = RatingTimelineDisplay.from_estimator(pipe, tiny_songs().data[0], limits=(-1, 1), title="mine")
    assert display.limits.tolist() == [[-1, 1]] * 2
    assert display.axes_[0].get_title(loc="left") == "mine"
    plane = ValenceArousalDisplay.from_estimator(pipe, song)
    np.testing.assert_allclose(plane.values, display.values, atol=1e-6)
    assert plane.ax_.get_title() == "my song.wav"


def test_the_path_of_a_song():
    display = ValenceArousalDisplay.from_predictions(VALUES, duration=3, hop=2, dynamic=LISTENERS, title="x", s=50)
    assert display.points_.get_offsets().tolist() == VALUES.tolist()
    assert display.points_.get_array().tolist() == [1.5, 3.5, 5.5, 7.5]
    assert display.points_.get_sizes().tolist() == [50]
    np.testing.assert_array_equal(display.line_.get_xydata(), VALUES)
    np.testing.assert_array_equal(display.listener_line_.get_xydata(), LISTENERS.mean)
    ax = display.ax_
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) == ("valence", "arousal", "x")
    assert ax.get_xticks().tolist() == ax.get_yticks().tolist() == [-1, -0.5, 0, 0.5, 1]
    assert legend(ax) == ["predicted", "listeners", "start", "end"]
    marks = {line.get_label(): line.get_xydata()[0].tolist() for line in ax.lines}
    assert (marks["start"], marks["end"]) == ([0.2, -0.5], [-0.1, 0.9])
    [bar] = [other for other in display.figure_.axes if other is not ax]
    assert bar.get_ylabel() == "time (s)"
    places = {text.get_text()[:2]: text.get_position() for text in ax.texts}
    for name, right, upper in (("Q1", 1, 1), ("Q2", 0, 1), ("Q3", 0, 0), ("Q4", 1, 0)):
        x, y = places[name]
        assert x == (1 if right else -1)
        assert (y > 1) if upper else (y < -1)


def test_the_scale_of_the_plane():
    display = ValenceArousalDisplay.from_predictions(5 + 4 * VALUES, limits=(1, 9))
    assert display.ax_.get_xticks().tolist() == [1, 3, 5, 7, 9]
    with pytest.raises(ValueError, match=r"ratings from 3 to 8\.6, beyond limits=\(-1\.0, 1\.0\): pass.*\(1, 9\)"):
        ValenceArousalDisplay.from_predictions(5 + 4 * VALUES)
    with pytest.raises(ValueError, match="the lowest and the highest"):
        ValenceArousalDisplay.from_predictions(VALUES, limits=(1, -1))
    with pytest.raises(ValueError, match=r"must have shape \(n_segments, 2\)"):
        ValenceArousalDisplay.from_predictions(VALUES[:, :1])
    with pytest.raises(ValueError, match="dynamic must have two targets"):
        ValenceArousalDisplay.from_predictions(
            VALUES, dynamic=DynamicRatings(np.zeros(1), np.ones(1), np.zeros((1, 3)))
        )


def song_ratings(names):
    values = np.arange(len(names)) / 10 + np.zeros((4, 1))
    return SongRatings(None, names, np.arange(4.0), np.arange(4.0) + 3, values)


@pytest.mark.parametrize(
    ("names", "targets", "columns"),
    [
        (["arousal", "joy", "valence"], None, [2, 0]),
        (["arousal", "valence"], None, [1, 0]),
        (["target0", "target1"], None, [0, 1]),
        (["a", "b", "c"], ("c", "b"), [2, 1]),
    ],
)
def test_valence_and_arousal_are_found_by_name(names, targets, columns):
    display = ValenceArousalDisplay.from_song_ratings(song_ratings(names), targets=targets)
    np.testing.assert_allclose(display.values[0], np.array(columns) / 10)
    assert display.ax_.get_xlabel() == names[columns[0]]
    assert display.times.tolist() == [1.5, 2.5, 3.5, 4.5]


@pytest.mark.parametrize(("names", "targets"), [(["a", "b", "c"], None), (["a"], None), (["a", "b"], ("a", "x"))])
def test_other_targets_must_be_named(names, targets):
    with pytest.raises(ValueError, match=r"The targets of the model are a.*pass the names of valence and arousal"):
        ValenceArousalDisplay.from_song_ratings(song_ratings(names), targets=targets)


def test_answers_of_another_kind_are_errors():
    emotion = next(emotion_over_time(tiny_pipeline(), tiny_songs().data[:1]))
    ratings = next(emotion_over_time(tiny_rating_pipeline(), tiny_songs().data[:1]))
    none = np.empty(0)
    for display in (RatingTimelineDisplay, ValenceArousalDisplay):
        with pytest.raises(ValueError, match="got SongEmotion: use EmotionTimelineDisplay"):
            display.from_song_ratings(emotion)
        with pytest.raises(ValueError, match="got one of classes: use EmotionTimelineDisplay"):
            display.from_estimator(tiny_pipeline(), tiny_songs().data[0])
        with pytest.raises(ValueError, match="predicts whole songs only"):
            display.from_song_ratings(SongRatings({"a": 1.0}, ["a"], none, none, np.empty((0, 1))))
    with pytest.raises(ValueError, match="got SongRatings: use RatingTimelineDisplay"):
        EmotionTimelineDisplay.from_song_emotion(ratings)
    with pytest.raises(ValueError, match="got SongRatings: use RatingTimelineDisplay"):
        EmotionTimelineDisplay.from_estimator(tiny_rating_pipeline(), tiny_songs().data[0])


def test_missing_matplotlib_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for display in (RatingTimelineDisplay, ValenceArousalDisplay):
        with pytest.raises(ImportError, match=r"pip install skmer\[plot\]"):
            display.from_predictions(VALUES)
