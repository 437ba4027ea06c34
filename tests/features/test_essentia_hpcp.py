import re
import sys

import numpy as np
import pytest
import soundfile

import skmer.features.blocks
from skmer import TaggingTransformer
from skmer.features import BlockLayout, block_array, essentia_hpcp, hpcp

from .test_hpcp import C4, CHORDS, SR, chord, loudest, sine


@pytest.fixture
def essentia():
    return pytest.importorskip("essentia", reason="the extra skmer[essentia] is not installed")


def test_without_essentia_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "essentia", None)
    with pytest.raises(ImportError, match=re.escape("pip install skmer[essentia]")):
        essentia_hpcp(np.zeros(8192))
    with pytest.raises(ImportError, match=re.escape("pip install skmer[essentia]")):
        TaggingTransformer(0.5, hpcp="essentia").transform([np.ones(30000, dtype=np.float32)])


def test_importing_it_is_silent(essentia, capfd):
    for name in [name for name in sys.modules if name.startswith("essentia.standard")]:
        del sys.modules[name]
    essentia_hpcp(np.zeros(8192))
    assert capfd.readouterr() == ("", "")
    assert essentia.log.infoActive


@pytest.mark.parametrize("k", range(12))
def test_a_pure_tone_is_its_class_alone(essentia, k):
    profile = essentia_hpcp(sine(C4 * 2 ** (k / 12)), n_harmonics=1)
    expected = np.zeros(12)
    expected[k] = 1
    # a parabola through magnitudes errs by some cents
    np.testing.assert_allclose(profile, np.tile(expected[:, None], profile.shape[1]), atol=1e-6)


def test_scale_and_harmonics_by_hand(essentia):
    # of A5: two octaves below count as much as A5 itself, the next by 2/3; then the sum is squared
    power = essentia_hpcp(sine(880), n_harmonics=8, norm=False).mean(axis=1)
    alone = essentia_hpcp(sine(880), n_harmonics=1, norm=False).mean(axis=1)
    assert alone[9] == pytest.approx(0.25, rel=0.15)  # an amplitude of 0.5, squared; 0.6 dB at most are lost
    assert power[9] / alone[9] == pytest.approx((1 + 1 + 1 + 2 / 3) ** 2, rel=0.01)


@pytest.mark.parametrize("steps", CHORDS.values(), ids=CHORDS)
@pytest.mark.parametrize("root", [0, 5, 10])
def test_ours_agrees_with_essentia_on_chords(essentia, steps, root):
    # 0.9991 to 1.0000 with essentia 2.1b6.dev1389
    y = chord(root, steps)
    for n_harmonics in (1, 8):
        ours, theirs = hpcp(y, n_harmonics=n_harmonics), essentia_hpcp(y, n_harmonics=n_harmonics)
        assert ours.shape == theirs.shape
        assert np.corrcoef(ours.mean(axis=1), theirs.mean(axis=1))[0, 1] > 0.998
        assert loudest(ours, len(steps)) == loudest(theirs, len(steps))


@pytest.mark.parametrize("cents", [30, -45])
def test_a_detuned_reference_is_followed(essentia, cents):
    y = chord(0, (0, 4, 7), cents)
    given = essentia_hpcp(y, tuning=440 * 2 ** (cents / 1200))
    np.testing.assert_allclose(essentia_hpcp(y, tuning="auto"), given, atol=0.05)
    np.testing.assert_allclose(given.mean(axis=1), essentia_hpcp(chord(0, (0, 4, 7))).mean(axis=1), atol=0.1)


@pytest.mark.parametrize("params", [{}, {"n_classes": 36}, {"center": True}, {"hop_length": 512}, {"n_fft": 2048}])
def test_shape_and_layout_are_ours(essentia, params):
    y = np.concatenate([np.zeros(8192), sine(440)])
    ours, theirs = hpcp(y, **params), essentia_hpcp(y, **params)
    assert (ours.shape, ours.dtype, ours.T.flags.c_contiguous) == (
        theirs.shape,
        theirs.dtype,
        theirs.T.flags.c_contiguous,
    )
    assert np.array_equal(ours.any(axis=0)[:2], theirs.any(axis=0)[:2])
    assert ours[:, -3:].argmax(axis=0).tolist() == theirs[:, -3:].argmax(axis=0).tolist()


def test_silence_is_zeros_and_what_lies_beyond_the_range_is_left_out(essentia):
    assert not essentia_hpcp(np.zeros(SR)).any()
    assert not essentia_hpcp(np.zeros(SR), tuning="auto").any()
    y = sine(85) + sine(440, amplitude=0.01) + sine(6000)
    for n_harmonics in (1, 8):
        assert (essentia_hpcp(y, n_harmonics=n_harmonics).argmax(axis=0) == 9).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_fft": 4095}, "even size"),
        ({"width": 0.5}, "windowSize"),
        ({"fmin": 100, "fmax": 200}, "too close"),
        ({"n_classes": 13}, "multiple of 12"),
        ({"n_peaks": 0}, "n_peaks must be 1"),
    ],
)
def test_refusals(essentia, params, message):
    with pytest.raises(ValueError, match=message):
        essentia_hpcp(np.zeros(8192), **params)


# ---- in TaggingTransformer ----------------------------------------------------------------------


@pytest.fixture
def songs(tmp_path):
    paths = [tmp_path / f"song{i}.flac" for i in range(2)]
    for i, path in enumerate(paths):
        soundfile.write(path, chord(i, (0, 4, 7), seconds=1.0), SR)
    return paths


@pytest.fixture
def instead_of_essentia(monkeypatch):
    """Let profiles that only row 5 has stand for Essentia's; collect the calls."""
    calls = []

    def profiles(y, sr, n_fft, hop_length, tuning):
        calls.append(tuning)
        out = np.zeros((12, 1 + (len(y) - n_fft) // hop_length), dtype=np.float32)
        out[5] = 1
        return out

    monkeypatch.setattr(skmer.features.blocks, "essentia_hpcp", profiles)
    return calls


def test_essentias_profiles_have_stored_files_of_their_own(songs, tmp_path, instead_of_essentia):
    store = tmp_path / "store"
    ours = TaggingTransformer(0.5, store=store).transform(songs)
    theirs = TaggingTransformer(0.5, hpcp="essentia", store=store).transform(songs)
    assert len(list(store.iterdir())) == 4
    assert len(instead_of_essentia) == 2
    assert (np.array(theirs[0])[0, 256:].reshape(5, 12, -1).argmax(axis=1) == 5).all()
    np.testing.assert_array_equal(theirs[0][:, :256], ours[0][:, :256])
    assert (np.array(ours[0])[0, 256:].reshape(5, 12, -1).argmax(axis=1) != 5).any()
    again = TaggingTransformer(0.5, hpcp="essentia", store=store).transform(songs)
    np.testing.assert_array_equal(again[1], theirs[1])
    assert len(instead_of_essentia) == 2


def test_a_song_stored_with_essentias_profiles_serves_without(songs, tmp_path, instead_of_essentia):
    store = tmp_path / "store"
    theirs = TaggingTransformer(0.5, hpcp="essentia", store=store).transform(songs)
    mel = TaggingTransformer(0.5, hpcp=False, store=store).transform(songs)
    assert len(list(store.iterdir())) == 2
    np.testing.assert_array_equal(mel[0], theirs[0][:, :256])


def test_blocks_hold_essentias_profiles(essentia, songs):
    y = chord(3, (0, 4, 7), seconds=1.0).astype(np.float32)
    layout = BlockLayout(hpcp="essentia")
    _, profiles = layout.split(block_array(y, layout))
    _, ours = BlockLayout().split(block_array(y))
    expected = essentia_hpcp(np.pad(y, 1024))[:, : profiles.shape[1]]
    np.testing.assert_allclose(profiles, expected, atol=1e-3)
    assert np.corrcoef(profiles.ravel(), ours.ravel())[0, 1] > 0.97
    one, two = (TaggingTransformer(0.5, hpcp="essentia", n_jobs=n).transform(songs * 4) for n in (1, 4))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
