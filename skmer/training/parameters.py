"""NetParametersMixin: parameters of estimators with a net by name, of its backbone and its callbacks too."""

from collections import Counter, defaultdict
from copy import deepcopy

from sklearn.base import BaseEstimator

__all__ = ["NetParametersMixin", "named_callbacks"]


class NetParametersMixin(BaseEstimator):
    """`get_params` and `set_params` that reach into dicts and `callbacks`, and that explain the names of skorch.

    A parameter with the constraint ``[dict, None]`` has its entries as ``<parameter>__<key>``, and a list `callbacks`
    has its callbacks as ``callbacks__<name>``, and their parameters as ``callbacks__<name>__<parameter>``.
    """

    def get_params(self, deep=True):
        """Get the parameters of this estimator.

        Parameters
        ----------
        deep : bool, default=True
            Whether to return also the parameters of estimators and callbacks among the parameters, and the entries of
            dicts such as `backbone_params`.

        Returns
        -------
        dict
            Parameters and their values.
        """
        params = super().get_params(deep)
        if deep:
            for name in self._dict_parameters():
                entries = params[name] if isinstance(params[name], dict) else {}
                params.update({f"{name}__{key}": value for key, value in entries.items() if isinstance(key, str)})
            for name, callback in named_callbacks(params.get("callbacks")):
                params[f"callbacks__{name}"] = callback
                params.update({f"callbacks__{name}__{key}": value for key, value in _params_of(callback).items()})
        return params

    def set_params(self, **params):
        """Set the parameters of this estimator.

        Parameters
        ----------
        **params : dict
            Parameters, including ``<parameter>__<key>`` for an entry of a dict such as `backbone_params`, and
            ``callbacks__<name>__<parameter>`` for a callback, which is named as in skorch: by its tuple or its class,
            with ``_1``, ``_2``, ... if there are several. Dicts and callbacks are copied, not changed.

        Returns
        -------
        estimator
            Itself.

        Raises
        ------
        ValueError
            If there is no such parameter.
        """
        own, dicts = self._get_param_names(), self._dict_parameters()
        rest: dict = {}
        entries: dict = defaultdict(dict)
        for key, value in params.items():
            name, nested, entry = key.partition("__")
            if name not in own and (reason := self._name_in_skorch(name, entry, own)):
                raise ValueError(f"Invalid parameter {key!r} for {type(self).__name__}: {reason}.")
            if nested and name in own and (name in dicts or name == "callbacks"):
                entries[name][entry] = value
            else:
                rest[key] = value
        super().set_params(**rest)
        for name, of in entries.items():
            given = getattr(self, name)
            if name == "callbacks":
                self.callbacks = _with_callback_params(type(self).__name__, given, of)
            elif isinstance(given, dict | None):
                setattr(self, name, {**(given or {}), **of})
            else:
                raise ValueError(f"{name} is {given!r}: set {name} to a dict or None before {name}__{next(iter(of))}.")
        return self

    @classmethod
    def _dict_parameters(cls):
        return [name for name, constraint in cls._parameter_constraints.items() if constraint == [dict, None]]

    def _name_in_skorch(self, name, entry, own):
        """Return what to use in place of a parameter of skorch's nets, or None for any other name."""
        if name == "module":
            if "backbone" in own:
                return f"use backbone_params__{entry}" if entry else "module is called backbone here"
            network = f"the network is built by {type(self).__name__}, whose parameters it has"
            return f"use {entry}" if entry in own else network
        if entry in own and name in ("optimizer", "iterator_train", "iterator_valid"):
            return f"use {entry}"
        validation = "use validation_fraction" if "validation_fraction" in own else None
        return {
            "optimizer": "the optimizer is AdamW, of which lr and weight_decay can be set",
            "criterion": "the loss belongs to the estimator and cannot be exchanged",
            "iterator_train": "batches are not drawn by a DataLoader; of theirs, batch_size can be set",
            "iterator_valid": "batches are not drawn by a DataLoader; of theirs, batch_size can be set",
            "dataset": "X and y are passed to fit, and no torch Dataset is needed",
            "train_split": validation or "all songs of X are used for training; validate by cross-validation",
            "predict_nonlinearity": "predict_proba returns probabilities already",
            "warm_start": "each fit begins anew",
            "compile": "only SSSLClassifier compiles its network",
        }.get(name)


def named_callbacks(callbacks):
    """Return (name, callback) pairs, named as skorch does: by tuple or class, numbered if a class is there twice."""
    items = callbacks if isinstance(callbacks, list) else []
    pairs = [item if _is_pair(item) else (_class_name(item), item) for item in items]
    chosen = {item[0] for item in items if _is_pair(item)}
    total = Counter(name for name, _ in pairs)
    seen: Counter = Counter()
    named = []
    for name, callback in pairs:
        seen[name] += 1
        numbered = total[name] > 1 and name not in chosen
        named.append((f"{name}_{seen[name]}" if numbered else name, callback))
    return named


def _is_pair(item):
    return isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)


def _class_name(callback):
    return callback.__name__ if isinstance(callback, type) else type(callback).__name__


def _params_of(callback):
    """Return the parameters of a callback, without the private attributes that skorch takes for parameters."""
    if isinstance(callback, type) or not hasattr(callback, "get_params"):
        return {}
    return {name: value for name, value in callback.get_params().items() if not name.startswith("_")}


def _with_callback_params(owner, callbacks, params):
    """Return a list of (name, callback) in which some callbacks are replaced, or copied with other parameters."""
    named = named_callbacks(callbacks)
    # a whole callback before its parameters
    for key in sorted(params, key=lambda key: "__" in key):
        name, nested, parameter = key.partition("__")
        places = [i for i, (known, _) in enumerate(named) if known == name]
        if len(places) != 1:
            has = ", ".join(repr(known) for known, _ in named) or "none"
            what = "no callback" if not places else "several callbacks"
            raise ValueError(f"Invalid parameter 'callbacks__{key}' for {owner}: {what} named {name!r}; it has {has}.")
        callback = named[places[0]][1]
        if nested:
            callback = callback() if isinstance(callback, type) else deepcopy(callback)
            if parameter.partition("__")[0] not in _params_of(callback):
                raise ValueError(
                    f"Invalid parameter 'callbacks__{key}' for {owner}: {_class_name(callback)} has no parameter "
                    f"{parameter!r}."
                )
            callback.set_params(**{parameter: params[key]})
        else:
            callback = params[key]
        named[places[0]] = (name, callback)
    return named
