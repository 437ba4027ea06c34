"""Names of librosa, which is imported when the first is used, with a folder in which numba can cache its functions."""

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

        try:
            numba.njit(cache=True)(version.show_versions)  # any function in librosa's folder; it is not compiled
        except RuntimeError:
            folder = tempfile.mkdtemp(prefix="skmer-numba-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            # also for worker processes
            os.environ["NUMBA_CACHE_DIR"] = folder
            vars(numba.config)["CACHE_DIR"] = folder
        _checked = True
