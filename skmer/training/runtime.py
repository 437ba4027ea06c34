"""Environment of a fit: attributes of an earlier fit, device, precision, threads, random numbers, interrupts."""

import signal
import threading
from contextlib import contextmanager
from functools import partial

import torch
from threadpoolctl import threadpool_limits

from skmer.backbones import has_shared_trunk

__all__ = [
    "CompiledNetwork",
    "StopTraining",
    "choose_device",
    "choose_precision",
    "isolated",
    "reset_fitted_attributes",
    "stops_by_callbacks",
]

# torch's generator and thread count belong to the process: fits in several threads take turns
_LOCK = threading.RLock()


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


@contextmanager
def isolated(seed, n_threads):
    """Run with torch's generators seeded (unless `seed` is None) and `n_threads` threads, and restore both.

    Sums of floats depend on the number of threads, and a joblib worker has fewer than its parent: only a fixed number
    makes a result the same for every ``n_jobs``.
    """
    with _LOCK:
        threads = torch.get_num_threads()
        torch.set_num_threads(n_threads)
        try:
            if seed is None:
                yield
            else:
                # scikit-learn's mixture uses BLAS and OpenMP
                with torch.random.fork_rng(), threadpool_limits(n_threads):
                    torch.manual_seed(seed)
                    yield
        finally:
            torch.set_num_threads(threads)


class StopTraining(Exception):
    """Raised to end the training on the request of a callback."""


@contextmanager
def stops_by_callbacks():
    """Convert a callback's KeyboardInterrupt, such as that of skorch's `EarlyStopping`, to `StopTraining`.

    A Ctrl-C of the user is raised again after the callbacks, so that an interrupted fit is not taken as finished.
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
