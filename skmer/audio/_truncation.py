"""The structure of audio files, in their headers: decoders read a truncated or joined file without an error.

Functions take the bytes of a whole file (`bytes` or `FileBytes`).
"""

import re
import struct
import zlib
from typing import NamedTuple

from skmer._errors import AudioError
from skmer.audio._flac import count_samples, declared_samples, with_total
from skmer.audio._mp3 import skip_id3, skip_tags

__all__ = ["Structure", "file_structure", "joined_error", "ogg_is_chained", "truncation_error"]

_STREAMING = 0x7FFF0000  # sizes from here on mean "unknown, written to a pipe"
_NEGLIGIBLE = 1024  # bytes of uncompressed audio that may be missing: some milliseconds
_TRAILING = 1 << 16  # bytes after the audio that are not worth an error
_FIRST = ", of which only the first can be decoded"


class Structure(NamedTuple):
    """What the headers of a file say about its completeness."""

    truncated: str | None = None  # the evidence
    joined: str | None = None  # what follows the first recording in the file
    patches: dict = {}  # noqa: RUF012 - corrections of its header by offset, without which audio is not decoded


def truncation_error(path, evidence):
    """Return the AudioError of a truncated file."""
    return AudioError(f"{path}: the file is truncated or damaged: {evidence}. Get it again from its source.")


def joined_error(path, evidence):
    """Return the AudioError of a file with several recordings, of which decoders read the first without an error."""
    return AudioError(f"{path}: the file {evidence}. Split it, or convert it to WAV or FLAC.")


def _compare(declared, present, unit="bytes of audio"):
    if declared > present + _NEGLIGIBLE:
        return f"its header declares {declared:,} {unit}, but there are {present:,}"
    return None


def _chunks_structure(data, order):
    """Check the chunks of a WAVE (order "<") or AIFF (">") file."""
    position, long_size, audio, patches = 12, None, None, {}
    while position + 8 <= len(data):
        name, size = struct.unpack(order + "4sI", data[position : position + 8])
        present = len(data) - position - 8
        if audio is not None and data[position : position + 4] == data[:4]:
            return Structure(joined=f"joins several recordings{_FIRST}")
        if audio is not None and (size > present or not (name.isascii() and name.decode("latin-1").isprintable())):
            return _check_rest(data, position, audio, patches)
        if name == b"ds64" and len(data) >= position + 24:
            long_size = struct.unpack("<Q", data[position + 16 : position + 24])[0]
        if name in (b"data", b"SSND"):
            if audio is not None:
                return Structure(joined=f"has several chunks of audio{_FIRST}")
            if size == 0xFFFFFFFF and long_size:
                size = long_size
            elif size >= _STREAMING:
                return Structure()
            if size == 0 and present > 8 and not _is_chunk(data, position + 8, order):
                # a recorder that was cut off before it wrote the size
                size = present
                patches = {position + 4: struct.pack(order + "I", min(present, 0xFFFFFFFF))}
            if truncated := _compare(size, present):
                return Structure(truncated)
            audio = size
        position += 8 + size + size % 2
    return Structure("it ends before the audio data") if audio is None else Structure(patches=patches)


def _is_chunk(data, position, order):
    name, size = struct.unpack(order + "4sI", data[position : position + 8])
    return name.isascii() and name.decode("latin-1").isprintable() and position + 8 + size <= len(data)


def _check_rest(data, position, audio, patches):
    """Check what follows the audio and is not a chunk."""
    position = skip_tags(data, position)
    rest = len(data) - position
    if rest > max(_TRAILING, audio // 100) and any(data[position : position + _TRAILING]):
        return Structure(joined=f"declares {audio:,} bytes of audio, and {rest:,} more follow, which are not decoded")
    return Structure(patches=patches)


def _caf_structure(data):
    position = 8
    while position + 12 <= len(data):
        name, size = struct.unpack(">4sq", data[position : position + 12])
        present = len(data) - position - 12
        if name == b"caff":
            return Structure(joined=f"joins several recordings{_FIRST}")
        if size < 0:  # an audio chunk that was never closed extends to the end of the file
            return Structure()
        if size > present:
            return Structure(_compare(size, present) if name == b"data" else None)
        position += 12 + size
    return Structure()


def _sized_structure(data, declared, unit="bytes of audio", offset=0):
    """Check a file that declares its size at the beginning: Wave64, AU."""
    if truncated := _compare(declared, len(data) - offset, unit):
        return Structure(truncated)
    end = offset + declared
    return Structure(joined=f"joins several recordings{_FIRST}" if data[end : end + 4] == data[:4] else None)


def _ogg_pages(data):
    """Yield the offset, flags, offset of the content and end of each Ogg page in a row; the last may be incomplete."""
    position = max(data.find(b"OggS"), 0)
    while data[position : position + 4] == b"OggS":
        head = data[position : position + 27]
        table = data[position + 27 : position + 27 + head[26]] if len(head) == 27 else b""
        content = position + 27 + (head[26] if len(head) == 27 else len(data))
        end = content + sum(table)
        yield position, head[5] if len(head) > 5 else 0, content, end
        position = end


def ogg_codecs(data):
    """Return the beginning of the first packet of each stream in an Ogg file."""
    packets = []
    for _, flags, content, _ in _ogg_pages(data):
        if not flags & 2:
            break
        packets.append(data[content : content + 8])
    return packets


def ogg_is_chained(data):
    """Return whether an Ogg file has another stream after its first, as recordings of web radio have."""
    continued = False
    for _, flags, _, _ in _ogg_pages(data):
        if flags & 2 and continued:
            return True
        continued = continued or not flags & 2
    return False


# the checksum of Ogg is that of zlib with the bits of each byte, and of the result, in reverse order
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _ogg_page_is_intact(page):
    crc = zlib.crc32((page[:22] + bytes(4) + page[26:]).translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(_REVERSED)[::-1] == page[22:26][::-1]


def _ogg_structure(data):
    continued, flags, end = False, 4, 0
    for position, flags, _, end in _ogg_pages(data):
        if flags & 2 and continued:
            return Structure(joined=f"chains several Ogg streams{_FIRST}")
        if end > len(data):
            return Structure("its last Ogg page is incomplete")
        if not _ogg_page_is_intact(data[position:end]):
            return Structure(f"the Ogg page at byte {position:,} is damaged")
        continued = continued or not flags & 2
    if data.find(b"OggS\0", end) >= 0:
        return Structure(f"Ogg pages are missing at byte {end:,}")
    return Structure(None if flags & 4 else "its last Ogg page lacks the end-of-stream flag")


def _mp4_structure(data):
    position = 0
    while position + 8 <= len(data):
        size = struct.unpack(">I", data[position : position + 4])[0]
        name = data[position + 4 : position + 8]
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size == 0 and name == b"mdat":  # the box extends to the end of the file
            return Structure()
        if name == b"ftyp" and position:
            return Structure(joined=f"joins several recordings{_FIRST}")
        present = len(data) - position
        if size < 8 or not name.strip().isalnum():  # padding or a tag after the last box, unless boxes follow
            if present > _TRAILING and data.find(b"mdat", position) >= 0:
                return Structure(f"its boxes are interrupted at byte {position:,}")
            return Structure()
        if size > present:
            name = name.decode("latin-1")
            return Structure(f"its box {name!r} declares {size:,} bytes, but there are {present:,}")
        position += size
    return Structure()


def _adts_structure(data):
    position = skip_id3(data)
    while position + 7 <= len(data) and data[position] == 0xFF and data[position + 1] & 0xF6 == 0xF0:
        size = (data[position + 3] & 3) << 11 | data[position + 4] << 3 | data[position + 5] >> 5
        if size < 7:
            break
        if position + size > len(data):
            return Structure("its last frame is incomplete")
        position += size
    return Structure()


def _flac_structure(data, start):
    at = start
    while (at := data.find(b"fLaC", at + 4)) >= 0:
        if data[at + 5 : at + 8] == b"\0\0\x22":
            return Structure(joined=f"joins several FLAC streams{_FIRST}")
    declared, present = declared_samples(data, start), count_samples(data, start)
    if present is None or declared == present:
        return Structure()
    if declared > present:
        return Structure(f"its header declares {declared:,} samples, but its last frame ends at {present:,}")
    return Structure(patches=with_total(data, start, present))


def _wavpack_structure(data):
    position, begun = 0, False
    while data[position : position + 4] == b"wvpk" and position + 32 <= len(data):
        size, sample, n_samples, flags = struct.unpack("<4xI8xIII", data[position : position + 28])
        first_channels = flags & 0x800 and n_samples
        if sample == 0 and first_channels and begun:
            return Structure(joined=f"joins several recordings{_FIRST}")
        begun = begun or first_channels
        position = skip_tags(data, position + 8 + size)
    return Structure()


# formats whose second beginning is looked for in the whole file
_BEGINNINGS = (
    (b"\x1aE\xdf\xa3", re.compile(rb".{4,40}(matroska|webm)", re.DOTALL)),
    (b"0&\xb2u\x8ef\xcf\x11\xa6\xd9\0\xaa\0b\xcel", re.compile(b"")),
    (b"TTA1\x01\0", re.compile(b"")),
    (b"DSD \x1c\0\0\0\0\0\0\0", re.compile(b"")),
)


def _repeats(data):
    for magic, rest in _BEGINNINGS:
        if data[: len(magic)] == magic:
            at = data.find(magic, 4)
            while at >= 0:
                if rest.match(data[at : at + 64]):
                    return True
                at = data.find(magic, at + 1)
    return False


def file_structure(data):
    """Return the `Structure` of a file, from its headers alone; without evidence it is complete.

    For WAVE, RF64, Wave64, AIFF, AU, CAF, FLAC, Ogg, MP4 and raw AAC. An MP3 has no magic number: see
    `mp3_truncation`. A file without a declared length that ends exactly between two frames leaves no evidence.
    """
    head = bytes(data[:12])
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return _chunks_structure(data, "<")
    if head[:4] == b"RIFX" and head[8:] == b"WAVE":
        return _chunks_structure(data, ">")
    if head[:4] == b"FORM":
        return _chunks_structure(data, ">")
    if head[:4] == b"riff":  # Sony Wave64: a 16-byte name, then the size of the whole file
        return _sized_structure(data, int.from_bytes(data[16:24], "little"), "bytes")
    if head[:4] == b"caff":
        return _caf_structure(data)
    if head[:4] == b".snd" and len(head) == 12:
        offset, size = struct.unpack(">II", head[4:])
        return Structure() if size >= _STREAMING else _sized_structure(data, size, offset=offset)
    if head[4:8] == b"ftyp":
        return _mp4_structure(data)
    if head[:4] == b"wvpk":
        return _wavpack_structure(data)
    start = skip_id3(data)
    if data[start : start + 4] == b"OggS":
        return _ogg_structure(data)
    if data[start : start + 4] == b"fLaC":
        return _flac_structure(data, start)
    if data[start : start + 1] == b"\xff" and len(data) > start + 1 and data[start + 1] & 0xF6 == 0xF0:
        return _adts_structure(data)
    return Structure(joined=f"joins several recordings{_FIRST}" if _repeats(data) else None)
