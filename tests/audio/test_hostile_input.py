"""Damaged headers, odd names and wrong scales raise an AudioError, never another error."""

import io
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skmer import AudioError, SegmentTransformer, read_audio
from skmer.audio import check_waveform
from skmer.audio._truncation import ogg_is_chained

SR = 22050


def tone(seconds=4.0):
    return 0.1 * np.sin(2 * np.pi * 440 / SR * np.arange(round(seconds * SR)))


def encoded(y=None, **options):
    file = io.BytesIO()
    soundfile.write(file, tone() if y is None else y, SR, **options)
    return file.getvalue()


@pytest.mark.parametrize("rate", [1, 999, 2_000_000_000])
def test_a_sampling_rate_that_cannot_be(tmp_path, rate):
    wave = bytearray(encoded(format="WAV"))
    wave[24:28] = struct.pack("<I", rate)
    path = tmp_path / "x.wav"
    path.write_bytes(wave)
    with pytest.raises(AudioError, match=rf"x\.wav: its header declares a sampling rate of {rate:,} Hz.*Get it again"):
        read_audio(path)


def test_more_samples_than_the_resampler_survives(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(encoded(format="WAV"))
    with pytest.raises(AudioError, match=r"x\.wav: 4 s at sr=1e\+12 Hz are more than .* samples\. Lower sr"):
        read_audio(path, sr=1e12)
    with pytest.raises(AudioError, match="Lower sr, or set max_duration"):
        SegmentTransformer(sr=1e12).transform([path])


@pytest.mark.parametrize("options", [{"format": "OGG"}, {"format": "OGG", "subtype": "OPUS"}])
def test_joined_ogg_streams_are_not_silently_shortened(tmp_path, options):
    y = np.interp(np.arange(4 * 24000) / 24000, np.arange(4 * SR) / SR, tone())
    file = io.BytesIO()
    soundfile.write(file, y, 24000, **options)
    stream = file.getvalue()
    assert not ogg_is_chained(stream)
    path = tmp_path / "radio.ogg"
    path.write_bytes(stream + stream)
    with pytest.raises(AudioError, match=r"radio\.ogg: the file chains several Ogg streams.*Split it, or convert"):
        read_audio(path)


def test_streams_side_by_side_are_no_chain():
    begin, goes_on = (b"OggS\0" + bytes([flag]) + bytes(20) + b"\x01\x03abc" for flag in (2, 0))
    assert not ogg_is_chained(begin + begin + goes_on + goes_on)
    assert ogg_is_chained(begin + goes_on + begin)
    assert not ogg_is_chained(begin[:20])


@pytest.mark.parametrize("scale", [32767.0, 1e30, -1e38])
def test_samples_beyond_any_scale(tmp_path, scale):
    path = tmp_path / "loud.wav"
    path.write_bytes(encoded(tone() * scale, format="WAV", subtype="FLOAT"))
    with pytest.raises(AudioError, match=r"loud\.wav: the recording has a peak .*full scale is 1.*divide .* by 32768"):
        read_audio(path)
    with pytest.raises(AudioError, match=r"position 0 of X has a peak of .*full scale is 1"):
        SegmentTransformer().transform([tone() * scale])


@pytest.mark.filterwarnings("error")
def test_levels_of_waveforms():
    assert check_waveform(np.full(5, 100.0)).dtype == np.float32  # loud, and still thinkable
    for value in (np.nan, np.inf, -np.inf):
        with pytest.raises(AudioError, match="1 samples that are NaN or infinite"):
            check_waveform(np.array([0.5, value]))
    with pytest.raises(AudioError, match=r"has a peak of 1e\+300"):
        check_waveform(np.array([0.5, -1e300]))


def test_an_empty_path():
    with pytest.raises(AudioError, match="the path is empty"):
        read_audio("")


def test_a_file_that_may_not_be_opened(tmp_path, monkeypatch):
    path = tmp_path / "x.wav"
    path.write_bytes(encoded(format="WAV"))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(AudioError, match=r"x\.wav: the file cannot be opened \(Permission denied\)\. Check the path"):
        read_audio(path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are no text")
def test_a_name_that_is_no_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/und\xff\xfe.wav"
    Path(os.fsdecode(path)).write_bytes(encoded(format="WAV"))
    assert len(read_audio(os.fsdecode(path), sr=SR)) == 4 * SR
    songs = SegmentTransformer(memory=tmp_path / "cache").transform([os.fsdecode(path)])
    assert songs.n_segments.tolist() == [2]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ({"a.wav", "b.wav"}, "X is a set, whose order"),
        ({"a.wav": "calm"}, "X is a dict, whose order"),
        ([["a.wav"]], r"Item 0 of X is \['a\.wav'\]: each song must be a path"),
        (["a.wav", [[1.0], [2.0, 3.0]]], r"Item 1 of X is \[\[1\.0\]"),
        ([b"a.wav"], "Item 0 of X is b'a.wav'"),
    ],
)
def test_what_is_no_song(X, message):
    with pytest.raises(ValueError, match=message):
        SegmentTransformer().transform(X)
