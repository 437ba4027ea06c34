import numpy as np
import pytest

from skmer.features import dynamics, opensmile_functionals, rhythm, timbre, tonality

SR = 22050
GROUPS = {"timbre": timbre, "rhythm": rhythm, "tonality": tonality, "dynamics": dynamics}

# semitones above middle C
MAJOR = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)]
MINOR = [(0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)]


def tone(frequency, seconds=2.0, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * SR)) / SR)


def chords(progression, transposed=0, seconds=0.75):
    """Each chord's notes with four overtones, which fall off."""
    n = round(seconds * SR)
    fade = np.minimum(1, np.minimum(np.arange(n), np.arange(n)[::-1]) / 500)
    parts = []
    for notes in progression:
        frequencies = [261.6256 * 2 ** ((note + transposed) / 12) for note in notes]
        parts.append(fade * sum(tone(f * k, seconds, 0.1 / k) for f in frequencies for k in (1, 2, 3, 4)))
    return np.concatenate(parts)


def clicks(bpm, seconds=12.0):
    y = np.zeros(round(seconds * SR))
    y[(np.arange(0, seconds, 60 / bpm) * SR).astype(int)] = 0.8
    return y


def music():
    """Chords over noise, with a swell: nothing about it is special."""
    y = chords(MAJOR)
    return y * np.linspace(0.3, 1, len(y)) + 0.01 * np.random.default_rng(0).normal(size=len(y))


# ---- tonality ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("progression", "steps"), [(MAJOR, 3), (MINOR, -4)])
def test_transposing_leaves_what_is_relative_to_the_key(progression, steps):
    one, other = tonality(chords(progression)), tonality(chords(progression, transposed=steps))
    for name in one:
        np.testing.assert_allclose(other[name], one[name], atol=0.05, err_msg=name)
    relative = [np.array([described[f"chroma{k}"] for k in range(12)]) for described in (one, other)]
    np.testing.assert_allclose(relative[0], relative[1], atol=0.015)


@pytest.mark.parametrize("steps", [0, 4, 10])
def test_the_tonic_is_found_and_the_mode(steps):
    major, minor = tonality(chords(MAJOR, steps)), tonality(chords(MINOR, steps))
    assert major["mode_strength"] > 0.05
    assert minor["mode_strength"] < -0.05
    # the third above the tonic
    assert major["chroma4"] > 3 * major["chroma3"]
    assert minor["chroma3"] > 1.3 * minor["chroma4"]
    for described in (major, minor):
        assert described["key_clarity"] > 0.7
        assert sum(described[f"chroma{k}"] for k in range(12)) == pytest.approx(1)


def test_a_triad_alone_is_major_or_minor():
    for steps in range(-6, 6, 3):
        # the third's own fifth, an overtone, makes the major one resemble the minor key on the third
        major = tonality(chords([(0, 4, 7)], steps))["mode_strength"]
        minor = tonality(chords([(0, 3, 7)], steps))["mode_strength"]
        assert major > 0 > minor + 0.2


def test_noise_has_no_key():
    noise = tonality(np.random.default_rng(0).normal(size=3 * SR))
    assert noise["key_clarity"] < 0.5
    assert noise["chroma_entropy_mean"] > 0.98 > 0.5 > tonality(tone(440))["chroma_entropy_mean"]


def test_tuning_is_found():
    for cents in (-30, 0, 20):
        assert tonality(tone(440 * 2 ** (cents / 1200)))["tuning"] == pytest.approx(cents / 100, abs=0.03)


def test_held_chords_do_not_move():
    held = tonality(chords([(0, 4, 7)], seconds=3))
    moving = tonality(chords([(0, 4, 7), (2, 6, 9), (4, 8, 11), (1, 5, 8)]))
    assert moving["tonal_movement_mean"] > 4 * held["tonal_movement_mean"]


# ---- rhythm ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [60, 90, 120, 140])
def test_tempo_of_clicks(bpm):
    described = rhythm(clicks(bpm))
    assert described["tempo"] == pytest.approx(bpm, rel=0.01)
    assert described["pulse_clarity"] > 0.75
    # the first is at the recording's start: nothing rises there
    assert described["onset_rate"] == pytest.approx(bpm / 60, abs=0.1)


def test_a_fast_tempo_comes_out_an_octave_lower():
    described = rhythm(clicks(200))
    assert described["tempo"] == pytest.approx(100, rel=0.01)
    assert described["pulse_double"] > described["pulse_clarity"]


def test_noise_has_no_pulse():
    noise = rhythm(np.random.default_rng(0).normal(size=10 * SR))
    assert noise["pulse_clarity"] < 0.2


def test_a_steady_tone_has_neither_tempo_nor_onsets():
    for frequency in (100, 440, 5000):
        described = rhythm(tone(frequency))
        assert described["tempo"] == described["onset_rate"] == described["pulse_clarity"] == 0


# ---- timbre ------------------------------------------------------------------------------------------


def test_centroid_of_tones_and_of_a_chirp():
    assert timbre(tone(1000))["centroid_mean"] == pytest.approx(1000, abs=2)
    # equal amplitudes: half way
    low, high = (k * SR / 2048 for k in (100, 300))  # in the middle of a bin
    assert timbre(tone(low) + tone(high))["centroid_mean"] == pytest.approx((low + high) / 2, abs=1)
    t = np.arange(4 * SR) / SR
    chirp = timbre(np.sin(2 * np.pi * (500 * t + 0.5 * 750 * t**2)))  # 500 to 3,500 Hz
    assert chirp["centroid_mean"] == pytest.approx(2000, abs=15)
    # a ramp's deviation is its range over the square root of 12; its change is the slope times a hop
    assert chirp["centroid_std"] == pytest.approx(3000 / np.sqrt(12), rel=0.03)
    assert chirp["centroid_change"] == pytest.approx(750 * 512 / SR, rel=0.05)


def test_flatness_crossings_and_rolloff():
    noise = timbre(np.random.default_rng(0).normal(size=2 * SR))
    plain = timbre(tone(1000))
    assert noise["flatness_mean"] == pytest.approx(0.56, abs=0.02)  # exp(-0.5772): of a noisy power spectrum
    assert plain["flatness_mean"] < 1e-3
    assert plain["zero_crossings_mean"] == pytest.approx(2000, abs=5)
    assert noise["rolloff_mean"] == pytest.approx(0.85 * SR / 2, rel=0.03)


def test_silence_around_a_sound_does_not_count():
    n = 512 * 40
    alone, between = tone(1000, 1.0), np.zeros(n)
    padded = timbre(np.concatenate([between, alone, between]))
    assert padded["centroid_mean"] == pytest.approx(1000, rel=0.05)


# ---- dynamics ----------------------------------------------------------------------------------------


def test_level_of_a_sine():
    described = dynamics(tone(441))
    assert described["level"] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=1e-3)
    assert described["crest_factor"] == pytest.approx(3.01, abs=0.02)
    assert described["low_energy_share"] == 0
    assert described["level_trend"] == pytest.approx(0, abs=0.05)


def test_a_fade_and_a_pause_are_seen():
    n = 10 * SR
    noise = np.random.default_rng(0).normal(size=n)
    fading = dynamics(0.1 * noise * 10 ** (-0.5 * np.arange(n) / n))  # 10 dB in 10 s
    assert fading["level_trend"] == pytest.approx(-60, rel=0.02)
    assert fading["level_range"] == pytest.approx(9, rel=0.05)
    # a quarter is silent
    paused = dynamics(0.1 * np.where(np.arange(n) < n // 4, 0.001, 1) * np.sin(np.arange(n)))
    assert paused["low_energy_share"] == pytest.approx(0.25, abs=0.01)


# ---- all ---------------------------------------------------------------------------------------------


def test_a_gain_of_6_db_is_6_db_and_nothing_else():
    y = music()
    for name, group in GROUPS.items():
        one, other = group(y), group(2 * y)
        moved = {"level", "frame_level_mean"} if name == "dynamics" else set()
        for key in one:
            expected = one[key] + (20 * np.log10(2) if key in moved else 0)
            np.testing.assert_allclose(other[key], expected, rtol=1e-4, atol=1e-4, err_msg=f"{name} {key}")


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("n", [1, 2048, SR // 2])
def test_short_songs_silence_and_constants_are_finite(name, n):
    rng = np.random.default_rng(0)
    keys = list(GROUPS[name](rng.normal(size=SR)))
    for y in (np.zeros(n), np.full(n, 0.3), 0.1 * rng.normal(size=n), tone(440)[:n], np.eye(1, n, n // 2)[0]):
        described = GROUPS[name](y)
        assert list(described) == keys
        assert np.isfinite(list(described.values())).all()
        assert all(type(value) is float for value in described.values())


def test_silence():
    silence = np.zeros(SR)
    assert dynamics(silence)["level"] == -100
    assert rhythm(silence)["tempo"] == 0
    assert tonality(silence)["chroma0"] == pytest.approx(1 / 12)
    assert tonality(silence)["key_clarity"] == tonality(silence)["mode_strength"] == 0
    assert timbre(silence)["centroid_mean"] == 0


@pytest.mark.parametrize("name", GROUPS)
def test_what_is_no_waveform_is_refused(name):
    for y in (np.zeros((2, 100)), np.zeros(0)):
        with pytest.raises(ValueError, match="mono waveform"):
            GROUPS[name](y)


def test_opensmile_functionals():
    pytest.importorskip("opensmile", reason="the extra skmer[opensmile] is not installed")
    described = opensmile_functionals(tone(440))
    assert len(described) == 88
    # semitones above 27.5 Hz: four octaves
    assert described["F0semitoneFrom27.5Hz_sma3nz_amean"] == pytest.approx(48, abs=0.1)
    with pytest.raises(ValueError, match="quarter of a second"):
        opensmile_functionals(tone(440)[:1000])
    with pytest.raises(ValueError, match="whole"):
        opensmile_functionals(tone(440), sr=22050.5)
