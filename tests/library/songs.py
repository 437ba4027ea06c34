"""Short audio files of each format that can be tagged, made by soundfile and ffmpeg."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

SR = 12000  # a rate of all formats
FORMATS = ["mp3", "flac", "ogg", "opus", "m4a"]


def tone(seconds=2.0, hertz=440):
    time = np.arange(int(seconds * SR)) / SR
    return 0.3 * np.sin(2 * np.pi * hertz * time)


def write_song(path, y=None):
    """Write a song in the format of its extension, and return its path; skip the test where it cannot be made."""
    y = tone() if y is None else y
    suffix = path.suffix[1:]
    if suffix == "m4a":
        if shutil.which("ffmpeg") is None:
            pytest.skip("M4A needs ffmpeg")
        source = path.with_suffix(".source.wav")
        soundfile.write(source, y, SR)
        command = ["ffmpeg", "-v", "error", "-y", "-i", source, "-c:a", "aac", path]
        subprocess.run(command, check=True)
        source.unlink()
        return path
    options = {"ogg": {"format": "OGG", "subtype": "VORBIS"}, "opus": {"format": "OGG", "subtype": "OPUS"}}
    if suffix == "mp3" and "MP3" not in soundfile.available_formats():
        pytest.skip("MP3 needs a newer libsndfile")
    soundfile.write(path, y, SR, **options.get(suffix, {}))
    return path
