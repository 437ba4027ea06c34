"""What Ctrl-C does in a training: it keeps the network as it is, or ends everything, but only between two steps."""

import signal
import threading
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["interrupts_held", "interrupts_raised", "keeps_interrupted", "raise_held_interrupt", "was_pressed"]

_keeps_interrupted: ContextVar[bool] = ContextVar("_keeps_interrupted", default=True)


@contextmanager
def interrupts_raised():
    """Let Ctrl-C end everything in the block, where a network that was not trained to the end is of no use."""
    token = _keeps_interrupted.set(False)
    try:
        yield
    finally:
        _keeps_interrupted.reset(token)


def keeps_interrupted():
    """Return whether Ctrl-C ends a training with the network as it is, rather than raises KeyboardInterrupt."""
    return _keeps_interrupted.get()


# ---- signals ---------------------------------------------------------------------------------------


class _Held:
    """The signals that wait for the end of a block, and the handlers that had been set before it."""

    def __init__(self):
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        # others end the process, ignore the signal, or were not set by Python
        self.handlers = {number: handler for number, handler in handlers.items() if callable(handler)}
        self.waiting: list = []
        self.error = None

    def set(self):
        for number in self.handlers:
            signal.signal(number, self.receive)

    def reset(self):
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def receive(self, number, frame):
        self.waiting.append((number, frame))
        if len(self.waiting) > 1:
            self.deliver()

    def deliver(self):
        (number, frame), *_ = self.waiting
        self.waiting.clear()
        try:
            self.handlers[number](number, frame)
        except KeyboardInterrupt as error:
            self.error = error
            raise


_held: _Held | None = None  # of the main thread, which alone is interrupted and may set handlers


def _held_by_this_thread():
    return _held if threading.current_thread() is threading.main_thread() else None


@contextmanager
def interrupts_held():
    """Let Ctrl-C and SIGTERM wait for the end of the block, or for `raise_held_interrupt`; a second one does not wait.

    Raised at any other place, KeyboardInterrupt could leave a lock locked or half of the weights exchanged.
    """
    global _held
    if threading.current_thread() is not threading.main_thread() or _held is not None:
        yield
        return
    held = _held = _Held()
    try:
        held.set()
        yield
    finally:
        _held = None
        held.reset()
        if held.waiting:
            held.deliver()


def raise_held_interrupt():
    """Raise KeyboardInterrupt if Ctrl-C was pressed in a block of `interrupts_held`; called between two steps."""
    held = _held_by_this_thread()
    if held is not None and held.waiting:
        held.deliver()


def was_pressed(error):
    """Return whether a KeyboardInterrupt in a block of `interrupts_held` comes from a signal, not from a callback."""
    held = _held_by_this_thread()
    return held is not None and held.error is error
