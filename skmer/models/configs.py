"""read_config: the settings of a model as JSON, a section for each step of its pipeline."""

import json
import os
from pathlib import Path

from sklearn.base import clone
from sklearn.utils._param_validation import InvalidParameterError

from skmer._run_parameters import OF_RUN

__all__ = ["apply_config", "read_config"]

# what those of a run are called where one is started
_GIVEN_AS = {"memory": "store", "random_state": "seed"}
_NO_JSON = ("callbacks",)


def read_config(source):
    """Read a config: an object whose sections are steps of a pipeline, and their entries parameters.

    Parameters
    ----------
    source : str, path-like or dict
        JSON text, which begins with ``{``, the path of a file of it, or what it stands for.

    Returns
    -------
    dict of str to dict
        Parameters by step.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no JSON, or no object of objects, or names something twice.

    See Also
    --------
    train_model : Takes it.

    Examples
    --------
    >>> from skmer.models import read_config
    >>> read_config('{"segments": {"duration": 2}, "svm": {"C": 2}}')
    {'segments': {'duration': 2}, 'svm': {'C': 2}}
    """
    name, config = "config", source
    if isinstance(source, str | os.PathLike):
        text = os.fspath(source)
        if not text.lstrip().startswith("{"):
            name, text = f"config {text}", _read(text)
        try:
            config = json.loads(text, object_pairs_hook=_once)
        except ValueError as error:
            raise ValueError(f'{name}: this is no JSON such as {{"svm": {{"C": 2}}}} ({error}).') from error
    if not isinstance(config, dict):
        raise ValueError(f'{name} must be an object with a section for each step, such as {{"svm": {{"C": 2}}}}.')
    for section, entries in config.items():
        if not isinstance(entries, dict):
            raise ValueError(
                f'{name}: the section {section!r} must be an object of parameters, such as {{"C": 2}}, not {entries!r}.'
            )
    return config


def _read(path):
    if not os.path.isfile(path):
        wrong = "is a folder" if os.path.isdir(path) else "is not there"
        raise FileNotFoundError(
            f'config: the file {path} {wrong}. Give a file of JSON, or JSON text itself: {{"svm": ...}}.'
        )
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"config {path}: this is no text in UTF-8.") from error


def _once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands there twice")
    return found


def settable(step):
    """Give the parameters of a step that a config may have, sorted."""
    return sorted(step.get_params(deep=False).keys() - OF_RUN - set(_NO_JSON))


def apply_config(pipeline, config):
    """Give a pipeline with the parameters of a config.

    Parameters
    ----------
    pipeline : Pipeline
        Not fitted.
    config : dict of str to dict
        As `read_config` gives it.

    Returns
    -------
    Pipeline
        A clone.

    Raises
    ------
    ValueError
        If there is no such section or parameter, or a value is of the wrong kind or out of its range.

    Examples
    --------
    >>> from skmer import make_sssl_pipeline
    >>> from skmer.models.configs import apply_config
    >>> apply_config(make_sssl_pipeline(), {"svm": {"C": 2}})["svm"]
    SVC(C=2)
    """
    pipeline = clone(pipeline)
    for section, entries in config.items():
        if section not in pipeline.named_steps:
            raise ValueError(
                f"config: there is no section {section!r}; the steps of this model are "
                f"{', '.join(pipeline.named_steps)}."
            )
        step = pipeline.named_steps[section]
        known = settable(step)
        for name in entries:
            if name in OF_RUN and name in step.get_params(deep=False):
                given_as = _GIVEN_AS.get(name, name)
                raise ValueError(
                    f"config: {name!r} of {section!r} is not the model's but the run's: give it as {given_as}."
                )
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise ValueError(f"config: the section {section!r} has no parameter {name!r}; {has}.")
        step.set_params(**entries)
        try:
            step._validate_params()
        except InvalidParameterError as error:
            raise ValueError(f"config, section {section!r}: {error}") from error
    return pipeline
