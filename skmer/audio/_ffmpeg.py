"""Decoding with the programs ffmpeg and ffprobe, for the formats that libsndfile does not read, block by block."""

import json
import re
import shutil
import struct
import subprocess
import threading
from contextlib import contextmanager
from typing import Any

import numpy as np

from skmer._errors import AudioError
from skmer.audio._truncation import truncation_error

__all__ = ["has_ffmpeg", "open_ffmpeg"]

# only files, so that a playlist cannot open a network address
_OPTIONS = ["-hide_banner", "-protocol_whitelist", "file,pipe"]
_PLAYLISTS = {"concat", "dash", "hls", "imf", "sdp"}
_LEAST_SCORE = 26  # of ffprobe, for a format that is more than a guess
_LOST = re.compile("error (while decoding|submitting packet)|incomplete frame", re.IGNORECASE)
_DAMAGED = re.compile(r"\[(tta|flac) @ \w+\] CRC error", re.IGNORECASE)  # of those that decode damaged frames


def has_ffmpeg():
    """Return whether both programs are on the PATH."""
    return None not in _find_programs()


def _find_programs():
    return [shutil.which("ffmpeg"), shutil.which("ffprobe")]


@contextmanager
def open_ffmpeg(path, name, seconds, block_size):
    """Yield the sampling rate of a file and an iterator over blocks of shape (n_samples, n_channels).

    The iterator raises AudioError if the file is damaged, or has fewer samples than it declares in the first
    seconds, or in all. A raw stream declares none: any error in decoding it is damage.
    """
    ffmpeg, ffprobe = _find_programs()
    if ffmpeg is None or ffprobe is None:
        missing = "ffmpeg" if ffmpeg is None else "ffprobe"
        raise AudioError(
            f"{path}: its format, {name}, needs the program {missing}, which is not on the PATH. "
            "Install ffmpeg, or convert the file to WAV, FLAC or MP3."
        )
    expected = _probe(ffprobe, path)
    if seconds is not None and expected is not None:
        expected = min(expected, seconds)
    command = [
        ffmpeg,
        "-nostdin",
        "-nostats",
        "-v",
        "error",
        *_OPTIONS,
        "-err_detect",
        "crccheck",
        "-i",
        f"file:{path.absolute()}",
    ]
    # channels are averaged by the caller, because ffmpeg's downmix to floating point adds 3 dB
    command += ["-map", "0:a:0", "-vn", *([] if seconds is None else ["-t", repr(float(seconds))])]
    command += ["-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        log = _Log(process.stderr)
        try:
            output: Any = process.stdout
            header = output.read(24)
            if len(header) < 24:
                raise _refusal(path, log.text(), process.wait())
            offset, _, _, rate, n_channels = struct.unpack(">5I", header[4:])
            output.read(offset - 24)
            yield rate, _blocks(path, process, log, rate, n_channels, expected, block_size)
        finally:
            process.kill()
            log.join()


def _blocks(path, process, log, rate, n_channels, expected, block_size):
    n_read, size = 0, 4 * n_channels
    while content := process.stdout.read(block_size * size):
        samples = np.frombuffer(content, dtype=">f4", count=len(content) // size * n_channels)
        n_read += len(samples) // n_channels
        yield samples.astype(np.float32).reshape(-1, n_channels)
    status, text = process.wait(), log.text()
    if _DAMAGED.search(text) or (expected is None and _LOST.search(text)):
        raise truncation_error(path, f"ffmpeg reports {_last_line(text, status)!r}")
    if expected is not None and n_read / rate < 0.99 * expected - 0.25:
        raise truncation_error(path, f"{expected:.2f} s are expected, {n_read / rate:.2f} s can be decoded")
    if status != 0:
        raise _refusal(path, text, status)


class _Log(threading.Thread):
    """Read the messages of a program while its output is read."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self._stream, self._content = stream, b""
        self.start()

    def run(self):
        self._content = self._stream.read()

    def text(self):
        self.join()
        return self._content.decode("utf-8", "replace")


def _probe(ffprobe, path):
    """Return the seconds that the first audio stream of a file declares, or None."""
    entries = "format=format_name,duration,probe_score:stream=codec_type,duration,start_time"
    entries += ":stream_disposition=attached_pic:stream_tags=DURATION"
    command = [ffprobe, "-v", "warning", *_OPTIONS, "-show_entries", entries, "-of", "json", f"file:{path.absolute()}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    log = done.stderr.decode("utf-8", "replace")
    try:
        found = json.loads(done.stdout.decode("utf-8", "replace"))
        container, streams = found["format"], found["streams"]
    except (ValueError, KeyError):
        raise _refusal(path, log, done.returncode) from None
    if container.get("probe_score", 0) < _LEAST_SCORE:
        raise _refusal(path, "format not recognised", done.returncode)
    if _PLAYLISTS & set(container["format_name"].split(",")):
        raise AudioError(f"{path}: this is a playlist, not a recording. Pass the files that it names.")
    audio = next((stream for stream in streams if stream["codec_type"] == "audio"), None)
    if audio is None:
        raise AudioError(f"{path}: the file holds no sound. Leave it out.")
    if "Estimating duration" in log:
        return None
    start = max(0.0, float(audio.get("start_time", 0)))
    if "duration" in audio:
        return float(audio["duration"])
    if stated := re.fullmatch(r"(\d+):(\d\d):(\d\d\.\d+)", audio.get("tags", {}).get("DURATION", "")):
        hours, minutes, seconds = map(float, stated.groups())
        return 3600 * hours + 60 * minutes + seconds - start
    # another stream may be longer
    alone = all(stream is audio or stream.get("disposition", {}).get("attached_pic") for stream in streams)
    return float(container["duration"]) - start if alone and "duration" in container else None


def _refusal(path, log, status):
    return AudioError(
        f"{path}: ffmpeg cannot decode this file ({_last_line(log, status)}). "
        "Check that it plays elsewhere, and convert it to WAV."
    )


def _last_line(log, status):
    lines = [line for line in log.strip().splitlines() if "repeated" not in line]
    return re.sub(r"^\[.*? @ 0x\w+\] |^file:.*: ", "", lines[-1]) if lines else f"exit status {status}"
