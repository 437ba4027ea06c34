import numpy as np
import pytest
import torch

from skmer.songs import SongSequence
from skmer.training.rows import SegmentBank, Standardizer


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
    with pytest.raises(ValueError, match="Song 2 has NaN or infinity"):
        Standardizer.fit(SongSequence(songs))
