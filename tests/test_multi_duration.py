"""Several durations on one spectrogram: longer segments, and the stack of their statistics."""

import numpy as np
import pytest
from sklearn.model_selection import cross_val_score

import skmer.segmentation.transformer as reading
from skmer import SegmentTransformer, SongAggregator, SongSequence, SSSLClassifier, make_multi_duration_pipeline
from skmer.datasets import make_songs
from skmer.segmentation import SegmentExtension

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SR = 22528
NETWORK = {"backbone": "small", "backbone_params": {"width": 4}, "max_epochs": 2, "warmup_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def songs():
    return make_songs(n_songs=8, duration=5, sr=SR, random_state=0)


@pytest.mark.parametrize("seconds", [3.0, 3.99, 4.5, 6.0])
@pytest.mark.parametrize("duration", [1, 2, 3])
def test_longer_segments_are_those_of_the_longer_duration(seconds, duration):
    y = [np.random.default_rng(0).normal(size=int(seconds * SR))]
    short = SegmentTransformer(duration=1).transform(y)
    extended = SegmentExtension(duration - 1).fit(short).transform(short)
    expected = SegmentTransformer(duration=duration).transform(y)
    assert extended.window == expected.window
    np.testing.assert_array_equal(extended[0], expected[0])
    assert extended.items[0] is short.items[0]


def test_a_song_that_is_too_short_is_told():
    short = SegmentTransformer(duration=1).transform([np.ones(n * SR) * 0.1 for n in (4, 2)])
    with pytest.raises(
        ValueError, match="Song 1 has 2 segments and is too short for segments that are longer by n_hops=2"
    ):
        SegmentExtension(2).transform(short)


def test_segments_that_are_no_windows_are_refused():
    with pytest.raises(ValueError, match="not windows of one spectrogram"):
        SegmentExtension(1).transform(SongSequence([np.ones((3, 4, 5))]))


@pytest.mark.parametrize("durations", [[], [1, 1], [1.5, 3], [0, 1]])
def test_durations_are_different_whole_seconds(durations):
    with pytest.raises(ValueError, match="durations must be different whole numbers of seconds"):
        make_multi_duration_pipeline(durations)


def test_the_stack_is_the_single_durations_side_by_side(songs, monkeypatch):
    calls = []
    compute = reading.compute
    monkeypatch.setattr(reading, "compute", lambda *a, **k: calls.append(1) or compute(*a, **k))
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


def test_a_generator_decides_the_same_for_every_number_of_processes(songs):
    features = []
    for n_jobs in (1, 2):
        pipe = make_multi_duration_pipeline((1, 2), **{**NETWORK, "random_state": np.random.RandomState(3)})
        pipe.set_params(durations__n_jobs=n_jobs)
        features.append(pipe.fit(songs.data, songs.target)[:2].transform(songs.data))
    np.testing.assert_array_equal(*features)


def test_it_cross_validates(songs):
    pipe = make_multi_duration_pipeline((1, 2), recipe=None, **NETWORK)
    one = cross_val_score(pipe, songs.data, songs.target, cv=2, error_score="raise")
    two = cross_val_score(pipe.set_params(durations__n_jobs=2), songs.data, songs.target, cv=2, error_score="raise")
    np.testing.assert_array_equal(one, two)
