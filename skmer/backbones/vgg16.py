"""VGG16 with one input channel, the network of the paper."""

from pathlib import Path

import torch
from torch import nn

__all__ = ["VGG16", "VGG16BatchNorm"]

_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
_SMALLEST = 32  # five poolings by two


def _convolutions(batch_norm):
    """Return the layers in torchvision's order, so that its state dicts can be loaded."""
    layers: list[nn.Module] = []
    n_in = 1
    for stage in _STAGES:
        for n_out in stage:
            layers.append(nn.Conv2d(n_in, n_out, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(n_out))
            layers.append(nn.ReLU(inplace=True))
            n_in = n_out
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _initialise(network):
    """Initialise the weights: without batch normalisation, training does not start from torch's defaults."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def _adapt(state, network):
    """Adapt a state dict with three input channels and other classes to a network."""
    state = dict(state)
    own = network.state_dict()
    first = "features.0.weight"
    if first in state and state[first].shape[1] == 3:
        # equal to a grey image repeated in three channels
        state[first] = state[first].sum(1, keepdim=True)
    last = max((key for key in own if key.startswith("classifier")), key=lambda key: int(key.split(".")[1]))
    prefix = last.rsplit(".", 1)[0]
    for key in (f"{prefix}.weight", f"{prefix}.bias"):
        if key in state and state[key].shape != own[key].shape:
            state[key] = own[key]
    if network.head_kind == "pooled":
        state = {key: value for key, value in state.items() if not key.startswith("classifier") or key in own}
        for key in own:
            if key.startswith("classifier") and (key not in state or state[key].shape != own[key].shape):
                state[key] = own[key]
    return state


class VGG16(nn.Module):
    """VGG16 (configuration D) for spectrograms of one channel.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        Mel bands and frames of a segment, each at least 32.
    n_classes : int
        Number of logits.
    head : {"original", "pooled"}, default="original"
        The published head (7 x 7 pooling, two layers of 4,096; 134 million parameters in
        all), or global average pooling, dropout and one linear layer (14.7 million).
    dropout : float, default=0.5
        Dropout rate in the head.
    state_dict : str, Path or dict, default=None
        Initial weights, with torchvision's key names. Three input channels are summed to one; a
        last layer for other classes is not loaded.

    Attributes
    ----------
    features, classifier : Module
        The layers, named as in torchvision.

    Raises
    ------
    ValueError
        If the segments are too small, the head is unknown or the weights do not match.

    References
    ----------
    Simonyan & Zisserman, "Very deep convolutional networks for large-scale image
    recognition" (2015); Sun et al., section 3.1, change only the input channel and the
    number of outputs.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import VGG16
    >>> VGG16((128, 43), n_classes=4, head="pooled")(torch.zeros(1, 1, 128, 43)).shape
    torch.Size([1, 4])
    """

    peak_lr = 1e-4
    batch_norm = False

    def __init__(self, segment_shape, n_classes, head="original", dropout=0.5, state_dict=None):
        super().__init__()
        if len(segment_shape) != 2 or min(segment_shape) < _SMALLEST:
            raise ValueError(
                f"backbone='vgg16' requires spectrograms of at least {_SMALLEST} bands and {_SMALLEST} frames, got "
                f"{tuple(segment_shape)}: use longer segments, or backbone='small' ('mlp' for rows of features)."
            )
        if head not in ("original", "pooled"):
            raise ValueError(f"head={head!r} is unknown: choose 'original' or 'pooled'.")
        self.head_kind = head
        self.features = _convolutions(self.batch_norm)
        if head == "original":
            self.avgpool = nn.AdaptiveAvgPool2d(7)
            self.classifier = nn.Sequential(
                nn.Linear(512 * 7 * 7, 4096),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(4096, 4096),
                nn.ReLU(inplace=True),
                nn.Dropout(dropout),
                nn.Linear(4096, n_classes),
            )
        else:
            self.avgpool = nn.AdaptiveAvgPool2d(1)
            self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(512, n_classes))
        _initialise(self)
        if state_dict is not None:
            self._load(state_dict)

    def _load(self, state_dict):
        name = "state_dict"
        if isinstance(state_dict, str | Path):
            name = str(state_dict)
            state_dict = torch.load(state_dict, map_location="cpu", weights_only=True)
        try:
            self.load_state_dict(_adapt(state_dict, self))
        except RuntimeError as error:
            raise ValueError(f"{name} does not contain the weights of this VGG16: {error}") from error

    def trunk(self, x):
        """Compute the features before the first dropout.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, 4096) or (n, 512)
            Features.
        """
        z = self.avgpool(self.features(x)).flatten(1)
        return self.classifier[:2](z) if self.head_kind == "original" else z

    def head(self, z):
        """Compute the logits from the features of the trunk.

        Parameters
        ----------
        z : Tensor of shape (n, 4096) or (n, 512)
            Features.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self.classifier[2:](z) if self.head_kind == "original" else self.classifier(z)

    def forward(self, x):
        """Compute the logits of a batch.

        Parameters
        ----------
        x : Tensor of shape (n, 1, n_mels, n_frames)
            A batch of segments.

        Returns
        -------
        Tensor of shape (n, n_classes)
            Logits.
        """
        return self.head(self.trunk(x))


class VGG16BatchNorm(VGG16):
    """VGG16 with batch normalisation after each convolution.

    Parameters
    ----------
    segment_shape : tuple of (int, int)
        Mel bands and frames of a segment, each at least 32.
    n_classes : int
        Number of logits.
    head : {"original", "pooled"}, default="original"
        The head, as in `VGG16`.
    dropout : float, default=0.5
        Dropout rate in the head.
    state_dict : str, Path or dict, default=None
        Initial weights, with torchvision's key names.

    Examples
    --------
    >>> import torch
    >>> from skmer.backbones import VGG16BatchNorm
    >>> VGG16BatchNorm((128, 43), n_classes=4, head="pooled").eval()(torch.zeros(1, 1, 128, 43)).shape
    torch.Size([1, 4])
    """

    peak_lr = 1e-3
    batch_norm = True
