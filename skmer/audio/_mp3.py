"""Frames of MPEG audio files, counted without decoding: decoders read a truncated file without an error."""

import io
import struct
from typing import NamedTuple

__all__ = ["Mp3Layout", "clean_stream", "mp3_layout", "mp3_truncation", "skip_id3", "skip_tags"]

_SEARCH = 1 << 20  # bytes in which the first frame is looked for
_LOST = 8192  # bytes between frames, half a second at 128 kbit/s, from which on audio is missing

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
    runs: list  # (start, stop) of frames without anything between them
    lost: int  # largest number of bytes between frames, or of zeros after them, that are no tag
    joined: bool  # whether there are frames of another sampling rate or number of channels
    tidy: bool  # whether a decoder needs no help: no junk, and a header with the right number of frames


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
    """Return whether two headers have the same MPEG version, layer, sampling rate and number of channels."""
    mono = a[3] >> 6 == 3, b[3] >> 6 == 3
    return a[0] == b[0] and a[1] & 0xFE == b[1] & 0xFE and a[2] & 0x0C == b[2] & 0x0C and mono[0] == mono[1]


def _find_frame(data, start, stop, like=None, n_frames=2):
    """Return the offset of the next of `n_frames` similar frames in a row, fewer at the end of the file, or -1."""
    while 0 <= (start := data.find(b"\xff", start)) < stop:
        if _is_run(data, start, like or data[start : start + 4], n_frames):
            return start
        start += 1
    return -1


def _is_run(data, position, like, n_frames):
    for i in range(n_frames):
        if i and position == len(data):
            return True
        header = data[position : position + 4]
        if i > 1 and len(header) < 4:
            return True
        frame = _frame_length(header)
        if frame is None or not _same_format(header, like):
            return False
        position += frame[0]
        if i and position > len(data):
            return True
    return True


def skip_tags(data, position):
    """Return the offset after the tags that begin at an offset, as where files are joined."""
    while True:
        head = data[position : position + 32]
        if head[:3] == b"ID3":
            after = skip_id3(data, position)
        elif head[:3] == b"TAG":
            after = position + (227 if head[3:4] == b"+" else 128)
        elif head[:8] == b"APETAGEX" and len(head) == 32:
            after = position + 32 + (struct.unpack("<I", head[12:16])[0] if head[23] & 0x20 else 0)
        else:
            return position
        if after > len(data):
            return position
        position = after


def skip_id3(data, position=0):
    """Return the offset after the ID3 tags at an offset, which is that of the tag if it declares an impossible size."""
    while data[position : position + 3] == b"ID3" and len(data) >= position + 10:
        size = 0
        for byte in data[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        after = position + size + (20 if data[position + 5] & 0x10 else 10)
        if after > len(data):
            break
        position = after
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
    start, end = skip_id3(data), len(data)
    first = _find_frame(data, start, min(start + _SEARCH, end), n_frames=4)
    if first < 0:
        return None
    reference = data[first : first + 4]
    samples = _frame_length(reference)[1]
    n_frames, cut, last, lost, joined, runs = 0, False, first, 0, False, []
    position = begin = first
    lengths: dict = {}  # of the frames with a header, None for another format; files have few different headers
    tag = end - 128 if data[max(end - 128, 0) : max(end - 125, 0)] == b"TAG" else end
    while position + 4 <= end:
        header = data[position : position + 4]
        if header not in lengths:
            frame = _frame_length(header)
            lengths[header] = frame[0] if frame is not None and _same_format(header, reference) else None
        length = lengths[header]
        if length is None:
            runs.append((begin, position))
            after = skip_tags(data, position)
            begin = _find_frame(data, after, end, reference)
            junk = (end if begin < 0 else begin) - after
            if junk > _LOST:
                joined = joined or _find_frame(data, after, after + junk, n_frames=10) >= 0
                # other data after the last frame may be a tag of an unknown kind
                if begin >= 0 or not any(data[after : after + _LOST]):
                    lost = max(lost, junk)
            if begin < 0:
                break
            position = begin
            continue
        if position + length > tag:
            cut = True
            break
        n_frames, last = n_frames + 1, position
        position += length
    else:
        # one to three bytes remain: the beginning of another header, or padding
        rest = data[position:end]
        cut = len(rest) > 1 and rest[0] == 0xFF and rest[1] & 0xFE == reference[1] & 0xFE
    if begin >= 0:
        runs.append((begin, position))
    # a tag that was added to a truncated file overlaps its last frame
    last_frame = data[last : last + _frame_length(data[last : last + 4])[0]]
    cut = cut or b"APETAGEX" in last_frame or b"LYRICSBEGIN" in last_frame
    declared = _declared_frames(data[first : first + 128])
    n_frames -= declared is not None
    tidy = first == start and len(runs) == 1 and declared is not None and n_frames - declared <= 1
    return Mp3Layout(first, n_frames, samples, declared, cut, runs, lost, joined, tidy)


def clean_stream(data, layout):
    """Return a BytesIO with nothing but the frames of an MP3, after a Xing header that declares their number.

    Without the number, libsndfile estimates the length from the bitrate of the first frame and reads no further; with
    a variable bitrate, the estimate can be a quarter of the length. It gives up at 1,024 bytes of junk.
    """
    frames = [data[start:stop] for start, stop in layout.runs]
    if layout.declared is not None and layout.n_frames - layout.declared <= 1:
        return io.BytesIO(b"".join(frames))
    header = bytearray(frames[0][:4])
    if layout.declared is not None:  # a frame without audio
        frames[0] = frames[0][_frame_length(bytes(header))[0] :]
    header[1] |= 1  # no checksum
    header[2] = 9 << 4 | header[2] & 0x0C  # a bitrate whose frame has room for the header
    mono, mpeg1 = header[3] >> 6 == 3, header[1] >> 3 & 3 == 3
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    frame = bytes(header) + bytes(side_info) + b"Xing" + struct.pack(">II", 1, layout.n_frames)
    return io.BytesIO(b"".join([frame.ljust(_frame_length(bytes(header))[0], b"\0"), *frames]))


def mp3_truncation(layout):
    """Return why an MP3 is truncated, or None if there is no evidence of it."""
    # some encoders count the frame of the header, too: one missing frame alone is no evidence
    if layout.declared is not None:
        missing = layout.declared - layout.n_frames
        if missing > 1 or (missing > 0 and layout.cut):
            return f"its header declares {layout.declared:,} frames, but there are {layout.n_frames:,}"
    elif layout.cut:
        return "its last frame is incomplete"
    if layout.lost:
        return f"there are {layout.lost:,} bytes between or after its frames that are no audio"
    return None
