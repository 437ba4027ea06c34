"""RunFolder: where a training keeps what is finished; one run has it at a time, and removes no more than its own."""

import errno
import os
import shutil
import socket
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["RunFolder"]

_MARK = "made-by-skmer-train.txt"
_WORDS = "Finished folds of skmer train, and what it made of each song. It is removed when the model is written.\n"
_LOCK = "lock"
_FINISHED = "finished"
_OWN = ("songs", "folds", _FINISHED, _MARK, _LOCK)
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


class RunFolder:
    """Folder of a run, made or taken up from an earlier one, and locked until `close` or the end of the process.

    `path` is the folder, `earlier` whether a run that did not end left it. ValueError if another run has it, or
    something else is in its place. The system undoes the lock of a process that was killed. On a file system without
    locks there is none.
    """

    def __init__(self, path):
        self.path = Path(path)
        self._check_place()
        self._file = self._take()
        self.earlier = (self.path / _MARK).is_file()
        (self.path / _MARK).write_text(_WORDS, encoding="utf-8")

    @property
    def finished(self):
        """Folder for the model, before it gets to its place."""
        return self.path / _FINISHED

    def holds_work(self):
        """Tell whether there is anything that a run could go on from."""
        # finished folds are JSON, songs that were read pickles of joblib, whose folder alone says nothing
        return any(file.suffix in (".json", ".pkl") for file in self.path.glob("*/**/*"))

    def close(self):
        """Let others have the folder."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def remove(self):
        """Remove what runs put there, and the folder where nothing else is in it."""
        if self._file is None:
            return
        if sys.platform == "win32":
            # there an open file cannot be removed
            self.close()
        for name in _OWN:
            if (self.path / name).is_dir():
                shutil.rmtree(self.path / name, ignore_errors=True)
            else:
                with suppress(OSError):
                    (self.path / name).unlink()
        self.close()
        # a folder with something else in it stays, as does the target of a link
        with suppress(OSError):
            self.path.rmdir()

    def _check_place(self):
        if self.path.is_symlink() and not self.path.exists():
            raise ValueError(
                f"{self.path}: finished folds would be kept there, but this is a link that leads nowhere. Make the "
                "folder that it names, or remove the link."
            )
        if not self.path.exists() or (self.path / _MARK).is_file():
            return
        if not self.path.is_dir() or any(thing.name != _LOCK for thing in self.path.iterdir()):
            raise ValueError(
                f"{self.path}: finished folds would be kept there, but this is not what skmer train left. Move it "
                "away, or name another model."
            )

    def _take(self):
        """Give the locked file."""
        lock = self.path / _LOCK
        while True:
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
            except FileNotFoundError:  # a run that ended has just removed the folder
                continue
            if not _lock(file):
                os.close(file)
                raise ValueError(
                    f"{self.path}: another skmer train, {_read(lock)}, is training this model. Wait for its end, or "
                    "name another model."
                )
            if lock.exists() and os.path.samestat(os.fstat(file), os.stat(lock)):
                break
            os.close(file)
        os.ftruncate(file, 0)
        os.write(file, f"process {os.getpid()} on {socket.gethostname()}".encode())
        return file


def _lock(file):
    """Lock an open file until it is closed; False where another has locked it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            # far behind the text, which others may read
            os.lseek(file, 1 << 20, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _HELD
    return True


def _read(lock):
    try:
        return lock.read_text(encoding="utf-8") or "which has just begun"
    except OSError:
        return "which has just ended"
