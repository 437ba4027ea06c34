"""Tensors, tables and series of other libraries as arrays and lists; none of these libraries is imported."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Set, ValuesView

import numpy as np

__all__ = [
    "check_not_empty",
    "check_not_paths",
    "column_names",
    "depth",
    "label_array",
    "unwrap",
]


def unwrap(X, name="X"):
    """Return a list or an array for a tensor, a series, or a table of one column that holds no numbers.

    Items of a list that are tensors, tables or pyarrow's scalars are converted, too. Anything else is returned as it
    is. Raise ValueError if X has no order, or can be read only once.
    """
    if isinstance(X, Iterator):
        raise ValueError(f"{name} is a {type(X).__name__}, which can be read only once: pass a list.")
    # scipy has a sparse matrix that is a mapping
    if isinstance(X, Set | Mapping) and not hasattr(X, "tocsr"):
        other = "y" if name == "X" else "X"
        raise ValueError(f"{name} is a {type(X).__name__}, whose order may differ from that of {other}: pass a list.")
    if hasattr(type(X), "collect"):
        raise ValueError(f"{name} is a {type(X).__name__}, which has not been computed: pass {name}.collect().")
    names = column_names(X)
    if names is not None:
        column = _series_values(X[names[0]]) if len(names) == 1 else None
        return [_item(value, name) for value in column] if isinstance(column, list) else X
    if isinstance(X, ValuesView | deque):
        X = list(X)
    if isinstance(X, list | tuple):
        items = [_item(value, name) for value in X]
        return X if all(a is b for a, b in zip(items, X, strict=True)) else items
    if isinstance(X, np.ndarray):
        return _plain_array(X[:, 0] if _is_object_column(X) else X, name)
    if (values := _series_values(X)) is not None:
        return [_item(value, name) for value in values] if isinstance(values, list) else values
    return _from_tensor(X, name)


def column_names(X):
    """Return the names of the columns of a table, or None if X is not a table."""
    # the columns of a pyarrow table are arrays
    names = getattr(X, "column_names", getattr(X, "columns", None))
    return None if names is None else list(names)


def depth(value):
    """Return the number of dimensions of an array or of nested lists, of which only the first items are read."""
    if isinstance(value, list | tuple):
        return 1 + (depth(value[0]) if value else 0)
    return getattr(value, "ndim", 0)


def _series_values(X):
    """Return an array of numbers or a list of other values for a series; None if X is not a series."""
    to_list = getattr(X, "to_pylist", None) or getattr(X, "to_list", None)
    if to_list is None or isinstance(X, np.ndarray):
        return None
    if hasattr(X, "iloc"):  # pandas
        return X if np.asarray(X).dtype.kind in "biufc" else list(X)
    values = np.asarray(X)
    return values if values.dtype.kind in "biufc" else to_list()


def _is_object_column(X):
    return X.dtype == object and X.ndim == 2 and X.shape[1] == 1 and len(X) > 0 and not np.isscalar(X[0, 0])


def _plain_array(X, name):
    """Return an array of NumPy's variable-length strings as an array of str; raise if values are masked."""
    if np.ma.is_masked(X):
        raise ValueError(f"{name} has masked values: replace them with the method filled of the array.")
    return X.astype(object) if X.dtype.kind == "T" else X


def _item(value, name):
    """Return an item of a list as an array, if it is a tensor or a table, or as an object, if it is pyarrow's."""
    if isinstance(value, np.ndarray):
        return _plain_array(value, name)
    if isinstance(value, str | float | int | list | tuple):
        return value
    if hasattr(value, "as_py"):
        return value.as_py()
    if column_names(value) is not None and hasattr(value, "__array__"):
        return np.asarray(value)
    return _from_tensor(value, name)


def _from_tensor(value, name):
    if not (hasattr(value, "detach") and hasattr(value, "numpy")):
        return value
    try:
        value = value.detach().to_dense().cpu().resolve_conj().resolve_neg()
        # NumPy has no bfloat16
        return value.float().numpy() if str(value.dtype) == "torch.bfloat16" else value.numpy()
    except (NotImplementedError, RuntimeError, TypeError) as error:
        raise ValueError(
            f"{name} holds a tensor on {value.device} with {value.dtype}, which cannot be converted: pass NumPy arrays."
        ) from error


# ---- labels and groups ------------------------------------------------------------------------------


def label_array(y, name="y"):
    """Return labels, groups or weights, in whatever container, as an array."""
    y = unwrap(y, name)
    try:
        y = np.asarray(y)
    except ValueError:
        hint = (
            ""
            if name in ("groups", "sample_weight")
            else " (sklearn.preprocessing.MultiLabelBinarizer converts lists of tags)"
        )
        raise ValueError(f"{name} has rows of unequal lengths: pass one value per song{hint}.") from None
    return _plain_array(y, name)


# ---- checks that apply to every kind of X -----------------------------------------------------------


def check_not_empty(X, name="X"):
    """Check that X holds a song; scikit-learn would report an empty list as an array of a wrong shape."""
    shape = (len(X),) if isinstance(X, list | tuple) else tuple(getattr(X, "shape", ()))
    if shape[:1] == (0,):
        raise ValueError(f"{name} holds no song: at least one is needed.")


def check_not_paths(X, before, step, name="X"):
    """Check that X holds no paths; `before` names the step that computes songs from recordings."""
    X = [X] if isinstance(X, str | bytes | os.PathLike) else X
    # a string in a row of features is not a path
    if isinstance(X, list | tuple) or (hasattr(X, "dtype") and X.ndim == 1):
        path = next((item for item in X if isinstance(item, str | bytes | os.PathLike)), None)
        if path is not None:
            shown = path if isinstance(path, bytes) else str(path)
            raise ValueError(f"{name} holds paths, such as {shown!r}: put {before} before {step}.")
