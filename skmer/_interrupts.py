"""What Ctrl-C does in a training: it keeps the network as it is, or ends everything."""

from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["interrupts_raised", "keeps_interrupted"]

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
