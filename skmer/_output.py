"""SongTransformerMixin: what transformers return, songs of segments or a table, and the names of the values."""

from functools import wraps

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils._set_output import ADAPTERS_MANAGER, _get_output_config, _wrap_data_with_container

from skmer.songs import SongSequence

__all__ = ["SongTransformerMixin", "check_names_in"]


def _in_container(method):
    """Wrap a method as scikit-learn does, except that songs are returned as they are, with the index of X."""

    @wraps(method)
    def wrapped(self, X, *args, **kwargs):
        out = method(self, X, *args, **kwargs)
        index = X.index if hasattr(X, "iloc") or isinstance(X, SongSequence) else None
        if isinstance(out, SongSequence):
            _get_output_config("transform", self)  # raises if scikit-learn's global setting is unknown
            out.index = index
            return out
        if isinstance(X, SongSequence) and index is not None:
            X = index.to_series()  # whose index scikit-learn copies
        return _wrap_data_with_container("transform", out, X, self)

    return wrapped


class SongTransformerMixin(TransformerMixin, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """A transformer that returns a `SongSequence` or one row per song."""

    # in place of scikit-learn's wrappers, here and in subclasses
    fit_transform = _in_container(TransformerMixin.fit_transform.__wrapped__)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        for name in ("transform", "fit_transform"):
            if name in vars(cls):
                setattr(cls, name, _in_container(vars(cls)[name].__wrapped__))

    def set_output(self, *, transform=None):
        """Set the container of the output where it is one row per song.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"}, default=None
            Container of `transform` and `fit_transform`: ``"default"`` is an ndarray, ``"pandas"`` and ``"polars"``
            are data frames with the columns of `get_feature_names_out`. None leaves the setting as it is. Songs of
            segments are returned as a `SongSequence` with every setting.

        Returns
        -------
        estimator
            Itself.

        Raises
        ------
        ValueError
            If `transform` is anything else.
        """
        known = sorted(ADAPTERS_MANAGER.supported_outputs)
        if transform is not None and transform not in known:
            raise ValueError(f"output config must be in {known}, got {transform}")
        return super().set_output(transform=transform)


def check_names_in(estimator, input_features, n_features, default="x"):
    """Return `input_features` as an array; raise ValueError if there are not `n_features`, or others than in `fit`.

    None is the names in `fit`, without which they are `default` and a number.
    """
    seen = getattr(estimator, "feature_names_in_", None)
    if input_features is None:
        return np.array([f"{default}{k}" for k in range(n_features)], dtype=object) if seen is None else seen
    names = np.asarray(input_features, dtype=object)
    if len(names) != n_features:
        raise ValueError(
            f"input_features should have length equal to number of features ({n_features}), got {len(names)}"
        )
    if seen is not None and not np.array_equal(names, seen):
        raise ValueError("input_features is not equal to feature_names_in_")
    return names
