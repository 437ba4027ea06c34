"""What surrounds a fit: what an earlier one left, device, precision, threads and random numbers."""

import threading
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

__all__ = ["choose_device", "choose_precision", "isolated", "reset_fitted_attributes"]

# torch's generator and thread count belong to the process: fits in several threads take turns
_TURN = threading.RLock()


def reset_fitted_attributes(estimator):
    """Drop what an earlier fit left: a fit that fails must not leave parts of two models.

    Parameters
    ----------
    estimator : BaseEstimator
        Loses the attributes whose name ends in an underscore.

    Examples
    --------
    >>> from skmer.two_stage import BiLSTMClassifier
    >>> from skmer.training.runtime import reset_fitted_attributes
    >>> classifier = BiLSTMClassifier().fit([[0.0], [1.0]], ["calm", "happy"])
    >>> reset_fitted_attributes(classifier)
    >>> hasattr(classifier, "classes_")
    False
    """
    for name in [name for name in vars(estimator) if name.endswith("_") and not name.startswith("_")]:
        delattr(estimator, name)


def choose_device(device):
    """Resolve ``"auto"`` to CUDA where there is one, else to the CPU.

    Parameters
    ----------
    device : str
        ``"auto"`` or a torch device.

    Returns
    -------
    str
        A torch device.

    Raises
    ------
    ValueError
        If the device is unknown, or is CUDA and there is none.

    Examples
    --------
    >>> from skmer.training.runtime import choose_device
    >>> choose_device("cpu")
    'cpu'
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise ValueError(f"device={device!r} is unknown: use 'auto', 'cpu' or 'cuda'.") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device={device!r} was asked for, but no CUDA device is present: use 'auto' or 'cpu'.")
    return str(device)


def choose_precision(precision, device, network):
    """Resolve ``"auto"`` to bfloat16 where the hardware multiplies it, for convolutions.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        What the user asked for.
    device : str
        A torch device.
    network : Module
        The backbone; one without convolutions stays in float32.

    Returns
    -------
    {"float32", "bfloat16"}
        What to use.

    Examples
    --------
    >>> from torch import nn
    >>> from skmer.training.runtime import choose_precision
    >>> choose_precision("auto", "cpu", nn.Linear(2, 2))
    'float32'
    """
    if precision != "auto":
        return precision
    if not any(isinstance(module, torch.nn.modules.conv._ConvNd) for module in network.modules()):
        return "float32"
    if torch.device(device).type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # private, and so looked for with care: float32 is right everywhere
        native = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)()
    return "bfloat16" if native else "float32"


@contextmanager
def isolated(seed, n_threads):
    """Run with own random numbers and a fixed number of threads; put both back.

    Sums of floats depend on the number of threads, and a joblib worker has fewer than
    its parent: only a fixed number makes a result the same for every ``n_jobs``.

    Parameters
    ----------
    seed : int or None
        For torch's generators; None leaves them as they are.
    n_threads : int
        torch's threads within an operation.

    Yields
    ------
    None
        Nothing.

    Examples
    --------
    >>> import torch
    >>> from skmer.training.runtime import isolated
    >>> before = torch.get_rng_state()
    >>> with isolated(0, 1):
    ...     drawn = torch.rand(1)
    >>> torch.equal(before, torch.get_rng_state())
    True
    """
    with _TURN:
        threads = torch.get_num_threads()
        torch.set_num_threads(n_threads)
        try:
            if seed is None:
                yield
            else:
                # scikit-learn's mixture sums in BLAS and OpenMP
                with torch.random.fork_rng(), threadpool_limits(n_threads):
                    torch.manual_seed(seed)
                    yield
        finally:
            torch.set_num_threads(threads)
