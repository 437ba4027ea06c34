"""Segments on disk are those in memory, and no more of them is read than a batch needs."""

import numpy as np
import pytest
import torch

import skmer.feature_extraction.file_rows as file_rows
from skmer import SSSLClassifier
from skmer.feature_extraction import FileRows
from skmer.songs import SongSequence
from skmer.training.data import SegmentBank, Standardizer, StoredBank, make_bank
from skmer.two_stage import MaskedMelAutoencoder

LENGTHS = (40, 65, 31, 52)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return [(5 * rng.normal(size=(n, 32)) - 40).astype(np.float16) for n in LENGTHS]


@pytest.fixture
def stored(arrays, tmp_path):
    for i, array in enumerate(arrays):
        np.save(tmp_path / f"{i}.npy", array)
    return [FileRows(tmp_path / f"{i}.npy") for i in range(len(arrays))]


@pytest.mark.parametrize("window", [(20, 10), None])
def test_both_banks_give_the_same(arrays, stored, window, tmp_path):
    if window is None:
        arrays = [array[:, :, None] for array in arrays]
        for i, array in enumerate(arrays):
            np.save(tmp_path / f"{i}.npy", array)
        stored = [tmp_path / f"{i}.npy" for i in range(len(arrays))]
    inside, outside = (SongSequence(items, window=window) for items in (arrays, stored))
    standardizer = Standardizer.fit(inside)
    memory, disk = make_bank(inside, standardizer), make_bank(outside, standardizer)
    assert (type(memory), type(disk)) == (SegmentBank, StoredBank)
    assert len(memory) == len(disk)
    np.testing.assert_array_equal(memory.song, disk.song)
    index = torch.from_numpy(np.random.default_rng(1).permutation(len(memory)))
    assert torch.equal(memory.gather(index), disk.gather(index))


def test_rows_of_features_too(tmp_path):
    array = np.random.default_rng(0).normal(size=(7, 3))
    np.save(tmp_path / "song.npy", array)
    songs = SongSequence([tmp_path / "song.npy"])
    standardizer = Standardizer.fit(songs)
    index = torch.tensor([6, 0])
    expected = SegmentBank(SongSequence([array]), standardizer).gather(index)
    assert torch.equal(StoredBank(songs, standardizer).gather(index), expected)


def test_a_batch_opens_the_songs_of_its_rows_alone(stored, monkeypatch):
    songs = SongSequence(stored, window=(20, 10))
    bank = StoredBank(songs, Standardizer.fit(songs))
    opened = []
    open_array = file_rows.open_array
    monkeypatch.setattr(file_rows, "open_array", lambda path: opened.append(path.name) or open_array(path))
    bank.gather(torch.tensor([len(bank) - 1, 0]))
    assert opened == ["3.npy", "0.npy"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_networks_learn_the_same_from_both(arrays, stored):
    y = ["a", "b", "a", "b"]
    inside, outside = (SongSequence(items, window=(20, 10)) for items in (arrays, stored))
    params = {"backbone": "small", "backbone_params": {"width": 2}, "max_epochs": 2, "warmup_epochs": 1}
    memory, disk = (SSSLClassifier(**params, random_state=0).fit(songs, y) for songs in (inside, outside))
    np.testing.assert_array_equal(memory.predict_proba(inside), disk.predict_proba(outside))
    one, other = (
        MaskedMelAutoencoder(4, width=2, max_epochs=1, random_state=0).fit_transform(songs)
        for songs in (inside, outside)
    )
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
