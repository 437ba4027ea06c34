"""parallel_map: call a function in threads, or in the workers of joblib's active backend."""

from joblib import Parallel, delayed
from joblib.parallel import SequentialBackend, get_active_backend
from sklearn import config_context, get_config
from sklearn.utils import parallel as sklearn_parallel

__all__ = ["parallel_map"]


def parallel_map(function, arguments, n_jobs=None, *, threads=False, ordered=True):
    """Return an iterable over the results of ``function(*args)``, which run with scikit-learn's configuration.

    They run in threads if `threads`, otherwise on the backend of `joblib.parallel_config`. Results are returned as
    they finish, in any order unless `ordered`, or all at the end where the backend can do no better.
    """
    if threads:
        config = get_config()  # later calls are dispatched by another thread, which has its own
        # unlike scikit-learn's delayed, this leaves the filters of warnings, which all threads share
        calls = (delayed(_with_config)(config, function, args) for args in arguments)
        # under a backend of processes, the preference alone would be ignored
        return Parallel(n_jobs=n_jobs, prefer="threads", require="sharedmem", return_as="generator")(calls)
    calls = (sklearn_parallel.delayed(function)(*args) for args in arguments)
    returned = "list"
    backend, _ = get_active_backend()
    if isinstance(backend, SequentialBackend) or getattr(backend, "supports_return_generator", False):
        returned = "generator" if ordered else "generator_unordered"
    return sklearn_parallel.Parallel(n_jobs=n_jobs, return_as=returned, pre_dispatch="n_jobs")(calls)


def _with_config(config, function, args):
    with config_context(**config):
        return function(*args)
