"""Decoding with libsndfile, block by block."""

import os
from contextlib import contextmanager

import numpy as np

from skmer._errors import AudioError
from skmer.audio._bytes import PatchedFile
from skmer.audio._mp3 import clean_stream, mp3_layout, mp3_truncation
from skmer.audio._quiet import quiet_decoder
from skmer.audio._truncation import joined_error, truncation_error

__all__ = ["UnknownFormatError", "open_soundfile"]

# soundfile raises several kinds of errors on damaged files
_ERRORS = (RuntimeError, ValueError, OSError, TypeError, AssertionError)

# beginnings of files in which no MPEG frames are looked for
_MAGIC = (b"FORM", b"OggS", b"caff", b".snd", b"riff", b"fLaC")


class UnknownFormatError(AudioError):
    """libsndfile does not open the file."""


@contextmanager
def open_soundfile(path, data, patches, seconds, block_size):
    """Yield the sampling rate of a file and an iterator over blocks of shape (n_samples, n_channels).

    `data` is the `FileBytes` of the file, `patches` has the corrections of its header. The iterator raises AudioError
    if the file is damaged, or has fewer samples than it declares in the first seconds, or in all.
    """
    import soundfile

    source, n_samples = _source(path, data, patches)
    options = {"closefd": False} if isinstance(source, int) else {}
    try:
        with quiet_decoder():
            file = soundfile.SoundFile(source, **options)
            # soundfile seeks to its position after each read, for which decoders of MP3, Vorbis and Opus start anew
            file.seekable = lambda: False
    except _ERRORS as error:
        raise _error(path, error, UnknownFormatError) from error
    with file:
        wanted = None if seconds is None else int(-(-seconds * file.samplerate // 1))
        n_samples = file.frames if n_samples is None else n_samples
        yield file.samplerate, _blocks(path, file, n_samples, wanted, block_size)


def _source(path, data, patches):
    """Return what libsndfile opens, and the least number of samples if not the one that it declares."""
    layout = None if _has_magic(data) else mp3_layout(data)
    if layout is None and data[:1] == b"\xff" and len(data) > 2 and data[2] >> 4:  # not in the free format
        raise _error(path, "format not recognised", UnknownFormatError)
    if layout is not None:
        if layout.joined:
            raise joined_error(path, "joins MP3 streams of different formats, of which only the first can be decoded")
        if evidence := mp3_truncation(layout):
            raise truncation_error(path, evidence)
        # without the encoder's delay and padding, of up to 4,095 samples each
        n_samples = layout.n_frames * layout.samples_per_frame - 8190 - 3 * layout.samples_per_frame
        if not layout.tidy:
            return clean_stream(data, layout), n_samples
    data.file.seek(0)
    n_samples = None if layout is None else n_samples
    if patches:
        return PatchedFile(data.file, patches), n_samples
    # a file on Windows cannot be shared between libraries; elsewhere, a second open file could exceed the limit
    return (str(path) if os.name == "nt" else data.file.fileno()), n_samples


def _has_magic(data):
    return data[8:12] == b"WAVE" or data[:4] in _MAGIC


def _blocks(path, file, n_samples, wanted, block_size):
    n_read, block_size = 0, min(block_size, max(file.frames, 1))
    samples = np.empty((block_size, file.channels), dtype=np.float32)
    # libsndfile takes several times as long to convert 16-bit samples to floating point; it decodes FLAC to 32 bits
    is_16_bit = file.subtype == "PCM_16" and file.format != "FLAC"
    buffer = np.empty(samples.shape, dtype=np.int16) if is_16_bit else samples
    while wanted is None or n_read < wanted:
        asked = block_size if wanted is None else min(wanted - n_read, block_size)
        try:
            with quiet_decoder():
                block = file.read(out=buffer[:asked])
        except _ERRORS as error:
            raise _error(path, error, AudioError) from error
        if is_16_bit:
            block = np.multiply(block, np.float32(2**-15), out=samples[: len(block)])
        n_read += len(block)
        yield block
        if len(block) < asked:
            break
    if n_read < (n_samples if wanted is None else min(n_samples, wanted)):
        raise truncation_error(path, f"{n_samples:,} samples are expected, {n_read:,} can be decoded")


def _error(path, error, kind):
    reason = getattr(error, "error_string", str(error)).rstrip(".")
    # libsndfile also reports this for existing files without MP3 frames
    reason = "format not recognised" if "does not exist" in reason else reason
    return kind(
        f"{path}: this is not audio that can be decoded, or it is damaged or truncated ({reason}). "
        "Check that it plays elsewhere, and convert it to WAV or FLAC."
    )
