"""EmotionTimelineDisplay draws what it is given, at the times it belongs to."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgba
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skmer.feature_extraction import SegmentTransformer
from skmer.inspection import EmotionTimelineDisplay
from skmer.inspection.timeline_display import _spread
from skmer.songs import SongSequence

SR = 22528
P = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])


class Loudness(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Stands in for a segment classifier: the probability of "loud" is a segment's level."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def transform(self, X):
        rows = [1 / (1 + np.exp(-(song.mean(axis=(1, 2)) + 40) / 5)) for song in X]
        return SongSequence([np.column_stack([p, 1 - p]) for p in rows])

    def predict(self, X):
        return self.classes_[[song.mean(axis=0).argmax() for song in self.transform(X)]]


class Mean(BaseEstimator, TransformerMixin):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return np.array([song.mean(axis=0) for song in X])


class Argmax(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[X.argmax(axis=1)]


@pytest.fixture
def wave():
    level = np.repeat([0.5, 0.5, 0.5, 0.5, 1e-4, 1e-4, 1e-4], SR)
    return (level * np.random.default_rng(0).standard_normal(7 * SR)).astype(np.float32)


def test_lines_hold_the_probabilities_at_the_centres_of_the_segments():
    display = EmotionTimelineDisplay.from_predictions(P, duration=3, hop=2, class_names=["a", "b", "c"], title="x")
    assert display.times.tolist() == [1.5, 3.5, 5.5, 7.5]
    assert [line.get_label() for line in display.lines_] == ["a", "b", "c"]
    for k, line in enumerate(display.lines_):
        assert line.get_xdata().tolist() == display.times.tolist()
        assert line.get_ydata().tolist() == P[:, k].tolist()
    assert display.ax_.get_title() == "x"
    assert display.ax_.get_yticks().tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert display.figure_ is display.ax_.figure
    assert [text.get_text() for text in display.ax_.texts if text.get_text() in "abc"] == ["a", "b", "c"]


def test_band_has_the_colour_of_the_most_probable_class():
    display = EmotionTimelineDisplay.from_predictions(P, class_names=np.array(["a", "b", "c"]))
    colours = [to_rgba(display.lines_[k].get_color()) for k in P.argmax(axis=1)]
    assert np.allclose(display.band_.get_facecolor(), colours)
    middles = [path.vertices[:-1, 0].mean() for path in display.band_.get_paths()]
    assert middles == pytest.approx(display.times.tolist())


def test_given_axes_and_line_style_are_used():
    _, ax = plt.subplots()
    display = EmotionTimelineDisplay.from_predictions(P, ax=ax, linewidth=5)
    assert display.ax_ is ax
    assert {line.get_linewidth() for line in display.lines_} == {5}
    assert display.class_names == ["class 0", "class 1", "class 2"]


def test_one_segment_many_classes_and_long_songs_are_drawn(tmp_path):
    EmotionTimelineDisplay.from_predictions(P[:1]).figure_.savefig(tmp_path / "one.png")
    many = np.full((200, 12), 1 / 12)
    display = EmotionTimelineDisplay.from_predictions(many)
    display.figure_.savefig(tmp_path / "many.png")
    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert {"0:30", "2:00"} <= set(ticks)
    assert display.ax_.get_xlabel() == "time (m:ss)"


@pytest.mark.parametrize(
    ("probabilities", "names", "word"),
    [
        (P[0], ["a", "b", "c"], "one song"),
        (P[:0], ["a", "b", "c"], "one song"),
        (P, ["a", "b"], "class_names"),
        (P * 2, ["a", "b", "c"], "between 0 and 1"),
        (P * np.nan, ["a", "b", "c"], "between 0 and 1"),
    ],
)
def test_bad_probabilities_are_errors(probabilities, names, word):
    with pytest.raises(ValueError, match=word):
        EmotionTimelineDisplay.from_predictions(probabilities, class_names=names)


def test_a_pipeline_plots_its_song(wave):
    pipeline = make_pipeline(SegmentTransformer(duration=2), Loudness(), Mean(), Argmax())
    pipeline.fit([wave, wave], ["loud", "soft"])
    display = EmotionTimelineDisplay.from_estimator(pipeline, wave)
    assert display.times.tolist() == [1, 2, 3, 4, 5, 6]
    assert display.duration == 2
    assert display.class_names == ["loud", "soft"]
    loud = display.lines_[0].get_ydata()
    assert (loud[:3] > 0.5).all()
    assert (loud[-2:] < 0.5).all()
    assert display.ax_.get_title() == f"Song: {pipeline.predict([wave])[0]}"


def test_a_file_gives_its_name_to_the_title(wave, tmp_path):
    import soundfile

    soundfile.write(tmp_path / "my song.wav", wave.clip(-1, 1), SR)
    pipeline = make_pipeline(SegmentTransformer(duration=3), Loudness()).fit([wave, wave], ["loud", "soft"])
    for song in (tmp_path / "my song.wav", str(tmp_path / "my song.wav")):
        display = EmotionTimelineDisplay.from_estimator(pipeline, song)
        assert display.ax_.get_title().startswith("my song.wav: ")
    assert EmotionTimelineDisplay.from_estimator(pipeline, wave, title="mine").ax_.get_title() == "mine"


def test_wrong_estimators_and_songs_are_errors(wave):
    fitted = make_pipeline(SegmentTransformer(duration=3), Loudness()).fit([wave, wave], ["loud", "soft"])
    cases = [
        (Loudness(), wave, ValueError, "must be a Pipeline"),
        (make_pipeline(Loudness()), wave, ValueError, "no SegmentTransformer"),
        (make_pipeline(SegmentTransformer(), Mean()), wave, ValueError, "no segment classifier"),
        (make_pipeline(SegmentTransformer(), Loudness()), wave, NotFittedError, "call fit"),
        (fitted, [wave], ValueError, "one path or one waveform"),
        (fitted, np.stack([wave, wave]), ValueError, "one path or one waveform"),
    ]
    for estimator, song, error, word in cases:
        with pytest.raises(error, match=word):
            EmotionTimelineDisplay.from_estimator(estimator, song)


def test_names_keep_their_distance():
    placed = _spread(np.array([0.01, 0.0, 0.99, 0.98]), 0.1)
    assert np.diff(np.sort(placed)).min() >= 0.1 - 1e-9
    assert placed.argsort().tolist() == [1, 0, 3, 2]
    assert placed.max() <= 1


def test_missing_matplotlib_is_an_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install skmer\[plot\]"):
        EmotionTimelineDisplay.from_predictions(P)


@pytest.mark.parametrize("name", ["$\\foo$.wav", "a$b$\\frac{.wav", "und\udcff.wav"])
def test_names_are_written_as_they_are(name):
    display = EmotionTimelineDisplay.from_predictions(P, class_names=["a", "$\\b$", "c\udcff"], title=name)
    display.figure_.canvas.draw()
    assert display.ax_.get_title() == name.replace("\udcff", "\\udcff")
