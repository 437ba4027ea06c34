"""stable_hash: a hash of a thing by its contents, the same in every process."""

import sys

import numpy as np
from joblib.hashing import NumpyHasher
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

__all__ = ["stable_hash"]

_SIMPLE = (type(None), bool, int, float, complex, str, bytes)


def stable_hash(thing):
    """Return a hash of a thing's contents: that of `joblib.hash`, but the same in another process for torch too.

    Networks count by class, simple attributes and weights; functions and classes by their name, not by their code.
    The text attribute ``cache_key`` of an object stands for all of it. ValueError if something in it has no hash.
    """
    hasher = _Hasher(coerce_mmap=True)
    # without a memo, a list that holds an object twice is hashed as one that holds two equal objects
    hasher.fast = True
    try:
        return hasher.hash(thing)
    except Exception as error:  # whatever pickle and torch raise
        reason = (
            "it is nested too deeply, or contains itself"
            if isinstance(error, RecursionError)
            else next(iter(error.args), type(error).__name__)
        )
        raise ValueError(
            f"{repr(thing)[:200]} cannot be hashed ({reason}), so that results which depend on it could not be "
            "recognised: use functions and classes defined at the top level of a module, or set a text attribute "
            "cache_key on the object, and change it whenever the object changes."
        ) from error


class _Hasher(NumpyHasher):
    """joblib's hasher, with estimators, tensors and networks taken apart before they are pickled."""

    def save(self, obj):
        """Hash an object."""
        super().save(obj if type(obj) in _SIMPLE or isinstance(obj, type) else _take_apart(obj))


def _take_apart(thing):
    if isinstance(given := getattr(thing, "cache_key", None), str):
        return "cache_key", given
    if isinstance(thing, np.ndarray) and not thing.dtype.hasobject:
        return np.ascontiguousarray(thing)  # joblib's hash depends on the strides
    if isinstance(thing, frozenset):
        return "frozenset", set(thing)
    if isinstance(thing, BaseEstimator) and type(thing).__getstate__ is BaseEstimator.__getstate__:
        return type(thing), vars(thing)  # without the version of scikit-learn, which __getstate__ adds
    if isinstance(thing, MetadataRequest):
        return type(thing), repr(thing)  # it refers to itself
    torch = sys.modules.get("torch")
    if torch is None:
        return thing
    if isinstance(thing, torch.Tensor):
        values = thing.detach().to_dense().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        return str(thing.dtype), tuple(thing.shape), thing.requires_grad, values.view(torch.uint8).numpy()
    if isinstance(thing, torch.jit.ScriptModule | torch.jit.ScriptFunction | torch.fx.GraphModule):
        raise TypeError("compiled networks have no stable contents")
    if isinstance(thing, torch.nn.Module):
        return type(thing), repr(thing), _attributes(thing), dict(thing.state_dict(keep_vars=True))
    return thing


def _attributes(network):
    """Return the simple attributes of a network and of all networks in it, which its repr may not show."""
    return {
        name: {k: v for k, v in vars(module).items() if type(v) in _SIMPLE and k != "training"}
        for name, module in network.named_modules()
    }
