import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmer.features import hpcp
from skmer.features.hpcp import _peaks, estimate_tuning

SR = 44100
C4 = 440 * 2 ** (-9 / 12)
CHORDS = {"major": (0, 4, 7), "minor": (0, 3, 7), "seventh": (0, 4, 7, 10), "fourths": (0, 5, 10)}


def sine(frequency, seconds=0.5, amplitude=0.5, sr=SR):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sr)) / sr + 0.3)


def tone(frequency, n_partials=8, **params):
    """A harmonic tone whose partials fall by 6 dB each."""
    return sum(sine(frequency * k, amplitude=0.2 * 0.5 ** (k - 1), **params) for k in range(1, n_partials + 1))


def chord(root, steps, cents=0.0, **params):
    return sum(tone(C4 * 2 ** ((root + step + cents / 100) / 12), **params) for step in steps)


def loudest(profile, n):
    return set(np.argsort(profile.mean(axis=1))[-n:].tolist())


@pytest.mark.parametrize("k", range(12))
def test_a_pure_tone_is_its_class_alone(k):
    octave = (-1, 0, 2)[k % 3]
    profile = hpcp(sine(C4 * 2 ** (octave + k / 12)), n_harmonics=1)
    expected = np.zeros(12)
    expected[k] = 1
    np.testing.assert_allclose(profile, np.tile(expected[:, None], profile.shape[1]), atol=1e-6)


def test_class_0_is_c_and_class_9_is_a():
    assert hpcp(sine(261.63)).mean(axis=1).argmax() == 0
    assert hpcp(sine(440)).mean(axis=1).argmax() == 9


@pytest.mark.parametrize(
    ("semitones", "a", "a_sharp"),
    # cos² of a quarter turn at the window's edge, two thirds of a semitone away
    [(0, 1, 0), (1 / 3, 0.5, 0), (1 / 2, 0.1464, 0.1464), (1 / 6, 0.8536, 0), (2 / 3, 0, 0.5)],
)
def test_the_window_by_hand(semitones, a, a_sharp):
    profile = hpcp(sine(880 * 2 ** (semitones / 12)), n_harmonics=1, norm=False)
    expected = np.zeros(12)
    expected[[9, 10]] = 0.25 * a, 0.25 * a_sharp  # an amplitude of 0.5, squared
    np.testing.assert_allclose(profile.mean(axis=1), expected, atol=3e-3)


def test_the_harmonics_by_hand():
    # E5 is itself with weight 1, E4 with 0.6, and the third harmonic of A3, which lies 2 cents below the class
    e5 = 440 * 2 ** (7 / 12)
    expected = np.zeros(12)
    expected[4] = 1 + 0.6
    off = 12 * np.log2(3) - 19
    expected[9] = 0.6**2 * np.cos(np.pi / 2 * off / (2 / 3)) ** 2
    profile = hpcp(sine(e5), n_harmonics=3, norm=False)
    np.testing.assert_allclose(profile.mean(axis=1), 0.25 * expected, rtol=0.02, atol=1e-6)
    # the fifth harmonic, 14 cents flat, and the seventh, 31 cents flat, of tones below
    full = hpcp(sine(e5), n_harmonics=8, norm=False).mean(axis=1) / 0.25
    assert full[4] == pytest.approx(1 + 0.6 + 0.6**3 + 0.6**7, rel=0.01)
    assert full[0] == pytest.approx(0.6**4 * np.cos(np.pi / 2 * 0.1369 / (2 / 3)) ** 2, rel=0.02)
    assert full[6] == pytest.approx(0.6**6 * np.cos(np.pi / 2 * 0.3117 / (2 / 3)) ** 2, rel=0.02)
    assert np.count_nonzero(full > 1e-6) == 4


def test_a_major_triad_of_harmonic_tones_peaks_at_c_e_and_g():
    profile = hpcp(chord(0, (0, 4, 7)))
    assert all(set(np.argsort(frame)[-3:].tolist()) == {0, 4, 7} for frame in profile.T)


@pytest.mark.parametrize("steps", CHORDS.values(), ids=CHORDS)
def test_transposition_rotates_the_profile(steps):
    at_c = hpcp(chord(0, steps)).mean(axis=1)
    for semitones in (1, 4, 7, 11):
        np.testing.assert_allclose(
            hpcp(chord(semitones, steps)).mean(axis=1), np.roll(at_c, semitones), atol=0.1, err_msg=str(semitones)
        )


@pytest.mark.parametrize("cents", [30, -45])
def test_a_detuned_reference_is_followed_when_given_and_when_estimated(cents):
    in_tune = hpcp(chord(0, (0, 4, 7))).mean(axis=1)
    y = chord(0, (0, 4, 7), cents)
    given = hpcp(y, tuning=440 * 2 ** (cents / 1200)).mean(axis=1)
    estimated = hpcp(y, tuning="auto").mean(axis=1)
    np.testing.assert_allclose(given, in_tune, atol=0.02)
    np.testing.assert_allclose(estimated, given, atol=0.02)
    # what is not followed falls to the edge of the windows
    kept = hpcp(y, norm=False)[0].mean() / hpcp(chord(0, (0, 4, 7)), norm=False)[0].mean()
    assert kept == pytest.approx(np.cos(np.pi / 2 * (cents / 100) / (2 / 3)) ** 2, abs=0.05)
    followed = hpcp(y, norm=False, tuning="auto")[0].mean() / hpcp(chord(0, (0, 4, 7)), norm=False)[0].mean()
    assert followed == pytest.approx(1, abs=0.02)


def test_an_estimated_tuning_is_within_three_cents():
    for cents in (-45, -15, 5, 25, 45):
        y = chord(3, (0, 3, 7), cents)
        frames = np.lib.stride_tricks.sliding_window_view(y, 4096)[::2048] * np.hanning(4097)[:-1] / 1024
        assert 1200 * np.log2(estimate_tuning([_peaks(frames, SR, 100, 5000, 100, 1e-10)]) / 440) == pytest.approx(
            cents, abs=3
        )


@pytest.mark.parametrize("frequency", [110.0, 116.3, 121.7, 987.6, 3001.3])
def test_a_peaks_frequency_and_power(frequency):
    frames = sine(frequency, seconds=0.2)[None, :4096] * np.hanning(4097)[:-1] / 1024
    _, found, power = _peaks(frames, SR, 100, 5000, 1, 1e-4)
    assert found[0] == pytest.approx(frequency, abs=0.3)
    assert 10 * np.log10(power[0] / 0.25) == pytest.approx(0, abs=0.15)


def test_estimate_of_what_is_in_tune_or_has_no_pitch():
    y = chord(2, (0, 3, 7))
    np.testing.assert_allclose(hpcp(y, tuning="auto"), hpcp(y), atol=0.02)
    assert not hpcp(np.zeros(SR), tuning="auto").any()


@pytest.mark.parametrize(
    "y", [np.zeros(SR), np.full(SR, 0.5), 1e-6 * sine(440, 1.0)], ids=["zeros", "constant", "-126 dB"]
)
@pytest.mark.parametrize("norm", [True, False])
def test_silence_is_zeros(y, norm):
    profile = hpcp(y, norm=norm)
    assert profile.shape == (12, 20)
    assert not profile.any()


@pytest.mark.parametrize("sample", [100, 2048, 3333])
def test_a_click_has_no_pitch(sample):
    y = np.zeros(8192)
    y[sample] = 1
    assert not hpcp(y).any()


def test_a_tone_between_two_bins_is_found():
    # its two highest bins are equal but for rounding
    for n in (40, 100, 200):
        profile = hpcp(sine((n + 0.5) * SR / 4096), n_harmonics=1)
        np.testing.assert_allclose(profile.max(axis=0), 1)


def test_silence_beside_sound():
    profile = hpcp(np.concatenate([np.zeros(5 * 2048), sine(440), np.zeros(5 * 2048)]))
    assert np.isfinite(profile).all()
    assert not profile[:, :3].any()
    np.testing.assert_allclose(profile.max(axis=0)[5:-6], 1)


@pytest.mark.parametrize("steps", CHORDS.values(), ids=CHORDS)
@pytest.mark.parametrize("root", [0, 10])
def test_agrees_with_librosas_chroma(steps, root):
    import librosa

    y = chord(root, steps, n_partials=3)
    chroma = librosa.feature.chroma_stft(y=y, sr=SR, n_fft=4096, hop_length=2048, tuning=0, center=False)
    ours = hpcp(y)
    assert ours.shape == chroma.shape
    assert loudest(ours, len(steps)) == loudest(chroma, len(steps)) == {(root + step) % 12 for step in steps}
    # theirs knows no harmonics, and spreads a peak over all classes
    assert np.corrcoef(hpcp(y, n_harmonics=1).mean(axis=1), chroma.mean(axis=1))[0, 1] > 0.9


@settings(deadline=None, max_examples=10)
@given(decibels=st.floats(-40, 30), root=st.integers(0, 11))
def test_gain_changes_nothing(decibels, root):
    y = chord(root, (0, 4, 7), seconds=0.2)
    gain = 10 ** (decibels / 20)
    np.testing.assert_allclose(hpcp(gain * y), hpcp(y), atol=1e-3)
    power = hpcp(y, norm=False)
    np.testing.assert_allclose(hpcp(gain * y, norm=False), gain**2 * power, rtol=1e-3, atol=1e-5 * gain**2)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 1000), n_classes=st.sampled_from([12, 24, 36, 120]), width=st.sampled_from([0.5, 4 / 3, 3]))
def test_it_is_finite_between_0_and_1_and_each_frame_reaches_1(seed, n_classes, width):
    y = np.random.default_rng(seed).normal(scale=0.1, size=3 * 2048 + 4096)
    profile = hpcp(y, n_classes=n_classes, width=width)
    assert profile.shape == (n_classes, 4)
    assert (profile >= 0).all()
    np.testing.assert_allclose(profile.max(axis=0), 1)


def test_more_classes_refine_the_same_circle():
    profile = hpcp(sine(440 * 2 ** (1 / 36)), n_classes=36, n_harmonics=1).mean(axis=1)
    assert profile.argmax() == 28  # a third of a semitone above A, which is row 27
    # two thirds of a semitone away is the edge of the window
    np.testing.assert_allclose(profile[[27, 29]], 0.5, atol=0.02)
    assert profile[[26, 30]].max() < 1e-3


def test_only_the_strongest_peaks_count():
    y = sine(440, amplitude=0.5) + sine(523.25, amplitude=0.25) + sine(659.26, amplitude=0.125)
    for n_peaks, classes in [(1, {9}), (2, {9, 0}), (3, {9, 0, 4})]:
        profile = hpcp(y, n_peaks=n_peaks, n_harmonics=1).mean(axis=1)
        assert set(np.flatnonzero(profile > 0.01).tolist()) == classes


def test_floor_and_range_leave_peaks_out():
    y = sine(440, amplitude=0.1) + sine(659.26, amplitude=0.01)
    assert hpcp(y, floor=-30, n_harmonics=1)[4].max() == 0
    assert hpcp(y, floor=-45, n_harmonics=1)[4].min() > 0.009
    assert not hpcp(y, floor=-10).any()
    y = sine(90) + sine(440, amplitude=0.01) + sine(6000)
    assert hpcp(y).mean(axis=1).argmax() == 9
    assert hpcp(y, fmin=50).mean(axis=1).argmax() == 6  # 90 Hz lies a little below F sharp
    assert hpcp(sine(6000), fmax=7000).any()


@pytest.mark.parametrize("n_samples", [4096, 4096 + 2047, 4096 + 2048, 4096 + 127 * 2048, 4096 + 128 * 2048])
def test_number_of_frames(n_samples):
    assert hpcp(np.zeros(n_samples)).shape == (12, 1 + (n_samples - 4096) // 2048)
    assert hpcp(np.zeros(n_samples), center=True).shape == (12, 1 + n_samples // 2048)


def test_blocks_do_not_show():
    rng = np.random.default_rng(0)
    y = rng.normal(scale=0.1, size=4096 + 200 * 512)
    whole = hpcp(y, hop_length=512)
    for frame in (0, 127, 128, 200):
        np.testing.assert_allclose(whole[:, [frame]], hpcp(y[frame * 512 : frame * 512 + 4096]), atol=1e-5)


def test_centred_frames_stand_in_the_middle():
    y = np.concatenate([sine(440, seconds=0.5), sine(523.25, seconds=0.5)])
    padded = np.pad(y, 2048)
    np.testing.assert_array_equal(hpcp(y, center=True), hpcp(padded))


def test_layout_is_time_major_inside():
    profile = hpcp(sine(440))
    assert profile.dtype == np.float32
    assert profile.T.flags.c_contiguous


def test_low_rates_have_a_lower_top():
    y = sine(440, sr=8000)
    profile = hpcp(y, sr=8000, n_fft=1024, hop_length=512)
    assert profile.mean(axis=1).argmax() == 9


@pytest.mark.parametrize(
    ("y", "params", "message"),
    [
        (np.zeros(4095), {}, "4095 samples"),
        (np.zeros((2, 8192)), {}, r"shape \(2, 8192\)"),
        (np.full(8192, np.nan), {}, "NaN"),
        (np.zeros(8192), {"n_classes": 13}, "multiple of 12, got 13"),
        (np.zeros(8192), {"tuning": 0}, "tuning must be"),
        (np.zeros(8192), {"tuning": "high"}, "tuning must be .* got 'high'"),
        (np.zeros(8192), {"fmin": 0}, "fmin=0"),
        (np.zeros(8192), {"fmax": 30000}, "fmax=30000"),
        (np.zeros(8192), {"width": 0}, "width"),
        (np.zeros(8192), {"n_harmonics": 0}, "n_harmonics must be 1 or more, got 0"),
        (np.zeros(8192), {"n_peaks": 0}, "n_peaks must be 1 or more, got 0"),
    ],
)
def test_refusals(y, params, message):
    with pytest.raises(ValueError, match=message):
        hpcp(y, **params)
