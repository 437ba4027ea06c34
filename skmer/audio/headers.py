"""What an audio file's own headers say of its length: the evidence that a file is cut short.

Decoders play a truncated file to its last intact frame and report success, so the
containers are read here, without decoding anything. Each function takes the bytes of
a whole file (``bytes`` or ``mmap``).
"""

import io
import struct
from typing import NamedTuple

__all__ = ["Mp3Layout", "find_truncation", "mp3_layout", "mp3_truncation", "ogg_is_chained", "with_frame_count"]

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
# sizes from here on mean "unknown, I was writing to a pipe"
_STREAMING = 0x7FFF0000


class Mp3Layout(NamedTuple):
    """The frames of an MPEG audio file, counted one by one.

    Attributes
    ----------
    first : int
        Offset of the first frame, in bytes.
    n_frames : int
        Complete frames, without the Xing, Info or VBRI frame that declares their number.
    samples_per_frame : int
        Samples of each channel in one frame.
    declared : int or None
        Number of frames that a Xing, Info or VBRI header promises.
    cut : bool
        Whether the last frame ends before it should.
    """

    first: int
    n_frames: int
    samples_per_frame: int
    declared: int | None
    cut: bool


def _frame_length(header):
    """Give the length in bytes and the samples of the frame with this four-byte header, or None."""
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


def _alike(a, b):
    """Tell whether two headers have the same MPEG version, layer and sampling rate."""
    return a[0] == b[0] and a[1] & 0xFE == b[1] & 0xFE and a[2] & 0x0C == b[2] & 0x0C


def _find_frame(data, start, like=None):
    """Find the next frame that is followed by another of its kind, or by the end of the file."""
    while (start := data.find(b"\xff", start)) >= 0:
        header = data[start : start + 4]
        frame = _frame_length(header)
        if frame is not None and (like is None or _alike(header, like)):
            following = data[start + frame[0] : start + frame[0] + 4]
            if _frame_length(following) is not None and _alike(header, following):
                return start
            if start + frame[0] == len(data):
                return start
        start += 1
    return -1


def _after_id3(data):
    position = 0
    while data[position : position + 3] == b"ID3" and len(data) >= position + 10:
        size = 0
        for byte in data[position + 6 : position + 10]:
            size = size << 7 | byte & 0x7F
        position += size + (20 if data[position + 5] & 0x10 else 10)
    return position


def _declared_frames(frame):
    for tag in (b"Xing", b"Info"):
        at = frame[:64].find(tag)
        if at >= 0:
            flags, count = struct.unpack(">II", frame[at + 4 : at + 12].ljust(8, b"\0"))
            return count if flags & 1 else None
    if frame[36:40] == b"VBRI":
        return struct.unpack(">I", frame[50:54].ljust(4, b"\0"))[0]
    return None


def mp3_layout(data):
    """Walk over every frame of an MPEG audio file.

    Tags before, after and between the frames, padding and other junk are passed over.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.

    Returns
    -------
    Mp3Layout or None
        None if no sequence of frames is found, as in the free format.
    """
    position = first = _find_frame(data, _after_id3(data))
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
        if frame is None or not _alike(header, reference):
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
        # one to three bytes are left: the beginning of another header, or padding
        rest = data[position:end]
        cut = len(rest) > 1 and rest[0] == 0xFF and rest[1] & 0xFE == reference[1] & 0xFE
    # a tag that was added after the damage stands where the last frame's sound should be
    last_frame = data[last : last + _frame_length(data[last : last + 4])[0]]
    cut = cut or b"APETAGEX" in last_frame or b"LYRICSBEGIN" in last_frame
    declared = _declared_frames(data[first : first + 128])
    return Mp3Layout(first, n_frames - (declared is not None), samples, declared, cut)


def with_frame_count(data, layout):
    """Put a Xing header in front of an MP3 that has none.

    libsndfile reads no further than its estimate of the length, which is drawn from the
    first frame's bitrate and can be a quarter of the truth when the bitrate varies.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    layout : Mp3Layout
        What `mp3_layout` found in it.

    Returns
    -------
    BytesIO
        The frames of the file after a header that declares their number.
    """
    header = bytearray(data[layout.first : layout.first + 4])
    header[1] |= 1  # no checksum
    header[2] = 9 << 4 | header[2] & 0x0C  # a bitrate whose frame has room for the header
    mono, mpeg1 = header[3] >> 6 == 3, header[1] >> 3 & 3 == 3
    side_info = (17 if mono else 32) if mpeg1 else (9 if mono else 17)
    frame = bytes(header) + bytes(side_info) + b"Xing" + struct.pack(">II", 1, layout.n_frames)
    return io.BytesIO(frame.ljust(_frame_length(bytes(header))[0], b"\0") + data[layout.first :])


def mp3_truncation(layout):
    """Say in words why an MP3 with this `Mp3Layout` must have been cut short, or give None."""
    # some encoders count the header's own frame, so one may be missing in a complete file
    if layout.declared is not None:
        missing = layout.declared - layout.n_frames
        if missing > 1 or (missing > 0 and layout.cut):
            return f"its header declares {layout.declared:,} frames and {layout.n_frames:,} are there"
    elif layout.cut:
        return "its last frame is cut in the middle"
    return None


def _chunk_truncation(data, order):
    """Compare the sound chunk of a WAVE (order "<") or AIFF (">") file with the bytes that are there."""
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
            there = len(data) - position - 8
            return f"its header declares {size:,} bytes of sound and {there:,} are there" if size > there else None
        position += 8 + size + size % 2
    return "it ends before its sound begins"


def _caf_truncation(data):
    position = 8
    while position + 12 <= len(data):
        name, size = struct.unpack(">4sq", data[position : position + 12])
        there = len(data) - position - 12
        if size < 0:  # a sound chunk that was never closed reaches to the end of the file
            return None
        if size > there:
            return f"its header declares {size:,} bytes of sound and {there:,} are there" if name == b"data" else None
        position += 12 + size
    return None


def _ogg_truncation(data):
    page = data.rfind(b"OggS")
    while page >= 0:
        segments = data[page + 26 : page + 27]
        if len(data) < page + 27 or len(data) < page + 27 + segments[0]:
            return "its last Ogg page is cut in the middle"
        if data[page + 4] == 0 and data[page + 5] < 8:
            end = page + 27 + segments[0] + sum(data[page + 27 : page + 27 + segments[0]])
            if end > len(data):
                return "its last Ogg page is cut in the middle"
            return None if data[page + 5] & 4 else "its last Ogg page lacks the end-of-stream flag"
        page = data.rfind(b"OggS", 0, page)
    return None


def ogg_is_chained(data):
    """Tell whether an Ogg file has another stream after its first, as a recording of a web radio has.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.

    Returns
    -------
    bool
        Whether a page that begins a stream follows one that goes on with another.
    """
    position, under_way = 0, False
    while data[position : position + 4] == b"OggS" and position + 27 <= len(data):
        begins = bool(data[position + 5] & 2)
        if begins and under_way:
            return True
        under_way = under_way or not begins
        table = data[position + 27 : position + 27 + data[position + 26]]
        position += 27 + len(table) + sum(table)
    return False


def _mp4_truncation(data):
    position = 0
    while position + 8 <= len(data):
        size = struct.unpack(">I", data[position : position + 4])[0]
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size == 0:  # the box reaches to the end of the file, whatever that is
            return None
        if size < 8:  # junk after the last box
            return None
        if position + size > len(data):
            name = bytes(data[position + 4 : position + 8]).decode("latin-1")
            there = len(data) - position
            return f"its box {name!r} declares {size:,} bytes and {there:,} are there" if name.isalnum() else None
        position += size
    return None


def _adts_truncation(data):
    """Walk over the frames of a raw AAC stream."""
    position = _after_id3(data)
    while position + 7 <= len(data) and data[position] == 0xFF and data[position + 1] & 0xF6 == 0xF0:
        size = (data[position + 3] & 3) << 11 | data[position + 4] << 3 | data[position + 5] >> 5
        if size < 7:
            return None
        if position + size > len(data):
            return "its last frame is cut in the middle"
        position += size
    return None


def find_truncation(data):
    """Say in words why a file must have been cut short, from its headers alone.

    An MP3 has no magic number, so it is left to `mp3_layout` and `mp3_truncation`.

    Parameters
    ----------
    data : bytes or mmap
        The whole file: WAVE, RF64, Wave64, AIFF, AU, CAF, Ogg (Vorbis, Opus), MP4 or raw AAC.

    Returns
    -------
    str or None
        The evidence, or None if there is none. A file without a declared length that
        ends exactly between two frames leaves no evidence.
    """
    head = bytes(data[:12])
    if head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE":
        return _chunk_truncation(data, "<")
    if head[:4] == b"FORM":
        return _chunk_truncation(data, ">")
    if head[:4] == b"riff":  # Sony Wave64: a 16-byte name, then the size of the whole file
        size = int.from_bytes(data[16:24], "little")
        return f"its header declares {size:,} bytes and {len(data):,} are there" if size > len(data) else None
    if head[:4] == b"caff":
        return _caf_truncation(data)
    if head[:4] == b".snd":
        offset, size = struct.unpack(">II", head[4:])
        there = len(data) - offset
        if there < size < _STREAMING:
            return f"its header declares {size:,} bytes of sound and {there:,} are there"
        return None
    if head[:4] == b"OggS":
        return _ogg_truncation(data)
    if head[4:8] == b"ftyp":
        return _mp4_truncation(data)
    if head[:4] == b"fLaC":  # decoding shows it
        return None
    start = _after_id3(data)
    if data[start : start + 1] == b"\xff" and len(data) > start + 1 and data[start + 1] & 0xF6 == 0xF0:
        return _adts_truncation(data)
    return None
