"""Environment of a fit: attributes of an earlier fit, device, precision, threads, random numbers, compilation."""

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial

import torch

from skmer._interrupts import interrupts_held
from skmer.backbones import has_shared_trunk

__all__ = [
    "PRECISIONS",
    "CompiledNetwork",
    "FitRandomState",
    "choose_device",
    "choose_precision",
    "reset_fitted_attributes",
    "torch_threads",
]

PRECISIONS = ("auto", "float32", "bfloat16")
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
    if precision not in PRECISIONS:
        # set after a fit, in which parameters are validated
        raise ValueError(f"The precision must be one of {', '.join(PRECISIONS)}, got {precision!r}.")
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
    try:
        _set_threads(n)
        yield
    finally:
        _set_threads(before)


def _set_threads(n):
    """Set the number of threads of the calling thread only.

    `torch.set_num_threads` also changes the number with which other threads will start; a second thread restores it.
    """
    if torch.get_num_threads() == n:
        return
    with interrupts_held(), _DEFAULT_THREADS, ThreadPoolExecutor(1) as other:
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
        self._blocks: list = []  # what is held in each

    def __enter__(self):
        with ExitStack() as stack:
            stack.enter_context(interrupts_held())
            stack.enter_context(_GENERATORS)
            if not self._blocks:
                self._before = self._get()
                self._set(self._own)
            self._blocks.append(stack.pop_all())
        FitRandomState._n_blocks += 1
        return self

    def __exit__(self, *_):
        FitRandomState._n_blocks -= 1
        with self._blocks.pop():
            if not self._blocks:
                self._own = self._get()
                self._set(self._before)

    @contextmanager
    def paused(self):
        """Return the generators in a block in which nothing is drawn, unless this is within another fit's block."""
        if len(self._blocks) != 1 or FitRandomState._n_blocks != 1:
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


# ---- compilation ---------------------------------------------------------------------------------


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
