"""The tags of an audio file: read fields, and write them into a copy that replaces the file."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from skmer._io import atomic_write

__all__ = ["MOOD", "open_tags"]

MOOD = "MOOD"
_ID3V1_SIZE = 128
_FREEFORM = "----:com.apple.iTunes:"


def open_tags(path):
    """Return the tags of an audio file that can be written.

    The format is that of the content, not of the extension. WAV and AIFF files are taken if they have an ID3 tag:
    most players do not expect one there.

    Parameters
    ----------
    path : str or Path
        MP3, FLAC, Ogg (Vorbis, Opus, Speex, FLAC) or MP4 file, or a WAV or AIFF file with an ID3 tag.

    Returns
    -------
    tags
        It has `get`, `set`, `exists` and `save`. Names of fields are compared without case, and `MOOD` is the
        field of the mood of each format.

    Raises
    ------
    ImportError
        If mutagen is not installed.
    ValueError
        If the format has no such tags, or the file is damaged.
    OSError
        If there is no such file or it is read-only.
    """
    try:
        import mutagen
    except ImportError as error:
        raise ImportError("Tags need mutagen; install it with: pip install skmer[tag]") from error
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file. Check the path.")
    # to an administrator every file is writable
    if not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK):
        raise PermissionError(f"{path}: the file is read-only. Change its permissions, or leave it out.")
    try:
        audio = mutagen.File(path)
        kind = _kinds().get(type(audio).__name__)
        tags = None if kind is None else kind(path, type(audio))
    except mutagen.MutagenError as error:
        raise ValueError(f"{path}: its tags cannot be read ({error}). The file may be damaged.") from error
    if tags is None:
        suffix = path.suffix.lower() or "an unknown format"
        raise ValueError(
            f"{path}: tags of {suffix} are not written. Convert the song to MP3, FLAC, Ogg, Opus or M4A, or "
            "leave it out."
        )
    if not tags.exists and type(audio).__name__ in ("WAVE", "AIFF"):
        raise ValueError(
            f"{path}: WAV and AIFF files without an ID3 tag are not tagged, because few players would find the tag. "
            "Convert the song to FLAC, or leave it out."
        )
    return tags


def _kinds():
    vorbis = dict.fromkeys(("FLAC", "OggVorbis", "OggOpus", "OggSpeex", "OggFLAC"), _VorbisTags)
    return {**dict.fromkeys(("MP3", "WAVE", "AIFF"), _ID3Tags), **vorbis, "MP4": _MP4Tags}


class _Tags:
    """Tags of one file; `exists` tells whether it has any container of them."""

    def __init__(self, path, kind):
        self.path = path
        self._audio = self._load(path, kind)
        self.exists = self._audio.tags is not None
        if not self.exists:
            self._audio.add_tags()
        self._tags = self._audio.tags

    def _load(self, path, kind):
        return kind(path)

    def save(self, is_new=False):
        """Write the fields into a copy of the file, and replace the file by it.

        Parameters
        ----------
        is_new : bool, default=False
            Whether the container was made for fields that are absent now: if it holds nothing else, it is removed.
        """
        with atomic_write(self.path) as part:
            shutil.copy2(self.path, part)
            status = os.stat(self.path)
            # only an administrator may give a file to its owner
            with suppress(OSError, AttributeError):
                os.chown(part, status.st_uid, status.st_gid)
            if is_new and self._is_empty():
                self._remove(part)
            else:
                self._write(part)

    def _is_empty(self):
        return not self._tags

    def _remove(self, part):
        self._audio.delete(part)

    def _write(self, part):
        self._audio.save(part)


class _KeyedTags(_Tags):
    """Tags with a key for each field, by which subclasses find its values and make its entry."""

    _key: Any
    _values: Any
    _entry: Any

    def get(self, name):
        """Return the values of a field, or None."""
        key = self._find(name)
        return None if key is None else self._values(self._tags[key])

    def set(self, name, values):
        """Set the values of a field; None removes it."""
        key = self._find(name)
        if values is not None:
            key = self._key(name) if key is None else key
            self._tags[key] = self._entry(key, values)
        elif key is not None:
            del self._tags[key]

    def _find(self, name):
        folded = [key.casefold() for key in self._keys(name)]
        found = [key for key in self._tags if key.casefold() in folded]
        return min(found, key=lambda key: folded.index(key.casefold()), default=None)

    def _keys(self, name):
        return [self._key(name)]


class _ID3Tags(_KeyedTags):
    """ID3v2 tags, whose version is kept; an ID3v1 tag remains as it is."""

    def _load(self, path, kind):
        # ID3v1 frames would be added to those of ID3v2
        audio = kind(path, translate=False, load_v1=False)
        if audio.tags is not None and audio.tags.version < (2, 3, 0):
            # frames of ID3v2.2 cannot be written: the tag becomes one of ID3v2.4
            return kind(path, load_v1=False)
        return audio

    def __init__(self, path, kind):
        super().__init__(path, kind)
        if not self.exists:
            # players that find ID3v2 ignore ID3v1: its fields must be in both
            for frame in self._first_version(path).values():
                self._tags.add(frame)

    @staticmethod
    def _end(path):
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _ID3V1_SIZE))
            end = file.read()
        return end if len(end) == _ID3V1_SIZE and end.startswith(b"TAG") else None

    def _first_version(self, path):
        from mutagen.id3 import ParseID3v1

        end = self._end(path)
        return {} if end is None else ParseID3v1(end) or {}

    def _keys(self, name):
        # where ID3v2.3 is written, some programs use TXXX:MOOD
        return [self._key(name), f"TXXX:{name}"]

    def _key(self, name):
        return "TMOO" if name == MOOD else f"TXXX:{name}"

    def _values(self, frame):
        return [str(text) for text in frame.text]

    def _entry(self, key, values):
        from mutagen.id3 import TMOO, TXXX

        encoding = 0 if all(map(str.isascii, values)) else 3  # Latin-1, UTF-8; ID3v2.3 gets UTF-16
        if key == "TMOO":
            return TMOO(encoding=encoding, text=values)
        return TXXX(encoding=encoding, desc=key.partition(":")[2], text=values)

    def _is_empty(self):
        first = {frame.HashKey: str(frame) for frame in self._first_version(self.path).values()}
        return {key: str(frame) for key, frame in self._tags.items()}.items() <= first.items()

    def _remove(self, part):
        self._tags.delete(part, delete_v1=False)

    def _write(self, part):
        version = 3 if self._tags.version[:2] == (2, 3) else 4
        end = self._end(part)
        # v23_sep=None: values remain separate
        self._tags.save(part, v2_version=version, v23_sep=None)
        if end is not None:
            with open(part, "r+b") as file:
                file.seek(-_ID3V1_SIZE, os.SEEK_END)
                file.write(end)


class _MP4Tags(_KeyedTags):
    """Freeform fields of MP4, in the namespace that iTunes and other programs use."""

    def _key(self, name):
        return _FREEFORM + name

    def _values(self, entries):
        return [bytes(entry).decode("utf-8", "surrogateescape") for entry in entries]

    def _entry(self, key, values):
        from mutagen.mp4 import MP4FreeForm

        return [MP4FreeForm(value.encode("utf-8", "surrogateescape")) for value in values]


class _VorbisTags(_Tags):
    """Vorbis comments: pairs in an order, in which a field may occur more than once."""

    def get(self, name):
        """Return the values of a field, or None."""
        return [value for key, value in self._tags[:] if key.casefold() == name.casefold()] or None

    def set(self, name, values):
        """Set the values of a field, where it was; None removes it."""
        pairs = self._tags[:]
        own = [i for i, (key, _) in enumerate(pairs) if key.casefold() == name.casefold()]
        place, key = (own[0], pairs[own[0]][0]) if own else (len(pairs), name)
        kept = [pair for i, pair in enumerate(pairs) if i not in own]
        self._tags[:] = [*kept[:place], *((key, value) for value in values or ()), *kept[place:]]
