"""Build and check backbones."""

import copy
import inspect

import torch
from torch import nn

from skmer.backbones.conv_blocks import StochasticConvBlock
from skmer.backbones.crnn import CRNN
from skmer.backbones.mlp import MLP
from skmer.backbones.multi_branch import MultiBranchCNN
from skmer.backbones.small_cnn import SmallCNN
from skmer.backbones.vgg16 import VGG16, VGG16BatchNorm
from skmer.backbones.vggish import VGGish

__all__ = ["BACKBONES", "build_backbone", "check_backbone", "has_shared_trunk"]

BACKBONES = {
    "vgg16": VGG16,
    "vgg16_bn": VGG16BatchNorm,
    "small": SmallCNN,
    "multi_branch": MultiBranchCNN,
    "mlp": MLP,
    "crnn": CRNN,
    "vggish": VGGish,
}

_STOCHASTIC = (nn.modules.dropout._DropoutNd, nn.RReLU, StochasticConvBlock)


def build_backbone(backbone, segment_shape, n_classes, **params):
    """Build a backbone from its name, a class, a function or a module.

    Parameters
    ----------
    backbone : str, callable or Module
        ``"vgg16"``, ``"vgg16_bn"``, ``"small"``, ``"multi_branch"`` or ``"mlp"``; ``"crnn"`` or
        ``"vggish"`` for the features of tagging; a class or function that is called as
        ``backbone(segment_shape, n_classes, **params)``; or a module, which is copied, so
        that training does not change the given one.
    segment_shape : tuple of int
        Shape of one segment, ``(n_mels, n_frames)`` or ``(n_features,)``. The input of the
        network has shape (n, 1, n_mels, n_frames) or (n, n_features).
    n_classes : int
        Number of logits.
    **params
        Keyword arguments of the class or function.

    Returns
    -------
    Module
        A network whose output are logits of shape (n, n_classes).

    Raises
    ------
    ValueError
        If the name is unknown, or the segments are too small for the network.
    TypeError
        If `backbone` is of another type.

    Examples
    --------
    >>> from skmer.backbones import build_backbone
    >>> network = build_backbone("small", (128, 131), n_classes=4)
    >>> sum(p.numel() for p in network.parameters()) < 500_000
    True
    """
    if isinstance(backbone, str):
        if backbone not in BACKBONES:
            raise ValueError(f"backbone={backbone!r} is unknown: choose from {sorted(BACKBONES)} or pass a module.")
        backbone = BACKBONES[backbone]
    if isinstance(backbone, nn.Module):
        if params:
            raise ValueError(f"backbone_params={params} require a name or a class as backbone, got a module.")
        return copy.deepcopy(backbone)
    if not callable(backbone):
        raise TypeError(f"backbone must be a name, a class, a function or a torch module, got {type(backbone)}.")
    try:
        network = backbone(segment_shape, n_classes, **params)
    except TypeError as error:
        raise ValueError(f"backbone_params={params} do not match the backbone: {error}.") from error
    if not isinstance(network, nn.Module):
        raise TypeError(f"{backbone} must return a torch module, got {type(network)}.")
    return network


def check_backbone(network, x, n_classes):
    """Check a backbone on a batch: the shape of its logits, and that they are those of its trunk and head.

    Lazy layers are initialised by the batch.

    Parameters
    ----------
    network : Module
        A backbone.
    x : Tensor of shape (n, ...)
        A batch of segments.
    n_classes : int
        Expected number of logits.

    Raises
    ------
    ValueError
        If the network does not accept the batch, its output is not of shape (n, n_classes), or
        it has a `trunk` and a `head` but its forward pass is not ``head(trunk(x))``.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import MLP, check_backbone
    >>> check_backbone(MLP((64,), 10), torch.zeros(2, 64), 10)
    """
    name = f"backbone {type(network).__name__}"
    network.eval()
    with torch.no_grad():
        try:
            logits = network(x)
        except RuntimeError as error:
            raise ValueError(f"{name} does not accept a batch of shape {tuple(x.shape)}: {error}") from error
        if not isinstance(logits, torch.Tensor) or logits.shape != (len(x), n_classes):
            given = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise ValueError(f"{name} must return logits of shape {(len(x), n_classes)}, got {given}.")
        if not has_shared_trunk(network):
            return
        if not torch.allclose(network.head(network.trunk(x)), logits, atol=1e-4, rtol=1e-3):
            raise ValueError(
                f"{name} has a trunk and a head, but its forward pass is not head(trunk(x)): "
                "change the forward pass, or rename one of them."
            )


def has_shared_trunk(network):
    """Return whether two dropout passes through a network may share its trunk.

    They may if the network has a `trunk` and a `head`, its forward pass is ``head(trunk(x))``,
    and nothing in the trunk is random. R-Drop then runs the trunk once and the head twice, with
    exactly the gradient of two full passes.

    Parameters
    ----------
    network : Module
        A backbone.

    Returns
    -------
    bool
        Also False if the attribute ``stochastic_trunk`` of the network is true. A network whose
        `trunk` is a method must set it if the trunk draws random numbers.

    Examples
    --------
    >>> from torch import nn
    >>> from skmer.backbones import MLP, has_shared_trunk
    >>> has_shared_trunk(MLP((64,), 10)), has_shared_trunk(nn.Linear(64, 10))
    (True, False)
    """
    trunk, head = getattr(network, "trunk", None), getattr(network, "head", None)
    if not callable(trunk) or not callable(head) or getattr(network, "stochastic_trunk", False):
        return False
    modules = trunk.modules() if isinstance(trunk, nn.Module) else ()
    return not any(_draws_random_numbers(module) for module in modules)


def _draws_random_numbers(module):
    if isinstance(module, _STOCHASTIC):
        return True
    # recurrent and attention layers have their dropout rate as a number
    rate = getattr(module, "dropout", None)
    if isinstance(rate, float) and rate > 0:
        return True
    # functional dropout is visible in the source only
    try:
        return "dropout" in inspect.getsource(type(module).forward) and not type(module).__module__.startswith("torch.")
    except (OSError, TypeError):
        return False
