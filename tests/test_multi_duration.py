"""Several durations on one spectrogram: shorter segments, and the stack of their statistics."""

import numpy as np
import pytest
import soundfile
from sklearn.model_selection import cross_val_score

from skmer import (
    AudioError,
    SegmentStatistics,
    SegmentTransformer,
    SongAggregator,
    SongSequence,
    SSSLClassifier,
    make_multi_duration_pipeline,
    make_sssl_pipeline,
)
from skmer.datasets import make_songs
from skmer.feature_extraction import SegmentShortening
from skmer.features.segment_spectrogram import SegmentSpectrogram
from skmer.model_selection import EstimatorSystem

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SR = 22528
NETWORK = {"backbone": "small", "backbone_params": {"width": 4}, "max_epochs": 2, "warmup_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def songs():
    return make_songs(n_songs=8, duration=5, sr=SR, random_state=0)


@pytest.mark.parametrize(("seconds", "duration"), [(3.0, 1), (3.99, 2), (4.5, 3), (6.0, 1)])
def test_shorter_segments_are_those_of_the_shorter_duration(seconds, duration):
    y = [np.random.default_rng(0).normal(size=int(seconds * SR))]
    long = SegmentTransformer(duration=3).transform(y)
    shortened = SegmentShortening(3 - duration).fit(long).transform(long)
    expected = SegmentTransformer(duration=duration).transform(y)
    assert shortened.window == expected.window
    np.testing.assert_array_equal(shortened[0], expected[0])
    assert shortened.items[0] is long.items[0]


def test_no_frames_left():
    long = SegmentTransformer(duration=3).transform([np.ones(4 * SR) * 0.1])
    with pytest.raises(ValueError, match="Segments of 131 frames cannot be shortened by n_hops=3 hops of 44 frames"):
        SegmentShortening(3).transform(long)


def test_a_song_shorter_than_the_longest_duration_is_named_before_any_training(tmp_path):
    paths = [tmp_path / f"{n}.wav" for n in (4, 2)]
    for path in paths:
        soundfile.write(path, np.ones(int(path.stem) * SR) * 0.1, SR)
    pipe = make_multi_duration_pipeline((1, 3), **NETWORK)
    with pytest.raises(AudioError, match=r"2\.wav: it lasts 2.00 s, shorter than one segment of duration=3 s"):
        EstimatorSystem(pipe.set_params(segments__memory=str(tmp_path / "cache"))).prepare(paths)
    with pytest.raises(AudioError, match=r"2\.wav: it lasts"):
        pipe.fit(paths, ["a", "b"])


def test_the_longest_duration_fits_into_what_is_used_of_a_song():
    with pytest.raises(ValueError, match="max_duration=4 s is shorter than the longest of the durations, 5 s"):
        make_multi_duration_pipeline((1, 5), max_duration=4)


def test_segments_that_are_no_windows_are_refused():
    with pytest.raises(ValueError, match="not windows of one spectrogram"):
        SegmentShortening(1).transform(SongSequence([np.ones((3, 4, 5))]))


@pytest.mark.parametrize(
    "durations", [[], [1, 1], [1.5, 3], [0, 1], ["1", "3"], [np.nan, 1], [np.inf], [None], 3, "13"]
)
def test_durations_are_different_whole_seconds(durations):
    with pytest.raises(ValueError, match="durations must be different whole numbers of seconds"):
        make_multi_duration_pipeline(durations)


def test_the_stack_is_the_single_durations_side_by_side(songs, monkeypatch):
    calls = []
    compute = SegmentSpectrogram.of_waveform
    monkeypatch.setattr(SegmentSpectrogram, "of_waveform", lambda *a: calls.append(1) or compute(*a))
    pipe = make_multi_duration_pipeline((3, 1), recipe=None, **NETWORK).fit(songs.data, songs.target)
    assert len(calls) == len(songs.data)  # one spectrogram a song, whatever the durations
    stacked = pipe[:2].transform(songs.data)
    alone = []
    for duration in (1, 3):
        segments = SegmentTransformer(duration=duration).transform(songs.data)
        network = SSSLClassifier(**NETWORK).fit(segments, songs.target)
        alone.append(SongAggregator().fit_transform(network.transform(segments)))
    np.testing.assert_allclose(stacked, np.hstack(alone), atol=1e-6)
    assert stacked.shape[1] == 2 * 7 * len(pipe.classes_)


def test_an_mlp_gets_the_statistics_of_the_segments_of_each_duration(songs):
    network = {**NETWORK, "backbone": "mlp", "backbone_params": {"hidden": [8]}}
    pipe = make_multi_duration_pipeline((1, 2), harmony=True, recipe=None, **network).fit(songs.data, songs.target)
    alone = []
    for duration in (1, 2):
        one = make_sssl_pipeline(duration, harmony=True, recipe=None, **network)
        assert isinstance(one["segment_statistics"], SegmentStatistics)
        alone.append(one.fit(songs.data, songs.target)[:-2].transform(songs.data))
    np.testing.assert_allclose(pipe[:2].transform(songs.data), np.hstack(alone), atol=1e-6)


def test_a_generator_decides_the_same_for_every_number_of_processes(songs):
    features = []
    for n_jobs in (1, 2):
        pipe = make_multi_duration_pipeline((1, 2), **{**NETWORK, "random_state": np.random.RandomState(3)})
        pipe.set_params(durations__n_jobs=n_jobs)
        features.append(pipe.fit(songs.data, songs.target)[:2].transform(songs.data))
    np.testing.assert_array_equal(*features)


def test_it_cross_validates(songs):
    pipe = make_multi_duration_pipeline((1, 2), recipe=None, **NETWORK)
    scores = cross_val_score(pipe, songs.data, songs.target, cv=2, error_score="raise")
    assert scores.shape == (2,)
