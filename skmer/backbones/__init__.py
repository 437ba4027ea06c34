"""Networks: backbones that turn a segment into class logits, chosen by name, and those of other estimators."""

from skmer.backbones._base import build_backbone, check_backbone, has_shared_trunk
from skmer.backbones.bilstm import BiLSTM
from skmer.backbones.mel_autoencoder import MelAutoencoder
from skmer.backbones.mlp import MLP
from skmer.backbones.small_cnn import SmallCNN
from skmer.backbones.vgg16 import VGG16

__all__ = [
    "MLP",
    "VGG16",
    "BiLSTM",
    "MelAutoencoder",
    "SmallCNN",
    "build_backbone",
    "check_backbone",
    "has_shared_trunk",
]
