"""Names of librosa, imported when the first is used, with a safe place in which numba can cache its functions."""

import atexit
import os
import shutil
import tempfile
import threading

_lock = threading.Lock()
_checked = False


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    _check_cache()
    import librosa

    return getattr(librosa, name)


def _check_cache():
    """Give numba a temporary folder where neither librosa's folder nor that of the user can be written to.

    The decorators in librosa raise RuntimeError otherwise.
    """
    global _checked
    with _lock:
        if _checked:
            return
        import numba
        from librosa import version
        from numba.core import caching

        _lock_index(caching.IndexDataCacheFile)
        try:
            numba.njit(cache=True)(version.show_versions)  # any function in librosa's folder; it is not compiled
        except RuntimeError:
            folder = tempfile.mkdtemp(prefix="skmer-numba-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            # also for worker processes
            os.environ["NUMBA_CACHE_DIR"] = folder
            vars(numba.config)["CACHE_DIR"] = folder
        _checked = True


def _lock_index(cache_file):
    """Let one process at a time add a function to numba's index of a cache.

    Otherwise two processes that compile at the same time may choose the same file for different functions, and a
    process that loads one of them would run the machine code of the other, which is a segmentation fault.
    """
    save = cache_file.save

    def save_alone(self, key, data):
        from filelock import FileLock

        with FileLock(f"{self._index_path}.lock"):
            save(self, key, data)

    cache_file.save = save_alone
