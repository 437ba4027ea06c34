"""Files that are whole in an odd way are read whole; others raise an AudioError that says what is wrong."""

import errno
import os
import shutil
import struct
import subprocess
from contextlib import suppress

import numpy as np
import pytest
import soundfile
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline

import skmer.audio.reading
from skmer import AudioError, DescriptorTransformer, SegmentTransformer, read_audio
from skmer.audio._bytes import FileBytes
from skmer.audio._flac import count_samples
from skmer.audio._truncation import file_structure
from skmer.inspection import predict_files

SR = 16000
SECONDS = 4
needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None, reason="the ffmpeg program is not installed"
)


def music(seconds=SECONDS, sr=SR, channels=1):
    t = np.arange(round(seconds * sr)) / sr
    rng = np.random.default_rng(0)
    y = 0.2 * np.sin(2 * np.pi * (220 + 20 * np.floor(t)) * t) + 0.02 * rng.normal(size=len(t))
    return y if channels == 1 else np.stack([y] * channels, axis=1)


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the music to a file of a name, by soundfile or, with options, by ffmpeg."""

    def make(name, *options, y=None, sr=SR, **write):
        path = tmp_path / name
        y = music(sr=sr) if y is None else y
        if not options:
            soundfile.write(path, y, sr, **write)
            return path
        soundfile.write(tmp_path / "source.wav", y, sr)
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(tmp_path / "source.wav"), *options, str(path)]
        subprocess.run(command, check=True)
        return path

    return make


def patched(path, offset, content):
    data = bytearray(path.read_bytes())
    data[offset : offset + len(content)] = content
    path.write_bytes(data)
    return path


def without_xing(make, name="x.mp3", **options):
    return make(name, "-c:a", "libmp3lame", "-b:a", "64k", "-write_xing", "0", *options.pop("more", ()), **options)


# A file that changes while it is read


@pytest.mark.parametrize("name", ["x.wav", "x.flac", "x.mp3", "x.m4a"])
@pytest.mark.parametrize("left", [0, 5000])
def test_a_file_that_shrinks_while_it_is_read(make, monkeypatch, name, left):
    if name == "x.m4a" and shutil.which("ffmpeg") is None:
        pytest.skip("the ffmpeg program is not installed")
    path = make(name, *(["-c:a", "aac"] if name == "x.m4a" else []))
    structure = file_structure

    def shrink(data):
        found = structure(data)
        os.truncate(path, left)
        return found

    monkeypatch.setattr(skmer.audio.reading, "file_structure", shrink)
    size = path.stat().st_size
    with pytest.raises(
        AudioError, match=rf"{name}: the file changed from {size:,} to {left:,} bytes while it was read"
    ):
        read_audio(path)


def test_bytes_of_a_file_that_shrinks(tmp_path):
    path = tmp_path / "x"
    content = np.random.default_rng(0).bytes(700_000)
    path.write_bytes(content)
    with open(path, "rb", buffering=0) as file:
        data = FileBytes(path, file)
        assert (len(data), data[5], data[-1]) == (700_000, content[5], content[-1])
        assert data[262_140:262_150] == content[262_140:262_150]
        assert data[699_990:800_000] == content[699_990:]
        assert data[10:10] == data[800_000:] == b""
        for part in (content[:3], content[262_142:262_147], content[-3:], b"not in it"):
            for start in (0, 1, 262_144, 699_997):
                assert data.find(part, start) == content.find(part, start)
        os.truncate(path, 300_000)
        with pytest.raises(AudioError, match="changed from 700,000 to 300,000 bytes"):
            data[280_000:400_000]


# Truncation


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.m4a", ["-c:a", "aac"]),
        ("x.m4a", ["-c:a", "alac"]),
        ("x.mka", ["-c:a", "libvorbis"]),
        ("x.webm", ["-c:a", "libopus"]),
        ("x.wma", ["-c:a", "wmav2"]),
        ("x.aac", ["-c:a", "aac"]),
        ("x.ac3", ["-c:a", "ac3"]),
        ("x.wv", ["-c:a", "wavpack"]),
        ("x.tta", ["-c:a", "tta"]),
    ],
)
def test_truncation_and_holes_are_seen_with_max_duration(make, name, options):
    path = make(name, *options, y=music(8, 48000), sr=48000)
    whole = path.read_bytes()
    n = len(whole)
    assert len(read_audio(path, sr=SR)) == pytest.approx(8 * SR, abs=0.1 * SR)
    assert len(read_audio(path, sr=SR, max_duration=2)) == 2 * SR
    for damaged in (whole[: n * 11 // 20], whole[: n // 3] + bytes(n // 4) + whole[n // 3 + n // 4 :]):
        path.write_bytes(damaged)
        with pytest.raises(AudioError, match=rf"{name}: (the file is truncated or damaged|ffmpeg cannot decode)"):
            read_audio(path, max_duration=7)


@pytest.mark.parametrize("options", [{"format": "OGG"}, {"format": "OGG", "subtype": "OPUS"}])
def test_damage_within_ogg_is_seen(make, options):
    path = make("x.ogg", **options)
    whole = path.read_bytes()
    n = len(whole)
    for damaged in (
        whole[: n // 2] + bytes([whole[n // 2] ^ 1]) + whole[n // 2 + 1 :],
        whole[: n // 3] + bytes(n // 3) + whole[n // 3 * 2 :],
    ):
        path.write_bytes(damaged)
        with pytest.raises(AudioError, match=r"truncated or damaged: .*Ogg page"):
            read_audio(path, max_duration=1)


def test_missing_audio_within_an_mp3_is_seen(make):
    path = make("x.mp3", y=music(20))
    whole = path.read_bytes()
    n = len(whole)
    second = whole.find(whole[:2], 4)
    for damaged in (
        whole[second : n // 2] + bytes(20_000) + whole[n // 2 + 20_000 :],
        whole[second : n // 2] + bytes(n // 2),  # allotted, and not downloaded
    ):
        path.write_bytes(damaged)
        with pytest.raises(AudioError, match=r"truncated or damaged: there are .* bytes between or after its frames"):
            read_audio(path, max_duration=1)


# Joined files


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.wav", {}),
        ("x.aiff", {}),
        ("x.au", {}),
        ("x.w64", {}),
        ("x.caf", {}),
        ("x.flac", {}),
        ("x.ogg", {}),
        ("x.opus", {"format": "OGG", "subtype": "OPUS"}),
    ],
)
def test_joined_files_are_not_silently_shortened(make, name, options):
    path = make(name, sr=48000, **options)
    path.write_bytes(path.read_bytes() * 2)
    for max_duration in (None, 1):
        with pytest.raises(AudioError, match=rf"{name}: the file (joins|chains) several .* Split it, or convert"):
            read_audio(path, max_duration=max_duration)


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.m4a", "aac"), ("x.mka", "libvorbis"), ("x.wma", "wmav2"), ("x.tta", "tta"), ("x.wv", "wavpack")],
)
def test_joined_files_for_ffmpeg_are_not_silently_shortened(make, name, codec):
    path = make(name, "-c:a", codec)
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(AudioError, match=rf"{name}: the file joins several recordings.* Split it, or convert"):
        read_audio(path)


@pytest.mark.parametrize("between", [b"", b"TAG" + bytes(125) + b"ID3\x03\0\0\0\0\x20\0" + b"\1" * 4096])
def test_joined_mp3s_of_one_format_are_read_whole(make, between):
    path = make("x.mp3")
    whole = path.read_bytes()
    path.write_bytes(whole + between + whole)
    y = read_audio(path, sr=SR)
    assert 2 * SECONDS * SR <= len(y) < (2 * SECONDS + 0.5) * SR
    power = [np.mean(part**2) for part in np.array_split(y, 8)]
    assert min(power) > 0.8 * max(power)


@pytest.mark.parametrize(("sr", "channels"), [(22050, 1), (SR, 2)])
def test_joined_mp3s_of_two_formats_are_named(make, sr, channels):
    path, other = make("x.mp3"), make("y.mp3", y=music(4, sr, channels), sr=sr)
    path.write_bytes(path.read_bytes() + other.read_bytes())
    with pytest.raises(AudioError, match=r"x\.mp3: the file joins MP3 streams of different formats.* Split it"):
        read_audio(path, max_duration=1)


def test_a_wave_file_with_more_audio_than_it_declares(make):
    path = make("x.wav", y=music(8))
    n_bytes = 8 * SR * 2
    patched(path, 40, struct.pack("<I", n_bytes // 2))
    with pytest.raises(
        AudioError, match=rf"declares {n_bytes // 2:,} bytes of audio, and {n_bytes // 2:,} more follow"
    ):
        read_audio(path)
    path = make("x.wav")
    whole = path.read_bytes()
    path.write_bytes(whole + whole[36:])
    with pytest.raises(AudioError, match="the file has several chunks of audio, of which only the first"):
        read_audio(path)
    path.write_bytes(whole + b"LIST\x04\0\0\0abcd" + b"ID3\x03\0\0\0\x08\0\0" + b"\1" * (8 << 14) + b"TAG" + bytes(125))
    assert len(read_audio(path, sr=SR)) == SECONDS * SR


# Whole files with an odd header


@pytest.mark.parametrize("total", [0, SECONDS * SR // 2])
def test_flac_without_the_right_number_of_samples(make, total):
    path = make("x.flac")
    whole = read_audio(path, sr=SR)
    field = int.from_bytes(path.read_bytes()[21:26], "big") >> 36 << 36 | total
    patched(path, 21, field.to_bytes(5, "big"))
    np.testing.assert_array_equal(read_audio(path, sr=SR), whole)
    np.testing.assert_array_equal(read_audio(path, sr=SR, max_duration=1), whole[:SR])


@needs_ffmpeg
@pytest.mark.parametrize("options", [{}, {"sr": 96000}, {"channels": 6}, {"size": "100"}, {"seconds": 200}])
def test_samples_of_flac_are_counted(make, options):
    sr = options.get("sr", SR)
    y = music(options.get("seconds", SECONDS), sr, options.get("channels", 1))
    path = make("x.flac", "-frame_size", options.get("size", "4096"), y=y, sr=sr)
    assert count_samples(path.read_bytes(), 0) == len(y)


@needs_ffmpeg
def test_flac_from_a_pipe(make, tmp_path):
    source = make("x.wav")
    path = tmp_path / "x.flac"
    with open(path, "wb") as file:
        subprocess.run(["ffmpeg", "-v", "error", "-i", source, "-f", "flac", "-"], stdout=file, check=True)
    assert len(read_audio(path, sr=SR)) == SECONDS * SR


@pytest.mark.parametrize("name", ["x.wav", "x.aiff"])
def test_a_recorder_that_was_cut_off(make, name):
    path = make(name)
    whole, data = read_audio(path, sr=SR), path.read_bytes()
    at = data.find(b"data" if name == "x.wav" else b"SSND")
    y = read_audio(patched(path, at + 4, bytes(4)), sr=SR)
    np.testing.assert_array_equal(y[: len(whole)], whole)
    assert len(y) <= len(whole) + 8


def test_junk_before_the_first_frame(make):
    path = make("x.mp3")
    whole, data = read_audio(path), path.read_bytes()
    for junk in (bytes(100_000), np.random.default_rng(0).bytes(50_000)):
        path.write_bytes(junk + data)
        np.testing.assert_array_equal(read_audio(path), whole)


def test_an_id3_tag_of_an_impossible_size(make):
    path = make("x.mp3")
    whole = read_audio(path)
    path.write_bytes(b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + bytes(1024) + path.read_bytes())
    np.testing.assert_array_equal(read_audio(path), whole)


# Content and name


@needs_ffmpeg
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.ogg", ["-c:a", "flac"]),
        ("x.oga", ["-c:a", "flac"]),
        ("x.spx", ["-c:a", "libspeex"]),
        ("x.wv", ["-c:a", "wavpack"]),
        ("x.tta", ["-c:a", "tta"]),
        ("x.3g2", ["-c:a", "aac"]),
        ("x.eac3", ["-c:a", "eac3", "-ar", "48000"]),
        ("mp3_in.wav", ["-c:a", "libmp3lame"]),
        ("ac3_in.wav", ["-c:a", "ac3", "-ar", "48000"]),
        ("x.mp3", ["-c:a", "libopus", "-f", "webm"]),
        ("x.wav", ["-c:a", "aac", "-f", "adts"]),
        ("x.flac", ["-c:a", "aac", "-f", "mp4"]),
        ("x.m4a", ["-c:a", "libmp3lame", "-f", "mp3"]),
        ("y.mp3", ["-c:a", "wmav2", "-f", "asf"]),
        ("x.opus", ["-c:a", "ac3", "-ar", "48000", "-f", "ac3"]),
        ("no_extension", ["-c:a", "flac", "-f", "flac"]),
    ],
)
def test_content_decides(make, name, options):
    try:
        path = make(name, *options)
    except subprocess.CalledProcessError:
        pytest.skip(f"this ffmpeg has no encoder {options[1]}")
    y = read_audio(path, sr=SR)
    assert len(y) == pytest.approx(SECONDS * SR, abs=0.15 * SR)
    assert np.sqrt(np.mean(y**2)) == pytest.approx(np.sqrt(np.mean(music() ** 2)), rel=0.1)
    assert len(read_audio(path, sr=SR, max_duration=1)) == SR


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\0\0\0\x18ftypM4A ", "MP4"),
        (b"\x1aE\xdf\xa3\x01", "Matroska or WebM"),
        (b"wvpk", "WavPack"),
        (b"\xff\xf1\x50\x80", "AAC"),
        (b"ID3\x03\0\0\0\0\0\0\xff\xf1\x50\x80", "AAC"),
        (b"OggS\0\x02" + bytes(20) + b"\x01\x08Speex   ", "Ogg with Speex"),
        (
            b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x55\0" + bytes(14) + b"data\xff\xff\xff\xff",
            "WAV with the codec 0x0055",
        ),
    ],
)
def test_without_ffmpeg_the_format_is_named(tmp_path, monkeypatch, content, name):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setattr(skmer.audio.reading, "file_structure", lambda data: file_structure(b""))
    path = tmp_path / "x.mp3"
    path.write_bytes(content + bytes(200))
    with pytest.raises(AudioError, match=rf"x\.mp3: its format, {name}, needs the program ffmpeg.*Install"):
        read_audio(path)


@needs_ffmpeg
def test_a_video_without_sound(make, tmp_path):
    path = tmp_path / "x.mp4"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64", str(path)]
    subprocess.run(command, check=True)
    with pytest.raises(AudioError, match=r"x\.mp4: the file holds no sound"):
        read_audio(path)


@pytest.mark.parametrize(
    "text",
    [
        "<html><body>404 not found</body></html>",
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
        "ffconcat version 1.0\nfile other.wav\n",
        "#EXTM3U\n#EXTINF:10,\nother.wav\n",
        "Grüße" * 400,
    ],
)
def test_text_is_named(make, tmp_path, text):
    make("other.wav")
    for name in ("x.mp3", "x.m4a", "x.wav"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        with pytest.raises(AudioError, match=rf"{name}: this is text, not audio: it begins with '{text[:5]}"):
            read_audio(path)


# Channels that cancel


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
@pytest.mark.parametrize("other", [-1.0, -0.95])
def test_channels_of_opposite_signs_do_not_cancel(make, suffix, other):
    y = music()
    path = make(f"x.{suffix}", y=np.stack([other * y, y], axis=1))
    assert np.sqrt(np.mean(read_audio(path, sr=SR) ** 2)) == pytest.approx(np.sqrt(np.mean(y**2)), rel=0.05)


def test_other_channels_are_averaged(make):
    rng = np.random.default_rng(0)
    y = rng.normal(scale=0.1, size=(SR, 32))
    y[:, 1:] *= [0, 1, -1] * 10 + [-0.3]  # one that is silent, others that are unrelated
    path = make("x.wav", y=y, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path, sr=SR), y.mean(axis=1), atol=1e-6)


# The system


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_limit_of_the_system_is_not_blamed_on_the_song(make, monkeypatch, number):
    path = make("x.wav")

    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(OSError, match="a limit of the system, not a fault of the recordings") as caught:
        read_audio(path)
    assert (caught.value.errno, isinstance(caught.value, AudioError)) == (number, False)


def test_one_open_file_is_enough(make):
    resource = pytest.importorskip("resource", reason="this system has no limit of open files")
    path = make("x.flac")
    read_audio(path)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/dev/fd"))) if os.path.isdir("/dev/fd") else 100
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 10, limits[1]))
        with suppress(OSError):
            while True:
                held.append(open(os.devnull))  # noqa: SIM115
        held.pop().close()
        assert len(read_audio(path, sr=SR)) == SECONDS * SR
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for file in held:
            file.close()


def test_decoders_write_nothing_to_standard_error(make, capfd):
    path = make("x.mp3", y=music(20))
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8).copy()
    rng = np.random.default_rng(0)
    for _ in range(5):
        damaged = data.copy()
        damaged[rng.integers(1000, len(data), 40)] = rng.integers(0, 256, 40)
        path.write_bytes(damaged)
        with suppress(AudioError):
            read_audio(path)
    for content in (b"\xff" * 200_000, bytes(200_000), rng.bytes(200_000)):
        path.write_bytes(content)
        with pytest.raises(AudioError):
            read_audio(path)
    assert capfd.readouterr().err == ""


def test_predictions_go_on_after_a_file_that_shrinks(make, monkeypatch):
    structure = file_structure

    def shrink(data):
        found = structure(data)
        if data.path.name == "b.wav":
            os.truncate(data.path, 0)
        return found

    monkeypatch.setattr(skmer.audio.reading, "file_structure", shrink)
    files = [str(make(name)) for name in ("a.wav", "b.wav", "c.wav")]
    pipe = make_pipeline(DescriptorTransformer(), DummyClassifier()).fit(files[:1] + files[2:], ["calm", "calm"])
    found = list(predict_files(pipe, files, n_jobs=2))
    assert [song.error is None for song in found] == [True, False, True]
    assert "changed from" in found[1].error


@needs_ffmpeg
@pytest.mark.parametrize("padding", [None, "zero"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_segments_of_a_stream_are_those_of_the_whole(make, monkeypatch, padding, dtype):
    path = make("x.m4a", "-c:a", "aac", y=music(20, 44100), sr=44100)
    waveform = read_audio(path, max_duration=15.5)
    monkeypatch.setattr(skmer.audio.reading, "_BLOCK", 30_000)
    transformer = SegmentTransformer(padding=padding, dtype=dtype, max_duration=15.5)
    np.testing.assert_array_equal(transformer.transform([path])[0], transformer.transform([waveform])[0])


def test_a_stream_shorter_than_a_frame(make):
    with pytest.raises(AudioError, match=r"x\.wav: it lasts 0\.03 s, shorter than one segment"):
        SegmentTransformer().transform([make("x.wav", y=music(0.03))])
    with pytest.warns(UserWarning, match="Digital silence in 1 of the songs"):
        SegmentTransformer().transform([make("x.wav", y=np.zeros(4 * SR))])
