"""run_fits: run independent fits, keep each finished one on disk, and skip those that an earlier run finished."""

import json
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator
from tqdm.auto import tqdm

from skmer._hash import stable_hash
from skmer._interrupts import interrupts_raised
from skmer._io import atomic_write_text, file_digest
from skmer._parallel import parallel_map
from skmer._run_parameters import RUN_PARAMETERS
from skmer._version import __version__
from skmer.audio.waveforms import has_rate

__all__ = ["Fit", "fit_key", "run_fits", "song_keys", "versions"]

_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "skorch", "librosa")


@dataclass(frozen=True)
class Fit:
    """One fit: the call that runs it, and what identifies its result.

    `name` appears in the file name, `key` is the `fit_key` of everything that decides the result, `run` can be pickled
    and returns a dict that JSON can hold, and `cost` is the approximate amount of work, for the progress bar.
    """

    name: str
    key: str
    run: Callable[[], dict]
    cost: float = 1.0

    def path(self, folder):
        """Return the file in which the finished fit is kept."""
        # file names have at most 255 bytes
        name = re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")[:150]
        return folder / f"{name}-{self.key}.json"


def fit_key(*parts):
    """Return a hash of parts and of skmer's version.

    Estimators are hashed by their class and parameters, without fitted attributes and without parameters of the run
    such as `n_jobs`; a `sklearn.frozen.FrozenEstimator` is hashed with its fitted attributes.
    """
    return stable_hash([__version__, *map(_settings, parts)])


def _settings(thing):
    """Replace the estimators in lists, dicts and dataclasses by their class and parameters."""
    if isinstance(thing, list | tuple):
        return [_settings(item) for item in thing]
    if type(thing) is dict:
        return {name: _settings(value) for name, value in thing.items()}
    if is_dataclass(thing) and not isinstance(thing, type):
        return type(thing), {field.name: _settings(getattr(thing, field.name)) for field in fields(thing)}
    if isinstance(thing, os.PathLike):
        return os.fspath(thing)
    if not hasattr(thing, "get_params") or isinstance(thing, type) or _keeps_state(thing):
        return thing
    params = {name: value for name, value in thing.get_params(deep=False).items() if not _of_run(name, value)}
    # clone copies these in addition to parameters
    kept = {name: vars(thing)[name] for name in ("_metadata_request", "_sklearn_output_config") if name in vars(thing)}
    # clone copies dataclasses with the fitted attributes of estimators in them
    params = {name: value if is_dataclass(value) else _settings(value) for name, value in params.items()}
    return type(thing), getattr(thing, "cache_key", None), params, kept


def _keeps_state(estimator):
    return getattr(type(estimator), "__sklearn_clone__", None) not in (None, BaseEstimator.__sklearn_clone__)


def _of_run(name, value):
    # a user's estimator may have a parameter of the same name and another meaning
    return name in RUN_PARAMETERS and (value is None or isinstance(value, bool | int | str | os.PathLike))


def song_keys(X):
    """Return a key for each song: folder, name and digest of a file, the hash of an array.

    The same songs in another place, or on another machine, have the same keys.
    """
    return [_song_key(X.iloc[i] if hasattr(X, "iloc") else X[i]) for i in range(len(X))]


def _song_key(song):
    if not isinstance(song, str | os.PathLike):
        # a waveform may have a sampling rate of its own
        return stable_hash((np.asarray(song[0]), float(song[1])) if has_rate(song) else np.asarray(song))
    path = Path(song)
    try:
        digest = file_digest(path)[:16] if path.is_file() else "missing"
    except OSError:  # decoding raises a more detailed error
        digest = "unreadable"
    return f"{path.parent.name}/{path.name} {digest}"


def versions():
    """Return the versions of Python, skmer and the packages that results depend on."""
    return {
        "skmer": __version__,
        "python": platform.python_version(),
        "processor": platform.machine(),
        **{package: version(package) for package in _PACKAGES},
    }


def run_fits(fits, store=None, n_jobs=None, verbose=0, description="Fits", on_missing=None):
    """Run the fits that are not in the store yet; return all results in order, and the number found in the store.

    Each fit is written to a JSON file in the folder `store` when it is finished, so that an interrupted run can be
    resumed; None keeps nothing. A result gets the fit's ``"seconds"`` and ``"versions"``.
    `on_missing` is called once with the list of missing fits, before the first of them is run.
    """
    folder = None if store is None else _check_folder(store)
    paths = [None if folder is None else fit.path(folder) for fit in fits]
    results: list = [None if path is None else _load(path) for path in paths]
    missing = [i for i, result in enumerate(results) if result is None]
    n_found = len(fits) - len(missing)
    if missing and on_missing is not None:
        on_missing([fits[i] for i in missing])
    total, left = sum(fit.cost for fit in fits), sum(fits[i].cost for i in missing)
    layout = "{desc}: {percentage:3.0f}%|{bar}| {postfix} [{elapsed}<{remaining}]"
    with tqdm(total=total, initial=total - left, desc=description, bar_format=layout, disable=not verbose) as bar:
        bar.set_postfix_str(f"{n_found} of {len(fits)} fits")
        done = parallel_map(_run, ((i, fits[i].run, paths[i]) for i in missing), n_jobs, ordered=False)
        for n, (i, result) in enumerate(done, start=n_found + 1):
            results[i] = result
            bar.set_postfix_str(f"{n} of {len(fits)} fits", refresh=False)
            bar.update(fits[i].cost)
    return results, n_found


def _check_folder(store):
    if store == "":
        raise ValueError("store must not be empty: pass '.' for the current folder.")
    folder = Path(store).absolute()  # worker processes may have another current folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(f"store={str(store)!r} must be a folder, but it or one of its parents is a file.") from error
    return folder


def _load(path):
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); delete it to have the fit run again.") from error
    if not isinstance(result, dict) or not {"seconds", "versions"} <= set(result):
        raise ValueError(f"{path} is not a finished fit; delete it to have the fit run again.")
    return result


def _run(i, run, path):
    began = time.monotonic()
    # the result of a training that was not finished must not be kept
    with interrupts_raised():
        result = run()
    text = json.dumps({**result, "seconds": round(time.monotonic() - began, 2), "versions": versions()})
    if path is not None:
        atomic_write_text(path, text + "\n")
    # equal to a result that is read from the store
    return i, json.loads(text)
