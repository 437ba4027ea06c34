"""save_model: an estimator as a tree of nodes and arrays."""

import functools
import hashlib
import inspect
import math
import sys
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.tree._tree import Tree
from sklearn.utils import Bunch
from sklearn.utils._metadata_requests import SIMPLE_METHODS, MetadataRequest
from skorch.callbacks import Callback

from skmer.model_selection._fits import versions
from skmer.models.storage.archive import FORMAT, MAX_DEPTH, is_pickle_name, write_archive
from skmer.models.storage.checks import COMPUTED
from skmer.models.storage.known import describe
from skmer.models.storage.networks import encode_module, encode_net
from skmer.models.storage.tensors import as_array
from skmer.training.net import RowNet

__all__ = ["save_model"]

# packages whose classes and functions are in the table, or cannot be saved
_FOREIGN = frozenset({*sys.stdlib_module_names, "joblib", "numpy", "scipy", "sklearn", "skorch", "torch"})


def save_model(model, path):
    """Save a model in a file that cannot run code when it is loaded.

    Parameters
    ----------
    model : estimator
        A pipeline or any other estimator of skmer, or one of those of scikit-learn that can stand beside it,
        fitted or not.
    path : str or path-like
        The file, such as ``model.skmer``. An existing file is replaced.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If something in the model cannot be saved, such as a lambda; the message names the step and the parameter.
    OSError
        If the file cannot be written.

    See Also
    --------
    load_model : Loads the model.
    skmer.models.save_trained_model : Also writes the model card.

    Notes
    -----
    The file is a zip file without compression, of two members and a checksum. ``model.json`` has the versions of
    the packages, the parameters and the fitted attributes of all estimators; ``arrays.safetensors`` has all numbers and
    weights, each array once. There is no pickle in it.

    Classes and functions of your own are saved by their name, and must be passed to `load_model`. A torch module that
    is given as ``backbone``, and a ``state_dict`` in ``backbone_params``, are saved with the weights after the
    training only. Caches are saved as paths, and weights as those of a CPU.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import skmer
    >>> from skmer.datasets import make_songs
    >>> from skmer.models import make_pipeline_of
    >>> songs = make_songs(8, duration=3, random_state=0)
    >>> pipe = make_pipeline_of("log-mel").fit(songs.data, songs.target)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = skmer.save_model(pipe, pathlib.Path(folder) / "model.skmer")
    ...     again = skmer.load_model(path)
    >>> bool((again.decision_function(songs.data) == pipe.decision_function(songs.data)).all())
    True
    """
    path = Path(path)
    if is_pickle_name(path):
        raise ValueError(
            f"{path}: a file of this name is expected to be a pickle: name it {path.with_suffix('.skmer').name}."
        )
    if not isinstance(model, BaseEstimator):
        how = ": use skmer.models.save_trained_model" if hasattr(model, "card") else ""
        raise ValueError(f"model must be an estimator, such as a Pipeline, got {type(model).__name__}{how}.")
    encoder = Encoder(model)
    tree = {"format": FORMAT, "versions": versions(), "model": encoder.encode(model)}
    try:
        write_archive(path, tree, encoder.arrays)
    except ValueError as error:
        raise ValueError(f"{type(model).__name__} cannot be saved: {error}.") from error
    return path


class Encoder:
    """Encode values as nodes: plain values of JSON, or dicts whose ``"$"`` is the kind; arrays are kept apart."""

    def __init__(self, model):
        self.arrays: dict = {}
        self._names: dict = {}  # by the digest of an array
        self._seen: dict = {}  # the object and its node, by the id of the object
        self._where: list = []
        self._model = type(model).__name__
        self._n_ids = 0

    def refuse(self, reason):
        """Raise the error that something cannot be saved."""
        places = [place for place in self._where if place]
        n = max((i + 1 for i, place in enumerate(places) if place.startswith("step ")), default=0)
        steps = [place for place in places[:n] if place.startswith("step ")]
        where = ", ".join([*(steps or [self._model]), *places[n : n + 1]])
        raise ValueError(
            f"{where}: {reason}, and cannot be saved by save_model: use joblib.dump, whose file runs code when it is "
            "loaded."
        )

    @contextmanager
    def _at(self, *place):
        if len(self._where) > MAX_DEPTH:
            self.refuse("the values are nested too deeply, or contain themselves")
        self._where.extend(place or [""])
        yield
        del self._where[-len(place or [""]) :]

    def encode(self, value, *place):
        """Return the node of a value; `place` is part of the message if it cannot be saved."""
        with self._at(*place):
            if value is None or type(value) in (bool, str, int):
                return value
            if type(value) is float:
                return value if math.isfinite(value) else {"$": "float", "value": repr(value)}
            for kinds, encode in self._rules.items():
                if isinstance(value, kinds):
                    return encode(self, value)
            return self._encode_named(value)

    # ---- plain values ------------------------------------------------------------------------------

    def _encode_list(self, value):
        self._check_type(value, list)
        return [self.encode(item) for item in value]

    def _encode_tuple(self, value):
        self._check_type(value, tuple)
        # a (name, estimator, ...) of a composite
        named = len(value) > 1 and isinstance(value[0], str) and hasattr(value[1], "get_params")
        place = [f"step {value[0]!r}"] if named else []
        return {"$": "tuple", "items": [self.encode(item, *place) for item in value]}

    def _encode_dict(self, value):
        if type(value).__name__ not in ("dict", "OrderedDict", "Bunch"):
            self._check_type(value, dict)
        kind = "bunch" if isinstance(value, Bunch) else "dict"
        items = [
            [self.encode(key), self.encode(item, *([f"entry {key!r}"] if isinstance(key, str) else []))]
            for key, item in value.items()
        ]
        return {"$": kind, "items": items}

    def _encode_slice(self, value):
        return {"$": "slice", "items": [self.encode(part) for part in (value.start, value.stop, value.step)]}

    def _encode_path(self, value):
        return {"$": "path", "value": str(value)}

    def _encode_memory(self, value):
        return self.encode(None if value.location is None else str(value.location))

    def _encode_scalar(self, value):
        is_text = value.dtype.kind == "U"
        if not is_text and (value.dtype.kind not in "biuf" or value.dtype.itemsize > 8):
            self.refuse(f"{value!r} is no number or text")
        dtype = "str" if is_text else value.dtype.name
        return {"$": "scalar", "dtype": dtype, "value": self.encode(value.item())}

    def _encode_dtype(self, value):
        if value.kind not in "biufUO" or value.names:
            self.refuse(f"{value!r} is no type of numbers")
        return {"$": "dtype", "value": value.str}

    def _encode_random_state(self, value):
        kind, *state = value.get_state()
        if kind != "MT19937":
            self.refuse(f"the random state is a {kind}")
        return self._once(value, lambda: {"$": "random state", "state": [self.encode(part) for part in state]})

    def _encode_partial(self, value):
        return {
            "$": "partial",
            "function": self.encode(value.func),
            "arguments": self.encode(value.args),
            "keywords": self.encode(value.keywords),
        }

    def _check_type(self, value, kind):
        if type(value) is not kind:
            self.refuse(f"the {type(value).__name__} is no plain {kind.__name__}")

    # ---- arrays ------------------------------------------------------------------------------------

    def _encode_array(self, value):
        if isinstance(value, np.ma.MaskedArray):
            parts = [np.ma.getdata(value), np.ma.getmaskarray(value), np.asarray(value.fill_value)]
            return {"$": "masked", "items": [self.encode(part) for part in parts]}
        if type(value) not in (np.ndarray, np.memmap):
            self.refuse(f"the array is a {type(value).__name__}")
        if value.dtype.kind in "UO":
            items = [self.encode(item) for item in value.ravel().tolist()]
            return self._once(
                value, lambda: {"$": "objects", "shape": list(value.shape), "dtype": value.dtype.str, "items": items}
            )
        if value.dtype.kind not in "biuf" or value.dtype.itemsize > 8:
            self.refuse(f"the array holds values of the type {value.dtype}")
        # the order of the memory decides the last bits of matrix products
        order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
        plain = value.T if order == "F" else value
        plain = np.asarray(plain, dtype=value.dtype.newbyteorder("="))
        return self._once(value, lambda: {"$": "array", "name": self._store(plain), "order": order})

    def _encode_tensor(self, value):
        if value.layout is not torch.strided or value.is_quantized or value.is_complex():
            self.refuse(f"the tensor is a {value.layout}, {value.dtype}")
        array, kind = as_array(value)
        return {"$": "tensor", "name": self._store(array), "dtype": kind}

    def _store(self, array):
        """Keep an array and return its name; one of the same contents is kept once."""
        array = np.ascontiguousarray(array).reshape(array.shape)
        key = (array.dtype.str, array.shape, hashlib.sha256(array.reshape(-1).view(np.uint8)).digest())
        name = self._names.setdefault(key, str(len(self._names)))
        self.arrays.setdefault(name, array)
        return name

    def _once(self, value, encode):
        """Return the node of an object, or a reference to it if the object occurred before."""
        if id(value) in self._seen:
            node = self._seen[id(value)][1]
            if node is None:
                self.refuse("it contains itself")
            if "id" not in node:
                node["id"], self._n_ids = self._n_ids, self._n_ids + 1
            return {"$": "again", "id": node["id"]}
        self._seen[id(value)] = (value, None)
        node = encode()
        self._seen[id(value)] = (value, node)
        return node

    def _encode_tree(self, value):
        state = value.__getstate__()
        nodes = {name: self.encode(np.ascontiguousarray(state["nodes"][name])) for name in state["nodes"].dtype.names}
        n_features, n_classes, _ = value.__reduce__()[1]
        sizes = {"n_features": int(n_features), "n_classes": self.encode(n_classes)}
        return {"$": "tree", **sizes, "nodes": nodes, "values": self.encode(state["values"])}

    # ---- objects -----------------------------------------------------------------------------------

    def _encode_estimator(self, value):
        return self._once(value, lambda: self._estimator_node(value))

    def _estimator_node(self, value):
        how = self.describe(type(value))
        params = value.get_params(deep=False)
        nets = {name: net for name, net in vars(value).items() if isinstance(net, RowNet)}
        node: dict = {"$": "estimator", **how, "params": {}, "attributes": {}}
        for name, param in params.items():
            with self._at(f"parameter {name!r}"):
                node["params"][name] = self._param_node(name, param) if nets else self.encode(param)
        for name, attribute in vars(value).items():
            if name in params or any(name == computed and isinstance(value, kind) for kind, computed in COMPUTED):
                continue
            with self._at(f"attribute {name!r}"):
                if name in nets:
                    node["attributes"][name] = encode_net(self, value, attribute)
                else:
                    node["attributes"][name] = self.encode(attribute)
        return node

    def _param_node(self, name, param):
        """Return a parameter of an estimator with a network, whose initial weights are replaced by the trained ones."""
        if name == "backbone" and isinstance(param, torch.nn.Module):
            return {"$": "trained module"}
        if name == "backbone_params" and isinstance(param, dict) and isinstance(param.get("state_dict"), dict):
            items = [[key, self.encode(item)] for key, item in param.items() if key != "state_dict"]
            return {"$": "dict", "items": [*items, ["state_dict", {"$": "trained weights"}]]}
        return self.encode(param)

    def _encode_requests(self, value):
        requests = {method: dict(getattr(value, method).requests) for method in SIMPLE_METHODS}
        return {"$": "requests", "methods": self.encode({name: found for name, found in requests.items() if found})}

    def _encode_callback(self, value):
        # without their state; parameters as given, since defaults may be functions such as print
        defaults = {
            name: parameter.default for name, parameter in inspect.signature(type(value).__init__).parameters.items()
        }
        params = {name: getattr(value, name) for name in defaults if hasattr(value, name)}
        given = {
            name: param for name, param in params.items() if param is not defaults[name] and param != defaults[name]
        }
        nodes = {name: self.encode(param, f"parameter {name!r}") for name, param in given.items()}
        return {"$": "callback", **self.describe(type(value)), "params": nodes}

    def _encode_module(self, value):
        return self._once(value, lambda: encode_module(self, value))

    def _encode_named(self, value):
        """Return a class, a function, or an object of a class that keeps its state in attributes."""
        if isinstance(value, type):
            return {"$": "class", **self.describe(value)}
        if hasattr(value, "__qualname__") or isinstance(value, np.ufunc):
            how = self.describe(value, "the function")
            if "own" in how and not inspect.isfunction(value):
                self.refuse(f"{value!r} is no function that was defined by def")
            return {"$": "function", **how}
        cls = type(value)
        plain = cls.__reduce_ex__ is object.__reduce_ex__ and cls.__reduce__ is object.__reduce__
        plain &= getattr(cls, "__getstate__", None) is getattr(object, "__getstate__", None)
        try:
            object.__new__(cls)
        except TypeError:
            plain = False
        if not plain or not hasattr(value, "__dict__"):
            self.refuse(f"the {cls.__name__} has a state of its own")
        return self._once(value, lambda: self._object_node(value))

    def _object_node(self, value):
        attributes = {name: self.encode(item, f"attribute {name!r}") for name, item in vars(value).items()}
        return {"$": "object", **self.describe(type(value)), "attributes": attributes}

    def describe(self, thing, what="the class"):
        """Return the node of a class or function, which can be named in a file."""
        how = describe(thing)
        name = getattr(thing, "__qualname__", repr(thing))
        if how is None:
            self.refuse(f"{what} {name} has no name by which it is found again")
        if "own" in how and (package := how["module"].partition(".")[0]) in _FOREIGN:
            self.refuse(f"{what} {name} of {package} is none of those that can be loaded")
        return how

    _rules = {  # noqa: RUF012
        list: _encode_list,
        tuple: _encode_tuple,
        dict: _encode_dict,
        slice: _encode_slice,
        Path: _encode_path,
        joblib.Memory: _encode_memory,
        np.generic: _encode_scalar,
        np.dtype: _encode_dtype,
        np.random.RandomState: _encode_random_state,
        functools.partial: _encode_partial,
        np.ndarray: _encode_array,
        torch.Tensor: _encode_tensor,
        Tree: _encode_tree,
        MetadataRequest: _encode_requests,
        Callback: _encode_callback,
        BaseEstimator: _encode_estimator,
        torch.nn.Module: _encode_module,
    }
