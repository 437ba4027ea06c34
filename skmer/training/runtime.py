"""Environment of a fit: attributes of an earlier fit, device, precision, threads, random numbers, interrupts."""

import os
import signal
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import torch

from skmer.backbones import has_shared_trunk

__all__ = [
    "CompiledNetwork",
    "FitRandomState",
    "StopTraining",
    "choose_device",
    "choose_precision",
    "reset_fitted_attributes",
    "stops_by_callbacks",
    "torch_threads",
]

_DEFAULT_THREADS = threading.Lock()  # while torch's default number of threads is changed
_GENERATORS = threading.RLock()  # while a fit uses torch's generators


def reset_fitted_attributes(estimator):
    """Delete the attributes of an earlier fit, so that a fit that fails does not leave parts of two models."""
    for name in [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]:
        delattr(estimator, name)


def choose_device(device):
    """Return a torch device: for "auto", CUDA if available, otherwise the CPU."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is unknown: use 'auto', 'cpu' or 'cuda'.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={device!r} is not available on this machine: use 'auto' or 'cpu'.")
    return str(device)


def choose_precision(precision, device, network):
    """Return "float32" or "bfloat16": for "auto", bfloat16 for convolutions if the hardware supports it."""
    if precision != "auto":
        return precision
    if not any(isinstance(module, torch.nn.modules.conv._ConvNd) for module in network.modules()):
        return "float32"
    if torch.device(device).type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # a private function, which may be absent: float32 is right everywhere
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bfloat16" if native else "float32"


# ---- threads ---------------------------------------------------------------------------------------


@contextmanager
def torch_threads(n):
    """Run torch with `n` threads in the calling thread, and restore the former number.

    Sums of floats depend on the number of threads, and a joblib worker has fewer than its parent: only a fixed number
    makes a result the same for every ``n_jobs``.
    """
    if n > 1 and _is_forked:
        warnings.warn(
            f"n_threads={n} is not possible in a forked process, where torch would hang: one thread is used, and the "
            "last digits of the result may differ. Use n_threads=1, or joblib's default backend.",
            UserWarning,
            stacklevel=4,
        )
        n = 1
    before = torch.get_num_threads()
    _set_threads(n)
    try:
        yield
    finally:
        _set_threads(before)


def _set_threads(n):
    """Set the number of threads of the calling thread only.

    `torch.set_num_threads` also changes the number with which other threads will start; a second thread restores it.
    """
    if torch.get_num_threads() == n:
        return
    with _DEFAULT_THREADS, ThreadPoolExecutor(1) as other:
        default = other.submit(torch.get_num_threads).result()
        torch.set_num_threads(n)
        other.submit(torch.set_num_threads, default).result()


# ---- random numbers --------------------------------------------------------------------------------


class FitRandomState:
    """The random numbers of one fit, drawn from torch's global generators in ``with`` blocks.

    Layers such as dropout can only draw from the generators of the process. In a block they have the state of this
    fit, and after it the former one. Fits in several threads take turns in their blocks, which enclose what draws
    random numbers, and run side by side otherwise; predictions draw none and never wait.
    """

    _n_blocks = 0  # of all fits of the thread that has the generators

    def __init__(self, seed, device="cpu"):
        self._devices = ["cpu", device] if torch.device(device).type == "cuda" else ["cpu"]
        self._own = [torch.Generator(device).manual_seed(seed).get_state() for device in self._devices]
        self._depth = 0

    def __enter__(self):
        _GENERATORS.acquire()
        FitRandomState._n_blocks += 1
        self._depth += 1
        if self._depth == 1:
            self._before = self._get()
            self._set(self._own)
        return self

    def __exit__(self, *_):
        if self._depth == 1:
            self._own = self._get()
            self._set(self._before)
        self._depth -= 1
        FitRandomState._n_blocks -= 1
        _GENERATORS.release()

    @contextmanager
    def paused(self):
        """Give the generators back in a block in which nothing is drawn, unless this is within another fit's block."""
        if self._depth != 1 or FitRandomState._n_blocks != 1:
            yield
            return
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()

    def _get(self):
        return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, self._devices[1:])]

    def _set(self, states):
        torch.set_rng_state(states[0])
        for state, device in zip(states[1:], self._devices[1:], strict=True):
            torch.cuda.set_rng_state(state, device)


# ---- forks -----------------------------------------------------------------------------------------

_is_forked = False  # whether this is a forked process, in which OpenMP cannot start threads


def _after_fork():
    global _is_forked
    _is_forked = True


# A fork waits until no other thread has a lock, which would stay locked in the child. Handlers before a fork are called
# in reverse order: as in a fit, the generators come first.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
    for _lock in (_DEFAULT_THREADS, _GENERATORS):
        os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


# ---- interrupts ------------------------------------------------------------------------------------


class StopTraining(Exception):
    """Raised to end the training on the request of a callback."""


@contextmanager
def stops_by_callbacks():
    """Convert a callback's KeyboardInterrupt, such as that of skorch's `EarlyStopping`, to `StopTraining`.

    A Ctrl-C of the user is raised again after the callbacks, to be told from the request of a callback.
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
            # a handler that was not set by Python cannot be restored
            signal.signal(signal.SIGINT, signal.default_int_handler if before is None else before)
            if pressed:
                signal.raise_signal(signal.SIGINT)


class CompiledNetwork:
    """A network compiled by `torch.compile`, once for each shape of a batch; the weights are shared.

    The network itself is not changed, so that it can still be copied and saved. A trunk that two dropout passes may
    share is compiled apart from its head.
    """

    def __init__(self, network):
        fixed = partial(torch.compile, dynamic=False)
        self._network = fixed(network)
        if has_shared_trunk(network):
            self.trunk, self.head = fixed(network.trunk), fixed(network.head)

    def __call__(self, x):
        return self._network(x)
