"""stable_hash: a hash of an object by its contents, the same in every process."""

import sys

import numpy as np
from joblib.hashing import NumpyHasher
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import MetadataRequest

__all__ = ["stable_hash"]

_SIMPLE = (type(None), bool, int, float, complex, str, bytes)


def stable_hash(obj):
    """Return a hash of an object's contents like `joblib.hash`, but reproducible across processes for torch, too.

    Networks are hashed by class, simple attributes and weights; functions and classes by name, not by code. An object
    with a text attribute ``cache_key`` is hashed by this alone. Raise ValueError if the object cannot be hashed.
    """
    hasher = _Hasher(coerce_mmap=True)
    # without a memo, a list that holds an object twice is hashed as one that holds two equal objects
    hasher.fast = True
    try:
        return hasher.hash(obj)
    except Exception as error:  # whatever pickle and torch raise
        reason = (
            "it is nested too deeply, or contains itself"
            if isinstance(error, RecursionError)
            else next(iter(error.args), type(error).__name__)
        )
        raise ValueError(
            f"{repr(obj)[:200]} cannot be hashed ({reason}), so that results which depend on it cannot be "
            "cached: use functions and classes defined at the top level of a module, or set a text attribute "
            "cache_key on the object, and change it whenever the object changes."
        ) from error


class _Hasher(NumpyHasher):
    """joblib's hasher, which replaces estimators, tensors and networks by their contents before pickling."""

    def save(self, obj):
        """Hash an object."""
        super().save(obj if type(obj) in _SIMPLE or isinstance(obj, type) else _contents(obj))


def _contents(obj):
    if isinstance(given := getattr(obj, "cache_key", None), str):
        return "cache_key", given
    if isinstance(obj, np.ndarray) and not obj.dtype.hasobject:
        return np.ascontiguousarray(obj)  # joblib's hash depends on the strides
    if isinstance(obj, frozenset):
        return "frozenset", set(obj)
    if isinstance(obj, BaseEstimator) and type(obj).__getstate__ is BaseEstimator.__getstate__:
        return type(obj), vars(obj)  # without the version of scikit-learn, which __getstate__ adds
    if isinstance(obj, MetadataRequest):
        return type(obj), repr(obj)  # contains a reference to itself
    torch = sys.modules.get("torch")
    if torch is None:
        return obj
    if isinstance(obj, torch.Tensor):
        values = obj.detach().to_dense().resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
        return str(obj.dtype), tuple(obj.shape), obj.requires_grad, values.view(torch.uint8).numpy()
    if isinstance(obj, torch.jit.ScriptModule | torch.jit.ScriptFunction | torch.fx.GraphModule):
        raise TypeError("compiled networks have no stable contents")
    if isinstance(obj, torch.nn.Module):
        return type(obj), repr(obj), _attributes(obj), dict(obj.state_dict(keep_vars=True))
    return obj


def _attributes(network):
    """Return the simple attributes of a network and of all networks in it, which its repr may not show."""
    return {
        name: {k: v for k, v in vars(module).items() if type(v) in _SIMPLE and k != "training"}
        for name, module in network.named_modules()
    }
