"""Fingerprints: copies are found after re-encoding, cutting, and changes of level; other recordings are not."""

import io
from itertools import combinations

import numpy as np
import pytest
import soundfile
import soxr

from skmer.audit import find_same_recordings, fingerprint
from skmer.audit.fingerprints import _LEAST
from skmer.datasets import make_songs

SR = 8000


@pytest.fixture(scope="module")
def songs():
    """Twelve synthetic songs of 20 s at 8 kHz."""
    return [soxr.resample(y, 22528, SR) for y in make_songs(12, duration=20, random_state=0).data]


def encoded(y, rate=16000, **settings):
    """Encode a waveform as Ogg Vorbis, and decode it."""
    buffer = io.BytesIO()
    soundfile.write(buffer, soxr.resample(y, SR, rate), rate, format="OGG", subtype="VORBIS", **settings)
    buffer.seek(0)
    found, rate = soundfile.read(buffer, dtype="float32")
    return soxr.resample(found, rate, SR)


@pytest.mark.parametrize(
    ("change", "offset"),
    [
        (lambda y: encoded(y, compression_level=0.95), 0.0),
        (lambda y: 0.05 * y, 0.0),
        (lambda y: y[int(6.03 * SR) :], 6.0),
        (lambda y: np.concatenate([np.zeros(4 * SR, np.float32), y]), -4.0),
        (lambda y: encoded(0.2 * y[3 * SR : 15 * SR], compression_level=0.9), 3.0),
        (lambda y: y + np.random.default_rng(0).normal(0, 0.1 * y.std(), len(y)).astype(np.float32), 0.0),
    ],
    ids=["encoding", "level", "cut", "silence before", "all of it", "noise"],
)
def test_a_changed_copy_is_found_and_nothing_else(songs, change, offset):
    prints = [fingerprint(y) for y in [*songs, change(songs[5])]]
    [pair] = find_same_recordings(prints)
    assert (pair.first, pair.second) == (5, 12)
    assert pair.offset == pytest.approx(offset, abs=0.15)
    assert pair.bit_error_rate < 0.25


def test_equal_sound_has_no_wrong_bits(songs):
    [pair] = find_same_recordings([fingerprint(songs[0]), fingerprint(songs[0])])
    assert pair.bit_error_rate == 0
    assert pair.offset == 0
    assert pair.overlap == pytest.approx(19.4, abs=0.2)


def test_the_search_by_neighbours_finds_what_all_pairs_find(songs, monkeypatch):
    prints = [fingerprint(y) for y in [*songs, *(0.5 * y[5 * SR :] for y in songs[:4])]]
    every = find_same_recordings(prints)
    assert [(pair.first, pair.second) for pair in every] == [(i, 12 + i) for i in range(4)]
    monkeypatch.setattr("skmer.audit.fingerprints._ALL_PAIRS", 0)
    assert find_same_recordings(prints, n_neighbors=3) == every


def test_silence_and_short_sounds_are_the_same_as_nothing(songs):
    quiet = np.zeros(SR * 20, np.float32)
    assert fingerprint(quiet) is None
    assert fingerprint(songs[0][: SR * 5]) is None
    assert fingerprint(songs[0][: SR * 6]) is not None
    half = [np.concatenate([y[: SR * 8], quiet[: SR * 12]]) for y in songs[:2]]  # the silence of both is not compared
    assert find_same_recordings([fingerprint(y) for y in half]) == []
    assert find_same_recordings([None, fingerprint(songs[0]), None]) == []
    assert find_same_recordings([]) == []
    heard = fingerprint(half[0]).bits.any(axis=0)
    assert _LEAST <= heard.sum() < 90


def test_noise_of_different_seeds_has_half_of_the_bits_wrong():
    rng = np.random.default_rng(0)
    prints = [fingerprint(rng.normal(0, 0.1, SR * 20)) for _ in range(4)]
    rates = [
        find_same_recordings([prints[i], prints[j]], threshold=1.0)[0].bit_error_rate
        for i, j in combinations(range(4), 2)
    ]
    assert 0.4 < min(rates) < max(rates) < 0.5
