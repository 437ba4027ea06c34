"""Decoding without the messages that libmpg123 writes to standard error; Python's own messages are unaffected."""

import ctypes
import platform
import sys
import threading
from contextlib import contextmanager

__all__ = ["quiet_decoder"]

_lock = threading.Lock()
_state: dict = {"users": 0, "stream": None}


def _stream_variable():
    """Return the C library's variable `stderr` and a stream without output, or None where it cannot be assigned."""
    name = {"linux": "stderr", "darwin": "__stderrp"}.get(sys.platform)
    if name is None or (sys.platform == "linux" and platform.libc_ver()[0] != "glibc"):
        return None
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    silent = library.fopen(b"/dev/null", b"w")
    return (ctypes.c_void_p.in_dll(library, name), silent) if silent else None


@contextmanager
def quiet_decoder():
    """Discard what C code writes to its stream `stderr` within the block, in all threads."""
    with _lock:
        if _state["stream"] is None:
            _state["stream"] = _stream_variable() or ()
        if _state["stream"] and _state["users"] == 0:
            variable, silent = _state["stream"]
            _state["loud"], variable.value = variable.value, silent
        _state["users"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["users"] -= 1
            if _state["stream"] and _state["users"] == 0:
                _state["stream"][0].value = _state["loud"]
