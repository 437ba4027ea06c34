"""The pipelines that can be trained by name, with settings that suit the machine, checked before a song is read."""

import warnings

import numpy as np
import torch
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer._run_parameters import OF_RUN
from skmer.aggregation import SpectrogramStatistics
from skmer.backbones import build_backbone
from skmer.feature_extraction.descriptors import DescriptorTransformer
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.models.configs import apply_config
from skmer.pipelines import make_sssl_pipeline
from skmer.songs import SongSequence
from skmer.training.runtime import choose_device

__all__ = ["SYSTEMS", "changed_parameters", "check_cross_fitting", "check_device", "check_pipeline", "make_pipeline_of"]

SYSTEMS = {
    "sssl": "a network over segments that finds out which inherited labels are wrong, song statistics, SVM",
    "cross-entropy": "the same network trained on the inherited labels as they are, song statistics, SVM",
    "descriptors": "hand-crafted descriptors of timbre, rhythm, tonality and dynamics, SVM",
    "log-mel": "mean, deviation and change of each band of the spectrogram, SVM",
}
"""What can be trained, by name, and what it is."""

_MAX_DURATION = 30.0  # seconds of a song, as in the paper
# as the benchmarks on a CPU have it; more epochs of cross-entropy learn the training songs by heart
_ON_CPU = {"backbone": "small", "backbone_params": {"width": 16}}
_EPOCHS = {"sssl": {"max_epochs": 12, "warmup_epochs": 4}, "cross-entropy": {"max_epochs": 5}}
_RECIPES = {"sssl": None, "cross-entropy": "plain"}
_MOST_SAMPLES = 50_000_000  # of a segment: 17 minutes at 48 kHz
# what else than a ValueError steps end in where their parameters cannot be
_IMPOSSIBLE = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError)


def make_pipeline_of(system, config=None, device="auto", seed=0):
    """Build the pipeline of a system.

    Parameters
    ----------
    system : str
        One of `SYSTEMS`.
    config : dict of str to dict, default=None
        Parameters by step, which win over the defaults.
    device : str, default="auto"
        A torch device; it decides the defaults: VGG16 and 30 epochs on CUDA, elsewhere the
        `small` backbone of width 16, with 12 epochs for SSSL and 5 for cross-entropy.
    seed : int, default=0
        The `random_state` of every step.

    Returns
    -------
    Pipeline
        Not fitted.

    Raises
    ------
    ValueError
        If the system, the device or something in the config is unknown.

    Examples
    --------
    >>> from skmer.models.pipelines import make_pipeline_of
    >>> make_pipeline_of("sssl", device="cpu")["sssl"].max_epochs
    12
    """
    if system not in SYSTEMS:
        raise ValueError(f"system={system!r} is unknown: choose from {', '.join(SYSTEMS)}.")
    config = {} if config is None else config
    if system == "descriptors":
        songs = DescriptorTransformer(max_duration=_MAX_DURATION)
        pipeline = Pipeline([("descriptors", songs), ("scaler", StandardScaler()), ("svm", SVC())])
    elif system == "log-mel":
        songs = SegmentTransformer(max_duration=_MAX_DURATION)
        statistics = ("statistics", SpectrogramStatistics())
        pipeline = Pipeline([("segments", songs), statistics, ("scaler", StandardScaler()), ("svm", SVC())])
    else:
        network = {"device": device}
        if torch.device(choose_device(device)).type != "cuda":
            network |= _ON_CPU | _EPOCHS[system]
        pipeline = make_sssl_pipeline(max_duration=_MAX_DURATION, recipe=_RECIPES[system], **network)
        if config.get("sssl", {}).get("backbone", pipeline["sssl"].backbone) != pipeline["sssl"].backbone:
            # another backbone has other parameters
            pipeline.set_params(sssl__backbone_params=None)
    pipeline = apply_config(pipeline, config)
    seeds = [name for name in pipeline.get_params() if name.endswith("__random_state")]
    return pipeline.set_params(**dict.fromkeys(seeds, seed))


def check_device(device):
    """Refuse a device on which nothing can be computed here."""
    place = choose_device(device)
    try:
        torch.ones(1, device=place).item()
    except (AssertionError, RuntimeError) as error:
        why = _first_line(error).partition(". ")[0]
        raise ValueError(f"device={device!r} cannot be used here ({why}): use 'auto', 'cpu' or 'cuda'.") from error


def check_cross_fitting(pipeline, y, groups, folds):
    """Refuse a `cv` of the network that does not divide the songs, or the training songs of a fold."""
    network = pipeline.named_steps.get("sssl")
    if network is None or isinstance(network.cv, str):
        return
    everything = np.arange(len(y))
    for train in (everything, *(train for train, _ in folds)):
        inside = None if groups is None else groups[train]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                network._cross_fitting_folds(y[train], inside)
        except (ValueError, *_IMPOSSIBLE) as error:
            songs = "" if train is everything else f", of which {len(train):,} train in a fold of the estimate"
            raise ValueError(
                f"config, section 'sssl': cv={network.cv!r} does not divide the {len(y):,} songs{songs}: "
                f"{_first_line(error)}"
            ) from error


def check_pipeline(pipeline, classes, configured=True):
    """Refuse settings that would fail only after the songs were read: try the steps on noise.

    Parameters
    ----------
    pipeline : Pipeline
        Of `make_pipeline_of`.
    classes : sequence of str
        The labels.
    configured : bool, default=True
        Whether parameters come from a config, which messages then name.

    Raises
    ------
    ImportError
        If a package is missing that a step needs.
    ValueError
        If the parameters of a step do not fit together, or ask for what no memory holds.

    Examples
    --------
    >>> from skmer.models.pipelines import check_pipeline, make_pipeline_of
    >>> check_pipeline(make_pipeline_of("log-mel", {"segments": {"duration": 60}}), ["calm", "tense"])
    Traceback (most recent call last):
    ...
    ValueError: config, section 'segments': max_duration=30 s is shorter than duration=60 s: no segment fits. ...
    """
    rng = np.random.default_rng(0)
    labels = np.tile(classes, 2)
    made = None
    where = "config, section" if configured else "step"
    for name, step in pipeline.steps:
        try:
            made = _try_step(clone(step), made, labels, rng)
        except ValueError as error:
            raise ValueError(f"{where} {name!r}: {error}") from error
        except _IMPOSSIBLE as error:
            told = f"{type(error).__name__.lstrip('_')}: {_first_line(error)}"
            raise ValueError(f"{where} {name!r}: these parameters cannot be ({told}).") from error


def _first_line(error):
    lines = str(error).strip().splitlines() or ["no reason was given"]
    return lines[0][:300].rstrip(".")


def _try_step(step, made, labels, rng):
    """Give what a step makes of noise, in place of what it would make of two songs a class."""
    if isinstance(step, DescriptorTransformer):
        step.fit()
        return rng.normal(size=(len(labels), 4))
    if isinstance(step, SegmentTransformer):
        step.fit()
        if step.duration * step.sr > _MOST_SAMPLES:
            raise ValueError(
                f"duration={step.duration:g} s at sr={step.sr:g} Hz are {step.duration * step.sr:.0g} samples a "
                f"segment, but no more than {_MOST_SAMPLES:,} can be: lower one of them."
            )
        [segments] = step.set_params(verbose=0).transform([0.1 * rng.normal(size=round(step.duration * step.sr) + 1)])
        return SongSequence([rng.normal(size=(2, *segments.shape[1:])) for _ in labels])
    if hasattr(step, "noise_model"):
        _check_network(step, made.segment_shape, len(np.unique(labels)))
        names = [str(name) for name in np.unique(labels)]
        return SongSequence([rng.dirichlet(np.ones(len(names)), size=2) for _ in labels], names=names)
    return step.fit(made, labels).transform(made) if hasattr(step, "transform") else step.fit(made, labels)


def _check_network(network, segment_shape, n_classes):
    if network.noise_model is not None and network.max_epochs <= network.warmup_epochs:
        raise ValueError(
            f"max_epochs={network.max_epochs} leaves no epoch after warmup_epochs={network.warmup_epochs}, so that the "
            "labels would never be split: raise the one or lower the other."
        )
    # no memory is taken and no weight drawn: only shapes are
    with torch.device("meta"):
        build_backbone(network.backbone, segment_shape, n_classes, **(network.backbone_params or {}))


def changed_parameters(pipeline):
    """Give the parameters of each step that differ from its class's defaults.

    Parameters
    ----------
    pipeline : Pipeline
        Fitted or not.

    Returns
    -------
    dict of str to dict
        By step; a step without a difference has an empty one. What belongs to a run, such as the
        seed, is left out.

    Examples
    --------
    >>> from skmer.models.pipelines import changed_parameters, make_pipeline_of
    >>> changed_parameters(make_pipeline_of("descriptors", {"svm": {"C": 2}}))
    {'descriptors': {'max_duration': 30.0}, 'scaler': {}, 'svm': {'C': 2}}
    """
    changed = {}
    for name, step in pipeline.steps:
        defaults = type(step)().get_params(deep=False)
        own = step.get_params(deep=False)
        changed[name] = {key: own[key] for key in own if key not in OF_RUN and own[key] != defaults[key]}
    return changed
