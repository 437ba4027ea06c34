"""Ctrl-C and SIGTERM: a stop is one exception, however many signals come with it, and leaves no processes behind."""

import signal
import sys
import time
from contextlib import contextmanager, suppress

__all__ = ["Terminated", "ending", "listen"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# a terminal sends one signal, but a program that stops others may send it to the process and to its group
_SAME_STOP = 1.0  # seconds


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM: what tidies up after Ctrl-C does so here too."""


def listen():
    """Let SIGINT and SIGTERM raise in the main thread; call it where the process is the command's own.

    Signals within a second are one stop, a later one raises again. A signal that is ignored stays so, as of a job that
    a script runs in the background.
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
    """Have what is started to end the workers ignore the signals too: joblib waits for ever where its pgrep dies."""
    if hasattr(signal, "setitimer"):
        _set(numbers, signal.SIG_IGN)
        signal.signal(signal.SIGALRM, lambda *_: _set(numbers, handler))
        signal.setitimer(signal.ITIMER_REAL, _SAME_STOP)


@contextmanager
def ending():
    """Say in peace why the process ends; then let another signal end it at once, and end the processes over folds."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)
    _set(_SIGNALS, signal.SIG_IGN)
    yield
    sys.stderr.flush()
    _set(_SIGNALS, signal.SIG_DFL)
    _end_workers()


def _end_workers():
    """End the processes that joblib keeps: left to the exit, they tell of each array that they shared."""
    kept = sys.modules.get("joblib.externals.loky.reusable_executor")
    workers = getattr(kept, "_executor", None)
    if workers is not None:
        # they may be gone, or half ended by the first stop
        with suppress(Exception):
            workers.terminate(kill_workers=True)
