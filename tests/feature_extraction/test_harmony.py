"""Segments with harmony: bands and names, their alignment, streaming, the cache, and models of them."""

import numpy as np
import pytest
import soundfile
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

import skmer.feature_extraction._base
from skmer import SegmentTransformer, SongAggregator, SSSLClassifier, load_model, read_audio, save_model
from skmer.feature_extraction import SegmentShortening
from skmer.features import chroma, log_semitones
from skmer.inspection import predict_files

SR = 22528
A4 = 128 + 45  # position of its band


def music(seconds, sr=SR, seed=0):
    """Partials over faint noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sr)) / sr
    y = sum(0.2 / k * np.sin(2 * np.pi * 220 * (1 + seed) * k * t) for k in range(1, 5)) * np.exp(-2 * (t % 0.7))
    return (y + 1e-4 * rng.normal(size=len(t))).astype(np.float32)


@pytest.fixture
def files(tmp_path):
    paths = []
    for i, seconds in enumerate((4.0, 7.3, 3.0)):
        paths.append(str(tmp_path / f"song{i}.wav"))
        soundfile.write(paths[-1], music(seconds, 44100, seed=i), 44100)
    return paths


def assert_equal_songs(a, b):
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("params", [{}, {"sr": 22050}, {"center": True}, {"dtype": "float16"}, {"n_mels": 40}])
def test_bands_follow_the_mel_bands_which_do_not_change(params):
    songs = [music(4.2, params.get("sr", SR)), music(3.1, params.get("sr", SR), seed=1)]
    plain = SegmentTransformer(**params).transform(songs)
    transformer = SegmentTransformer(harmony=True, **params)
    harmonic = transformer.transform(songs)
    n_mels = plain.segment_shape[0]
    assert harmonic.segment_shape == (n_mels + 84 + 12, plain.segment_shape[1])
    assert harmonic.items[0].dtype == plain.items[0].dtype
    assert_equal_songs([song[:, :n_mels] for song in harmonic], plain)
    names = transformer.get_feature_names_out().tolist()
    assert tuple(names) == harmonic.names
    assert names[:n_mels] == list(plain.names)
    assert [names[k - 96] for k in (0, 45, 83, 84, 95)] == [
        "semitone_C1", "semitone_A4", "semitone_B7", "chroma_C", "chroma_B"
    ]  # fmt: skip


def test_frames_are_centred_on_those_of_the_mel_bands():
    y = music(5)
    song = SegmentTransformer(harmony=True).transform([y]).frames(0).T
    semitones = log_semitones(np.pad(y, 1536))
    np.testing.assert_array_equal(song[128:212], semitones)
    np.testing.assert_array_equal(song[212:], chroma(semitones))
    # a click is loudest in the frames whose centre it is at, of both
    click = np.zeros(SR)
    click[20 * 512 + 512] = 1
    song = SegmentTransformer(duration=1, harmony=True).transform([click]).frames(0)
    assert song[:, 64].argmax() == song[:, 128 + 80].argmax() == 20


def test_a_segment_depends_on_68_ms_around_it():
    y = music(6)
    song = SegmentTransformer(duration=2, harmony=True).transform([y])[0]
    alone = SegmentTransformer(duration=2, harmony=True).transform([y[2 * SR : 4 * SR]])[0][0]
    inner = slice(3, -3)  # 1,536 samples are three hops
    np.testing.assert_allclose(song[2][:, inner], alone[:, inner], atol=1e-3)
    around = SegmentTransformer(duration=2 + 3072 / SR, harmony=True).transform([y[2 * SR - 1536 : 4 * SR + 1536]])
    np.testing.assert_allclose(song[2], around[0][0][:, 3:-3], atol=1e-3)


def test_a_file_read_in_blocks_equals_its_waveform(files):
    for params in ({}, {"sr": 22050, "hop": 512 / 22050}, {"n_fft": 1023}, {"max_duration": 3.5}):
        transformer = SegmentTransformer(harmony=True, **params)
        sr, limit = params.get("sr", SR), params.get("max_duration")
        waveforms = [read_audio(path, sr=sr, max_duration=limit) for path in files]
        assert_equal_songs(transformer.transform(files), transformer.transform(waveforms))


def test_durations_share_one_decoding(files, tmp_path, monkeypatch):
    read, base = [], skmer.feature_extraction._base
    original = base.read_blocks
    monkeypatch.setattr(base, "read_blocks", lambda path, *args: read.append(path) or original(path, *args))
    memory = tmp_path / "cache"
    for duration in (1, 2.0, 3):
        songs = SegmentTransformer(duration, harmony=True, memory=memory).transform(files)
        assert_equal_songs(songs, SegmentTransformer(duration, harmony=True).transform(list(map(read_audio, files))))
    assert read == files
    # those without harmony are others
    SegmentTransformer(memory=memory).transform(files)
    assert read == files * 2
    shorter = SegmentShortening(n_hops=2).transform(songs)
    assert_equal_songs(shorter, SegmentTransformer(1, harmony=True, memory=memory).transform(files))


@pytest.mark.filterwarnings("ignore:Digital silence")
def test_silence_and_padding():
    [song] = SegmentTransformer(harmony=True).transform([np.zeros(4 * SR, dtype=np.float32)])
    np.testing.assert_allclose(song[:, :212], -100, atol=1e-4)
    assert not song[:, 212:].any()
    y = music(2)
    [padded] = SegmentTransformer(harmony=True, padding="zero").transform([y])
    assert_equal_songs([padded], SegmentTransformer(harmony=True).transform([np.pad(y, (0, SR))]))
    [repeated] = SegmentTransformer(harmony=True, padding="circular").transform([y])
    assert repeated.shape == (1, 224, 131)


def test_a_low_sampling_rate_is_refused():
    for method in ("fit", "transform"):
        with pytest.raises(ValueError, match="sr=8000 Hz is too low for semitones"):
            getattr(SegmentTransformer(sr=8000, harmony=True), method)([np.zeros(30000)])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_model_of_it_is_stored_and_predicts_files(files, tmp_path):
    network = SSSLClassifier(
        "small", backbone_params={"width": 2}, max_epochs=2, warmup_epochs=1, batch_size=8, random_state=0
    )
    pipe = make_pipeline(SegmentTransformer(1, harmony=True), network, SongAggregator(), SVC())
    pipe.fit(files, ["calm", "tense", "calm"])
    save_model(pipe, tmp_path / "model.skmer")
    again = load_model(tmp_path / "model.skmer")
    assert again[0].harmony is True
    np.testing.assert_array_equal(again[:2].transform(files)[1], pipe[:2].transform(files)[1])
    found = list(predict_files(again, files))
    assert [one.answer.label for one in found] == pipe.predict(files).tolist()
