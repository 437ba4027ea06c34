import numpy as np
import pytest
import torch

from skmer import EmotionTagger
from skmer.backbones.unpacking import standardisation_groups
from skmer.songs import SongSequence
from skmer.training.data import SegmentBank, Standardizer, pool_pitch_classes


@pytest.fixture
def windows(rng):
    return SongSequence([rng.normal(-40, 12, (n, 8)).astype(np.float32) for n in (60, 35, 30)], window=(30, 10))


def materialised(songs):
    return SongSequence([np.array(song) for song in songs])


def test_gathers_the_segments_in_order(windows):
    bank = SegmentBank(windows, Standardizer(np.zeros(8), np.ones(8)))
    expected = np.concatenate(list(windows))
    rows = bank.gather(torch.arange(len(bank)))[:, 0].numpy()
    np.testing.assert_allclose(rows, expected, atol=0.03)  # float16 at 100 dB
    np.testing.assert_array_equal(bank.song, [0, 0, 0, 0, 1, 2])


def test_windows_and_their_copies_make_the_same_bank(windows):
    copies = materialised(windows)
    one, other = Standardizer.fit(windows), Standardizer.fit(copies)
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12)
    np.testing.assert_allclose(one.scale, other.scale, rtol=1e-12)
    index = torch.arange(6)
    assert torch.equal(SegmentBank(windows, one).gather(index), SegmentBank(copies, other).gather(index))


def test_standardised_bands_have_mean_zero_and_deviation_one(windows):
    bank = SegmentBank(windows, Standardizer.fit(windows))
    rows = bank.gather(torch.arange(len(bank)))[:, 0].transpose(1, 2).reshape(-1, 8)
    torch.testing.assert_close(rows.mean(0), torch.zeros(8), atol=2e-3, rtol=0)
    torch.testing.assert_close(rows.std(0), torch.ones(8), atol=3e-3, rtol=0)


def test_a_constant_band_stays_finite(rng):
    song = rng.normal(size=(4, 3)) * [1, 0, 1] + [0, 7, 1e6]
    bank = SegmentBank(SongSequence([song]), Standardizer.fit(SongSequence([song])))
    rows = bank.gather(torch.arange(4))
    assert torch.isfinite(rows).all()
    assert (rows[:, 1] == 0).all()
    torch.testing.assert_close(rows[:, 2].std(correction=0), torch.tensor(1.0))


def test_spectrograms_are_held_once_in_half_precision(rng):
    songs = SongSequence([rng.normal(size=(1000, 8))], window=(500, 5))
    bank = SegmentBank(songs, Standardizer.fit(songs))
    assert bank._values.dtype == torch.float16
    assert bank._values.numel() == 8000


def test_names_the_song_that_is_not_finite(rng):
    songs = [rng.normal(size=(5, 4)) for _ in range(3)]
    songs[2][1, 1] = np.inf
    with pytest.raises(ValueError, match="Song 2 of X has NaN or infinity"):
        Standardizer.fit(SongSequence(songs))


def test_pooled_values_share_a_mean_and_a_deviation_by_hand():
    # 1, 3, 5 and 7 share: mean 4, variance (9 + 1 + 1 + 9) / 4; 10 and 20 stand alone
    songs = SongSequence([np.array([[1.0, 10.0, 5.0]]), np.array([[3.0, 20.0, 7.0]])])
    found = Standardizer.fit(songs, pooled=np.array([2, 0, 2]))
    np.testing.assert_allclose(found.mean, [4, 15, 4], rtol=1e-15)
    np.testing.assert_allclose(found.scale, [5**0.5, 5, 5**0.5], rtol=1e-15)
    alone = Standardizer.fit(songs)
    np.testing.assert_allclose(alone.mean, [2, 15, 6], rtol=1e-15)
    np.testing.assert_allclose(alone.scale, [1, 5, 1], rtol=1e-15)


def test_pooling_counts_a_frame_once_for_each_window_that_holds_it():
    # windows (0, 1) and (1, 2): weights 1, 2, 1, so that the values are 0, 6 6, 2 and 4, 2 2, 0
    songs = SongSequence([np.array([[0.0, 4.0], [6.0, 2.0], [2.0, 0.0]])], window=(2, 1))
    found = Standardizer.fit(songs, pooled=np.zeros(2, dtype=int))
    mean = (0 + 6 + 6 + 2 + 4 + 2 + 2 + 0) / 8
    deviation = ((36 + 36 + 4 + 16 + 4 + 4) / 8 - mean**2) ** 0.5
    np.testing.assert_allclose(found.mean, [mean] * 2, rtol=1e-15)
    np.testing.assert_allclose(found.scale, [deviation] * 2, rtol=1e-15)


def test_pooling_a_value_with_itself_changes_nothing(windows):
    own, pooled = Standardizer.fit(windows), Standardizer.fit(windows, pooled=np.arange(8))
    np.testing.assert_array_equal(own.mean, pooled.mean)
    np.testing.assert_array_equal(own.scale, pooled.scale)


def test_pooling_keeps_the_digits_beside_a_large_offset(rng):
    values = rng.normal(size=(50, 2))
    found = Standardizer.fit(SongSequence([values + 1e7]), pooled=np.zeros(2, dtype=int))
    np.testing.assert_allclose(found.scale, values.std(), rtol=1e-6)


def test_the_two_mel_steps_of_a_block_are_one_series(rng):
    mel = rng.normal(np.linspace(-20, -60, 128), 5, (60, 128))
    in_blocks = SongSequence([mel.reshape(30, 256)], window=(10, 10))
    found = Standardizer.fit(in_blocks, standardisation_groups(256))
    np.testing.assert_allclose(found.mean, np.tile(mel.mean(0), 2), rtol=1e-12)
    np.testing.assert_allclose(found.scale, np.tile(mel.std(0), 2), rtol=1e-9)


def test_transposing_profiles_rotates_what_a_network_sees(rng):
    # keys that some pitch classes are in more than others
    profiles = rng.random((40, 5, 12)) * np.linspace(0.2, 1, 12)
    blocks = np.concatenate([rng.normal(size=(40, 256)), profiles.reshape(40, 60)], axis=1)
    transposed = np.concatenate([blocks[:, :256], np.roll(profiles, 3, axis=2).reshape(40, 60)], axis=1)
    found = Standardizer.fit(SongSequence([blocks], window=(8, 8)), standardisation_groups(316))
    seen, then = (found.apply(x, axis=1)[:, 256:].reshape(40, 5, 12) for x in (blocks, transposed))
    np.testing.assert_array_equal(np.roll(seen, 3, axis=2), then)
    assert abs(seen.mean()) < 1e-6
    assert seen.std() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("backbone", "mask_range", "pooled"), [("crnn", None, True), ("small", (2, 4), True), ("small", None, False)]
)
def test_a_tagger_pools_where_its_chunks_are_blocks(rng, backbone, mask_range, pooled):
    X = SongSequence(list(rng.normal(-40, 5, (6, 16, 256))), window=(16, 16))
    sizes = {"width": 4, "n_hidden": 4} if backbone == "crnn" else {"width": 2}
    tagger = EmotionTagger(backbone, backbone_params=sizes, mask_range=mask_range, max_epochs=1, random_state=0)
    y = np.arange(6)[:, None] % 2
    found = tagger.fit(X[:4], y[:4], X_val=X[4:], y_val=y[4:]).standardizer_
    assert np.array_equal(found.mean[:128], found.mean[128:]) == pooled
    expected = Standardizer.fit(X[:4], standardisation_groups(256) if pooled else None)
    np.testing.assert_array_equal(found.scale, expected.scale)


def test_pitch_classes_are_standardised_together():
    rng = np.random.default_rng(0)
    names = ["mel0", "mel1", *(f"chroma_{k}" for k in "CDE")]
    pooled = pool_pitch_classes(names)
    assert pooled.tolist() == [0, 1, 2, 2, 2]
    assert pool_pitch_classes(names[:2]) is None
    assert pool_pitch_classes(None) is None
    values = rng.normal(size=(4, 5, 30)) * np.arange(1, 6)[:, None] + np.arange(5)[:, None]
    standardizer = Standardizer.fit(SongSequence([values]), pooled)
    assert standardizer.mean[2:] == pytest.approx([values[:, 2:].mean()] * 3)
    assert standardizer.scale[2:] == pytest.approx([values[:, 2:].std()] * 3)
    assert standardizer.mean[:2] == pytest.approx(values.mean(axis=(0, 2))[:2])
