"""Frames of MPEG audio files, counted without decoding: decoders read a truncated file without an error."""

import io
import struct
from typing import NamedTuple

__all__ = ["Mp3Layout", "mp3_layout", "mp3_truncation", "skip_id3", "with_frame_count"]

# bitrate in kbit/s by (MPEG version is 1, layer), index 1 to 14
_BITRATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
# sampling rate by the two version bits; 1 is reserved
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


class Mp3Layout(NamedTuple):
    """The frames of an MPEG audio file."""

    first: int  # offset of the first frame in bytes
    n_frames: int  # complete frames, without the Xing, Info or VBRI frame that declares their number
    samples_per_frame: int
    declared: int | None  # number of frames in a Xing, Info or VBRI header
    cut: bool  # whether the last frame is incomplete


def _frame_length(header):
    """Return the length in bytes and in samples of the frame with this four-byte header, or None."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bitrate in (0, 15) or rate == 3:
        return None
    bits = 1000 * _BITRATES[version == 3, layer][bitrate - 1]
    samples = 384 if layer == 1 else 576 if layer == 3 and version != 3 else 1152
    slot = 4 if layer == 1 else 1
    return (samples // 8 // slot * bits // _RATES[version][rate] + padding) * slot, samples


def _same_format(a, b):
    """Return whether two headers have the same MPEG version, layer and sampling rate."""
    return a[0] == b[0] and a[1] & 0xFE == b[1] & 0xFE and a[2] & 0x0C == b[2] & 0x0C


def _find_frame(data, start, like=None):
    """Return the offset of the next frame that is followed by a similar one or by the end of the file, or -1."""
    while (start := data.find(b"\xff", start)) >= 0:
        header = data[start : start + 4]
        frame = _frame_length(header)
        if frame is not None and (like is None or _same_format(header, like)):
            following = data[start + frame[0] : start + frame[0] + 4]
            if _frame_length(following) is not None and _same_format(header, following):
                return start
            if start + frame[0] == len(data):
                return start
        start += 1
    return -1


def skip_id3(data):
    """Return the offset after the ID3 tags at the beginning of a file."""
    position = 0
    while data[position : position + 3] == b"ID3" and len(data) >= position + 10:
        size = 0
        for byte in data[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        position += size + (20 if data[position + 5] & 0x10 else 10)
    return position


def _declared_frames(frame):
    """Return the number of frames in the Xing, Info or VBRI header in a frame, or None."""
    for tag in (b"Xing", b"Info"):
        at = frame[:64].find(tag)
        if at >= 0:
            flags, count = struct.unpack(">II", frame[at + 4 : at + 12].ljust(8, b"\0"))
            return count if flags & 1 else None
    if frame[36:40] == b"VBRI":
        return struct.unpack(">I", frame[50:54].ljust(4, b"\0"))[0]
    return None


def mp3_layout(data):
    """Return the `Mp3Layout` of a file, or None if it has no sequence of frames, as in the free format.

    Tags before, after and between the frames, padding and other junk are skipped.
    """
    position = first = _find_frame(data, skip_id3(data))
    if first < 0:
        return None
    reference = data[first : first + 4]
    samples = _frame_length(reference)[1]
    n_frames, cut, last = 0, False, first
    end = len(data)
    tag = end - 128 if data[max(end - 128, 0) : max(end - 125, 0)] == b"TAG" else end
    while position + 4 <= end:
        header = data[position : position + 4]
        frame = _frame_length(header)
        if frame is None or not _same_format(header, reference):
            position = _find_frame(data, position + 1, reference)
            if position < 0:
                break
            continue
        if position + frame[0] > tag:
            cut = True
            break
        n_frames, last = n_frames + 1, position
        position += frame[0]
    else:
        # one to three bytes remain: the beginning of another header, or padding
        rest = data[position:end]
        cut = len(rest) > 1 and rest[0] == 0xFF and rest[1] & 0xFE == reference[1] & 0xFE
    # a tag that was added to a truncated file overlaps its last frame
    last_frame = data[last : last + _frame_length(data[last : last + 4])[0]]
    cut = cut or b"APETAGEX" in last_frame or b"LYRICSBEGIN" in last_frame
    declared = _declared_frames(data[first : first + 128])
    return Mp3Layout(first, n_frames - (declared is not None), samples, declared, cut)


def with_frame_count(data, layout):
    """Return a BytesIO with the frames of an MP3 after a Xing header that declares their number.

    Without it, libsndfile estimates the length from the bitrate of the first frame and reads no further; with a
    variable bitrate, the estimate can be a quarter of the length.
    """
    header = bytearray(data[layout.first : layout.first + 4])
    header[1] |= 1  # no checksum
    header[2] = 9 << 4 | header[2] & 0x0C  # a bitrate whose frame has room for the header
    mono, mpeg1 = header[3] >> 6 == 3, header[1] >> 3 & 3 == 3
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    frame = bytes(header) + bytes(side_info) + b"Xing" + struct.pack(">II", 1, layout.n_frames)
    return io.BytesIO(frame.ljust(_frame_length(bytes(header))[0], b"\0") + data[layout.first :])


def mp3_truncation(layout):
    """Return why an MP3 is truncated, or None if there is no evidence of it."""
    # some encoders count the frame of the header, too: one missing frame alone is no evidence
    if layout.declared is not None:
        missing = layout.declared - layout.n_frames
        if missing > 1 or (missing > 0 and layout.cut):
            return f"its header declares {layout.declared:,} frames, but there are {layout.n_frames:,}"
    elif layout.cut:
        return "its last frame is incomplete"
    return None
