"""Which program decodes a file, by its content: a name may have any extension."""

import codecs
import struct

from skmer.audio._mp3 import skip_id3
from skmer.audio._truncation import ogg_codecs

__all__ = ["format_for_ffmpeg", "text_beginning"]

# beginnings of the formats that libsndfile does not decode
_MAGIC = (
    (0, b"\x1aE\xdf\xa3", "Matroska or WebM"),
    (4, b"ftyp", "MP4"),
    (4, b"moov", "QuickTime"),
    (4, b"mdat", "QuickTime"),
    (4, b"wide", "QuickTime"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "Windows Media"),
    (0, b"wvpk", "WavPack"),
    (0, b"TTA1", "True Audio"),
    (0, b"TTA2", "True Audio"),
    (0, b"tBaK", "TAK"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"DSD ", "DSF"),
    (0, b"FRM8", "DSDIFF"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"OFR ", "OptimFROG"),
    (0, b"ajkg", "Shorten"),
    (0, b"#!AMR", "AMR"),
    (0, b"\x0bw", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"ADIF", "AAC"),
    (0, b".RMF", "RealAudio"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b"FLV", "Flash Video"),
    (0, b"\0\0\x01\xba", "MPEG"),
    (8, b"AVI ", "AVI"),
)
_WAVE_CODECS = (1, 2, 3, 6, 7, 0x11, 0x31, 0xFFFE)  # PCM, ADPCM, float, A-law, u-law, IMA ADPCM, GSM, extensible
_OGG_CODECS = {b"\x01vorbis": "Vorbis", b"OpusHead": "Opus", b"Speex   ": "Speex", b"\x7fFLAC": "FLAC"}
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27} | set(range(0x20, 0x100)) - {0x7F})


def format_for_ffmpeg(data):
    """Return the name of the format of a file, or None unless only ffmpeg decodes it."""
    start = skip_id3(data)
    for begin in dict.fromkeys((0, start)):
        head = data[begin : begin + 16]
        for offset, magic, name in _MAGIC:
            if head[offset : offset + len(magic)] == magic:
                return name
    if head[:4] == b"OggS":
        names = [
            next((name for magic, name in _OGG_CODECS.items() if packet.startswith(magic)), "another codec")
            for packet in ogg_codecs(data)
        ]
        return None if names in (["Vorbis"], ["Opus"]) else f"Ogg with {' and '.join(names)}"
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        codec = _wave_codec(data)
        return None if codec in (*_WAVE_CODECS, None) else f"WAV with the codec 0x{codec:04x}"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "AAC"
    if head[:1] == b"G" and data[188:189] == data[376:377] == b"G":
        return "MPEG"
    return None


def _wave_codec(data):
    position = 12
    while position + 10 <= len(data):
        name, size, codec = struct.unpack("<4sIH", data[position : position + 10])
        if name == b"fmt ":
            return codec
        position += 8 + size + size % 2
    return None


def text_beginning(data):
    """Return the beginning of a text file, such as a web page or a playlist, or None."""
    head = data[:1024]
    if head[:7] == b"NIST_1A" or head.translate(None, _TEXT):
        return None
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return None
    return " ".join(text.split())[:40] or None
