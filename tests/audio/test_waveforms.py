"""Waveforms with a sampling rate of their own are mixed and resampled as files are."""

import numpy as np
import pytest
import soundfile
import torch
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import (
    AudioError,
    DescriptorTransformer,
    EmbeddingTransformer,
    SegmentTransformer,
    TaggingTransformer,
    make_joined_pipeline,
    read_audio,
)
from skmer.audio.waveforms import has_rate, resample_waveform
from skmer.inspection import SongPredictor
from skmer.model_selection._fits import song_keys
from skmer.models import train_model
from tests.estimators.instances import magnitudes
from tests.models.tiny import LOG_MEL, tiny_songs
from tests.tiny_model import SR, tiny_pipeline

RATE = 44100


@pytest.fixture(scope="module")
def noise():
    """Two channels of 2.6 s, in librosa's shape."""
    return np.random.default_rng(0).normal(scale=0.1, size=(2, int(2.6 * RATE))).astype(np.float32)


@pytest.fixture(scope="module")
def wav(noise, tmp_path_factory):
    path = tmp_path_factory.mktemp("wav") / "song.wav"
    soundfile.write(path, noise.T, RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize(("sr", "max_duration"), [(22528, None), (22528, 1.5), (RATE, None), (RATE, 2.0), (16000.0, 9)])
def test_a_waveform_is_read_as_its_file(noise, wav, sr, max_duration):
    expected = read_audio(wav, sr=sr, max_duration=max_duration)
    for rate in (RATE, float(RATE), np.int64(RATE)):
        np.testing.assert_array_equal(resample_waveform(noise, rate, sr, max_duration), expected)
    np.testing.assert_array_equal(resample_waveform(noise.astype(np.float64), RATE, sr, max_duration), expected)


def test_one_channel_and_channels_that_cancel(noise, tmp_path):
    for i, channels in enumerate((noise[:1], np.stack([noise[0], -noise[0]]))):
        soundfile.write(tmp_path / f"{i}.wav", channels.T, RATE, subtype="FLOAT")
        expected = read_audio(tmp_path / f"{i}.wav")
        np.testing.assert_array_equal(resample_waveform(channels, RATE, 22528), expected)
        assert np.abs(expected).max() > 0.1
    np.testing.assert_array_equal(resample_waveform(noise[0], RATE, 22528), resample_waveform(noise[:1], RATE, 22528))


def test_a_long_waveform_is_read_in_blocks():
    y = np.random.default_rng(1).normal(scale=0.1, size=(1 << 20) + 7).astype(np.float32)
    np.testing.assert_array_equal(resample_waveform(y, 11264, 11264), y)
    assert len(resample_waveform(y, 22528, 11264)) == (1 << 19) + 4


TRANSFORMERS = [
    SegmentTransformer(duration=1),
    SegmentTransformer(duration=1, harmony=True, max_duration=2),
    SegmentTransformer(duration=4, padding="circular"),
    DescriptorTransformer(groups=["timbre", "dynamics"]),
    EmbeddingTransformer(magnitudes, sr=16000, window=0.5, statistics=["mean"]),
    TaggingTransformer(duration=1.0),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=lambda t: type(t).__name__)
def test_features_of_a_waveform_are_those_of_its_file(transformer, noise, wav):
    found, expected = transformer.transform([(noise, RATE), wav])
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(expected, float), rtol=1e-4, atol=1e-4)
    plain = resample_waveform(noise, RATE, transformer.sr)
    np.testing.assert_allclose(
        np.asarray(transformer.transform([plain])[0], float), np.asarray(expected, float), atol=1e-4
    )


def test_a_plain_waveform_is_at_the_rate_of_the_step(noise):
    transformer = SegmentTransformer(duration=1, sr=11264, n_mels=32)
    [plain], [rated] = transformer.transform([noise[0]]), transformer.transform([(noise[0], RATE)])
    assert len(plain) == noise.shape[1] // 11264  # taken for 10 s
    assert len(rated) == 2
    [same] = transformer.transform([(noise[0], 11264)])
    np.testing.assert_array_equal(same, plain)


def test_tensors_and_collections(noise):
    transformer = SegmentTransformer(duration=1, sr=11264, n_mels=32)
    [expected] = transformer.transform([(noise, RATE)])
    objects = np.empty(1, dtype=object)
    objects[0] = (noise, RATE)
    for X in (
        [(torch.from_numpy(noise), RATE)],
        ((noise, RATE),),
        objects,
        iter([(noise, RATE)]),
        [(noise.tolist(), RATE)],
    ):
        np.testing.assert_allclose(transformer.transform(X)[0], expected, atol=1e-3)


def test_what_a_tuple_is():
    assert has_rate((np.zeros(3), 22050))
    # two samples, two songs, a shape, another number of items
    for song in ((0.1, 0.2), (np.zeros(3), np.zeros(3)), ("a.mp3", 22050), (np.zeros(3),), [np.zeros(3), 22050]):
        assert not has_rate(song)


@pytest.mark.parametrize(
    ("song", "message"),
    [
        (
            (np.zeros((44100, 2)), 44100),
            r"position 1 of X has shape \(44100, 2\), as if it had 44,100 channels.*transpose",
        ),
        ((np.zeros((2, 2)), 44100), r"shape \(2, 2\), as if it had 2 channels"),
        ((np.zeros((1, 2, 90)), 44100), r"shape \(1, 2, 90\). Pass samples of shape \(n_samples,\) or \(n_channels"),
        ((np.zeros(9000), 44.1), "sampling rate of 44.1 Hz, outside the range of 1 kHz"),
        ((np.zeros(9000), np.nan), "sampling rate of nan Hz"),
        ((np.zeros(9000), -44100), "sampling rate of -44,100 Hz"),
        ((np.zeros(0), 44100), "has no samples"),
        ((np.zeros(9000, dtype=np.int16), 44100), "dtype int16, whose full scale is unclear"),
        ((np.full(9000, np.nan), 44100), "holds 9,000 samples that are NaN"),
        ((np.full(9000, 2.0**15), 44100), "full scale is 1"),
    ],
)
def test_errors_name_the_song(song, message, noise):
    with pytest.raises(AudioError, match=message):
        SegmentTransformer(duration=1).transform([(noise, RATE), song])


def test_one_song_alone_is_no_collection(noise):
    with pytest.raises(ValueError, match=r"X is one waveform with its sampling rate: pass a list, \[\(y, sr\)\]"):
        SegmentTransformer().transform((noise, RATE))
    with pytest.raises(ValueError, match=r"Item 0 of X is .*or a tuple \(waveform, sampling rate\)"):
        SegmentTransformer().transform([("a.mp3", RATE)])


def test_rates_are_part_of_keys(noise, tmp_path):
    songs = [(noise[0], RATE), (noise[0], 22050), noise[0]]
    assert len(set(song_keys(songs))) == 3
    assert song_keys([(noise[0].copy(), float(RATE))]) == song_keys(songs[:1])
    stored = TaggingTransformer(duration=1.0, store=tmp_path).transform(songs)
    assert len(list(tmp_path.glob("*.npy"))) == 3
    for song, expected in zip(stored, TaggingTransformer(duration=1.0).transform(songs), strict=True):
        np.testing.assert_array_equal(song, expected)


def test_in_splitters_training_and_predictions(tmp_path):
    songs = tiny_songs(n_songs=16, duration=2)
    rated = [(song, 11264) for song in songs.data]
    first = SegmentTransformer(duration=1, sr=SR, n_mels=32)
    pipe = make_pipeline(first, tiny_pipeline()[1], tiny_pipeline()[2], SVC())
    scores = [cross_val_score(pipe, X, songs.target, cv=2).tolist() for X in (rated, songs.data)]
    assert scores[0] == scores[1]
    card = train_model(type(songs)(**{**songs, "data": rated}), "log-mel", LOG_MEL, n_splits=2).card
    assert card["data"]["songs"][:2] == ["waveform 0", "waveform 1"]
    predictor = SongPredictor(tiny_pipeline())
    high = np.repeat(songs.data[0], 2)
    answers = [predictor.predict(predictor.read(song)) for song in (songs.data[0], (songs.data[0], SR), (high, 2 * SR))]
    np.testing.assert_array_equal(answers[0].probabilities, answers[1].probabilities)
    assert len(answers[2].starts) == len(answers[0].starts)


def test_steps_with_rates_of_their_own(noise, tmp_path):
    # descriptors and segments read one waveform at two rates
    union = make_joined_pipeline()["features"]
    union.set_params(descriptors__sr=16000, descriptors__groups=["dynamics"], network="drop")
    soundfile.write(tmp_path / "song.wav", noise.T, RATE, subtype="FLOAT")
    found = union.fit_transform([(noise, RATE), str(tmp_path / "song.wav")])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)
