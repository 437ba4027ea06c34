"""Names of librosa, imported when the first is used, with a safe place in which numba can cache its functions."""

import atexit
import os
import shutil
import tempfile
import threading
from importlib import import_module

_COMPILED = ("util.utils", "core.audio", "core.pitch")  # modules that are used here with functions compiled at import

_lock = threading.Lock()
_checked = False


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    _check_cache()
    import librosa

    return getattr(librosa, name)


def _check_cache():
    """Set numba's cache to a temporary folder where neither librosa's folder nor that of the user can be written to.

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
        _compile_alone()
        _checked = True


def _compile_alone():
    """Import the modules of librosa that compile functions, in one process at a time.

    A function and the wrapper that calls it are two entries of numba's cache. Of two processes that compile both at
    the same time, one may write the function and the other the wrapper, which is a segmentation fault in all later
    processes.
    """
    from filelock import FileLock

    user = os.getuid() if hasattr(os, "getuid") else "skmer"
    with FileLock(os.path.join(tempfile.gettempdir(), f"skmer-librosa-{user}.lock")):
        for name in _COMPILED:
            import_module(f"librosa.{name}")
