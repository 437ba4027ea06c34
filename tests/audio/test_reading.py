import os
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import skmer.audio.reading
from skmer.audio import AudioError, check_waveform, read_audio
from skmer.audio._mp3 import mp3_layout, mp3_truncation

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed")


def sound(seconds=2.0, sr=44100, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sr)) / sr
    y = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.02 * rng.normal(size=len(t))
    return y if channels == 1 else np.stack([y / (c + 1) for c in range(channels)], axis=1)


def ffmpeg(source, target, *options):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), *options, str(target)], check=True)
    return target


def cut(path, n_bytes):
    path = Path(path)
    shorter = path.with_name(f"cut_{path.name}")
    shorter.write_bytes(path.read_bytes()[:n_bytes])
    return shorter


@pytest.fixture
def write(tmp_path):
    def write(name, y=None, sr=44100, **options):
        path = tmp_path / name
        soundfile.write(path, sound(sr=sr) if y is None else y, sr, **options)
        return path

    return write


FORMATS = {
    "x.wav": {},
    "x.flac": {},
    "x.aiff": {},
    "x.au": {},
    "x.w64": {},
    "x.caf": {},
    "x.rf64": {"format": "RF64"},
    "x.mp3": {},
    "x.ogg": {},
    "x.opus": {"format": "OGG", "subtype": "OPUS"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats(write, name):
    path = write(name, sr=48000, **FORMATS[name])
    y = read_audio(path, sr=24000)
    assert y.shape == (48000,)
    assert y.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(y))
    assert spectrum.argmax() * 24000 / len(y) == pytest.approx(440, abs=1)
    assert np.sqrt(np.mean(y**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


COMPRESSED = ["x.flac", "x.mp3", "x.ogg", "x.opus"]


@pytest.mark.parametrize(
    ("name", "missing"),
    [(name, share) for name in FORMATS for share in (0.5, 0.1, 2000)] + [(name, 1) for name in COMPRESSED],
)
def test_a_truncated_file_is_named(write, name, missing):
    path = write(name, sr=48000, **FORMATS[name])
    size = path.stat().st_size
    path = cut(path, size - (missing if missing >= 1 else int(missing * size)))
    for max_duration in (None, 60):
        with pytest.raises(AudioError, match=rf"{path.name}.*truncated"):
            read_audio(path, max_duration=max_duration)


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in COMPRESSED])
@pytest.mark.parametrize("n_bytes", [1, 2, 24, 1000])
def test_a_few_missing_samples_are_no_truncation(write, name, n_bytes):
    path = write(name, sr=48000, **FORMATS[name])
    whole = read_audio(path, sr=48000)
    y = read_audio(cut(path, path.stat().st_size - n_bytes), sr=48000)
    assert len(whole) - -(-n_bytes // 2) - 4 <= len(y) < len(whole)  # CAF loses four more
    np.testing.assert_array_equal(y, whole[: len(y)])


def test_truncation_is_seen_with_max_duration(write):
    path = write("x.mp3", sound(4))
    with pytest.raises(AudioError, match="truncated"):
        read_audio(cut(path, path.stat().st_size // 2), max_duration=1)


def test_downmix_is_the_mean_of_the_channels(write):
    rng = np.random.default_rng(0)
    y = rng.uniform(-0.5, 0.5, size=(5000, 6))
    path = write("x.wav", y, 22528, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path), y.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (192000, 6)])
def test_unusual_rates_and_channels(write, rate, channels):
    path = write("x.wav", sound(1, rate, channels), rate)
    y = read_audio(path)
    assert y.shape == (22528,)
    assert np.abs(np.fft.rfft(y)).argmax() == 440


@settings(deadline=None, max_examples=20)
@given(
    n=st.integers(1, 5000),
    rate=st.sampled_from([8000, 11025, 16000, 22050, 44100, 48000, 96000]),
    sr=st.sampled_from([8000, 22050, 22528, 44100]),
    n_blocks=st.integers(1, 7),
)
def test_resampled_length(n, rate, sr, n_blocks):
    resampler = skmer.audio._mixing.Resampler("x", rate, sr)
    y = np.ones(n, dtype=np.float32)
    parts = [*map(resampler.feed, np.array_split(y, n_blocks)), resampler.finish()]
    assert sum(map(len, parts)) == -(-n * sr // rate)


def test_max_duration_gives_the_beginning_of_the_whole(write):
    path = write("x.flac", sound(3))
    whole, beginning = read_audio(path), read_audio(path, max_duration=1.5)
    assert len(beginning) == 1.5 * 22528
    np.testing.assert_allclose(beginning, whole[: len(beginning)], atol=1e-5)
    np.testing.assert_array_equal(read_audio(path, max_duration=60), whole)


def test_max_duration_decodes_no_more_than_needed(write, monkeypatch):
    path = write("x.wav", sound(5))
    decoded = []
    read = soundfile.SoundFile.read

    def counting(self, *args, **kwargs):
        block = read(self, *args, **kwargs)
        decoded.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    read_audio(path, max_duration=1)
    assert sum(decoded) <= 1.25 * 44100


@pytest.mark.parametrize("name", ["x.ogg", "x.mp3", "x.flac", "x.wav"])
def test_long_files_are_read_in_blocks_with_the_same_bits(write, monkeypatch, name):
    path = write(name, sound(3, channels=2))
    whole = read_audio(path)
    monkeypatch.setattr(skmer.audio.reading, "_BLOCK", 10_000)
    np.testing.assert_array_equal(read_audio(path), whole)
    np.testing.assert_allclose(read_audio(path, max_duration=1), whole[:22528], atol=1e-5)


def test_decoders_run_from_the_first_block_to_the_last_without_seeking(write, monkeypatch):
    path = write("x.mp3", sound(3))
    monkeypatch.setattr(skmer.audio.reading, "_BLOCK", 10_000)
    seeks, seek = [], soundfile.SoundFile.seek
    monkeypatch.setattr(soundfile.SoundFile, "seek", lambda *args: seeks.append(args) or seek(*args))
    read_audio(path)
    assert seeks == []


@pytest.mark.parametrize("name", ["x.wav", "x.aiff", "x.flac", "x.caf"])
def test_16_bit_samples_are_those_of_libsndfile(write, name):
    y = np.arange(-(2**15), 2**15) / 2**15
    path = write(name, y, subtype="PCM_16")
    np.testing.assert_array_equal(read_audio(path, sr=44100), soundfile.read(path, dtype="float32")[0])


def test_paths_that_name_no_recording(tmp_path):
    empty, text = tmp_path / "empty.mp3", tmp_path / "text.mp3"
    empty.touch()
    text.write_text("This is no music.\n" * 200)
    for path, message in [
        (tmp_path / "nix.wav", r"nix\.wav: there is no such file\. Check the path"),
        (tmp_path, "this is a folder"),
        (empty, r"empty\.mp3: the file is empty"),
        (text, r"text\.mp3: this is text, not audio: it begins with 'This is no music\."),
        (3, "must be given as a str or Path, not as int"),
        (None, "not as NoneType"),
        (b"x.wav", "not as bytes"),
        ("a\0b", "cannot be opened|no such file"),
    ]:
        with pytest.raises(AudioError, match=message):
            read_audio(path)


@pytest.mark.parametrize("sr", [None, 0, -1, np.nan, "22528"])
def test_sr_must_be_positive(sr):
    with pytest.raises(ValueError, match="sr must be a positive number"):
        read_audio("x.wav", sr=sr)


def test_max_duration_must_be_positive():
    with pytest.raises(ValueError, match="max_duration must be a positive number"):
        read_audio("x.wav", max_duration=0)


def test_no_samples(write):
    with pytest.raises(AudioError, match="no samples"):
        read_audio(write("x.wav", np.zeros(0)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(write, value):
    y = sound(0.1)
    y[17] = value
    with pytest.raises(AudioError, match=r"x\.wav.*1 samples that are NaN or infinite \(the first is sample 17\)"):
        read_audio(write("x.wav", y, subtype="FLOAT"))


def test_causes_are_chained(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(b"RIFF" + bytes(200))
    with pytest.raises(AudioError) as caught:
        read_audio(path)
    assert caught.value.__cause__ is not None


def test_silence_is_valid(write):
    np.testing.assert_array_equal(read_audio(write("x.wav", np.zeros(44100))), np.zeros(22528))


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_wave_streamed_to_a_pipe_is_complete(write, size):
    path = write("x.wav")
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack("<I", size)
    at = data.find(b"data")
    data[at + 4 : at + 8] = struct.pack("<I", size)
    path.write_bytes(data)
    assert len(read_audio(path, sr=44100)) == 88200


def id3v1():
    return b"TAG" + bytes(125)


def ape():
    return b"APETAGEX" + struct.pack("<IIII", 2000, 60, 1, 1 << 31) + bytes(8) + b"\xff" * 28 + b"APETAGEX" + bytes(24)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", id3v1()),
        (b"", ape()),
        (b"", ape() + id3v1()),
        (b"", b"LYRICSBEGINla la la000023LYRICS200" + id3v1()),
        (b"", bytes(4000)),
        (b"", b"\xff" * 1000),
        (b"ID3\x04\0\0\0\0\x10\0" + bytes(2048), b""),
        (bytes(1000), b"\r\n"),
    ],
)
@pytest.mark.parametrize("sr", [44100, 16000])
def test_tags_and_junk_are_no_truncation(write, before, after, sr):
    path = write("x.mp3", sr=sr)
    n_frames = mp3_layout(path.read_bytes()).n_frames
    data = before + path.read_bytes() + after
    assert mp3_truncation(mp3_layout(data)) is None
    assert mp3_layout(data).n_frames == n_frames


def without_xing(path):
    """Drop the header frame, which says how many frames follow."""
    data = path.read_bytes()
    layout = mp3_layout(data)
    assert layout.declared is not None
    second = data.find(data[layout.first : layout.first + 2], layout.first + 4)
    path.write_bytes(data[second:])
    return path


@pytest.mark.parametrize(("sr", "channels"), [(44100, 2), (32000, 1), (24000, 2), (8000, 1)])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("header", [True, False])
def test_complete_mp3s_are_never_called_truncated(write, sr, channels, mode, header):
    path = write("x.mp3", sound(1, sr, channels), sr, bitrate_mode=mode, compression_level=0.5)
    if not header:
        without_xing(path)
    y = read_audio(path, sr=sr)
    assert sr <= len(y) <= sr + 4000


@pytest.mark.parametrize("order", [1, -1])
def test_variable_bitrate_without_a_header_is_read_to_the_end(write, order):
    # libsndfile estimates the length from the first frame, a quarter of it where that frame is loud
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.normal(scale=0.2, size=44100), np.zeros(44100)][::order])
    path = without_xing(write("x.mp3", y, bitrate_mode="VARIABLE", compression_level=0.2))
    assert len(read_audio(path, sr=44100)) >= len(y)


def test_every_cut_inside_a_frame_is_seen(write):
    data = without_xing(write("x.mp3", sound(0.3))).read_bytes()
    layout = mp3_layout(data)
    boundaries = [
        n for n in range(1000, len(data)) if mp3_truncation(mp3_layout(data[:n])) is None
    ]  # from the third frame on
    # undetectable: exactly between two frames, and one byte (which may be padding) beyond
    assert len(boundaries) <= 2 * layout.n_frames


@needs_ffmpeg
@pytest.mark.parametrize("options", [["-b:a", "128k"], ["-q:a", "2"], ["-ac", "1", "-ar", "16000"], ["-ar", "8000"]])
@pytest.mark.parametrize("xing", ["0", "1"])
def test_mp3s_of_another_encoder(write, tmp_path, options, xing):
    path = ffmpeg(write("x.wav", sound(3, 44100, 2)), tmp_path / "x.mp3", *options, "-write_xing", xing)
    assert 3 * 22528 <= len(read_audio(path)) <= 3.3 * 22528
    for n_bytes in (path.stat().st_size // 3, path.stat().st_size - 1):
        with pytest.raises(AudioError, match="truncated"):
            read_audio(cut(path, n_bytes))


@needs_ffmpeg
@pytest.mark.parametrize("options", [["x.m4a"], ["-movflags", "faststart", "x.m4a"], ["x.aac"], ["x.mka"]])
def test_formats_left_to_ffmpeg(write, tmp_path, options):
    source = write("x.wav", sound(4, 44100, 2))
    path = ffmpeg(source, tmp_path / options[-1], *options[:-1])
    y = read_audio(path)
    assert len(y) == pytest.approx(4 * 22528, abs=2500)
    # no 3 dB from ffmpeg's own downmix
    assert np.sqrt(np.mean(y**2)) == pytest.approx(np.sqrt(np.mean(read_audio(source) ** 2)), rel=0.03)
    assert len(read_audio(path, max_duration=1)) == 22528
    with pytest.raises(AudioError, match=r"cut_x.*truncated|cut_x.*ffmpeg cannot decode"):
        read_audio(cut(path, path.stat().st_size * 2 // 3))


@needs_ffmpeg
def test_ffmpeg_refuses_what_is_no_audio(tmp_path):
    path = tmp_path / "x.m4a"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(AudioError, match=r"x\.m4a: ffmpeg cannot decode this file"):
        read_audio(path)


def test_without_ffmpeg_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    path = tmp_path / "x.m4a"
    path.write_bytes(b"\0\0\0\x10ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"x\.m4a.*Install ffmpeg, or convert"):
        read_audio(path)


@pytest.mark.data
def test_real_mp3s_are_complete_and_cut_ones_are_not(tmp_path):
    folder = Path(os.environ.get("SKMER_DATA", "")) / "emotify" / "original_mp3"
    if "SKMER_DATA" not in os.environ or not folder.is_dir():
        pytest.skip("SKMER_DATA names no folder with emotify/original_mp3")
    for path in sorted(folder.glob("*.mp3")):
        assert len(read_audio(path, max_duration=5)) == 5 * 22528
        data = path.read_bytes()
        assert mp3_truncation(mp3_layout(data)) is None
        assert mp3_truncation(mp3_layout(data[: len(data) // 3])) is not None


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([], "no samples"),
        (np.zeros((2, 5)), r"shape \(2, 5\)"),
        ([0.0, np.nan], "NaN or infinite"),
        (np.array([1, 2], dtype=np.int16), "full scale"),
        (["a"], "dtype"),
        ([1j], "dtype complex"),
    ],
)
def test_check_waveform_refuses(y, message):
    with pytest.raises(AudioError, match=message):
        check_waveform(y if isinstance(y, np.ndarray) else np.array(y, dtype=None if y else float))


def test_check_waveform_accepts():
    y = np.zeros(5, dtype=np.float32)
    assert check_waveform(y) is y
