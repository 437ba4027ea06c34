"""Tell a callback that ends the training from a user who does."""

import signal
import threading
from contextlib import contextmanager

__all__ = ["StopTraining", "stops_by_callbacks"]


class StopTraining(Exception):
    """A callback asks for the end of the training.

    Examples
    --------
    >>> from skmer.training.stopping import StopTraining
    >>> issubclass(StopTraining, KeyboardInterrupt)
    False
    """


@contextmanager
def stops_by_callbacks():
    """Turn a callback's KeyboardInterrupt, as of skorch's `EarlyStopping`, into `StopTraining`.

    A real Ctrl-C waits for the callbacks' end and is raised then: a fit that a user interrupts
    must never pass for a finished one.

    Yields
    ------
    None
        While callbacks run.

    Raises
    ------
    StopTraining
        If a callback raised KeyboardInterrupt.
    KeyboardInterrupt
        If the user did.

    Examples
    --------
    >>> from skmer.training.stopping import StopTraining, stops_by_callbacks
    >>> try:
    ...     with stops_by_callbacks():
    ...         raise KeyboardInterrupt
    ... except StopTraining:
    ...     print("a callback has had enough")
    a callback has had enough
    """
    # only the main thread may set handlers, and only it is interrupted
    held = threading.current_thread() is threading.main_thread()
    pressed: list = []
    before = signal.signal(signal.SIGINT, lambda *_: pressed.append(True)) if held else None
    try:
        yield
    except KeyboardInterrupt as error:
        raise StopTraining from error
    finally:
        if held:
            # a handler that was not set by Python cannot be put back as it was
            signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
            if pressed:
                signal.raise_signal(signal.SIGINT)
