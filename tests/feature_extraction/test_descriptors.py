import builtins
import os
import pickle
import re
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import skmer.feature_extraction._base
from skmer.audio import AudioError, read_audio
from skmer.feature_extraction import DescriptorTransformer
from skmer.features import dynamics, rhythm, timbre, tonality

SR = 22050


def song(frequency, seconds=1.0, seed=0):
    t = np.arange(round(seconds * SR)) / SR
    noise = np.random.default_rng(seed).normal(scale=0.01, size=len(t))
    return 0.3 * np.sin(2 * np.pi * frequency * t) + noise


@pytest.fixture
def files(tmp_path):
    paths = []
    for i, frequency in enumerate((300, 600, 1200)):
        paths.append(tmp_path / f"song{i}.wav")
        soundfile.write(paths[-1], song(frequency, 1 + 0.5 * i), SR, subtype="FLOAT")
    return paths


@pytest.fixture
def reads(monkeypatch):
    """Collect the names of the files that are decoded."""
    names = []

    def counting(path, **options):
        names.append(Path(path).name)
        return read_audio(path, **options)

    monkeypatch.setattr(skmer.feature_extraction._base, "read_audio", counting)
    return names


def test_columns_are_the_groups_values_under_their_names():
    y = song(500).astype(np.float32)
    expected = {}
    for group in (timbre, rhythm, tonality, dynamics):
        expected |= {f"{group.__name__}_{name}": value for name, value in group(y).items()}
    transformer = DescriptorTransformer()
    X = transformer.transform([y])
    assert X.shape == (1, 114)
    assert list(transformer.get_feature_names_out()) == list(expected)
    np.testing.assert_array_equal(X[0], list(expected.values()))


def test_groups_in_the_order_asked_for():
    y = [song(500)]
    both = DescriptorTransformer(groups=["dynamics", "rhythm"])
    alone = [DescriptorTransformer(groups=[group]) for group in ("dynamics", "rhythm")]
    np.testing.assert_array_equal(both.transform(y), np.hstack([one.transform(y) for one in alone]))
    names = np.concatenate([one.get_feature_names_out() for one in alone])
    assert list(both.get_feature_names_out()) == list(names)


@pytest.mark.parametrize(("sr", "n_contrasts"), [(8000, 6), (12800, 6), (12801, 7), (44100, 7)])
def test_names_follow_the_sampling_rate(sr, n_contrasts):
    transformer = DescriptorTransformer(groups=["timbre"], sr=sr).set_output(transform="pandas")
    table = transformer.transform([song(300)])
    assert list(table.columns) == list(transformer.get_feature_names_out())
    assert sum("contrast" in name and "mean" in name for name in table.columns) == n_contrasts
    assert np.isfinite(table.to_numpy()).all()


def test_the_lowest_rates():
    assert np.isfinite(DescriptorTransformer(sr=401).transform([song(50)])).all()
    assert np.isfinite(DescriptorTransformer(sr=100, groups=["rhythm", "dynamics"]).transform([song(20)])).all()
    with pytest.raises(ValueError, match="too low for timbre"):
        timbre(song(20), sr=400)


def test_files_and_their_waveforms_agree(files):
    transformer = DescriptorTransformer(max_duration=0.7)
    waveforms = [read_audio(path, sr=SR) for path in files]
    from_files = transformer.transform([str(files[0]), *files[1:]])
    np.testing.assert_allclose(from_files, transformer.transform(waveforms), rtol=1e-6)
    np.testing.assert_array_equal(from_files, transformer.transform(pd.Series(files)))
    centroid = list(transformer.get_feature_names_out()).index("timbre_centroid_mean")
    assert from_files[0, centroid] < from_files[1, centroid] < from_files[2, centroid]


def test_files_are_resampled_to_sr(tmp_path):
    path = tmp_path / "fast.wav"
    t = np.arange(2 * 44100) / 44100
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 1000 * t) + 0.3 * np.sin(2 * np.pi * 15000 * t), 44100)
    transformer = DescriptorTransformer(groups=["timbre"]).set_output(transform="pandas")
    # 15 kHz cannot sound at 22,050 Hz
    assert transformer.transform([path])["timbre_centroid_mean"][0] == pytest.approx(1000, abs=5)


def test_max_duration_leaves_the_rest_out():
    y = song(300, 2.0)
    y[SR:] *= 3
    one = DescriptorTransformer(groups=["dynamics"], max_duration=1)
    np.testing.assert_array_equal(one.transform([y]), DescriptorTransformer(groups=["dynamics"]).transform([y[:SR]]))


def test_cache_decodes_once_and_knows_file_and_parameters(files, reads, tmp_path):
    options = {"memory": tmp_path / "cache", "groups": ["dynamics"]}
    first = DescriptorTransformer(**options).transform(files)
    # a number of another type is the same number
    np.testing.assert_array_equal(DescriptorTransformer(sr=22050.0, **options).transform(files), first)
    assert len(reads) == 3
    DescriptorTransformer(**{**options, "memory": joblib.Memory(str(tmp_path / "cache"), verbose=0)}).transform(files)
    assert len(reads) == 3
    for change in ({"sr": 16000}, {"n_fft": 1024}, {"hop_length": 256}, {"max_duration": 0.5}, {"groups": ["rhythm"]}):
        before = len(reads)
        DescriptorTransformer(**{**options, **change}).transform(files)
        assert len(reads) == before + 3
    soundfile.write(files[0], 2 * song(300), SR, subtype="FLOAT")
    os.utime(files[0], ns=(1, 1))
    del reads[:]
    louder = DescriptorTransformer(**options).transform(files)
    assert reads == ["song0.wav"]
    assert louder[0, 0] == pytest.approx(first[0, 0] + 20 * np.log10(2), abs=1e-3)
    assert not any(path.stat().st_size > 20_000 for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_an_unusable_cache_is_named(files):
    with pytest.raises(ValueError, match=r"memory='/dev/null/cache'"):
        DescriptorTransformer(memory="/dev/null/cache").transform(files)


def test_threads_change_nothing(files):
    one = DescriptorTransformer().transform(files)
    np.testing.assert_array_equal(DescriptorTransformer(n_jobs=2).transform(files), one)


def test_silence_is_finite_and_warned_of():
    with pytest.warns(UserWarning, match=r"Digital silence in 1 of the songs, .* position 1 of X\."):
        X = DescriptorTransformer().transform([song(300), np.zeros(SR)])
    assert np.isfinite(X).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DescriptorTransformer().transform([song(300), np.full(100, 0.1)])


def test_scaler_and_svm_tell_brightness_whatever_the_level():
    rng = np.random.default_rng(0)
    y = np.array(["dark", "bright"] * 8)
    songs = [
        rng.uniform(0.02, 1) * song(rng.uniform(150, 300) if label == "dark" else rng.uniform(1500, 3000), 0.5, seed)
        for seed, label in enumerate(y)
    ]
    pipe = make_pipeline(DescriptorTransformer(groups=["timbre"]), StandardScaler(), SVC())
    assert pipe.fit(songs[:10], y[:10]).score(songs[10:], y[10:]) == 1
    assert pickle.loads(pickle.dumps(pipe)).score(songs[10:], y[10:]) == 1


def test_verbose_shows_progress(capsys):
    DescriptorTransformer(groups=["dynamics"]).transform([song(300)])
    assert capsys.readouterr().err == ""
    DescriptorTransformer(groups=["dynamics"], verbose=1).transform([song(300)])
    assert "Descriptors" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": []}, "groups is empty"),
        ({"groups": ["melody"]}, "unknown group 'melody'"),
        ({"groups": ["rhythm", "rhythm"]}, "more than once"),
        ({"groups": "rhythm"}, "groups"),
        ({"n_fft": 256}, "Raise n_fft to 441 or more"),
        ({"sr": -1}, "sr"),
        ({"sr": 100}, "sr=100 Hz is too low for timbre, .* use more than 400 Hz, or leave timbre out"),
        ({"sr": 400}, "use more than 400 Hz"),
        ({"hop_length": 0}, "hop_length"),
    ],
)
def test_wrong_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DescriptorTransformer(**options).fit()
    with pytest.raises(ValueError, match=message):
        DescriptorTransformer(**options).transform([song(300)])


def test_wrong_songs_are_refused(tmp_path):
    (tmp_path / "text.wav").write_text("no audio")
    for songs, message in [
        ([tmp_path / "none.wav"], "none.wav: there is no such file"),
        ([tmp_path / "text.wav"], "text.wav"),
        ([song(300), np.full(1000, np.nan)], "position 1 of X"),
        ([], "holds no song"),
        (song(300), "one array of numbers"),
    ]:
        with pytest.raises(ValueError, match=message):
            DescriptorTransformer().transform(songs)


def test_opensmile_that_is_missing_is_named(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "opensmile":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=re.escape("pip install skmer[opensmile]")):
        DescriptorTransformer(groups=["opensmile"]).fit()


def test_opensmile(files, tmp_path):
    pytest.importorskip("opensmile", reason="the extra skmer[opensmile] is not installed")
    transformer = DescriptorTransformer(groups=["dynamics", "opensmile"], memory=tmp_path / "cache", n_jobs=2)
    table = clone(transformer).set_output(transform="pandas").transform(files)
    assert table.shape == (3, 8 + 88)
    pitch = table["opensmile_F0semitoneFrom27.5Hz_sma3nz_amean"]
    # an octave from 300 to 600 Hz
    assert pitch[1] - pitch[0] == pytest.approx(12, abs=0.2)
    with pytest.raises(AudioError, match=r"position 0 of X: openSMILE"):
        transformer.transform([song(300)[:500]])
