"""Predictions over time are those of the pipeline; files that cannot be read do not stop the others."""

import os
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

from skmer import AudioError, SongSequence
from skmer.audio import find_audio_files
from skmer.inspection import SongEmotion, SongPredictor, SongRatings, emotion_over_time
from skmer.inspection.files import _ahead, predict_files
from tests.tiny_model import SR, tiny_pipeline, tiny_songs


@pytest.fixture(scope="module")
def wavs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    paths = [folder / f"{i}.wav" for i in range(4)]
    for path, y in zip(paths, tiny_songs().data, strict=False):
        soundfile.write(path, y, SR, subtype="FLOAT")
    return paths


class Majority(ClassifierMixin, TransformerMixin, BaseEstimator):
    """A segment classifier whose song label is no mean of probabilities."""

    def fit(self, X, y):
        self.classes_ = np.array(["a", "b"])
        return self

    def transform(self, X):
        return SongSequence([np.tile([0.9, 0.1], (len(song), 1)) for song in X])

    def predict(self, X):
        return np.array(["b"] * len(X))


def test_labels_and_probabilities_are_those_of_the_pipeline():
    pipe, songs = tiny_pipeline(), tiny_songs().data
    emotions = list(emotion_over_time(pipe, songs))
    assert [song.label for song in emotions] == pipe.predict(songs).tolist()
    for song, rows in zip(emotions, pipe[:2].transform(songs), strict=True):
        np.testing.assert_allclose(song.probabilities, rows, atol=1e-6)
        np.testing.assert_allclose(song.mean_probabilities, rows.mean(axis=0), atol=1e-6)
        assert song.starts.tolist() == [0, 1, 2, 3, 4]
        assert song.ends.tolist() == [1, 2, 3, 4, 5]
        assert song.classes.tolist() == ["Q1", "Q2", "Q3", "Q4"]
        assert song.leading.tolist() == [f"Q{k + 1}" for k in rows.argmax(axis=1)]


def test_the_label_of_a_pipeline_that_ends_with_the_segment_classifier():
    pipe, songs = tiny_pipeline()[:2], tiny_songs().data[:3]
    assert [song.label for song in emotion_over_time(pipe, songs)] == pipe.predict(songs).tolist()
    other = make_pipeline(tiny_pipeline()[0], Majority()).fit(songs, ["a", "b", "a"])
    assert [song.label for song in emotion_over_time(other, songs)] == ["b"] * 3


def test_a_pipeline_without_classifier_at_its_end_gives_no_label():
    pipe = tiny_pipeline()[:3]
    assert not SongPredictor(pipe).predicts
    assert next(emotion_over_time(pipe, tiny_songs().data[:1])).label is None


def test_skipped_steps_and_searches_are_unwrapped():
    pipe, songs = tiny_pipeline(), tiny_songs().data[:2]
    skipping = Pipeline([("a", "passthrough"), *pipe.steps[:1], ("b", None), *pipe.steps[1:]])
    assert [s.label for s in emotion_over_time(skipping, songs)] == pipe.predict(songs).tolist()
    search = GridSearchCV(pipe, {})
    with pytest.raises(ValueError, match=r"must be a Pipeline.*GridSearchCV without.*refit=True"):
        next(emotion_over_time(search, songs))
    search.best_estimator_ = pipe
    assert next(emotion_over_time(search, songs)).label == pipe.predict(songs)[0]


def test_unfitted_and_other_estimators_are_errors():
    with pytest.raises(NotFittedError, match="call fit"):
        SongPredictor(clone(tiny_pipeline()))
    for estimator, word in [
        ("text", "must be a Pipeline"),
        (tiny_pipeline()[3:], "no SegmentTransformer"),
        (make_pipeline(tiny_pipeline()[0]), "no segment classifier"),
    ]:
        with pytest.raises(ValueError, match=word):
            SongPredictor(estimator, require_segments=True)


def test_a_model_brings_no_cache_threads_or_progress_along(tmp_path, wavs, capfd):
    segmenter, *rest = (step for _, step in tiny_pipeline().steps)
    verbose = clone(segmenter).set_params(memory=str(tmp_path / "cache"), n_jobs=2, verbose=1)
    assert next(emotion_over_time(make_pipeline(verbose, *rest), wavs[:1])).label is not None
    assert not (tmp_path / "cache").exists()
    assert verbose.n_jobs == 2
    assert capfd.readouterr().err == ""


def test_stretches_change_half_way_between_centres():
    rows = np.array([[0.6, 0.4], [0.4, 0.6], [0.3, 0.7], [0.8, 0.2]])
    song = SongEmotion("x", np.array(["a", "b"]), np.arange(4.0) * 2, np.arange(4.0) * 2 + 3, rows)
    # centres 1.5, 3.5, 5.5, 7.5
    assert song.stretches() == [(0, 2.5, "a"), (2.5, 6.5, "b"), (6.5, 9, "a")]
    one = SongEmotion("x", song.classes, song.starts[:1], song.ends[:1], rows[:1])
    assert one.stretches() == [(0, 3, "a")]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_files_keep_their_order_and_the_bad_ones_their_reason(wavs, tmp_path, n_jobs):
    (tmp_path / "text.mp3").write_text("not music " * 200)
    silent, short = tmp_path / "silent.wav", tmp_path / "short.wav"
    soundfile.write(silent, np.zeros(2 * SR), SR)
    soundfile.write(short, np.full(SR // 2, 0.1), SR)
    files = [wavs[0], tmp_path / "none.wav", wavs[1], silent, tmp_path / "text.mp3", short, str(wavs[2]), silent]
    got = list(predict_files(tiny_pipeline(), files, n_jobs=n_jobs))
    assert [song.file for song in got] == [os.fspath(file) for file in files]
    assert [song.error is None for song in got] == [True, False, True, True, False, False, True, True]
    assert [song.answer is None for song in got] == [song.error is not None for song in got]
    assert "no such file" in got[1].error
    assert "not audio" in got[4].error
    assert "shorter than one segment" in got[5].error
    assert not any(str(tmp_path) in (song.error or "") for song in got)
    assert [len(song.warnings) for song in got] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert "silence" in got[3].warnings[0]
    labels = [song.answer.label for song in got if song.answer and not song.warnings]
    assert labels == tiny_pipeline().predict(wavs[:3]).tolist()


def test_an_error_of_another_kind_is_named_and_does_not_stop_the_rest(wavs, monkeypatch):
    real = SongPredictor.read

    def segments(self, song):
        if song == wavs[0]:
            raise RuntimeError("a decoder\nbroke")
        return real(self, song)

    monkeypatch.setattr(SongPredictor, "read", lambda self, song: segments(self, Path(song)))
    first, second = predict_files(tiny_pipeline(), wavs[:2])
    assert first.error == "RuntimeError: a decoder broke"
    assert second.answer is not None


def test_other_warnings_are_shown_and_the_hook_is_removed(wavs):
    before = warnings.showwarning
    with warnings.catch_warnings(record=True) as caught:
        for _ in predict_files(tiny_pipeline(), wavs[:1]):
            warnings.warn("mine", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["mine"]
    assert warnings.showwarning is before


def test_two_generators_at_a_time_restore_filters_and_hook(wavs):
    filters, show = list(warnings.filters), warnings.showwarning
    first, second = predict_files(tiny_pipeline(), wavs[:2]), predict_files(tiny_pipeline(), wavs[:2])
    next(first), next(second)
    second.close()
    first.close()
    assert warnings.filters == filters
    assert warnings.showwarning is show


@pytest.mark.skipif(os.name == "nt", reason="no such names")
def test_the_reason_of_a_file_whose_name_holds_blanks_and_line_breaks(tmp_path):
    for name in ("two\nlines.wav", "one\rtwo.wav", "two  blanks.wav"):
        (tmp_path / name).write_text("no music " * 200)
        [song] = predict_files(tiny_pipeline(), [tmp_path / name])
        assert "not audio" in song.error
        assert not set("\r\n") & set(song.error)
        assert name.split()[-1] not in song.error


def test_no_more_songs_are_held_than_threads_and_one():
    begun, consumed, lock = [], [], threading.Lock()

    def work(i):
        with lock:
            begun.append(i)
            assert len(begun) - len(consumed) <= 4
        return i

    for i in _ahead(work, range(40), 3):
        with lock:
            consumed.append(i)
    assert consumed == list(range(40))


def test_folders_are_walked_in_order_and_only_for_audio(tmp_path):
    for name in ["b.WAV", "a.mp3", "notes.txt", ".hidden.mp3", "sub/c.flac", "sub/deep/d.Ogg", ".git/e.wav", "z/f.txt"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = find_audio_files([tmp_path / "notes.txt", str(tmp_path), tmp_path / "z", tmp_path / "no"])
    names = [os.path.relpath(path, tmp_path) for path, _ in found]
    assert names == ["notes.txt", "a.mp3", "b.WAV", "sub/c.flac", "sub/deep/d.Ogg", "z", "no"]
    assert [error is None for _, error in found] == [True] * 5 + [False, True]
    assert isinstance(found[5][1], AudioError)
    assert "no audio file" in str(found[5][1])


def test_links_are_followed_but_not_in_circles(tmp_path):
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "a.wav").touch()
    (tmp_path / "top").mkdir()
    try:
        (tmp_path / "top" / "link").symlink_to(tmp_path / "music", target_is_directory=True)
        (tmp_path / "music" / "back").symlink_to(tmp_path / "top", target_is_directory=True)
        (tmp_path / "top" / "dead.wav").symlink_to(tmp_path / "gone.wav")
    except OSError:
        pytest.skip("this system makes no links")
    found = [os.path.relpath(path, tmp_path) for path, _ in find_audio_files([tmp_path / "top"])]
    assert found == ["top/dead.wav", "top/link/a.wav"]


class Sums(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Passes for a segment classifier, and gives a number a song."""

    def fit(self, X, y):
        self.classes_ = np.array(["a", "b"])
        return self

    def transform(self, X):
        return np.array([[song.sum()] for song in X])

    def predict(self, X):
        return np.array(["b"] * len(X))


def test_a_step_without_probabilities_of_segments_is_an_error():
    songs = tiny_songs().data[:3]
    pipe = make_pipeline(tiny_pipeline()[0], Sums()).fit(songs, ["a", "b", "a"])
    with pytest.raises(ValueError, match=r"Sums\.transform must give songs of shape \(n_segments, 2\)"):
        next(emotion_over_time(pipe, songs))


def test_an_answer_is_shown_in_a_line():
    classes, rows = np.array(["calm", "tense"]), np.full((3, 2), 0.5)
    song = SongEmotion("calm", classes, np.arange(3.0), np.arange(3.0) + 2, rows, np.array([0.75, 0.25]))
    assert repr(song) == "<SongEmotion calm (0.75); 3 segments in 4 s>"
    whole = SongEmotion("calm", classes, np.empty(0), np.empty(0), np.empty((0, 2)))
    assert repr(whole) == "<SongEmotion calm; no segments>"
    rated = SongRatings({"arousal": -0.5}, ["arousal"], np.arange(2.0), np.arange(2.0) + 1, np.zeros((2, 1)))
    assert repr(rated) == "<SongRatings arousal -0.50; 2 segments in 2 s>"
