"""Ctrl-C and SIGTERM: raise one exception for several signals at once, and end worker processes."""

import signal
import sys
import time
from contextlib import contextmanager, suppress

__all__ = ["Terminated", "ending", "listen"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# a terminal sends one signal, but a program may send it to the process and to its group
_SAME_STOP = 1.0  # seconds


class Terminated(KeyboardInterrupt):
    """SIGTERM was received; handlers of Ctrl-C clean up after it too."""


def listen():
    """Raise `KeyboardInterrupt` or `Terminated` in the main thread after SIGINT or SIGTERM.

    Signals within a second raise once, a later one raises again. Signals that are ignored, as in a job that a script
    runs in the background, stay ignored.
    """
    last = float("-inf")

    def stop(number, frame):
        nonlocal last
        now = time.monotonic()
        if now - last > _SAME_STOP:
            last = now
            _ignore_for_a_moment(heard, stop)
            raise Terminated if number == signal.SIGTERM else KeyboardInterrupt

    heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    _set(heard, stop)


def _set(numbers, handler):
    for number in numbers:
        signal.signal(number, handler)


def _ignore_for_a_moment(numbers, handler):
    """Ignore the signals, also in programs started to end the workers: joblib waits for ever if its pgrep is killed."""
    if hasattr(signal, "setitimer"):
        _set(numbers, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: _set(numbers, handler))
        signal.setitimer(signal.ITIMER_REAL, _SAME_STOP)


@contextmanager
def ending():
    """Ignore signals in the block, which prints why the process ends; then end joblib's workers."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    _set(_SIGNALS, signal.SIG_IGN)
    yield
    sys.stderr.flush()
    _set(_SIGNALS, signal.SIG_DFL)
    _end_workers()


def _end_workers():
    """End the processes that joblib keeps, which would print warnings about shared arrays at exit."""
    kept = sys.modules.get("joblib.externals.loky.reusable_executor")
    workers = getattr(kept, "_executor", None)
    if workers is not None:
        # they may have ended already
        with suppress(Exception):
            workers.terminate(kill_workers=True)
