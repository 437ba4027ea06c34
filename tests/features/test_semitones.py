"""Facts of semitone levels and chroma: pitch, transposition, level, octaves, silence."""

import numpy as np
import pytest

from skmer.features import chroma, log_semitones
from skmer.features.semitones import SEMITONE_NAMES, semitone_n_fft

SR = 22528
PITCHES = 440 * 2.0 ** ((np.arange(24, 108) - 69) / 12)


def tone(frequency, seconds=0.3, sr=SR, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sr)) / sr + 1)


@pytest.mark.parametrize("sr", [22528, 22050, 11264, 44100])
def test_a_tone_has_its_level_in_its_band_at_every_pitch(sr):
    for k, frequency in enumerate(PITCHES):
        levels = log_semitones(tone(frequency, sr=sr), sr)
        assert (levels.argmax(axis=0) == k).all()
        # the lowest tones meet their own mirror image at negative frequencies
        np.testing.assert_allclose(levels[k], 20 * np.log10(0.5), atol=0.1)


def test_transposition_moves_a_chord_by_bands():
    chord = np.array([39, 43, 46])  # 130 Hz above C1 each
    low = log_semitones(sum(tone(PITCHES[k], amplitude=0.2) for k in chord))
    for n in (1, 5, 12, 30):
        high = log_semitones(sum(tone(PITCHES[k + n], amplitude=0.2) for k in chord))
        np.testing.assert_allclose(high[chord + n], low[chord], atol=0.1)
        assert set(np.argsort(high[:, 0])[-3:]) == set(chord + n)


@pytest.mark.parametrize("cents", [-50, -30, 30, 50])
def test_between_two_pitches_the_level_is_lower_by_3_db_at_most(cents):
    for k in (5, 20, 45, 80):
        levels = log_semitones(tone(PITCHES[k] * 2 ** (cents / 1200)))
        assert -6.03 - 3.02 < levels[:, 0].max() < -6.03 + 0.1
        if abs(cents) < 50:
            assert levels[:, 0].argmax() == k


def test_gain_and_silence():
    y = tone(440) + tone(1000)
    np.testing.assert_allclose(log_semitones(y / 10)[45], log_semitones(y)[45] - 20, atol=1e-3)
    silent = log_semitones(np.zeros(8192))
    np.testing.assert_allclose(silent, -100, atol=1e-5)
    assert not chroma(silent).any()
    assert np.isfinite(chroma(silent)).all()


def test_octaves_share_a_pitch_class():
    for k in (9, 21, 45, 81):
        profile = chroma(log_semitones(tone(PITCHES[k])))
        assert (profile.argmax(axis=0) == 9).all()
        assert (profile[9] == 1).all()
    # one class of two octaves outweighs another of one by 3 dB
    profile = chroma(log_semitones(tone(PITCHES[36]) + tone(PITCHES[48]) + tone(PITCHES[43])))
    np.testing.assert_allclose(profile[[0, 7], 0], [1, 0.5], atol=0.01)


def test_shape_names_and_length_of_a_frame():
    assert (len(SEMITONE_NAMES), SEMITONE_NAMES[0], SEMITONE_NAMES[45], SEMITONE_NAMES[-1]) == (
        84, "semitone_C1", "semitone_A4", "semitone_B7"
    )  # fmt: skip
    assert [semitone_n_fft(sr) for sr in (11264, 22050, 22528, 44100)] == [2048, 4096, 4096, 8192]
    levels = log_semitones(np.ones(4096 + 300 * 512))
    assert levels.shape == (84, 301)
    assert levels.dtype == np.float32
    assert levels.T.flags.c_contiguous
    assert chroma(levels).shape == (12, 301)


@pytest.mark.parametrize(
    ("y", "params", "message"),
    [
        (np.zeros(4095), {}, "4095 samples"),
        (np.zeros((2, 8192)), {}, r"shape \(2, 8192\)"),
        (np.zeros(8192), {"sr": 8000}, "sr=8000 Hz is too low for semitones up to B7: use at least 8373 Hz"),
    ],
)
def test_refusals(y, params, message):
    with pytest.raises(ValueError, match=message):
        log_semitones(y, **params)
