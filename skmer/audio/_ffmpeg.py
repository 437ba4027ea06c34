"""Decoding with the ffmpeg program, for the formats that libsndfile does not read."""

import re
import shutil
import struct
import subprocess

import numpy as np

from skmer._errors import AudioError
from skmer.audio._truncation import truncation_error

__all__ = ["decode_ffmpeg"]


def decode_ffmpeg(path, seconds=None):
    """Return the mean of the channels of the first seconds, or of the whole file, and the sampling rate of the file."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise AudioError(
            f"{path}: this format needs the ffmpeg program, which is not on the PATH. "
            "Install ffmpeg, or convert the file to WAV, FLAC or MP3."
        )
    # only files, so that a playlist cannot open a network address; channels are averaged below, because ffmpeg's
    # downmix to floating point adds 3 dB
    command = [ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-protocol_whitelist", "file,pipe"]
    command += ["-i", f"file:{path.absolute()}", "-map", "0:a:0", "-vn"]
    if seconds is not None:
        command += ["-t", repr(seconds)]
    command += ["-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    log = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0 or len(done.stdout) < 24:
        reason = log.strip().splitlines()[-1] if log.strip() else f"exit status {done.returncode}"
        raise AudioError(
            f"{path}: ffmpeg cannot decode this file ({reason}). Check that it plays elsewhere, and convert it to WAV."
        )
    offset, _, _, rate, channels = struct.unpack(">5I", done.stdout[4:24])
    samples = np.frombuffer(done.stdout, dtype=">f4", offset=offset).astype(np.float32).reshape(-1, channels)
    y = samples @ np.full(channels, 1 / channels, dtype=np.float32)
    stated = re.search(r"Duration: (\d+):(\d\d):(\d\d\.\d+)", log)
    # a duration estimated from the bitrate is inexact, and a video stream may be longer than the audio stream
    if stated and seconds is None and "Estimating duration" not in log and "Video:" not in log:
        hours, minutes, seconds = (float(part) for part in stated.groups())
        expected = 3600 * hours + 60 * minutes + seconds
        if len(y) / rate < 0.99 * expected - 0.25:
            raise truncation_error(path, f"{expected:.2f} s are expected, {len(y) / rate:.2f} s can be decoded")
    return y, rate
