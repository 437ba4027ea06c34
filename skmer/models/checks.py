"""Checks of the pipelines that are to be trained, which run before any song is read."""

import warnings

import numpy as np
import torch
from sklearn.base import clone
from sklearn.pipeline import FeatureUnion, Pipeline

from skmer._pipeline_steps import leaf_steps
from skmer.backbones import build_backbone
from skmer.feature_extraction.descriptors import DescriptorTransformer
from skmer.feature_extraction.embeddings import EmbeddingTransformer
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.songs import SongSequence
from skmer.training.runtime import choose_device

__all__ = ["check_cross_fitting", "check_device", "check_pipeline"]

_MAX_SAMPLES = 50_000_000  # of a segment: 17 minutes at 48 kHz
# further exceptions that steps raise for invalid parameters
_IMPOSSIBLE = (ArithmeticError, LookupError, MemoryError, RuntimeError, TypeError)


def check_device(device):
    """Check that a torch device can be used on this machine."""
    place = choose_device(device)
    try:
        torch.ones(1, device=place).item()
    except (AssertionError, RuntimeError) as error:
        reason = _first_line(error).partition(". ")[0]
        raise ValueError(f"device={device!r} cannot be used here ({reason}): use 'auto', 'cpu' or 'cuda'.") from error


def check_cross_fitting(system, pipeline, songs, folds):
    """Check that the `cv` of a system's network can divide `TrainingSongs`, and the training songs of each fold."""
    network = dict(leaf_steps(pipeline)).get("sssl")
    if network is None or isinstance(network.cv, str):
        return
    n_songs = len(songs.target)
    for train in (np.arange(n_songs), *(train for train, _ in folds)):
        groups = None if songs.groups is None else songs.groups[train]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                network._cross_fitting_folds(songs.target[train], groups)
        except (ValueError, *_IMPOSSIBLE) as error:
            which = "" if len(train) == n_songs else f", of which {len(train):,} train in a fold of the estimate"
            raise ValueError(
                f"config, section 'sssl': cv={network.cv!r} does not divide the {n_songs:,} songs{which}: "
                f"{_first_line(error)}. Set another cv there for {system}, or add songs or groups."
            ) from error


def check_pipeline(pipeline, classes, configured=True):
    """Check the parameters of a pipeline by fitting its steps to noise, without training the network.

    `classes` are all classes, or the ratings of some songs, (n_songs, n_targets).
    Raise ValueError with the name of the step, which is a section of the config if `configured`, or ImportError if a
    package is missing.
    """
    where = "config, section" if configured else "step"
    _try("", pipeline, None, np.concatenate([classes, classes]), np.random.default_rng(0), where)


def _try(name, estimator, made, labels, rng, where):
    """Return noise of the shape of an estimator's output for two songs per class; errors name its step."""
    if isinstance(estimator, FeatureUnion):
        parts = estimator.transformer_list
        return np.hstack([_try(part_name, part, made, labels, rng, where) for part_name, part in parts])
    if isinstance(estimator, Pipeline):
        for step_name, step in estimator.steps:
            made = _try(step_name, step, made, labels, rng, where)
        return made
    try:
        return _try_step(clone(estimator), made, labels, rng)
    except ValueError as error:
        raise ValueError(f"{where} {name!r}: {error}") from error
    except _IMPOSSIBLE as error:
        reason = f"{type(error).__name__.lstrip('_')}: {_first_line(error)}"
        raise ValueError(f"{where} {name!r}: these parameters are impossible ({reason}).") from error


def _first_line(error):
    lines = str(error).strip().splitlines() or ["no reason was given"]
    return lines[0][:300].rstrip(".")


def _try_step(step, made, labels, rng):
    if isinstance(step, DescriptorTransformer | EmbeddingTransformer):
        step.fit()
        return rng.normal(size=(len(labels), 4))
    if isinstance(step, SegmentTransformer):
        step.fit()
        if step.duration * step.sr > _MAX_SAMPLES:
            raise ValueError(
                f"duration={step.duration:g} s at sr={step.sr:g} Hz is {step.duration * step.sr:.0g} samples a "
                f"segment; the maximum is {_MAX_SAMPLES:,}: lower one of them."
            )
        [segments] = step.set_params(verbose=0).transform([0.1 * rng.normal(size=round(step.duration * step.sr) + 1)])
        names = step.get_feature_names_out()
        return SongSequence([rng.normal(size=(2, *segments.shape[1:])) for _ in labels], names=names)
    if hasattr(step, "noise_model"):
        names = list(range(labels.shape[1])) if labels.ndim > 1 else [str(name) for name in np.unique(labels)]
        _check_network(step, made.segment_shape, len(names))
        return SongSequence([rng.dirichlet(np.ones(len(names)), size=2) for _ in labels], names=names)
    return step.fit(made, labels).transform(made) if hasattr(step, "transform") else step.fit(made, labels)


def _check_network(network, segment_shape, n_outputs):
    if network.noise_model is not None and network.max_epochs <= network.warmup_epochs:
        raise ValueError(
            f"max_epochs={network.max_epochs} leaves no epoch after warmup_epochs={network.warmup_epochs}, so that the "
            "labels would never be split: raise the one or lower the other."
        )
    # on the meta device no memory is allocated and no weight drawn
    with torch.device("meta"):
        build_backbone(network.backbone, segment_shape, n_outputs, **(network.backbone_params or {}))
