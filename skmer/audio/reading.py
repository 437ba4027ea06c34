"""Finding audio files, and reading one as a mono waveform; an AudioError names the file that cannot be read."""

import mmap
import numbers
import os
from pathlib import Path

import numpy as np

from skmer._errors import AudioError
from skmer.audio._ffmpeg import decode_ffmpeg
from skmer.audio._mp3 import mp3_layout, mp3_truncation, with_frame_count
from skmer.audio._truncation import find_truncation, ogg_is_chained, truncation_error

__all__ = ["AUDIO_SUFFIXES", "check_audio_path", "check_waveform", "find_audio_files", "read_audio"]

# decoded by ffmpeg; any other file that soundfile rejects is damaged, and ffmpeg might play a part of it
AUDIO_SUFFIXES = frozenset(
    [
        *(".wav", ".wave", ".bwf", ".w64", ".rf64", ".flac", ".mp3", ".mp2", ".mpga", ".ogg", ".oga", ".opus", ".spx"),
        *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".voc", ".sph", ".nist"),
        *(".m4a", ".m4b", ".mp4", ".mov", ".3gp", ".aac", ".ac3", ".amr", ".wma", ".mka", ".mkv", ".webm", ".ape"),
    ]
)
"""Extensions, in lower case, of the files that are taken from a folder."""
_FFMPEG_SUFFIXES = {
    *(".m4a", ".m4b", ".mp4", ".mov", ".3gp", ".aac", ".ac3", ".amr"),
    *(".wma", ".mka", ".mkv", ".webm", ".ape"),
}
_BLOCK = 1 << 23  # frames decoded at once
_RATES = (1000, 10_000_000)  # Hz; a header with a lower or higher rate is damaged
_LOUDEST = 100  # times full scale: 40 dB above the range of any recording
_MOST_SAMPLES = 1 << 31  # of a resampled recording; soxr crashes where the memory is insufficient
_MARGIN = 0.25  # s decoded beyond max_duration, for the edge of the resampling filter


def check_audio_path(path):
    """Return a path as a Path; raise AudioError if it is not that of a file with content."""
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise AudioError(f"An audio file must be given as a str or Path, not as {type(path).__name__} {path!r:.60}.")
    if not os.fspath(path):
        raise AudioError("'': the path is empty. Check the list of paths.")
    path = Path(path)
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as error:
        raise AudioError(f"{path}: there is no such file. Check the path.") from error
    except (OSError, ValueError) as error:
        raise _opening_error(path, error) from error
    if path.is_dir():
        raise AudioError(f"{path}: this is a folder. Pass the paths of the files in it, one per song.")
    if not path.is_file():
        raise AudioError(f"{path}: this is not a regular file. Save the recording as a file first.")
    if size == 0:
        raise AudioError(f"{path}: the file is empty (0 bytes). Get it again from its source.")
    return path


def _opening_error(path, error):
    reason = getattr(error, "strerror", None) or error
    return AudioError(f"{path}: the file cannot be opened ({reason}). Check the path and its permissions.")


def check_waveform(y, name="The waveform"):
    """Check that a waveform is mono, floating-point, finite, within 100 times full scale and not empty.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The samples; floating point, with full scale at 1.
    name : str, default="The waveform"
        Name of the waveform in error messages.

    Returns
    -------
    ndarray of shape (n_samples,), float32
        The samples.

    Raises
    ------
    AudioError
        If it does not meet these conditions.

    Examples
    --------
    >>> from skmer.audio import check_waveform
    >>> check_waveform([0.0, 0.5]).dtype
    dtype('float32')
    """
    y = np.asarray(y)
    if y.dtype.kind in "iub":
        raise AudioError(
            f"{name} has dtype {y.dtype}, whose full scale is unclear. Convert it to floating point between -1 and 1."
        )
    if y.dtype.kind != "f":
        raise AudioError(f"{name} has dtype {y.dtype}. Pass floating-point samples between -1 and 1.")
    if y.ndim != 1:
        raise AudioError(f"{name} has shape {y.shape}. Pass a mono waveform of shape (n_samples,).")
    if y.size == 0:
        raise AudioError(f"{name} has no samples. Leave it out, or pass the whole recording.")
    _check_samples(y, name)
    return y.astype(np.float32, copy=False)


def _check_samples(y, name):
    # both propagate NaN, which compares as False
    peak = max(y.max(), -y.min())
    if peak <= _LOUDEST:
        return
    bad = np.flatnonzero(~np.isfinite(y))
    if bad.size:
        raise AudioError(
            f"{name} holds {bad.size:,} samples that are NaN or infinite (the first is sample {bad[0]:,}). "
            "Export it again, or replace these samples."
        )
    raise AudioError(
        f"{name} has a peak of {float(peak):,.6g}, but full scale is 1. Scale it to between -1 and 1: "
        "divide samples that were 16-bit integers by 32768."
    )


def read_audio(path, sr=22528, max_duration=None):
    """Read a recording as a mono waveform at a given sampling rate.

    It is decoded by libsndfile (WAV, FLAC, MP3, Ogg, Opus, AIFF and more), or by the
    ``ffmpeg`` program where libsndfile does not support the format (M4A, AAC and more);
    channels are averaged, and soxr resamples in its high quality. A truncated recording
    raises an error, although decoders read it up to its last intact frame.

    Parameters
    ----------
    path : str or Path
        The file.
    sr : float, default=22528
        Sampling rate of the result, in Hz. The default is 44 × 512: one second is then
        44 hops of 512 samples exactly.
    max_duration : float, default=None
        Read only the first `max_duration` seconds; a shorter recording is read completely. None
        reads everything.

    Returns
    -------
    ndarray of shape (n_samples,), float32
        The waveform, ``ceil(n * sr / rate)`` samples for n samples at the file's own
        rate; with `max_duration`, at most ``round(max_duration * sr)``. Full scale is 1,
        and the level is not changed.

    Raises
    ------
    AudioError
        If the file is missing, empty, a folder, not audio, damaged, truncated or without
        samples; if it has NaN or infinite samples, or samples above 100 times full scale; if
        it declares a sampling rate below 1 kHz or above 10 MHz; if it chains several Ogg
        streams, of which only the first would be decoded; or if it would have more than 2^31
        samples after resampling.
    ValueError
        If `sr` or `max_duration` is not a positive number.

    See Also
    --------
    skmer.SegmentTransformer : Reads many recordings and cuts them into segments.

    Notes
    -----
    A truncated stream without a declared length that ends exactly between two frames, such
    as a constant-bitrate MP3 without a Xing header, cannot be distinguished from a complete
    one. Damage that only decoding reveals, as in FLAC, is found within `max_duration` only.

    Examples
    --------
    >>> import tempfile, numpy as np, soundfile
    >>> from skmer import read_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/song.wav"
    ...     soundfile.write(path, np.full((44100, 2), 0.5), 44100)
    ...     read_audio(path).shape
    (22528,)
    """
    for parameter, value in (("sr", sr), ("max_duration", max_duration)):
        if parameter == "max_duration" and value is None:
            continue
        if not isinstance(value, numbers.Real) or not 0 < float(value) < np.inf:
            raise ValueError(f"{parameter} must be a positive number, got {value!r}.")
    path = check_audio_path(path)
    try:
        file = open(path, "rb")  # noqa: SIM115
    except OSError as error:
        raise _opening_error(path, error) from error
    with file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        evidence = find_truncation(data)
        if evidence:
            raise truncation_error(path, evidence)
        if ogg_is_chained(data):
            raise AudioError(
                f"{path}: the file chains several Ogg streams, of which only the first can be decoded. "
                "Split it, or convert it to WAV or FLAC."
            )
        if path.suffix.lower() in _FFMPEG_SUFFIXES or data[4:8] == b"ftyp":
            y, rate = decode_ffmpeg(path, None if max_duration is None else float(max_duration) + _MARGIN)
        else:
            y, rate = _decode_soundfile(path, data, max_duration)
    if y.size == 0:
        raise AudioError(f"{path}: the file holds no samples. Leave it out, or get it again from its source.")
    _check_samples(y, f"{path}: the recording")
    if not _RATES[0] <= rate <= _RATES[1]:
        raise AudioError(
            f"{path}: its header declares a sampling rate of {rate:,} Hz, outside the range of 1 kHz to 10 MHz. "
            "Get it again from its source, or correct the header."
        )
    if rate != sr and len(y) * sr / rate > _MOST_SAMPLES:
        raise AudioError(
            f"{path}: {len(y) / rate:,.0f} s at sr={sr:g} Hz are more than {_MOST_SAMPLES:,} samples. "
            "Lower sr, or set max_duration."
        )
    y = _resample(y, rate, sr)
    return y if max_duration is None else y[: max(round(max_duration * sr), 1)]


def _n_wanted(max_duration, rate):
    return None if max_duration is None else int(np.ceil((max_duration + _MARGIN) * rate))


def _decode_soundfile(path, data, max_duration):
    """Return the mean of the channels, and the sampling rate of the file."""
    import soundfile

    try:
        with soundfile.SoundFile(str(path) if os.name == "nt" else os.fsencode(path)) as file:  # bytes: any name
            is_mp3, declared = file.format == "MP3", file.frames
            layout = mp3_layout(data) if is_mp3 else None
            evidence = mp3_truncation(layout) if layout else None
            if evidence:
                raise truncation_error(path, evidence)
            if layout is None or layout.declared or declared >= layout.n_frames * layout.samples_per_frame:
                y, rate = _read_blocks(file, max_duration)
            else:
                with soundfile.SoundFile(with_frame_count(data, layout)) as counted:
                    y, rate = _read_blocks(counted, max_duration)
    except AudioError:
        raise
    # soundfile raises several kinds of errors on damaged files
    except (RuntimeError, ValueError, OSError, TypeError, AssertionError) as error:
        reason = getattr(error, "error_string", str(error)).rstrip(".")
        # libsndfile also reports this for existing files without MP3 frames
        reason = "format not recognised" if "does not exist" in reason else reason
        raise AudioError(
            f"{path}: this is not audio that can be decoded, or it is damaged or truncated ({reason}). "
            "Check that it plays elsewhere, and convert it to WAV or FLAC."
        ) from error
    if is_mp3:
        # without the encoder's delay and padding, of up to 4,095 samples each
        declared = layout.n_frames * layout.samples_per_frame - 8190 - 3 * layout.samples_per_frame if layout else 0
    wanted = _n_wanted(max_duration, rate)
    if len(y) < (declared if wanted is None else min(declared, wanted)):
        raise truncation_error(path, f"{declared:,} samples are expected, {len(y):,} can be decoded")
    return y, rate


def _read_blocks(file, max_duration):
    rate = file.samplerate
    left = _n_wanted(max_duration, rate)
    # a dot product; mean(axis=1) takes many times as long
    weights = np.full(file.channels, 1 / file.channels, dtype=np.float32)
    blocks = []
    while left is None or left > 0:
        wanted = _BLOCK if left is None else min(left, _BLOCK)
        block = file.read(wanted, dtype="float32", always_2d=True)
        blocks.append(block @ weights)
        if len(block) < wanted:
            break
        left = None if left is None else left - len(block)
    return (blocks[0] if len(blocks) == 1 else np.concatenate(blocks)), rate


def _resample(y, rate, sr):
    if rate == sr:
        return y
    import soxr

    n_samples = int(np.ceil(len(y) * sr / rate))
    y = soxr.resample(y, rate, sr, quality="HQ")
    # soxr rounds to the nearest sample: there may be one too few or too many
    return y[:n_samples] if len(y) >= n_samples else np.pad(y, (0, n_samples - len(y)))


def find_audio_files(paths):
    """Return the audio files among paths of files and folders, in a reproducible order.

    A path that is not a folder is returned unchanged, so that reading it reports any problem.
    A folder is searched with all its subfolders, and files are selected by extension
    (`AUDIO_SUFFIXES`, in upper or lower case) without opening them. Names that begin with a
    dot are skipped.

    Parameters
    ----------
    paths : iterable of str or Path
        Files and folders.

    Returns
    -------
    list of (str, AudioError or None)
        Each file in the order of `paths`, sorted by name within a folder, files of a
        folder before its subfolders. The second item is None, or the error of a folder that
        contains no audio or cannot be opened.

    See Also
    --------
    skmer.read_audio : Reads one file.

    Notes
    -----
    Symbolic links are followed, except to a folder that contains the link.

    Examples
    --------
    >>> from skmer.audio import find_audio_files
    >>> find_audio_files(["b.wav", "a.txt"])
    [('b.wav', None), ('a.txt', None)]
    """
    found = []
    for path in map(os.fspath, paths):
        if not os.path.isdir(path):
            found.append((path, None))
            continue
        inside = list(_walk(path, ()))
        if not inside:
            reason = "this folder and its subfolders contain no audio file. Check the path, or pass the files."
            inside = [(path, AudioError(f"{path}: {reason}"))]
        found += inside
    return found


def _walk(folder, above):
    try:
        here = os.stat(folder)
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as error:
        reason = f"the folder cannot be opened ({error.strerror}). Check its permissions."
        yield folder, AudioError(f"{folder}: {reason}")
        return
    above = (*above, (here.st_dev, here.st_ino))
    folders = []
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            folders.append(path)
        elif os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES:
            yield path, None
    for path in folders:
        status = _status(path)
        if status is None or (status.st_dev, status.st_ino) not in above:
            yield from _walk(path, above)


def _status(path):
    try:
        return os.stat(path)
    except OSError:
        return None
