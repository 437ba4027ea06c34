"""The profile of real recordings beside those of others."""

import os
from pathlib import Path

import librosa
import numpy as np
import pytest

from skmer.audio import read_audio
from skmer.features import essentia_hpcp, hpcp

pytestmark = pytest.mark.data

TRACKS = (1, 51, 101, 151, 201, 251, 301, 351)  # two of each of the four genres


@pytest.fixture(scope="module")
def recordings():
    """The first 20 s of some Emotify recordings, each with its profile."""
    folder = Path(os.environ.get("SKMER_DATA", "")) / "emotify" / "audio"
    if not os.environ.get("SKMER_DATA") or not folder.is_dir():
        pytest.skip("the Emotify recordings are not under $SKMER_DATA/emotify/audio")
    waveforms = [read_audio(folder / f"{track:03d}.opus", sr=44100, max_duration=20) for track in TRACKS]
    return [(y, hpcp(y)) for y in waveforms]


def correlations(ours, theirs):
    """Over the pitch classes, of the means over time, for each recording."""
    return [np.corrcoef(a.mean(axis=1), b.mean(axis=1))[0, 1] for a, b in zip(ours, theirs, strict=True)]


def same_loudest(ours, theirs):
    """Share of the frames whose strongest class is the same, for each recording."""
    return [np.mean(a.argmax(axis=0) == b.argmax(axis=0)) for a, b in zip(ours, theirs, strict=True)]


def report(record_property, name, values):
    line = f"{np.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"
    record_property(name, line)
    print(f"{name}: {line}")


def test_agrees_with_librosas_chroma_on_music(recordings, record_property):
    """The mean profile is near both of librosa's chromas, which differ more from each other.

    Measured by ``SKMER_DATA=... pytest -s tests/features/test_hpcp_on_music.py``, median over the eight
    recordings (least to greatest), with librosa 0.11:

    ====================  =======================  ======================
    pair                  correlation of means     same strongest class
    ====================  =======================  ======================
    ours, chroma_stft     0.813 (0.620 to 0.938)   0.772 (0.583 to 0.932)
    ours, chroma_cqt      0.912 (0.594 to 0.963)   0.571 (0.448 to 0.869)
    theirs, both kinds    0.786 (0.493 to 0.922)   0.519 (0.347 to 0.828)
    ====================  =======================  ======================
    """
    ours = [profile for _, profile in recordings]
    short_time = [
        librosa.feature.chroma_stft(y=y, sr=44100, n_fft=4096, hop_length=2048, tuning=0, center=False)
        for y, _ in recordings
    ]
    # centred frames, of which the second stands on the first of ours
    constant_q = [
        librosa.feature.chroma_cqt(y=y, sr=44100, hop_length=2048, tuning=0)[:, 1 : 1 + profile.shape[1]]
        for y, profile in recordings
    ]
    pairs = {"stft": (ours, short_time), "cqt": (ours, constant_q), "stft and cqt": (short_time, constant_q)}
    means = {name: correlations(*pair) for name, pair in pairs.items()}
    frames = {name: same_loudest(*pair) for name, pair in pairs.items()}
    for name in pairs:
        report(record_property, f"correlation, {name}", means[name])
        report(record_property, f"same strongest class, {name}", frames[name])
    for name in ("stft", "cqt"):
        assert min(means[name]) > 0.5
        assert np.median(means[name]) > 0.75
        # by chance one frame in twelve would agree
        assert np.median(frames[name]) > 0.5


def test_agrees_with_essentia_on_music(recordings, record_property):
    """The same frames give nearly the same profiles, though peaks and harmonics are weighted otherwise.

    Measured by the command above with essentia 2.1b6.dev1389, median over the eight recordings (least to greatest):
    correlation of the mean profiles 0.999 (0.998 to 1.000), same strongest class in a frame 0.966 (0.937 to 0.998).
    """
    pytest.importorskip("essentia", reason="the extra skmer[essentia] is not installed")
    ours = [profile for _, profile in recordings]
    theirs = [essentia_hpcp(y) for y, _ in recordings]
    means, frames = correlations(ours, theirs), same_loudest(ours, theirs)
    report(record_property, "correlation, Essentia", means)
    report(record_property, "same strongest class, Essentia", frames)
    assert min(means) > 0.98
    assert min(frames) > 0.85
