"""The pipelines that can be trained by name, and their configuration."""

import inspect
import json
import os
from importlib.util import find_spec
from pathlib import Path

import torch
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils._param_validation import InvalidParameterError

from skmer._pipeline_steps import leaf_steps
from skmer._run_parameters import SEED_AND_RUN_PARAMETERS
from skmer.aggregation import SpectrogramStatistics
from skmer.embeddings import musicnn
from skmer.feature_extraction.descriptors import DescriptorTransformer
from skmer.feature_extraction.embeddings import EmbeddingTransformer
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.pipelines import CalibratedSVC, SongPipeline, make_joined_pipeline, make_rating_pipeline, make_sssl_pipeline
from skmer.sssl import SSSLClassifier
from skmer.training.runtime import choose_device

__all__ = [
    "CANDIDATES",
    "RATING_CANDIDATES",
    "RATING_SYSTEMS",
    "SYSTEMS",
    "changed_parameters",
    "default_parameters",
    "make_candidates",
    "make_pipeline_of",
    "read_config",
]

SYSTEMS = {
    "sssl": "a segment network with semi-supervised learning from noisy inherited labels, song statistics, SVM",
    "cross-entropy": "the same network trained on all inherited labels, song statistics, SVM",
    "descriptors": "hand-crafted descriptors of timbre, rhythm, tonality and dynamics, SVM",
    "log-mel": "mean, deviation and change of each band of the spectrogram, SVM",
    "musicnn": "mean and deviation of the features of musicnn, a published network for tagging (weights under the ISC "
    "licence, trained on the Million Song Dataset), SVM",
    "joined": "cross-fitted song statistics of the network of sssl beside hand-crafted descriptors, SVM",
}
"""The systems that can be trained on classes, with a description of each."""

RATING_SYSTEMS = {
    "sssl": "a segment network with semi-supervised learning from noisy inherited ratings; a song has the mean of its "
    "segments",
    "plain": "the same network trained on all inherited ratings",
    "descriptors": "hand-crafted descriptors of timbre, rhythm, tonality and dynamics, support vector regression",
    "log-mel": "mean, deviation and change of each band of the spectrogram, support vector regression",
    "musicnn": "mean and deviation of the features of musicnn, a published network for tagging (weights under the ISC "
    "licence, trained on the Million Song Dataset), support vector regression",
}
"""The systems that can be trained on ratings, with a description of each."""

_INSTALLED = ("musicnn",) if find_spec("musicnn") else ()
CANDIDATES = {
    "auto": ("cross-entropy", "sssl"),
    "best": ("log-mel", "descriptors", *_INSTALLED, "cross-entropy", "sssl", "joined"),
}
"""The systems among which `train_model` chooses, from the simplest, which is taken if they are equally accurate."""
RATING_CANDIDATES = {
    "auto": ("plain", "sssl"),
    "best": ("log-mel", "descriptors", *_INSTALLED, "plain", "sssl"),
}
"""The same for ratings."""

# as in benchmarks/real_music.py, which compares these networks
_ON_CPU = {"backbone": "mlp", "max_epochs": 20, "warmup_epochs": 8, "segment_step": 3}
_CONVOLUTIONS: dict = {"backbone_params": {"width": 16}, "batch_size": 32}
_OF_BACKBONE = {"mlp": {"backbone_params": {"hidden": [128]}}, "small": _CONVOLUTIONS, "multi_branch": _CONVOLUTIONS}
_WITH_HARMONY = ("mlp", "multi_branch")
_EXAMPLE = '{"svm": {"C": 2}}'


def make_pipeline_of(system, config=None, device="auto", seed=0, ratings=False, max_duration=30.0):
    """Build the pipeline of a system.

    Parameters
    ----------
    system : str
        One of `SYSTEMS`, or with `ratings` one of `RATING_SYSTEMS`.
    config : dict of str to dict, default=None
        Parameters by step; they override the defaults. The steps of "joined" are those of its parts: ``segments``,
        ``segment_statistics`` (for the backbone "mlp" only), ``sssl``, ``statistics``, ``descriptors``, ``scaler`` and
        ``svm``.
    device : str, default="auto"
        A torch device. It also decides the defaults: VGG16 and 30 epochs on CUDA, elsewhere a multilayer perceptron
        on statistics of segments with harmony, and 20 epochs.
    seed : int, default=0
        The `random_state` of every step.
    ratings : bool, default=False
        Whether the pipeline is to learn ratings, of shape (n_songs, n_targets), rather than classes. The steps ``svm``
        are then support vector regressions of each scaled rating, and those of "sssl" and "plain" end with ``sssl``.
    max_duration : float or None, default=30.0
        Seconds of each song that all steps use which read songs; None is the whole song.

    Returns
    -------
    SongPipeline
        Not fitted.

    Raises
    ------
    ValueError
        If the system, the device, or a section or parameter of the config is unknown.
    ImportError
        If the system is "musicnn", whose package is not installed.

    Examples
    --------
    >>> from skmer.models import make_pipeline_of
    >>> make_pipeline_of("sssl", device="cpu")["sssl"].max_epochs
    20
    """
    _check_system(system, RATING_SYSTEMS if ratings else SYSTEMS, ratings)
    config = {} if config is None else config
    pipeline = _apply_config(_default_pipeline(system, config, device, ratings, max_duration), config)
    seeds = [name for name in pipeline.get_params() if name.endswith("__random_state")]
    return pipeline.set_params(**dict.fromkeys(seeds, seed))


def make_candidates(system, config=None, device="auto", seed=0, ratings=False, max_duration=30.0):
    """Return the pipelines among which a name of `CANDIDATES` chooses, by system, or that of a system of `SYSTEMS`.

    A section of the config applies to all candidates that have this step.
    """
    systems, candidates = (RATING_SYSTEMS, RATING_CANDIDATES) if ratings else (SYSTEMS, CANDIDATES)
    _check_system(system, [*systems, *candidates], ratings)
    if system not in candidates:
        return {system: make_pipeline_of(system, config, device, seed, ratings, max_duration)}
    config = {} if config is None else config
    steps = {name: dict(leaf_steps(_default_pipeline(name, config, device, ratings))) for name in candidates[system]}
    _check_sections(config, list(dict.fromkeys(step for own in steps.values() for step in own)))
    return {
        name: make_pipeline_of(
            name, {step: config[step] for step in config if step in own}, device, seed, ratings, max_duration
        )
        for name, own in steps.items()
    }


def _check_system(system, known, ratings):
    if system in known:
        return
    wrong = "is unknown"
    if system in (SYSTEMS if ratings else RATING_SYSTEMS):
        wrong = "is for classes, but these are ratings" if ratings else "is for ratings, but these are classes"
    raise ValueError(f"system={system!r} {wrong}: choose from {', '.join(known)}.")


def _default_pipeline(system, config, device, ratings=False, max_duration=30.0):
    """Return the pipeline of a system before its config is applied; the backbone in it decides the other defaults."""
    # scaled, because the parameters of an SVR depend on the scale of the ratings
    of_rating = TransformedTargetRegressor(SVR(), transformer=StandardScaler())
    svm = ("svm", MultiOutputRegressor(of_rating) if ratings else CalibratedSVC())
    if system == "descriptors":
        songs = DescriptorTransformer(max_duration=max_duration)
        return SongPipeline([("descriptors", songs), ("scaler", StandardScaler()), svm])
    if system == "log-mel":
        songs = SegmentTransformer(max_duration=max_duration)
        statistics = ("statistics", SpectrogramStatistics())
        return SongPipeline([("segments", songs), statistics, ("scaler", StandardScaler()), svm])
    if system == "musicnn":
        songs = EmbeddingTransformer(
            musicnn("MSD"), sr=16000, window=3.0, statistics=["mean", "std"], padding="zero",
            max_duration=max_duration, device=device,
        )  # fmt: skip
        return SongPipeline([("embedding", songs), ("scaler", StandardScaler()), svm])
    network = _network_parameters(config.get("sssl", {}).get("backbone"), device)
    if system == "joined":
        # without these, make_joined_pipeline takes the network of a CPU on CUDA too
        defaults = default_parameters(SSSLClassifier())
        return make_joined_pipeline(max_duration=max_duration, **{name: defaults[name] for name in _ON_CPU} | network)
    if system in ("cross-entropy", "plain"):
        network["noise_model"] = None
    network["harmony"] = network.get("backbone") in _WITH_HARMONY
    if ratings:
        return make_rating_pipeline(max_duration=max_duration, **network)
    return make_sssl_pipeline(max_duration=max_duration, recipe=None, **network)


def _network_parameters(backbone, device):
    """Return parameters of a segment network, by default with the backbone for the device."""
    network = {"device": device}
    if torch.device(choose_device(device)).type != "cuda":
        network |= _ON_CPU
        backbone = _ON_CPU["backbone"] if backbone is None else backbone
    if backbone is not None:
        # a wrong type is reported with the other parameters of the config
        network |= {"backbone": backbone, **(_OF_BACKBONE.get(backbone, {}) if isinstance(backbone, str) else {})}
    return network


def read_config(source):
    """Read a configuration: an object with a section for each step of a pipeline, whose entries are parameters.

    Parameters
    ----------
    source : str, path-like or dict
        JSON text, which begins with ``{``, the path of a JSON file, or the object itself.

    Returns
    -------
    dict of str to dict
        Parameters by step.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not valid JSON, not an object of objects, or contains a name twice.

    See Also
    --------
    train_model : Takes a configuration.

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
            name, text = f"config {text}", _read_text(text)
        try:
            config = json.loads(text, object_pairs_hook=_unique)
        except ValueError as error:
            raise ValueError(f"{name}: expected JSON such as {_EXAMPLE} ({error}).") from error
    if not isinstance(config, dict):
        raise ValueError(f"{name}: expected an object with a section for each step, such as {_EXAMPLE}.")
    for section, entries in config.items():
        if not isinstance(entries, dict):
            raise ValueError(
                f'{name}: the section {section!r} must be an object of parameters, such as {{"C": 2}}, not {entries!r}.'
            )
    return config


def _read_text(path):
    if os.path.isdir(path):
        raise FileNotFoundError(f"config: {path} is a folder. Give a JSON file, or JSON text such as {_EXAMPLE}.")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"config: no such file: {path}. Give a JSON file, or JSON text such as {_EXAMPLE}.")
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"config {path}: the file is not UTF-8 text.") from error


def _unique(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} occurs twice")
    return found


def _apply_config(pipeline, config):
    """Return a clone of a pipeline with the parameters of a configuration."""
    pipeline = clone(pipeline)
    steps = dict(leaf_steps(pipeline))
    _check_sections(config, steps)
    for section, entries in config.items():
        step = _innermost(steps[section])
        params = step.get_params(deep=False).keys()
        known = sorted(params - SEED_AND_RUN_PARAMETERS - {"callbacks"})  # JSON cannot hold callbacks
        for name in entries:
            if name in SEED_AND_RUN_PARAMETERS and name in params:
                how = "; set the seed instead" if name == "random_state" else ""
                raise ValueError(
                    f"config: {name!r} of {section!r} is a parameter of the run, not of the model, and cannot be set "
                    f"here{how}."
                )
            if name not in known:
                has = f"parameter {name!r}; it has {', '.join(known)}" if known else f"parameters: remove {name!r}"
                raise ValueError(f"config: the section {section!r} has no {has}.")
        step.set_params(**entries)
        try:
            step._validate_params()
        except InvalidParameterError as error:
            raise ValueError(f"config, section {section!r}: {error}") from error
    return pipeline


def _check_sections(config, steps):
    for section in config:
        if section not in steps:
            raise ValueError(f"config: unknown section {section!r}; the steps of this model are {', '.join(steps)}.")


def changed_parameters(pipeline):
    """Return the parameters of each step that differ from the defaults of its class, without those of a run."""
    changed = {}
    for name, step in leaf_steps(pipeline):
        step = _innermost(step)
        defaults = default_parameters(step)
        own = step.get_params(deep=False)
        changed[name] = {
            key: own[key]
            for key in own
            if key not in SEED_AND_RUN_PARAMETERS and (key not in defaults or own[key] != defaults[key])
        }
    return changed


def _innermost(step):
    """Return the regression of one rating in a step that scales ratings and learns each of them; else the step."""
    while isinstance(step, MultiOutputRegressor | TransformedTargetRegressor):
        step = step.estimator if isinstance(step, MultiOutputRegressor) else step.regressor
    return step


def default_parameters(step):
    """Return the parameters of the class of a step that have a default, with it."""
    parameters = inspect.signature(type(step)).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}
