import warnings

import numpy as np
import pytest

from skmer.features import log_mel, segment_log_mel
from skmer.features.mel_bands import mel_bands


def librosa_log_mel(y, **params):
    import librosa

    power = librosa.feature.melspectrogram(y=y, **params)
    return librosa.power_to_db(power, ref=1.0, amin=1e-10, top_db=None)


def music_like(n_samples, sr, seed=0):
    """Partials over faint noise: bands lie far more than 100 dB apart."""
    rng = np.random.default_rng(seed)
    t = np.arange(n_samples) / sr
    y = sum(0.3 / k * np.sin(2 * np.pi * 220 * k * t) for k in range(1, 6)) * np.exp(-2 * (t % 0.7))
    return (y + 1e-6 * rng.normal(size=n_samples)).astype(np.float32)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize(
    ("sr", "n_fft", "hop_length", "n_mels", "fmin", "fmax"),
    [
        (22528, 1024, 512, 128, 0.0, None),
        (22050, 1024, 512, 128, 0.0, None),
        (44100, 2048, 1024, 96, 30.0, 16000.0),
        (8000, 512, 100, 40, 0.0, 4000.0),
    ],
)
def test_equals_librosa(sr, n_fft, hop_length, n_mels, fmin, fmax, center):
    params = {"sr": sr, "n_fft": n_fft, "hop_length": hop_length, "n_mels": n_mels}
    params |= {"fmin": fmin, "fmax": fmax, "center": center}
    y = music_like(4 * sr + 77, sr)
    ours, theirs = log_mel(y, **params), librosa_log_mel(y, **params)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 0.01


@pytest.mark.parametrize(("sr", "n_fft", "n_mels"), [(22528, 1024, 128), (44100, 2048, 96), (8000, 1000, 40)])
@pytest.mark.parametrize(("fmin", "fmax"), [(0.0, 0.5), (30.0, 0.3), (1100.0, 0.45), (100.0, 0.1)])
def test_bands_have_the_bits_of_librosa(sr, n_fft, n_mels, fmin, fmax):
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty bands
        ours = mel_bands(sr, n_fft, n_mels, fmin, fmax * sr).toarray()
        theirs = librosa.filters.mel(sr=sr, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax * sr, dtype=np.float32)
    np.testing.assert_array_equal(ours, theirs)


def test_bands_without_a_bin_are_named():
    with pytest.warns(UserWarning, match="Some mel bands have no bin"):
        mel_bands(22050.0, 256, 128, 0.0, 11025.0)


def test_level_is_kept():
    y = 0.2 * music_like(22528, 22528) + np.random.default_rng(1).normal(scale=0.1, size=22528)
    np.testing.assert_allclose(log_mel(y / 10), log_mel(y) - 20, atol=1e-3)


def test_tone_sounds_in_its_band_and_silence_is_the_floor():
    import librosa

    tone = np.sin(2 * np.pi * 1000 * np.arange(22528) / 22528)
    spectrogram = log_mel(tone)
    centres = librosa.mel_frequencies(130, fmin=0, fmax=11264)[1:-1]
    assert abs(centres[spectrogram.mean(axis=1).argmax()] - 1000) < 30
    np.testing.assert_allclose(log_mel(np.zeros(22528)), -100, atol=1e-4)


def test_layout_is_time_major_inside():
    spectrogram = log_mel(np.ones(22528), n_mels=16)
    assert spectrogram.dtype == np.float32
    assert spectrogram.T.flags.c_contiguous


@pytest.mark.parametrize("n_samples", [1024, 1535, 1536, 1024 + 127 * 512, 1024 + 128 * 512])
def test_number_of_frames(n_samples):
    assert log_mel(np.zeros(n_samples), n_mels=8).shape == (8, 1 + (n_samples - 1024) // 512)


def test_blocks_do_not_show():
    y = music_like(1024 + 300 * 512, 22528)
    whole = log_mel(y)
    for frame in (0, 127, 128, 255, 256, 300):
        np.testing.assert_allclose(whole[:, [frame]], log_mel(y[frame * 512 : frame * 512 + 1024]), atol=1e-4)


@pytest.mark.parametrize(
    ("y", "params", "message"),
    [
        (np.zeros(1023), {}, "1023 samples"),
        (np.zeros((2, 4096)), {}, r"shape \(2, 4096\)"),
        (np.zeros(4096), {"fmax": 20000}, "fmax=20000"),
        (np.zeros(4096), {"fmin": 500, "fmax": 400}, "fmin=500"),
    ],
)
def test_refusals(y, params, message):
    with pytest.raises(ValueError, match=message):
        log_mel(y, **params)


def test_segments_equal_librosa_one_by_one():
    y = music_like(5 * 22050 + 333, 22050)
    segments = segment_log_mel(y, duration=2, hop=1.0, sr=22050, center=True)
    assert segments.shape == (4, 128, 87)
    for i, segment in enumerate(segments):
        theirs = librosa_log_mel(
            y[i * 22050 : (i + 2) * 22050], sr=22050, n_fft=1024, hop_length=512, n_mels=128, center=True
        )
        assert np.abs(segment - theirs).max() < 0.01


def test_segment_longer_than_the_waveform():
    with pytest.raises(ValueError, match=r"lasts 2\.00 s, shorter than one segment of duration=3 s"):
        segment_log_mel(np.zeros(2 * 22528))
