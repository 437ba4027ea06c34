"""Functions that build the net of an estimator, and the constraints of the parameters that these estimators share."""

import warnings
from functools import partial
from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from skorch.callbacks import LRScheduler

from skmer.backbones import VGG16, build_backbone, check_backbone
from skmer.training.callbacks import ProgressBar
from skmer.training.data import Standardizer, make_bank
from skmer.training.parameters import named_callbacks
from skmer.training.runtime import PRECISIONS, FitRandomState, choose_device, choose_precision

__all__ = ["NET_CONSTRAINTS", "SEGMENT_NET_CONSTRAINTS", "build_backbone_net", "build_net", "default_head"]

_LONG = 10_000  # segments times epochs, about half an hour of VGG16 on a core
_VGG16 = ("vgg16", "vgg16_bn")

NET_CONSTRAINTS = {
    "max_epochs": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [Interval(Integral, 2, None, closed="left")],
    "lr": [Interval(Real, 0, None, closed="neither")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "schedule": [StrOptions({"one-cycle"}), None],
    "callbacks": [list, None],
    "device": [str],
    "n_threads": [Interval(Integral, 1, None, closed="left")],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}
"""Constraints of the parameters that all estimators with a net share."""

SEGMENT_NET_CONSTRAINTS = {
    **NET_CONSTRAINTS,
    "backbone_params": [dict, None],
    "lr": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    "precision": [StrOptions({*PRECISIONS})],
    "prediction_precision": [StrOptions({*PRECISIONS})],
}
"""Constraints of the parameters that all estimators with a backbone share."""


def build_net(
    kind, network, estimator, n_rows, device, seed, random_state, precision="float32", lr=None, callbacks=(), **params
):
    """Create and initialize a net of class `kind` for a network, with AdamW and the estimator's schedule and callbacks.

    The number of rows is needed for the schedule; `callbacks` precede those of the estimator, and `params` are further
    parameters of `kind`. The bank is loaded later.
    """
    lr = estimator.lr if lr is None else lr
    callbacks = list(callbacks)
    if estimator.schedule == "one-cycle":
        if any(isinstance(callback, LRScheduler) for _, callback in named_callbacks(estimator.callbacks)):
            raise ValueError(
                "callbacks has an LRScheduler, whose learning rate schedule='one-cycle' would overwrite: set "
                "schedule=None."
            )
        steps = estimator.max_epochs * -(-n_rows // estimator.batch_size)
        one_cycle = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=lr, total_steps=steps)
        callbacks.append(("schedule", LRScheduler(one_cycle, step_every="batch", event_name=None)))
    if estimator.verbose:
        callbacks.append(("progress", ProgressBar(type(estimator).__name__)))
    net = kind(
        network.to(memory_format=torch.channels_last),
        precision=choose_precision(precision, device, network),
        seed=seed,
        max_epochs=estimator.max_epochs,
        batch_size=estimator.batch_size,
        lr=lr,
        optimizer=torch.optim.AdamW,
        optimizer__weight_decay=estimator.weight_decay,
        device=device,
        callbacks=callbacks + list(estimator.callbacks or []),
        **params,
    )
    net.initialize()
    net.random_state = random_state
    return net


def default_head(backbone, params, device):
    """Return the parameters of a backbone; VGG16 on a CPU gets the pooled head unless it has one, or given weights."""
    is_vgg16 = isinstance(backbone, str) and backbone in _VGG16
    if torch.device(device).type != "cpu" or not is_vgg16 or {"head", "state_dict"} & set(params):
        return params
    return {**params, "head": "pooled"}


def build_backbone_net(
    kind, estimator, songs, n_outputs, seed, callbacks=(), backbone_params=None, pooled=None, **params
):
    """Build the backbone of an estimator, its net of class `kind`, and the bank and standardizer of the songs.

    `backbone_params` are by default those of the estimator, whose ``lr`` may be "auto"; `pooled` is that of
    `Standardizer.fit`.
    """
    device = choose_device(estimator.device)
    random_state = FitRandomState(seed, device)
    backbone_params = (estimator.backbone_params if backbone_params is None else backbone_params) or {}
    backbone_params = default_head(estimator.backbone, backbone_params, device)
    with random_state:
        network = build_backbone(estimator.backbone, songs.segment_shape, n_outputs, **backbone_params)
    standardizer = Standardizer.fit(songs, pooled)
    bank = make_bank(songs, standardizer, device)
    n_rows = int((-(-songs.n_segments // params.get("segment_step", 1))).sum())
    if isinstance(network, VGG16) and torch.device(device).type == "cpu" and n_rows * estimator.max_epochs > _LONG:
        warnings.warn(
            f"VGG16 takes hours on a CPU for {n_rows:,} segments and {estimator.max_epochs} epochs: use "
            f"backbone='small', or a machine with a GPU. Its head is the {network.head_kind!r} one; the default is "
            "'pooled' on a CPU and 'original' on CUDA, and backbone_params={'head': ...} sets it.",
            UserWarning,
            stacklevel=4,
        )
    with random_state:
        check_backbone(network.to(device), bank.gather(torch.arange(2, device=device)), n_outputs)
    lr = getattr(network, "peak_lr", 1e-3) if estimator.lr == "auto" else estimator.lr
    net = build_net(
        kind, network, estimator, n_rows, device, seed, random_state, estimator.precision, lr, callbacks, **params
    )
    net.standardizer_ = standardizer
    return net, bank, standardizer
