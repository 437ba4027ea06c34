"""What a backbone is, and how one is chosen."""

import copy
import inspect

import torch
from torch import nn

from skmer.backbones.conv_blocks import StochasticConvBlock
from skmer.backbones.crnn import CRNN
from skmer.backbones.mlp import MLP
from skmer.backbones.small_cnn import SmallCNN
from skmer.backbones.vgg16 import VGG16, VGG16BatchNorm
from skmer.backbones.vggish import VGGish

__all__ = ["BACKBONES", "build_backbone", "check_backbone", "has_shared_trunk"]

BACKBONES = {
    "vgg16": VGG16,
    "vgg16_bn": VGG16BatchNorm,
    "small": SmallCNN,
    "mlp": MLP,
    "crnn": CRNN,
    "vggish": VGGish,
}

_STOCHASTIC = (nn.modules.dropout._DropoutNd, nn.RReLU, StochasticConvBlock)


def build_backbone(backbone, segment_shape, n_classes, **params):
    """Build the network that a name, a class or a module stands for.

    Parameters
    ----------
    backbone : str, callable or Module
        ``"vgg16"``, ``"vgg16_bn"``, ``"small"`` or ``"mlp"``; ``"crnn"`` or ``"vggish"`` for
        the features of tagging; a class or function that is called as
        ``backbone(segment_shape, n_classes, **params)``; or a module, which is copied, so
        that training leaves the given one as it is.
    segment_shape : tuple of int
        Shape of one segment, ``(n_mels, n_frames)`` or ``(n_features,)``. The network
        gets batches of (n, 1, n_mels, n_frames) or (n, n_features).
    n_classes : int
        Number of logits the network must give.
    **params
        For the class or function.

    Returns
    -------
    Module
        A network from batches to (n, n_classes) logits.

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
            raise ValueError(f"backbone={backbone!r} is unknown: choose from {sorted(BACKBONES)} or give a module.")
        backbone = BACKBONES[backbone]
    if isinstance(backbone, nn.Module):
        if params:
            raise ValueError(f"backbone_params={params} need a name or a class as backbone, not a built module.")
        return copy.deepcopy(backbone)
    if not callable(backbone):
        raise TypeError(f"backbone must be a name, a class, a function or a torch module, not {type(backbone)}.")
    try:
        network = backbone(segment_shape, n_classes, **params)
    except TypeError as error:
        raise ValueError(f"backbone_params={params} do not suit the backbone: {error}.") from error
    if not isinstance(network, nn.Module):
        raise TypeError(f"{backbone} must return a torch module, not {type(network)}.")
    return network


def check_backbone(network, x, n_classes):
    """Check a network on a batch: its logits, and that its parts make the whole.

    Lazy layers take their shapes from the batch.

    Parameters
    ----------
    network : Module
        A backbone.
    x : Tensor of shape (n, ...)
        A batch of segments.
    n_classes : int
        Number of logits that it must give.

    Raises
    ------
    ValueError
        If the network does not take the batch, gives other than (n, n_classes), or has a
        `trunk` and a `head` but a forward pass that is not ``head(trunk(x))``.

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
            raise ValueError(f"{name} does not take a batch of shape {tuple(x.shape)}: {error}") from error
        if not isinstance(logits, torch.Tensor) or logits.shape != (len(x), n_classes):
            given = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise ValueError(f"{name} must give logits of shape {(len(x), n_classes)}, not {given}.")
        if not has_shared_trunk(network):
            return
        if not torch.allclose(network.head(network.trunk(x)), logits, atol=1e-4, rtol=1e-3):
            raise ValueError(
                f"{name} has a trunk and a head, but its forward pass is not head(trunk(x)): "
                "make it so, or rename one of them."
            )


def has_shared_trunk(network):
    """Tell whether two dropout passes through a network may share its trunk.

    A network may if it has `trunk` and `head`, its forward pass is
    ``head(trunk(x))``, and nothing in the trunk is random. Then R-Drop runs the trunk once
    and the head twice, with exactly the gradient of two full passes.

    Parameters
    ----------
    network : Module
        A backbone.

    Returns
    -------
    bool
        False too if the network says ``stochastic_trunk = True``, as one with methods
        for `trunk` and `head` must if its trunk draws random numbers.

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
    # recurrent and attention layers carry their dropout as a number
    rate = getattr(module, "dropout", None)
    if isinstance(rate, float) and rate > 0:
        return True
    # functional dropout cannot be seen from outside; a look at the source is the best there is
    try:
        return "dropout" in inspect.getsource(type(module).forward) and not type(module).__module__.startswith("torch.")
    except (OSError, TypeError):
        return False
