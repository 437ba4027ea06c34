"""The bytes of a file that may become shorter while it is read, where a memory map would end the process."""

import io
import os

from skmer._errors import AudioError

__all__ = ["FileBytes", "PatchedFile"]

_PIECE = 1 << 18


class FileBytes:
    """The bytes of an open file, indexed, sliced and searched like `bytes`, and read in pieces."""

    def __init__(self, path, file):
        self.path, self.file = path, file
        self._size = os.fstat(file.fileno()).st_size
        self._start, self._piece = 0, b""

    def __len__(self):
        return self._size

    def __getitem__(self, key):
        if not isinstance(key, slice):
            key = key + self._size if key < 0 else key
            return self[key : key + 1][0]
        start, stop, _ = key.indices(self._size)
        at = start - self._start
        if at < 0 or stop - self._start > len(self._piece):
            if stop <= start:
                return b""
            self._start, at = start, 0
            self.file.seek(start)
            wanted = min(max(stop - start, _PIECE), self._size - start)
            self._piece = read_exactly(self.file, wanted)
            if len(self._piece) < wanted:
                self.check_unchanged()
        return self._piece[at : at + max(stop - start, 0)]

    def check_unchanged(self, cause=None):
        """Raise AudioError if the size of the file has changed."""
        now = os.fstat(self.file.fileno()).st_size
        if now != self._size:
            raise AudioError(
                f"{self.path}: the file changed from {self._size:,} to {now:,} bytes while it was read. "
                "Read it again when it is complete."
            ) from cause

    def find(self, part, start=0):
        """Return the offset of the next occurrence of some bytes, or -1."""
        while start < self._size:
            self[start : start + len(part)]  # this reads a piece that begins there, unless one is at hand
            found = self._piece.find(part, start - self._start)
            if found >= 0:
                return self._start + found
            start = max(self._start + len(self._piece) - len(part), start) + 1
        return -1

    def rfind(self, part, start=0, stop=None):
        """Return the offset of the last occurrence of some bytes between two offsets, or -1."""
        stop = self._size if stop is None else stop
        while stop > start:
            begin = max(stop - _PIECE, start)
            found = self[begin:stop].rfind(part)
            if found >= 0:
                return begin + found
            if begin == start:
                break
            stop = begin + len(part) - 1
        return -1


def read_exactly(file, n_bytes):
    """Return so many bytes of an unbuffered file, or fewer at its end."""
    parts = []
    while n_bytes > 0 and (part := file.read(n_bytes)):
        parts.append(part)
        n_bytes -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class PatchedFile(io.RawIOBase):
    """An open file with other bytes at some offsets, for a decoder that relies on a wrong header."""

    def __init__(self, file, patches):
        self._file, self._patches = file, patches

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=os.SEEK_SET):
        return self._file.seek(offset, whence)

    def tell(self):
        return self._file.tell()

    def readinto(self, buffer):
        start = self._file.tell()
        n_bytes = self._file.readinto(buffer)
        for offset, patch in self._patches.items():
            first, last = max(offset, start), min(offset + len(patch), start + n_bytes)
            if first < last:
                memoryview(buffer)[first - start : last - start] = patch[first - offset : last - offset]
        return n_bytes
