"""Truncation of audio files, found in their headers: decoders read a truncated file without an error.

Functions take the bytes of a whole file (``bytes`` or ``mmap``) and return the evidence of truncation, or None.
"""

import struct

from skmer._errors import AudioError
from skmer.audio._mp3 import skip_id3

__all__ = ["find_truncation", "ogg_is_chained", "truncation_error"]

_STREAMING = 0x7FFF0000  # sizes from here on mean "unknown, written to a pipe"


def _compare(declared, present, unit="bytes of audio"):
    if declared > present:
        return f"its header declares {declared:,} {unit}, but there are {present:,}"
    return None


def _chunk_truncation(data, order):
    """Check the audio chunk of a WAVE (order "<") or AIFF (">") file."""
    position, long_size = 12, None
    while position + 8 <= len(data):
        name, size = struct.unpack(order + "4sI", data[position : position + 8])
        if name == b"ds64" and len(data) >= position + 24:
            long_size = struct.unpack("<Q", data[position + 16 : position + 24])[0]
        if name in (b"data", b"SSND"):
            if size == 0xFFFFFFFF and long_size:
                size = long_size
            elif size >= _STREAMING:
                return None
            return _compare(size, len(data) - position - 8)
        position += 8 + size + size % 2
    return "it ends before the audio data"


def _caf_truncation(data):
    position = 8
    while position + 12 <= len(data):
        name, size = struct.unpack(">4sq", data[position : position + 12])
        present = len(data) - position - 12
        if size < 0:  # an audio chunk that was never closed extends to the end of the file
            return None
        if size > present:
            return _compare(size, present) if name == b"data" else None
        position += 12 + size
    return None


def _ogg_truncation(data):
    page = data.rfind(b"OggS")
    while page >= 0:
        segments = data[page + 26 : page + 27]
        if len(data) < page + 27 or len(data) < page + 27 + segments[0]:
            return "its last Ogg page is incomplete"
        if data[page + 4] == 0 and data[page + 5] < 8:
            end = page + 27 + segments[0] + sum(data[page + 27 : page + 27 + segments[0]])
            if end > len(data):
                return "its last Ogg page is incomplete"
            return None if data[page + 5] & 4 else "its last Ogg page lacks the end-of-stream flag"
        page = data.rfind(b"OggS", 0, page)
    return None


def ogg_is_chained(data):
    """Return whether an Ogg file has another stream after its first, as recordings of web radio have."""
    position, continued = 0, False
    while data[position : position + 4] == b"OggS" and position + 27 <= len(data):
        begins = bool(data[position + 5] & 2)
        if begins and continued:
            return True
        continued = continued or not begins
        table = data[position + 27 : position + 27 + data[position + 26]]
        position += 27 + len(table) + sum(table)
    return False


def _mp4_truncation(data):
    position = 0
    while position + 8 <= len(data):
        size = struct.unpack(">I", data[position : position + 4])[0]
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size == 0:  # the box extends to the end of the file
            return None
        if size < 8:  # not a box: padding after the last one
            return None
        if position + size > len(data):
            name = bytes(data[position + 4 : position + 8]).decode("latin-1")
            present = len(data) - position
            return f"its box {name!r} declares {size:,} bytes, but there are {present:,}" if name.isalnum() else None
        position += size
    return None


def _adts_truncation(data):
    position = skip_id3(data)
    while position + 7 <= len(data) and data[position] == 0xFF and data[position + 1] & 0xF6 == 0xF0:
        size = (data[position + 3] & 3) << 11 | data[position + 4] << 3 | data[position + 5] >> 5
        if size < 7:
            return None
        if position + size > len(data):
            return "its last frame is incomplete"
        position += size
    return None


def find_truncation(data):
    """Return why a file is truncated, from its headers alone, or None if there is no evidence of it.

    For WAVE, RF64, Wave64, AIFF, AU, CAF, Ogg (Vorbis, Opus), MP4 and raw AAC. An MP3 has no magic number: see
    `mp3_truncation`. A file without a declared length that ends exactly between two frames leaves no evidence.
    """
    head = bytes(data[:12])
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return _chunk_truncation(data, "<")
    if head[:4] == b"FORM":
        return _chunk_truncation(data, ">")
    if head[:4] == b"riff":  # Sony Wave64: a 16-byte name, then the size of the whole file
        size = int.from_bytes(data[16:24], "little")
        return _compare(size, len(data), "bytes")
    if head[:4] == b"caff":
        return _caf_truncation(data)
    if head[:4] == b".snd" and len(head) == 12:
        offset, size = struct.unpack(">II", head[4:])
        return None if size >= _STREAMING else _compare(size, len(data) - offset)
    if head[:4] == b"OggS":
        return _ogg_truncation(data)
    if head[4:8] == b"ftyp":
        return _mp4_truncation(data)
    if head[:4] == b"fLaC":  # truncation is found in decoding
        return None
    start = skip_id3(data)
    if data[start : start + 1] == b"\xff" and len(data) > start + 1 and data[start + 1] & 0xF6 == 0xF0:
        return _adts_truncation(data)
    return None


def truncation_error(path, evidence):
    """Return the AudioError of a truncated file."""
    return AudioError(f"{path}: the file is truncated: {evidence}. Get it again from its source.")
