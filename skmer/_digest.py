"""file_digest: what a file holds, in 64 digits, read once however often it is asked for."""

import hashlib
import os
import time

__all__ = ["file_digest"]

_RECENT = 2_000_000_000  # nanoseconds
_digests: dict = {}


def file_digest(path):
    """Digest a file, and read it again only when it was changed.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).

    Raises
    ------
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skmer._digest import file_digest
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "network.pt")
    ...     _ = path.write_bytes(b"weights")
    ...     file_digest(path)[:8]
    '9a129038'
    """
    place, found = os.path.abspath(path), os.stat(path)
    state = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
    if place in _digests and _digests[place][0] == state:
        return _digests[place][1]
    with open(place, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # what was written a moment ago may be written again before the clock of the disk moves on
    if time.time_ns() - found.st_mtime_ns > _RECENT:
        _digests[place] = (state, digest)
    return digest
