"""From an estimator's backbone and the songs of a fit to the net that trains the one on the other."""

import warnings

import torch

from skmer.backbones import VGG16, build_backbone, check_backbone
from skmer.training.data import Standardizer
from skmer.training.net import build_net
from skmer.training.runtime import choose_device
from skmer.training.stored_data import make_bank

__all__ = ["build_backbone_net"]

_LONG = 10_000  # segments times epochs, about half an hour of VGG16 on a core


def build_backbone_net(
    kind, estimator, songs, n_outputs, seed, callbacks=(), backbone_params=None, pooled=None, **params
):
    """Build an estimator's backbone and its net, and the bank of the songs that it is to learn from.

    Parameters
    ----------
    kind : type
        A subclass of `RowNet`.
    estimator : BaseEstimator
        Has the parameters ``backbone``, ``backbone_params`` and ``precision``, and those that
        `build_net` needs. Its ``lr`` may be "auto": the backbone's own, else 1e-3.
    songs : SongSequence
        The songs, which the segments are standardised by.
    n_outputs : int
        Values that the backbone gives for a segment.
    seed : int
        For the order of the batches; the weights are drawn from torch's generator.
    callbacks : sequence of (str, skorch callback), default=()
        Which come before the estimator's own.
    backbone_params : dict, default=None
        For the backbone; by default the estimator's.
    pooled : ndarray of shape (n_features,), default=None
        Which values of a segment are standardised alike, as in `Standardizer.fit`.
    **params
        Further parameters of `kind`.

    Returns
    -------
    net : RowNet
        Initialised, its rows not loaded.
    bank : SegmentBank or StoredBank
        The songs' segments, on the net's device.
    standardizer : Standardizer
        Of the segments.

    Raises
    ------
    ValueError
        If the backbone does not suit the segments, or the device is not there.

    Warns
    -----
    UserWarning
        If VGG16 is to learn for hours on a CPU.

    Examples
    --------
    >>> import numpy as np
    >>> from skmer import SSSLClassifier
    >>> from skmer.songs import SongSequence
    >>> from skmer.training.backbone_net import build_backbone_net
    >>> from skmer.sssl.net import SegmentNet
    >>> songs = SongSequence([np.random.default_rng(0).normal(size=(3, 4))])
    >>> net, bank, _ = build_backbone_net(SegmentNet, SSSLClassifier("mlp"), songs, 2, seed=0, n_classes=2)
    >>> net.lr, len(bank)
    (0.01, 3)
    """
    device = choose_device(estimator.device)
    of_backbone = estimator.backbone_params if backbone_params is None else backbone_params
    network = build_backbone(estimator.backbone, songs.segment_shape, n_outputs, **(of_backbone or {}))
    standardizer = Standardizer.fit(songs, pooled)
    bank = make_bank(songs, standardizer, device)
    _warn_of_hours(network, len(bank), estimator.max_epochs, device)
    check_backbone(network.to(device), bank.gather(torch.arange(2, device=device)), n_outputs)
    lr = getattr(network, "peak_lr", 1e-3) if estimator.lr == "auto" else estimator.lr
    net = build_net(kind, network, estimator, len(bank), device, seed, estimator.precision, lr, callbacks, **params)
    return net, bank, standardizer


def _warn_of_hours(network, n_segments, n_epochs, device):
    if isinstance(network, VGG16) and torch.device(device).type == "cpu" and n_segments * n_epochs > _LONG:
        warnings.warn(
            f"VGG16 takes hours on a CPU for {n_segments:,} segments and {n_epochs} epochs: use backbone='small', or a "
            "machine with a GPU.",
            UserWarning,
            stacklevel=4,
        )
