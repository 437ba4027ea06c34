import hashlib
import os
from pathlib import Path

import pytest

from skmer import file_digest as module
from skmer._io import file_digest


def test_the_digest_is_sha256(tmp_path):
    path = tmp_path / "a.bin"
    for contents in (b"", b"one", b"two", b"other"):
        path.write_bytes(contents)
        assert file_digest(path) == file_digest(str(path)) == hashlib.sha256(contents).hexdigest()


def test_a_file_that_stands_is_read_once(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    reads = []
    digest = hashlib.file_digest
    monkeypatch.setattr(module.hashlib, "file_digest", lambda file, kind: reads.append(file) or digest(file, kind))
    monkeypatch.chdir(tmp_path)
    assert len({file_digest(p) for p in (path, str(path), "a.bin", Path("a.bin"))}) == 1
    assert len(reads) == 1
    before = file_digest(path)
    # as a copy that keeps the time and the size
    other = tmp_path / "b.bin"
    other.write_bytes(b"two")
    os.utime(other, (1, 1))
    os.replace(other, path)
    assert file_digest(path) != before
    assert len(reads) == 2


def test_what_is_no_file_is_an_error(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(OSError):
            file_digest(path)
