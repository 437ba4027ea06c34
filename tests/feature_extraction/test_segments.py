import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

import skmer.feature_extraction._base
from skmer.audio import AudioError, read_audio
from skmer.feature_extraction import SegmentTransformer
from skmer.features import segment_log_mel
from skmer.songs import SongSequence

SR = 22528


def waveform(seconds, sr=SR, seed=0):
    rng = np.random.default_rng(seed)
    n = round(seconds * sr)
    return (np.sin(2 * np.pi * rng.uniform(200, 900) * np.arange(n) / sr) * rng.uniform(0.1, 0.5)).astype(
        np.float32
    ) + 0.01 * rng.normal(size=n).astype(np.float32)


def assert_same(a, b, atol=0.0):
    assert len(a) == len(b)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, atol=atol, rtol=0)


def librosa_segments(y, duration, hop, sr, center):
    import librosa

    length, step = round(duration * sr), round(hop * sr)
    powers = [
        librosa.feature.melspectrogram(
            y=y[start : start + length], sr=sr, n_fft=1024, hop_length=512, n_mels=128, center=center
        )
        for start in range(0, len(y) - length + 1, step)
    ]
    return librosa.power_to_db(np.stack(powers), ref=1.0, amin=1e-10, top_db=None)


@pytest.fixture
def files(tmp_path):
    paths = []
    for i, seconds in enumerate((4.0, 5.5, 3.0)):
        paths.append(tmp_path / f"song{i}.flac")
        soundfile.write(paths[-1], waveform(seconds, 44100, seed=i), 44100)
    return paths


@pytest.fixture
def reads(monkeypatch):
    """Collect the names of the files that are decoded."""
    names = []
    base = skmer.feature_extraction._base

    def counting(read):
        def count_and_read(path, *args, **options):
            names.append(Path(path).name)
            return read(path, *args, **options)

        return count_and_read

    for name in ("read_audio", "read_blocks"):
        monkeypatch.setattr(base, name, counting(getattr(base, name)))
    return names


@pytest.mark.parametrize(
    ("sr", "center", "windows"),
    [(22528, False, True), (22528, True, False), (22050, False, False), (22050, True, False)],
)
@pytest.mark.parametrize(("duration", "hop"), [(3, 1.0), (2.5, 0.5)])
def test_equals_librosa_on_both_paths(sr, center, windows, duration, hop):
    y = waveform(5.3, sr)
    songs = SegmentTransformer(duration=duration, hop=hop, sr=sr, center=center).transform([y])
    assert (songs.window is not None) == windows
    theirs = librosa_segments(y, duration, hop, sr, center)
    assert songs[0].shape == theirs.shape
    assert np.abs(songs[0] - theirs).max() < 0.01


@settings(deadline=None, max_examples=25)
@given(
    n_samples=st.integers(2048, 4 * 8192),
    duration=st.sampled_from([0.125, 0.25, 0.3, 0.5, 1.0]),
    hop=st.sampled_from([0.0625, 0.125, 0.1, 0.25]),
)
def test_number_of_segments(n_samples, duration, hop):
    sr = 8192  # 0.0625 s is 512 samples: some hops are windows, some are not
    transformer = SegmentTransformer(duration, hop, sr=sr, n_fft=512, hop_length=512, n_mels=4)
    y = np.ones(n_samples, dtype=np.float32)
    length = round(duration * sr)
    if n_samples < length:
        with pytest.raises(AudioError, match="shorter than one segment"):
            transformer.transform([y])
        return
    songs = transformer.transform([y])
    assert songs.n_segments[0] == int((n_samples - length) // (hop * sr)) + 1
    twin = segment_log_mel(y, duration, hop, sr, n_fft=512, hop_length=512, n_mels=4)
    np.testing.assert_allclose(songs[0], twin, atol=1e-3)


def test_leftover_frames_add_no_segment():
    # 0.33 s is 14.5 hops: the frames suffice for a second segment before the samples do
    length = round(0.33 * SR)
    transformer = SegmentTransformer(duration=0.33)
    for n_samples, n_segments in [(length + SR - 1, 1), (length + SR, 2)]:
        assert transformer.transform([waveform(2)[:n_samples]]).n_segments[0] == n_segments


def test_int_and_float_durations_agree(files):
    assert_same(SegmentTransformer(duration=3).transform(files), SegmentTransformer(duration=3.0).transform(files))


def test_all_ways_to_pass_songs_agree(files):
    expected = SegmentTransformer().transform(files)
    strings = [str(path) for path in files]
    for X in (
        strings,
        tuple(files),
        np.array(strings),
        np.array(files, dtype=object),
        np.array(strings)[:, None],
        pd.Series(strings, index=[7, 5, 5]),
        pd.DataFrame({"path": strings}),
        [strings[0], *[read_audio(path) for path in strings[1:]]],
    ):
        assert_same(SegmentTransformer().transform(X), expected)


def test_array_of_waveforms():
    y = np.stack([waveform(4, seed=i) for i in range(3)])
    assert_same(SegmentTransformer().transform(y), SegmentTransformer().transform(list(y)))


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("song.wav", r"pass a list, \['song.wav'\]"),
        (Path("song.wav"), "pass a list"),
        (pd.DataFrame({"path": ["a"], "artist": ["b"]}), r"table of 2 columns.*X\['path'\]"),
        (np.zeros(SR), r"pass a list, \[y\]"),
        (np.zeros((2, 3, 4)), r"shape \(2, 3, 4\)"),
        (np.array([["a", "b"]]), r"shape \(1, 2\)"),
        ([0.1, 0.2], r"Item 0 of X is 0\.1"),
        (pd.Series(["a", None]), "Item 1 of X is"),
        ([], "holds no song"),
        (5, "must be a list"),
        (SongSequence([np.zeros((1, 2))]), "holds segments already"),
        ([np.zeros((2, SR))], "position 0 of X has shape"),
        ([np.full(4 * SR, np.nan)], "The waveform at position 0 of X holds .* NaN"),
    ],
)
def test_refusals(X, message):
    with pytest.raises(ValueError, match=message):
        SegmentTransformer().transform(X)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_song_that_cannot_be_used_is_named(files, tmp_path, n_jobs):
    short = tmp_path / "short.wav"
    soundfile.write(short, waveform(2.5), SR)
    transformer = SegmentTransformer(duration=3, n_jobs=n_jobs)
    with pytest.raises(AudioError, match=r"short\.wav: it lasts 2\.50 s.*duration=3 s.*train with a lower duration"):
        transformer.transform([*files, short])
    with pytest.raises(AudioError, match=r"position 1 of X: it lasts 0\.01 s"):
        transformer.transform([files[0], np.ones(200)])
    with pytest.raises(AudioError, match=r"nix\.wav: there is no such file"):
        transformer.transform([*files, tmp_path / "nix.wav"])
    with pytest.raises(AudioError, match="this is a folder"):
        transformer.transform([tmp_path])


@pytest.mark.parametrize("sr", [22528, 22050])
def test_padding(sr):
    y = waveform(2, sr)
    zero = SegmentTransformer(padding="zero", sr=sr).transform([y, waveform(4, sr)])
    np.testing.assert_array_equal(zero.n_segments, [1, 2])
    assert_same(zero[:1], SegmentTransformer(sr=sr).transform([np.concatenate([y, np.zeros(sr)])]))
    circular = SegmentTransformer(padding="circular", max_duration=5, sr=sr).transform([y])
    assert_same(circular, SegmentTransformer(sr=sr).transform([np.concatenate([y, y, y[:sr]])]))


def test_max_duration(files):
    songs = SegmentTransformer(duration=1, max_duration=3).transform(files)
    np.testing.assert_array_equal(songs.n_segments, [3, 3, 3])
    assert_same(songs, [song[:3] for song in SegmentTransformer(duration=1).transform(files)], atol=0.05)
    waveforms = SegmentTransformer(duration=1, max_duration=3).transform([waveform(4)])
    assert waveforms.n_segments[0] == 3


@pytest.mark.parametrize("sr", [22528, 22050])
def test_float16(files, sr):
    single = SegmentTransformer(sr=sr).transform(files)
    half = SegmentTransformer(sr=sr, dtype="float16").transform(files)
    assert half.items[0].dtype == np.float16
    assert_same(half, single, atol=0.04)


def test_windows_hold_the_spectrogram_once():
    songs = SegmentTransformer(duration=5, hop=1).transform([waveform(12)])
    assert songs[0].nbytes > 3 * songs.items[0].nbytes
    assert np.shares_memory(songs[0], songs.items[0])


@pytest.mark.parametrize("verbose", [0, 1])
def test_n_jobs_keeps_order_and_result(files, verbose, capsys):
    X = files * 2
    expected = SegmentTransformer().transform(X)
    assert_same(SegmentTransformer(n_jobs=2, verbose=verbose).transform(X), expected)
    assert ("6/6" in capsys.readouterr().err) == bool(verbose)


def test_digital_silence_is_kept_and_named(tmp_path, recwarn):
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(4 * SR), SR)
    X = [waveform(4), path, np.zeros(4 * SR, dtype=np.float32)]
    for memory in (None, tmp_path / "cache", tmp_path / "cache"):
        with pytest.warns(UserWarning, match=r"in 2 of the songs.*silent\.wav, The waveform at position 2") as caught:
            songs = SegmentTransformer(memory=memory).transform(X)
        assert len(caught) == 1
        assert caught[0].filename == __file__
        np.testing.assert_array_equal(songs.n_segments, [2, 2, 2])
        assert all(np.isfinite(song).all() for song in songs)


def test_a_grid_over_durations_decodes_each_song_once(files, tmp_path, reads):
    memory = str(tmp_path / "cache")
    for duration in (1, 3.0, 3):
        for hop in (0.5, 1):
            songs = SegmentTransformer(duration=duration, hop=hop, memory=memory).transform(files)
            assert_same(songs, SegmentTransformer(duration=duration, hop=hop).transform([read_audio(p) for p in files]))
    assert sorted(reads) == [path.name for path in files]
    assert isinstance(songs.items[0], np.memmap)


@pytest.mark.parametrize(
    ("first", "second", "n_reads"),
    [
        ({"duration": 2, "sr": 22050}, {"duration": 2.0, "sr": 22050.0}, 3),
        ({"max_duration": 4}, {"max_duration": np.float64(4)}, 3),
        ({"fmin": 0}, {"fmin": 0.0, "fmax": 11264}, 3),
        ({"n_mels": 64}, {"n_mels": 128}, 6),
        ({"max_duration": 4}, {"max_duration": 5}, 6),
        ({"dtype": "float32"}, {"dtype": "float16"}, 6),
        ({"duration": 2, "center": True}, {"duration": 3, "center": True}, 6),
    ],
)
def test_what_the_cache_is_keyed_on(files, tmp_path, reads, first, second, n_reads):
    for params in (first, second):
        SegmentTransformer(memory=tmp_path / "cache", **params).transform(files)
    assert len(reads) == n_reads


def test_a_changed_file_is_read_again(files, tmp_path, reads):
    transformer = SegmentTransformer(memory=tmp_path / "cache")
    before = transformer.transform(files)
    soundfile.write(files[0], waveform(4, 44100, seed=9), 44100)
    after = transformer.transform(files)
    assert reads == ["song0.flac", "song1.flac", "song2.flac", "song0.flac"]
    assert not np.allclose(before[0], after[0])
    assert_same(before[1:], after[1:])


def test_a_short_song_is_an_error_from_the_cache_too(files, tmp_path):
    for duration in (3, 5, 5):
        transformer = SegmentTransformer(duration=duration, memory=tmp_path / "cache")
        if duration == 3:
            transformer.transform(files)
        else:
            with pytest.raises(AudioError, match=r"song0\.flac: it lasts 4\.00 s"):
                transformer.transform(files)


def test_the_cache_may_be_filled_by_several_threads(files, tmp_path):
    transformer = SegmentTransformer(memory=tmp_path / "cache", n_jobs=4)
    assert_same(transformer.transform(files * 3), SegmentTransformer().transform(files * 3))


def test_pickled_songs_need_no_cache(files, tmp_path):
    songs = SegmentTransformer(memory=tmp_path / "cache").transform(files)
    expected = [np.array(song) for song in songs]
    dumped = pickle.dumps(songs)
    shutil.rmtree(tmp_path / "cache")
    assert_same(pickle.loads(dumped), expected)


@pytest.mark.parametrize(
    "params",
    [
        {"duration": 0},
        {"duration": "3"},
        {"hop": -1},
        {"sr": 0},
        {"n_fft": 0},
        {"hop_length": 1.5},
        {"n_mels": 0},
        {"padding": "mirror"},
        {"dtype": "bfloat16"},
        {"max_duration": 2, "duration": 3},
        {"duration": 0.01},
        {"memory": 5},
        {"hop": 1e-6},
    ],
)
def test_parameters_are_checked(params):
    for method in ("fit", "transform"):
        with pytest.raises(ValueError, match=next(iter(params))):
            getattr(SegmentTransformer(**params), method)([waveform(4)])


def test_scikit_learn_habits():
    transformer = SegmentTransformer(duration=2, n_mels=16)
    assert transformer.fit(None) is transformer
    assert clone(transformer).get_params() == transformer.get_params()
    assert transformer.set_output(transform="pandas") is transformer
    X = [waveform(4)]
    expected = SegmentTransformer(duration=2, n_mels=16).transform(X)
    for other in (transformer, pickle.loads(pickle.dumps(transformer)), make_pipeline(transformer)):
        assert isinstance(other.transform(X), SongSequence)
        assert_same(other.transform(X), expected)
    assert_same(make_pipeline(transformer).set_output(transform="pandas").fit_transform(X), expected)
    assert transformer.get_feature_names_out(["path"]).tolist() == [f"mel{k}" for k in range(16)]
    assert expected.names == tuple(transformer.get_feature_names_out())
    assert get_tags(transformer).requires_fit is False


def test_8_khz_mono_and_192_khz_of_six_channels(tmp_path):
    paths = [tmp_path / "low.wav", tmp_path / "high.wav"]
    soundfile.write(paths[0], waveform(3, 8000), 8000)
    soundfile.write(paths[1], np.stack([waveform(3, 192000)] * 6, axis=1), 192000)
    songs = SegmentTransformer().transform(paths)
    np.testing.assert_array_equal(songs.n_segments, [1, 1])
    # nothing is left above 4 kHz of a recording at 8 kHz
    assert songs[0][:, 90:].max() < songs[0].max() - 60
